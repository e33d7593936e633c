"""What a search needs of a database, in arrays: read once, then shared by all threads.

Everything here can be thrown away: it is made from the tables `claims`,
`occurrences`, `embeddings` and the full-text index, and holds nothing of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kb.fts import COLUMNS, INDEX
from kb.records import CLAIM_KINDS
from kb.search import said
from kb.search.near import Sketch, sketch
from kb.search.postings import Positions, Posting, Postings
from kb.search.prior import WRAPPERS, prior

Floats = npt.NDArray[np.float32]


_K1 = 1.2
_B = 0.75
_CHUNK = 4_096  # vectors read at a time
_POSTS_AT_ONCE = 64  # posts summed at a time, for which their vectors are copied

# Stock phrases, which stand in many posts and name nothing, are kept but not found.
_CLAIMS = "SELECT id, kind, substr(rtrim(text, ?), -1), text_hash FROM claims WHERE NOT stock ORDER BY id"
_MODEL = "SELECT id, source, name, dim FROM models WHERE active ORDER BY id LIMIT 1"
# In the order they lie in: by an index, and sorted, the same takes five times as long.
_VECTORS = "SELECT text_hash, vector FROM embeddings NOT INDEXED WHERE model_id = ?"


class ActiveModel(NamedTuple):
    """The embedding model whose vectors are searched."""

    id: int
    source: str
    name: str
    dim: int


class Wholes(NamedTuple):
    """Posts as wholes: the sums of their claims' vectors, scaled to length 1 (posts x dim), and how long they were."""

    units: Floats
    norms: Floats


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """The claims of a database as arrays; a claim's position is its place in `ids`.

    `position` maps a claim's id to its position, or -1. `weights` holds, per
    column of the full-text index and per claim, the part of BM25 that depends
    on length. `place_claim` and `place_post` are the pairs of claim and post
    positions, by post; `post_of` is the first post of each claim, `before` and
    `after` the claims that stand beside it there, or -1; `titles` are those of the posts,
    folded, `post_lengths` the length of each over the mean, per column. `vectors` (claims x dim)
    is None without embeddings, `sketch` is them in few dimensions, where they
    are many.
    """

    ids: npt.NDArray[np.int64]
    position: npt.NDArray[np.intp]
    kinds: npt.NDArray[np.int8]
    prior: Floats
    weights: tuple[Floats, ...]
    lengths: Floats
    post_ids: npt.NDArray[np.int64]
    place_claim: Positions
    place_post: Positions
    post_of: Positions
    before: Positions
    after: Positions
    titles: tuple[str, ...]
    post_lengths: tuple[npt.NDArray[np.float64], ...]
    model: ActiveModel | None
    vectors: Floats | None
    sketch: Sketch | None
    notes: tuple[str, ...]
    postings: Postings = field(default_factory=Postings)

    @property
    def size(self) -> int:
        """Return the number of claims."""
        return len(self.ids)


def load(conn: sqlite3.Connection, *, meaning: bool = True) -> SearchIndex:
    """Read the arrays of a search in one transaction; a database without embeddings has notes instead.

    Without `meaning` the vectors, which are most of it, stay where they are.
    """
    conn.execute("BEGIN")
    try:
        rows = conn.execute(_CLAIMS, (WRAPPERS,)).fetchall()
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        position = np.full(int(ids[-1]) + 1 if len(ids) else 1, -1, dtype=np.intp)
        position[ids] = np.arange(len(ids))
        lengths = _lengths(conn, position, len(ids))
        where = said.read(conn, position, len(ids))
        model, vectors, notes = _vectors(conn, [row[3] for row in rows]) if meaning else (None, None, ())
    finally:
        conn.execute("COMMIT")
    code = {kind: number for number, kind in enumerate(CLAIM_KINDS)}
    return SearchIndex(
        ids=ids,
        position=position,
        kinds=np.array([code[row[1]] for row in rows], dtype=np.int8),
        prior=prior(lengths[:, 0], np.array([row[2] for row in rows], dtype=np.str_)),
        weights=tuple(_weights(lengths[:, column]) for column in range(len(COLUMNS))),
        lengths=lengths,
        post_ids=where.ids,
        place_claim=where.place_claim,
        place_post=where.place_post,
        post_of=where.post_of,
        before=where.before,
        after=where.after,
        titles=where.titles,
        post_lengths=tuple(
            _over_mean(
                np.bincount(where.place_post, weights=lengths[where.place_claim, column], minlength=len(where.ids))
            )
            for column in range(len(COLUMNS))
        ),
        model=model,
        vectors=vectors,
        sketch=sketch(vectors),
        notes=notes,
    )


def posting(conn: sqlite3.Connection, index: SearchIndex, expression: str) -> Posting:
    """Return where the claims that match an FTS5 expression stand.

    One aggregate row carries them all: 157,000 places take 12 ms so, against 43 ms row by row.
    """
    known = index.postings.get(expression)
    if known is not None:
        return known
    (joined,) = conn.execute(f"SELECT group_concat(rowid) FROM {INDEX} WHERE {INDEX} MATCH ?", (expression,)).fetchone()
    found = np.fromstring(joined, dtype=np.int64, sep=",") if joined else np.empty(0, dtype=np.int64)
    found = index.position[found[found < len(index.position)]]
    made = Posting.of(found[found >= 0], index.size)
    index.postings.put(expression, made)
    return made


def wholes(index: SearchIndex) -> Wholes:
    """Return what the claims of each post say together; a post without vectors has zeros, and the length 1."""
    dim = 0 if index.vectors is None else index.vectors.shape[1]
    sums = np.zeros((len(index.post_ids), dim), dtype=np.float32)
    if index.vectors is not None and len(index.place_post):
        starts = np.flatnonzero(np.diff(index.place_post, prepend=-1))
        for first in range(0, len(starts), _POSTS_AT_ONCE):
            begin = starts[first]
            after = first + _POSTS_AT_ONCE
            end = starts[after] if after < len(starts) else len(index.place_claim)
            sums[index.place_post[starts[first:after]]] = np.add.reduceat(
                index.vectors[index.place_claim[begin:end]], starts[first:after] - begin, axis=0, dtype=np.float32
            )
    lengths = np.linalg.norm(sums, axis=1)
    norms = np.where(lengths > 0, lengths, 1.0).astype(np.float32)
    return Wholes(sums / norms[:, None], norms)


def _weights(lengths: Floats) -> Floats:
    """Return the part of BM25 that a claim's length decides, for a term that stands there once."""
    mean = float(lengths.mean()) if len(lengths) else 0.0
    relative = lengths / mean if mean > 0 else np.ones_like(lengths)
    return ((_K1 + 1) / (1 + _K1 * (1 - _B + _B * relative))).astype(np.float32)


def _over_mean(lengths: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return lengths / lengths.mean() if lengths.any() else np.ones_like(lengths)


def _lengths(conn: sqlite3.Connection, position: npt.NDArray[np.intp], size: int) -> Floats:
    """Return the terms per claim and column, at least 1, from the sizes that FTS5 keeps: a varint a column."""
    lengths = np.ones((size, len(COLUMNS)), dtype=np.float32)
    rows = conn.execute(f"SELECT id, sz FROM {INDEX}_docsize").fetchall()
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    made = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint8)
    ends = np.flatnonzero(made < 0x80)  # a varint's last byte has no high bit
    starts = np.concatenate(([0], ends[:-1] + 1)).astype(np.intp) if len(ends) else ends
    values = np.zeros(len(ends), dtype=np.int64)
    for place in range(int((ends - starts).max(initial=-1)) + 1):
        there = starts + place <= ends
        values[there] = values[there] << 7 | made[starts[there] + place] & 0x7F
    known = ids < len(position)
    at = np.where(known, position[np.where(known, ids, 0)], -1)
    lengths[at[at >= 0]] = np.maximum(values.reshape(len(rows), len(COLUMNS)), 1)[at >= 0]
    return lengths


def _vectors(
    conn: sqlite3.Connection, hashes: Sequence[str]
) -> tuple[ActiveModel | None, Floats | None, tuple[str, ...]]:
    """Return the active model, its vectors by position (zeros where one is missing) and what to tell the user.

    `hashes` are those of the claims' texts, by position.
    """
    row = conn.execute(_MODEL).fetchone()
    if row is None:
        return None, None, ("this database holds no embeddings: found by words alone; run: kb build",)
    model = ActiveModel(*row)
    vectors = np.zeros((len(hashes), model.dim), dtype=np.float32)
    places = {text_hash: at for at, text_hash in enumerate(hashes)}
    found = 0
    cursor = conn.execute(_VECTORS, (model.id,))
    while rows := cursor.fetchmany(_CHUNK):
        kept = [(places[text_hash], vector) for text_hash, vector in rows if text_hash in places]
        if kept:
            made = np.frombuffer(b"".join(vector for _, vector in kept), dtype="<f4")
            vectors[[at for at, _ in kept]] = made.reshape(len(kept), -1)
        found += len(kept)
    if not found:
        return model, None, (f"no claim has a vector of the model {model.name}: found by words alone; run: kb build",)
    missing = len(hashes) - found
    notes = (f"{missing} claims have no vector yet and are found by words alone; run: kb build",) if missing else ()
    return model, vectors, notes
