"""Cosines of one query with very many vectors: in a few dimensions first, exactly for those that may matter.

The few dimensions are the principal axes of the vectors (Jolliffe, Principal
Component Analysis, 2nd ed. 2002, section 2.1, without centring, so that dot
products are kept as well as they can be). They are found anew whenever an index
is read, in about a second for a million vectors, and stored nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FROM = 100_000  # vectors from which on the first pass is worth it
AXES = 64
_SAMPLE = 20_000  # vectors that the axes are found from
_CANDIDATES = 6_000  # scored exactly
_WIDE = 1_024  # vectors in one block of the sketch: BLAS takes one thread for it, and its scores stay in the cache


@dataclass(frozen=True, slots=True)
class Sketch:
    """Vectors in few dimensions: `axes` (dim x few, orthonormal), `low` (blocks x few x vectors of a block).

    `size` tells how many vectors there are; the last block is filled up with zeros.
    """

    axes: Floats
    low: Floats
    size: int

    def cosines(self, vector: Floats) -> Floats:
        """Return about the cosine of each vector with `vector` (dim,)."""
        found: Floats = np.matmul(vector @ self.axes, self.low).ravel()[: self.size]
        return found


def sketch(vectors: Floats | None, *, least: int = FROM, few: int = AXES) -> Sketch | None:
    """Return `vectors` (n x dim) along their first `few` principal axes; None for fewer than `least` of them."""
    if vectors is None or len(vectors) < least or vectors.shape[1] <= few:
        return None
    sample = vectors[:: max(1, len(vectors) // _SAMPLE)]
    _, found = np.linalg.eigh((sample.T @ sample).astype(np.float64))  # ascending
    axes = np.ascontiguousarray(found[:, ::-1][:, :few], dtype=np.float32)
    low = np.zeros((-(-len(vectors) // _WIDE), few, _WIDE), dtype=np.float32)
    turned = np.ascontiguousarray(axes.T)
    for block, first in enumerate(range(0, len(vectors), _WIDE)):
        some = vectors[first : first + _WIDE]
        low[block, :, : len(some)] = turned @ some.T
    return Sketch(axes, low, len(vectors))


def highest(scores: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return the positions, ascending, of all scores above 0 that are among the `count` highest, ties included.

    The count-th highest of a sample is never above that of the whole, so a cheap
    look at every 31st score rules nearly everything out before the exact one.
    """
    if count >= len(scores):
        return np.flatnonzero(scores > 0)
    sample = scores[::31]
    if count < len(sample):
        chosen = np.flatnonzero(scores >= max(float(np.partition(sample, len(sample) - count)[len(sample) - count]), 0))
    else:
        chosen = np.arange(len(scores))
    kept = scores[chosen]
    floor = float(np.partition(kept, len(kept) - count)[len(kept) - count])
    return chosen[(kept >= floor) & (kept > 0)]


def cosines(
    vectors: Floats, low: Sketch | None, vector: Floats, allowed: npt.NDArray[np.bool_], prior: Floats
) -> Floats:
    """Return the cosine of `vector` (dim,) with each of `vectors` (n x dim), exact where it may decide.

    With a sketch, those are scored exactly that rank highest in few dimensions
    times `prior`, as the arm ranks; the rest keep what the sketch says.
    `allowed` tells which may be found at all, and are worth an exact look.
    """
    # Not one `@` over all: BLAS would start threads and wait for the slowest, which on a busy machine takes 16 ms
    # instead of 1, and a server answers several queries at once anyway.
    if low is None:
        exact: Floats = np.einsum("ij,j->i", vectors, vector)
        return exact
    rough = low.cosines(vector)
    ranking = rough * prior
    if not allowed.all():
        ranking[~allowed] = 0
    chosen = about(ranking, _CANDIDATES)
    rough[chosen] = np.einsum("ij,j->i", vectors[chosen], vector)
    return rough


def about(scores: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return about `count` positions of the highest scores above 0; which of those at the edge is chance."""
    sample = scores[::31]
    few = count // 31
    if few >= len(sample):
        return np.flatnonzero(scores > 0)
    floor = float(np.partition(sample, len(sample) - few)[len(sample) - few])
    chosen = np.flatnonzero(scores > max(floor, 0.0))
    if len(chosen) <= 4 * count:
        return chosen
    kept = scores[chosen]
    return chosen[np.argpartition(kept, len(kept) - count)[-count:]]
