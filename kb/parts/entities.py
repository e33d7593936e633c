"""The names in a claim: aliases of `data/synonyms.yml`, Sudachi's proper nouns, runs of capitals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from kb.config import resource
from kb.datafiles import read_toml
from kb.errors import DataFileError
from kb.names import NameIndex, bare
from kb.parts.nfkc import normalised
from kb.records import Token
from kb.synonyms import groups
from kb.text import short_key

_LATIN = re.compile(r"(?<![A-Za-z0-9])[A-Z][A-Za-z0-9&.'+-]*(?:[ ・][A-Z0-9][A-Za-z0-9&.'+-]*)*")
_WORTHY = re.compile(r"[A-Z].*[A-Za-z]|[A-Za-z]+[-.]?\d")
_EDGE = re.compile(r"[.'&+-]+$")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a claim: the thing it names, the words and their place.

    `listed` things stand in `data/synonyms.yml`, under one name for all their
    aliases; others are known by their spelling and kind alone.
    """

    key: str
    name: str
    kind: str
    listed: bool
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Table:
    aliases: NameIndex[tuple[str, str]]  # surface -> (canonical name, kind)
    terms: frozenset[str]  # folded surfaces of groups that are no entities
    sudachi: dict[str, str]
    stop: frozenset[str]


@cache
def _table() -> _Table:
    """Load `data/entities.toml` and the groups of `data/synonyms.yml`."""
    path = resource("data", "entities.toml")
    data = read_toml(path)
    try:
        of_groups = set(data["kinds"]["of_groups"])
        stop = frozenset(bare(word) for word in (*data["stop"]["latin"], *data["stop"]["words"]))
        sudachi = dict(data["kinds"]["of_sudachi"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    aliases: dict[str, tuple[str, str]] = {}
    terms: set[str] = set()
    for group in groups(resource("data", "synonyms.yml")):
        if group.kind in of_groups:
            aliases.update((bare(name), (group.names[0], group.kind)) for name in group.names)
        else:
            terms.update(bare(name) for name in group.names)
    return _Table(NameIndex(aliases), frozenset(terms), sudachi, stop)


def entities(text: str, words: Sequence[Token]) -> list[Mention]:
    """Return the names in `text` in order; where two overlap, aliases win, then the longer.

    Args:
        text: the words of a claim.
        words: its tokens.
    """
    table = _table()
    plain, places = normalised(text)
    found: list[Mention] = []

    def add(start: int, end: int, name: str, kind: str, listed: bool = False) -> None:
        if start < end and all(end <= m.start or m.end <= start for m in found):
            key = short_key("entity", "" if listed else kind, bare(name))
            found.append(Mention(key, name, kind, listed, text[start:end], start, end))

    for start, end, (name, kind) in table.aliases.find(plain):
        add(places[start], places[end - 1] + 1, name, kind, listed=True)
    for match in _LATIN.finditer(plain):
        skipped = _skipped(match[0], table)
        surface = _EDGE.sub("", match[0][skipped:])
        start = match.start() + skipped
        if _WORTHY.search(surface) and not _stopped(surface, table):
            add(places[start], places[start + len(surface) - 1] + 1, surface, "name")
    for start, end, kind in _proper(words, table):
        surface = text[start:end]
        if len(surface) > 1 and not _stopped(surface, table):
            add(start, end, surface, kind)
    return sorted(found, key=lambda m: m.start)


def _skipped(run: str, table: _Table) -> int:
    """Return how many characters of a run of capitals are words such as In and The, which begin a sentence."""
    at = 0
    for word in re.finditer(r"[^ ・]+[ ・]", run):
        if bare(word[0].rstrip(" ・")) not in table.stop or word[0].isupper():
            break
        at = word.end()
    return at


def _stopped(surface: str, table: _Table) -> bool:
    """Tell whether a run of letters names no single thing: it, or each of its words, is on the list."""
    folded = bare(surface)
    if folded in table.stop or folded in table.terms:
        return True
    return all(bare(word) in table.stop for word in re.split(r"[ ・]", surface) if word)


def _proper(words: Sequence[Token], table: _Table) -> list[tuple[int, int, str]]:
    """Return runs of Sudachi's proper nouns of one kind as (start, end, kind)."""
    runs: list[tuple[int, int, str]] = []
    for token in words:
        if token.pos[0] != "名詞" or token.pos[1] != "固有名詞":
            continue
        kind = table.sudachi.get(token.pos[2])
        if kind is None or token.surface.isascii():
            continue
        if runs and runs[-1][1] == token.start and runs[-1][2] == kind:
            runs[-1] = (runs[-1][0], token.end, kind)
        else:
            runs.append((token.start, token.end, kind))
    return runs
