"""What was read: posts, their texts, drafts, passages, and the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from kb.models.base import CERTAINTY, KIND, ORDER, Base, of_post


class Post(Base):
    """One source file: front matter and body."""

    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    path: Mapped[str] = mapped_column(unique=True)
    root: Mapped[str]
    title: Mapped[str]
    date: Mapped[str | None] = mapped_column(index=True)
    author: Mapped[str]
    categories: Mapped[list[Any]]
    tags: Mapped[list[Any]]
    language: Mapped[str]
    content_hash: Mapped[str]
    reading: Mapped[str]  # fingerprint of the settings and reader that read it
    encoding: Mapped[str]
    body_start: Mapped[int]
    front_matter: Mapped[dict[str, Any]]
    fault: Mapped[str]


class SourceText(Base):
    """The text of a post as it was on disk: what every offset points into."""

    __tablename__ = "sources"
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str]


class Draft(Base):
    """A stretch of a body between separator lines."""

    __tablename__ = "drafts"
    __table_args__ = (UniqueConstraint("post_id", "position"), CheckConstraint(ORDER, name="order"))
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = of_post()
    position: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    continues: Mapped[bool]
    truncated: Mapped[bool]


class Passage(Base):
    """A paragraph, list item or heading of an article, with its span in the source."""

    __tablename__ = "passages"
    __table_args__ = (
        UniqueConstraint("post_id", "position"),
        CheckConstraint("kind IN ('paragraph','heading','item','label','cell','quote')", name="kind"),
        CheckConstraint(ORDER, name="order"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = of_post()
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    level: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    headings: Mapped[list[Any]]
    lead: Mapped[str]


class Sentence(Base):
    """A sentence of an article, repeats removed; every kind, questions and fillers too.

    `claim_id` is set where it says something worth keeping. `text` is the
    source at `spans`, `plain` the same without mark-up.
    """

    __tablename__ = "sentences"
    __table_args__ = (
        UniqueConstraint("post_id", "position"),
        CheckConstraint(KIND, name="kind"),
        CheckConstraint(CERTAINTY, name="certainty"),
        CheckConstraint(ORDER, name="order"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = of_post()
    passage_id: Mapped[int] = mapped_column(ForeignKey("passages.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]  # in the article
    paragraph: Mapped[int] = mapped_column(server_default=text("0"))  # of the article
    antecedent: Mapped[int | None]  # position of the sentence that tells what これ or 同社 stands for
    start: Mapped[int]
    end: Mapped[int]
    spans: Mapped[list[Any]]
    text: Mapped[str]
    plain: Mapped[str]
    kind: Mapped[str]
    certainty: Mapped[str]
    holder: Mapped[str]
    cues: Mapped[list[Any]]


class LedgerRow(Base):
    """Something left out or merged, and why. A target is the sentence it repeats."""

    __tablename__ = "ledger"
    __table_args__ = (CheckConstraint(ORDER, name="order"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = of_post()
    start: Mapped[int]
    end: Mapped[int]
    action: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    target_start: Mapped[int | None]
    target_end: Mapped[int | None]
