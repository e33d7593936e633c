"""Where claims are said, as arrays: in which posts, and after which other claim."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kb.synonyms import fold_name

Positions = npt.NDArray[np.intp]

_ROWS = "SELECT post_id, claim_id, start FROM occurrences"
_TITLES = "SELECT id, title FROM posts"
_CHUNK = 65_536


class Said(NamedTuple):
    """The posts that say something, by position, and what they say.

    `ids` and `titles` (folded) are those of the posts; `place_claim` and
    `place_post` pairs of claim and post positions, each once, by post.
    `post_of` is the first post of each claim (0 where it has none), `before` and
    `after` the claims that stand beside it there, or -1.
    """

    ids: npt.NDArray[np.int64]
    titles: tuple[str, ...]
    place_claim: Positions
    place_post: Positions
    post_of: Positions
    before: Positions
    after: Positions


def read(conn: sqlite3.Connection, position: Positions, size: int) -> Said:
    """Read where claims are said. `position` maps a claim's id to its position below `size`, or to -1."""
    cursor = conn.execute(_ROWS)
    chunks = [np.empty((0, 3), dtype=np.int64)]
    while rows := cursor.fetchmany(_CHUNK):
        chunks.append(np.array(rows, dtype=np.int64))
    said = np.concatenate(chunks)
    claim = position[said[:, 1]]
    said, claim = said[claim >= 0], claim[claim >= 0]  # not what is kept but not found
    ids, post = np.unique(said[:, 0], return_inverse=True)
    order = np.lexsort((said[:, 2], post))
    claim, post = claim[order], post.astype(np.intp)[order]
    pairs = np.unique(post.astype(np.int64) * max(size, 1) + claim)
    before, after = (np.full(len(claim), -1, dtype=np.intp) for _ in range(2))
    if len(claim):
        together = post[1:] == post[:-1]
        before[1:] = np.where(together, claim[:-1], -1)
        after[:-1] = np.where(together, claim[1:], -1)
        before[before == claim] = after[after == claim] = -1
    post_of = np.zeros(size, dtype=np.intp)
    beside = np.full((2, size), -1, dtype=np.intp)
    post_of[claim[::-1]] = post[::-1]  # the first of several is written last
    beside[0, claim[::-1]], beside[1, claim[::-1]] = before[::-1], after[::-1]
    titles = dict(conn.execute(_TITLES))
    return Said(
        ids=ids,
        titles=tuple(fold_name(titles[int(one)]) for one in ids),
        place_claim=(pairs % max(size, 1)).astype(np.intp),
        place_post=(pairs // max(size, 1)).astype(np.intp),
        post_of=post_of,
        before=beside[0],
        after=beside[1],
    )
