"""Words to table rows: the part of a static model that is not its vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.embeddings.encoder import Vectors
from kb.embeddings.murmur import word_key
from kb.embeddings.weighting import Whitening


class Entry(NamedTuple):
    """What the lexicon knows of a word. `shared`: the row belongs to a commoner word that is merely near."""

    row: int
    weight: float
    shared: bool


@dataclass(frozen=True)
class Lexicon:
    """n words by rising key, with the row of the table, the weight, and whether the row is another word's."""

    keys: NDArray[np.uint64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    shared: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        keys: NDArray[np.uint64],
        rows: NDArray[np.int32],
        weights: NDArray[np.float32],
        shared: NDArray[np.bool_],
    ) -> Lexicon:
        """Return the lexicon of words in any order."""
        order = np.argsort(keys)
        return cls(keys[order], rows[order], weights[order], shared[order])

    def find(self, word: str) -> Entry | None:
        """Return what is known of `word` as it is written, or else in lower case."""
        for form in dict.fromkeys((word, word.casefold())):
            key = np.uint64(word_key(form))
            place = int(np.searchsorted(self.keys, key))
            if place < len(self.keys) and self.keys[place] == key:
                return Entry(int(self.rows[place]), float(self.weights[place]), bool(self.shared[place]))
        return None


@dataclass(frozen=True)
class StaticModel:
    """All that decides the vectors of a static encoder.

    `table` (r, dim) holds word vectors, `whitening` what makes them fit to be
    summed, to a mean square length of 1; None where that is done already.
    `spelling` is the share of a word's spelling in the vector of a word whose
    row is another's.
    """

    lexicon: Lexicon
    table: Vectors
    spelling: float
    whitening: Whitening | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.table.shape[1])

    def row(self, row: int) -> Vectors:
        """Return one row (dim,) of the table, ready to be summed."""
        return self.whitening.row(self.table[row]) if self.whitening else self.table[row]

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
        )
        return StaticModel(lexicon, np.concatenate([ready.table, table]), self.spelling)

    def ready(self) -> StaticModel:
        """Return the same model with the whole table whitened, for those who need all of it."""
        if self.whitening is None:
            return self
        return StaticModel(self.lexicon, self.whitening.table(self.table), self.spelling)
