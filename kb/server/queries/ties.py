"""What other articles say on the same: ties of claims, for the margin of an article and beside a claim."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from kb.search import lookups

_LINKS = (
    "SELECT o.start, l.relation, l.score, l.{other} FROM occurrences o JOIN links l ON l.{one} = o.claim_id"
    " WHERE o.post_id = ?1"
)
_SAME = (
    "SELECT DISTINCT o.start, 'same', 1.0, o.claim_id FROM occurrences o JOIN claims c ON c.id = o.claim_id"
    " WHERE o.post_id = ?1 AND c.post_count > 1"
)
_NEIGHBOURS = (
    "SELECT o.start, 'near', n.score, n.other_id FROM occurrences o JOIN neighbours n ON n.claim_id = o.claim_id"
    " WHERE o.post_id = ?1 AND n.score >= ?2"
)
_PLACES = (
    "SELECT c.id, c.key, c.text, c.kind, c.post_count, p.key, p.title, p.path, p.date, o.start"
    " FROM json_each(?1) j JOIN claims c ON c.id = j.value JOIN occurrences o ON o.claim_id = c.id"
    " JOIN posts p ON p.id = o.post_id WHERE p.id <> ?2 ORDER BY p.date, p.path DESC, o.start DESC"
)
_OWN = "SELECT DISTINCT claim_id FROM occurrences WHERE post_id = ?"
_NEAR_CLAIM = (
    "SELECT n.score, c.key, c.text, c.kind, c.certainty, c.holder, c.post_count, c.id FROM neighbours n"
    " JOIN claims c ON c.id = n.other_id WHERE n.claim_id = ?1 AND NOT EXISTS (SELECT 1 FROM links l"
    " WHERE l.a_id = min(?1, c.id) AND l.b_id = max(?1, c.id) OR l.a_id = max(?1, c.id) AND l.b_id = min(?1, c.id))"
    " ORDER BY n.score DESC, c.key LIMIT ?2"
)
_RANK = {"conflict": 0, "same": 1, "subsumes": 2, "related": 3, "near": 4}
NEAR = 0.8  # cosine from which on a neighbour stands in an article's margin
_A_SENTENCE = 2  # ties shown beside one sentence
_LOOSE = ("related", "near")
_LOOSE_MOST = 24  # such ties shown beside one article, the strongest


def margin(conn: sqlite3.Connection, post_id: int) -> dict[int, list[dict[str, Any]]]:
    """Return by the start of a sentence what other articles say on it: contradictions first, then the same, then more.

    Of claims that are merely related or near, a sentence has one, and an article
    the strongest few: a margin that is always full tells nothing.

    Each tie has `relation` (same, subsumes, conflict, related or near), `score`,
    the other claim and the newest other article that says it.
    """
    rows: list[tuple[int, str, float, int]] = []
    for one, other in (("a_id", "b_id"), ("b_id", "a_id")):
        rows += conn.execute(_LINKS.format(one=one, other=other), (post_id,)).fetchall()
    own = {claim for (claim,) in conn.execute(_OWN, (post_id,))}
    rows = [row for row in rows if row[3] not in own]
    rows += conn.execute(_SAME, (post_id,)).fetchall()
    rows += conn.execute(_NEIGHBOURS, (post_id, NEAR)).fetchall()
    chosen = _chosen(rows)
    ids = json.dumps(sorted({row[3] for row in chosen}))
    names = ("claim", "text", "kind", "posts", "key", "title", "path", "date", "start")
    places = {row[0]: dict(zip(names, row[1:], strict=True)) for row in conn.execute(_PLACES, (ids, post_id))}
    ties: dict[int, list[dict[str, Any]]] = {}
    for start, relation, score, claim in chosen:
        if claim in places:
            ties.setdefault(start, []).append({"relation": relation, "score": score, **places[claim]})
    return ties


def _chosen(rows: list[tuple[int, str, float, int]]) -> list[tuple[int, str, float, int]]:
    """Return the ties that are shown, by sentence and then by weight; a claim stands beside an article once."""
    chosen: list[tuple[int, str, float, int]] = []
    beside: dict[int, int] = {}
    told: set[int] = set()
    loose = 0
    for row in sorted(rows, key=lambda row: (_RANK[row[1]], -row[2], row[0], row[3])):
        start, relation, _, claim = row
        weak = relation in _LOOSE
        if claim in told or beside.get(start, 0) >= (1 if weak else _A_SENTENCE) or (weak and loose >= _LOOSE_MOST):
            continue
        told.add(claim)
        beside[start] = beside.get(start, 0) + 1
        loose += weak
        chosen.append(row)
    return sorted(chosen, key=lambda row: (row[0], _RANK[row[1]], -row[2], row[3]))


def articles(
    conn: sqlite3.Connection, path: str, ties: dict[int, list[dict[str, Any]]], most: int
) -> list[dict[str, Any]]:
    """Return the articles tied to one, the strongest tie first, each with the reason.

    The build's own ties of articles are read; where it made none, those of the
    claims in the margin are counted.

    Returns:
        `key`, `path`, `title`, `date`, `shared` (how many pairs of claims tie
        them), `words` that stand in several of these, and `reasons`: up to two
        claims of the other article, each with its relation.
    """
    found = [
        {
            "key": one["key"],
            "path": one["post"],
            "title": one["title"],
            "date": one["date"],
            "shared": one["shared"],
            "words": one["reasons"],
            "reasons": [{**tie["b"], "relation": tie["relation"]} for tie in one["ties"][:2]],
        }
        for one in lookups.related_posts(conn, path, most)
    ]
    return found or _counted(ties, most)


def _counted(ties: dict[int, list[dict[str, Any]]], most: int) -> list[dict[str, Any]]:
    by_post: dict[str, dict[str, Any]] = {}
    for beside in ties.values():
        for tie in beside:
            post = by_post.setdefault(
                tie["key"],
                {
                    **{name: tie[name] for name in ("key", "path", "title", "date")},
                    "shared": 0,
                    "words": [],
                    "reasons": [],
                },
            )
            post["shared"] += 1
            if len(post["reasons"]) < 2:
                post["reasons"].append({name: tie[name] for name in ("claim", "text", "start", "relation")})
    return sorted(by_post.values(), key=lambda post: (-post["shared"], post["path"]))[:most]


def near_claim(conn: sqlite3.Connection, claim_id: int, most: int) -> list[dict[str, Any]]:
    """Return the claims of other posts nearest in meaning to a claim, those already tied to it left out."""
    names = ("score", "claim", "text", "kind", "certainty", "holder", "posts", "id")
    found = [dict(zip(names, row, strict=True)) for row in conn.execute(_NEAR_CLAIM, (claim_id, most))]
    ids = json.dumps([one["id"] for one in found])
    where = ("post_key", "title", "post", "date", "start")
    places = {row[0]: dict(zip(where, row[5:], strict=True)) for row in conn.execute(_PLACES, (ids, -1))}
    for one in found:
        one["place"] = places.get(one["id"])
    return found
