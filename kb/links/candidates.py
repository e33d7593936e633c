"""Near duplicates among many sentences, found without comparing all with all.

MinHash over character 3-grams (Broder, "On the resemblance and containment of
documents", SEQUENCES 1997) in bands (Leskovec, Rajaraman and Ullman, "Mining of
Massive Datasets", section 3.4); signatures from the `rensa` library.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Signatures = np.ndarray[Any, np.dtype[np.uint32]]

_PERMUTATIONS = 128
_SEED = 20261123
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio (Knuth, "Sorting and Searching", section 6.4)
_CROWD = 200  # a band that more sentences share than this is a stock phrase: link neighbours only


def shingles(text: str) -> list[str]:
    """Return the character 3-grams of `text`, or the text itself if it is shorter."""
    return [text[i : i + 3] for i in range(len(text) - 2)] or [text]


def candidates(
    keys: Sequence[str],
    folded: Sequence[str],
    threshold: float = 0.5,
    sign: Callable[[Sequence[str]], Signatures] | None = None,
) -> list[tuple[int, int]]:
    """Return pairs (i, j), i < j, of texts whose 3-grams likely overlap by `threshold` (Jaccard) or more.

    `keys` are the merge keys: texts of one key are compared once, through the
    first of them, and never paired with each other. `folded` are the texts as
    compared. The answer is sorted and depends on nothing but the arguments.
    `sign` makes `signatures`, elsewhere.
    """
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        first.setdefault(key, index)
    kept = sorted(first.values())
    if len(kept) < 2:
        return []
    matrix = (sign or signatures)([folded[i] for i in kept])
    rows = _rows(threshold)
    pairs: set[tuple[int, int]] = set()
    for start in range(0, _PERMUTATIONS - rows + 1, rows):
        pairs.update(_buckets(_mixed(matrix[:, start : start + rows])))
    agree = _verified(matrix, sorted(pairs), threshold)
    return [(kept[i], kept[j]) for i, j in agree]


def signatures(texts: Sequence[str]) -> Signatures:
    """Return one row of 128 minima a text. Runs in any process."""
    import rensa

    digests = rensa.RMinHash.digests_from_token_sets([shingles(t) for t in texts], _PERMUTATIONS, _SEED)
    return np.asarray(digests, dtype=np.uint32)


def _rows(threshold: float) -> int:
    """Return the rows of a band so that pairs at `threshold` are hardly ever missed (1 - (1 - t^r)^b >= 0.98)."""
    for rows in (16, 8, 6, 5, 4, 3, 2):
        if 1.0 - (1.0 - threshold**rows) ** (_PERMUTATIONS // rows) >= 0.98:
            return rows
    return 1


def _mixed(band: Signatures) -> np.ndarray[Any, Any]:
    """Return one number for each row of a band: the same for the same minima, and for others as good as never.

    Where it is the same all the same, the whole signatures are compared later.
    """
    mixed = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        mixed = (mixed ^ column) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return mixed


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


def _verified(matrix: Signatures, pairs: list[tuple[int, int]], threshold: float) -> list[tuple[int, int]]:
    """Keep the pairs whose signatures agree nearly as often as `threshold` asks."""
    kept: list[tuple[int, int]] = []
    for start in range(0, len(pairs), 50_000):
        part = np.asarray(pairs[start : start + 50_000], dtype=np.int64)
        agree = (matrix[part[:, 0]] == matrix[part[:, 1]]).mean(axis=1)
        good = agree >= threshold - 0.1
        kept.extend((int(i), int(j)) for i, j in part[good])
    return kept
