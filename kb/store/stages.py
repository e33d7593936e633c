"""Writing what is derived from claims (terms, vectors), and the log of builds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from kb.models import Build, Claim, ClaimTerms, Embedding, Model, StageState
from kb.store.bulk import insert_rows
from kb.store.claims import in_list


def put_terms(connection: Connection, terms: Iterable[tuple[int, str, str]], version: int) -> int:
    """Write (claim id, words, grams), in place of what was there; return how many."""
    made = [{"claim_id": i, "words": words, "grams": grams, "version": version} for i, words, grams in terms]
    if made:
        connection.execute(delete(ClaimTerms).where(in_list(ClaimTerms.claim_id, [row["claim_id"] for row in made])))
        insert_rows(connection, ClaimTerms, made)
    return len(made)


def put_model(
    connection: Connection, name: str, source: str, revision: str, dim: int, settings: Mapping[str, Any] | None = None
) -> int:
    """Make a model known, or bring it up to date, and return its id; the first one becomes the active one.

    Vectors of another revision of it are deleted: they cannot be compared.
    """
    old = connection.execute(select(Model.id, Model.revision).where(Model.name == name)).one_or_none()
    if old is not None:
        if old.revision != revision:
            connection.execute(delete(Embedding).where(Embedding.model_id == old.id))
            values = {"source": source, "revision": revision, "dim": dim, "settings": dict(settings or {})}
            connection.execute(update(Model).where(Model.id == old.id).values(values))
        return int(old.id)
    first = connection.execute(select(Model.id).limit(1)).one_or_none() is None
    row = {
        "name": name,
        "source": source,
        "revision": revision,
        "dim": dim,
        "settings": dict(settings or {}),
        "active": first,
        "created": now(),
    }
    return int(connection.execute(insert(Model).values(row).returning(Model.id)).scalar_one())


def activate(connection: Connection, name: str) -> None:
    """Make `name` the model that searches use, and no other."""
    connection.execute(update(Model).values(active=Model.name == name))
    connection.execute(delete(StageState).where(StageState.stage == "links"))  # neighbours are those of a model


def put_vectors(connection: Connection, model_id: int, vectors: Iterable[tuple[str, bytes]]) -> int:
    """Write (text hash, little-endian float32) of one model; return how many."""
    made = [{"model_id": model_id, "text_hash": h, "vector": v} for h, v in vectors]
    if made:
        statement = upsert(Embedding)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["model_id", "text_hash"], set_={"vector": statement.excluded.vector}
            ),
            made,
        )
    return len(made)


def drop_orphan_vectors(connection: Connection) -> int:
    """Delete the vectors of texts that no claim has any more; return how many."""
    return connection.execute(delete(Embedding).where(Embedding.text_hash.not_in(select(Claim.text_hash)))).rowcount


def begin_build(connection: Connection, version: str, sources: Sequence[str], settings: Mapping[str, Any]) -> int:
    """Log that a build begins; return its number. One that was killed never gets an end."""
    row = {
        "started": now(),
        "version": version,
        "sources": list(sources),
        "settings": dict(settings),
        "counts": {},
        "seconds": {},
        "faults": [],
    }
    return int(connection.execute(insert(Build).values(row).returning(Build.id)).scalar_one())


def end_build(
    connection: Connection,
    build_id: int,
    counts: Mapping[str, int],
    seconds: Mapping[str, float],
    faults: Sequence[Mapping[str, str]],
) -> None:
    """Log what a build did, what it cost and what it skipped."""
    values = {
        "finished": now(),
        "counts": dict(counts),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "faults": [dict(fault) for fault in faults],
    }
    connection.execute(update(Build).where(Build.id == bindparam("b_id")).values(values), {"b_id": build_id})


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
