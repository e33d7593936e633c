"""What all tables share: the naming of constraints, the types of columns, and common checks."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
KIND = "kind IN ('fact','forecast','opinion','advice','question','other')"
CERTAINTY = "certainty IN ('asserted','hedged')"
ORDER = '"end" >= start AND start >= 0'


class Base(DeclarativeBase):
    """Declarative base with the project's naming convention."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, list[Any]: JSON}


def of_post() -> Mapped[int]:
    """Return the column of the post that a row belongs to and goes with."""
    return mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
