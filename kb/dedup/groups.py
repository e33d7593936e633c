"""Which wordings are one claim: grouping by pairwise verdicts, reversible and the same in any order.

A wording joins the earliest one that it was judged the same as and that stands
for itself (star clustering: Aslam, Pelekhov and Rus, "The Star Clustering
Algorithm", 2004). Chains do not form: every member was judged against its head.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

SPREAD = 5  # posts; a sentence that fewer posts hold may be news said again
SPREAD_SHARE = 0.01  # of all posts


@dataclass(frozen=True, slots=True)
class Merge:
    """That a wording was merged into the claim of another, how surely, and what decided it."""

    wording: str
    into: str
    score: float
    evidence: tuple[str, ...]


def group(
    ordered: Sequence[str],
    same: Iterable[tuple[str, str, float, tuple[str, ...]]],
    split: Collection[tuple[str, str]] = (),
) -> list[Merge]:
    """Return the merges that make claims of wordings.

    Args:
        ordered: the keys of all wordings, earliest said first.
        same: (key, key, score, evidence) of pairs judged the same, in any order.
        split: pairs of keys that a reader has set apart, in any order.
    """
    place = {key: i for i, key in enumerate(ordered)}
    apart = {frozenset(pair) for pair in split}
    earlier: dict[str, list[tuple[int, float, tuple[str, ...]]]] = defaultdict(list)
    for a, b, score, evidence in same:
        if a == b or a not in place or b not in place or frozenset((a, b)) in apart:
            continue
        first, second = sorted((a, b), key=place.__getitem__)
        earlier[second].append((place[first], score, evidence))
    merged: dict[str, Merge] = {}
    for key in ordered:
        heads = [edge for edge in earlier.get(key, ()) if ordered[edge[0]] not in merged]
        if heads:
            at, score, evidence = min(heads)
            merged[key] = Merge(key, ordered[at], score, evidence)
    return list(merged.values())


def is_stock(posts_with: int, posts_all: int, specifics: int) -> bool:
    """Tell whether a sentence is a stock phrase: in many posts, and naming nothing.

    Args:
        posts_with: posts that hold it, in whatever wording.
        posts_all: posts there are.
        specifics: numbers, dates and names it holds.
    """
    return not specifics and posts_with >= max(SPREAD, SPREAD_SHARE * posts_all)
