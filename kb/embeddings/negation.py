"""Affirmed or denied: a sum of word vectors hardly tells 動く from 動かない, so the whole vector is told.

Only vectors for comparing texts know it (`kind="similarity"`): who looks for
power plants wants the one that does not run, too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from kb.embeddings.encoder import Vectors, unit
from kb.embeddings.spelling import signs


@dataclass(frozen=True)
class Negation:
    """What denies, and how much of a vector (0 to 1, by squared length) says whether a text denies.

    `words` are normalised forms; `idioms` are regular expressions for turns of
    phrase that hold such a word without denying (かもしれない, 欠かせない).
    """

    share: float
    words: frozenset[str]
    idioms: tuple[str, ...]

    @cached_property
    def _idioms(self) -> re.Pattern[str]:
        return re.compile("|".join(self.idioms) or r"(?!)")

    def denied(self, text: str, counts: Counter[str]) -> bool:
        """Tell whether `text`, NFKC, denies: an odd number of denials, as two make an assertion.

        `counts` are its words as `kb.embeddings.static.word_counts` gives them.
        """
        found = sum(counts[word] for word in self.words if word in counts)
        if found:
            found -= sum(1 for _ in self._idioms.finditer(text))
        return found > 0 and found % 2 == 1

    def told(self, vectors: Vectors, denied: list[bool]) -> Vectors:
        """Return `vectors` (n, dim), of length 1 or 0, with one direction kept for what `denied` says of each.

        Two texts of cosine c come to (1 - share) * c + share if both affirm or
        both deny, and to (1 - share) * c - share if they differ.
        """
        axis = polarity_axis(vectors.shape[1])
        some = vectors.any(axis=1)
        plain = unit(vectors - (vectors @ axis)[:, None] * axis)
        sides = np.where(np.array(denied, np.bool_), -1, 1) * some
        mixed = np.sqrt(1 - self.share) * plain + np.sqrt(self.share) * sides[:, None] * axis
        return np.asarray(mixed, dtype=np.float32)


@lru_cache(maxsize=8)
def polarity_axis(dim: int) -> Vectors:
    """Return the direction (dim,), of length 1, that is kept for affirmed and denied."""
    axis: Vectors = signs("affirmed or denied", dim) / np.float32(dim**0.5)
    return axis
