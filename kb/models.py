"""The tables, as SQLAlchemy 2 sees them. Alembic (`migrations/`) owns the schema.

`id` columns are small integers of this file only. `key` columns are derived
from content (a claim's folded text, a post's path) and stay the same when the
database is built again: links, exports and the command line use those.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
_KIND = "kind IN ('fact','forecast','opinion','advice','question','other')"
_CERTAINTY = "certainty IN ('asserted','hedged')"
_ORDER = '"end" >= start AND start >= 0'


class Base(DeclarativeBase):
    """Declarative base with the project's naming convention."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, list[Any]: JSON}


def _post() -> Mapped[int]:
    return mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)


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
    __table_args__ = (UniqueConstraint("post_id", "position"), CheckConstraint(_ORDER, name="order"))
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = _post()
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
        CheckConstraint(_ORDER, name="order"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = _post()
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    level: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    headings: Mapped[list[Any]]
    lead: Mapped[str]


class Claim(Base):
    """A distinct proposition. Its words and labels are those of its earliest occurrence."""

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint("kind IN ('fact','forecast','opinion','advice')", name="kind"),
        CheckConstraint(_CERTAINTY, name="certainty"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    text: Mapped[str]
    text_hash: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(index=True)
    certainty: Mapped[str]
    holder: Mapped[str] = mapped_column(index=True)
    language: Mapped[str]
    occurrence_count: Mapped[int] = mapped_column(default=0)
    post_count: Mapped[int] = mapped_column(default=0)
    first_date: Mapped[str | None]
    last_date: Mapped[str | None]
    stock: Mapped[bool] = mapped_column(default=False, server_default=false())  # in many posts, naming nothing
    parts_state: Mapped[str | None]  # fingerprint of what its figures, dates and names were read by; null: not yet
    topic_state: Mapped[str | None]  # fingerprint of the topics it was last assigned under; null: not yet


class Sentence(Base):
    """A sentence of an article, repeats removed; every kind, questions and fillers too.

    `claim_id` is set where it says something worth keeping. `text` is the
    source at `spans`, `plain` the same without mark-up.
    """

    __tablename__ = "sentences"
    __table_args__ = (
        UniqueConstraint("post_id", "position"),
        CheckConstraint(_KIND, name="kind"),
        CheckConstraint(_CERTAINTY, name="certainty"),
        CheckConstraint(_ORDER, name="order"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = _post()
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


class Occurrence(Base):
    """One place where a claim is said; `wording` is the key of the words it is said in."""

    __tablename__ = "occurrences"
    __table_args__ = (CheckConstraint(_ORDER, name="order"),)
    wording: Mapped[str] = mapped_column(index=True, server_default=text("''"))
    sentence_id: Mapped[int] = mapped_column(ForeignKey("sentences.id", ondelete="CASCADE"), primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), index=True)
    post_id: Mapped[int] = _post()
    start: Mapped[int]
    end: Mapped[int]
    spans: Mapped[list[Any]]


class Verdict(Base):
    """How two wordings that look alike were judged: the memory of the merge stage."""

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint("relation IN ('same','subsumes','conflict','related','unrelated')", name="relation"),
        CheckConstraint("a < b", name="order"),
    )
    a: Mapped[str] = mapped_column(primary_key=True)
    b: Mapped[str] = mapped_column(primary_key=True)
    relation: Mapped[str]
    score: Mapped[float]
    evidence: Mapped[list[Any]]
    rules: Mapped[str]  # fingerprint of the tables that judged


class Merge(Base):
    """That a wording belongs to the claim of another wording, and what decided it."""

    __tablename__ = "merges"
    wording: Mapped[str] = mapped_column(primary_key=True)
    into: Mapped[str] = mapped_column(index=True)
    score: Mapped[float]
    evidence: Mapped[list[Any]]


class Split(Base):
    """Two wordings that a reader has set apart: no build merges them again."""

    __tablename__ = "splits"
    __table_args__ = (CheckConstraint("a < b", name="order"),)
    a: Mapped[str] = mapped_column(primary_key=True)
    b: Mapped[str] = mapped_column(primary_key=True)
    created: Mapped[str]


class StageState(Base):
    """What a stage last worked on, as a fingerprint: unchanged, it has nothing to do."""

    __tablename__ = "stage_states"
    stage: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]


class LedgerRow(Base):
    """Something left out or merged, and why. A target is the sentence it repeats."""

    __tablename__ = "ledger"
    __table_args__ = (CheckConstraint(_ORDER, name="order"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = _post()
    start: Mapped[int]
    end: Mapped[int]
    action: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    target_start: Mapped[int | None]
    target_end: Mapped[int | None]


class Entity(Base):
    """A company, person, place or thing that claims name, under one name for all its aliases."""

    __tablename__ = "entities"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(index=True)
    listed: Mapped[bool]  # in data/synonyms.yml


class ClaimEntity(Base):
    """That a claim names an entity, and where in its text."""

    __tablename__ = "claim_entities"
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    end: Mapped[int]
    entity_id: Mapped[int] = mapped_column(ForeignKey("entities.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]


class Figure(Base):
    """A quantity in a claim: the words, and low to high in the base unit; no high means "or more"."""

    __tablename__ = "figures"
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    end: Mapped[int]
    text: Mapped[str]
    dimension: Mapped[str] = mapped_column(index=True)
    unit: Mapped[str]
    low: Mapped[float]
    high: Mapped[float | None]
    bound: Mapped[str]


class ClaimDate(Base):
    """A date or period in a claim, as first and last day; relative ones count from its first post."""

    __tablename__ = "claim_dates"
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    end: Mapped[int]
    text: Mapped[str]
    first: Mapped[str | None] = mapped_column(index=True)
    last: Mapped[str | None]
    relative: Mapped[bool]


class ClaimTerms(Base):
    """The words and character bigrams of a claim, joined by spaces, as full-text search reads them."""

    __tablename__ = "claim_terms"
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    words: Mapped[str]
    grams: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)  # of the normaliser that made them


class Model(Base):
    """An embedding model that this database holds vectors of. One is active."""

    __tablename__ = "models"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]  # "default", or the name or path given to sentence-transformers
    revision: Mapped[str]
    dim: Mapped[int]
    settings: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=False)
    created: Mapped[str]


class Embedding(Base):
    """A unit vector, little-endian float32, of a text under a model."""

    __tablename__ = "embeddings"
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    text_hash: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class EncoderWord(Base):
    """What a word adds to a text's vector under a model trained on this corpus: little-endian float16."""

    __tablename__ = "encoder_words"
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


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


class ClaimTopic(Base):
    """That a claim is about a topic, how surely, and what says so."""

    __tablename__ = "claim_topics"
    topic_id: Mapped[int] = mapped_column(ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True, index=True)
    score: Mapped[float]
    evidence: Mapped[list[Any]]


class Link(Base):
    """A typed, scored tie between two claims."""

    __tablename__ = "links"
    __table_args__ = (
        UniqueConstraint("a_id", "b_id"),
        CheckConstraint("relation IN ('same','subsumes','conflict','related')", name="relation"),
        CheckConstraint("a_id <> b_id", name="two"),
        Index("ix_links_b_id", "b_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    a_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    b_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    relation: Mapped[str]
    score: Mapped[float]
    evidence: Mapped[list[Any]]


class Build(Base):
    """One run of `kb build`: what came in, what it cost."""

    __tablename__ = "builds"
    id: Mapped[int] = mapped_column(primary_key=True)
    started: Mapped[str]
    finished: Mapped[str | None]
    version: Mapped[str]
    sources: Mapped[list[Any]]
    settings: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]]
    seconds: Mapped[dict[str, Any]]
    faults: Mapped[list[Any]]
