"""Edges of drafts that no separator marks.

A draft appended to the last one restarts: it says the title again, or the
sentence or list item that the last one ended with, or takes up its cut-off
words, or answers the question it closed with.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from kb.config import resource
from kb.errors import DataFileError
from kb.records import Draft, Passage, Sentence
from kb.text import fold

_NEAR = 4  # sentences before an edge in which its first words may stand
_LEAST = 10  # folded characters; shorter sentences recur by chance
_OVERLAP = 5  # characters of a cut-off ending said again
_OPEN = re.compile(r"[^。．｡！？!?…:：」』）)】\]”\"'.]$")
_QUOTES = re.compile(r"[「」『』“”\"]")


@dataclass(frozen=True, slots=True)
class Divided:
    """Drafts, passages and sentences after unmarked edges were found."""

    drafts: tuple[Draft, ...]
    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]


@cache
def _answers() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Load what an answering paragraph begins with, and what a question ends with."""
    path = resource("data", "drafts.toml")
    try:
        table = tomllib.loads(path.read_text("utf-8"))["answers"]
        return tuple(table["openings"]), tuple(table["questions"])
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error


def divide(
    drafts: Sequence[Draft], passages: Sequence[Passage], sentences: Sequence[Sentence], *, title: str = ""
) -> Divided:
    """Split drafts where another begins without a separator.

    Args:
        drafts: as the posts stage made them, in order.
        passages: of the same body.
        sentences: of the same body.
        title: the post's title; a draft often begins with it.
    """
    # Many a body opens with a title of its own, in other words than the front matter's.
    titles = {fold(title), *(s.key for s in sentences[:1] if len(s.key) >= _LEAST)} - {""}
    starts: list[int] = []
    answered = len(drafts) < 2  # a post of one draft is not a heap of drafts
    for i in range(1, len(sentences)):
        sentence, before = sentences[i], sentences[i - 1]
        if sentence.draft != before.draft or sentence.passage == before.passage:
            continue
        restarts = _restarts(passages, sentences, i, titles)
        if not restarts and not answered and sentence.draft == 0 and _answers_question(sentence, before):
            restarts = answered = True
        if restarts:
            starts.append(i)
    return _renumber(drafts, passages, sentences, starts)


def _restarts(passages: Sequence[Passage], sentences: Sequence[Sentence], i: int, titles: set[str]) -> bool:
    """Tell whether sentence `i`, the first of its passage, begins a draft again."""
    sentence, before = sentences[i], sentences[i - 1]
    kind = passages[sentence.passage].kind
    if sentence.key in titles and i > 3:
        return True
    if before.key == sentence.key and passages[before.passage].kind in ("heading", "label"):
        return False  # the title as first line below the title as heading is no restart
    recent = [_QUOTES.sub("", s.key) for s in sentences[max(0, i - _NEAR) : i] if s.draft == sentence.draft]
    if kind in ("heading", "label"):
        following = sentences[i + 1].key if i + 1 < len(sentences) else ""
        return sentence.key in recent and following in recent
    key = _QUOTES.sub("", sentence.key)
    if len(key) >= _LEAST and key[: 3 * _LEAST] in "".join(recent):
        return True
    open_end = _OPEN.search(before.plain) and passages[before.passage].kind in ("paragraph", "item")
    return bool(open_end) and any(
        before.plain[-size:] == sentence.plain[:size] for size in range(_OVERLAP, min(40, len(before.plain)))
    )


def _answers_question(sentence: Sentence, before: Sentence) -> bool:
    """Tell whether a paragraph takes up the question that the one before closed with."""
    openings, questions = _answers()
    return before.plain.endswith(questions) and sentence.plain.startswith(openings)


def _renumber(
    drafts: Sequence[Draft], passages: Sequence[Passage], sentences: Sequence[Sentence], starts: list[int]
) -> Divided:
    """Split the drafts at the sentences `starts` and number them anew."""
    if not starts:
        return Divided(tuple(drafts), tuple(passages), tuple(sentences))
    cuts = [(sentences[i].start, sentences[i].passage) for i in starts]
    made: list[Draft] = []
    shift = [passage for _, passage in cuts]  # from each of these on, one draft more
    for index, draft in enumerate(drafts):
        edges = [start for start, passage in cuts if passages[passage].draft == index]
        bounds = [draft.start, *edges, draft.end]
        made.extend(replace(draft, start=a, end=b) for a, b in pairwise(bounds))

    def moved(passage: int, draft: int) -> int:
        return draft + bisect_right(shift, passage)

    return Divided(
        tuple(made),
        tuple(replace(p, draft=moved(i, p.draft)) for i, p in enumerate(passages)),
        tuple(s.of_draft(moved(s.passage, s.draft)) for s in sentences),
    )
