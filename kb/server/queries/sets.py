"""Claims that belong together, those of a topic or of an entity: counted, listed, and what goes with them."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Literal

from kb.search import occurrences

Of = Literal["topic", "entity"]
# The claims of a set, by the id of a topic or an entity.
_OF: dict[Of, str] = {
    "topic": "SELECT claim_id, score FROM claim_topics WHERE topic_id = ?1",
    "entity": "SELECT claim_id, 1.0 AS score FROM claim_entities WHERE entity_id = ?1 GROUP BY claim_id",
}
_MONTHS = (
    "SELECT substr(p.date, 1, 7), c.kind, count(DISTINCT c.id) FROM ({of}) x JOIN claims c ON c.id = x.claim_id"
    " JOIN occurrences o ON o.claim_id = c.id JOIN posts p ON p.id = o.post_id"
    " WHERE p.date GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]*' GROUP BY 1, 2"
)
_KINDS = "SELECT c.kind, count(*) FROM ({of}) x JOIN claims c ON c.id = x.claim_id GROUP BY 1"
_POSTS = (
    "SELECT p.key, p.path, p.title, p.date, count(DISTINCT x.claim_id) AS n FROM ({of}) x"
    " JOIN occurrences o ON o.claim_id = x.claim_id JOIN posts p ON p.id = o.post_id"
    " GROUP BY p.id ORDER BY n DESC, p.date DESC, p.path LIMIT ?2"
)
_POST_COUNT = "SELECT count(DISTINCT o.post_id) FROM ({of}) x JOIN occurrences o ON o.claim_id = x.claim_id"
_CLAIMS = (
    "SELECT c.id, c.key, c.text, c.kind, c.certainty, c.holder, c.post_count, x.score FROM ({of}) x"
    " JOIN claims c ON c.id = x.claim_id WHERE c.kind = ?2"
    " ORDER BY c.stock, c.post_count DESC, x.score DESC, c.key LIMIT ?3 OFFSET ?4"
)
_TOPICS = (
    "SELECT t.slug, t.name_ja, t.name_en, count(*) AS n FROM ({of}) x JOIN claim_topics ct ON ct.claim_id = x.claim_id"
    " JOIN topics t ON t.id = ct.topic_id GROUP BY t.id ORDER BY n DESC, t.slug LIMIT ?2"
)
_ENTITIES = (
    "SELECT e.key, e.name, e.kind, count(DISTINCT ce.claim_id) AS n FROM ({of}) x"
    " JOIN claim_entities ce ON ce.claim_id = x.claim_id JOIN entities e ON e.id = ce.entity_id"
    " WHERE e.kind <> 'name' OR e.listed GROUP BY e.id ORDER BY n DESC, e.name LIMIT ?2"
)
_FIGURES = (
    "SELECT f.text, f.low, f.high, f.unit, f.dimension, c.key, c.text, c.first_date FROM ({of}) x"
    " JOIN figures f ON f.claim_id = x.claim_id JOIN claims c ON c.id = f.claim_id"
    " WHERE f.dimension NOT IN ('number', 'count', 'person', 'occasion') GROUP BY c.id HAVING f.start = min(f.start)"
    " ORDER BY f.unit = f.dimension, c.post_count DESC, c.first_date DESC, c.key LIMIT ?2"  # measures before things
)
_CONFLICTS = (
    "SELECT a.key, a.text, a.kind, b.key, b.text, b.kind, l.score, l.evidence FROM links l"
    " JOIN claims a ON a.id = l.a_id JOIN claims b ON b.id = l.b_id WHERE l.relation = 'conflict'"
    " AND (l.a_id IN (SELECT claim_id FROM ({of})) OR l.b_id IN (SELECT claim_id FROM ({of})))"
    " ORDER BY l.score DESC, l.id LIMIT ?2"
)


def outline(conn: sqlite3.Connection, of: Of, ident: int, posts: int) -> dict[str, Any]:
    """Return what is known of a set as a whole, with at most `posts` posts that say most of it.

    `kinds` (claims by kind), `months` (by month and kind), `posts`, `post_count`,
    `topics`, `entities`, `figures` and `conflicts`, each most important first.
    """

    def ask(sql: str, *more: object) -> list[tuple[Any, ...]]:
        return conn.execute(sql.format(of=_OF[of]), (ident, *more)).fetchall()

    by_month: dict[str, dict[str, int]] = {}
    for month, kind, count in ask(_MONTHS):
        by_month.setdefault(month, {})[kind] = count
    return {
        "kinds": dict(ask(_KINDS)),
        "months": by_month,
        "posts": _named(("key", "path", "title", "date", "claims"), ask(_POSTS, posts)),
        "post_count": int(ask(_POST_COUNT)[0][0]),
        "topics": [{"slug": slug, "names": {"ja": ja, "en": en}, "claims": n} for slug, ja, en, n in ask(_TOPICS, 12)],
        "entities": _named(("key", "name", "kind", "claims"), ask(_ENTITIES, 13)),
        "figures": _named(("words", "low", "high", "unit", "dimension", "claim", "text", "date"), ask(_FIGURES, 20)),
        "conflicts": [_pair(row) for row in ask(_CONFLICTS, 5)],
    }


def _named(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _pair(row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("claim", "text", "kind")
    return {
        "a": dict(zip(names, row[:3], strict=True)),
        "b": dict(zip(names, row[3:6], strict=True)),
        "score": row[6],
        "evidence": json.loads(row[7]),
    }


def claims(
    conn: sqlite3.Connection, of: Of, ident: int, kind: str, limit: int, offset: int = 0
) -> list[dict[str, Any]]:
    """Return claims of one kind in a set, those said in most posts first, each with its first place."""
    rows = conn.execute(_CLAIMS.format(of=_OF[of]), (ident, kind, limit, offset)).fetchall()
    said = occurrences(conn, [row[0] for row in rows])
    return [
        {
            "claim": key,
            "text": text,
            "kind": own_kind,
            "certainty": certainty,
            "holder": holder,
            "posts": posts,
            "score": score,
            "place": said[claim_id][0] if said[claim_id] else None,
        }
        for claim_id, key, text, own_kind, certainty, holder, posts, score in rows
    ]
