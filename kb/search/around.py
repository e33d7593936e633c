"""What stands around a claim: its post, the title over it, the claims beside it.

A sentence says しかし、それは高くつく; what it is about stands around it. How much
each counts was chosen on judged queries; docs/search.md says on which, and what
that was worth on others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kb.search import near
from kb.search.index import Floats, SearchIndex
from kb.search.postings import Positions, Posting
from kb.search.rank import Term, relative, weight
from kb.synonyms import fold_name

POST = 0.12  # how much the post counts that a claim stands in, beside the best claim
TITLE = 0.05  # the same for the words of its title
BEFORE = 0.3  # of the cosine of the claim before, beside a claim's own
AFTER = 0.1  # the same of the claim after
POST_NEAR = 0.08  # of the cosine of a claim's whole post over the highest, beside that of claims over theirs
_RAISED = 30_000  # of the best claims by words, or by meaning, about so many may be raised
_K1 = 1.2
_B = 0.75


def by_words(index: SearchIndex, terms: Sequence[Term], labels: Mapping[str, str], scores: Floats) -> Floats:
    """Return the scores of claims by words, those raised whose post, or its title, speaks of what is asked.

    The whole post was measured to tell more than headings, which repeat few
    words. A claim counts for the post that said it first. `labels` gives words
    as typed.
    """
    highest = float(scores.max(initial=0))
    if not highest or not len(index.post_ids):
        return scores
    around = np.float32(POST) * relative(_posts(index, terms)) + np.float32(TITLE) * titles(index, terms, labels)
    at = near.about(scores, _RAISED)
    raised = scores.copy()
    raised[at] += around[index.post_of[at]] * np.float32(highest)
    return raised


def _posts(index: SearchIndex, terms: Sequence[Term]) -> Floats:
    """Return BM25 of each post as one text, by words that are not in all of them; bigrams would say the same again."""
    count = len(index.post_ids)
    whole = np.zeros(count, dtype=np.float64)
    for term in terms:
        if term.column or (term.posting.dense and index.size >= near.FROM):
            continue
        times = np.bincount(index.post_of[term.posting.places()], minlength=count)[:count]
        counts = weight(term, count, int(np.count_nonzero(times)))
        whole += counts * times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * index.post_lengths[0]))
    return whole.astype(np.float32)


def titles(index: SearchIndex, terms: Sequence[Term], labels: Mapping[str, str]) -> Floats:
    """Return the share, 0 to 1, of the query's words (weighed by rarity among claims) that each post's title holds."""
    held = np.zeros(len(index.titles), dtype=np.float32)
    asked = 0.0
    for term in terms:
        if term.column:
            continue
        counts = weight(term, index.size, term.posting.count)
        asked += counts
        _titled(index, fold_name(labels.get(term.name, term.name))).add(held, counts)
    return held / np.float32(asked) if asked else held


def _titled(index: SearchIndex, word: str) -> Posting:
    """Return the posts whose title holds a word."""
    name = f"title : {word}"
    found = index.postings.get(name)
    if found is None:
        at = np.array([at for at, title in enumerate(index.titles) if word in title], dtype=np.intp)
        found = Posting.of(at, len(index.titles))
        index.postings.put(name, found)
    return found


def by_meaning(index: SearchIndex, meaning: Floats, posts: Floats) -> Floats:
    """Return how near claims are, 0 to about 1: by themselves, by the claims beside them, and by their post.

    `meaning` are the cosines of all claims, whatever may be found, `posts` those
    of whole posts. A claim counts for the post that said it first; one that is
    far by itself is not near for what stands beside it.
    """
    at = near.about(meaning, _RAISED)
    usual = float(meaning.mean()) if len(meaning) else 0.0
    beside = np.float32(BEFORE) * _beside(meaning, index.before[at], usual)
    beside += np.float32(AFTER) * _beside(meaning, index.after[at], usual)
    near_by = np.zeros_like(meaning)
    near_by[at] = relative(np.maximum(meaning[at] + beside, 0))
    if len(posts):
        near_by[at] += np.float32(POST_NEAR) * relative(np.maximum(posts, 0))[index.post_of[at]]
    return near_by


def _beside(meaning: Floats, places: Positions, usual: float) -> Floats:
    """Return the cosines of the claims at `places`, the `usual` one where there is none (-1)."""
    beside: Floats = meaning.take(places, mode="clip")
    beside[places < 0] = usual
    return beside
