"""Names that stand for each other: data/synonyms.yml, read and checked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.errors import DataFileError

_LATIN = re.compile(r"[0-9a-z]")
TERM = "term"  # the kind of a group that names no single thing in the world


@dataclass(frozen=True, slots=True)
class Group:
    """Names that stand for each other, as written; the first is the canonical one. `kind` says what they name."""

    names: tuple[str, ...]
    kind: str = TERM


def fold_name(text: str) -> str:
    """Return `text` as names are compared: NFKC, case folded, white space single."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def bounded(name: str) -> re.Pattern[str]:
    """Return a pattern for a folded name in folded text; Latin letters and digits must not run on at its ends."""
    before = r"(?<![0-9a-z])" if _LATIN.match(name[0]) else ""
    after = r"(?![0-9a-z])" if _LATIN.match(name[-1]) else ""
    return re.compile(before + re.escape(name) + after)


def groups(path: Path) -> tuple[Group, ...]:
    """Read groups of names: under `groups`, lists of names or tables with `names` and, for single things, `kind`.

    Raises `DataFileError` where the file cannot be read or is not of that shape.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, ten times as fast, where it is there
    try:
        data = yaml.load(path.read_text("utf-8"), loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataFileError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    listed = data.get("groups") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise DataFileError(f"{path}: expected a list under the key groups")
    found = []
    for number, group in enumerate(listed, 1):
        names = group.get("names") if isinstance(group, dict) else group
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n.strip() for n in names):
            raise DataFileError(f"{path}: group {number}: names must be a list of words")
        kind = group.get("kind") if isinstance(group, dict) else None
        found.append(Group(tuple(names), str(kind or TERM)))
    return tuple(found)


def load(path: Path) -> tuple[tuple[str, ...], ...]:
    """Return the names of each group, folded and each once. Raises as `groups` does."""
    return tuple(tuple(dict.fromkeys(fold_name(name) for name in group.names)) for group in groups(path))
