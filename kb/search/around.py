"""What stands around a claim: its post, the title over it, the claim before it.

A sentence says しかし、それは高くつく; what it is about stands around it. How much
each counts was chosen on one half of the judged queries and measured on the
other (docs/search.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kb.search.index import Floats, SearchIndex
from kb.search.rank import Term, relative, weight
from kb.synonyms import fold_name

POST = 0.12  # how much the post counts that a claim stands in, beside the best claim
TITLE = 0.05  # the same for the words of its title
BEFORE = 0.2  # of the cosine of the claim before, beside a claim's own
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
    raised = (around * np.float32(highest))[index.post_of]
    raised[scores <= 0] = 0
    raised += scores
    return raised


def _posts(index: SearchIndex, terms: Sequence[Term]) -> Floats:
    """Return BM25 of each post as one text, by words alone: bigrams say the same again, and take longer."""
    count = len(index.post_ids)
    whole = np.zeros(count, dtype=np.float64)
    for term in terms:
        if term.column:
            continue
        times = np.bincount(index.post_of[term.places], minlength=count)[:count]
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
        counts = weight(term, index.size, len(term.places))
        asked += counts
        word = fold_name(labels.get(term.name, term.name))
        held[[at for at, title in enumerate(index.titles) if word in title]] += np.float32(counts)
    return held / np.float32(asked) if asked else held


def by_meaning(index: SearchIndex, meaning: Floats) -> Floats:
    """Return the cosines of claims, each with a part of that of the claim before it in its post."""
    before = np.float32(BEFORE) * meaning[index.before]
    before[index.before < 0] = np.float32(BEFORE) * float(meaning.mean()) if len(meaning) else 0
    before += meaning
    return before
