"""Listed names in running text: the longest that stands at each place, one reader for all stages."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

_KATAKANA = re.compile(r"[ァ-ヺー]{2}")
_PASSED = " ・"  # between the letters of a name these do not count: マイクロン・テクノロジー

Thing = TypeVar("Thing")


def bare(name: str) -> str:
    """Return a name as it is looked up: NFKC, case folded, without spaces and the dot between katakana words."""
    return unicodedata.normalize("NFKC", name).casefold().replace(" ", "").replace("・", "")


def runs_on(text: str, edge: int) -> bool:
    """Tell whether the letters on both sides of `edge` belong to one run of Latin letters and digits, or of katakana.

    A name cut out of a longer run is another name: メタ stands in メタノール and is not meant there.
    """
    if not 0 < edge < len(text):
        return False
    pair = text[edge - 1 : edge + 1]
    return (pair.isascii() and pair.isalnum()) or _KATAKANA.fullmatch(pair) is not None


class NameIndex(Generic[Thing]):
    """Names, each with what it names, looked up in text by longest match (Aho and Corasick solve it for more names).

    Args:
        named: each name as `bare` returns it, and what it names; empty names are left out.
    """

    __slots__ = ("_first", "_lengths", "_named")

    def __init__(self, named: Mapping[str, Thing]) -> None:
        """Sort the lengths of the names by their first letter, longest first."""
        self._named = {name: thing for name, thing in named.items() if name}
        lengths: dict[str, set[int]] = defaultdict(set)
        for name in self._named:
            lengths[name[0]].add(len(name))
        self._lengths = {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()}
        firsts = "".join(map(re.escape, sorted(lengths)))
        self._first = re.compile(f"[{firsts}]" if firsts else "(?!)")

    def find(self, text: str, fits: Callable[[int, int], bool] | None = None) -> Iterator[tuple[int, int, Thing]]:
        """Yield (start, end, what it names) of the names in NFKC `text`, in order; none overlap.

        Args:
            text: the text; its letters may be of any case, with spaces and dots between those of a name.
            fits: asked of (start, end) whether a name may stand there, where more is known of the text.
        """
        letters = text.lower()
        if len(letters) != len(text):
            return  # a letter whose small form is two (İ): rare enough to do without
        kept: Sequence[int] = range(len(letters))
        if any(c in letters for c in _PASSED):
            kept = [i for i, c in enumerate(letters) if c not in _PASSED]
            letters = "".join([letters[i] for i in kept])
        at = 0
        while begins := self._first.search(letters, at):
            at, step = begins.start(), 1
            for length in self._lengths[letters[at]]:
                name = letters[at : at + length]
                if len(name) < length or name not in self._named:
                    continue
                start, end = kept[at], kept[at + length - 1] + 1
                if not (runs_on(text, start) or runs_on(text, end)) and (fits is None or fits(start, end)):
                    yield start, end, self._named[name]
                    step = length
                    break
            at += step
