"""What was perhaps meant by an address that nobody knows."""

from __future__ import annotations

import difflib
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from kb.errors import near

_NEAR = 0.4


def near_claims(conn: sqlite3.Connection, key: str) -> str:
    """Return the end of a message: the claims whose keys begin like `key`, a link cut short."""
    head = key[:8]
    if len(head) < 4:
        return ""
    # The first letters of a key, as a range: an index answers that.
    rows = conn.execute(
        "SELECT key FROM claims WHERE key >= ? AND key < ? LIMIT 20", (head, head + "\uffff")
    ).fetchall()
    return near(key, [row[0] for row in rows]) if rows else ""


def near_posts(conn: sqlite3.Connection, given: str, most: int = 5) -> list[dict[str, Any]]:
    """Return posts whose title, file name or key is near `given`."""
    rows = conn.execute("SELECT key, path, title, date FROM posts").fetchall()
    names: dict[str, Sequence[Any]] = {}
    for row in rows:
        names.update({_fold(str(row[0])): row, _fold(str(row[1]).rsplit("/", 1)[-1]): row, _fold(str(row[2])): row})
    return [dict(zip(("key", "path", "title", "date"), row, strict=True)) for row in _nearest(given, names, most)]


def near_topics(topics: Sequence[Mapping[str, Any]], given: str, most: int = 5) -> list[Mapping[str, Any]]:
    """Return topics whose slug or name is near `given`; those with most claims where none is."""
    names = {}
    for topic in reversed(topics):
        for name in (topic["slug"], *topic["names"].values()):
            names[_fold(name)] = topic
    return list(_nearest(given, names, most)) or [topic for topic in topics if topic["claims"]][:most]


def _nearest(given: str, names: Mapping[str, Any], most: int) -> list[Any]:
    """Return the values of the names that are near `given` or hold it, each once."""
    folded = _fold(given)[:200]
    if not folded:
        return []
    close = [name for name in names if folded in name][:most]
    close += difflib.get_close_matches(folded, list(names), n=most, cutoff=_NEAR)
    found: list[Any] = []
    for name in close:
        if names[name] not in found:
            found.append(names[name])
    return found[:most]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
