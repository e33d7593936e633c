"""Near duplicates among many sentences, found without comparing all with all.

MinHash over character 3-grams (Broder, "On the resemblance and containment of
documents", SEQUENCES 1997) in bands (Leskovec, Rajaraman and Ullman, "Mining of
Massive Datasets", section 3.4); signatures from the `rensa` library.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

_PERMUTATIONS = 128
_SEED = 20261123
_CROWD = 200  # a band that more sentences share than this is a stock phrase: link neighbours only


def shingles(text: str) -> list[str]:
    """Return the character 3-grams of `text`, or the text itself if it is shorter."""
    return [text[i : i + 3] for i in range(len(text) - 2)] or [text]


def candidates(keys: Sequence[str], folded: Sequence[str], threshold: float = 0.5) -> list[tuple[int, int]]:
    """Return pairs (i, j), i < j, of texts whose 3-grams likely overlap by `threshold` (Jaccard) or more.

    `keys` are the merge keys: texts of one key are compared once, through the
    first of them, and never paired with each other. `folded` are the texts as
    compared. The answer is sorted and depends on nothing but the arguments.
    """
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        first.setdefault(key, index)
    kept = sorted(first.values())
    if len(kept) < 2:
        return []
    matrix = _signatures([folded[i] for i in kept])
    rows = _rows(threshold)
    pairs: set[tuple[int, int]] = set()
    for start in range(0, _PERMUTATIONS - rows + 1, rows):
        band = np.ascontiguousarray(matrix[:, start : start + rows])
        pairs.update(_buckets(band.view(np.dtype((np.void, band.dtype.itemsize * rows))).ravel()))
    agree = _verified(matrix, sorted(pairs), threshold)
    return [(kept[i], kept[j]) for i, j in agree]


def _signatures(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return one row of 128 minima a text."""
    import rensa

    digests = rensa.RMinHash.digests_from_token_sets([shingles(t) for t in texts], _PERMUTATIONS, _SEED)
    return np.asarray(digests, dtype=np.uint32)


def _rows(threshold: float) -> int:
    """Return the rows of a band so that pairs at `threshold` are hardly ever missed (1 - (1 - t^r)^b >= 0.98)."""
    for rows in (16, 8, 6, 5, 4, 3, 2):
        if 1.0 - (1.0 - threshold**rows) ** (_PERMUTATIONS // rows) >= 0.98:
            return rows
    return 1


def _buckets(band: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    order = np.argsort(band, kind="stable")
    ordered = band[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate(([0], edges))
    ends = np.concatenate((edges, [len(order)]))
    shared = np.flatnonzero(ends - starts > 1)  # nearly all stand alone: do not even look at them
    pairs: list[tuple[int, int]] = []
    for start, end in zip(starts[shared].tolist(), ends[shared].tolist(), strict=True):
        members = order[start:end].tolist()
        if len(members) > _CROWD:
            pairs.extend(itertools.pairwise(members))
            continue
        pairs.extend((members[i], members[j]) for i in range(len(members)) for j in range(i + 1, len(members)))
    return pairs


def _verified(
    matrix: np.ndarray[Any, np.dtype[np.uint32]], pairs: list[tuple[int, int]], threshold: float
) -> list[tuple[int, int]]:
    """Keep the pairs whose signatures agree nearly as often as `threshold` asks."""
    kept: list[tuple[int, int]] = []
    for start in range(0, len(pairs), 50_000):
        part = np.asarray(pairs[start : start + 50_000], dtype=np.int64)
        agree = (matrix[part[:, 0]] == matrix[part[:, 1]]).mean(axis=1)
        good = agree >= threshold - 0.1
        kept.extend((int(i), int(j)) for i, j in part[good])
    return kept
