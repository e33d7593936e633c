"""Who does what to whom: things that have changed places between two sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kb.links.comparison import Comparison
from kb.links.prepare import Prepared
from kb.links.tables import tables

_PASSIVE = {"subject": "object", "dative": "subject", "agent": "subject"}


_LONG = 18.0
_SHORT = 10.0
_TERSE = 5.0
_SWAP = 2
_ALIKE = 0.9
_KATAKANA = re.compile(r"[ァ-ー]{4,}")
_REAL = frozenset(("object", "dative", "agent", "than", "from", "with", "is"))


def compare_roles(a: Prepared, b: Prepared, shared: Iterable[str], converse: bool, out: Comparison) -> None:
    """Find two things that stand in each other's place: AがBを買収 and BがAを買収."""
    if any(t.kind == "verb" for t in out.a_extra) and any(t.kind == "verb" for t in out.b_extra):
        return  # two predicates: places cannot be compared
    placed = []
    for name in shared:
        one, two = _role(a, name), _role(b, name)
        if one and two and one != two:
            placed.append((name, one, two))
    if max(a.total, b.total) > _LONG:  # several clauses: only names are told apart surely
        placed = [p for p in placed if a.terms[p[0]].kind == "entity" or _KATAKANA.fullmatch(a.terms[p[0]].shown)]
    settled = _one_frame(a, b, out)
    for i, (x, xa, xb) in enumerate(placed):
        for _, ya, yb in placed[i + 1 :]:
            exact = xa == yb and xb == ya
            if not converse and (exact or _handed(xa, xb, ya, yb) or _handed(ya, yb, xa, xb)):
                turned = max(a.total, b.total) <= _TERSE and a.passive != b.passive and _truly(ya, yb)
                sure = settled and (exact or turned) and _truly(xa, xb) and _governed_alike(a, b, x)
                if "agent" in (xa, xb, ya, yb) and not (a.passive or b.passive):
                    sure = False  # によって of an active sentence is a means
                kind = "role" if sure else "case"
                out.clashes.append((kind, f"{a.terms[x].shown}:{xa}", f"{b.terms[x].shown}:{xb}"))
    if not converse:
        out.clashes += [("case", f"{a.terms[x].shown}:{xa}", f"{b.terms[x].shown}:{xb}") for x, xa, xb in placed
                        if "from" in (xa, xb) and {xa, xb} & {"dative", "with"}]  # fmt: skip
    crossed = _crossed(a, b)
    if crossed and not converse and not any(kind == "role" for kind, _, _ in out.clashes):
        alike = min(out.a_cover, out.b_cover) >= _ALIKE
        kind = "role" if settled and alike and max(a.total, b.total) <= _SHORT else "case"
        out.clashes.append((kind, "・".join(sorted(a.subject)), "・".join(sorted(b.subject))))
    _clauses(a, b, out)
    _holdings(a, b, settled, out)
    if converse and (crossed or any("subject" in {xa, xb} and {xa, xb} & _REAL for _, xa, xb in placed)):
        out.clashes = [c for c in out.clashes if frozenset((c[1], c[2])) not in tables().converses]


def compare_weighed(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two things compared that have changed places: AよりBが安い / BよりAが安い, but not / BよりAが高い."""
    than_a, top_a, than_b, top_b = (a.than - a.top, a.top - a.than, b.than - b.top, b.top - b.than)
    if than_a & top_b and top_a & than_b and not (than_a & than_b or top_a & top_b):
        out.clashes.append(("role", "・".join(sorted(top_a)), "・".join(sorted(top_b))))
    turned = [c for c in out.clashes if c[0] in ("role", "case")]
    swapped = [c for c in turned if {_case(c[1]), _case(c[2])} == {"subject", "than"}]
    swapped += [c for c in turned if c[0] == "role" and ":" not in c[1]]
    opposite = [c for c in out.clashes if c[0] in ("opposite", "polarity")]
    if a.than and b.than and swapped and len(opposite) == 1:
        out.clashes = [c for c in out.clashes if c not in swapped and c not in opposite]


def _case(shown: str) -> str:
    return shown.rpartition(":")[2].removeprefix("of-")


def compare_sequence(a: Sequence[str], b: Sequence[str], *, inverted: bool, out: Comparison) -> None:
    """Find who has changed places with whom, from the order of the words both English sentences have.

    A swap of two words around a third is a swap of roles, unless one of the two sentences is a passive.

    Args:
        a: names of the content words of one sentence, in order.
        b: those of the other.
        inverted: whether one of the two is a passive, and the other not.
        out: where clashes are noted.
    """
    there = [name for name in a if name in b]
    here = [name for name in b if name in a]
    if len(there) != len(here) or len(set(there)) != len(there) or len(there) < _SWAP:
        return
    differ = [i for i, (x, y) in enumerate(zip(there, here, strict=True)) if x != y]
    if not differ:
        if inverted and len(there) > _SWAP:
            out.clashes.append(("voice", there[0], here[0]))
        return
    first, last = differ[0], differ[-1]
    swapped = len(differ) == _SWAP and last - first > 1 and there[first] == here[last]
    turned = any(there[i:] + there[:i] == here for i in range(1, len(there)))
    if swapped and not inverted:
        out.clashes.append(("role", f"{there[first]}・{there[last]}", f"{here[first]}・{here[last]}"))
    elif not (inverted or turned or swapped):
        out.clashes.append(("case", " ".join(there), " ".join(here)))


def compare_contrasts(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find what is put aside for what in two ways: 甲ではなく乙 / 乙ではなく甲."""
    one = {n for n in a.contrasted if n in b.terms and 1 in b.terms[n].signs}
    two = {n for n in b.contrasted if n in a.terms and 1 in a.terms[n].signs}
    if one - two and two - one:
        first, second = ("・".join(a.terms[n].shown for n in sorted(names)) for names in (one, two))
        out.clashes.append(("role", f"{second}・{first}", f"{first}・{second}"))


def _one_frame(a: Prepared, b: Prepared, out: Comparison) -> bool:
    """Tell whether both end in one predicate and neither has a verb of its own: only then a swap contradicts."""
    aside = a.attributive | b.attributive
    if any(t.kind == "verb" and t.weight >= 1 and t.name not in aside for t in (*out.a_extra, *out.b_extra)):
        return False
    return bool(set(a.tail[-2:]) & set(b.tail[-2:]))


def _truly(one: str, two: str) -> bool:
    """Tell whether two cases differ in more than の, and neither only lists things side by side."""
    bare = one.removeprefix("of-"), two.removeprefix("of-")
    return bare[0] != bare[1] and "with" not in bare and set(bare) <= _REAL | {"subject"}


def _governed_alike(a: Prepared, b: Prepared, name: str) -> bool:
    """Tell whether a noun belongs to one predicate on both sides; the topic does, as は reaches over clauses."""
    return a.terms[name].lead or b.terms[name].lead or a.governors.get(name) == b.governors.get(name)


def _clauses(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two doers that have changed clauses: Aが測り、Bが記録する / Bが測り、Aが記録する."""
    shared = [name for name in a.doers if name in b.doers]
    for i, x in enumerate(shared):
        for y in shared[i + 1 :]:
            own_a, own_b = a.doers[x] - a.doers[y] - {y}, b.doers[x] - b.doers[y] - {y}
            left_a, left_b = (a.doers[y] - a.doers[x] - {x}, b.doers[y] - b.doers[x] - {x})
            if own_a & left_b and left_a & own_b and not (own_a & own_b or left_a & left_b):
                one, two = a.terms[x].shown, a.terms[y].shown
                out.clashes.append(("role", f"{one}・{two}", f"{two}・{one}"))
                return


def _holdings(a: Prepared, b: Prepared, settled: bool, out: Comparison) -> None:
    """Find two things that have changed owners: 甲社の窯と乙社の船 / 乙社の窯と甲社の船."""
    there, here = a.holdings, b.holdings
    moved = [x for x, one in there.items() if here.get(x, one) != one]
    for i, x in enumerate(moved):
        for y in moved[i + 1 :]:
            one, two = a.holdings[x], a.holdings[y]
            if (b.holdings[x], b.holdings[y]) == (two, one) and not {one, two} & {x, y}:
                alike = min(out.a_cover, out.b_cover) >= _ALIKE and max(a.total, b.total) <= _SHORT
                shown = a.terms[x].shown, a.terms[y].shown
                out.clashes.append(
                    ("role" if settled and alike else "case", "・".join(shown), "・".join(reversed(shown)))
                )
                return


def _handed(giver: str, given: str, taker: str, taken: str) -> bool:
    """Tell whether the place of subject goes from one thing in a to another in b, both standing in real cases."""
    return giver == "subject" != given and taken == "subject" != taker and given in _REAL and taker in _REAL


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


def compare_order(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two events, or cause and effect, that have changed places around 後, 前, ため and the like."""
    one, two = a.conditional - b.conditional, b.conditional - a.conditional
    if one & b.terms.keys() and two & a.terms.keys():  # 下がれば増える, 増えれば下がる
        out.clashes.append(("case", "・".join(sorted(one)), "・".join(sorted(two))))
    if not (a.before and b.before):
        return
    straight = len(a.before & b.before) + len(a.after & b.after)
    crossed = len(a.before & b.after) + len(a.after & b.before)
    told = any({c[1], c[2]} & {"前", "後"} for c in out.clashes if c[0] == "opposite")
    if straight and not crossed and not told and {a.joint, b.joint} == {"prior", "later"}:
        out.clashes.append(("order", a.joint, b.joint))
    if crossed > straight:
        turned = [c for c in out.clashes if c[0] == "opposite" and {c[1], c[2]} & {"前", "後"}]
        if turned:
            out.clashes = [c for c in out.clashes if c not in turned]
        else:
            out.clashes.append(("order", "・".join(sorted(a.before)), "・".join(sorted(b.before))))
