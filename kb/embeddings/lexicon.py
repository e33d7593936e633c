"""Words to table rows: the part of a static model that is not its vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.embeddings.encoder import Vectors
from kb.embeddings.murmur import word_key
from kb.embeddings.negation import Negation
from kb.embeddings.weighting import Whitening


class Entry(NamedTuple):
    """What the lexicon knows of a word.

    `shared`: the row belongs to a commoner word that is merely near. `whole`:
    the row is all there is to the word, its letters included.
    """

    row: int
    weight: float
    shared: bool
    whole: bool


@dataclass(frozen=True)
class Lexicon:
    """n words by rising key, with what `Entry` says of each."""

    keys: NDArray[np.uint64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    shared: NDArray[np.bool_]
    whole: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        keys: NDArray[np.uint64],
        rows: NDArray[np.int32],
        weights: NDArray[np.float32],
        shared: NDArray[np.bool_],
        whole: NDArray[np.bool_] | None = None,
    ) -> Lexicon:
        """Return the lexicon of words in any order; without `whole`, no word is."""
        order = np.argsort(keys)
        entire = np.zeros(len(keys), np.bool_) if whole is None else whole[order]
        return cls(keys[order], rows[order], weights[order], shared[order], entire)

    def lighter(self, keys: NDArray[np.uint64], factor: float) -> Lexicon:
        """Return the lexicon in which the words of those `keys` weigh `factor` of what they did."""
        places = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        weights = self.weights.copy()
        weights[places[self.keys[places] == keys]] *= np.float32(factor)
        return replace(self, weights=weights)

    def with_entries(self, entries: dict[np.uint64, Entry]) -> Lexicon:
        """Return the lexicon with further words, none of which it holds, by their keys."""
        keys = np.array(sorted(entries), np.uint64)
        rows, weights, shared, whole = zip(*(entries[key] for key in keys), strict=True)
        at = np.searchsorted(self.keys, keys)  # a place each, instead of sorting half a million again
        return Lexicon(
            np.insert(self.keys, at, keys),
            np.insert(self.rows, at, np.array(rows, np.int32)),
            np.insert(self.weights, at, np.array(weights, np.float32)),
            np.insert(self.shared, at, np.array(shared, np.bool_)),
            np.insert(self.whole, at, np.array(whole, np.bool_)),
        )

    def find(self, word: str) -> Entry | None:
        """Return what is known of `word` as it is written, or else in lower case."""
        for form in dict.fromkeys((word, word.casefold())):
            key = np.uint64(word_key(form))
            place = int(np.searchsorted(self.keys, key))
            if place < len(self.keys) and self.keys[place] == key:
                flags = bool(self.shared[place]), bool(self.whole[place])
                return Entry(int(self.rows[place]), float(self.weights[place]), *flags)
        return None


class Mixtures(NamedTuple):
    """Rows that are weighted sums of rows: `rows[i]` of `parts[starts[i]:starts[i+1]]`, times `factors`."""

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    parts: NDArray[np.int32]
    factors: NDArray[np.float32]

    def of(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]] | None:
        """Return the parts and factors of `row`, None if it is itself; `rows` rise."""
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row:
            return None
        some = slice(int(self.starts[place]), int(self.starts[place + 1]))
        return self.parts[some], self.factors[some]

    def table(self, ready: Vectors) -> Vectors:
        """Return a copy of `ready` (r, dim) with the rows that are sums in their places."""
        made = ready.copy()
        for row, (start, end) in zip(self.rows, pairwise(self.starts), strict=True):
            made[row] = self.factors[start:end] @ ready[self.parts[start:end]]
        return made


NO_MIXTURES = Mixtures(np.empty(0, np.int32), np.zeros(1, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True)
class StaticModel:
    """All that decides the vectors of a static encoder.

    `table` (r, dim) holds word vectors; `whitening` and then `mixtures` make
    them fit to be summed; None and no mixtures where that is done already.
    `spelling` is the share of a word's spelling in the vector of a word whose
    row is another's. `letters` is what each kanji, katakana, Latin letter or
    digit of a word adds to it. `negation` tells affirmed and denied apart.
    """

    lexicon: Lexicon
    table: Vectors
    spelling: float
    whitening: Whitening | None = None
    mixtures: Mixtures = NO_MIXTURES
    letters: float = 0.0
    negation: Negation | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.table.shape[1])

    def row(self, row: int) -> Vectors:
        """Return one row (dim,) of the table, ready to be summed."""
        if self.whitening is None:
            return np.asarray(self.table[row], dtype=np.float32)
        mixed = self.mixtures.of(row)
        if mixed is None:
            return self.whitening.row(self.table[row])
        parts, factors = mixed
        return np.asarray(factors @ self.whitening.table(self.table[parts]), dtype=np.float32)

    def with_words(self, words: Sequence[str], table: Vectors) -> StaticModel:
        """Return the model in which each of `words` is a row of `table` (words, dim) as it stands, weight included."""
        ready, old = self.ready(), self.lexicon
        keys = np.array([word_key(word) for word in words], np.uint64)
        kept = ~np.isin(old.keys, keys)
        lexicon = Lexicon.of(
            np.concatenate([old.keys[kept], keys]),
            np.concatenate([old.rows[kept], np.arange(len(words), dtype=np.int32) + len(ready.table)]),
            np.concatenate([old.weights[kept], np.ones(len(words), np.float32)]),
            np.concatenate([old.shared[kept], np.zeros(len(words), np.bool_)]),
            np.concatenate([old.whole[kept], np.ones(len(words), np.bool_)]),
        )
        return replace(ready, lexicon=lexicon, table=np.concatenate([ready.table, table]))

    def ready(self) -> StaticModel:
        """Return the same model with the whole table ready to be summed, for those who need all of it."""
        if self.whitening is None:
            return self
        table = self.mixtures.table(self.whitening.table(self.table))
        return replace(self, table=table, whitening=None, mixtures=NO_MIXTURES)
