"""Measuring: how well posts are read and sentences compared, on labelled records.

The measures are those of the project's bars. Each takes labelled records,
reads or compares them with the functions that a build uses, and returns a
report: figures, the items that were got wrong with the words that decided, and
how many items each rule decided. `docs/evaluation.md` says what each figure means.
"""

from kb.evaluate.boundaries import BoundaryFigures, boundaries
from kb.evaluate.claims import ClaimFigures, claims
from kb.evaluate.drafts import DraftFigures, drafts
from kb.evaluate.labelled import (
    LabelledClaim,
    LabelledDrafts,
    LabelledPair,
    read_claims,
    read_drafts,
    read_pairs,
    read_sentences,
)
from kb.evaluate.pairs import PairFigures, pairs
from kb.evaluate.report import Miss, Report, RuleCount

__all__ = [
    "BoundaryFigures",
    "ClaimFigures",
    "DraftFigures",
    "LabelledClaim",
    "LabelledDrafts",
    "LabelledPair",
    "Miss",
    "PairFigures",
    "Report",
    "RuleCount",
    "boundaries",
    "claims",
    "drafts",
    "pairs",
    "read_claims",
    "read_drafts",
    "read_pairs",
    "read_sentences",
]
