"""What is said: claims, their occurrences, how wordings were merged, and the parts of a claim."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, false, text
from sqlalchemy.orm import Mapped, mapped_column

from kb.models.base import CERTAINTY, ORDER, Base, of_post


class Claim(Base):
    """A distinct proposition. Its words and labels are those of its earliest occurrence."""

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint("kind IN ('fact','forecast','opinion','advice')", name="kind"),
        CheckConstraint(CERTAINTY, name="certainty"),
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
    link_state: Mapped[str | None]  # fingerprint of what its neighbours were found with; null: not yet


class Occurrence(Base):
    """One place where a claim is said; `wording` is the key of the words it is said in."""

    __tablename__ = "occurrences"
    __table_args__ = (CheckConstraint(ORDER, name="order"),)
    wording: Mapped[str] = mapped_column(index=True, server_default=text("''"))
    sentence_id: Mapped[int] = mapped_column(ForeignKey("sentences.id", ondelete="CASCADE"), primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), index=True)
    post_id: Mapped[int] = of_post()
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
