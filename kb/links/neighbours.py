"""Nearest neighbours in meaning among many claims, post-mates left out.

Up to `EXACT` claims every vector is compared with every other, in blocks of a
matrix product. Beyond that only claims of one cell are compared: a claim lies in
the cells of the `CELLS_EACH` leaders nearest to it, and leaders are the claims
whose texts have the smallest hashes, one for every `CELL_SIZE` claims (cluster
pruning: Manning, Raghavan and Schütze, "Introduction to Information Retrieval",
2008, section 7.1.6; a bottom-k sample: Cohen and Kaplan, "Summarizing data using
bottom-k sketches", PODC 2007). So the cost is near-linear, the answer depends on
nothing but the claims, and a claim more or less changes the cells of few others:
trained centroids, as of faiss, would move with every post.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import threadpoolctl

from kb.links.content import distinct

Vectors = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

TOP = 10  # neighbours kept of a claim
EXACT = 40_000  # claims up to which all are compared with all
CELL_SIZE = 128
CELLS_EACH = 8
DIGITS = 6  # of a cosine: two builds that sum in another order still agree

_WIDTH = 32  # nearest kept while cells are gone through; room for equals of the tenth
_NEAR = 1e-5  # by so much may a float32 sum be off
_THREADS = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 4)
_BLOCK = 16_000_000  # cosines at once: 64 MB
_APART = -2.0  # below every cosine
_GROUP = 16  # columns of which only the greatest is sorted


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims that may be neighbours, in the order of their keys (n).

    Attributes:
        vectors: unit vectors (n x dim).
        hashes: of each claim's text.
        posts: the post that says each, the first by number where several do (n).
        mates: of each claim that several posts say: all claims of those posts, itself too.
    """

    vectors: Vectors
    hashes: Sequence[str]
    posts: npt.NDArray[np.int64]
    mates: Mapping[int, Places]


@dataclass(frozen=True, slots=True)
class Nearest:
    """Neighbours of some claims: `counts[i]` of them for the i-th, best first, equals by key.

    `places` and `scores` hold all of them one after the other.
    """

    counts: Places
    places: Places
    scores: Scores


@dataclass(frozen=True, slots=True)
class Scale:
    """What cosines of unrelated claims look like under a model: their middle, and their spread below it.

    Vectors that were fitted to the corpus lay nearly everything far apart and a
    little close together; others lay all of it in a heap. So a limit is told
    both ways, in spreads above the middle and as a share of the way from there
    to 1, and the higher one counts.
    """

    middle: float
    spread: float

    def at(self, spreads: float, share: float = 0.0) -> float:
        """Return the cosine so many spreads above the middle, `share` of the way to 1 at least and 0.6 at most."""
        way = 1 - self.middle
        return round(self.middle + min(max(spreads * self.spread, share * way), _MOST * way), 4)


_MOST = 0.6  # where all posts say much the same, the spread is wide, and still the nearest are near
_USUAL = Scale(0.24, 0.1)  # of the default encoder over 25,000 claims; for corpora too small to be measured
_SAMPLE = 512
_FEW_PAIRS = 2_000
_STEP = 0.02  # in which the scale is told: a post more must not move every limit


def scale(claims: Claims) -> Scale:
    """Return the scale of cosines between claims of different posts: of a fixed sample, coarsely.

    The spread is that of the lower half, from the median to the 16th percentile:
    the upper half holds the pairs that do belong together.
    """
    sample = leaders(claims.hashes, _SAMPLE)
    cosines = claims.vectors[sample] @ claims.vectors[sample].T
    apart = claims.posts[sample][:, None] != claims.posts[sample][None, :]
    values = cosines[apart & (np.arange(len(sample))[:, None] < np.arange(len(sample))[None, :])]
    if len(values) < _FEW_PAIRS:
        return _USUAL
    low, middle = np.quantile(values, (0.16, 0.5))
    steps = [round(float(value) / _STEP) * _STEP for value in (middle, middle - low)]
    return Scale(round(steps[0], 4), round(max(steps[1], _STEP), 4))


def leaders(hashes: Sequence[str], count: int) -> Places:
    """Return the places of the `count` smallest hashes, by rising hash: a sample that hardly changes with the rest."""
    ordered = sorted(range(len(hashes)), key=hashes.__getitem__)
    kept: list[int] = []
    for place in ordered:
        if not kept or hashes[place] != hashes[kept[-1]]:
            kept.append(place)
        if len(kept) == count:
            break
    return np.array(kept, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Cells:
    """In which cells each claim lies: numbers of `names` (n x CELLS_EACH), none where all are compared with all."""

    numbers: npt.NDArray[np.int32]
    names: Sequence[str]

    def of(self, claim: int) -> str:
        """Return the names of the cells of a claim, joined."""
        return " ".join(self.names[number] for number in self.numbers[claim].tolist())


def cells(claims: Claims) -> Cells:
    """Return the cells that each claim lies in."""
    size = len(claims.hashes)
    if size <= EXACT:
        return Cells(np.zeros((size, 0), dtype=np.int32), ())
    first = leaders(claims.hashes, cell_count(size))
    centres = claims.vectors[first]
    found = np.empty((size, CELLS_EACH), dtype=np.int32)
    rows = max(1, _BLOCK // len(first))
    for start in range(0, size, rows):
        found[start : start + rows] = _nearest_leaders(claims.vectors, start, min(start + rows, size), first, centres)
    return Cells(found, [claims.hashes[place][:8] for place in first])


def _nearest_leaders(vectors: Vectors, start: int, end: int, first: Places, centres: Vectors) -> npt.NDArray[np.int64]:
    """Return the numbers of the leaders nearest to the claims from `start` to `end`, in order of their numbers.

    A product of matrices sums in another order in another block: where the last
    that is kept and the first that is not are too near to tell, they are summed apart.
    """
    cosines = vectors[start:end] @ centres.T
    row, column = np.nonzero(cosines >= (at_least(cosines, CELLS_EACH) - 2 * _NEAR)[:, None])
    score = cosines[row, column].astype(np.float64)
    for again in (True, False):
        order = np.lexsort((column, -score, row))
        row, column, score = row[order], column[order], score[order]
        rank = _ranks(row)
        if again:
            last = score[rank == CELLS_EACH - 1]
            doubtful = np.zeros(end - start, dtype=bool)
            doubtful[row[(rank == CELLS_EACH) & (score >= last[row] - 2 * _NEAR)]] = True
            at = doubtful[row]
            score[at] = cosines_of(vectors, start + row[at], first[column[at]])
    return np.sort(column[rank < CELLS_EACH].reshape(end - start, CELLS_EACH), axis=1)


def at_least(values: Vectors, count: int) -> Vectors:
    """Return for each row a value that `count` or a few more of the row reach, without sorting the row.

    Of each group of columns the greatest is taken; as many of these reach the
    `count`-th greatest of them as are asked for, and few others do.
    """
    rows, columns = values.shape
    groups = columns // _GROUP
    if groups <= 2 * count:
        return np.partition(values, -count, axis=1)[:, -count]
    whole = values[:, : groups * _GROUP].reshape(rows, _GROUP, groups).max(axis=1)
    least: Vectors = np.partition(whole, -count, axis=1)[:, -count]
    return least


def cell_count(size: int) -> int:
    """Return how many cells so many claims are put in: a power of two, so that it seldom changes."""
    return 1 << (-(-size // CELL_SIZE) - 1).bit_length()


def nearest(
    claims: Claims,
    cell: Cells,
    floor: float,
    asked: npt.NDArray[np.bool_],
    among: npt.NDArray[np.bool_],
    told: Callable[[int, int], None] | None = None,
) -> Nearest:
    """Return the nearest `TOP` claims of other posts for each claim that is asked for.

    Args:
        claims: all claims.
        cell: the cells of each, of `cells`.
        floor: cosine below which none is a neighbour.
        asked: the claims whose neighbours are wanted (n).
        among: the claims that may be neighbours (n).
        told: called with (cells done, cells there are).
    """
    running = _Running(claims, np.flatnonzero(asked), floor)
    groups = _groups(cell.numbers, asked, among)
    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(_THREADS) as threads:
        for done, (rows, columns) in enumerate(groups, 1):
            size = max(1, _BLOCK // _THREADS // max(1, len(columns)))
            blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
            # Each block has rows of its own, so that no two threads write in one place. Two products at once, of
            # one thread each, and not one of two: most of the time goes into looking through what they give.
            for _ in threads.map(partial(running.compare, columns=columns), blocks):
                pass
            if told is not None:
                told(done, len(groups))
    return running.result()


def _groups(
    cell: npt.NDArray[np.int32], asked: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]
) -> list[tuple[Places, Places]]:
    """Return (claims asked for, claims they are compared with) of each cell that has both."""
    if not cell.shape[1]:
        both = np.flatnonzero(asked), np.flatnonzero(among)
        return [both] if len(both[0]) and len(both[1]) else []
    owner = np.repeat(np.arange(len(cell), dtype=np.int64), cell.shape[1])
    flat = cell.ravel()
    order = np.argsort(flat, kind="stable")
    edges = np.flatnonzero(np.diff(flat[order])) + 1
    found = []
    for members in np.split(owner[order], edges):
        rows, columns = members[asked[members]], members[among[members]]
        if len(rows) and len(columns):
            found.append((rows, columns))
    return found


class _Running:
    """The nearest found so far of each claim that is asked for."""

    def __init__(self, claims: Claims, asked: Places, floor: float) -> None:
        self.claims = claims
        self.asked = asked
        self.floor = floor
        self.row = np.full(len(claims.hashes), -1, dtype=np.int64)
        self.row[asked] = np.arange(len(asked))
        self.places = np.full((len(asked), _WIDTH), -1, dtype=np.int32)
        self.scores = np.full((len(asked), _WIDTH), _APART, dtype=np.float32)

    def compare(self, rows: Places, columns: Places) -> None:
        """Take in what is near among `columns` to each of `rows`, both places of claims."""
        claims = self.claims
        cosines = claims.vectors[rows] @ claims.vectors[columns].T
        cosines[claims.posts[rows][:, None] == claims.posts[columns][None, :]] = _APART
        for place in (i for i, claim in enumerate(rows.tolist()) if claim in claims.mates):
            cosines[place, np.isin(columns, claims.mates[int(rows[place])])] = _APART
        for place in (i for i, claim in enumerate(columns.tolist()) if claim in claims.mates):
            cosines[np.isin(rows, claims.mates[int(columns[place])]), place] = _APART
        mine = self.row[rows]
        least = np.maximum(self.scores[mine, TOP - 1], self.floor)
        fresh = np.flatnonzero(self.scores[mine, TOP - 1] <= _APART)
        if len(fresh) and cosines.shape[1] > TOP:  # nothing to hold against yet: their own tenth
            part = cosines[fresh] if len(fresh) < len(rows) else cosines
            least[fresh] = np.maximum(least[fresh], at_least(part, TOP))
        # Of few hits in a large table `np.nonzero` finds those of one long row ten times as fast.
        at, column = np.divmod(np.flatnonzero((cosines >= (least - _NEAR)[:, None]).ravel()), len(columns))
        self._merge(mine[at], columns[column], cosines[at, column])

    def _merge(self, row: Places, place: Places, score: Vectors) -> None:
        """Add what was found, each neighbour once, and keep the best `_WIDTH` of each row."""
        if not len(row):
            return
        changed = distinct(row)
        old_row, old_at = np.nonzero(self.places[changed] >= 0)
        row = np.concatenate((changed[old_row], row))
        place = np.concatenate((self.places[changed[old_row], old_at].astype(np.int64), place))
        score = np.concatenate((self.scores[changed[old_row], old_at], score))
        _, first = np.unique(row * len(self.claims.hashes) + place, return_index=True)
        row, place, score = row[first], place[first], score[first]
        order = np.lexsort((place, -score, row))
        row, place, score = row[order], place[order], score[order]
        rank = _ranks(row)
        kept = rank < _WIDTH
        self.places[changed], self.scores[changed] = -1, _APART
        self.places[row[kept], rank[kept]] = place[kept]
        self.scores[row[kept], rank[kept]] = score[kept]

    def result(self) -> Nearest:
        """Return what was found, cosines summed again in float64 so that they do not depend on the blocks."""
        row, at = np.nonzero(self.places >= 0)
        place = self.places[row, at].astype(np.int64)
        score = cosines_of(self.claims.vectors, self.asked[row], place)
        return best(row, place, score, len(self.asked), self.floor)


def cosines_of(vectors: Vectors, a: Places, b: Places) -> Scores:
    """Return the cosine of each pair of places, to `DIGITS` digits."""
    found = np.empty(len(a), dtype=np.float64)
    rows = max(1, _BLOCK // (8 * max(1, vectors.shape[1])))
    for start in range(0, len(a), rows):
        one = vectors[a[start : start + rows]].astype(np.float64)
        two = vectors[b[start : start + rows]].astype(np.float64)
        found[start : start + rows] = np.einsum("ij,ij->i", one, two)
    return np.round(found, DIGITS)


def best(row: Places, place: Places, score: Scores, size: int, floor: float) -> Nearest:
    """Return the best `TOP` of each of `size` rows, equals by place, none below `floor`."""
    good = score >= floor
    row, place, score = row[good], place[good], score[good]
    order = np.lexsort((place, -score, row))
    row, place, score = row[order], place[order], score[order]
    kept = _ranks(row) < TOP
    return Nearest(np.bincount(row[kept], minlength=size).astype(np.int64), place[kept], score[kept])


def _ranks(row: Places) -> Places:
    """Return the place of each entry among those of its row; equal rows stand together."""
    if not len(row):
        return np.zeros(0, dtype=np.int64)
    begins = np.flatnonzero(np.concatenate(([True], row[1:] != row[:-1])))
    lengths = np.diff(np.concatenate((begins, [len(row)])))
    ranks: Places = np.arange(len(row), dtype=np.int64) - np.repeat(begins, lengths)
    return ranks


@dataclass(frozen=True, slots=True)
class Held:
    """Neighbours known from before that still hold, by place; and the claims whose list is not whole any more (n)."""

    row: Places
    places: Places
    scores: Scores
    broken: npt.NDArray[np.bool_]


def brought_up(
    claims: Claims,
    cell: Cells,
    floor: float,
    able: npt.NDArray[np.bool_],
    changed: npt.NDArray[np.bool_],
    held: Held,
    told: Callable[[int, int], None] | None = None,
) -> tuple[Places, Nearest]:
    """Return the neighbours of all claims, looking again only where something changed.

    A claim that changed, or lost a neighbour, is compared with all; every other
    one with those that changed, which may be nearer than what it has.

    Args:
        claims: all claims.
        cell: the cells of each.
        floor: cosine below which none is a neighbour.
        able: the claims that may have neighbours, and be some (n).
        changed: the claims that are new, or whose words, posts or cells are (n).
        held: what is known from before.
        told: called with (cells done, cells there are).

    Returns:
        The claim whose neighbour each is, by place; and the neighbours, claim by claim.
    """
    again = able & (changed | held.broken)
    whole = nearest(claims, cell, floor, again, able, told)
    row, places, scores = [np.repeat(np.flatnonzero(again), whole.counts)], [whole.places], [whole.scores]
    rest = able & ~again
    mine = rest[held.row]
    row, places, scores = [*row, held.row[mine]], [*places, held.places[mine]], [*scores, held.scores[mine]]
    if rest.any() and (able & changed).any():
        more = nearest(claims, cell, floor, rest, able & changed)
        row.append(np.repeat(np.flatnonzero(rest), more.counts))
        places.append(more.places)
        scores.append(more.scores)
    every = np.concatenate(row)
    found = best(every, np.concatenate(places), np.concatenate(scores), len(claims.hashes), floor)
    return np.repeat(np.arange(len(claims.hashes), dtype=np.int64), found.counts), found
