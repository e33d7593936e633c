"""Checks of an export: every quote is what its claim says, and stands in its posts where it is said to stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

from kb import schema
from kb.errors import DatabaseError
from kb.export import cited
from kb.export.cited import Cited, Fault, Place
from kb.export.words import day, kept, shown

_SHOWN_CHARACTERS = 30
_POST = "SELECT p.id, p.date, s.text FROM posts p JOIN sources s ON s.post_id = p.id WHERE p.path = ?"
_SENTENCE = (
    "SELECT s.text, s.plain, c.key FROM sentences s LEFT JOIN occurrences o ON o.sentence_id = s.id"
    ' LEFT JOIN claims c ON c.id = o.claim_id WHERE s.post_id = ? AND s.start = ? AND s."end" = ?'
)
_GONE = (
    "SELECT json_extract(detail, '$.text') FROM claim_events WHERE key = ? AND event = 'gone' ORDER BY build_id DESC"
)


def exported(db: Path, paths: Sequence[Path]) -> tuple[list[str], dict[str, int]]:
    """Check exported files, or folders of them, against a database.

    Returns:
        What is wrong, `file: line: what` each and empty if nothing is; and how much was checked.

    Raises:
        SourceError: no such file, or no export.
        DatabaseError: the database cannot be read.
    """
    counts = {"files": 0, "quotes": 0, "places": 0}
    problems: list[str] = []
    with closing(schema.connect(db)) as connection:
        try:
            known = _Known(connection)
            for file, found in (one for path in paths for one in cited.read(path)):
                counts["files"] += 1
                for one in found:
                    if isinstance(one, Cited):
                        counts["quotes"] += one.text is not None
                        counts["places"] += len(one.places)
                    problems += [f"{file}: line {one.line}: {fault}" for fault in known.faults(one)]
        except sqlite3.DatabaseError as error:
            raise DatabaseError(f"{db}: cannot be read: {error}; check it with: kb verify") from error
    return list(dict.fromkeys(problems)), counts


class _Known:
    """What the database says of the claims and places that an export names."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._post = lru_cache(maxsize=64)(self._ask_post)

    def faults(self, one: Cited | Fault) -> Iterator[str]:
        """Yield what is wrong with one quote."""
        if isinstance(one, Fault):
            yield one.text
            return
        if one.key:
            row = self._connection.execute("SELECT text FROM claims WHERE key = ?", (one.key,)).fetchone()
            if row is None:
                yield from self._gone(one)
                return
            if one.text is not None and shown(one.text) != shown(row[0]):
                yield f"is not what claim {one.key} says: {_short(one.text)}"
        if not one.places:
            yield f"cites no place: {_short(one.text or one.key)}"
        for place in one.places:
            yield from self._place(one, place)

    def _gone(self, one: Cited) -> Iterator[str]:
        """Check a claim that the database no longer holds against the log of those that went."""
        texts = [shown(text or "") for (text,) in self._connection.execute(_GONE, (one.key,))]
        if not texts:
            yield f"claim {one.key} is not in the database"
        elif one.text is not None and shown(one.text) not in texts:
            yield f"is not what claim {one.key} said before it went: {_short(one.text)}"

    def _place(self, one: Cited, place: Place) -> Iterator[str]:
        post = self._post(place.post)
        where = f"{place.post} {', '.join(f'{a}-{b}' for a, b in place.spans)}"
        if post is None:
            yield f"there is no post {place.post}"
            return
        post_id, date, text = post
        quote = "".join(text[a:b] for a, b in place.spans)
        if place.quote is not None and kept(place.quote) != kept(quote):
            yield f"{where} does not say: {_short(place.quote)}"
        if place.date is not None and place.date != day(date):
            yield f"{place.post} is of {day(date) or 'no date'}, not {place.date or 'without one'}"
        rows = self._connection.execute(_SENTENCE, (post_id, place.spans[0][0], place.spans[-1][1])).fetchall()
        said = [(plain, key) for whole, plain, key in rows if whole == quote]
        if not said:
            yield f"no sentence stands at {where}"
        elif one.key and one.key not in {key for _, key in said}:
            yield f"what stands at {where} is not claim {one.key}"
        elif not one.key and one.text is not None and shown(one.text) not in {shown(plain) for plain, _ in said}:
            yield f"{where} does not say: {_short(one.text)}"

    def _ask_post(self, path: str) -> tuple[int, str | None, str] | None:
        row: tuple[Any, ...] | None = self._connection.execute(_POST, (path,)).fetchone()
        return (int(row[0]), row[1], str(row[2])) if row else None


def _short(text: str) -> str:
    return repr(text[:_SHOWN_CHARACTERS])
