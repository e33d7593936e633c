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
    if ("other" in a.marks) != ("other" in b.marks) and not found.kinds() & {"role", "order"}:
        return False  # 証券会社は, 別の証券会社は
    if a.planned != b.planned and "past" in (a.tense, b.tense):
        return False  # what was planned, and what became of it
    if a.conditional & b.conditional and not a.supposed & b.supposed:
        return False  # 来れば続く and 来なければ続かない agree
    if _two_times(a, b, found) or _two_tops(a, b, found):
        return False
    if bool(a.conditional) != bool(b.conditional) and _came_true(a, b):
        return False
    if (_saying(a) and _saying(b)) or any(_supposed(a, b, clash) for clash in found.clashes):
        return False
    return any(_firm(a, b, found, clash, low) for clash in found.clashes if clash[0] not in _SOFT)


def _two_times(a: Prepared, b: Prepared, found: Comparison) -> bool:
    """Tell whether one speaks of before some event and the other of after it, or of now: 改装前, 改装を終えた."""
    if any({x, y} & {"前", "後"} for kind, x, y in found.clashes if kind == "opposite"):
        return False  # the clash itself
    one, two = a.marks & _TIMES, b.marks & _TIMES
    return one != two and bool(one and two)


def _two_tops(a: Prepared, b: Prepared, found: Comparison) -> bool:
    """Tell whether the opposites are what is spoken of, and not what is said of it: 上限は50万円だ, 下限は5万円だ."""
    return any(
        kind in ("opposite", "contrast") and _leads(a, x) and _leads(b, y) and len(found.clashes) > 1
        for kind, x, y in found.clashes
    )


def _leads(p: Prepared, shown: str) -> bool:
    return any(p.terms[name].lead for name in _named(p, shown))


def _two_measures(a: Prepared, b: Prepared, found: Comparison) -> bool:
    """Tell whether numbers are reckoned over two stretches, or are of two things: 毎分600枚, 先月だけで2千万枚."""
    if a.rates != b.rates or ("aimed" in a.marks) != ("aimed" in b.marks):
        return True
    if _own_predicate_words(a, found.a_extra) and _own_predicate_words(b, found.b_extra):
        return True
    return _own_objects(a, b, found) or (_measured(found.a_extra) and _measured(found.b_extra))


def _own_predicate_words(p: Prepared, extra: list[Term]) -> bool:
    """Tell whether the main verb of a sentence is none that the other has: 応募した, 通った."""
    verbs = [t for t in extra if t.kind == "verb" and t.weight >= 1 and t.name in p.tail]
    return any(t.name not in p.attributive and t.shown not in tables().words["reckoning"] for t in verbs)


def _measured(extra: list[Term]) -> bool:
    """Tell whether a sentence names a measure that the other does not: 口径が45メートル, 標高1,350メートル."""
    endings = tables().words["measured"]
    return any(t.kind == "noun" and t.weight >= 1 and {t.shown[-1:], t.shown[-2:]} & endings for t in extra)


def _own_objects(a: Prepared, b: Prepared, found: Comparison) -> bool:
    """Tell whether each side has an object of its own: 試運転を始めた, 量産を始める."""
    return any(_objective(a, t) for t in found.a_extra) and any(_objective(b, t) for t in found.b_extra)


def _objective(p: Prepared, term: Term) -> bool:
    if term.weight < 1 or term.kind not in ("noun", "entity") or not term.roles & _OBJECT:
        return False
    return "of-object" in term.roles or p.governors.get(term.name, "") in ("", *p.tail)


_OBJECT = frozenset(("object", "of-object"))
_TIMES = frozenset(("before", "after"))


def _came_true(a: Prepared, b: Prepared) -> bool:
    """Tell whether what is only supposed on one side is asserted on the other: 強まれば落ちる, 強まったが落ちない."""
    this, other = (a, b) if a.conditional else (b, a)
    if "granted" in a.marks | b.marks:
        return False
    return any(other.terms[n].kind == "verb" for n in this.conditional & other.terms.keys() - other.conditional)


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
        theirs = not {*clash[1:]} & tables().words["comparing"] and _own_objects(a, b, found)
        return not theirs and not _two_bases(a, b) and _opposite(a, b, clash, low)
    if kind == "date":
        return not (_saying(a) or _saying(b) or _own_objects(a, b, found))
    if kind == "sole":
        return low >= _DENIED
    if kind == "place":
        return True
    if kind in ("number", "span"):
        if _two_measures(a, b, found) or (_aspects(found.a_extra, a) and _aspects(found.b_extra, b)):
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
    if bool(a.conditional) != bool(b.conditional) and _came_true(a, b):
        return False
    if (a.than & b.top - b.than) and (b.than & a.top - a.than):
        return False  # 古い機械は新しい機械より多く使う, 新しい機械は古い機械ほど使わない
    if a.none != b.none and a.ends_denied != b.ends_denied and low >= _DENIED:
        return True  # 一校もなかった, いずれも終えていた
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
    return low >= _CLAUSE or (low >= _NUMBER and not (one <= a.attributive or two <= b.attributive))


def _two_bases(a: Prepared, b: Prepared) -> bool:
    """Tell whether the two are set against different things: 前の週より増えた, 前の年より減った."""
    one, two = a.than - a.top, b.than - b.top
    return bool(one and two and one ^ two) and not one & b.top and not two & a.top


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
