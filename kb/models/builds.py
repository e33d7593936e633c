"""Runs of `kb build`, and what their stages remember."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from kb.models.base import Base


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


class StageState(Base):
    """What a stage last worked on, as a fingerprint: unchanged, it has nothing to do."""

    __tablename__ = "stage_states"
    stage: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]


class ClaimEvent(Base):
    """That a claim came, went, or is said in other places since the build before: what a digest is made from."""

    __tablename__ = "claim_events"
    __table_args__ = (CheckConstraint("event IN ('new','changed','gone')", name="event"),)
    build_id: Mapped[int] = mapped_column(ForeignKey("builds.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    detail: Mapped[dict[str, Any]]
