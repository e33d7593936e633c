"""Patterns over words: the small language in which the cue tables are written.

A pattern is a line of elements parted by spaces; each stands for one word:

====================  =====================================================
``重要``              a word whose surface, dictionary or normalised form it is
``鍵|肝``             either
``@think``            any word of the list `think` under `[words]`
``#動詞``             a part of speech, its second or third part, or an
                      inflection (``#意志推量形``)
``する&#命令形``      both at once; ``!`` before a term denies it
``=た``               the surface only
``よう?``             may be absent
``@filler*``          any number of such words, or none
``~3``                up to three words of any sort
``^``  ``$``  ``$$``  start of the sentence, end of its predicate once the
                      frames are off, end of the sentence
``<``                 what stands before it is looked at, but no part of the cue
====================  =====================================================

Matching starts at the word of a pattern that is most telling (its trigger), so
a rule costs nothing in a sentence that lacks it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Forms = frozenset[str]
_ANY_NUMBER = 20
_KANJI = re.compile(r"[\u3400-\u9fff]")

WORD, MAYBE, GAP, START, CORE_END, END, CUT = range(7)


class Term(NamedTuple):
    """One condition on a word: any of `forms`, or none of them when `denied`."""

    forms: Forms
    denied: bool


class Element(NamedTuple):
    """One step of a pattern: what it is, the conditions of a word, the width of a gap."""

    op: int
    terms: tuple[Term, ...] = ()
    width: int = 0


class Bounds(NamedTuple):
    """Places in a list of words: where it begins, where the predicate ends, where it ends."""

    start: int
    core: int
    end: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern.

    `trigger` is the element that is looked up first, `before` what stands on its
    left (nearest first), `after` what stands on its right, `context` what must
    stand before all that (nearest first; see ``<``). Where the pattern ends at
    the end of the predicate, from `nearest` to `farthest` words lie between the
    trigger and that end. `place` is the order in which it was written.
    """

    source: str
    trigger: Element
    before: tuple[Element, ...]
    after: tuple[Element, ...]
    context: tuple[Element, ...]
    triggers: Forms
    anchored: bool
    nearest: int
    farthest: int
    place: int


def _term(source: str, words: Mapping[str, Sequence[str]]) -> Term:
    """Compile one term; raise ValueError saying what is wrong with it."""
    denied = source.startswith("!")
    forms: list[str] = []
    for choice in source.lstrip("!").split("|"):
        if not choice:
            raise ValueError(f"an empty word in {source!r}")
        if choice.startswith("@"):
            if choice[1:] not in words:
                raise ValueError(f"no list of words is called {choice[1:]!r}")
            forms.extend(words[choice[1:]])
        else:
            forms.append(choice)
    return Term(frozenset(forms), denied)


def _element(source: str, words: Mapping[str, Sequence[str]]) -> Element:
    """Compile one element of a pattern."""
    marks = {"^": START, "$": CORE_END, "$$": END, "<": CUT}
    if source in marks:
        return Element(marks[source])
    if source.startswith("~"):
        if not source[1:].isdigit():
            raise ValueError(f"a gap needs a width, such as ~3, in {source!r}")
        return Element(GAP, (), int(source[1:]))
    if source.endswith("*") and len(source) > 1:
        return Element(GAP, tuple(_term(part, words) for part in source[:-1].split("&")), _ANY_NUMBER)
    optional = source.endswith("?") and len(source) > 1
    terms = tuple(_term(part, words) for part in (source[:-1] if optional else source).split("&"))
    return Element(MAYBE if optional else WORD, terms)


def _telling(element: Element) -> tuple[int, Forms]:
    """Return how telling an element is as a trigger, and the forms to look up."""
    best: tuple[int, Forms] = (-1, frozenset())
    for term in element.terms:
        if term.denied:
            continue
        worth = min((len(f) * 2 + 3 * bool(_KANJI.search(f)) if not f.startswith("#") else 0) for f in term.forms)
        best = max(best, (worth, term.forms), key=lambda pair: pair[0])
    return best


def compile_pattern(source: str, words: Mapping[str, Sequence[str]], place: int = 0) -> Pattern:
    """Compile one line of the pattern language.

    `words` are the named lists, `place` its order in the table. Raises ValueError with the reason when the
    pattern cannot be read or names no word to begin with.
    """
    elements = [_element(part, words) for part in source.split()]
    cut = next((i for i, e in enumerate(elements) if e.op == CUT), -1)
    context, elements = elements[: max(cut, 0)], elements[cut + 1 :]
    worths = [(_telling(e) if e.op == WORD else (-1, frozenset[str]())) for e in elements]
    best = max(range(len(elements)), key=lambda i: worths[i][0], default=-1)
    if best < 0 or worths[best][0] < 0:
        raise ValueError(f"the pattern {source!r} has no word to begin with")
    after = tuple(elements[best + 1 :])
    needed = sum(e.op == WORD for e in after)
    return Pattern(
        source,
        elements[best],
        tuple(reversed(elements[:best])),
        after,
        tuple(reversed(context)),
        worths[best][1],
        bool(after) and after[-1].op == CORE_END,
        needed,
        needed + sum(e.op == MAYBE for e in after) + sum(e.width for e in after),
        place,
    )


def _fits(terms: tuple[Term, ...], forms: Forms) -> bool:
    """Tell whether a word with these forms meets all terms."""
    # A loop: this is the innermost step of a reading, and a generator doubles its cost.
    for wanted, denied in terms:  # noqa: SIM110
        if wanted.isdisjoint(forms) is not denied:
            return False
    return True


def _walk(steps: tuple[Element, ...], at: int, i: int, step: int, words: Sequence[Forms], bounds: Bounds) -> int:
    """Match `steps[at:]` from word `i` in direction `step`; return the place reached, or -1.

    Going right (`step` 1) `i` is the next word to read; going left (-1) too,
    so that a place reached is one beyond the last word matched.
    """
    while at < len(steps):
        op, terms, width = steps[at]
        inside = bounds.start <= i < bounds.end
        if op == WORD:
            if not (inside and _fits(terms, words[i])):
                return -1
            i += step
        elif op == MAYBE:
            if inside and _fits(terms, words[i]):
                reached = _walk(steps, at + 1, i + step, step, words, bounds)
                if reached != -1:
                    return reached
        elif op == GAP:
            for skip in range(width + 1):
                place = i + step * skip
                reached = _walk(steps, at + 1, place, step, words, bounds)
                if reached != -1:
                    return reached
                if not bounds.start <= place < bounds.end or not _fits(terms, words[place]):
                    break
            return -1
        elif op == CORE_END:
            if i != bounds.core:
                return -1
        elif op == END:
            if i != bounds.end:
                return -1
        elif op == START and i != bounds.start - 1:
            return -1
        at += 1
    # Going left, one is added so that the first word of a text is 0 and never the -1 of "no match".
    return i if step > 0 else i + 1


def match_at(pattern: Pattern, i: int, words: Sequence[Forms], bounds: Bounds) -> tuple[int, int] | None:
    """Match `pattern` with its trigger at word `i`; return the words covered (start, end), or None."""
    if pattern.anchored and not pattern.nearest < bounds.core - i <= pattern.farthest + 1:
        return None
    if not _fits(pattern.trigger.terms, words[i]):
        return None
    end = _walk(pattern.after, 0, i + 1, 1, words, bounds)
    if end < 0:
        return None
    start = _walk(pattern.before, 0, i - 1, -1, words, bounds) if pattern.before else i
    if start < 0 or (pattern.context and _walk(pattern.context, 0, start - 1, -1, words, bounds) < 0):
        return None
    return start, end
