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
a rule costs nothing in a sentence that lacks it. What is asked of one word is
numbered (`Conditions`), and which of those numbers a word meets is worked out
once for the word, so that a step of a match is a look into a set of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Forms = frozenset[str]
Met = frozenset[int]
_ANY_NUMBER = 20
_FAR = 1 << 30
_KANJI = re.compile(r"[\u3400-\u9fff]")

WORD, MAYBE, GAP, START, CORE_END, END, CUT = range(7)


class Term(NamedTuple):
    """One part of a condition on a word: any of `forms`, or none of them when `denied`."""

    forms: Forms
    denied: bool


class Element(NamedTuple):
    """One part of a pattern as written: what it is, the terms of its condition, the width of a gap."""

    op: int
    terms: tuple[Term, ...] = ()
    width: int = 0


class Step(NamedTuple):
    """One step of a match: what it is, the number of its condition, the width of a gap.

    Where the steps after a gap lead to a fixed place (`goal`: CORE_END or END,
    else -1), from `least` to `most` words lie between the gap and that place.
    """

    op: int
    number: int
    width: int = 0
    goal: int = -1
    least: int = 0
    most: int = 0


class Bounds(NamedTuple):
    """Places in a list of words: where it begins, where the predicate ends, where it ends."""

    start: int
    core: int
    end: int

    def distance(self, i: int, edge: int) -> int:
        """Return how far word `i` is from an edge (START, CORE_END or END), the word at the edge being 1."""
        if edge == START:
            return i - self.start + 1
        return (self.core if edge == CORE_END else self.end) - i


class Conditions:
    """The different conditions that the patterns of one table put on a word, each with its number.

    Number 0 is the empty condition, which every word meets.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[Term, ...], int] = {(): 0}
        self._by_form: dict[str, list[tuple[int, tuple[Term, ...]]]] = {}
        self._denials: list[tuple[int, tuple[Term, ...]]] = []

    def number(self, terms: tuple[Term, ...]) -> int:
        """Return the number of a condition, given to it when it is first met."""
        number = self._numbers.get(terms)
        if number is None:
            number = self._numbers[terms] = len(self._numbers)
            # A word that meets all terms has a form of the first one that is not denied.
            first = next((term for term in terms if not term.denied), None)
            if first is None:
                self._denials.append((number, terms))
            else:
                rest = tuple(term for term in terms if term is not first)
                for form in first.forms:
                    self._by_form.setdefault(form, []).append((number, rest))
        return number

    def met(self, forms: Forms | set[str]) -> Met:
        """Return the numbers of the conditions that a word with these forms meets."""
        found = {0}
        for form in forms:
            for number, rest in self._by_form.get(form, ()):
                if all(wanted.isdisjoint(forms) is denied for wanted, denied in rest):
                    found.add(number)
        for number, terms in self._denials:
            if all(wanted.isdisjoint(forms) for wanted, _ in terms):
                found.add(number)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern.

    `trigger` is the condition that is looked up first, `triggers` the forms one
    of which meets it; `before` stands on its left (nearest first), `after` on
    its right, `context` before all that (nearest first; see ``<``). Each bit of
    `required` is a condition that some word of the sentence must meet, `left` and
    `right` are those of the trigger's neighbours (0 if any word will do). A
    pattern bound to an `edge` (START, CORE_END or END, else -1) has its trigger
    as the `nearest` to `farthest` word from there, the one at the edge being 1.
    `place` is the order in which it was written.
    """

    source: str
    trigger: int
    before: tuple[Step, ...]
    after: tuple[Step, ...]
    context: tuple[Step, ...]
    triggers: Forms
    required: int
    left: int
    right: int
    edge: int
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


def _steps(elements: Sequence[Element], conditions: Conditions) -> tuple[Step, ...]:
    """Return elements as steps, in the order in which they are walked."""
    made: list[Step] = []
    goal, least, most = -1, 0, 0
    for element in reversed(elements):
        number = conditions.number(element.terms)
        if element.op in (CORE_END, END):
            goal, least, most = element.op, 0, 0
        made.append(Step(element.op, number, element.width, goal, least, most))
        least += element.op == WORD
        most += element.width if element.op == GAP else element.op in (WORD, MAYBE)
    return tuple(reversed(made))


def _neighbour(steps: tuple[Step, ...]) -> int:
    """Return the condition on the word beside the trigger, or 0 if there need be none."""
    return steps[0].number if steps and steps[0].op == WORD else 0


def _bound(before: tuple[Step, ...], after: tuple[Step, ...]) -> tuple[int, int, int]:
    """Return to which edge a pattern is bound, if any, and how near and how far its trigger is from it."""
    found = []
    for steps, edges in ((after, (CORE_END, END)), (before, (START,))):
        if steps and steps[-1].op in edges:
            least = sum(s.op == WORD for s in steps)
            most = sum(s.width if s.op == GAP else s.op in (WORD, MAYBE) for s in steps)
            found.append((most, steps[-1].op, least + 1))
    most, edge, least = min(found, default=(_FAR, -1, 0))
    return edge, least, most + 1


def compile_pattern(source: str, words: Mapping[str, Sequence[str]], conditions: Conditions, place: int = 0) -> Pattern:
    """Compile one line of the pattern language.

    `words` are the named lists, `conditions` those of the table, which grow, `place` its order in the table.
    Raises ValueError with the reason when the pattern cannot be read or names no word to begin with.
    """
    elements = [_element(part, words) for part in source.split()]
    cut = next((i for i, e in enumerate(elements) if e.op == CUT), -1)
    context, elements = elements[: max(cut, 0)], elements[cut + 1 :]
    worths = [(_telling(e) if e.op == WORD else (-1, frozenset[str]())) for e in elements]
    best = max(range(len(elements)), key=lambda i: worths[i][0], default=-1)
    if best < 0 or worths[best][0] < 0:
        raise ValueError(f"the pattern {source!r} has no word to begin with")
    after = elements[best + 1 :]
    before, steps = _steps(elements[:best][::-1], conditions), _steps(after, conditions)
    required = 0
    for element in (*context, *elements):
        if element.op == WORD:
            required |= 1 << conditions.number(element.terms)
    return Pattern(
        source,
        conditions.number(elements[best].terms),
        before,
        steps,
        _steps(context[::-1], conditions),
        worths[best][1],
        required,
        _neighbour(before),
        _neighbour(steps),
        *_bound(before, steps),
        place,
    )


def _gap(steps: tuple[Step, ...], at: int, i: int, step: int, words: Sequence[Met], bounds: Bounds) -> int:
    """Match the gap `steps[at]` and all after it from word `i`; return the place reached, or -1."""
    _, number, width, goal, least, most = steps[at]
    first, last = 0, width
    if goal >= 0 and step > 0:
        # Only these widths can lead to where the rest must end.
        end = bounds.core if goal == CORE_END else bounds.end
        first, last = max(0, end - i - most), min(width, end - i - least)
        if any(not bounds.start <= k < bounds.end or number not in words[k] for k in range(i, i + first)):
            return -1
    at += 1
    wanted = steps[at].number if at < len(steps) and steps[at].op == WORD else 0
    start, stop = bounds.start, bounds.end
    for place in range(i + step * first, i + step * (last + 1), step):
        inside = start <= place < stop
        if not wanted or (inside and wanted in words[place]):
            reached = _walk(steps, at, place, step, words, bounds)
            if reached != -1:
                return reached
        if not inside or number not in words[place]:
            break
    return -1


def _walk(steps: tuple[Step, ...], at: int, i: int, step: int, words: Sequence[Met], bounds: Bounds) -> int:
    """Match `steps[at:]` from word `i` in direction `step`; return the place reached, or -1.

    Going right (`step` 1) `i` is the next word to read; going left (-1) too,
    so that a place reached is one beyond the last word matched.
    """
    start, core, end = bounds
    count = len(steps)
    while at < count:
        current = steps[at]
        op, number = current[0], current[1]
        if op == WORD:
            if not (start <= i < end and number in words[i]):
                return -1
            i += step
        elif op == MAYBE:
            if start <= i < end and number in words[i]:
                reached = _walk(steps, at + 1, i + step, step, words, bounds)
                if reached != -1:
                    return reached
        elif op == GAP:
            return _gap(steps, at, i, step, words, bounds)
        elif op == CORE_END:
            if i != core:
                return -1
        elif op == END:
            if i != end:
                return -1
        elif op == START and i != start - 1:
            return -1
        at += 1
    # Going left, one is added so that the first word of a text is 0 and never the -1 of "no match".
    return i if step > 0 else i + 1


def match_at(pattern: Pattern, i: int, words: Sequence[Met], bounds: Bounds) -> tuple[int, int] | None:
    """Match `pattern` with its trigger at word `i`; return the words covered (start, end), or None.

    `words` are the conditions that each word meets.
    """
    if pattern.trigger not in words[i]:
        return None
    if pattern.edge >= 0 and not pattern.nearest <= bounds.distance(i, pattern.edge) <= pattern.farthest:
        return None
    end = _walk(pattern.after, 0, i + 1, 1, words, bounds) if pattern.after else i + 1
    if end < 0:
        return None
    start = _walk(pattern.before, 0, i - 1, -1, words, bounds) if pattern.before else i
    if start < 0 or (pattern.context and _walk(pattern.context, 0, start - 1, -1, words, bounds) < 0):
        return None
    return start, end
