"""Who does what to whom: things that have changed places between two sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.links.comparison import Comparison
from kb.links.prepare import Prepared
from kb.links.tables import tables

_PASSIVE = {"subject": "object", "dative": "subject", "agent": "subject"}


_LONG = 18.0
_KATAKANA = re.compile(r"[ァ-ー]{4,}")
_REAL = frozenset(("object", "dative", "agent", "than", "from", "with"))


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
    for i, (x, xa, xb) in enumerate(placed):
        for _, ya, yb in placed[i + 1 :]:
            if not converse and ((xa == yb and xb == ya) or _handed(xa, xb, ya, yb) or _handed(ya, yb, xa, xb)):
                out.clashes.append(("role", f"{a.terms[x].shown}:{xa}", f"{b.terms[x].shown}:{xb}"))
    if not converse:
        out.clashes += [("case", f"{a.terms[x].shown}:{xa}", f"{b.terms[x].shown}:{xb}") for x, xa, xb in placed
                        if {xa, xb} == {"from", "dative"}]  # fmt: skip
    crossed = _crossed(a, b)
    if crossed and not converse and not any(kind == "role" for kind, _, _ in out.clashes):
        out.clashes.append(("role", "・".join(sorted(a.subject)), "・".join(sorted(b.subject))))
    if converse and (crossed or any("subject" in {xa, xb} and {xa, xb} & _REAL for _, xa, xb in placed)):
        out.clashes = [c for c in out.clashes if frozenset((c[1], c[2])) not in tables().converses]


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
