"""What pages show of the whole database: counts, topics with their months, entities named most."""

from __future__ import annotations

import sqlite3
from typing import Any

from kb.search import lookups, ties
from kb.store.queries import REPEATS

_SPARK = (
    "SELECT t.slug, substr(c.first_date, 1, 7), count(*) FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id"
    " JOIN claims c ON c.id = ct.claim_id WHERE c.first_date GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]*' GROUP BY 1, 2"
)
_ENTITIES = (
    "SELECT e.key, e.name, e.kind, count(DISTINCT ce.claim_id) AS n FROM claim_entities ce"
    " JOIN entities e ON e.id = ce.entity_id WHERE e.kind <> 'name' OR e.listed"
    " GROUP BY e.id ORDER BY n DESC, e.name LIMIT ?"
)


def numbers(conn: sqlite3.Connection) -> dict[str, Any]:
    """Return `lookups.stats` with `repeats` (as `kb build` counts them) and `conflicts` among its counts."""
    found = lookups.stats(conn)
    marks = ",".join("?" * len(REPEATS))
    (found["counts"]["repeats"],) = conn.execute(
        f"SELECT count(*) FROM ledger WHERE action IN ({marks})", REPEATS
    ).fetchone()
    found["counts"]["conflicts"] = sum(pair["state"] != "dismissed" for pair in ties.conflicts(conn))
    return found


def dismissed(conn: sqlite3.Connection) -> set[frozenset[str]]:
    """Return the pairs of claims, by key, that a reader has said not to contradict each other."""
    return {frozenset(pair["keys"]) for pair in ties.conflicts(conn) if pair["state"] == "dismissed"}


def topics(conn: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every topic with its counts, those with most claims first; `months` counts claims by first month."""
    months: dict[str, dict[str, int]] = {}
    for slug, month, count in conn.execute(_SPARK):
        months.setdefault(slug, {})[month] = count
    found = lookups.topics(conn)
    for topic in found:
        topic["months"] = months.get(topic["slug"], {})
    return sorted(found, key=lambda topic: (-topic["claims"], topic["slug"]))


def entities(conn: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the entities that most claims name; loose names that no list knows are left out."""
    names = ("key", "name", "kind", "claims")
    return [dict(zip(names, row, strict=True)) for row in conn.execute(_ENTITIES, (limit,))]
