"""The article: each distinct sentence of a post once, in an order that reads well.

The fullest draft is the spine. What only another draft says goes where that
draft says it: after the sentence it follows there, and, where it begins a
paragraph there, as a paragraph of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kb.records import Passage, Sentence, Span


@dataclass(slots=True)
class _Paragraph:
    """Sentences that stand together; `passage` is that of the first."""

    passage: int
    items: list[int] = field(default_factory=list)


def article(sentences: Sequence[Sentence], passages: Sequence[Passage]) -> tuple[tuple[int, ...], ...]:
    """Return the paragraphs of the article, each a tuple of places in `sentences`.

    Every sentence that is not left out appears exactly once.

    Args:
        sentences: of one reading, repeats marked by `duplicate_of`.
        passages: of the same reading.
    """
    kept = {(s.start, s.end): i for i, s in enumerate(sentences) if not s.reason}
    spine = _spine(sentences)
    paragraphs: list[_Paragraph] = []
    home: dict[int, _Paragraph] = {}
    drafts = sorted({s.draft for s in sentences}, key=lambda d: (d != spine, d))
    for draft in drafts:
        last: int | None = None  # the sentence of the article that was met last in this draft
        here: int | None = None  # the passage of this draft that it was met in
        origin: int | None = None  # where the last repeat of that passage stands by itself
        for i, sentence in enumerate(sentences):
            if sentence.draft != draft:
                continue
            said = i if not sentence.reason else _kept(kept, sentence.duplicate_of)
            if said is None:
                continue
            beside = last is not None and here == sentence.passage
            if said != i:
                # A flattened draft has lost its paragraphs; the sentence it repeats still knows them.
                own = sentences[said].passage
                beside = beside and origin in (None, own)
                origin = own
            elif not beside:
                origin = None
            if said not in home:
                _place(paragraphs, home, said, sentence.passage, last, beside)
            last, here = said, sentence.passage
    return tuple(tuple(p.items) for p in paragraphs)


def _spine(sentences: Sequence[Sentence]) -> int:
    """Return the draft that says most different things; the later of equals, for it was written last."""
    said: Counter[int] = Counter()
    seen: set[tuple[int, object]] = set()
    for s in sentences:
        what = (s.draft, s.duplicate_of or (s.start, s.end))
        if what not in seen and s.reason != "truncated":
            seen.add(what)
            said[s.draft] += len(s.key)
    return max(said, key=lambda d: (said[d], d), default=0)


def _kept(kept: dict[Span, int], target: Span | None) -> int | None:
    """Return the place of the sentence that a repeat points at."""
    return kept.get(target) if target else None


def _place(
    paragraphs: list[_Paragraph],
    home: dict[int, _Paragraph],
    said: int,
    passage: int,
    last: int | None,
    beside: bool,
) -> None:
    """Put a sentence after the one it follows, in its paragraph or in a new one."""
    if last is None:
        paragraph = _Paragraph(passage, [said])
        # What a later draft begins with, unheard of before, stands at the end: nothing says where else.
        paragraphs.append(paragraph)
        home[said] = paragraph
        return
    before = home[last]
    if beside:
        before.items.insert(before.items.index(last) + 1, said)
        home[said] = before
        return
    paragraph = _Paragraph(passage, [said])
    paragraphs.insert(paragraphs.index(before) + 1, paragraph)
    home[said] = paragraph
