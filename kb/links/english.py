"""English sentences taken apart: stems, denials, opposites, and the order that says who does what.

English marks by order what Japanese marks by particles, so the words are kept in
order for `kb.links.roles`. There is no parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.errors import DataFileError
from kb.links.negation import Word
from kb.links.tables import Pole, Tables, load, pattern

_WORD = re.compile(r"[A-Za-z]+(?:[-'’][A-Za-z]+)*")
_DENIED = re.compile(r"n['’]t$|^cannot$", re.IGNORECASE)
_OWNER = re.compile(r"['’]s?$")
_ENDING = re.compile(r"(?:ies|ied|ing|(?<!e)ed|(?<=[sxz])es|(?<=[cs]h)es|(?<![isu])s)$")
_SILENT = re.compile(r"(\w{2})e$")
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLE = re.compile(r"([bdfgklmnprt])\1$")
_BE = r"\b(?:is|are|was|were|be|been|being)\b(?: not| \w+ly)* "
_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff]")
_LETTERS = re.compile(r"[A-Za-z]{2}")
_KEPT = 3  # letters that a stem keeps
FIRST_AXIS = 10_000  # English axes are counted from here, so that none is taken for a Japanese one
_SIDES = 2


@dataclass(frozen=True, slots=True)
class English:
    """What `data/relate/english.toml` says, by stem, `scopes` by word."""

    light: frozenset[str]
    negators: frozenset[str]
    openers: re.Pattern[str]
    axes: dict[str, tuple[Pole, ...]]
    groups: dict[str, str]
    scopes: dict[str, tuple[int, ...]]
    irregular: dict[str, str]
    passive: re.Pattern[str]


def is_english(text: str) -> bool:
    """Tell whether a sentence holds Latin words and no Japanese letter."""
    return _JAPANESE.search(text) is None and _LETTERS.search(text) is not None


@lru_cache(maxsize=1)
def english() -> English:
    """Return the tables, read on first use. Raises DataFileError where an axis has not two sides."""
    data = load("english.toml")
    irregular = {form: stem(base) for form, base in data["irregular"].items()}
    axes: dict[str, list[Pole]] = {}
    for number, row in enumerate(data["axes"], FIRST_AXIS):
        if len(row) != _SIDES:
            raise DataFileError(f"data/relate/english.toml: axis {number - FIRST_AXIS + 1} must have two sides")
        for side, words in zip((1, -1), row, strict=True):
            for word in words.split():
                axes.setdefault(irregular.get(word) or stem(word), []).append((number, side))
    groups: dict[str, str] = {}
    for row in data["groups"]:
        first, *others = (irregular.get(word) or stem(word) for word in row.split())
        for word in (first, *others):
            groups.setdefault(word, first)
    scopes: dict[str, tuple[int, ...]] = {}
    for number, row in enumerate(data["scopes"], FIRST_AXIS):
        for word in row.split():
            scopes[word] = (*scopes.get(word, ()), number)
    participle = "|".join([r"\w+ed", *sorted(irregular)])
    return English(
        light=frozenset(data["light"].split()),
        negators=frozenset(data["negators"].split()),
        openers=re.compile(rf"^(?:(?:{data['openers']}),\s*|(?:but|and|so)\s+)+", re.IGNORECASE),
        axes={word: tuple(poles) for word, poles in axes.items()},
        groups=groups,
        scopes=scopes,
        irregular=irregular,
        passive=pattern("english.toml", "irregular", [rf"{_BE}(?:{participle})\b(?! to\b)"]),
    )


def stem(word: str) -> str:
    """Return what the forms of an English word have in common: closes, closed and closing are `clos`.

    The first steps of Porter's algorithm (https://tartarus.org/martin/PorterStemmer/), which is all that is needed
    where stems are only compared with each other.
    """
    low = word.lower()
    match = _ENDING.search(low)
    if match and len(low) > _KEPT and _VOWEL.search(low, 0, match.start()):
        low = low[: match.start()] + ("y" if match[0] in ("ies", "ied") else "")
    return _DOUBLE.sub(r"\1", _SILENT.sub(r"\1", low))


def strip_openers(text: str) -> str:
    """Return an English sentence without the openers it starts with; never the empty string."""
    match = english().openers.match(text)
    return text[match.end() :] if match and match.end() < len(text) else text


def read_english(text: str, taken: Sequence[tuple[int, int]], table: Tables) -> tuple[list[Word], int, bool]:
    """Return the content words of an English sentence, the number of denials, and whether its predicate is denied.

    `taken` are stretches that are numbers or dates: compared elsewhere.
    """
    data = english()
    names = {start: (end, name) for start, end, name in table.names.find(text)}
    words: list[Word] = []
    denials, denying, edge = 0, False, 0
    for at, match in enumerate(_WORD.finditer(text)):
        start, surface = match.start(), match[0]
        if start < edge or any(a <= start and match.end() <= b for a, b in taken):
            continue
        low = surface.lower()
        if _DENIED.search(low) or low in data.negators:
            denials, denying = denials + 1, not denying
            continue
        if start in names:
            edge, name = names[start]
            kind = "entity" if name in table.things else "noun"
            word = Word("@" + name, text[start:edge], surface, kind, 1.5 if kind == "entity" else 1.0, at, start)
        elif low in data.light:
            continue
        else:
            word = _content(_OWNER.sub("", surface), at, start, data)
        if denying:
            word.sign, word.denials, denying = -1, 1, False
        words.append(word)
    return words, denials, denials % 2 == 1


def _content(surface: str, at: int, start: int, data: English) -> Word:
    base = data.irregular.get(surface.lower()) or stem(surface)
    entity = surface[0].isupper() and start > 0
    poles = data.axes.get(base, ())
    name = data.groups.get(base, base)
    return Word(name, surface, surface, "entity" if entity else "noun", 1.5 if entity else 1.0, at, start, poles)


def tense(text: str) -> str:
    """Return past or plain: whether an English sentence tells what was."""
    data = english()
    words = [match[0].lower() for match in _WORD.finditer(text)]
    if {"was", "were", "did", "had"} & set(words):
        return "past"
    for before, word in zip(["", *words], words, strict=False):
        past = word.endswith("ed") or (word in data.irregular and data.irregular[word] != stem(word))
        if past and before not in ("is", "are", "be", "been", "being", "has", "have", "not"):
            return "past"
    return "plain"
