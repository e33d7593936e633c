"""Where contradictions are looked for, and when two articles speak of one thing.

Two claims that give one subject another number, date or direction may be worded
so differently that neither their 3-grams nor their vectors meet. So claims are
also paired by frames: a kind of figure (or a date, or an axis of opposites), and
two nouns that both hold.

What contradicts within one article may, between two articles, speak of two
things: of "their sales" each article means another company's. A contradiction
between articles counts only where both name one subject in full.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from kb.links.content import Content, tells
from kb.links.limits import limits
from kb.links.prepare import Prepared, prepare
from kb.links.tables import tables
from kb.text import is_japanese

CROWD = 40  # claims; a frame that more of them have is a stock phrase
_NOUNS = 8  # of a claim, the rarest
_PREDICATE = 3  # words at a claim's end among which its predicate is
_MARKED = frozenset(("subject", "of-subject"))
_THINGS = ("noun", "entity")
_WHOLE = 1.0  # weight of a word that says something by itself
_LATIN_WORD = re.compile(r"[a-z]+")

Mark = tuple[str, object]


def axes_of(content: Content) -> dict[int, frozenset[Mark]]:
    """Return the sides of opposites that the predicate of each claim stands on, (axis, side): 増える, 減る."""
    known = tables().axes
    poles = {word: known[spelt] for word, spelt in enumerate(content.words) if spelt in known}
    ends = content.starts[1:]
    found: dict[int, frozenset[Mark]] = {}
    for back in range(1, _PREDICATE + 1):
        at = ends - back
        held = np.flatnonzero(at >= content.starts[:-1])
        turning = held[np.isin(content.sequence[at[held]], list(poles))]
        for place in turning.tolist():
            word = int(content.sequence[at[place]])
            sides: frozenset[Mark] = frozenset((f"axis {axis}", side) for axis, side in poles[word])
            found[place] = found.get(place, frozenset()) | sides
    return found


def framed(content: Content, marks: Mapping[int, Collection[Mark]]) -> list[tuple[int, int]]:
    """Return the pairs of claims with a common frame that say something else of it, a < b, in order.

    Args:
        content: what the claims speak of.
        marks: of each claim that has any, (kind of figure, what it says).
    """
    kinds: dict[str, int] = {}
    keys = array("i")
    counts = np.bincount(content.sequence, minlength=len(content.words)).tolist()
    nouns = _nouns(content)
    for place, said in marks.items():
        held = sorted({word for word in content.said(place) if nouns[word]}, key=lambda word: (counts[word], word))
        held = sorted(held[:_NOUNS])
        for kind in sorted({kind for kind, _ in said}):
            number = kinds.setdefault(kind, len(kinds))
            for i, one in enumerate(held):
                for two in held[i + 1 :]:
                    keys.extend((number, one, two, place))
    if not keys:
        return []
    names = list(kinds)
    said_of = {
        place: {kind: frozenset(v for k, v in said if k == kind) for kind, _ in said} for place, said in marks.items()
    }
    pairs: set[tuple[int, int]] = set()
    for number, group in _groups(np.frombuffer(keys, dtype=np.int32).reshape(-1, 4)):
        for i, a in enumerate(group):
            for b in group[i + 1 :]:
                left, right = said_of[a][names[number]], said_of[b][names[number]]
                if left != right:
                    pairs.add((a, b))
    return sorted(pairs)


def _groups(keys: np.ndarray[Any, np.dtype[np.int32]]) -> list[tuple[int, list[int]]]:
    """Return (kind, places) of the frames that several claims have, but not too many."""
    order = np.lexsort(keys.T[::-1])
    keys = keys[order]
    edges = np.flatnonzero((keys[1:, :3] != keys[:-1, :3]).any(axis=1)) + 1
    starts = np.concatenate(([0], edges))
    ends = np.concatenate((edges, [len(keys)]))
    several = np.flatnonzero((ends - starts > 1) & (ends - starts <= CROWD))
    return [(int(keys[starts[i], 0]), keys[starts[i] : ends[i], 3].tolist()) for i in several.tolist()]


def _nouns(content: Content) -> list[bool]:
    """Tell of each word whether it is a noun that may be part of a frame."""
    return [tells(word) for word in content.words]


def one_subject(a: Prepared, b: Prepared) -> bool:
    """Tell whether both sentences name one subject in full, so that they speak of one thing in any article.

    They must have a word in common in what は or が marks, and whatever else is
    marked so on one side must stand on the other, too: 世界の需要は and 需要は may be
    two things. Neither may point at what only its own article has told.
    """
    if points(a) or points(b):
        return False
    if not is_japanese(a.meant) and not is_japanese(
        b.meant
    ):  # no particle marks it: all that is named must be the same
        return _named(a) == _named(b) != frozenset()
    one, two = _subjects(a), _subjects(b)
    return bool(one & two) and one - two <= b.terms.keys() and two - one <= a.terms.keys()


def _subjects(p: Prepared) -> frozenset[str]:
    """Return the weighty words that は or が marks, or that stand before such a one as 世界の does in 世界の需要は.

    Who merely says it is left out.
    """
    marked = {name for name, term in p.terms.items() if term.weight >= _WHOLE and term.roles & _MARKED}
    said = _saying()
    kept = frozenset(name for name in marked if not {p.governors.get(name), p.holdings.get(name), name} & said)
    if said & set(p.tail) and kept - p.subject:  # 研究所は、会社が増えると予測する
        return kept - p.subject
    return kept


def _named(p: Prepared) -> frozenset[str]:
    said = _saying()
    return frozenset(n for n, t in p.terms.items() if t.weight >= _WHOLE and t.kind in _THINGS and n not in said)


@cache
def _saying() -> frozenset[str]:
    """Return the names that verbs of saying have in a sentence, as the word that 組合が belongs to."""
    read = [prepare(f"組合が{verb}。") for verb in limits().saying]
    return frozenset(
        name for one in read for name in (*one.governors.values(), *one.terms) if name not in one.governors
    )


def points(p: Prepared) -> bool:
    """Tell whether a sentence, or what it is about, begins with この, 同社 and the like: with what stood before it."""
    text = p.meant.casefold()
    about = text[p.lead[0] : p.lead[1]]
    return _pointing().match(text) is not None or _pointing().match(about) is not None


@cache
def _pointing() -> re.Pattern[str]:
    words = [re.escape(w) + r"\b" if _LATIN_WORD.fullmatch(w) else re.escape(w) for w in limits().pointing]
    return re.compile("|".join(words))


def one_context(a: Sequence[Collection[str]], b: Sequence[Collection[str]]) -> bool:
    """Tell whether two claims can be of one thing by the names in them, or else around them.

    Args:
        a: the names in the one claim, and those in the title and headings it stands under.
        b: the same of the other.
    """
    said_a, around_a = map(frozenset, a)
    said_b, around_b = map(frozenset, b)
    if said_a and said_b:
        return bool(said_a & said_b)
    one, two = said_a or around_a, said_b or around_b
    return not (one and two) or bool(one & two)
