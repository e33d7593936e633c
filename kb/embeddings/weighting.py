"""What makes word vectors fit to be summed into the vector of a sentence: weights and whitening.

Both are fixed by the table of word vectors itself. No text has a say, so the
vector of a sentence is the same in every corpus and every batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.embeddings.encoder import Vectors, unit


def frequencies(n: int, offset: float) -> NDArray[np.float64]:
    """Return the share (n,) of running text that each of `n` words has, commonest first.

    By rank alone: 1 / (rank + offset), scaled to sum to 1 (Zipf 1949;
    Mandelbrot, "An informational theory of the statistical structure of
    language", 1953). The table's order is that of a web corpus of 25 billion
    words, far more than any corpus at hand could tell.
    """
    share = 1.0 / (np.arange(n) + offset)
    return np.asarray(share / share.sum(), dtype=np.float64)


def sif_weights(share: NDArray[np.float64], a: float) -> NDArray[np.float32]:
    """Return a / (a + p), smooth inverse frequency.

    From Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", 2017.
    """
    return np.asarray(a / (a + share), dtype=np.float32)


class Whitening(NamedTuple):
    """A row of a table becomes (row / its length - `mean`) @ `root`; `mean` is (dim,), `root` (dim, dim)."""

    mean: Vectors
    root: Vectors

    def row(self, raw: Vectors) -> Vectors:
        """Return one row (dim,) whitened: a few microseconds, and not a bit different from what it is in company."""
        length = np.sqrt(raw @ raw) or np.float32(1)
        return np.asarray((raw / length - self.mean) @ self.root, dtype=np.float32)

    def table(self, raw: Vectors) -> Vectors:
        """Return a whole table (r, dim) whitened."""
        return np.asarray((unit(raw) - self.mean) @ self.root, dtype=np.float32)


def fit_whitening(table: Vectors, rows: NDArray[np.int32], mass: NDArray[np.float64]) -> Whitening:
    """Return what centres and whitens `table` (r, dim) for running text, to a mean square length of 1.

    `rows` (n,) are the rows of the words, `mass` (n,) how much each word adds to
    a sum of words: p times weight squared. Whitening takes away what all
    sentences share, the first principal component above all (Arora et al. 2017;
    Mu and Viswanath, "All-but-the-top", 2018), and evens out the rest (Su et
    al., "Whitening sentence representations", 2021). It is done with the
    symmetric inverse root (ZCA), the one whitening that is unique: principal
    axes may flip their sign from one linear algebra library to the next, and
    stored vectors must still fit those of another machine.
    """
    ready = unit(table)
    share = np.bincount(rows, weights=mass, minlength=len(table))
    share = np.asarray(share / share.sum(), dtype=np.float32)
    mean = share @ ready
    ready -= mean
    half = ready * np.sqrt(share)[:, None]
    values, axes = np.linalg.eigh((half.T @ half).astype(np.float64))
    floor = max(float(values[-1]), np.finfo(np.float64).tiny) * 1e-6  # a dimension that nothing uses stays nothing
    inverse = np.where(values > floor, np.maximum(values, floor) ** -0.5, 0.0)
    root = ((axes * inverse) @ axes.T).astype(np.float32)
    size = np.sqrt(np.einsum("ij,ij->i", ready @ root, ready @ root).mean())
    return Whitening(mean, root / (size or np.float32(1)))
