"""The word lists behind the comparison of sentences, read once from `data/relate/`.

A linguist edits the TOML files; this module turns them into look-ups and says
which file and which entry is at fault when one breaks its own rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kb.config import resource
from kb.datafiles import read_toml
from kb.errors import DataFileError
from kb.names import NameIndex, bare
from kb.synonyms import TERM, groups
from kb.text import tokens

Pole = tuple[int, int]  # axis, side (+1 or -1)


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything `data/relate/*.toml` says, in the form the stage looks it up.

    `axes` maps a word to the axes it stands on and the side; `groups` maps a
    word to the name of its group of synonyms; `scopes` maps a word to the rows
    of contrasts it stands in; `contraries` are axes between whose sides there is a
    middle; on the axes `loose` words of one side are not alike; `letters` and
    `scope_marks` are pairs of letters that make two words opposites or name two
    places or kinds; `siblings` maps a word to the row of kinds that exclude each
    other; `native` are letters that mean one thing in verbs and compounds; `marking`
    are patterns of what else is noted of a sentence; `rewrites` are (a string
    that must occur, pattern, what takes its place); `names` finds listed names and the
    first of their group, and `things` are those that name one thing in the world.
    """

    openers: re.Pattern[str]
    neutral: re.Pattern[str]
    hedges: re.Pattern[str]
    modality: tuple[tuple[str, re.Pattern[str]], ...]
    patterns: dict[str, re.Pattern[str]]
    ornament: frozenset[str]
    light: frozenset[str]
    words: dict[str, frozenset[str]]
    axes: dict[str, tuple[Pole, ...]]
    groups: dict[str, str]
    scopes: dict[str, tuple[int, ...]]
    converses: frozenset[frozenset[str]]
    contraries: frozenset[int]
    loose: frozenset[int]
    letters: frozenset[frozenset[str]]
    scope_marks: frozenset[frozenset[str]]
    siblings: dict[str, int]
    native: frozenset[str]
    marking: tuple[tuple[str, re.Pattern[str]], ...]
    rewrites: tuple[tuple[str, re.Pattern[str], str], ...]
    names: NameIndex[str]
    things: frozenset[str]


def load(name: str) -> dict[str, Any]:
    """Return one file of `data/relate/`. Raises DataFileError if it is missing or no TOML."""
    return read_toml(resource("data", "relate", name))


def pattern(name: str, key: str, alternatives: list[str], wrap: str = "{}") -> re.Pattern[str]:
    """Return one compiled alternation of `alternatives`; `name` and `key` are for the error message."""
    try:
        return re.compile(wrap.format("|".join(f"(?:{p})" for p in alternatives)))
    except re.error as error:
        raise DataFileError(f"data/relate/{name}: {key}: {error}; correct the pattern") from error


def spellings(word: str) -> tuple[str, ...]:
    """Return `word` and the normalised form Sudachi gives it, if it is one word there."""
    found = tokens(word)
    if len(found) == 1 and found[0].norm != word:
        return word, found[0].norm
    if len(found) == 2 and found[1].norm == "為る":
        return word, found[0].norm
    return (word,)


def _axes(data: dict[str, Any]) -> dict[str, tuple[Pole, ...]]:
    table: dict[str, list[Pole]] = {}
    for number, row in enumerate([*data["axes"], *data["opposed"]]):
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(side, str) for side in row)):
            raise DataFileError(f"data/relate/antonyms.toml: axis {number + 1} must have two sides, each a string")
        for side, words in zip((1, -1), row, strict=True):
            for word in words.split():
                for spelling in (*spellings(word), *nominal(word)):
                    poles = table.setdefault(spelling, [])
                    if (number, side) not in poles:
                        poles.append((number, side))
    return {word: tuple(poles) for word, poles in table.items()}


def _literal(regex: str) -> str:
    """Return the longest string that every match of `regex` holds, "" if none is seen: to look for it is cheap."""
    runs, run, depth = [], "", 0
    for at, sign in enumerate(regex):
        depth += (sign in "([") - (sign in ")]")
        optional = regex[at + 1 : at + 2] in ("?", "*", "{")
        plain = not depth and "\u3041" <= sign <= "\u9fff" and not optional
        if sign == "|" and not depth:
            return ""
        if plain:
            run += sign
        else:
            runs.append(run)
            run = ""
    return max([*runs, run], key=len)


_STEMS = dict(zip("うくぐすつぬぶむる", "いきぎしちにびみり", strict=True))
_EI = frozenset("いきしちにひみりぎじびえけせてねへめれげぜでべ")


def nominal(verb: str, least: int = 2) -> tuple[str, ...]:
    """Return the noun of a verb written with `least` kanji or more, as 打ち切り of 打ち切る."""
    if len(verb) < 2 or verb[-1] not in _STEMS or sum("\u4e00" <= c <= "\u9fff" for c in verb) < least:
        return ()
    return (verb[:-1],) if verb[-1] == "る" and verb[-2] in _EI else (verb[:-1] + _STEMS[verb[-1]],)


def _marks(rows: str) -> frozenset[frozenset[str]]:
    """Return each two letters of a row as a pair of opposites."""
    return frozenset(frozenset(row) for row in rows.split())


def _siblings(data: dict[str, Any]) -> dict[str, int]:
    return {word: number for number, row in enumerate(data["siblings"]) for word in row.split()}


def _groups(data: dict[str, Any]) -> dict[str, str]:
    table: dict[str, str] = {}
    for row in data["groups"]:
        words = row.split()
        for word in words:
            for spelling in (*spellings(word), *nominal(word)):
                table.setdefault(spelling, words[0])
    return table


def _scopes(data: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    table: dict[str, tuple[int, ...]] = {}
    for number, row in enumerate(data["scopes"]):
        for word in row.split():
            table[word] = (*table.get(word, ()), number)
    return table


def _names(aliases: list[list[str]]) -> tuple[NameIndex[str], frozenset[str]]:
    """Return the names of `data/synonyms.yml` and of `aliases`, each with the first of its group as looked up.

    The set holds the first names of those that name one thing in the world.
    """
    table: dict[str, str] = {}
    things = set()
    for group in groups(resource("data", "synonyms.yml")):
        first = bare(group.names[0])
        for name in group.names:
            table.setdefault(bare(name), first)
        if group.kind != TERM:
            things.add(first)
    for row in aliases:
        first = next((table[bare(n)] for n in row if bare(n) in table), bare(row[0]))
        for name in row:
            table.setdefault(bare(name), first)
    return NameIndex({name: first for name, first in table.items() if len(name) > 1}), frozenset(things)


def _becoming(data: dict[str, str]) -> dict[str, str]:
    """Return the rewrites for 短くなる, 短くなった, 短くする and the like."""
    found = {}
    for adjective, noun in data.items():
        found[f"{adjective}(なる|する)"] = f"{noun}する"
        found[f"{adjective}(なり|なっ|し)(?=[たてま、])"] = f"{noun}し"
    return found


@lru_cache(maxsize=1)
def tables() -> Tables:
    """Return the tables, read on first use."""
    cues, opposites, same = (load("cues.toml"), load("antonyms.toml"), load("synonyms.toml"))
    names, things = _names(same["aliases"])
    changes = same["rewrites"] | _becoming(same["becoming"])
    rewrites = tuple((_literal(p), pattern("synonyms.toml", "rewrites", [p]), to) for p, to in changes.items())
    word_lists = {key: frozenset(cues[key].split()) for key in cues["lists"]}
    return Tables(
        openers=pattern("cues.toml", "openers", sorted(cues["openers"], key=len, reverse=True), "^(?:(?:{})[、,]+)+"),
        neutral=pattern("cues.toml", "neutral", cues["neutral"]),
        hedges=pattern("cues.toml", "hedges", cues["hedges"]),
        modality=tuple((k, pattern("cues.toml", k, v)) for k, v in cues["modality"].items()),
        patterns={key: pattern("cues.toml", key, v) for key, v in cues["patterns"].items()},
        ornament=frozenset(cues["ornament"].split()),
        light=frozenset(cues["light"].split()),
        words=word_lists,
        axes=_axes(opposites),
        groups=_groups(same),
        scopes=_scopes(opposites),
        contraries=frozenset(
            number for number, (side, _) in enumerate(opposites["axes"]) if side.split()[0] in opposites["contraries"]
        ),
        loose=frozenset(range(len(opposites["axes"]), len(opposites["axes"]) + len(opposites["opposed"]))),
        letters=_marks(opposites["marks"]),
        native=frozenset(same["native"]),
        marking=tuple((k, pattern("cues.toml", k, v)) for k, v in cues["marks"].items()),
        scope_marks=_marks(opposites["scope_marks"]),
        siblings=_siblings(opposites),
        converses=frozenset(frozenset(row.split()) for row in same["converses"]),
        rewrites=rewrites,
        names=names,
        things=things,
    )
