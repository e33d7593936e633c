"""One database file, opened for the pages: another file under the same name and every commit are noticed.

What needs a walk over the whole database (counts, topics) is kept until the file changes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kb import schema
from kb.config import DEFAULT_DB
from kb.errors import DatabaseError, KbError

if TYPE_CHECKING:
    from kb.base import KnowledgeBase

_T = TypeVar("_T")
_MOST_KEPT = 500


class Opened:
    """A database file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened when the first page asks for it."""
        self.path = path
        self._lock = threading.RLock()
        self._base: KnowledgeBase | None = None
        self._watch: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._seen = 0
        self._version = 0
        self._kept: dict[str, tuple[int, Any]] = {}

    def close(self) -> None:
        """Close the database; the next call opens it again."""
        with self._lock:
            if self._base is not None:
                self._base.close()
            if self._watch is not None:
                self._watch.close()
            self._base = self._watch = None
            self._kept.clear()

    def base(self) -> KnowledgeBase:
        """Return the open database; another file under the same name is noticed.

        Raises:
            DatabaseError: missing, damaged or not ours.
            SchemaError: a newer `kb` wrote it, or it is older and cannot be upgraded.
        """
        return self._fresh()[0]

    def _fresh(self) -> tuple[KnowledgeBase, int]:
        """Return the open database and a number that grows with every change of the file."""
        with self._lock:
            try:
                state = self.path.stat()
                file = (state.st_dev, state.st_ino)
            except OSError:
                file = (0, 0)
            try:
                if file != self._file or self._base is None or self._watch is None:
                    self._open(file)
                elif (seen := _data_version(self._watch)) != self._seen:
                    schema.connect(self.path).close()  # raises where another kb has changed the schema meanwhile
                    self._seen = seen
                    self._version += 1
            except sqlite3.DatabaseError as error:
                self.close()
                raise DatabaseError(f"{self.path}: cannot be read: {error}; check it with: kb verify") from error
            assert self._base is not None
            return self._base, self._version

    def _open(self, file: tuple[int, int]) -> None:
        """Open the database afresh; `file` is the device and number of the file that is there now."""
        import kb

        self.close()
        self._base = kb.open(self.path)
        self._watch = schema.connect(self.path)
        self._file, self._seen = file, _data_version(self._watch)
        self._version += 1

    def keep(self, name: str, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what `ask` finds, from memory if the file has not changed since it was asked last."""
        base, version = self._fresh()
        with self._lock:
            held = self._kept.get(name)
        if held is not None and held[0] == version:
            found: _T = held[1]
            return found
        found = base.read(ask)
        with self._lock:
            if len(self._kept) > _MOST_KEPT:
                self._kept.clear()
            self._kept[name] = (version, found)
        return found

    def told(self, error: KbError) -> str:
        """Return an error's message without the folder that the database is in: strangers read it."""
        return str(error).replace(str(self.path), self.path.name or DEFAULT_DB)


def _data_version(connection: sqlite3.Connection) -> int:
    """Return SQLite's own count of what others have committed."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
