"""The best claims of a search counted by kind, topic, entity, month and article."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

_KIND = "SELECT c.kind, c.kind, count(*) AS n FROM pool p JOIN claims c ON c.id = p.value GROUP BY 1 ORDER BY n DESC, 1"
_TOPIC = (
    "SELECT t.slug, json_object('ja', t.name_ja, 'en', t.name_en), count(*) AS n FROM pool p"
    " JOIN claim_topics ct ON ct.claim_id = p.value JOIN topics t ON t.id = ct.topic_id GROUP BY t.id"
    " ORDER BY n DESC, t.slug LIMIT ?2"
)
_ENTITY = (
    "SELECT e.key, e.name, count(DISTINCT ce.claim_id) AS n FROM pool p JOIN claim_entities ce ON ce.claim_id = p.value"
    " JOIN entities e ON e.id = ce.entity_id WHERE e.kind <> 'name' OR e.listed GROUP BY e.id"
    " ORDER BY n DESC, e.name LIMIT ?2"
)
_MONTH = (
    "SELECT substr(po.date, 1, 7) AS m, substr(po.date, 1, 7), count(DISTINCT p.value) FROM pool p"
    " JOIN occurrences o ON o.claim_id = p.value JOIN posts po ON po.id = o.post_id"
    " WHERE po.date GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]*' GROUP BY 1 ORDER BY m DESC LIMIT ?2"
)
_POST = (
    "SELECT po.key, CASE po.title WHEN '' THEN po.path ELSE po.title END, count(DISTINCT p.value) AS n FROM pool p"
    " JOIN occurrences o ON o.claim_id = p.value JOIN posts po ON po.id = o.post_id GROUP BY po.id"
    " ORDER BY n DESC, po.date DESC, po.path LIMIT ?2"
)
_FACETS = {"kind": _KIND, "topic": _TOPIC, "entity": _ENTITY, "month": _MONTH, "post": _POST}
SHOWN = 8  # values of a facet


def counted(conn: sqlite3.Connection, pool: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """Return by facet the values that claims (by id) have, most frequent first, months newest first.

    A value has `value` (what the search's parameter takes), `name` (of a topic:
    by language) and `count`.
    """
    ids = json.dumps(list(pool))
    found: dict[str, list[dict[str, Any]]] = {}
    for facet, sql in _FACETS.items():
        rows = conn.execute(
            f"WITH pool AS (SELECT value FROM json_each(?1)) {sql}", (ids, SHOWN)[: sql.count("?2") + 1]
        )
        found[facet] = [
            {"value": value, "name": json.loads(name) if facet == "topic" else name, "count": count}
            for value, name, count in rows
        ]
    return found


def named(conn: sqlite3.Connection, entity: str | None, post: str | None) -> dict[str, str]:
    """Return how the entity (by key) and the post (by key or path) of a filter are called, as far as they are known."""
    found: dict[str, str] = {}
    for name, given, sql in (
        ("entity", entity, "SELECT name FROM entities WHERE key = ?1"),
        ("post", post, "SELECT CASE title WHEN '' THEN path ELSE title END FROM posts WHERE key = ?1 OR path = ?1"),
    ):
        row = conn.execute(sql, (given,)).fetchone() if given else None
        if row:
            found[name] = str(row[0])
    return found
