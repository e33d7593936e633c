"""Looking up ties: what is related to a claim or a post, and what contradicts what, with readers' reviews."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kb.search.answers import occurrences
from kb.text import short_key

STATES = ("open", "reviewed", "dismissed")
_RANK = "CASE l.relation WHEN 'conflict' THEN 0 WHEN 'same' THEN 1 WHEN 'subsumes' THEN 2 ELSE 3 END"
_TIED = (
    "SELECT l.relation, l.score, l.evidence, c.id, c.key, c.text, c.kind, c.certainty, c.holder, c.post_count,"
    " (SELECT n.score FROM neighbours n WHERE n.claim_id IN (l.a_id, l.b_id) AND n.other_id IN (l.a_id, l.b_id)),"
    " NOT EXISTS (SELECT 1 FROM occurrences x JOIN occurrences y ON y.post_id = x.post_id"
    "  WHERE x.claim_id = l.a_id AND y.claim_id = l.b_id)"
    " FROM links l JOIN claims c ON c.id = CASE l.a_id WHEN ?1 THEN l.b_id ELSE l.a_id END"
    f" WHERE l.a_id = ?1 OR l.b_id = ?1 ORDER BY {_RANK}, l.score DESC, c.key LIMIT ?2"
)
_POSTS = (
    "SELECT p.id, p.key, p.path, p.title, p.date, l.score, l.shared, l.ties, l.a_id = ?1 FROM article_links l"
    " JOIN posts p ON p.id = CASE l.a_id WHEN ?1 THEN l.b_id ELSE l.a_id END"
    " WHERE l.a_id = ?1 OR l.b_id = ?1 ORDER BY l.score DESC, p.path LIMIT ?2"
)
_BETWEEN = "SELECT relation, score, evidence FROM links WHERE (a_id = ?1 AND b_id = ?2) OR (a_id = ?2 AND b_id = ?1)"
_CONFLICTS = (
    "SELECT l.a_id, l.b_id, a.key, b.key, l.score, l.evidence FROM links l JOIN claims a ON a.id = l.a_id"
    " JOIN claims b ON b.id = l.b_id WHERE l.relation = 'conflict' ORDER BY l.score DESC, a.key, b.key"
)
_WORDINGS = "SELECT DISTINCT wording FROM occurrences WHERE claim_id = ?"
_REVIEWS = "SELECT a, b, state, note, created FROM reviews ORDER BY created, a, b"
_REASONS = ("words: ", "names: ")
_SHOWN_REASONS = 6

Pair = tuple[str, str]


def conflict_id(a: str, b: str) -> str:
    """Return the id of a conflict between two claims, by their keys in any order: the same in every build."""
    return short_key("conflict", *sorted((a, b)))


def related(conn: sqlite3.Connection, claim_id: int, limit: int) -> list[dict[str, Any]]:
    """Return the ties of a claim, contradictions first, then the same, then what says more, then what is related.

    Each has `relation`, `score`, `evidence`, the other claim (`claim`, `text`,
    `kind`, `certainty`, `holder`, `posts`), `cosine` where it is a neighbour,
    `across` (no post says both) and `place`, where the other one is said first.
    """
    rows = conn.execute(_TIED, (claim_id, limit)).fetchall()
    said = occurrences(conn, [row[3] for row in rows])
    found = []
    for relation, score, evidence, other, key, text, kind, certainty, holder, posts, cosine, across in rows:
        found.append(
            {
                "relation": relation,
                "score": score,
                "evidence": json.loads(evidence),
                "claim": key,
                "text": text,
                "kind": kind,
                "certainty": certainty,
                "holder": holder,
                "posts": posts,
                "cosine": cosine,
                "across": bool(across),
                "place": asdict(said[other][0]) if said[other] else None,
            }
        )
    return found


def related_posts(conn: sqlite3.Connection, post_id: int, limit: int) -> list[dict[str, Any]]:
    """Return the articles tied to a post, the strongest tie first.

    Each has `post`, `key`, `title`, `date`, `score`, `shared` (how many pairs of
    claims tie them), `reasons` (words that stand in several of these) and `ties`:
    up to three pairs of claims, `a` of this post, with relation, score and evidence.
    """
    found = []
    for _, key, path, title, date, score, shared, ties, first in conn.execute(_POSTS, (post_id, limit)).fetchall():
        pairs = [pair if first else pair[::-1] for pair in json.loads(ties)]
        named = [_tie(conn, a, b) for a, b in pairs]
        told = [entry for tie in named for entry in tie["evidence"] if entry.startswith(_REASONS)]
        words = (word for entry in told for word in entry.partition(": ")[2].split("・"))
        reasons = list(dict.fromkeys(words))[:_SHOWN_REASONS]
        found.append(
            {
                "post": path,
                "key": key,
                "title": title,
                "date": date,
                "score": score,
                "shared": shared,
                "reasons": reasons,
                "ties": named,
            }
        )
    return found


def _tie(conn: sqlite3.Connection, a: int, b: int) -> dict[str, Any]:
    """Return a pair of claims that ties two posts; twice the same claim where both make it."""
    one, two = (conn.execute("SELECT key, text FROM claims WHERE id = ?", (claim,)).fetchone() for claim in (a, b))
    relation, score, evidence = conn.execute(_BETWEEN, (a, b)).fetchone() or ("same", 1.0, "[]")
    return {
        "a": dict(zip(("claim", "text"), one, strict=True)),
        "b": dict(zip(("claim", "text"), two, strict=True)),
        "relation": relation,
        "score": score,
        "evidence": json.loads(evidence),
    }


def conflicts(conn: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every contradiction, the surest first, as ids and keys, with what readers said of it.

    Each has `id`, `ids` and `keys` of the two claims, `score`, `evidence`,
    `state` (open, reviewed or dismissed), `note` and `reviewed`, the pairs of
    wordings whose review it is: a review is of wordings, and stays when the two
    claims come to be known by others of theirs.
    """
    rows = conn.execute(_CONFLICTS).fetchall()
    reviews = conn.execute(_REVIEWS).fetchall() if rows else []
    found = []
    for a, b, a_key, b_key, score, evidence in rows:
        state, note, reviewed = "open", "", []
        if reviews:
            left, right = ({key, *(w for (w,) in conn.execute(_WORDINGS, (i,)))} for i, key in ((a, a_key), (b, b_key)))
            for one, two, now, said, _ in reviews:  # of several, the last
                if (one in left and two in right) or (one in right and two in left):
                    state, note = now, said
                    reviewed.append((one, two))
        found.append(
            {
                "id": conflict_id(a_key, b_key),
                "ids": (a, b),
                "keys": (a_key, b_key),
                "score": score,
                "evidence": json.loads(evidence),
                "state": state,
                "note": note,
                "reviewed": reviewed,
            }
        )
    return found


def reviews_without_conflict(conn: sqlite3.Connection, found: Sequence[dict[str, Any]]) -> dict[str, Pair]:
    """Return by id the reviews of pairs that no conflict of `conflicts` is about any more: kept, and harmless."""
    used = {pair for one in found for pair in one["reviewed"]}
    rows = [(a, b) for a, b, *_ in conn.execute(_REVIEWS)]
    return {conflict_id(a, b): (a, b) for a, b in rows if (a, b) not in used}
