"""Embedding models of a database: which it holds, adding one, switching, dropping."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from kb import schema, store
from kb.config import NORMALISER_VERSION
from kb.embeddings.options import ModelOptions, join, split
from kb.errors import DatabaseError, ModelError, NotFoundError, UsageError, near
from kb.lock import exclusive
from kb.models import Claim, Embedding, Model
from kb.pipeline.derive import DEFAULT_MODEL
from kb.pipeline.pool import batches_of
from kb.pipeline.report import Progress
from kb.pipeline.train import NAME as TRAINED
from kb.pipeline.train import NEXT
from kb.store import encoders as trained

if TYPE_CHECKING:
    from kb.embeddings import Encoder

_BATCH = 256  # texts whose vectors are kept at once: at most so many are embedded again after a kill


def listed(db: Path) -> list[dict[str, Any]]:
    """Return the models in the order they were added.

    Each has name, source, revision, dim, active, `vectors` (how many are
    there), `missing` (how many are not) and settings.

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
    """Return what `listed` does."""
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
            "missing": _missing(connection, row.id),
            "settings": row.settings,
        }
        for row in connection.execute(select(Model.__table__).order_by(Model.id))
    ]


def _missing(connection: Connection, model_id: int) -> int:
    """Return how many texts have no vector of a model."""
    held = select(Embedding.text_hash).where(Embedding.model_id == model_id)
    texts = select(func.count(Claim.text_hash.distinct())).where(Claim.text_hash.not_in(held))
    return int(connection.execute(texts).scalar_one())


def model_row(connection: Connection, db: Path, name: str) -> Row[Any]:
    """Return the row of the model `name`.

    Raises:
        NotFoundError: the database holds no such model; near names are told.
    """
    row = connection.execute(select(Model.__table__).where(Model.name == name)).one_or_none()
    if row is None:
        known = list(connection.execute(select(Model.name)).scalars())
        make = "kb model train" if name == TRAINED else f"kb model add {name}"
        raise NotFoundError(f"no model {name!r} in {db}{near(name, known)}; make it: {make}")
    return row


def complete_row(connection: Connection, db: Path, name: str) -> Row[Any]:
    """Return the row of the model `name`, every text of which has its vector.

    Raises:
        NotFoundError: the database holds no such model.
        ModelError: vectors are missing.
    """
    row = model_row(connection, db, name)
    missing = _missing(connection, row.id)
    if missing:
        raise ModelError(f"{name}: {missing:,} texts in {db} have no vector yet; go on with: kb model add {name}")
    return row


def add(
    db: Path,
    name: str,
    progress: Progress | None = None,
    *,
    label: str | None = None,
    options: ModelOptions | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Make a model known and embed all claims with it; the one in use stays in use.

    Done in batches: what an interrupted run has embedded is not embedded again,
    by the next `add` or the next build. The revision (a commit of the Hub, or
    the hash of a folder) is pinned: later runs load that one or say that it is gone.

    Args:
        db: an existing database.
        name: "default", a folder, a name that sentence-transformers knows, or
            (without `options`) the label of a model that the database holds, to go on with it.
        progress: called with ("embed", done, total).
        label: what to call it in the database. Default: `name`.
        options: prompts, dimensions and batch size.
        device: where it runs now, such as "cpu"; None takes a GPU where there is one.

    Returns:
        The model's row, as `listed` has it, and `new`: how many vectors were made.

    Raises:
        ModelError: there is no such model, it cannot be loaded, or one of this name with other vectors is in use.
        LockedError: a build is running.
        DatabaseError: `db` is missing, damaged, not ours, or cannot be written.
    """
    options = options or ModelOptions()
    label = label or name
    encoder, source = _load(db, name, label, options, device)
    with exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            model_id = _register(engine, label, source, encoder)
            new = _embed(engine, model_id, encoder, progress)
            with engine.connect() as connection:
                return next(row for row in _rows(connection) if row["name"] == label) | {"new": new}
        finally:
            engine.dispose()


def _load(db: Path, name: str, label: str, options: ModelOptions, device: str | None) -> tuple[Encoder, str]:
    """Return the encoder, and the string by which exactly this one is loaded again."""
    from kb import embeddings
    from kb.embeddings.folder import is_static_folder

    known = {row["name"]: row["source"] for row in listed(db)}
    folder = Path(name)
    if options == ModelOptions() and name in known and name == label and not folder.is_dir():
        return embeddings.load(known[name], device=device), known[name]  # goes on with what is pinned
    if name == "default" or is_static_folder(folder):
        if options != ModelOptions():
            raise UsageError(f"{name}: prompts, dimensions and batch size can be set of other models only")
        source = str(folder.resolve()) if folder.is_dir() else name
        return embeddings.load(source), source
    place, given = split(name)
    if given != ModelOptions() and options != ModelOptions():
        raise UsageError(f"{name}: give options in the name or by themselves, not both")
    options = options if given == ModelOptions() else given
    folder = Path(place)
    place = str(folder.resolve()) if folder.is_dir() else place
    before, held = split(known.get(label, ""))
    if options == ModelOptions() and before == place:  # goes on as it was begun
        options = replace(held, content=None)
    encoder = embeddings.load(join(place, options), device=device)
    pinned = encoder.revision.removesuffix(options.mark())
    if folder.is_dir():
        return encoder, join(place, replace(options, content=pinned))
    return encoder, join(f"{place.partition('@')[0]}@{pinned}", options)


def _register(engine: Engine, name: str, source: str, encoder: Encoder) -> int:
    """Write a model's row and return its id; never touches the vectors of the model in use."""
    prompts = getattr(encoder, "prompts", {})
    settings: dict[str, Any] = {"prompts": prompts, "normaliser": NORMALISER_VERSION}
    with engine.begin() as connection:
        columns = (Model.revision, Model.active, Model.settings)
        held = connection.execute(select(*columns).where(Model.name == name)).one_or_none()
        if held is not None and held.active and held.revision != encoder.revision:
            raise ModelError(
                f"{name}: is in use with other vectors ({held.revision}); add this one under another name with --as"
            )
        if held is not None and held.settings.get(trained.CHOSEN):
            settings[trained.CHOSEN] = True
        model_id = store.put_model(connection, name, source, encoder.revision, encoder.dim, settings)
        values = {"source": source, "settings": settings}
        connection.execute(update(Model).where(Model.id == model_id).values(values))
    return model_id


def _embed(engine: Engine, model_id: int, encoder: Encoder, progress: Progress | None) -> int:
    """Embed what is missing of one model, a transaction a batch; return how many texts that were."""
    with engine.connect() as connection:
        pending = [(key, text) for key, text in connection.execute(store.texts_without_vector(model_id))]
    # Texts of like length together: a transformer pads the short ones to the longest of a batch.
    pending.sort(key=lambda item: len(item[1]))
    done = 0
    for batch in batches_of(pending, _BATCH):
        matrix = encoder.encode([text for _, text in batch], kind="document").astype("<f4")
        rows = [(key, vector.tobytes()) for (key, _), vector in zip(batch, matrix, strict=True)]
        with engine.begin() as connection:
            done += store.put_vectors(connection, model_id, rows)
        if progress is not None:
            progress("embed", done, len(pending))
    return done


def use(db: Path, name: str, progress: Progress | None = None) -> None:
    """Make a model that was added the one that searches use, in one transaction; builds leave it at that.

    The default encoder is added first if it is not there.

    Args:
        db: an existing database.
        name: as the database calls it.
        progress: called with ("embed", done, total) where the default is added.

    Raises:
        NotFoundError: the database holds no such model.
        ModelError: some of its vectors are missing.
        LockedError: a build is running.
        DatabaseError: `db` is missing, damaged, not ours, or cannot be written.
    """
    engine = schema.engine(db)
    try:
        with engine.connect() as connection:  # what is wrong with a name is told without waiting for a build
            there = {row.name for row in connection.execute(store.models())} - {NEXT}
            if name == NEXT:
                raise ModelError(f"{db}: {NEXT} is not finished; run: kb build")
            if name != DEFAULT_MODEL or name in there:
                complete_row(connection, db, name)
    finally:
        engine.dispose()
    if name == DEFAULT_MODEL and name not in there:
        add(db, name, progress)
    with exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            with engine.begin() as connection:
                row = complete_row(connection, db, name)
                trained.drop_trained(connection, NEXT)  # a training that was killed no longer gets its turn
                trained.set_trained(connection, name, {**row.settings, trained.CHOSEN: True})
                store.activate(connection, name)
        finally:
            engine.dispose()


def drop(db: Path, name: str) -> int:
    """Delete a model and its vectors, and give the space back to the disk; return how many bytes that were.

    Raises:
        NotFoundError: the database holds no such model.
        ModelError: it is the one in use.
        LockedError: a build is running.
        DatabaseError: `db` is missing, damaged, not ours, or cannot be written.
    """
    schema.connect(db).close()
    before = db.stat().st_size
    with exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            with engine.begin() as connection:
                row = model_row(connection, db, name)
                if row.active:
                    raise ModelError(f"{name}: is in use; switch first: kb model use NAME")
                connection.execute(delete(Model).where(Model.id == row.id))  # its vectors go with it
        finally:
            engine.dispose()
        with closing(schema.connect(db, writable=True)) as plain:
            try:
                plain.execute("VACUUM")
                plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as error:  # no room for the copy that SQLite makes, or a long reader
                raise DatabaseError(
                    f"{db}: {name} is dropped, but its space stays in the file for later use: {error}"
                ) from error
    return max(0, before - db.stat().st_size)
