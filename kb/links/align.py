"""What two sentences share, what each has of its own, and where they contradict each other."""

from __future__ import annotations

from itertools import pairwise

from kb.links.comparison import Comparison
from kb.links.english import FIRST_AXIS, english
from kb.links.facts import compare_bindings, compare_dates, compare_numbers
from kb.links.forms import compare_forms
from kb.links.keys import lead_key
from kb.links.prepare import Prepared, Term
from kb.links.roles import compare_contrasts, compare_order, compare_roles, compare_sequence, compare_weighed
from kb.links.singled import compare_focus, compare_places, compare_siblings, compare_sole
from kb.links.tables import tables


def compare(a: Prepared, b: Prepared) -> Comparison:
    """Lay two prepared sentences over each other."""
    out = Comparison()
    shared_names = [name for name in a.terms if name in b.terms]
    shared = 0.0
    converse = False
    for name in shared_names:
        one, two = a.terms[name], b.terms[name]
        shared += min(one.weight, two.weight)
        if not one.signs & two.signs:
            both = a.denied and b.denied and not a.denied & b.denied
            out.clashes.append(("reach" if both else "polarity", _signed(one), _signed(two)))
        if one.made != two.made and one.shown == two.shown:
            out.clashes.append(("voice", one.shown, two.shown))
    left_a = [t for n, t in a.terms.items() if n not in b.terms]
    left_b = [t for n, t in b.terms.items() if n not in a.terms]
    out.a_extra, out.b_extra, met, converse = _opposites(left_a, left_b, out)
    if a.glosses or b.glosses:
        out.a_extra, out.b_extra = (_unspell(out.a_extra, a, b), _unspell(out.b_extra, b, a))
    if a.doubly != b.doubly or a.none != b.none:
        _drop("universal", out)
    _cancelled(a, b, out)
    _implied(a, b, out)
    if "obligation" in a.modality & b.modality:
        _drop("duties", out)
    met += compare_forms(a, b, out)
    compare_focus(a, b, out)
    _names_differ(a, b, out)
    compare_siblings(a, b, out)
    shared += met
    out.shared = shared
    equal = compare_numbers(a, b, out) + compare_dates(a, b, out)
    if equal and (a.quantities or b.quantities):
        _drop("measures", out)  # 作業員の数は120人 says no more than 作業員は120人
    out.a_cover = _share(shared + equal, sum(t.weight for t in out.a_extra))
    out.b_cover = _share(shared + equal, sum(t.weight for t in out.b_extra))
    out.shared += equal
    if out.clashes:
        _topics(a, b, out)
    _scope(a, b, out)
    compare_sole(a, b, out)
    compare_places(a, b, out)
    if a.label and b.label and lead_key(a.label) and lead_key(b.label) and lead_key(a.label) != lead_key(b.label):
        out.clashes.append(("lead", a.label, b.label))
    if a.passive != b.passive and a.verbal and b.verbal:
        _voice(a, b, shared_names, out)
    if a.sequence and b.sequence:
        compare_sequence(a.sequence, b.sequence, inverted=a.passive != b.passive, out=out)
    compare_roles(a, b, shared_names, converse, out)
    if a.than and b.than:
        compare_weighed(a, b, out)
    if a.contrasted and b.contrasted:
        compare_contrasts(a, b, out)
    compare_order(a, b, out)
    if a.anchors and b.anchors:
        compare_bindings(a, b, out)
    return out


def _drop(kind: str, out: Comparison) -> None:
    """Drop from what one sentence has more than the other the words of a list of data/relate/cues.toml."""
    words = tables().words[kind]
    out.a_extra = [t for t in out.a_extra if t.shown not in words]
    out.b_extra = [t for t in out.b_extra if t.shown not in words]


def _voice(a: Prepared, b: Prepared, shared: list[str], out: Comparison) -> None:
    """Find a subject that acts here and is acted upon there: 会社は訴えた, 会社は訴えられた."""
    if not set(a.tail) & set(b.tail):
        return  # two predicates: 上がる, 据え置かれる
    active = b if a.passive else a
    if any("subject" in t.roles and t.name not in active.subject and not t.lead for t in active.terms.values()):
        return  # 議事録は、係が作る: the topic is made, too
    done = tables().words["done"] & {p.terms[p.tail[-1]].shown for p in (a, b) if p.tail}  # 行われる, 行う
    for name in shared:
        roles = a.terms[name].roles & b.terms[name].roles
        if "subject" in roles and not done and a.subject and b.subject and name in a.subject and name in b.subject:
            out.clashes.append(("voice", a.terms[name].shown, b.terms[name].shown))
            return


def _share(shared: float, extra: float) -> float:
    return shared / (shared + extra) if shared + extra else 1.0


def _signed(term: Term) -> str:
    return term.shown + ("（否定）" if term.signs == {-1} else "")


_ATTRIBUTE = frozenset(("of-subject", "of-object", "of-by", "of-dative", "of-from", "of-noun"))


def _opposites(left_a: list[Term], left_b: list[Term], out: Comparison) -> tuple[list[Term], list[Term], float, bool]:
    """Pair what is left on both sides by the axes of opposites: same side counts as shared, other side clashes."""
    if not left_a or not left_b or not any(t.poles for t in left_a):
        return left_a, left_b, 0.0, False
    converses, contraries, loose = tables().converses, tables().contraries, tables().loose
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
                if same_side and any(pole[0] not in loose for pole in one.poles & two.poles):
                    met += min(one.weight, two.weight)
                    out.turned += one.signs != two.signs
                    if one.signs != two.signs and any(
                        axis in contraries or axis >= FIRST_AXIS for axis, _ in one.poles & two.poles
                    ):
                        out.clashes.append(("reach", _signed(one), _signed(two)))  # 増えない is not yet 減る
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
    return ([t for t in left_a if t.name not in used_a], [t for t in left_b if t.name not in used_b], met, converse)


def _unspell(extra: list[Term], this: Prepared, other: Prepared) -> list[Term]:
    """Drop what only spells out, or only shortens, a name the other side has: 国民医療サービス(NHS)."""
    for spelt, short in this.glosses:
        if short in other.terms:
            extra = [t for t in extra if t.name not in spelt]
        elif spelt <= other.terms.keys():
            extra = [t for t in extra if t.name != short]
    return extra


def _cancelled(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Let 開発を拒む agree with 開発に反対する: what cancels here stands on the same side as a word left there."""
    for this, other, extra in ((a, b, out.b_extra), (b, a, out.a_extra)):
        for name, term in this.terms.items():
            twin = next((t for t in extra if t.poles & term.cancelled), None) if term.cancelled else None
            if twin is None or name not in other.terms:
                continue
            pair = {_signed(term), _signed(other.terms[name])}
            out.clashes = [c for c in out.clashes if c[0] not in ("polarity", "reach") or {c[1], c[2]} != pair]
            extra.remove(twin)
            out.turned += 1


def _implied(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Drop 増えた or 減った where both name the factor: 2倍になった, 2倍に増えた."""
    factors = {q.value for q in a.quantities if q.dimension in _FACTORS} & {q.value for q in b.quantities}
    if not factors:
        return
    grown = any(low > 1 for _, low, _, _ in factors)
    movement = {*tables().axes.get("増える" if grown else "減る", ())}
    movement |= {*english().axes["increas" if grown else "decreas"]}
    out.a_extra = [t for t in out.a_extra if not t.poles & movement]
    out.b_extra = [t for t in out.b_extra if not t.poles & movement]


_FACTORS = frozenset(("times", "ratio"))
_ASIDE = frozenset(("by", "than", "of-subject", "of-object", "of-by", "of-dative", "of-than"))


def _names_differ(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two names for a place that only one can hold: 初代社長はA / 初代社長はB."""
    if any(kind == "name" for kind, _, _ in out.clashes) or not ((a.exclusive and b.exclusive) or a.cleft or b.cleft):
        return
    cleft = a.cleft or b.cleft
    sole = bool(a.exclusive and b.exclusive)
    one = [t for t in out.a_extra if t.kind == "entity" and not _aside(t, cleft) and (sole or _answers(a, t))]
    two = [t for t in out.b_extra if t.kind == "entity" and not _aside(t, cleft) and (sole or _answers(b, t))]
    if not (one or two):
        one, two = _sole_doer(a, out.a_extra), _sole_doer(b, out.b_extra)
    if one and two:
        out.clashes.append(("name", "・".join(t.shown for t in one), "・".join(t.shown for t in two)))
        out.a_extra = _undescribed(a, out.a_extra, one)
        out.b_extra = _undescribed(b, out.b_extra, two)


def _answers(p: Prepared, term: Term) -> bool:
    """Tell whether a name is what a cleft singles out, and not part of what it asks."""
    return not p.cleft or term.name in p.focus


def _aside(term: Term, cleft: bool) -> bool:
    """Tell whether a name stands where it is not the one that holds the place."""
    return bool(term.roles & (_ASIDE - {"of-subject"} if cleft or not term.lead else _ASIDE))


def _sole_doer(p: Prepared, extra: list[Term]) -> list[Term]:
    """Return the noun that does all of something, if it is all a sentence has of its own: 全額を国が負担する."""
    doers = [t for t in extra if t.kind == "noun" and not t.lead and "subject" in t.roles]
    alone = sum(t.weight for t in extra) <= sum(t.weight for t in doers) + 0.5
    return doers if p.exclusive & tables().words["totals"] and len(doers) == 1 and alone else []


def _undescribed(p: Prepared, extra: list[Term], names: list[Term]) -> list[Term]:
    """Drop names, and what only says who they are, from what a sentence has of its own."""
    told = {name for term in names for name in p.described.get(term.name, ())}
    return [t for t in extra if t not in names and t.name not in told]


def _topics(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find two different things spoken of: 水田の面積は / 畑の面積は."""
    one = [t.shown for t in out.a_extra if _is_topic(t, a)] + _leading(a, out.a_facts)
    two = [t.shown for t in out.b_extra if _is_topic(t, b)] + _leading(b, out.b_facts)
    if a.sequence and b.sequence:
        one, two = one + _told_apart(a, out.a_extra, b), two + _told_apart(b, out.b_extra, a)
    if one and two and not any(kind == "name" for kind, _, _ in out.clashes):
        out.clashes.append(("topic", "・".join(one), "・".join(two)))


def _told_apart(p: Prepared, extra: list[Term], other: Prepared) -> list[str]:
    """Return the words of its own that stand right before one both English sentences have: the pilot plant."""
    own = {t.name: t.shown for t in extra if not t.poles}
    return [own[x] for x, y in pairwise(p.sequence) if x in own and y in other.terms]


def _leading(p: Prepared, facts: list[str]) -> list[str]:
    """Return the numbers and dates of its own that stand in what a sentence is about: 二回目の発射は."""
    start, end = p.lead
    own = [(q.start, q.text) for q in p.quantities] + [(d.start, d.text) for d in p.dates]
    return [text for at, text in own if text in facts and start <= at < end]


def _is_topic(term: Term, p: Prepared) -> bool:
    if term.kind == "adjective":
        return term.lead and "of-noun" in term.roles
    if term.kind == "verb":  # 見直した計画では: which plan is meant
        return term.lead and p.framed and term.name in p.attributive
    return term.kind == "entity" or (term.kind == "noun" and (term.lead or bool(term.roles & _TOPIC)))


_TOPIC = frozenset(("subject", "of-subject", "by", "of-by", "of-object", "of-dative", "topic", "of-topic"))


def _scope(a: Prepared, b: Prepared, out: Comparison) -> None:
    """Find contrasts of scope, but for pairs that are already opposites of what is said (最高 / 最低)."""
    only = out.clashes[0] if len(out.clashes) == 1 and out.clashes[0][0] == "opposite" else ("", "", "")
    told: set[str] = set()  # 内部から昇格した滝本氏
    if any(kind == "name" for kind, _, _ in out.clashes):
        told = {p.terms[n].shown for p in (a, b) for names in p.described.values() for n in names if n in p.terms}
    for row, words in a.scopes.items():
        other = b.scopes.get(row)
        if other and not words & other and words | other != {only[1], only[2]} and not (words | other) <= told:
            out.clashes.append(("scope", "・".join(sorted(words)), "・".join(sorted(other))))
