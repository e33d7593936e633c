"""Sentence boundaries: sentences joined to a paragraph are to be found again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kb.evaluate.report import Counts, Miss, Report
from kb.reading import annotate

_CONTEXT = 12  # characters shown on either side of a boundary


@dataclass(frozen=True, slots=True)
class BoundaryFigures:
    """Precision, recall and F1 of `boundaries`: the places between two joined sentences."""

    items: int
    boundaries: int
    precision: float
    recall: float
    f1: float


def boundaries(sentences: Sequence[str], join: int = 10) -> Report[BoundaryFigures]:
    """Join `sentences`, `join` at a time, into paragraphs, read them, and compare where they part.

    A blank stands between two sentences only where Latin letters would run
    together. White space does not count in a place, nor does mark-up between
    two sentences. The ends of a paragraph are given, so they are no boundaries.
    """
    tally = [0, 0, 0]
    misses: list[Miss] = []
    for first in range(0, len(sentences), join):
        text, wanted = _joined(sentences[first : first + join])
        gaps = list(_gaps(text))
        place = f"sentences {first + 1}-{min(first + join, len(sentences))}"
        matched = set()
        for at in wanted:
            hit = next((i for i, (a, b) in enumerate(gaps) if a <= at <= b), None)
            if hit is None:
                misses.append(Miss(place, "boundary missed", _around(text, at)))
            else:
                matched.add(hit)
        extra = [gap for i, gap in enumerate(gaps) if i not in matched]
        misses.extend(Miss(place, "boundary where none is", _around(text, a)) for a, _ in extra)
        for i, n in enumerate((len(matched), len(extra), len(wanted) - len(matched))):
            tally[i] += n
    counts = Counts(*tally)
    figures = BoundaryFigures(len(sentences), counts.right + counts.missed, counts.precision, counts.recall, counts.f1)
    return Report(figures, tuple(misses))


def _joined(sentences: Sequence[str]) -> tuple[str, list[int]]:
    """Return the paragraph and where each sentence but the last ends in it."""
    text = ""
    ends = []
    for sentence in sentences:
        if text:
            ends.append(len(text))
            text += " " if text[-1].isascii() and sentence[0].isascii() else ""
        text += sentence
    return text, ends


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    """Yield (end of a sentence, start of the next) as read; white space belongs to the gap."""
    read = sorted(span for sentence in annotate(text, title="").sentences for span in sentence.spans)
    for (_, end), (start, _) in pairwise(read):
        yield end, start


def _around(text: str, at: int) -> str:
    return f"{text[max(0, at - _CONTEXT) : at]} ‖ {text[at : at + _CONTEXT]}"
