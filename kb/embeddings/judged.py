"""What merging found out, taught to the words: said alike by those who mean the same, told apart by what is vetoed.

Two sentences that were judged one claim in other words differ in words that
may stand for each other here; two that look alike and were kept apart, by a
number, a name, a denial or a word of content, differ in words that may not.
So each word moves, by its own length at most, towards the rest of the other
sentences in the first case, and away from it in the second. One step, linear,
no gradient: the idea of learning from similar and dissimilar pairs is that of
Hoi et al., "Learning distance metrics with contextual constraints for image
retrieval" (2006); here words move and not the space, for a map of the whole
space did better on one measure and worse on another (see docs/encoder.md).
"""

from __future__ import annotations

import numpy as np

from kb.embeddings.adapt import Pairs, Texts
from kb.embeddings.encoder import Vectors, unit

_NEARER = 0.1  # how far a word moves to those that took its place, by its own length
_APART = 0.5  # how far it moves from those that may not take its place
_DOUBT = 2.0  # pairs that say nothing which each word has besides its own
_AT_ONCE = 8_192  # pairs whose vectors are held at once


def taught(table: Vectors, texts: Texts, alike: Pairs, unlike: Pairs) -> Vectors:
    """Return `table` (words, dim) with the words of judged pairs moved.

    Args:
        table: the vectors to start from.
        texts: (texts, words), how much of each word a text holds.
        alike: pairs of texts (m, 2) that are one claim in other words.
        unlike: pairs of texts (n, 2) that look alike and are two claims.
    """
    nearer = _moved(table, texts, alike, _NEARER)
    return _moved(nearer, texts, unlike, -_APART)


def _moved(table: Vectors, texts: Texts, pairs: Pairs, far: float) -> Vectors:
    """Return `table` with each word moved towards (below 0: away from) what stands in its place in the other text."""
    if not len(pairs):
        return table
    moves = np.zeros(table.shape, np.float32)
    times = np.zeros(len(table), np.float32)
    held = (texts > 0).astype(np.float32)
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        one, other = held[some[:, 0]], held[some[:, 1]]
        both = one.multiply(other)
        for mine, its in ((one - both, other - both), (other - both, one - both)):
            moves += mine.T @ unit(its @ table)
            times += np.asarray(mine.sum(axis=0), np.float32).ravel()
    own = np.sqrt(np.einsum("ij,ij->i", table, table))
    return np.asarray(table + np.float32(far) * (own / (times + np.float32(_DOUBT)))[:, None] * moves, np.float32)
