"""What a claim speaks of: its words that are not everybody's, and what two claims have in common.

How telling a word is depends on how many claims of the corpus hold it (Spärck
Jones, "A statistical interpretation of term specificity", 1972), but in three
levels only: a claim more or less then changes the level of hardly any word, and
so the ties of hardly any claim.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from kb import fts
from kb.links.limits import limits

COMMON_SHARE = 0.01  # of all claims: a word that so many hold tells nothing
COMMON_LEAST = 10  # claims; in a small corpus no word is common before that
RARE_SHARE = 0.001
RARE_LEAST = 3
SUBSTANCE = 2  # levels that a claim needs to be tied to another by meaning

_INFLECTED = re.compile(r"[ぁ-ん]$")  # verbs, adjectives and adverbs end in hiragana as a rule, nouns do not
_NUMERAL = re.compile(r"[\d.,]+$")


@dataclass(frozen=True, slots=True)
class Content:
    """The words of n claims, as numbers.

    Attributes:
        words: the spelling of each word.
        levels: 0 for a word that tells nothing, 1, or 2 for a rare one (words).
        sequence: the words of all claims in the order said, one claim after the other.
        starts: where each claim's begin in `sequence` (n + 1).
        substance: the sum of the levels of each claim's different words (n).
    """

    words: Sequence[str]
    levels: npt.NDArray[np.int8]
    sequence: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    substance: npt.NDArray[np.int32]

    def said(self, claim: int) -> list[int]:
        """Return the words of a claim in order."""
        words: list[int] = self.sequence[self.starts[claim] : self.starts[claim + 1]].tolist()
        return words

    def telling(self, claim: int) -> frozenset[int]:
        """Return the words of a claim that tell something."""
        words = self.sequence[self.starts[claim] : self.starts[claim + 1]]
        return frozenset(words[self.levels[words] > 0].tolist())

    def common_runs(self, a: int, b: int) -> list[str]:
        """Return what two claims say alike: longest runs of words, in the order of `a`, each with a telling one."""
        one, two = self.said(a), self.said(b)
        pairs = set(itertools.pairwise(two))
        known = set(two)
        runs: list[list[int]] = []
        before = -1
        for word in one:
            if word in known:
                if runs and before >= 0 and (before, word) in pairs:
                    runs[-1].append(word)
                else:
                    runs.append([word])
            before = word if word in known else -1
        told = [run for run in map(self._trimmed, runs) if run]
        return list(dict.fromkeys(_joined([self.words[word] for word in run]) for run in told))

    def _trimmed(self, run: list[int]) -> list[int]:
        """Return a run without the inflected words at its ends, or [] where nothing in it tells anything."""
        if not any(self.levels[word] for word in run):
            return []
        while not _noun(self.words[run[0]]):
            run = run[1:]
        while not _noun(self.words[run[-1]]):
            run = run[:-1]
        return run


class Reader:
    """Collects the words of claims, one claim after the other, and then says what each word tells."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._sequence = array("i")
        self._starts = array("q", (0,))

    def add(self, words: str) -> None:
        """Add a claim by its index terms, joined by spaces."""
        ids = self._ids
        self._sequence.extend([ids.setdefault(word, len(ids)) for word in words.split()])
        self._starts.append(len(self._sequence))

    def content(self) -> Content:
        """Return the content of all claims added."""
        words = list(self._ids)
        sequence = np.array(self._sequence, dtype=np.int32)
        starts = np.array(self._starts, dtype=np.int64)
        size = len(starts) - 1
        owner = np.repeat(np.arange(size, dtype=np.int64), np.diff(starts))
        pairs = distinct(owner * max(1, len(words)) + sequence)  # a word twice in a claim counts once
        owner, word = pairs // max(1, len(words)), (pairs % max(1, len(words))).astype(np.int32)
        counts = np.bincount(word, minlength=len(words))
        levels = np.full(len(words), 2, dtype=np.int8)
        levels[counts > max(RARE_LEAST, RARE_SHARE * size)] = 1
        levels[counts >= max(COMMON_LEAST, COMMON_SHARE * size)] = 0
        levels[[i for i, spelt in enumerate(words) if not tells(spelt)]] = 0
        substance = np.bincount(owner, weights=levels[word], minlength=size).astype(np.int32)
        return Content(words, levels, sequence, starts, substance)


def distinct(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return different numbers in order: `np.unique` does the same, and of many by hashing, which takes far longer."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    found: npt.NDArray[Any] = ordered[first]
    return found


def _noun(word: str) -> bool:
    return not _INFLECTED.search(word)


def tells(word: str) -> bool:
    """Tell whether a word may tell what a claim is about: a noun of two characters or more, no numeral."""
    return len(word) > 1 and _noun(word) and not _NUMERAL.match(word) and word not in _idle()


@cache
def _idle() -> frozenset[str]:
    """Return the English words that tell nothing, as they stand in the index: some in katakana."""
    return frozenset(word for spelt in limits().idle for word in fts.decode(fts.terms(spelt)[0]).split())


def _joined(words: Sequence[str]) -> str:
    """Return words as one phrase: Japanese without blanks, other letters with them."""
    text = words[0]
    for word in words[1:]:
        text += (" " if text[-1].isascii() and word[0].isascii() else "") + word
    return text
