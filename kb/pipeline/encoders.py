"""Embedding models of a database: which it holds, adding one, switching."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from kb import schema, store
from kb.errors import NotFoundError
from kb.lock import exclusive
from kb.models import Embedding
from kb.pipeline import derive
from kb.pipeline.report import Progress, Tally


def listed(db: Path) -> list[dict[str, Any]]:
    """Return the models in the order they were added: name, source, revision, dim, active, vectors.

    Raises:
        DatabaseError: `db` is missing, damaged or not ours.
    """
    engine = schema.engine(db)
    try:
        with engine.connect() as connection:
            return _rows(connection)
    finally:
        engine.dispose()


def _rows(connection: Connection) -> list[dict[str, Any]]:
    grouped = select(Embedding.model_id, func.count()).group_by(Embedding.model_id)
    held = {int(model_id): int(count) for model_id, count in connection.execute(grouped)}
    return [
        {
            "name": row.name,
            "source": row.source,
            "revision": row.revision,
            "dim": row.dim,
            "active": bool(row.active),
            "vectors": held.get(row.id, 0),
        }
        for row in connection.execute(store.models())
    ]


def add(db: Path, name: str, progress: Progress | None = None) -> dict[str, Any]:
    """Make a model known and embed all claims with it; the one in use stays in use.

    Done in batches: what an interrupted run has embedded is not embedded again,
    by the next `add` or the next build.

    Args:
        db: an existing database.
        name: "default", a folder, or a name that sentence-transformers knows.
        progress: called with ("embed", done, total).

    Returns:
        The model's row, as `listed` has it.

    Raises:
        ModelError: there is no such model, or it cannot be loaded.
        LockedError: a build is running.
        DatabaseError: `db` is missing, damaged, not ours, or cannot be written.
    """
    from kb import embeddings

    source = str(Path(name).resolve()) if Path(name).is_dir() else name
    schema.connect(db).close()
    encoder = embeddings.load(source)
    with exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            with engine.begin() as connection:
                store.put_model(connection, name, source, encoder.revision, encoder.dim)
            derive.vectors(engine, Tally(progress))
            with engine.connect() as connection:
                return next(row for row in _rows(connection) if row["name"] == name)
        finally:
            engine.dispose()


def use(db: Path, name: str) -> None:
    """Make a model that was added the one that searches use.

    Raises:
        NotFoundError: the database holds no such model.
        LockedError: a build is running.
        DatabaseError: `db` is missing, damaged, not ours, or cannot be written.
    """
    known = [row["name"] for row in listed(db)]
    if name not in known:
        raise NotFoundError(
            f"no model {name!r} in {db}, only {', '.join(known) or 'none'}; add it: kb model add {name}"
        )
    with exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            with engine.begin() as connection:
                store.activate(connection, name)
        finally:
            engine.dispose()
