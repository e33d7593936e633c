"""Numbers and dates of two sentences laid over each other."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10

from kb.links.comparison import Comparison
from kb.links.prepare import Prepared, Term
from kb.links.tables import tables
from kb.quantities import DateRef, Quantity, counts


def compare_numbers(a: Prepared, b: Prepared, out: Comparison) -> int:
    """Lay the numbers over each other; return how many are equal."""
    rest_b = list(b.quantities)
    rest_a: list[Quantity] = []
    for one in a.quantities:
        match = next(
            (
                q
                for q in rest_b
                if q.value == one.value or _as_long(one, q) or _as_many(one, q) or _as_factor(a, b, one, q)
            ),
            None,
        )
        if match is None:
            rest_a.append(one)
        else:
            rest_b.remove(match)
    equal = len(a.quantities) - len(rest_a)
    for one in list(rest_a):
        other = next((q for q in rest_b if q.dimension == one.dimension), None) or next(
            (q for q in rest_b if _alike(one, q)), None
        )
        if other is not None and (_refines(one, other) or _refines(other, one)):
            equal += 1  # 50人を超えた, 63人だった: the exact number says what the other says, and more
            exact, facts = (one, out.a_facts) if _refines(one, other) else (other, out.b_facts)
            facts.append(exact.text)
            rest_a.remove(one)
            rest_b.remove(other)
        elif other is not None and _both_hold(one, other):
            out.a_facts.append(one.text)
            out.b_facts.append(other.text)
            rest_a.remove(one)
            rest_b.remove(other)
        elif other is not None:
            kind = "number"
            if (one.low, one.high, one.dimension) == (other.low, other.high, other.dimension):
                kind = "number" if one.bound and other.bound else "bound"
            if kind == "number" and (_in_topic(a, one) and _in_topic(b, other)):
                kind = "scope"
            elif kind == "number" and _ordinal(a, one) and _ordinal(b, other):
                kind = "ordinal"
            elif kind == "number" and {one.dimension, other.dimension} <= _HOURS.keys():
                kind = "span"
            out.clashes.append((kind, one.text, other.text))
            rest_a.remove(one)
            rest_b.remove(other)
    rest_a, rest_b = _first_or_later(a, b, rest_a, rest_b, out)
    out.a_extra, rest_b = _all_or_part(out.a_extra, rest_b, out, a_first=True)
    out.b_extra, rest_a = _all_or_part(out.b_extra, rest_a, out, a_first=False)
    out.a_facts += [q.text for q in rest_a]
    out.b_facts += [q.text for q in rest_b]
    return equal


def _both_hold(one: Quantity, two: Quantity) -> bool:
    """Tell whether two bounds leave room between them: 18歳以上, 60歳以下."""
    if one.dimension != two.dimension or {one.bound, two.bound} != {"above", "below"}:
        return False
    least, most = (one, two) if one.bound == "above" else (two, one)
    return least.high < most.low


_NEAR = 0.05  # how far an exact number may be from one that is called no exact number, as a share of it


def _refines(exact: Quantity, loose: Quantity) -> bool:
    """Tell whether an exact number lies where a bound, a range or an approximation of its kind leaves room for it."""
    if exact.dimension != loose.dimension or exact.low != exact.high or exact.bound or exact.about:
        return False
    if loose.bound:
        return exact.low > loose.high if loose.bound == "above" else exact.low < loose.low
    if loose.low != loose.high:
        return loose.low <= exact.low <= loose.high
    return loose.about and abs(exact.low - loose.low) <= _rounding(loose.low)


def _rounding(value: float) -> float:
    """Return how far from a round number what it stands for may be: half its last digit, but not more than a sixth."""
    if not value:
        return 0.0
    size = abs(value)
    step = 10.0 ** floor(log10(size))
    while round(size / step, 6) % 1:  # 1.2兆: the second digit is the last
        step /= 10
    return max(_NEAR * size, min(step / 2, size / 6))


def _as_many(one: Quantity, two: Quantity) -> bool:
    """Tell whether a bare number and a count come to the same: 200以上の企業, 200社以上."""
    units = {one.dimension, two.dimension}
    return "number" in units and units <= counts() and one.value[1:] == two.value[1:]


def _as_factor(a: Prepared, b: Prepared, one: Quantity, two: Quantity) -> bool:
    """Tell whether a factor and a rise by a share come to the same: 1.5倍に増えた, 5割増えた."""
    if {one.dimension, two.dimension} != {"times", "ratio"} or one.bound != two.bound:
        return False
    factor, rise, risen = (one, two, b) if one.dimension == "times" else (two, one, a)
    upward = {*tables().axes["増える"]}
    if rise.text[-1:] not in "割%分ト" or not any(t.poles & upward for t in risen.terms.values()):
        return False
    return factor.low == factor.high > 1 and abs(factor.low - 1.0 - rise.low) < 1e-9 and rise.low == rise.high


_HOURS = {"hours": 1.0, "days": 24.0, "duration": 24.0 * 365 / 12}


def _as_long(one: Quantity, two: Quantity) -> bool:
    """Tell whether lengths of time in two units come to the same: 72時間 and 3日間, 12カ月 and 365日."""
    if one.dimension == two.dimension or not {one.dimension, two.dimension} <= _HOURS.keys() or one.bound != two.bound:
        return False
    here, there = one.low * _HOURS[one.dimension], two.low * _HOURS[two.dimension]
    return one.low == one.high and two.low == two.high and abs(here - there) <= _NEAR * there


def _all_or_part(
    extra: list[Term], rest: list[Quantity], out: Comparison, *, a_first: bool
) -> tuple[list[Term], list[Quantity]]:
    """Set すべて on one side against a share on the other: すべて再利用される / 4割が再利用される."""
    whole = set(tables().axes["すべて"])
    every = next((t for t in extra if t.poles & whole), None)
    part = next((q for q in rest if q.dimension == "ratio" and q.high < 1), None)
    if every is None or part is None:
        return extra, rest
    out.clashes.append(("number", every.shown, part.text) if a_first else ("number", part.text, every.shown))
    return [t for t in extra if t is not every], [q for q in rest if q is not part]


def _first_or_later(
    a: Prepared, b: Prepared, rest_a: list[Quantity], rest_b: list[Quantity], out: Comparison
) -> tuple[list[Quantity], list[Quantity]]:
    """Set 最も多い on one side against 3番目に多い on the other."""
    if "superlative" not in a.modality ^ b.modality:
        return rest_a, rest_b
    later, other = (rest_b, rest_a) if "superlative" in a.modality else (rest_a, rest_b)
    rank = next((q for q in later if q.dimension in _RANKS and q.low > 1), None)
    if rank is None or any(q.dimension in _RANKS for q in other):
        return rest_a, rest_b
    out.clashes.append(("number", rank.text, "1位") if later is rest_a else ("number", "1位", rank.text))
    return [q for q in rest_a if q is not rank], [q for q in rest_b if q is not rank]


_RANKS = frozenset(("rank", "ordinal"))
_MONEY = frozenset(("yen", "dollar", "euro", "won", "yuan", "pound", "rupee", "twd", "riyal"))


def _alike(one: Quantity, two: Quantity) -> bool:
    """Tell whether numbers in two units can be set against each other: 八つ and 8カ所, 3億円 and 3億ドル."""
    units = {one.dimension, two.dimension}
    if units == {"times", "ratio"} or units <= _HOURS.keys():
        return True
    return ("number" in units and units <= counts()) or (units <= _MONEY and (one.low, one.high) == (two.low, two.high))


def _ordinal(p: Prepared, found: Quantity) -> bool:
    """Tell whether a number names one of a row, as in 第2期."""
    return found.dimension == "generation" or p.meant[found.start - 1 : found.start] == "第"


def _in_topic(p: Prepared, found: Quantity | DateRef) -> bool:
    """Tell whether a number or date belongs to what the sentence is about: 三年目の社員の離職率は."""
    return tables().patterns["topic_after"].match(p.meant[found.end :]) is not None


def compare_dates(a: Prepared, b: Prepared, out: Comparison) -> int:
    """Lay the dates over each other; return how many parts are equal."""
    if not a.dates and not b.dates:
        return 0
    equal = 0
    for part in sorted({d.part for d in (*a.dates, *b.dates)}):
        one = {d.value: d.text for d in a.dates if d.part == part}
        two = {d.value: d.text for d in b.dates if d.part == part}
        equal += len(one.keys() & two.keys())
        only_a, only_b = one.keys() - two.keys(), two.keys() - one.keys()
        if only_a and only_b and _comparable(only_a, only_b):
            away = _set_off(a, part), _set_off(b, part)
            kind = "time" if all(away) or (any(away) and _starts(a, part) and _starts(b, part)) else "date"
            out.clashes.append((kind, _listed(one, only_a), _listed(two, only_b)))
        else:
            out.a_facts += [one[v] for v in sorted(only_a)]
            out.b_facts += [two[v] for v in sorted(only_b)]
    return equal


def _set_off(p: Prepared, part: str) -> bool:
    """Tell whether the dates of a part say of when the sentence speaks: 今年の梅雨は, 昨年、, 四月の時点で."""
    own = [d for d in p.dates if d.part == part]
    after = tables().patterns["time_after"]
    return all(_in_topic(p, d) or (d.start == 0 and after.match(p.meant, d.end)) for d in own)


def _starts(p: Prepared, part: str) -> bool:
    """Tell whether both a date of a part and the sentence begin at once."""
    return any(d.start == 0 for d in p.dates if d.part == part)


def _listed(texts: dict[str, str], values: Iterable[str]) -> str:
    return "・".join(texts[v] for v in sorted(values))


_ENDS = ({"から", "まで"}, {"から", "へ"}, {"から", "に"}, {"より", "に"})


def compare_bindings(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find equal numbers or dates that belong to other things or ends: A棟は3人、B棟は5人; 3%から5%へ."""
    shared = [key for key in a.anchors if key in b.anchors]
    for i, x in enumerate(shared):
        in_a, in_b = a.anchors[x], b.anchors[x]
        if {"から", "まで"} == {in_a.case, in_b.case}:
            out.clashes.append(("bound", in_a.text + in_a.case, in_b.text + in_b.case))
        for y in shared[i + 1 :]:
            if x[0] != y[0]:
                continue
            other_a, other_b = a.anchors[y], b.anchors[y]
            own_a, own_b = in_a.words - other_a.words, in_b.words - other_b.words
            if own_a & (other_b.words - in_b.words) and not own_a & own_b:
                first, second = "・".join(sorted(own_a)), "・".join(sorted(own_b))
                out.clashes.append(("number", f"{first}:{in_a.text}", f"{second}:{in_b.text}"))
            elif {in_a.case, other_a.case} in _ENDS and in_a.case == other_b.case and in_b.case == other_a.case:
                out.clashes.append(("number", in_a.text + in_a.case, in_b.text + in_b.case))


def _comparable(a: Iterable[str], b: Iterable[str]) -> bool:
    """Two years can differ only when both are counted or both are told from today."""
    return {v[:1].isdigit() for v in a} == {v[:1].isdigit() for v in b}
