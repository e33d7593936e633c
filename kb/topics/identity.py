"""Which discovered topic is which: old ones and new ones matched by their claims, so that addresses stay.

The matching is the one that shares most in all, found by the Hungarian
algorithm (Kuhn 1955; `scipy.optimize.linear_sum_assignment`) on the Jaccard
index of the members.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

_SAME = 0.2  # of all claims of both, shared: from here on an old topic and a new one are the same
_PART = 0.5  # of its claims, found in another one: from here on a topic came from it, or went into it


class Event(NamedTuple):
    """What became of a topic: born, died, split, merged or renamed; `detail` says from what, into what."""

    slug: str
    event: str
    detail: dict[str, Any]


def match(old: Mapping[str, Collection[str]], new: Sequence[Collection[str]]) -> list[str | None]:
    """Return of each new topic the slug of the old one that it is, or None.

    Args:
        old: slug -> keys of its claims.
        new: keys of the claims of each new topic.
    """
    from scipy.optimize import linear_sum_assignment

    slugs = sorted(old)
    if not slugs or not new:
        return [None] * len(new)
    before = [set(old[slug]) for slug in slugs]
    after = [set(keys) for keys in new]
    shared = np.array([[_jaccard(a, b) for b in after] for a in before])
    found: list[str | None] = [None] * len(new)
    for row, column in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        if shared[row, column] >= _SAME:
            found[int(column)] = slugs[int(row)]
    return found


def events(
    old: Mapping[str, Collection[str]],
    new: Mapping[str, Collection[str]],
    names: Mapping[str, tuple[str, str]],
) -> list[Event]:
    """Return what became of topics, by slug.

    Args:
        old: slug -> keys of its claims, before.
        new: the same, after; a topic that stayed has the slug it had.
        names: slug -> Japanese name before and after, of topics that stayed.

    Returns:
        `born`: nobody knew it; `split`: half of its claims were of one that
        stayed; `died`: it is gone; `merged`: it is gone, half of its claims went
        to one that is there; `renamed`.
    """
    before = {slug: set(keys) for slug, keys in old.items()}
    after = {slug: set(keys) for slug, keys in new.items()}
    found = []
    for slug in sorted(after.keys() - before.keys()):
        origin = _most(after[slug], before, len(after[slug]))
        detail = {"claims": len(after[slug])}
        if origin is not None and origin in after:
            found.append(Event(origin, "split", {**detail, "into": [origin, slug]}))
        found.append(Event(slug, "born", {**detail, **({"from": origin} if origin else {})}))
    for slug in sorted(before.keys() - after.keys()):
        heir = _most(before[slug], after, len(before[slug]))
        detail = {"claims": len(before[slug])}
        found.append(Event(slug, "merged", {**detail, "into": heir}) if heir else Event(slug, "died", detail))
    for slug, (was, now) in sorted(names.items()):
        if was != now:
            found.append(Event(slug, "renamed", {"from": was, "to": now}))
    return found


def _jaccard(a: set[str], b: set[str]) -> float:
    both = len(a & b)
    return both / (len(a) + len(b) - both) if both else 0.0


def _most(keys: set[str], others: Mapping[str, set[str]], size: int) -> str | None:
    """Return the topic that holds most of `keys`, if it holds enough of them."""
    best = max(sorted(others), key=lambda slug: len(keys & others[slug]), default=None)
    return best if best is not None and size and len(keys & others[best]) >= _PART * size else None
