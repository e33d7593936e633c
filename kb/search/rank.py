"""Scores: words, meaning, both together, by claim or by post. Pure functions over the arrays of an index."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kb.fts import COLUMNS, term_expression
from kb.search import near
from kb.search.index import Floats, SearchIndex, posting
from kb.search.postings import Positions, Posting

GRAMS_WEIGHT = 0.5  # of a bigram beside a word
KANA_WEIGHT = 0.3  # of a bigram with a kana of grammar in it: half of it is an ending or a particle
RARITY_POWER = 1.5  # raises rare words, which say what is asked, over common ones
CLAIM_MEANING = 0.7  # of the cosine over its maximum, beside BM25 over its own
POST_MEANING = 0.35  # of the cosine beside BM25 over its maximum, for posts, which hold most words of a question
_HIRAGANA = re.compile("[ぁ-ゖ]")
_POST_K1 = 1.2
_POST_B = 0.75
_POST_BEST = 0.5  # how much the best claim of a post counts beside the post as a whole


@dataclass(frozen=True, slots=True)
class Term:
    """One thing looked for in one column, and where it stands.

    `factor` is how much it counts beside another as rare as it.
    """

    column: int
    name: str
    posting: Posting
    factor: float = 1.0


def look_up(
    conn: sqlite3.Connection,
    index: SearchIndex,
    words: Sequence[str],
    grams: Sequence[str],
    alternatives: Mapping[str, Sequence[str]],
    factors: Mapping[str, float] | None = None,
) -> list[Term]:
    """Return the terms that some claim holds.

    `alternatives` maps a word to FTS5 expressions as good as it, `factors` a word to how much it counts.
    """
    found = []
    for column, names in enumerate((words, grams)):
        for name in names:
            expression = term_expression(COLUMNS[column], name)
            others = alternatives.get(name, ()) if column == 0 else ()
            at = posting(conn, index, " OR ".join(f"({e})" for e in (expression, *others)) if others else expression)
            if at.count:
                found.append(Term(column, name, at, (factors or {}).get(name, 1.0) if column == 0 else 1.0))
    return found


def rarity(total: int, holding: int) -> float:
    """Return the inverse document frequency of BM25, never negative, to the power that was measured best."""
    return float(math.log1p((total - holding + 0.5) / (holding + 0.5)) ** RARITY_POWER)


def weight(term: Term, total: int, holding: int) -> float:
    """Return how much a term counts that `holding` of `total` texts hold."""
    share = term.factor
    if term.column:
        share = GRAMS_WEIGHT * (KANA_WEIGHT if _HIRAGANA.search(term.name) else 1.0)
    return share * rarity(total, holding)


def by_words(index: SearchIndex, terms: Sequence[Term]) -> Floats:
    """Return BM25 of every claim, words and bigrams added.

    Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and
    Beyond (2009), equation 3.15, with a term counted once in a claim, times the
    share of the query that the claim holds: a claim that has all of it beats
    one that has half of it in fewer words.
    """
    held = [np.zeros(index.size, dtype=np.float32) for _ in COLUMNS]
    asked = 0.0
    for term in terms:
        counts = weight(term, index.size, term.posting.count)
        term.posting.add(held[term.column], counts)
        asked += counts
    if not asked:
        return held[0]
    words, grams = held
    scores: Floats = words * index.weights[0]
    scores += grams * index.weights[1]
    words += grams
    words /= np.float32(asked)
    scores *= words
    return scores


def by_meaning(index: SearchIndex, vector: Floats, allowed: npt.NDArray[np.bool_]) -> Floats:
    """Return the cosine of every claim with the unit vector of a query, 0 where it has none; see `near.cosines`."""
    if index.vectors is None:
        return np.zeros(index.size, dtype=np.float32)
    return near.cosines(index.vectors, index.sketch, vector.astype(np.float32), allowed, index.prior)


def fuse(words: Floats, meaning: Floats, share: float) -> Floats:
    """Return the convex sum of two arms: BM25 over its maximum, and `share` of the cosine, as it comes."""
    near_by: Floats = np.float32(share) * np.maximum(meaning, np.float32(0))
    return relative(words) + near_by


def post_words(index: SearchIndex, terms: Sequence[Term], scores: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    """Return how well each post matches by words: as one text, and half as much by its best claim.

    `scores` are those of the claims, `used` tells which pairs of claim and post
    take part. The best claim lifts a post that says it all in one place.
    """
    count = len(index.post_ids)
    whole = np.zeros(count, dtype=np.float32)
    claim, post = index.place_claim[used], index.place_post[used]
    for column in range(len(COLUMNS)):
        length = np.bincount(post, weights=index.lengths[claim, column], minlength=count)
        mean = length[length > 0].mean() if (length > 0).any() else 1.0
        damp = _POST_K1 * (1 - _POST_B + _POST_B * length / mean)
        for term in terms:
            if term.column != column:
                continue
            times = np.bincount(post[term.posting.mask()[claim]], minlength=count)
            counts = weight(term, count, int((times > 0).sum()))
            whole += (counts * times * (_POST_K1 + 1) / (times + damp)).astype(np.float32)
    return relative(whole) + np.float32(_POST_BEST) * relative(post_best(index, scores, used))


def post_best(index: SearchIndex, scores: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    """Return the best claim's score of each post, 0 where none is used."""
    best = np.zeros(len(index.post_ids), dtype=np.float32)
    np.maximum.at(best, index.place_post[used], scores[index.place_claim[used]])
    return best


def post_meaning(index: SearchIndex, meaning: Floats, norms: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    """Return how near each post is: two parts its best claim's cosine, one part that of all its claims together.

    `norms` are the lengths of the sums of each post's vectors.
    """
    claim, post = index.place_claim[used], index.place_post[used]
    sums = np.bincount(post, weights=meaning[claim], minlength=len(index.post_ids))
    return ((2 * post_best(index, meaning, used) + sums / norms) / 3).astype(np.float32)


def relative(scores: Floats) -> Floats:
    """Return `scores` over the highest of them."""
    highest = float(scores.max()) if len(scores) else 0.0
    return scores / np.float32(highest) if highest > 0 else scores


def top(scores: Floats, count: int) -> Positions:
    """Return the positions of the `count` highest scores above 0, best first; ties stand in order of position."""
    chosen = near.highest(scores, count)
    return chosen[np.argsort(-scores[chosen], kind="stable")][:count]


def places_of(scores: Floats, positions: Sequence[int]) -> list[int]:
    """Return the ranks, 1 for the best, of positions; what may not be found has score 0. One look at all scores."""
    asked = scores[list(positions)]
    if not len(asked):
        return []
    above = np.sort(scores[scores >= asked.min()])
    return [int(rank) + 1 for rank in len(above) - np.searchsorted(above, asked, side="right")]
