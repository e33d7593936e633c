"""What two sentences share, what each has of its own, and where they contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from kb.links.prepare import Prepared, Term
from kb.links.quantities import DateRef, Quantity
from kb.links.tables import tables


@dataclass(slots=True)
class Comparison:
    """The outcome of laying one sentence over another.

    `a_cover` and `b_cover` are the shares of each side's weight that the other
    side says too; `clashes` are (kind, words of a, words of b) with kinds number,
    date, polarity, opposite, name, role, order, scope, topic; `a_extra` and `b_extra` the terms
    only one has.
    """

    a_cover: float = 0.0
    b_cover: float = 0.0
    shared: float = 0.0
    clashes: list[tuple[str, str, str]] = field(default_factory=list)
    a_extra: list[Term] = field(default_factory=list)
    b_extra: list[Term] = field(default_factory=list)
    a_facts: list[str] = field(default_factory=list)
    b_facts: list[str] = field(default_factory=list)

    def kinds(self) -> set[str]:
        """Return the kinds of clashes found."""
        return {kind for kind, _, _ in self.clashes}


def compare(a: Prepared, b: Prepared) -> Comparison:
    """Lay two prepared sentences over each other."""
    out = Comparison()
    shared_names = a.terms.keys() & b.terms.keys()
    shared = 0.0
    converse = False
    for name in shared_names:
        one, two = a.terms[name], b.terms[name]
        shared += min(one.weight, two.weight)
        if not one.signs & two.signs:
            out.clashes.append(("polarity", _signed(one), _signed(two)))
    left_a = [t for n, t in a.terms.items() if n not in shared_names]
    left_b = [t for n, t in b.terms.items() if n not in shared_names]
    out.a_extra, out.b_extra, met, converse = _opposites(left_a, left_b, out)
    if a.glosses or b.glosses:
        out.a_extra, out.b_extra = _unspell(out.a_extra, a, b), _unspell(out.b_extra, b, a)
    if a.doubly != b.doubly:
        universal = tables().words["universal"]
        out.a_extra = [t for t in out.a_extra if t.shown not in universal]
        out.b_extra = [t for t in out.b_extra if t.shown not in universal]
    _implied(a, b, out)
    _names_differ(a, b, out)
    shared += met
    out.shared = shared
    equal = _numbers(a, b, out) + _dates(a, b, out)
    out.a_cover = _share(shared + equal, sum(t.weight for t in out.a_extra))
    out.b_cover = _share(shared + equal, sum(t.weight for t in out.b_extra))
    out.shared += equal
    if out.clashes:
        _topics(out)
    _scope(a, b, out)
    _roles(a, b, shared_names, converse, out)
    _order(a, b, out)
    if a.anchors and b.anchors:
        _bindings(a, b, out)
    return out


def _share(shared: float, extra: float) -> float:
    return shared / (shared + extra) if shared + extra else 1.0


def _signed(term: Term) -> str:
    return term.shown + ("（否定）" if term.signs == {-1} else "")


_ATTRIBUTE = frozenset(("of-subject", "of-object", "of-by", "of-dative", "of-from"))


def _opposites(
    left_a: list[Term], left_b: list[Term], out: Comparison
) -> tuple[list[Term], list[Term], float, bool]:
    """Pair what is left on both sides by the axes of opposites: same side counts as shared, other side clashes."""
    if not left_a or not left_b or not any(t.poles for t in left_a):
        return left_a, left_b, 0.0, False
    converses = tables().converses
    met, converse = 0.0, False
    used_a: set[str] = set()
    used_b: set[str] = set()
    for same_side in (True, False):
        for one in left_a:
            if not one.poles or one.name in used_a:
                continue
            for two in left_b:
                if two.name in used_b or not two.poles:
                    continue
                if same_side and one.poles & two.poles:
                    met += min(one.weight, two.weight)
                elif not same_side and any((axis, -side) in two.poles for axis, side in one.poles):
                    if frozenset((one.shown, two.shown)) in converses:
                        converse = True
                    aside = _ATTRIBUTE & one.roles and _ATTRIBUTE & two.roles
                    out.clashes.append(("contrast" if aside else "opposite", _signed(one), _signed(two)))
                    met += min(one.weight, two.weight)
                else:
                    continue
                used_a.add(one.name)
                used_b.add(two.name)
                break
    return (
        [t for t in left_a if t.name not in used_a],
        [t for t in left_b if t.name not in used_b],
        met,
        converse,
    )


def _unspell(extra: list[Term], this: Prepared, other: Prepared) -> list[Term]:
    """Drop what only spells out, or only shortens, a name the other side has: 国民医療サービス(NHS)."""
    for spelt, short in this.glosses:
        if short in other.terms:
            extra = [t for t in extra if t.name not in spelt]
        elif spelt <= other.terms.keys():
            extra = [t for t in extra if t.name != short]
    return extra


def _implied(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Drop 増えた or 減った where both name the factor: 2倍になった, 2倍に増えた."""
    factors = {q.value for q in a.quantities if q.dimension in _FACTORS} & {q.value for q in b.quantities}
    if not factors:
        return
    grown = any(low > 1 for _, low, _, _ in factors)
    movement = {(axis, side) for axis, side in tables().axes.get("増える" if grown else "減る", ())}
    out.a_extra = [t for t in out.a_extra if not t.poles & movement]
    out.b_extra = [t for t in out.b_extra if not t.poles & movement]


_FACTORS = frozenset(("times", "ratio"))
_ASIDE = frozenset(("by", "than", "of-subject", "of-object", "of-by", "of-dative", "of-than"))


def _names_differ(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two names for a place that only one can hold: 初代社長はA / 初代社長はB."""
    if not ((a.exclusive and b.exclusive) or a.cleft or b.cleft):
        return
    one = [t for t in out.a_extra if t.kind == "entity" and not t.roles & _ASIDE]
    two = [t for t in out.b_extra if t.kind == "entity" and not t.roles & _ASIDE]
    if one and two:
        out.clashes.append(("name", "・".join(t.shown for t in one), "・".join(t.shown for t in two)))
        out.a_extra = [t for t in out.a_extra if t not in one]
        out.b_extra = [t for t in out.b_extra if t not in two]


def _numbers(a: Prepared, b: Prepared, out: Comparison) -> int:
    """Lay the numbers over each other; return how many are equal."""
    rest_b = list(b.quantities)
    rest_a: list[Quantity] = []
    for one in a.quantities:
        match = next((q for q in rest_b if q.value == one.value), None)
        if match is None:
            rest_a.append(one)
        else:
            rest_b.remove(match)
    for one in list(rest_a):
        other = next((q for q in rest_b if q.dimension == one.dimension), None) or next(
            (q for q in rest_b if _alike(one, q)), None
        )
        if other is not None:
            kind = "number"
            if (one.low, one.high, one.dimension) == (other.low, other.high, other.dimension):
                kind = "number" if one.bound and other.bound else "bound"
            if kind == "number" and (_in_topic(a, one) and _in_topic(b, other)):
                kind = "scope"
            elif kind == "number" and _ordinal(a, one) and _ordinal(b, other):
                kind = "ordinal"
            out.clashes.append((kind, one.text, other.text))
            rest_a.remove(one)
            rest_b.remove(other)
    out.a_facts += [q.text for q in rest_a]
    out.b_facts += [q.text for q in rest_b]
    return len(a.quantities) - sum(c[0] in ("number", "bound", "scope", "ordinal") for c in out.clashes) - len(rest_a)


_COUNTS = frozenset(("number", "place", "count", "company", "person", "case", "machine", "unit", "country", "building"))


_MONEY = frozenset(("yen", "dollar", "euro", "won", "yuan", "pound", "rupee", "twd", "riyal"))


def _alike(one: Quantity, two: Quantity) -> bool:
    """Tell whether numbers in two units can be set against each other: 八つ and 8カ所, 3億円 and 3億ドル."""
    units = {one.dimension, two.dimension}
    return ("number" in units and units <= _COUNTS) or (units <= _MONEY and (one.low, one.high) == (two.low, two.high))


def _ordinal(p: Prepared, found: Quantity) -> bool:
    """Tell whether a number names one of a row, as in 第2期."""
    return found.dimension == "generation" or p.meant[found.start - 1 : found.start] == "第"


def _in_topic(p: Prepared, found: Quantity | DateRef) -> bool:
    """Tell whether a number or date belongs to what the sentence is about: 三年目の社員の離職率は."""
    return tables().patterns["topic_after"].match(p.meant[found.end :]) is not None


def _dates(a: Prepared, b: Prepared, out: Comparison) -> int:
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
            out.clashes.append(("date", "・".join(one[v] for v in sorted(only_a)), "・".join(two[v] for v in sorted(only_b))))
        else:
            out.a_facts += [one[v] for v in sorted(only_a)]
            out.b_facts += [two[v] for v in sorted(only_b)]
    return equal


_ENDS = ({"から", "まで"}, {"から", "へ"}, {"から", "に"}, {"より", "に"})


def _bindings(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find equal numbers or dates that belong to other things or ends: A棟は3人、B棟は5人; 3%から5%へ."""
    shared = [key for key in a.anchors if key in b.anchors]
    for i, x in enumerate(shared):
        (words_a, case_a), (words_b, case_b) = a.anchors[x], b.anchors[x]
        if case_a != case_b and {"から", "まで"} == {case_a, case_b}:
            out.clashes.append(("bound", x[1] + case_a, x[1] + case_b))
        for y in shared[i + 1 :]:
            if x[0] != y[0]:
                continue
            other_a, other_b = a.anchors[y], b.anchors[y]
            own_a, own_b = words_a - other_a[0], words_b - other_b[0]
            if own_a & (other_b[0] - words_b) and not own_a & own_b:
                out.clashes.append(("number", f"{'・'.join(sorted(own_a))}:{x[1]}", f"{'・'.join(sorted(own_b))}:{x[1]}"))
            elif {case_a, other_a[1]} in _ENDS and case_a == other_b[1] and case_b == other_a[1]:
                out.clashes.append(("number", f"{x[1]}{case_a}", f"{x[1]}{case_b}"))


def _comparable(a: Iterable[str], b: Iterable[str]) -> bool:
    """Two years can differ only when both are counted or both are told from today."""
    return {v[:1].isdigit() for v in a} == {v[:1].isdigit() for v in b}


def _topics(out: Comparison) -> None:
    """Find two different things spoken of: 水田の面積は / 畑の面積は."""
    one = [t.shown for t in out.a_extra if _is_topic(t)]
    two = [t.shown for t in out.b_extra if _is_topic(t)]
    if one and two and not any(kind == "name" for kind, _, _ in out.clashes):
        out.clashes.append(("topic", "・".join(one), "・".join(two)))


def _is_topic(term: Term) -> bool:
    return term.kind == "entity" or (term.kind == "noun" and bool(term.roles & _TOPIC))


_TOPIC = frozenset(("subject", "of-subject", "by", "of-by", "of-object", "of-dative"))


def _scope(a: Prepared, b: Prepared, out: Comparison) -> None:
    for row, words in a.scopes.items():
        other = b.scopes.get(row)
        if other and not words & other:
            out.clashes.append(("scope", "・".join(sorted(words)), "・".join(sorted(other))))


_PASSIVE = {"subject": "object", "dative": "subject", "agent": "subject"}


_LONG = 18.0
_KATAKANA = re.compile(r"[ァ-ー]{4,}")
_REAL = frozenset(("object", "dative", "agent", "than", "from", "with"))


def _roles(a: Prepared, b: Prepared, shared: Iterable[str], converse: bool, out: Comparison) -> None:
    """Find two things that stand in each other's place: AがBを買収 and BがAを買収."""
    placed = []
    for name in shared:
        one, two = _role(a, name), _role(b, name)
        if one and two and one != two:
            placed.append((name, one, two))
    if max(a.total, b.total) > _LONG:  # several clauses: only names are told apart surely
        placed = [p for p in placed if a.terms[p[0]].kind == "entity" or _KATAKANA.fullmatch(a.terms[p[0]].shown)]
    for i, (x, xa, xb) in enumerate(placed):
        for y, ya, yb in placed[i + 1 :]:
            handed = xa == "subject" != xb and yb == "subject" != ya and xb in _REAL and ya in _REAL
            handed = handed or (xb == "subject" != xa and ya == "subject" != yb and xa in _REAL and yb in _REAL)
            if (xa == yb and xb == ya) or handed:
                if not converse:
                    out.clashes.append(("role", f"{a.terms[x].shown}:{xa}", f"{b.terms[x].shown}:{xb}"))
    if not converse:
        out.clashes += [("case", f"{a.terms[x].shown}:{xa}", f"{b.terms[x].shown}:{xb}") for x, xa, xb in placed
                        if {xa, xb} == {"from", "dative"}]  # fmt: skip
    crossed = _crossed(a, b)
    if crossed and not converse and not any(kind == "role" for kind, _, _ in out.clashes):
        out.clashes.append(("role", "・".join(sorted(a.subject)), "・".join(sorted(b.subject))))
    if converse and (placed or crossed):
        out.clashes = [c for c in out.clashes if frozenset((c[1], c[2])) not in tables().converses]


def _crossed(a: Prepared, b: Prepared) -> bool:
    """Tell whether subject and object phrase have changed places (and not merely their order)."""
    subject_a, object_a = a.subject - a.object, a.object - a.subject
    subject_b, object_b = b.subject - b.object, b.object - b.subject
    if not (subject_a & object_b and object_a & subject_b):
        return False
    return not (subject_a & subject_b or object_a & object_b) and a.passive == b.passive


def _role(p: Prepared, name: str) -> str:
    term = p.terms[name]
    if term.kind not in ("entity", "noun") or len(term.roles) != 1:
        return ""
    role = next(iter(term.roles))
    if p.passive:
        prefix, _, head = role.rpartition("-")
        role = f"{prefix}-{_PASSIVE.get(head, head)}" if prefix else _PASSIVE.get(head, head)
    return role


def _order(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two events, or cause and effect, that have changed places around 後, 前, ため and the like."""
    if not (a.before and b.before):
        return
    straight = len(a.before & b.before) + len(a.after & b.after)
    crossed = len(a.before & b.after) + len(a.after & b.before)
    if crossed > straight:
        turned = [c for c in out.clashes if c[0] == "opposite" and {c[1], c[2]} & {"前", "後"}]
        if turned:
            out.clashes = [c for c in out.clashes if c not in turned]
        else:
            out.clashes.append(("order", "・".join(sorted(a.before)), "・".join(sorted(b.before))))
