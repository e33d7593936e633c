"""What is asked of the database: functions that return a `select`, to be run or built upon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from kb.models import (
    Claim,
    ClaimTerms,
    Draft,
    Embedding,
    LedgerRow,
    Link,
    Model,
    Occurrence,
    Passage,
    Post,
    Sentence,
    Topic,
)
from kb.store.claims import in_list

REPEATS = ("repeat", "near-repeat", "overlap")


def post_states() -> Select[int, str, str, str, str, str]:
    """Select (id, root, path, content_hash, reading, fault) of every post: what an update compares."""
    return select(Post.id, Post.root, Post.path, Post.content_hash, Post.reading, Post.fault).order_by(Post.path)


def claims_without_terms(version: int) -> Select[int, str]:
    """Select (id, text) of the claims whose index terms are missing or of another normaliser's version."""
    return (
        select(Claim.id, Claim.text)
        .outerjoin(ClaimTerms, ClaimTerms.claim_id == Claim.id)
        .where(or_(ClaimTerms.claim_id.is_(None), ClaimTerms.version != version), Claim.stock.is_(False))
        .order_by(Claim.id)
    )


def texts_without_vector(model_id: int) -> Select[str, str]:
    """Select (text_hash, text) of the claim texts that a model holds no vector of, each once."""
    held = select(Embedding.text_hash).where(Embedding.model_id == model_id)
    return (
        select(Claim.text_hash, func.min(Claim.text))
        .where(Claim.text_hash.not_in(held))
        .group_by(Claim.text_hash)
        .order_by(func.min(Claim.id))
    )


def vectors(model_id: int, hashes: Sequence[str]) -> Select[str, bytes]:
    """Select (text_hash, little-endian float32) of the texts that a model holds vectors of."""
    mine = select(Embedding.text_hash, Embedding.vector).where(Embedding.model_id == model_id)
    return mine.where(in_list(Embedding.text_hash, list(hashes)))


def models() -> Select[int, str, str, str, int, bool, dict[str, Any]]:
    """Select (id, name, source, revision, dim, active, settings) of the embedding models."""
    columns = (Model.id, Model.name, Model.source, Model.revision, Model.dim, Model.active, Model.settings)
    return select(*columns).order_by(Model.id)


def occurrences(claim_ids: Sequence[int]) -> Select[Any]:
    """Select where claims are said: claim_id, post (path), post_key, title, date, start, end, spans, quote.

    Of each claim the earliest comes first.
    """
    return (
        select(
            Occurrence.claim_id,
            Post.path.label("post"),
            Post.key.label("post_key"),
            Post.title,
            Post.date,
            Occurrence.start,
            Occurrence.end,
            Occurrence.spans,
            Sentence.text.label("quote"),
        )
        .join(Sentence, Sentence.id == Occurrence.sentence_id)
        .join(Post, Post.id == Occurrence.post_id)
        .where(in_list(Occurrence.claim_id, list(claim_ids)))
        .order_by(Occurrence.claim_id, func.coalesce(Post.date, "9999"), Post.path, Occurrence.start)
    )


def article(post_id: int) -> Select[Any]:
    """Select the sentences of a post in reading order, with passage (id, kind, level, headings, lead) and claim key."""
    return (
        select(
            Sentence.id,
            Sentence.text,
            Sentence.plain,
            Sentence.kind,
            Sentence.start,
            Sentence.end,
            Sentence.spans,
            Passage.id.label("passage_id"),
            Passage.kind.label("passage_kind"),
            Passage.level,
            Passage.headings,
            Passage.lead,
            Claim.key.label("claim"),
        )
        .join(Passage, Passage.id == Sentence.passage_id)
        .outerjoin(Occurrence, Occurrence.sentence_id == Sentence.id)
        .outerjoin(Claim, Claim.id == Occurrence.claim_id)
        .where(Sentence.post_id == post_id)
        .order_by(Sentence.position)
    )


def counts(connection: Connection) -> dict[str, int]:
    """Return how much the database holds: rows of each kind, and the repeats left out."""
    tables = {
        "posts": Post,
        "drafts": Draft,
        "sentences": Sentence,
        "claims": Claim,
        "occurrences": Occurrence,
        "topics": Topic,
        "links": Link,
    }
    found = {
        name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in tables.items()
    }
    repeats = select(func.count()).select_from(LedgerRow).where(LedgerRow.action.in_(REPEATS))
    found["repeats"] = int(connection.execute(repeats).scalar_one())
    return found
