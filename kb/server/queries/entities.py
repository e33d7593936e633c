"""One entity: under which names it is called, and how often."""

from __future__ import annotations

import sqlite3
from typing import Any

from kb.errors import NotFoundError, near

_HEAD = "SELECT id, key, name, kind, listed FROM entities WHERE key = ?1 OR name = ?1 ORDER BY key <> ?1 LIMIT 1"
_NAMES = (
    "SELECT text, count(*) AS n FROM claim_entities WHERE entity_id = ? GROUP BY text ORDER BY n DESC, text LIMIT 30"
)


def entity(conn: sqlite3.Connection, given: str) -> dict[str, Any]:
    """Return an entity by its key or name: `id`, `key`, `name`, `kind`, `listed`, `names` with counts.

    Raises:
        NotFoundError: there is none; near names are told.
    """
    row = conn.execute(_HEAD, (given,)).fetchone()
    if row is None:
        known = [str(name) for (name,) in conn.execute("SELECT name FROM entities")]
        raise NotFoundError(f"no entity {given[:60]!r} in this database{near(given[:60], known)}")
    found = dict(zip(("id", "key", "name", "kind", "listed"), row, strict=True))
    found["names"] = [{"text": text, "count": count} for text, count in conn.execute(_NAMES, (found["id"],))]
    return found
