"""Which one it is: two sentences that single out two different things, or one thing alone and one among others."""

from __future__ import annotations

from kb.links.comparison import Comparison
from kb.links.prepare import Prepared, Term
from kb.links.tables import tables

_SPARE = 0.5  # the weight outside its focus that a sentence may have of its own
_LOOSE = 1.0  # the same where two names answer
_ASKED = 2.0  # the weight of what is asked, at least: これは asks nothing
_NAMED = 3.0  # the weight of an answer that only names
_ANSWER = 4.5  # the weight of an answer, at most: what is longer tells more than which one


def compare_focus(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two answers to one question: 決めたのは西村だ / 決めたのは大橋だ; 移転先は太田市だ / 移転先は小山市だ.

    All that each sentence has of its own must stand in its focus. In a cleft of an
    event any two nouns exclude each other, else two names or two siblings only.
    """
    if not (a.focus and b.focus) or a.ends_denied or b.ends_denied:
        return  # 患者が減ったからではない and 薬の値段が上がったからだ agree
    one, two = _named(a, out.a_extra), _named(b, out.b_extra)
    if not one or not two or max(_own(a, out.a_extra), _own(b, out.b_extra)) > _ANSWER:
        return
    if sum(t.weight for n, t in a.terms.items() if n in b.terms and n not in a.focus) < _ASKED:
        return
    apart = max(_outside(a, out.a_extra), _outside(b, out.b_extra))
    caused = "cause" in a.marks & b.marks
    only = a.exclusive & b.exclusive - a.focus - b.focus
    asked = caused or (a.cleft and b.cleft) or bool(only)
    if not asked or "open" in a.marks | b.marks:
        one, two = ([t for t in one if t.kind == "entity"], [t for t in two if t.kind == "entity"])
    elif not caused and not _one_kind(a, b, one, two):
        return
    if one and two and apart <= (_LOOSE if one[0].kind == two[0].kind == "entity" else _SPARE):
        out.clashes.append(("name", "・".join(t.shown for t in one), "・".join(t.shown for t in two)))
        out.a_extra = [t for t in out.a_extra if t.name not in a.focus]
        out.b_extra = [t for t in out.b_extra if t.name not in b.focus]


def _one_kind(a: Prepared, b: Prepared, one: list[Term], two: list[Term]) -> bool:
    """Tell whether two answers are of one kind: 西村選手 and 大橋選手, 貸主 and 借主."""
    if {one[-1].shown, two[-1].shown} & tables().words["abstract"]:
        return False  # 強調しているのは、戦略の核心だ: why, or what it means
    if a.focus & b.focus or one[-1].shown[-1] == two[-1].shown[-1]:
        return True
    if a.cleft and b.cleft and max(sum(t.weight for t in one), sum(t.weight for t in two)) <= _NAMED:
        return True
    return any(t.kind == "entity" for t in one) and any(t.kind == "entity" for t in two)


def _named(p: Prepared, extra: list[Term]) -> list[Term]:
    return [t for t in extra if t.name in p.focus and t.weight >= 1 and t.kind in ("entity", "noun")]


def _own(p: Prepared, extra: list[Term]) -> float:
    return sum(t.weight for t in extra if t.name in p.focus)


def _outside(p: Prepared, extra: list[Term]) -> float:
    return sum(t.weight for t in extra if t.name not in p.focus)


def compare_siblings(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two kinds of which a thing is one only: 白亜紀の地層, ジュラ紀の地層."""
    rows = tables().siblings
    for one in out.a_extra:
        row = rows.get(one.shown)
        two = next((t for t in out.b_extra if rows.get(t.shown) == row), None) if row is not None else None
        if two is not None and not (one.lead and two.lead):
            out.clashes.append(("name", one.shown, two.shown))
            out.a_extra = [t for t in out.a_extra if t is not one]
            out.b_extra = [t for t in out.b_extra if t is not two]
            return


def compare_sole(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find what is the only one here and one among others there: 重油だけが使われる / 重油のほかに木くずも使われる."""
    if not (a.marks and b.marks):
        return
    for this, other, extra, facts in ((a, b, out.b_extra, out.b_facts), (b, a, out.a_extra, out.a_facts)):
        if "sole" not in this.marks or "also" not in other.marks or "sole" in other.marks:
            continue
        others = [t.shown for t in extra if t.weight >= 1 and t.kind in ("noun", "entity")] + facts
        if others and set(this.tail) & set(other.tail):
            out.clashes.append(("sole", "・".join(sorted(this.tail)), "・".join(others)))


def compare_places(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find one thing put in two places: 工場は九州に建てられる / 工場は東北に建てられる; データは国内に / 国外に.

    Only where what is spoken of is the same in full, nothing is done to another
    thing, and neither sentence has anything of its own besides.
    """
    if a.object or b.object or not a.subject or a.subject != b.subject or out.a_facts or out.b_facts:
        return
    one, two = [t for t in out.a_extra if t.weight >= 1], [t for t in out.b_extra if t.weight >= 1]
    if len(one) != 1 or len(two) != 1 or one[0].lead or two[0].lead:
        return
    first, second = one[0], two[0]
    rows = tables().scopes
    known = first.kind == second.kind == "entity" or set(rows.get(first.shown, ())) & set(rows.get(second.shown, ()))
    if known and first.roles == second.roles and first.roles & _PLACES and set(a.tail) & set(b.tail):
        out.clashes = [c for c in out.clashes if c[0] != "scope"]
        out.clashes.append(("place", first.shown, second.shown))


_PLACES = frozenset(("dative", "of-dative", "by", "of-by"))
