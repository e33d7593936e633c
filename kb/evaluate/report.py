"""What a measure returns, and the arithmetic that all of them share."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

_IGNORED = re.compile(r"[\s*_#>|`\-]+")
_PLACES = 4  # decimals of a printed figure


@dataclass(frozen=True, slots=True)
class Counts:
    """Items of one class: found rightly, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Return the share of what was found that is right; 0 where nothing was found."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Return the share of what is there that was found; 0 where nothing is there."""
        return self.right / max(1, self.right + self.missed)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall (van Rijsbergen, 1979); 0 where both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Miss:
    """One item that was got wrong.

    `group` is the class of error, such as "opinion read as fact"; `text` what
    the item says; `why` the rule and the words that decided, or "".
    """

    item: str
    group: str
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many items a rule decided, and how many of them rightly."""

    rule: str
    items: int
    right: int


Figures = TypeVar("Figures")


@dataclass(frozen=True, slots=True)
class Report(Generic[Figures]):
    """What a measure found: `figures` is a dataclass of numbers, `misses` are those of each class together."""

    figures: Figures
    misses: tuple[Miss, ...]
    rules: tuple[RuleCount, ...] = ()

    def to_dict(self, *, errors: int = 0, rules: bool = False) -> dict[str, Any]:
        """Return the JSON shape: rounded figures, at most `errors` items of each class of error, and the rules."""
        figures = asdict(self.figures)  # type: ignore[call-overload]
        made: dict[str, Any] = {k: round(v, _PLACES) if isinstance(v, float) else v for k, v in figures.items()}
        if errors:
            made["errors"] = [
                {"class": name, "count": len(items), "items": [_shown(item) for item in items[:errors]]}
                for name, items in self.classes()
            ]
        if rules:
            made["rules"] = [asdict(rule) for rule in self.rules]
        return made

    def classes(self) -> list[tuple[str, list[Miss]]]:
        """Return the misses by class of error, the class with most of them first."""
        found: dict[str, list[Miss]] = {}
        for miss in self.misses:
            found.setdefault(miss.group, []).append(miss)
        return sorted(found.items(), key=lambda pair: -len(pair[1]))


def _shown(miss: Miss) -> dict[str, str]:
    return {"item": miss.item, "text": miss.text, "why": miss.why}


def count(pairs: Iterable[tuple[str, str]], wanted: str) -> Counts:
    """Count (labelled, found) pairs for the class `wanted`."""
    tally = Counter((labelled == wanted, found == wanted) for labelled, found in pairs)
    return Counts(tally[True, True], tally[False, True], tally[True, False])


def macro_f1(pairs: Sequence[tuple[str, str]], classes: Iterable[str]) -> float:
    """Return the mean F1 of those `classes` that occur among the labels; 0 where none does."""
    present = {labelled for labelled, _ in pairs}
    scores = [count(pairs, name).f1 for name in classes if name in present]
    return sum(scores) / len(scores) if scores else 0.0


def share(hits: Sequence[bool]) -> float:
    """Return the share of `hits` that are true; 0 where there are none."""
    return sum(hits) / len(hits) if hits else 0.0


def rule_counts(decided: Iterable[tuple[str, bool]]) -> tuple[RuleCount, ...]:
    """Count (rule, rightly) pairs, the rule that decided most first."""
    items: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for rule, rightly in decided:
        items[rule] += 1
        right[rule] += rightly
    return tuple(RuleCount(rule, n, right[rule]) for rule, n in sorted(items.items(), key=lambda p: (-p[1], p[0])))


def bare(text: str) -> str:
    """Return `text` without white space, mark-up, width and case, for comparison."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", text)).lower()
