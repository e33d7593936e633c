"""Where terms stand: lists of places, or a bit a claim where a list would be longer.

A word that a claim in eight holds (AI, in posts on AI) costs a list of half a
million places in a million claims. As bits it takes 32 times less, and adding
its weight to all scores is one pass without look-ups (Culpepper and Moffat,
Efficient set intersection for inverted indexing, 2010, on such hybrids).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

DENSE = 8  # held by one claim in so many, a term is kept as bits
_CACHED_BYTES = 96_000_000


@dataclass(frozen=True, slots=True)
class Posting:
    """Where one term stands among `size` claims: `few` are places, ascending, or `bits` holds a bit a claim."""

    size: int
    count: int
    few: Places | None
    bits: npt.NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, places: Positions, size: int) -> Posting:
        """Return a posting of ascending places, each below `size`."""
        if len(places) * DENSE < size:
            return cls(size, len(places), places.astype(np.int32))
        mask = np.zeros(size, dtype=bool)
        mask[places] = True
        return cls(size, len(places), None, np.packbits(mask))

    @property
    def dense(self) -> bool:
        """Tell whether one claim in `DENSE` or more holds the term."""
        return self.few is None

    @property
    def nbytes(self) -> int:
        """Return what it takes in memory, about."""
        return 256 + sum(kept.nbytes for kept in (self.few, self.bits) if kept is not None)

    def mask(self) -> Mask:
        """Return whether each claim holds the term."""
        if self.bits is not None:
            return np.unpackbits(self.bits, count=self.size).view(np.bool_)
        mask = np.zeros(self.size, dtype=bool)
        mask[self.few] = True
        return mask

    def places(self) -> Positions:
        """Return the positions of the claims that hold the term, ascending."""
        return np.flatnonzero(self.mask()) if self.few is None else self.few.astype(np.intp)

    def holds(self, positions: Positions) -> Mask:
        """Return whether the claims at `positions` hold the term."""
        if self.bits is not None:
            held: Mask = (self.bits[positions >> 3] >> (7 - (positions & 7))) & 1 == 1
            return held
        if self.few is None or not len(self.few):
            return np.zeros(len(positions), dtype=bool)
        at = np.minimum(np.searchsorted(self.few, positions), len(self.few) - 1)
        found: Mask = self.few[at] == positions
        return found

    def add(self, scores: Floats, counts: float) -> None:
        """Add `counts` to the scores of the claims that hold the term."""
        if self.few is None:
            scores += self.mask() * np.float32(counts)
        else:
            scores[self.few] += np.float32(counts)


@dataclass(slots=True)
class Postings:
    """Postings by expression; the least used are forgotten. Safe to use from several threads."""

    limit: int = _CACHED_BYTES
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    found: OrderedDict[str, Posting] = field(default_factory=OrderedDict)

    def get(self, expression: str) -> Posting | None:
        """Return the posting of `expression` if it is known."""
        with self.lock:
            posting = self.found.get(expression)
            if posting is not None:
                self.found.move_to_end(expression)
            return posting

    def put(self, expression: str, posting: Posting) -> None:
        """Remember the posting of `expression`."""
        with self.lock:
            if expression in self.found:
                return
            self.found[expression] = posting
            self.size += posting.nbytes
            while self.size > self.limit and len(self.found) > 1:
                _, gone = self.found.popitem(last=False)
                self.size -= gone.nbytes
