"""Every exception that `kb` raises on purpose.

Each message is one line that names the file or argument at fault and says what
to do; the command line prints it and exits with `exit_code`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class KbError(Exception):
    """Base of all errors a user can do something about."""

    exit_code = 1


class UsageError(KbError):
    """An argument that makes no sense, whatever the data."""

    exit_code = 2


class SourceError(KbError):
    """A source file or folder that cannot be read.

    `path` is the file or folder, `reason` says what is wrong with it.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class DatabaseError(KbError):
    """The database file is missing, damaged, not ours, or cannot be written."""


class SchemaError(DatabaseError):
    """The database was written by another version of `kb` and cannot be used as it is."""


class LockedError(DatabaseError):
    """Another build holds the database."""


class ModelError(KbError):
    """An embedding model that is unknown, missing from the disk, or damaged."""


class NotFoundError(KbError):
    """A claim, post, topic or filter value that the database does not hold."""


class DataFileError(KbError):
    """A data file (cue table, topics, synonyms) that breaks its own rules."""


class ExtraMissingError(KbError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'kb[{extra}]'")


def near(given: str, known: Iterable[str], most: int = 3) -> str:
    """Return the end of a message about a name that is not known: those most like it, or "" where none is."""
    import difflib
    import unicodedata

    names = {unicodedata.normalize("NFKC", name).casefold().strip(): name for name in sorted(known, reverse=True)}
    folded = unicodedata.normalize("NFKC", given).casefold().strip()
    close = difflib.get_close_matches(folded, list(names), n=most, cutoff=0.5)
    close += [name for name in names if folded and folded in name and name not in close]
    if close:
        return f"; near names: {', '.join(names[name] for name in close[:most])}"
    return f"; there are: {', '.join(sorted(names.values()))}" if 0 < len(names) <= 2 * most else ""
