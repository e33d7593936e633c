"""Ties between claims and between articles, and what readers said of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kb.models.base import Base


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


class Neighbour(Base):
    """That another post's claim is among the nearest of a claim in meaning; `score` is their cosine."""

    __tablename__ = "neighbours"
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True, index=True)
    score: Mapped[float]


class ArticleLink(Base):
    """A tie between two articles, from the ties of their claims: `a_id` is the one whose path comes first.

    `shared` counts the pairs of claims that tie them, `ties` names the three that do most, as pairs of claim ids,
    that of `a` first.
    """

    __tablename__ = "article_links"
    __table_args__ = (CheckConstraint("a_id <> b_id", name="two"),)
    a_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    b_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True)
    score: Mapped[float]
    shared: Mapped[int]
    ties: Mapped[list[Any]]


class Review(Base):
    """What a reader said of a conflict between two wordings: it stays so after a rebuild."""

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("a < b", name="order"),
        CheckConstraint("state IN ('reviewed','dismissed')", name="state"),
    )
    a: Mapped[str] = mapped_column(primary_key=True)
    b: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    note: Mapped[str]
    created: Mapped[str]
