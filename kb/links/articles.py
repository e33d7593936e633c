"""Ties between articles, from the ties of their claims.

A tie counts the more, the fewer other articles the two claims are tied to: a
claim that every article makes in some words says nothing of any two of them (as
words that stand in every document do: Spärck Jones 1972). The sum is set against
the length of both articles, as cosine similarity is (Salton and McGill 1983).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TOP = 10  # articles kept of an article
TIES = 3  # claim pairs that are named
_DIGITS = 4

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ArticleTie:
    """That two articles are tied: posts a < b by place, how strongly, by how many pairs of claims.

    `ties` are the pairs that tie them most, the claim of `a` first; twice the
    same claim where both articles make it.
    """

    a: int
    b: int
    score: float
    shared: int
    ties: tuple[tuple[int, int], ...]


def articles(
    ties: Mapping[tuple[int, int], float], posts: Sequence[Sequence[int]], sizes: Mapping[int, int]
) -> list[ArticleTie]:
    """Return the ties between articles that are among the best `TOP` of one of the two, in order.

    Args:
        ties: how strongly two claims, by place, are tied (0 to 1).
        posts: the posts that make each claim.
        sizes: how many claims each post makes.
    """
    numbers, strength = _crossing(ties, posts)
    if not len(numbers):
        return []
    weight = strength * _rarity(*numbers.T)
    order = np.lexsort((numbers[:, 1], numbers[:, 0], -weight, numbers[:, 3], numbers[:, 2]))
    weight = weight[order]
    claim_a, claim_b, post_a, post_b = numbers[order].T
    edges = np.flatnonzero((post_a[1:] != post_a[:-1]) | (post_b[1:] != post_b[:-1])) + 1
    starts, ends = np.concatenate(([0], edges)), np.concatenate((edges, [len(post_a)]))
    sums = np.add.reduceat(weight, starts)
    lengths = np.array([sizes[p] for p in post_a[starts].tolist()]) * [sizes[p] for p in post_b[starts].tolist()]
    scores = np.round(np.minimum(1.0, sums / np.sqrt(np.maximum(lengths, 1))), _DIGITS)
    found = []
    for i in _kept(post_a[starts], post_b[starts], scores).tolist():
        group = slice(int(starts[i]), int(ends[i]))
        pairs = list(zip(claim_a[group].tolist(), claim_b[group].tolist(), strict=True))
        a, b = int(post_a[starts[i]]), int(post_b[starts[i]])
        found.append(ArticleTie(a, b, float(scores[i]), len(pairs), _telling(pairs)))
    return found


def _crossing(
    ties: Mapping[tuple[int, int], float], posts: Sequence[Sequence[int]]
) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """Return (claim, claim, post, post) of each tie and each two posts it crosses between, and how strong it is.

    The smaller post and its claim come first.
    """
    rows: list[tuple[int, int, int, int, float]] = []
    for (one, two), strength in ties.items():
        for p in posts[one]:
            rows += [(one, two, p, q, strength) if p < q else (two, one, q, p, strength) for q in posts[two] if p != q]
    for claim, where in enumerate(posts):
        if len(where) > 1:  # made in both, word for word or nearly so
            ordered = sorted(where)
            rows += [(claim, claim, p, q, 1.0) for i, p in enumerate(ordered) for q in ordered[i + 1 :]]
    numbers = np.array([row[:4] for row in rows], dtype=np.int64).reshape(len(rows), 4)
    return numbers, np.array([row[4] for row in rows], dtype=np.float64)


def _rarity(claim_a: Numbers, claim_b: Numbers, post_a: Numbers, post_b: Numbers) -> npt.NDArray[np.float64]:
    """Return for each tie 1 where both claims are tied to one other article only, less the more they are tied to."""
    own, others = np.concatenate((post_a, post_b)), np.concatenate((post_b, post_a))
    size = int(others.max()) + 1
    # A claim in one article, whichever others make it too.
    _, said = np.unique(np.concatenate((claim_a, claim_b)) * size + own, return_inverse=True)
    pairs, place, counts = np.unique(said * size + others, return_inverse=True, return_counts=True)
    reach = np.bincount(pairs // size)  # other articles that it is tied to
    each: npt.NDArray[np.float64] = 1.0 / (np.log2(1.0 + reach[said]) * np.sqrt(counts[place]))
    half = len(claim_a)
    return np.sqrt(each[:half] * each[half:])


def _kept(post_a: Numbers, post_b: Numbers, scores: npt.NDArray[np.float64]) -> Numbers:
    """Return which ties are among the best `TOP` of the one article or the other."""
    size = len(scores)
    owner = np.concatenate((post_a, post_b))
    other = np.concatenate((post_b, post_a))
    tie = np.tile(np.arange(size, dtype=np.int64), 2)
    order = np.lexsort((other, -scores[tie], owner))
    owner, tie = owner[order], tie[order]
    begins = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    rank = np.arange(len(owner)) - np.repeat(begins, np.diff(np.concatenate((begins, [len(owner)]))))
    return np.unique(tie[rank < TOP])


def _telling(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the first pairs, each claim once, then others if there are too few."""
    found: list[tuple[int, int]] = []
    for pair in pairs:
        if len(found) < TIES and not any(pair[0] == a or pair[1] == b for a, b in found):
            found.append(pair)
    found += [pair for pair in pairs if pair not in found][: TIES - len(found)]
    return tuple(found)
