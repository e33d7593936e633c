"""Whether what clashes makes two sentences contradict each other, or only tells them apart.

A difference always keeps two sentences from being merged; that is settled
before. Here the question is the narrower one: do both speak of the same thing
with the same predicate, so that both cannot hold? Where that is not sure, the
answer is no.
"""

from __future__ import annotations

import re

from kb.links.comparison import Comparison
from kb.links.prepare import Prepared, Term
from kb.links.tables import tables
from kb.quantities import DateRef

_FRAME = 0.75  # what both must say alike for swapped roles or an order to count
_DENIED = 0.66  # the same for a denied main predicate, or for who holds a place
_HELPED = 0.5  # the weight of a light verb that is denied: 持たない
_SPARE = 0.5  # the weight of its own that a side which adds nothing may have
_NUMBER = 0.58  # for two numbers
_CLAUSE = 0.78  # and for a denial or an opposite elsewhere in the sentence
_OPEN = frozenset(("question", "prohibition", "invite", "wish", "command"))
_STATED = re.compile(r"(予定|計画|見込み|見通し|方針|目標)(で|だ|です|であり|となって|という)|年で、")
_SOFT = frozenset(("bound", "case", "reach", "lead", "voice"))

Clash = tuple[str, str, str]


def firm(a: Prepared, b: Prepared, found: Comparison, low: float) -> bool:
    """Tell whether at least one clash of `found` is a contradiction; `low` is the lower share that both say."""
    moods = a.modality ^ b.modality
    if "question" in moods or ("prohibition" in moods and "obligation" not in moods):
        return False
    if a.planned != b.planned and "past" in (a.tense, b.tense):
        return False  # what was planned, and what became of it
    if a.conditional & b.conditional and not a.supposed & b.supposed:
        return False  # 来れば続く and 来なければ続かない agree
    if (_saying(a) and _saying(b)) or any(_supposed(a, b, clash) for clash in found.clashes):
        return False
    return any(_firm(a, b, found, clash, low) for clash in found.clashes if clash[0] not in _SOFT)


def _supposed(a: Prepared, b: Prepared, clash: Clash) -> bool:
    """Tell whether what differs is a condition: 増えれば続く and 増えなければ続かない agree."""
    if clash[0] not in ("polarity", "opposite"):
        return False
    return bool(_named(a, clash[1]) & a.conditional or _named(b, clash[2]) & b.conditional)


def _firm(a: Prepared, b: Prepared, found: Comparison, clash: Clash, low: float) -> bool:
    kind = clash[0]
    if kind in ("role", "order"):
        return low >= _FRAME
    if kind == "name":
        return low >= _DENIED
    if kind == "polarity":
        return _polarity(a, b, found, clash, low)
    if kind in ("opposite", "contrast"):
        return _opposite(a, b, clash, low)
    if kind == "date":
        return not (_saying(a) or _saying(b))
    if kind in ("number", "span"):
        if _aspects(found.a_extra, a) and _aspects(found.b_extra, b):
            return False
        if a.parted != b.parted and any(t.lead for t in (found.a_extra if a.parted else found.b_extra)):
            return False  # 応募した社のうち、採択されたのは12社: a part, not the whole
        told = clash[1][:1].isdigit() == clash[2][:1].isdigit()  # すべて and 半分 are told apart less surely
        return not (found.a_facts and found.b_facts) and low >= (_NUMBER if told else _FRAME)
    return True


def _aspects(extra: list[Term], p: Prepared) -> bool:
    """Tell whether a sentence says of the number what it is a number of: 30%速い."""
    return any(t.kind == "adjective" and t.name in p.tail for t in extra)


def denied_apart(a: Prepared, b: Prepared, low: float) -> bool:
    """Tell whether two sentences of an unequal count of denials deny and affirm the same main predicate."""
    if a.beyond or b.beyond or a.affirmed != b.affirmed or (a.modality ^ b.modality) & _OPEN:
        return False
    for this, other in ((a, b), (b, a)):
        heavy = {n for n in this.denied if this.terms[n].weight != _HELPED}
        if not this.ends_denied:
            continue
        if (heavy and not heavy & other.terms.keys()) or (not heavy and _last(a) != _last(b)):
            return False  # another predicate is denied
    return a.ends_denied != b.ends_denied and low >= _DENIED and bool(set(a.tail) & set(b.tail))


def _last(p: Prepared) -> str:
    """Return the last weighty word of a sentence, or ""."""
    return next((n for n in reversed(p.tail) if p.terms[n].weight >= 1), "")


def _polarity(a: Prepared, b: Prepared, found: Comparison, clash: Clash, low: float) -> bool:
    """Tell whether a word denied on one side is the predicate of both, or of a clause both have."""
    if a.beyond or b.beyond or a.affirmed != b.affirmed:
        return False
    if a.none != b.none and a.ends_denied != b.ends_denied and low >= _DENIED:
        return True  # すべてで始めた, 一つもない
    names = _named(a, clash[1]) & _named(b, clash[2])
    names -= a.contrasted | b.contrasted
    if not names or low < _DENIED:
        return False
    own = min(sum(t.weight for t in extra) for extra in (found.a_extra, found.b_extra))
    if (low < _FRAME and own > _SPARE) or (low < _CLAUSE and (a.contrasted or b.contrasted)):
        return False
    if names & set(a.tail) & set(b.tail) and a.ends_denied != b.ends_denied:
        return True
    return low >= _CLAUSE and not (a.ends_denied and b.ends_denied)


def _opposite(a: Prepared, b: Prepared, clash: Clash, low: float) -> bool:
    """Tell whether two opposites are both said of the thing, not in a condition nor of some other noun."""
    one, two = _named(a, clash[1]), _named(b, clash[2])
    if one & set(a.tail) and two & set(b.tail):
        return True
    return low >= _CLAUSE or not (one <= a.attributive or two <= b.attributive)


def _named(p: Prepared, shown: str) -> set[str]:
    """Return the names of the terms that evidence shows as `shown`."""
    bare = shown.removesuffix("（否定）")
    return {name for name, term in p.terms.items() if term.shown == bare}


def _saying(p: Prepared) -> bool:
    """Tell whether days are set against each other as in 昨日の常識は今日の非常識."""
    return len({d.text for d in p.dates if d.text in tables().words["days"]}) > 1


def asserts_dates(a: Prepared, b: Prepared, found: Comparison, low: float) -> bool:
    """Tell whether the dates that differ are asserted themselves, and are not the time of the numbers that differ.

    Of 費用は7億円で、5月に開く both may be wrong; 2019年に4万件 and 2023年に11万件 agree.
    """
    texts = {text for kind, x, y in found.clashes if kind in ("number", "span") for text in (x, y)}
    return low >= _FRAME and all(_own_predicate(p, texts) for p in (a, b))


def _own_predicate(p: Prepared, numbers: set[str]) -> bool:
    """Tell whether the dates stand in a clause with a predicate of its own, apart from the numbers."""
    counted = {_clause(p, q.start) for q in p.quantities if q.text in numbers}
    for date in p.dates:
        start, end = _clause(p, date.start)
        last = "、" not in p.meant[end:]
        if (start, end) in counted or not (last or _STATED.search(p.meant[date.start : end + 1])):
            return False
        if _heads(p, date):
            return False
    return bool(counted)


def _heads(p: Prepared, date: DateRef) -> bool:
    """Tell whether a date opens the sentence or its topic, as in 2019年の来客は."""
    return p.meant[date.end : date.end + 1] in ("、", "は", "の") and date.start == 0


def _clause(p: Prepared, at: int) -> tuple[int, int]:
    """Return the stretch between commas around `at`."""
    end = p.meant.find("、", at)
    return p.meant.rfind("、", 0, at) + 1, end if end >= 0 else len(p.meant)
