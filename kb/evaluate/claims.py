"""Kinds, certainty and holder of labelled sentences, and whether every quote is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from kb.errors import SourceError
from kb.evaluate.labelled import LabelledClaim
from kb.evaluate.report import Miss, Report, bare, count, macro_f1, rule_counts, share
from kb.posts import load
from kb.reading import annotate
from kb.records import CLAIM_KINDS, KINDS, Annotation, Label, Sentence

_SAID = frozenset(CLAIM_KINDS)
_WHY_CUES = 3


@dataclass(frozen=True, slots=True)
class ClaimFigures:
    """Figures from 0 to 1, and counts.

    `claim_*` take fact, forecast, opinion and advice as one class, `nonclaim_f1`
    the rest; `certainty_accuracy` is over sentences that both label and program
    call claims; `holders_found` of `holders` labelled with a name;
    `misquoted` of `sentences`, all that were read, are not what stands at their spans.
    """

    items: int
    claim_precision: float
    claim_recall: float
    claim_f1: float
    nonclaim_f1: float
    kind_accuracy: float
    kind_macro_f1: float
    certainty_accuracy: float
    holders_found: int
    holders: int
    misquoted: int
    sentences: int


def claims(records: Sequence[LabelledClaim], posts: Path) -> Report[ClaimFigures]:
    """Read the posts that `records` name, in the folder `posts`, and compare.

    A record that has a text of its own is read alone. A record is compared with
    the sentence that shares most characters with its span; where none does, it
    counts as read as `other`.

    Raises:
        SourceError: a post cannot be read, or is shorter than a span says.
    """
    found: list[tuple[LabelledClaim, Sentence | None, str]] = []
    misquoted = sentences = 0
    by_post = sorted(records, key=_source)
    for (post, alone), group in groupby(by_post, key=_source):
        text = load(posts / post, post).text if post else alone
        notes = annotate(text)
        sentences += len(notes.sentences)
        misquoted += sum("".join(text[a:b] for a, b in s.spans) != s.text for s in notes.sentences)
        for record in group:
            if record.end > len(text):
                raise SourceError(post, f"has {len(text)} characters; record {record.id} ends at {record.end}")
            found.append((record, _closest(record, notes), text[record.start : record.end]))
    figures = _figures([(record, _label(sentence)) for record, sentence, _ in found], misquoted, sentences)
    misses = tuple(miss for record, sentence, text in found for miss in _misses(record, _label(sentence), text))
    rules = rule_counts(
        (cue.rule, cue.label in (record.kind, record.certainty, "holder"))
        for record, sentence, _ in found
        for cue in _label(sentence).cues
    )
    return Report(figures, misses, rules)


def _source(record: LabelledClaim) -> tuple[str, str]:
    """Return what is read for a record: its post, or its text."""
    return record.post, record.text


def _closest(record: LabelledClaim, notes: Annotation) -> Sentence | None:
    """Return the sentence that shares most characters with the record's span, or None."""
    best, most = None, 0
    for sentence in notes.sentences:
        shared = min(sentence.end, record.end) - max(sentence.start, record.start)
        if shared > most:
            best, most = sentence, shared
    return best


def _label(sentence: Sentence | None) -> Label:
    return sentence.label if sentence else Label("other")


def _figures(found: list[tuple[LabelledClaim, Label]], misquoted: int, sentences: int) -> ClaimFigures:
    kinds = [(str(record.kind), str(label.kind)) for record, label in found]
    said = [(_claim_or_not(a), _claim_or_not(b)) for a, b in kinds]
    claim = count(said, "claim")
    both = [(record, label) for record, label in found if record.kind in _SAID and label.kind in _SAID]
    named = [_same_holder(record, label) for record, label in found if _names_holder(record)]
    return ClaimFigures(
        items=len(found),
        claim_precision=claim.precision,
        claim_recall=claim.recall,
        claim_f1=claim.f1,
        nonclaim_f1=count(said, "rest").f1,
        kind_accuracy=share([a == b for a, b in kinds]),
        kind_macro_f1=macro_f1(kinds, KINDS),
        certainty_accuracy=share([record.certainty == label.certainty for record, label in both]),
        holders_found=sum(named),
        holders=len(named),
        misquoted=misquoted,
        sentences=sentences,
    )


def _claim_or_not(kind: str) -> str:
    return "claim" if kind in _SAID else "rest"


def _names_holder(record: LabelledClaim) -> bool:
    return record.kind in _SAID and record.holder != "author"


def _same_holder(record: LabelledClaim, label: Label) -> bool:
    """Tell whether one name holds the other: 同社の部長 and 部長 are one."""
    wanted, given = bare(record.holder), bare(label.holder)
    return bool(given) and (wanted in given or given in wanted)


def _misses(record: LabelledClaim, label: Label, text: str) -> list[Miss]:
    """Return what was got wrong about one record."""
    where = f"{record.id} {record.post}:{record.start}-{record.end}" if record.post else record.id
    why = "; ".join(f"{cue.label} by {cue.rule}: {cue.text}" for cue in label.cues[:_WHY_CUES])
    made = []
    if record.kind != label.kind:
        made.append(Miss(where, f"{record.kind} read as {label.kind}", text, why))
    if record.kind in _SAID and label.kind in _SAID and record.certainty != label.certainty:
        made.append(Miss(where, f"{record.certainty} read as {label.certainty}", text, why))
    if _names_holder(record) and not _same_holder(record, label):
        made.append(Miss(where, "holder not found", text, f"{record.holder} expected, {label.holder} found"))
    return made
