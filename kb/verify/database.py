"""Checks of a whole database: every quote, count, reference, index and vector against what it was made from."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from kb import fts, reading, schema, store
from kb.errors import DatabaseError
from kb.lock import exclusive
from kb.models import Claim
from kb.records import CLAIM_KINDS, Span
from kb.text import fold, short_key, text_hash
from kb.topics import checks as topic_checks
from kb.verify import linked

_UNIT_TOLERANCE = 1e-3  # float32, summed over some hundred places
_CLAIMS_AT_ONCE = 5_000
_VECTORS_AT_ONCE = 10_000
_SHOWN_CHARACTERS = 30

Counts = dict[str, int]
Check = Callable[[sqlite3.Connection, Counts], Iterator[str]]


def run(db: Path) -> tuple[list[str], dict[str, int]]:
    """Check a database, as one build left it; none may run meanwhile.

    Returns:
        What is wrong, a line each and empty if nothing is; and how much was checked.

    Raises:
        DatabaseError: the file is not a database of ours, or too damaged to read.
        LockedError: a build is running.
    """
    schema.connect(db).close()
    writable = schema.can_write(db)
    counts: Counts = {}
    problems: list[str] = []
    try:
        with exclusive(db) if writable else nullcontext():
            with closing(schema.connect(db)) as connection:
                for check in _CHECKS:
                    problems.extend(check(connection, counts))
            problems.extend(_claims(db, counts))
            problems.extend(_full_text(db, writable=writable))
    except (sqlite3.DatabaseError, DBAPIError) as error:
        raise DatabaseError(
            f"{db}: damaged: {getattr(error, 'orig', error)}; restore a copy, or move it away and build again"
        ) from error
    return problems, counts


def _file(connection: sqlite3.Connection, counts: Counts) -> Iterator[str]:
    """Check the file's pages and indexes, and that no row refers to one that is not there."""
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"file: {line}"
    for table, rowid, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"{table}: row {rowid} refers to a row of {parent} that is not there"


def _posts(connection: sqlite3.Connection, counts: Counts) -> Iterator[str]:
    """Check each post's quotes against its text, and that every character of its body is accounted for."""
    posts = connection.execute(
        "SELECT p.id, p.key, p.path, p.body_start, s.text FROM posts p LEFT JOIN sources s ON s.post_id = p.id"
    )
    for names in ("posts", "characters", "sentences", "occurrences", "ledger"):
        counts[names] = 0
    for post_id, key, path, body_start, text in posts:
        counts["posts"] += 1
        if key != short_key("post", path):
            yield f"{path}: its key {key} is not that of its path"
        if text is None:
            yield f"{path}: its text is missing"
            continue
        counts["characters"] += len(text)
        spans: list[tuple[Span, ...]] = []
        yield from _quotes(connection, post_id, path, text, spans, counts)
        ledger = connection.execute('SELECT start, "end" FROM ledger WHERE post_id = ?', (post_id,)).fetchall()
        counts["ledger"] += len(ledger)
        for start, end in reading.unaccounted(text, body_start, spans, ledger):
            shown = text[start:end][:_SHOWN_CHARACTERS]
            yield f"{path}: {start}-{end} is in no sentence, mark-up or ledger row: {shown!r}"


def _quotes(
    connection: sqlite3.Connection, post_id: int, path: str, text: str, spans: list[tuple[Span, ...]], counts: Counts
) -> Iterator[str]:
    """Check the sentences of a post and the claims made in them; add the sentences' spans to `spans`."""
    rows = connection.execute(
        'SELECT s.id, s.start, s."end", s.spans, s.text, s.plain, s.kind, o.start, o."end", o.spans, o.post_id '
        "FROM sentences s LEFT JOIN occurrences o ON o.sentence_id = s.id WHERE s.post_id = ?",
        (post_id,),
    )
    for id_, start, end, stored, quote, plain, kind, o_start, o_end, o_stored, o_post in rows:
        counts["sentences"] += 1
        own = tuple((a, b) for a, b in json.loads(stored))
        spans.append(own)
        where = f"{path}: sentence {id_} at {start}-{end}"
        if "".join(text[a:b] for a, b in own) != quote:
            yield f"{where} is not the text of its spans: {quote[:_SHOWN_CHARACTERS]!r}"
        if not own or (own[0][0], own[-1][1]) != (start, end) or any(not 0 <= a < b <= len(text) for a, b in own):
            yield f"{where} has spans {stored}"
        if o_post is None:
            if kind in CLAIM_KINDS and fold(plain):
                yield f"{where} is {kind} and belongs to no claim"
            continue
        counts["occurrences"] += 1
        if kind not in CLAIM_KINDS:
            yield f"{where} is {kind} and belongs to a claim"
        if (o_post, o_start, o_end, json.loads(o_stored)) != (post_id, start, end, json.loads(stored)):
            yield f"{where} differs from its occurrence at {o_start}-{o_end}"


def _vectors(connection: sqlite3.Connection, counts: Counts) -> Iterator[str]:
    """Check that each model has one unit vector of its length for every claim text, and no others."""
    models = connection.execute("SELECT id, name, dim, active FROM models ORDER BY id").fetchall()
    if models and sum(bool(model[3]) for model in models) != 1:
        yield f"models: {sum(bool(model[3]) for model in models)} are active, not one"
    counts["vectors"] = 0
    for model_id, name, dim, _ in models:
        (missing,) = connection.execute(
            "SELECT count(DISTINCT text_hash) FROM claims WHERE text_hash NOT IN "
            "(SELECT text_hash FROM embeddings WHERE model_id = ?)",
            (model_id,),
        ).fetchone()
        (orphans,) = connection.execute(
            "SELECT count(*) FROM embeddings WHERE model_id = ? AND text_hash NOT IN (SELECT text_hash FROM claims)",
            (model_id,),
        ).fetchone()
        if missing:
            yield f"model {name}: {missing} claim texts have no vector; run kb build again"
        if orphans:
            yield f"model {name}: {orphans} vectors belong to no claim"
        cursor = connection.execute("SELECT text_hash, vector FROM embeddings WHERE model_id = ?", (model_id,))
        while rows := cursor.fetchmany(_VECTORS_AT_ONCE):
            counts["vectors"] += len(rows)
            yield from _off_unit(name, dim, rows)


def _off_unit(name: str, dim: int, rows: Sequence[tuple[str, bytes]]) -> Iterator[str]:
    whole = []
    for text_hash_, blob in rows:
        if len(blob) == 4 * dim:
            whole.append((text_hash_, blob))
        else:
            yield f"model {name}: the vector of {text_hash_} has {len(blob)} bytes, not {4 * dim}"
    if not whole:
        return
    matrix = np.frombuffer(b"".join(blob for _, blob in whole), dtype="<f4").reshape(len(whole), dim)
    norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
    # A text without any word has the vector of zeros.
    for place in np.flatnonzero(~((np.abs(norms - 1) <= _UNIT_TOLERANCE) | (norms == 0))):
        yield f"model {name}: the vector of {whole[place][0]} has length {norms[place]:.3f}, not 1"


_CHECKS: tuple[Check, ...] = (_file, _posts, _vectors, linked.links, topic_checks.check)


def _claims(db: Path, counts: Counts) -> Iterator[str]:
    """Check each claim's words, labels, counts and dates against its occurrences."""
    engine = schema.engine(db)
    try:
        with engine.connect() as connection:
            ids = list(connection.execute(select(Claim.id).order_by(Claim.id)).scalars())
            counts["claims"] = len(ids)
            for first in range(0, len(ids), _CLAIMS_AT_ONCE):
                yield from _claims_among(connection, ids[first], ids[first : first + _CLAIMS_AT_ONCE][-1])
    finally:
        engine.dispose()


def _claims_among(connection: Connection, first: int, last: int) -> Iterator[str]:
    rows = connection.execute(select(Claim.__table__).where(Claim.id.between(first, last))).all()
    expected = store.from_occurrences(connection, [row.id for row in rows])
    for row in rows:
        if row.id not in expected:
            yield f"claim {row.key}: nobody makes it"
            continue
        for name, value in {**expected[row.id], "text_hash": text_hash(row.text)}.items():
            if getattr(row, name) != value:
                yield f"claim {row.key}: {name} is {getattr(row, name)!r}, its occurrences say {value!r}"


def _full_text(db: Path, *, writable: bool) -> list[str]:
    """Check the full-text index. SQLite's own check of it is a write, so one that cannot be written is copied."""
    if writable:
        with closing(schema.connect(db, writable=True)) as connection:
            return fts.check(connection)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, db.name)
        with closing(schema.connect(db)) as connection, closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
        with closing(schema.connect(copy, writable=True)) as connection:
            return fts.check(connection)
