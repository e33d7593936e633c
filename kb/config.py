"""Where things are, and the settings that change what a reading looks like."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
READER_VERSION = 8  # raise it when the same text would be read differently
NORMALISER_VERSION = 1  # raise it when the same text would be embedded or indexed differently
APPLICATION_ID = 0x6B622121  # "kb!!", in the header of every database of ours
DEFAULT_DB = "kb.db"

READING_TABLES = ("sentences.toml", "boilerplate.toml", "drafts.toml", "anaphora.toml", "synonyms.yml")

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set about reading.

    `separators` are the lines, white space aside, that stand between two drafts.
    """

    separators: tuple[str, ...] = ("---END---",)

    def fingerprint(self) -> str:
        """Return a short hash: a post is read again when it changes."""
        state = json.dumps([READER_VERSION, asdict(self), _tables()], sort_keys=True)
        return hashlib.blake2b(state.encode(), digest_size=8).hexdigest()


@cache
def _tables() -> list[str]:
    """Return a hash of each table that reading uses: an edited one reads all posts again."""
    files = [resource("data", name) for name in READING_TABLES]
    files += sorted(p for folder in ("cues", "relate") for p in resource("data", folder).glob("*.toml"))
    return [hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest() for file in files if file.is_file()]


def resource(*parts: str) -> Path:
    """Return the path of a shipped file or folder: `data`, `migrations` or `datasette`.

    An installed wheel carries them in `kb/_share`; a checkout beside `kb/`.
    """
    shipped = _HERE / "_share"
    return (shipped if shipped.is_dir() else _HERE.parent).joinpath(*parts)


def database_path(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the database to use: the argument, else `$KB_DB`, else `kb.db`."""
    return Path(given or os.environ.get("KB_DB") or DEFAULT_DB)
