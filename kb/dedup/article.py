"""The article: each distinct sentence of a post once, in an order that reads well.

The fullest draft is the spine. What only another draft says goes where that
draft says it: after the sentence it follows there, and, where it begins a
paragraph there, as a paragraph of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from kb.records import Passage, Sentence, Span


class _Chain:
    """Numbers in an order that grows in the middle at no cost: each knows the next one."""

    def __init__(self) -> None:
        self._next: dict[int | None, int | None] = {None: None}  # what stands after None is the first
        self._last: int | None = None

    def append(self, item: int) -> None:
        """Put `item` at the end."""
        self.insert(self._last, item)

    def insert(self, before: int | None, item: int) -> None:
        """Put `item` right after `before`."""
        self._next[item] = self._next[before]
        self._next[before] = item
        if before == self._last:
            self._last = item

    def __iter__(self) -> Iterator[int]:
        item = self._next[None]
        while item is not None:
            yield item
            item = self._next[item]


class _Paragraphs:
    """Paragraphs in order, each known by its first sentence, and where each sentence stands."""

    def __init__(self) -> None:
        self._order = _Chain()
        self._items: dict[int, _Chain] = {}
        self._home: dict[int, int] = {}

    def __contains__(self, said: int) -> bool:
        return said in self._home

    def place(self, said: int, last: int | None, beside: bool) -> None:
        """Put a sentence after the one it follows, in its paragraph or in a new one."""
        if last is not None and beside:
            self._items[self._home[last]].insert(last, said)
            self._home[said] = self._home[last]
            return
        if last is None:
            # What a later draft begins with, unheard of before, stands at the end: nothing says where else.
            self._order.append(said)
        else:
            self._order.insert(self._home[last], said)
        self._items[said] = _Chain()
        self._items[said].append(said)
        self._home[said] = said

    def lists(self) -> tuple[tuple[int, ...], ...]:
        """Return the sentences of each paragraph."""
        return tuple(tuple(self._items[first]) for first in self._order)


def article(sentences: Sequence[Sentence], passages: Sequence[Passage]) -> tuple[tuple[int, ...], ...]:
    """Return the paragraphs of the article, each a tuple of places in `sentences`.

    Every sentence that is not left out appears exactly once.

    Args:
        sentences: of one reading, repeats marked by `duplicate_of`.
        passages: of the same reading.
    """
    kept = {(s.start, s.end): i for i, s in enumerate(sentences) if not s.reason}
    spine = _spine(sentences)
    paragraphs = _Paragraphs()
    members: dict[int, list[int]] = defaultdict(list)
    for i, sentence in enumerate(sentences):
        members[sentence.draft].append(i)
    for draft in sorted(members, key=lambda d: (d != spine, d)):
        last: int | None = None  # the sentence of the article that was met last in this draft
        here: int | None = None  # the passage of this draft that it was met in
        origin: int | None = None  # where the last repeat of that passage stands by itself
        for i in members[draft]:
            sentence = sentences[i]
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
            if said not in paragraphs:
                paragraphs.place(said, last, beside)
            last, here = said, sentence.passage
    return paragraphs.lists()


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
