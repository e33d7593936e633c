"""Own vectors for the words of a corpus, trained on nothing but its own sentences.

Every word starts from its vector in the default encoder. Pairs of texts that
belong together (a sentence and the next one, a heading and what stands under
it, two wordings of one claim) are drawn together, and each is pushed away from
the partners of the others in its batch (in-batch negatives: Henderson et al.,
"Efficient natural language response suggestion for smart reply", 2017; both
ways, as in Radford et al., "Learning transferable visual models", 2021). A word
vector is all there is to learn, so NumPy does it: importing torch would cost
more than the training of a small corpus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.embeddings.encoder import Vectors

Pairs = NDArray[np.int32]
SCALE = 20.0  # what a cosine is multiplied by before the softmax
_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8  # Adam's own defaults (Kingma and Ba 2015)


@dataclass(frozen=True)
class Bags:
    """n texts as counted words: text i holds `words[starts[i]:starts[i+1]]`, each with the root of its count."""

    starts: NDArray[np.int64]
    words: NDArray[np.int32]
    roots: NDArray[np.float32]

    @classmethod
    def of(cls, counted: Iterable[Counter[str]], vocabulary: dict[str, int]) -> Bags:
        """Return the bags of counted texts; `vocabulary` grows by the words that it lacks."""
        starts, words, counts = [0], list[int](), list[int]()
        for counts_of in counted:
            words += [vocabulary.setdefault(word, len(vocabulary)) for word in counts_of]
            counts += counts_of.values()
            starts.append(len(words))
        roots = np.sqrt(np.array(counts, np.float32))
        return cls(np.array(starts, np.int64), np.array(words, np.int32), roots)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, texts: NDArray[np.int32]) -> Bags:
        """Return the bags of some texts, in their order."""
        sizes = self.starts[texts + 1] - self.starts[texts]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[texts] - starts[:-1], sizes)
        return Bags(starts, self.words[places], self.roots[places])

    def sums(self, table: Vectors) -> Vectors:
        """Return the sum (n, dim) of each text's rows of `table` (words, dim)."""
        return _sum_runs(table[self.words] * self.roots[:, None], self.starts)

    def spread(self, slopes: Vectors, size: int) -> Vectors:
        """Return what each of `size` words gets (size, dim) of the slopes of the texts (n, dim) that hold it."""
        texts = np.repeat(np.arange(len(self)), np.diff(self.starts))
        order = np.argsort(self.words, kind="stable")
        starts = np.searchsorted(self.words[order], np.arange(size + 1))
        return _sum_runs(slopes[texts[order]] * self.roots[order, None], starts)


def _sum_runs(values: Vectors, starts: NDArray[np.int64]) -> Vectors:
    """Return the sums (n, dim) of the rows of `values` from each start to the next; of none, zeros."""
    sums = np.zeros((len(starts) - 1, values.shape[1]), np.float32)
    filled = np.diff(starts) > 0  # reduceat would take an empty run for one row
    if filled.any():
        sums[filled] = np.add.reduceat(values, starts[:-1][filled], axis=0)
    return sums


def fit(
    table: Vectors,
    bags: Bags,
    pairs: Pairs,
    *,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    told: Callable[[int, int], None] | None = None,
) -> Vectors:
    """Return a copy of `table` (words, dim) trained on `pairs` (m, 2) of texts of `bags`.

    Adam moves only the rows that a batch holds. The same input gives the same
    table on the same machine; another linear algebra library may round
    otherwise.

    Args:
        table: the vectors to start from.
        bags: the texts.
        pairs: which two texts belong together.
        epochs: how often each pair is seen.
        batch: pairs in a batch; each is told from all the others.
        rate: Adam's learning rate; it falls to zero in a straight line.
        seed: of the order of the pairs.
        told: called with (batches done, batches in all).
    """
    table = np.array(table, np.float32)
    first, second = np.zeros_like(table), np.zeros_like(table)
    order = np.random.default_rng(seed)
    steps = max(1, len(pairs) // batch)
    for epoch in range(epochs):
        for step, some in enumerate(np.array_split(order.permutation(len(pairs)), steps)):
            done = epoch * steps + step
            _step(table, first, second, bags, pairs[some], rate * (1 - done / (epochs * steps)), done + 1)
            if told is not None:
                told(done + 1, epochs * steps)
    return table


def _step(table: Vectors, first: Vectors, second: Vectors, bags: Bags, pairs: Pairs, rate: float, count: int) -> None:
    """Move the rows of `table` that the texts of `pairs` hold by one step of Adam; `first`, `second`: its moments."""
    bag = bags.take(pairs.T.reshape(-1))
    words, local = np.unique(bag.words, return_inverse=True)
    bag = Bags(bag.starts, local.astype(np.int32), bag.roots)
    slopes = bag.spread(_slopes(bag.sums(table[words]), len(pairs)), len(words))
    mean = _BETA1 * first[words] + (1 - _BETA1) * slopes
    square = _BETA2 * second[words] + (1 - _BETA2) * slopes * slopes
    first[words], second[words] = mean, square
    step = np.float32(rate * np.sqrt(1 - _BETA2**count) / (1 - _BETA1**count))
    table[words] -= step * mean / (np.sqrt(square) + np.float32(_TINY))


def _slopes(sums: Vectors, half: int) -> Vectors:
    """Return the slope of the loss by `sums` (2 * half, dim): texts, then the partner of each."""
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, None]
    lengths[lengths == 0] = 1
    ready = sums / lengths
    a, b = ready[:half], ready[half:]
    likely = np.exp(np.float32(SCALE) * (a @ b.T - 1))
    slope = likely / likely.sum(axis=1, keepdims=True) + likely / likely.sum(axis=0, keepdims=True)
    slope[np.diag_indices(half)] -= 2
    slope *= np.float32(SCALE / (2 * half))
    turned = np.concatenate([slope @ b, slope.T @ a])
    turned -= np.einsum("ij,ij->i", turned, ready)[:, None] * ready
    return np.asarray(turned / lengths, dtype=np.float32)
