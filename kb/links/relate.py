"""The relation of two sentences: same, subsumes, conflict, related or unrelated."""

from __future__ import annotations

from kb.links.align import compare
from kb.links.comparison import Comparison
from kb.links.contradiction import asserts_dates, denied_apart, firm
from kb.links.prepare import Prepared, Term, prepare
from kb.records import Relation, RelationName

# How much of both sentences must be shared before a difference counts as a contradiction.
CONFLICT_COVER = 0.55
# How much of the shorter sentence the longer one must say to contain it.
SUBSUME_COVER = 0.8
# And how much that must weigh: of two words that only point back and one more nothing is said.
SUBSUME_LEAST = 1.25
# How much weight of its own a sentence may have and still be the same.
SAME_EXTRA = 0.5
RELATED_COVER = 0.25
# How much a frame may weigh that two sentences of two things share: まだ道半ばだ, 来月に本格稼働する.
FRAME = 4.5


def relate(a: str, b: str) -> Relation:
    """Return how two sentences relate, how surely, and the words that decided.

    `score` is 0 to 1: the share of words in common, or 1.0 for equal keys.
    """
    return judge(prepare(a), prepare(b))


def judge(a: Prepared, b: Prepared) -> Relation:
    """Return the relation of two prepared sentences; the order does not matter."""
    if (b.key, b.text) < (a.key, a.text):
        a, b = b, a
    if a.key == b.key and a.key:
        return Relation("same", 1.0, ("same wording",))
    if not a.total and not b.total:
        return _contentless(a, b)
    cut = _cut_off(a, b)
    if cut is not None:
        return cut
    found = compare(a, b)
    return _decide(a, b, found)


def _contentless(a: Prepared, b: Prepared) -> Relation:
    same = a.core == b.core
    return Relation("same" if same else "unrelated", 1.0 if same else 0.0, ("no content words",))


def _cut_off(a: Prepared, b: Prepared) -> Relation | None:
    """Judge a sentence against the one it is the beginning of."""
    short, long = (a, b) if len(a.core) <= len(b.core) else (b, a)
    if len(short.core) < 8 or not short.cut or not long.core.startswith(short.core):
        return None
    rest = long.core[len(short.core) :]
    lost = prepare(rest)
    evidence = (f"cut off: …{rest}",)
    modal = (long.hedged and not short.hedged) or long.modality != short.modality
    if lost.total or modal or lost.denied or lost.quantities or lost.dates:
        return Relation("subsumes", round(len(short.core) / len(long.core), 4), evidence)
    return Relation("same", round(len(short.core) / len(long.core), 4), evidence)


def _decide(a: Prepared, b: Prepared, found: Comparison) -> Relation:
    low, high = sorted((found.a_cover, found.b_cover))
    clash = _clash(a, b, found, low)
    if clash is not None:
        return clash
    extra_a = _weight(found.a_extra) + 2.0 * len(found.a_facts)
    extra_b = _weight(found.b_extra) + 2.0 * len(found.b_facts)
    shown = _evidence(found)
    hedge = a.hedged != b.hedged
    modal = _modality_differs(a, b)
    if extra_a <= SAME_EXTRA and extra_b <= SAME_EXTRA and low > 0:
        if (a.denials + b.denials + found.turned) % 2:
            relation: RelationName = "conflict" if denied_apart(a, b, low) else "related"
            return _result(relation, low, (*shown, "denied on one side only"))
        if "question" in a.modality ^ b.modality or modal:
            return _result("related", low, (*shown, "modality"))
        if a.affirmed != b.affirmed:
            return _result("related", low, (*shown, "affirmed by a denial on one side only"))
        if {a.tense, b.tense} == {"past", "plain"}:
            return _result("related", low, (*shown, "past / not past"))
        if all(any(t.kind == "adverb" for t in extra) for extra in (found.a_extra, found.b_extra)):
            return _result("related", low, shown)
        if a.only != b.only:
            return _result("subsumes", low, (*shown, "only"))
        if hedge:
            return _result("subsumes", high, (*shown, "hedged on one side only"))
        return _result("same", low, shown)
    own = sum(-1 in t.signs for t in (*found.a_extra, *found.b_extra))
    counted = a.denials + b.denials + found.turned
    denied = counted % 2 and (counted + own) % 2
    if min(extra_a, extra_b) <= SAME_EXTRA and high >= SUBSUME_COVER and found.shared >= SUBSUME_LEAST:
        if denied:
            against = low >= CONFLICT_COVER and denied_apart(a, b, low)
            return _result("conflict" if against else "related", low, (*shown, "denied on one side only"))
        if "partial" in a.modality ^ b.modality:
            return _result("related", low, (*shown, "not all"))
        if "plan" in a.modality ^ b.modality and "past" in (a.tense, b.tense) and a.tense != b.tense:
            return _result("related", low, (*shown, "planned / done"))
        return _result("subsumes", high, shown)
    near = low >= RELATED_COVER and not _elsewhere(a, b, found)
    return _result("related" if near else "unrelated", low, shown)


def _elsewhere(a: Prepared, b: Prepared, found: Comparison) -> bool:
    """Tell whether the sentences speak of two things and have only the frame around them in common."""
    if a.entities & b.entities or found.shared > FRAME:
        return False
    one, two = _topics(a), _topics(b)
    acted = [n for n, t in a.terms.items() if n in b.terms and t.weight >= 1 and t.roles & _ACTED]
    if len(acted) > 1:  # 人員の削減に
        return False
    return bool(one and two) and not one & b.terms.keys() and not two & a.terms.keys()


def _topics(p: Prepared) -> set[str]:
    """Return the nouns a sentence speaks of: all that は or が marks, and what stands before the first は."""
    nouns = [(n, t) for n, t in p.terms.items() if t.kind in ("noun", "entity") and t.weight >= 1]
    return {n for n, t in nouns if t.lead or t.roles & _SUBJECT}


_ACTED = frozenset(("object", "of-object", "dative", "of-dative"))
_SUBJECT = frozenset(("subject", "of-subject"))


def _clash(a: Prepared, b: Prepared, found: Comparison, low: float) -> Relation | None:
    """Judge a pair in which something clashes, or return None if nothing does."""
    kinds = found.kinds()
    if not kinds:
        return None
    evidence = tuple(f"{kind}: {x} / {y}" for kind, x, y in found.clashes)
    if kinds <= {"bound", "case", "reach", "lead", "voice"}:
        return _result("related", low, evidence)
    if {"number", "polarity"} <= kinds and _complement(a, b):
        return _result("same", low, (*evidence, "complementary shares"))
    if kinds & {"scope", "topic"} or low < CONFLICT_COVER:
        return _result("related" if low >= RELATED_COVER else "unrelated", low, evidence)
    moment = any({x, y} & {"前", "後"} for kind, x, y in found.clashes if kind == "opposite")
    placed = moment or kinds & {"ordinal", "contrast"}
    framed = "date" in kinds and bool(kinds & {"number", "span"}) and not asserts_dates(a, b, found, low)
    framed = framed or ("span" in kinds and bool(kinds & {"number", "opposite"}))  # 3週間で18億円, 2カ月で40億円
    if kinds == {"ordinal"} or framed or "time" in kinds or (placed and len(found.clashes) > 1):
        return _result("related", low, evidence)
    return _result("conflict" if firm(a, b, found, low) else "related", low, evidence)


def _complement(a: Prepared, b: Prepared) -> bool:
    """Tell whether one share and the denied other make a whole: 3割が持つ, 7割が持たない."""
    one = [q for q in a.quantities if q.dimension == "ratio"]
    two = [q for q in b.quantities if q.dimension == "ratio"]
    return len(one) == len(two) == 1 and abs(one[0].low + two[0].low - 1.0) < 1e-9


def _modality_differs(a: Prepared, b: Prepared) -> bool:
    return bool((a.modality ^ b.modality) - {"question"})


def _weight(extra: list[Term]) -> float:
    return sum(t.weight for t in extra)


def _evidence(found: Comparison) -> tuple[str, ...]:
    notes = []
    if found.a_extra or found.a_facts:
        notes.append("only one side: " + "・".join([*found.a_facts, *(t.shown for t in found.a_extra)]))
    if found.b_extra or found.b_facts:
        notes.append("only other side: " + "・".join([*found.b_facts, *(t.shown for t in found.b_extra)]))
    return tuple(notes)


def _result(relation: RelationName, score: float, evidence: tuple[str, ...]) -> Relation:
    return Relation(relation, round(min(1.0, max(0.0, score)), 4), evidence)
