"""Checks of ties: neighbours against vectors and posts, ties of articles against those of their claims."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import numpy as np

_MOST = 10  # neighbours of a claim
_SAMPLE = 100_000  # neighbours whose cosine is summed again; of more every so many-th
_AT_ONCE = 2_000
_TOLERANCE = 2e-6  # cosines are kept to six digits

_STATES = (
    "SELECT c.key, c.link_state, count(n.other_id) FROM claims c LEFT JOIN neighbours n ON n.claim_id = c.id"
    " GROUP BY c.id HAVING count(n.other_id) > ?"
    " OR count(n.other_id) <> CAST(substr(coalesce(c.link_state, ' 0'), instr(coalesce(c.link_state, ' 0'), ' ') + 1)"
    " AS INTEGER) OR (c.stock AND count(n.other_id) > 0)"
)
_MATES = (
    "SELECT a.key, b.key FROM neighbours n JOIN claims a ON a.id = n.claim_id JOIN claims b ON b.id = n.other_id"
    " WHERE n.claim_id = n.other_id OR b.stock OR EXISTS (SELECT 1 FROM occurrences x JOIN occurrences y"
    " ON y.post_id = x.post_id WHERE x.claim_id = n.claim_id AND y.claim_id = n.other_id)"
)
_COSINES = (
    "SELECT a.key, b.key, n.score, x.vector, y.vector FROM neighbours n JOIN claims a ON a.id = n.claim_id"
    " JOIN claims b ON b.id = n.other_id JOIN models m ON m.active"
    " LEFT JOIN embeddings x ON x.model_id = m.id AND x.text_hash = a.text_hash"
    " LEFT JOIN embeddings y ON y.model_id = m.id AND y.text_hash = b.text_hash"
    " WHERE n.rowid % ? = 0"
)
_ARTICLES = (
    "SELECT p.path, q.path, l.a_id, l.b_id, l.shared, l.ties FROM article_links l JOIN posts p ON p.id = l.a_id"
    " JOIN posts q ON q.id = l.b_id"
)
_TIED = (
    "SELECT EXISTS (SELECT 1 FROM occurrences WHERE claim_id = ?1 AND post_id = ?3)"
    " AND EXISTS (SELECT 1 FROM occurrences WHERE claim_id = ?2 AND post_id = ?4) AND (?1 = ?2 OR EXISTS"
    " (SELECT 1 FROM links WHERE (a_id = ?1 AND b_id = ?2) OR (a_id = ?2 AND b_id = ?1)))"
)


def links(connection: sqlite3.Connection, counts: dict[str, int]) -> Iterator[str]:
    """Check that neighbours are as near as is said, of other posts and ten at most, and that articles' ties exist."""
    (active,) = connection.execute("SELECT count(*) FROM stage_states WHERE stage = 'links'").fetchone()
    if not active:  # not built yet, or a build was killed: the next one brings all in line
        counts["neighbours"] = 0
        return
    for key, state, count in connection.execute(_STATES, (_MOST,)):
        yield f"claim {key}: has {count} neighbours, its state says {state!r}; run kb build again"
    for one, two in connection.execute(_MATES):
        yield f"claim {one}: its neighbour {two} is of the same post, or a stock phrase"
    yield from _scores(connection, counts)
    yield from _articles(connection)


def _scores(connection: sqlite3.Connection, counts: dict[str, int]) -> Iterator[str]:
    """Check the cosines of neighbours, of all or of a sample, against the vectors of the active model."""
    (counts["neighbours"],) = connection.execute("SELECT count(*) FROM neighbours").fetchone()
    cursor = connection.execute(_COSINES, (max(1, counts["neighbours"] // _SAMPLE),))
    while rows := cursor.fetchmany(_AT_ONCE):
        whole = []
        for row in rows:
            if row[3] and row[4] and len(row[3]) == len(row[4]):
                whole.append(row)
            else:
                yield f"claim {row[0]}: it or its neighbour {row[1]} has no vector of the active model; build again"
        if not whole:
            continue
        left, right = (
            np.frombuffer(b"".join(row[at] for row in whole), dtype="<f4").reshape(len(whole), -1).astype(np.float64)
            for at in (3, 4)
        )
        for row, cosine in zip(whole, np.einsum("ij,ij->i", left, right).tolist(), strict=True):
            if abs(cosine - row[2]) > _TOLERANCE:
                yield f"claim {row[0]}: its neighbour {row[1]} has cosine {row[2]:.6f}, their vectors {cosine:.6f}"


def _articles(connection: sqlite3.Connection) -> Iterator[str]:
    """Check that the claims that are said to tie two articles are theirs, and tied."""
    for path, other, a, b, shared, ties in connection.execute(_ARTICLES).fetchall():
        pairs = json.loads(ties)
        if not 1 <= len(pairs) <= shared:
            yield f"{path}: its tie to {other} names {len(pairs)} of {shared} pairs of claims"
        for one, two in pairs:
            (good,) = connection.execute(_TIED, (one, two, a, b)).fetchone()
            if not good:
                yield f"{path}: claims {one} and {two}, said to tie it to {other}, do not"
