"""Mark what a post says again: each distinct sentence stays once."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.dedup.stitch import Stitched
from kb.records import LedgerAction, LedgerRow, Passage, Sentence
from kb.text import fold

TITLE = "the title again"
_TITLE_LEAST = 10  # folded characters from which the beginning of a line tells a title that was cut short
_EDGE_DOTS = re.compile(r"^(?:\.{2,}|…+|‥+)")


@dataclass(frozen=True, slots=True)
class Deduped:
    """Every sentence, repeats marked (`duplicate_of`, `reason`), and their ledger rows."""

    sentences: tuple[Sentence, ...]
    ledger: tuple[LedgerRow, ...]


def dedupe(stitched: Stitched, passages: Sequence[Passage]) -> Deduped:
    """Mark exact repeats, copies that were cut off, and sentences that stay cut off.

    Sentences compare by `key`: NFKC, case, mark-up, white space and line breaks
    do not count.
    """
    sentences = list(stitched.sentences)
    ledger: list[LedgerRow] = []
    first: dict[str, int] = {}
    keys = [_EDGE_DOTS.sub("", s.key) for s in sentences]
    ordered = sorted({key for i, key in enumerate(keys) if i not in stitched.tails})
    for i, sentence in enumerate(sentences):
        key = keys[i]
        target: int | None = None
        reason: tuple[LedgerAction, str] = ("repeat", "said before")
        if i in stitched.tails:
            target = _longer(key, ordered, keys, sentences, i)
            reason = ("repeat", "a copy cut off; the whole sentence stands elsewhere")
            if target is None and _needs_end(passages, sentence):
                sentences[i] = replace(sentence, reason="truncated")
                ledger.append(LedgerRow(sentence.start, sentence.end, "truncated", "cut off and never taken up"))
                continue
        elif key in stitched.heads and stitched.heads[key] != i:
            target = stitched.heads[key]
            reason = ("repeat", "the rest of a joined sentence, said before")
        elif key in first and not _labels_news(passages, keys, sentences, i, first):
            target = first[key]
        if target is None:
            first.setdefault(key, i)
            continue
        other = sentences[target]
        sentences[i] = sentence.repeating((other.start, other.end), reason[1])
        ledger.extend(LedgerRow(a, b, reason[0], reason[1], (other.start, other.end)) for a, b in sentence.spans)
    return Deduped(tuple(sentences), tuple(ledger))


def leave_title(deduped: Deduped, passages: Sequence[Passage], title: str) -> Deduped:
    """Leave out the title where the body says it again, as its first line or as a heading.

    Args:
        deduped: sentences with repeats marked.
        passages: of the same reading.
        title: the post's title. One that the front matter cuts short is known
            by its beginning, where a line of its own opens the body with it.
    """
    key = fold(title)
    if not key:
        return deduped
    alone = Counter(s.passage for s in deduped.sentences)
    made, rows = [], []
    for i, sentence in enumerate(deduped.sentences):
        opens = i == 0 and len(key) >= _TITLE_LEAST and sentence.key.startswith(key) and alone[sentence.passage] == 1
        if not sentence.reason and (sentence.key == key or opens):
            sentence = replace(sentence, reason=TITLE)
            rows.append(LedgerRow(sentence.start, sentence.end, "title", TITLE))
        made.append(sentence)
    return Deduped(tuple(made), (*deduped.ledger, *rows))


def _labels_news(
    passages: Sequence[Passage], keys: Sequence[str], sentences: Sequence[Sentence], i: int, first: dict[str, int]
) -> bool:
    """Tell whether sentence `i` is a heading or label that stands over something not said before."""
    if passages[sentences[i].passage].kind not in ("heading", "label"):
        return False
    after = i + 1
    while after < len(sentences) and passages[sentences[after].passage].kind in ("heading", "label"):
        after += 1
    return after < len(sentences) and sentences[after].draft == sentences[i].draft and keys[after] not in first


def _longer(key: str, ordered: list[str], keys: Sequence[str], sentences: Sequence[Sentence], me: int) -> int | None:
    """Return the first sentence that begins with `key` and goes on, or is `key`."""
    if len(key) < 2:
        return None
    at = bisect.bisect_left(ordered, key)
    if at == len(ordered) or not ordered[at].startswith(key):
        return None
    return next(
        (j for j, k in enumerate(keys) if j != me and k.startswith(key) and not sentences[j].duplicate_of), None
    )


def _needs_end(passages: Sequence[Passage], sentence: Sentence) -> bool:
    """Tell whether a text that ends without an end mark is cut off rather than a list entry."""
    return passages[sentence.passage].kind != "item" or len(sentence.key) > 30 or sentence.text.count("**") % 2 == 1
