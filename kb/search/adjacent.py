"""Do the words of a query stand side by side in a claim, as they do in the query?

シンガポールの強み is asked: 日本の強み beside シンガポール is not meant. Proximity
of pairs as in Metzler and Croft, A Markov random field model for term
dependencies (2005), but only for the claims that rank highest by words alone:
places of words are read from the database, some hundred rows a query.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from kb.fts import TABLE
from kb.search.index import Floats, SearchIndex
from kb.search.near import highest

SHARE = 0.1  # of the best score, for a claim that has every pair of words side by side
_NEAR = 3  # content words apart, at most
_LOOKED = 40  # of the best claims: 100 were measured to be no better
_PAIRS = 12  # of a long query, so many


def by_words(conn: sqlite3.Connection, index: SearchIndex, words: Sequence[str], scores: Floats) -> Floats:
    """Return the scores of claims by words, the best of them raised where pairs of `words` stand close together."""
    pairs = list(pairwise(words))[:_PAIRS]
    best = float(scores.max(initial=0))
    if not pairs or not best:
        return scores
    looked = {int(index.ids[at]): int(at) for at in highest(scores * index.prior, _LOOKED)[:_LOOKED]}
    ids = ",".join(map(str, looked))
    raised = scores.copy()
    for claim, said in conn.execute(f"SELECT claim_id, words FROM {TABLE} WHERE claim_id IN ({ids})"):
        raised[looked[claim]] += np.float32(SHARE * best * share(said.split(), pairs))
    return raised


def share(words: Sequence[str], pairs: Sequence[tuple[str, str]]) -> float:
    """Return the share of `pairs` whose two words stand near each other in `words`, in either order."""
    places: dict[str, list[int]] = {word: [] for pair in pairs for word in pair}
    for at, word in enumerate(words):
        if word in places:
            places[word].append(at)
    near = 0
    for a, b in pairs:
        one, other = places[a], places[b]
        near += bool(one and other) and min(abs(x - y) for x in one for y in other) <= _NEAR
    return near / len(pairs)
