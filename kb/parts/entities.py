"""The names in a claim: aliases of `data/synonyms.yml`, Sudachi's proper nouns, runs of capitals."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from kb.config import resource
from kb.errors import DataFileError
from kb.parts.nfkc import normalised
from kb.records import Token
from kb.text import short_key

_LATIN = re.compile(r"(?<![A-Za-z0-9])[A-Z][A-Za-z0-9&.'+-]*(?:[ ・][A-Z0-9][A-Za-z0-9&.'+-]*)*")
_WORTHY = re.compile(r"[A-Z].*[A-Za-z]|[A-Za-z]+[-.]?\d")
_KATAKANA = re.compile(r"[ァ-ヺー]{2}")
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
    aliases: dict[str, tuple[str, str]]  # folded surface -> (canonical name, kind)
    lengths: dict[str, tuple[int, ...]]  # first letter -> lengths of the surfaces that begin so, longest first
    terms: frozenset[str]  # folded surfaces of groups that are no entities
    sudachi: dict[str, str]
    stop: frozenset[str]


@cache
def _table() -> _Table:
    """Load `data/entities.toml` and the groups of `data/synonyms.yml`."""
    path, groups_path = resource("data", "entities.toml"), resource("data", "synonyms.yml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        of_groups = set(data["kinds"]["of_groups"])
        stop = frozenset(_fold(word) for word in (*data["stop"]["latin"], *data["stop"]["words"]))
        sudachi = dict(data["kinds"]["of_sudachi"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    aliases: dict[str, tuple[str, str]] = {}
    terms: set[str] = set()
    for group in _groups(groups_path):
        kind = str(group.get("kind", "term"))
        names = [str(name) for name in group["names"]]
        if kind in of_groups:
            aliases.update((_fold(name), (names[0], kind)) for name in names)
        else:
            terms.update(_fold(name) for name in names)
    lengths: dict[str, set[int]] = defaultdict(set)
    for name in filter(None, aliases):
        lengths[name[0]].add(len(name))
    ordered = {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()}
    return _Table(aliases, ordered, frozenset(terms), sudachi, stop)


def _groups(path: Any) -> list[dict[str, Any]]:
    """Return the groups of the synonyms file."""
    try:
        groups = yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))["groups"]
        return [group for group in groups if isinstance(group, dict) and group.get("names")]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise DataFileError(f"{path}: {error!r}") from error


def _fold(name: str) -> str:
    return normalised(name)[0].casefold().replace(" ", "").replace("・", "")


def _listed(plain: str, table: _Table) -> Iterator[tuple[int, int, str, str]]:
    """Yield (start, end, name, kind) of the listed names in NFKC text, the longest at each place.

    Spaces and dots between the letters of a name do not count; Latin letters
    must not run on at its ends.
    """
    lowered = plain.lower()
    if len(lowered) != len(plain):
        return  # a letter whose small form is two (İ): rare enough to do without
    kept = [i for i, c in enumerate(lowered) if c not in " ・"]
    letters = "".join([lowered[i] for i in kept])
    at = 0
    while at < len(letters):
        step = 1
        for length in table.lengths.get(letters[at], ()):
            name = letters[at : at + length]
            if len(name) == length and name in table.aliases:
                start, end = kept[at], kept[at + length - 1] + 1
                if not (_runs_on(lowered, start - 1, start) or _runs_on(lowered, end - 1, end)):
                    yield start, end, *table.aliases[name]
                    step = length
                    break
        at += step


def _runs_on(text: str, a: int, b: int) -> bool:
    """Tell whether the characters at `a` and `b` belong to one run of Latin letters and digits, or of katakana."""
    if a < 0 or b >= len(text):
        return False
    pair = text[a] + text[b]
    return (pair.isascii() and pair.isalnum()) or bool(_KATAKANA.fullmatch(pair))


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
            key = short_key("entity", "" if listed else kind, _fold(name))
            found.append(Mention(key, name, kind, listed, text[start:end], start, end))

    for start, end, name, kind in _listed(plain, table):
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
        if _fold(word[0].rstrip(" ・")) not in table.stop or word[0].isupper():
            break
        at = word.end()
    return at


def _stopped(surface: str, table: _Table) -> bool:
    """Tell whether a run of letters names no single thing: it, or each of its words, is on the list."""
    folded = _fold(surface)
    if folded in table.stop or folded in table.terms:
        return True
    return all(_fold(word) in table.stop for word in re.split(r"[ ・]", surface) if word)


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
