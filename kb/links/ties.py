"""Which neighbours are tied to each other, and what ties them.

Being near in meaning is not enough: sentences that say little ("課題もあります")
are near to everything. Two claims are tied if they also share words that not
everybody uses, the more of them, the smaller a cosine will do (`data/links.toml`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kb.links.content import SUBSTANCE, Content, distinct
from kb.links.limits import limits
from kb.links.neighbours import Cells, Places, Scale, Scores
from kb.records import Relation

Key = TypeVar("Key")

GRAVITY: Mapping[str, int] = {"conflict": 0, "same": 1, "subsumes": 2, "related": 3}
_SHOWN_RUNS = 5
_AT_ONCE = 200_000  # pairs


@dataclass(frozen=True, slots=True)
class Parts:
    """What is said of each claim beside its words: by place, for those that have any.

    `names` are (entity, words) pairs; `figures` (what it says in base units, words);
    `dates` (first and last day, words).
    """

    names: Mapping[int, Mapping[str, str]]
    figures: Mapping[int, Mapping[tuple[str, float, float | None], str]]
    dates: Mapping[int, Mapping[tuple[str, str], str]]


def near(content: Content, scale: Scale, row: Places, place: Places, score: Scores) -> list[tuple[int, int, float]]:
    """Return the pairs of neighbours that are tied, as (a, b, cosine), a < b, in order.

    Args:
        content: what the claims speak of.
        scale: what cosines mean under the model.
        row: the claim that each neighbour is one of.
        place: the neighbour.
        score: their cosine.
    """
    least = [scale.at(*limit) for limit in limits().shared]
    good = score >= min(least)
    a, b = np.minimum(row[good], place[good]), np.maximum(row[good], place[good])
    size = len(content.starts)
    _, first = np.unique(a * size + b, return_index=True)
    a, b, cosine = a[first], b[first], score[good][first]
    shared = _shared(content, a, b)
    limit = np.array(least)[np.clip(shared - SUBSTANCE, 0, len(least) - 1)]
    tied = (shared >= SUBSTANCE) & (cosine >= limit)
    return list(zip(a[tied].tolist(), b[tied].tolist(), cosine[tied].tolist(), strict=True))


def _shared(content: Content, a: Places, b: Places) -> Places:
    """Return the sum of the levels of the telling words that both claims of each pair say."""
    width = max(1, len(content.words))
    keys, starts = _telling(content, np.arange(width, dtype=np.int64))
    found = np.zeros(len(a), dtype=np.int64)
    if not len(keys):
        return found
    for begin in range(0, len(a), _AT_ONCE):
        one, two = a[begin : begin + _AT_ONCE], b[begin : begin + _AT_ONCE]
        counts = starts[one + 1] - starts[one]
        pair = np.repeat(np.arange(len(one), dtype=np.int64), counts)
        within = np.arange(len(pair), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        words = keys[starts[one][pair] + within] % width
        wanted = two[pair] * width + words
        held = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
        sums = np.bincount(pair, weights=content.levels[words] * held, minlength=len(one))
        found[begin : begin + _AT_ONCE] = sums.astype(np.int64)
    return found


def _telling(content: Content, number: Places) -> tuple[Places, Places]:
    """Return (claim, word) of the words that tell something, each once and in order, as one number; and each claim's.

    Args:
        content: what the claims speak of.
        number: of each word.
    """
    owner = np.repeat(np.arange(len(content.starts) - 1, dtype=np.int64), np.diff(content.starts))
    width = max(1, len(content.words))
    telling = content.levels[content.sequence] > 0
    keys = distinct(owner[telling] * width + number[content.sequence[telling]])
    return keys, np.searchsorted(keys, np.arange(len(content.starts), dtype=np.int64) * width)


def overlapping(content: Content, pairs: Iterable[tuple[int, int]], least: float) -> list[tuple[int, int]]:
    """Return the pairs of which the shorter claim has `least` of its different words in the longer one."""
    words: dict[int, frozenset[int]] = {}
    found = []
    for a, b in pairs:
        for claim in (a, b):
            if claim not in words:
                words[claim] = frozenset(content.said(claim))
        one, two = words[a], words[b]
        if len(one & two) >= least * min(len(one), len(two)) > 0:
            found.append((a, b))
    return found


def related(content: Content, parts: Parts, a: int, b: int, cosine: float) -> Relation:
    """Return the tie of two claims that are near and no more, with what they have in common."""
    return Relation("related", round(cosine, 4), common(content, parts, a, b, cosine))


def common(content: Content, parts: Parts, a: int, b: int, cosine: float) -> tuple[str, ...]:
    """Return what two claims have in common: words, names, figures and dates, and how near they are."""
    runs = content.common_runs(a, b)[:_SHOWN_RUNS]
    names = _both(parts.names, a, b)
    shown = [f"words: {'・'.join(runs)}"] if runs else []
    shown += [f"names: {'・'.join(names)}"] if names else []
    figures, dates = _both(parts.figures, a, b), _both(parts.dates, a, b)
    shown += [f"figures: {'・'.join(figures)}"] if figures else []
    shown += [f"dates: {'・'.join(dates)}"] if dates else []
    if cosine:
        shown.append(f"cosine {cosine:.2f}")
    return tuple(shown)


def _both(table: Mapping[int, Mapping[Key, str]], a: int, b: int) -> list[str]:
    one, two = table.get(a), table.get(b)
    if not one or not two:
        return []
    return list(dict.fromkeys(words for key, words in one.items() if key in two))


def gravest(made: Sequence[tuple[int, int, Relation]]) -> dict[tuple[int, int], Relation]:
    """Return one tie a pair: a contradiction before what is the same, that before what says more, or is related."""
    found: dict[tuple[int, int], Relation] = {}
    for a, b, relation in made:
        if a == b or relation.relation not in GRAVITY:
            continue
        pair = (min(a, b), max(a, b))
        held = found.get(pair)
        if held is None or _rank(relation) < _rank(held):
            found[pair] = relation
    return found


def _rank(relation: Relation) -> tuple[int, float, tuple[str, ...]]:
    return GRAVITY[relation.relation], -relation.score, relation.evidence


def states(base: str, content: Content, made_of: Sequence[str], cells: Cells) -> list[str]:
    """Return what decides the neighbours and ties of each claim, as a fingerprint.

    Args:
        base: fingerprint of what is the same for all: model, limits, code.
        content: what the claims speak of.
        made_of: hash of each claim's text, its posts and the state of its parts.
        cells: the cells each lies in.
    """
    order = sorted(range(len(content.words)), key=content.words.__getitem__)
    levels = content.levels.tolist()
    spelt = [f"{content.words[word]}{levels[word]}" for word in order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    keys, starts = _telling(content, rank)
    told = [spelt[number] for number in (keys % max(1, len(order))).tolist()]
    found = []
    for place, (text, begin, end) in enumerate(zip(made_of, starts.tolist(), starts[1:].tolist(), strict=False)):
        state = "\0".join((base, text, "".join(told[begin:end]), cells.of(place)))
        found.append(hashlib.blake2b(state.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())
    return found
