"""What searching needs: terms, models and their vectors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from kb.models.base import Base


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
