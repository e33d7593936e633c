"""Words that no table pairs, paired by the letters they are written with.

Two words of one length that differ in one letter, and in one that stands
against the other (繰り上げる, 繰り下げる), are opposites as a rule; a native verb and
a Chinese compound with its letter (授ける, 授与) mean the same. Which letters
do so stands in `data/relate/antonyms.toml` (`marks`, `scope_marks`) and
`data/relate/synonyms.toml` (`native`).
"""

from __future__ import annotations

from kb.links.comparison import Comparison
from kb.links.prepare import Prepared, Term
from kb.links.tables import nominal, tables

_LEAST = 0.4  # lighter words are not paired
_MANY = 5  # words of its own: a side with more says something else anyway


def compare_forms(a: Prepared, b: Prepared, out: Comparison) -> float:
    """Pair what is left on both sides by its letters; return the weight that both then share."""
    if not 0 < len(out.a_extra) <= _MANY or not 0 < len(out.b_extra) <= _MANY:
        return 0.0
    met = 0.0
    for one in list(out.a_extra):
        for two in out.b_extra:
            kind = _pairing(one, two)
            if not kind:
                continue
            if not one.signs & two.signs and kind != "scope":  # 繰り上げない is not yet 繰り下げる
                kind = "opposite" if kind == "alike" else "reach"
            elif kind == "noun":
                kind = "alike"
            if kind != "alike":
                out.clashes.append((kind, one.shown, two.shown))
            if kind != "scope":
                met += min(one.weight, two.weight)
                out.a_extra.remove(one)
                out.b_extra.remove(two)
            break
    return met


def _pairing(one: Term, two: Term) -> str:
    """Return how two words stand to each other.

    That is "opposite", "scope", "alike", "noun" (答え, 答える), or "" for not at all.
    """
    if one.weight < _LEAST or two.weight < _LEAST:
        return ""
    x, y = one.shown, two.shown
    if set(x).isdisjoint(y):
        return ""
    if len(x) == len(y) > 1:
        differ = [pair for pair in zip(x, y, strict=True) if pair[0] != pair[1]]
        pair = frozenset(differ[0]) if len(differ) == 1 else frozenset()
        if pair in tables().scope_marks:
            return "scope" if _topical(one) and _topical(two) else ""
        if pair in tables().letters and not set(tables().scopes.get(x, ())) & set(tables().scopes.get(y, ())):
            return "opposite"
    if one.kind == "verb" or two.kind == "verb":
        if y in nominal(x, 1) or x in nominal(y, 1):
            return "noun"
        return "alike" if _native(x, y) or _native(y, x) else ""
    return ""


def _topical(term: Term) -> bool:
    return term.lead or bool(term.roles & _TOPIC)


_TOPIC = frozenset(("subject", "of-subject", "topic", "of-topic"))


def _native(verb: str, compound: str) -> bool:
    """Tell whether a verb is written with one letter that a compound of two holds, and that means one thing."""
    return (
        len(compound) == _COMPOUND
        and verb[0] in compound
        and verb[0] in tables().native
        and len(verb) > 1
        and not any("\u4e00" <= letter <= "\u9fff" for letter in verb[1:])
        and all("\u4e00" <= letter <= "\u9fff" for letter in compound)
    )


_COMPOUND = 2
