"""Drafts and repeats of whole posts: edges found, sentences lost, repeats left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.evaluate.labelled import LabelledDrafts
from kb.evaluate.report import Miss, Report, bare
from kb.posts import load
from kb.reading import annotate
from kb.records import Annotation

_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]*[」』）)]*")
_COMPLETE = ("。", "？", "！")
_DIGITS = re.compile(r"\d+")
_LEAST = 12  # characters; shorter sentences recur by chance
_LEAST_NEAR = 20  # characters; below, a few shared shingles say little
_NEAR = 0.85  # Jaccard similarity of character trigrams
_NEAR_EDGE = 12  # characters that an edge may be off


@dataclass(frozen=True, slots=True)
class DraftFigures:
    """Shares from 0 to 1, and counts.

    `lost`: of `distinct` complete sentences of the bodies, split at end marks
    alone, those that the kept text does not hold. `repeated_after`: of `kept`
    sentences, those kept twice in one post. `near_repeats_left`: those that
    share 0.85 of their character trigrams, and all digits, with an earlier one
    of their post. `draft_edges_found`: of `edges`, the beginnings of drafts
    after the first, those that were found within 12 characters.
    """

    posts: int
    distinct: int
    lost: float
    kept: int
    repeated_after: float
    near_repeats_left: float
    edges: int
    draft_edges_found: float


def drafts(records: Sequence[LabelledDrafts], posts: Path) -> Report[DraftFigures]:
    """Read the posts that `records` name, in the folder `posts`, and measure.

    Raises:
        SourceError: a post cannot be read.
    """
    misses: list[Miss] = []
    totals: Counter[str] = Counter()
    for record in records:
        text = load(posts / record.post, record.post).text
        notes = annotate(text)
        kept = [bare(s.text) for s in notes.sentences if not s.duplicate_of]
        distinct = _complete_sentences(text[notes.body_start :])
        seen = Counter(key for key in kept if len(key) >= _LEAST)
        whole = "".join(kept)
        found = {
            "lost": [key for key in distinct if key not in whole],
            "repeated": [key for key, times in seen.items() for _ in range(times - 1)],
            "near repeat": _near_repeats(list(seen)),
            "edge not found": _missed_edges(record, notes, text),
        }
        misses.extend(Miss(record.post, group, said) for group, all_said in found.items() for said in all_said)
        totals.update({group: len(all_said) for group, all_said in found.items()})
        totals.update(distinct=len(distinct), kept=sum(seen.values()), edges=len(record.starts) - 1)
    figures = DraftFigures(
        posts=len(records),
        distinct=totals["distinct"],
        lost=totals["lost"] / max(1, totals["distinct"]),
        kept=totals["kept"],
        repeated_after=totals["repeated"] / max(1, totals["kept"]),
        near_repeats_left=totals["near repeat"] / max(1, totals["kept"]),
        edges=totals["edges"],
        draft_edges_found=1 - totals["edge not found"] / totals["edges"] if totals["edges"] else 0.0,
    )
    return Report(figures, tuple(misses))


def _complete_sentences(body: str) -> list[str]:
    """Return the distinct sentences of a body that end with an end mark, bare, in order."""
    ended = (m[0] for m in _SENTENCE.finditer(body) if m[0].rstrip().endswith(_COMPLETE))
    keys = dict.fromkeys(bare(sentence) for sentence in ended)
    return list(dict.fromkeys(key.lstrip(".…") for key in keys if len(key.lstrip(".…")) >= _LEAST))


def _near_repeats(keys: list[str]) -> list[str]:
    """Return the keys that are nearly an earlier one; quadratic in the sentences of one post."""
    earlier: list[tuple[set[str], set[str]]] = []
    found = []
    for key in keys:
        if len(key) < _LEAST_NEAR:
            continue
        grams = {key[i : i + 3] for i in range(len(key) - 2)}
        digits = set(_DIGITS.findall(key))
        if any(digits == d and len(grams & g) >= _NEAR * len(grams | g) for g, d in earlier):
            found.append(key)
        earlier.append((grams, digits))
    return found


def _missed_edges(record: LabelledDrafts, notes: Annotation, text: str) -> list[str]:
    """Return the first words of the drafts whose beginning was not found."""
    starts = [draft.start for draft in notes.drafts]
    missed = [edge for edge in record.starts[1:] if not any(abs(edge - start) <= _NEAR_EDGE for start in starts)]
    return [f"{edge}: {text[edge : edge + 40].strip()}" for edge in missed]
