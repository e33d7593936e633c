"""Is what was found close to what was asked, or only the nearest of what is there?

Two measures that mean the same in every database: the share of the query that a
claim holds, its words weighed by rarity and those that no claim holds counted
too, and the cosine above that of an average claim. The floors lie between what
questions reach that a collection answers and what questions on other subjects
reach (see docs/search.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kb.fts import Query
from kb.search.index import Floats, SearchIndex
from kb.search.postings import Posting
from kb.search.rank import Term, weight

NOTE = "nothing close to the query was found; these are the nearest"
SEEN = 10  # of the best claims, so many are asked
_BOTH = 0.74  # share held and cosine together
_WORDS = 0.38
_MEANING = 0.36


def close(
    index: SearchIndex, query: Query, terms: Sequence[Term], meaning: Floats, best: Sequence[int], mode: str
) -> bool:
    """Tell whether one of the claims at `best` is close to the query, in a mode as it was answered.

    `meaning` holds the cosines of all claims.
    """
    if not best:
        return False
    near = float(meaning[list(best[:SEEN])].max()) - float(meaning.mean()) if mode != "keyword" else 0.0
    if mode == "semantic":
        return near >= _MEANING
    held = float(share(index, query, terms, best[:SEEN]).max())
    return held >= _WORDS if mode == "keyword" else held + near >= _BOTH


def share(index: SearchIndex, query: Query, terms: Sequence[Term], positions: Sequence[int]) -> Floats:
    """Return the share, 0 to 1, of the query's words (or of its bigrams, if that is more) that each claim holds."""
    shares = np.zeros(len(positions), dtype=np.float32)
    for column, names in enumerate((query.words, query.grams)):
        found = {term.name: term for term in terms if term.column == column}
        asked = 0.0
        held = np.zeros(len(positions), dtype=np.float32)
        for name in names:
            term = found.get(name) or Term(column, name, Posting.of(np.empty(0, dtype=np.intp), index.size))
            counts = weight(term, index.size, term.posting.count)
            asked += counts
            held += np.float32(counts) * term.posting.holds(np.asarray(positions, dtype=np.intp))
        if asked:
            np.maximum(shares, held / np.float32(asked), out=shares)
    return shares
