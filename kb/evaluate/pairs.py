"""Relations of labelled pairs: what may be merged, what must never be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.evaluate.labelled import LabelledPair
from kb.evaluate.report import Miss, Report, count, macro_f1, rule_counts
from kb.links import relate
from kb.records import Relation

_APART = "apart"  # related and unrelated: where one ends and the other begins is a matter of taste
_CLASSES = ("same", "subsumes", "conflict", _APART)


@dataclass(frozen=True, slots=True)
class PairFigures:
    """Figures from 0 to 1, and counts.

    `merge_*` are of `same`, `conflict_*` of `conflict`; `merged_conflicts` are
    conflicts that would be merged; `relation_macro_f1` takes related and
    unrelated as one class.
    """

    items: int
    merge_precision: float
    merge_recall: float
    merge_f1: float
    conflict_precision: float
    conflict_recall: float
    conflict_f1: float
    merged_conflicts: int
    relation_macro_f1: float


def pairs(records: Sequence[LabelledPair]) -> Report[PairFigures]:
    """Judge each pair with `kb.relate` and compare; the worst errors, wrong merges of conflicts, come first."""
    judged = [(record, relate(record.a, record.b)) for record in records]
    named = [(str(record.relation), str(found.relation)) for record, found in judged]
    merge, conflict = count(named, "same"), count(named, "conflict")
    figures = PairFigures(
        items=len(judged),
        merge_precision=merge.precision,
        merge_recall=merge.recall,
        merge_f1=merge.f1,
        conflict_precision=conflict.precision,
        conflict_recall=conflict.recall,
        conflict_f1=conflict.f1,
        merged_conflicts=sum(pair == ("conflict", "same") for pair in named),
        relation_macro_f1=macro_f1([(_side(a), _side(b)) for a, b in named], _CLASSES),
    )
    misses = [_miss(record, found) for record, found in judged if _side(record.relation) != _side(found.relation)]
    misses.sort(key=lambda miss: miss.group != "conflict read as same")
    rules = rule_counts(
        (_sort(evidence), _side(record.relation) == _side(found.relation))
        for record, found in judged
        for evidence in found.evidence[:1]
    )
    return Report(figures, tuple(misses), rules)


def _side(relation: str) -> str:
    return _APART if relation in ("related", "unrelated") else relation


def _sort(evidence: str) -> str:
    """Return what kind of evidence it is: what stands before its colon."""
    return evidence.partition(":")[0]


def _miss(record: LabelledPair, found: Relation) -> Miss:
    group = f"{record.relation} read as {found.relation}"
    return Miss(record.id, group, f"{record.a} / {record.b}", "; ".join(found.evidence))
