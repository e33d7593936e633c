"""Cue tables: reading `data/cues/*.toml`, and refusing what breaks their rules.

A table holds `[words]` (named lists), `[aliases]` (forms that also count as
another), `[[frame]]` (what is taken off the end of a sentence before its
predicate is looked at) and `[[rule]]` (what gives a label). `docs/claims.md`
describes every field.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.claims.patterns import Conditions, Pattern, compile_pattern
from kb.config import resource
from kb.errors import DataFileError
from kb.records import KINDS, Kind

LABELS = (*KINDS, "asserted", "hedged", "holder")
_TAKES = ("left", "right", "named", "topic", "speaker")
_RULE_FIELDS = {
    "id", "label", "priority", "weight", "patterns", "needs", "unless", "when", "passages",
    "take", "examples", "note",
}  # fmt: skip
_FRAME_FIELDS = {"id", "patterns", "when", "sets", "clears", "examples", "note", "unless"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a cue table.

    `label` is a kind (then `kind` is the same), a certainty or ``holder``. A rule with a `weight` votes,
    one with a `priority` decides. All of `needs` and none of `unless` must be
    found in the sentence; `when` names flags that must be set (or, after ``-``,
    not set); `passages` limits it to kinds of passage. `take` says where the
    name of a holder stands.
    """

    id: str
    label: str
    kind: Kind | None
    priority: int
    weight: float
    patterns: tuple[Pattern, ...]
    needs: tuple[Pattern, ...]
    unless: tuple[Pattern, ...]
    when: tuple[tuple[str, bool], ...]
    passages: frozenset[str]
    take: str
    examples: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What can be taken off the end of a sentence, and the flags that it leaves behind."""

    id: str
    patterns: tuple[Pattern, ...]
    unless: tuple[Pattern, ...]
    when: tuple[tuple[str, bool], ...]
    sets: tuple[str, ...]
    clears: tuple[str, ...]
    examples: tuple[str, ...]
    note: str


Index = Mapping[str, tuple[tuple[Any, Pattern], ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """A compiled cue table; the indexes lead from the form of a word to patterns it may trigger."""

    path: str
    words: Mapping[str, Sequence[str]]
    rules: tuple[Rule, ...]
    frames: tuple[Frame, ...]
    aliases: Mapping[str, tuple[str, ...]]
    skip: tuple[Pattern, ...]
    rule_index: Index
    frame_index: Index
    conditions: Conditions
    bare: tuple[Rule, ...]


class _Reader:
    """Turns the rows of one file into records, naming file and row in every error."""

    def __init__(self, path: Path, words: Mapping[str, Sequence[str]]) -> None:
        self.path = path
        self.words = words
        self.conditions = Conditions()
        self.seen: set[str] = set()
        self.count = 0

    def fail(self, row: str, reason: str) -> DataFileError:
        """Return the error for a row."""
        return DataFileError(f"{self.path}: rule {row!r}: {reason}")

    def identify(self, row: Mapping[str, Any], fields: set[str]) -> str:
        """Return the id of a row; refuse unknown fields, missing and repeated ids."""
        name = row.get("id")
        if not isinstance(name, str) or not name:
            raise self.fail(str(name or "?"), "give it an id")
        if name in self.seen:
            raise self.fail(name, "the id is used twice")
        self.seen.add(name)
        unknown = sorted(set(row) - fields)
        if unknown:
            raise self.fail(name, f"unknown field {unknown[0]!r}; use one of {', '.join(sorted(fields))}")
        return name

    def strings(self, name: str, row: Mapping[str, Any], field: str) -> tuple[str, ...]:
        """Return a list of strings of a row."""
        value = row.get(field, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(name, f"{field} must be a list of strings")
        return tuple(value)

    def patterns(self, name: str, row: Mapping[str, Any], field: str, suffix: str = "") -> tuple[Pattern, ...]:
        """Return the compiled patterns of a row."""
        found = []
        for source in self.strings(name, row, field):
            try:
                self.count += 1
                found.append(compile_pattern(source + suffix, self.words, self.conditions, self.count))
            except ValueError as error:
                raise self.fail(name, f"{field}: {error}") from error
        return tuple(found)

    def when(self, name: str, row: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
        """Return the flags of a row, each with the value it must have."""
        return tuple((flag.lstrip("-"), not flag.startswith("-")) for flag in self.strings(name, row, "when"))

    def rule(self, row: Mapping[str, Any]) -> Rule:
        """Return a row of `[[rule]]` as a record."""
        name = self.identify(row, _RULE_FIELDS)
        label = row.get("label")
        if label not in LABELS:
            raise self.fail(name, f"label {label!r} is none of {', '.join(LABELS)}")
        priority, weight = row.get("priority", 0), row.get("weight", 0.0)
        if not isinstance(priority, int) or not isinstance(weight, int | float):
            raise self.fail(name, "priority must be a whole number and weight a number")
        if label in KINDS and bool(priority) == bool(weight):
            raise self.fail(name, "give it either a priority (it decides) or a weight (it votes)")
        if not self.strings(name, row, "examples"):
            raise self.fail(name, "give it at least one example")
        kind = next((k for k in KINDS if k == label), None)
        rule = Rule(
            name, str(label), kind, priority, float(weight), self.patterns(name, row, "patterns"),
            self.patterns(name, row, "needs"), self.patterns(name, row, "unless"), self.when(name, row),
            frozenset(self.strings(name, row, "passages")), str(row.get("take", "")),
            self.strings(name, row, "examples"), str(row.get("note", "")),
        )  # fmt: skip
        if rule.label == "holder" and rule.take not in _TAKES:
            raise self.fail(name, f"take {rule.take!r} is none of {', '.join(_TAKES)}")
        if not rule.patterns and not rule.when and not rule.passages:
            raise self.fail(name, "it has no patterns, no flags and no passages: it would always hold")
        return rule

    def frame(self, row: Mapping[str, Any]) -> Frame:
        """Return a row of `[[frame]]` as a record."""
        name = self.identify(row, _FRAME_FIELDS)
        if not row.get("patterns") or not self.strings(name, row, "examples"):
            raise self.fail(name, "give it patterns and at least one example")
        return Frame(
            name, self.patterns(name, row, "patterns", " $"), self.patterns(name, row, "unless"),
            self.when(name, row), self.strings(name, row, "sets"), self.strings(name, row, "clears"),
            self.strings(name, row, "examples"), str(row.get("note", "")),
        )  # fmt: skip


def _index(rows: Iterable[Rule | Frame]) -> Index:
    """Return which patterns the form of a word may begin."""
    found: dict[str, list[tuple[Any, Pattern]]] = {}
    for row in rows:
        for pattern in row.patterns:
            for form in pattern.triggers:
                found.setdefault(form, []).append((row, pattern))
    return {form: tuple(pairs) for form, pairs in found.items()}


def read_table(path: Path) -> Table:
    """Return the compiled table of a TOML file.

    Raises DataFileError, naming the file and the rule, when the file cannot be
    read or a row breaks the rules of the pattern language.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataFileError(f"{path}: cannot be read as TOML: {error}") from error
    unknown = sorted(set(data) - {"words", "aliases", "skip", "frame", "rule"})
    if unknown:
        raise DataFileError(f"{path}: unknown part {unknown[0]!r}")
    words = {name: [str(word) for word in value] for name, value in data.get("words", {}).items()}
    reader = _Reader(path, words)
    rules = tuple(reader.rule(row) for row in data.get("rule", []))
    frames = tuple(reader.frame(row) for row in data.get("frame", []))
    return Table(
        str(path), words, rules, frames,
        {form: tuple(also) for form, also in data.get("aliases", {}).items()},
        reader.patterns("skip", data, "skip"), _index(rules), _index(frames),
        reader.conditions,
        tuple(rule for rule in rules if not rule.patterns),
    )  # fmt: skip


@functools.cache
def table(language: str) -> Table:
    """Return the shipped table of a language: ``ja`` or ``en``."""
    return read_table(resource("data", "cues", f"{language}.toml"))
