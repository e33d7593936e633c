"""Is what was found close to what was asked, or only the nearest of what is there?

Three measures that mean the same in every database: the share of the query that
a claim holds, its words weighed by rarity and those that no claim holds counted
too; the share that the whole collection holds, for who asks of 将棋 where nobody
speaks of it is not answered by another 名人; and the cosine above that of an
average claim. The floors lie between what questions reach that a collection
answers and what questions on other subjects reach (see docs/search.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kb.fts import COLUMNS, Query
from kb.search.index import Floats, SearchIndex
from kb.search.postings import Posting
from kb.search.rank import Term, weight

NOTE = "nothing close to the query was found; these are the nearest"
SEEN = 10  # of the best claims, so many are asked
_BOTH = 0.65  # share held and cosine together, times the share known
_WHOLE = 0.999  # share held: the query stands there as it is, if as no word of its own
_WORDS = 0.3  # share held times the share known
_MEANING = 0.36  # cosine


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
    there = 1.0 if held > _WHOLE else known(index, query, terms)
    return held * there >= _WORDS if mode == "keyword" else (held + near) * there >= _BOTH


def known(index: SearchIndex, query: Query, terms: Sequence[Term]) -> float:
    """Return the share, 0 to 1, of the query's words (of its bigrams, if it has no words) that any claim holds."""
    column = 0 if query.words else 1
    found = {term.name for term in terms if term.column == column}
    asked = [(name, weight(term, index.size, term.posting.count)) for name, term in _asked(index, query, terms, column)]
    total = sum(counts for _, counts in asked)
    return sum(counts for name, counts in asked if name in found) / total if total else 0.0


def _asked(index: SearchIndex, query: Query, terms: Sequence[Term], column: int) -> list[tuple[str, Term]]:
    """Return the words or bigrams of a query with their terms, an empty one for what no claim holds."""
    found = {term.name: term for term in terms if term.column == column}
    none = Posting.of(np.empty(0, dtype=np.intp), index.size)
    return [(name, found.get(name) or Term(column, name, none)) for name in (query.words, query.grams)[column]]


def share(index: SearchIndex, query: Query, terms: Sequence[Term], positions: Sequence[int]) -> Floats:
    """Return the share, 0 to 1, of the query's words (or of its bigrams, if that is more) that each claim holds."""
    shares = np.zeros(len(positions), dtype=np.float32)
    for column in range(len(COLUMNS)):
        asked = 0.0
        held = np.zeros(len(positions), dtype=np.float32)
        for _, term in _asked(index, query, terms, column):
            counts = weight(term, index.size, term.posting.count)
            asked += counts
            held += np.float32(counts) * term.posting.holds(np.asarray(positions, dtype=np.intp))
        if asked:
            np.maximum(shares, held / np.float32(asked), out=shares)
    return shares
