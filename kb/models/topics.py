"""Topics, and the claims that are about them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from kb.models.base import Base


class Topic(Base):
    """A named subject: curated in data/topics.yml, or discovered."""

    __tablename__ = "topics"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name_ja: Mapped[str]
    name_en: Mapped[str]
    aliases: Mapped[list[Any]]
    seeds: Mapped[list[Any]]
    exclude: Mapped[list[Any]]
    parent: Mapped[str | None]
    discovered: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int]
    terms: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # the words that name a discovered one
    stats: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # what is counted of it


class ClaimTopic(Base):
    """That a claim is about a topic, how surely, and what says so."""

    __tablename__ = "claim_topics"
    topic_id: Mapped[int] = mapped_column(ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True, index=True)
    score: Mapped[float]
    evidence: Mapped[list[Any]]


class TopicLink(Base):
    """How many claims and articles two topics share."""

    __tablename__ = "topic_links"
    __table_args__ = (CheckConstraint("a_id < b_id", name="order"),)
    a_id: Mapped[int] = mapped_column(ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True)
    b_id: Mapped[int] = mapped_column(ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True, index=True)
    claims: Mapped[int]
    posts: Mapped[int]


class TopicEvent(Base):
    """What became of a discovered topic in a build, or by a reader's hand."""

    __tablename__ = "topic_events"
    __table_args__ = (CheckConstraint("event IN ('born','died','split','merged','renamed','adopted')", name="event"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    build_id: Mapped[int] = mapped_column(ForeignKey("builds.id", ondelete="CASCADE"), index=True)
    slug: Mapped[str] = mapped_column(index=True)
    event: Mapped[str]
    detail: Mapped[dict[str, Any]]


class TopicMemory(Base):
    """What the topics stage has to know from one build to the next: which file is the list, when it last clustered."""

    __tablename__ = "topic_memory"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
