"""Mark what a post says again in nearly the same words.

Candidates share one of their smallest character 3-gram hashes (a bottom-k
sketch: Broder, "On the resemblance and containment of documents", 1997); each
candidate pair is then compared whole, and a judge may veto.
"""

from __future__ import annotations

import heapq
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from kb.dedup.repeats import Deduped
from kb.records import LedgerRow, Passage, Sentence

ALIKE = 0.9  # shared 3-grams over all 3-grams, from which two sentences are worth judging
_SKETCH = 6
_LEAST = 12  # folded characters
_MOST = 2_000  # folded characters; what is longer is no sentence, and its 3-grams would fill the memory
_BESIDE = 16  # sentences before it that one is compared with for one hash; more share it in lists made by machines
_DIGITS = re.compile(r"\d+")


def near(deduped: Deduped, passages: Sequence[Passage], same: Callable[[str, str], bool]) -> Deduped:
    """Mark the shorter of two kept sentences that say the same in nearly the same words.

    Args:
        deduped: sentences with exact repeats marked.
        passages: of the same reading; headings and labels are left alone.
        same: tells whether two plain sentences say the same; asked only where
            3-grams nearly agree and the digits do.
    """
    sentences = list(deduped.sentences)
    ledger = list(deduped.ledger)
    kept = [
        i
        for i, s in enumerate(sentences)
        if not s.reason and _LEAST <= len(s.key) <= _MOST and passages[s.passage].kind not in ("heading", "label")
    ]
    grams = {i: _grams(sentences[i].key) for i in kept}
    digits = {i: sorted(_DIGITS.findall(sentences[i].key)) for i in kept}
    moved: dict[int, int] = {}
    for a, b in _candidates(kept, grams):
        if a in moved or b in moved or digits[a] != digits[b]:
            continue
        if not _alike(sentences[a].key, sentences[b].key, grams[a], grams[b]):
            continue
        if not same(sentences[a].plain, sentences[b].plain):
            continue
        # The longer one says at least as much; of equals the first stays.
        loser, winner = (a, b) if len(sentences[a].key) < len(sentences[b].key) else (b, a)
        moved[loser] = winner
    for loser, winner in moved.items():
        target = (sentences[winner].start, sentences[winner].end)
        sentences[loser] = replace(sentences[loser], duplicate_of=target, reason="said in nearly the same words")
        ledger.extend(
            LedgerRow(a, b, "near-repeat", "said in nearly the same words", target) for a, b in sentences[loser].spans
        )
    return Deduped(_retarget(sentences, moved), tuple(ledger))


def _grams(key: str) -> frozenset[int]:
    """Return the hashes of the 3-grams of a folded sentence."""
    return frozenset(zlib.crc32(key[i : i + 3].encode("utf-8", "surrogatepass")) for i in range(len(key) - 2))


def _candidates(kept: Sequence[int], grams: dict[int, frozenset[int]]) -> list[tuple[int, int]]:
    """Return pairs in order that share one of their smallest hashes."""
    buckets: dict[int, list[int]] = defaultdict(list)
    for i in kept:
        for value in heapq.nsmallest(_SKETCH, grams[i]):
            buckets[value].append(i)
    pairs = {
        (a, b) for bucket in buckets.values() for n, b in enumerate(bucket) for a in bucket[max(0, n - _BESIDE) : n]
    }
    return sorted(pairs)


def _alike(a: str, b: str, x: frozenset[int], y: frozenset[int]) -> bool:
    """Tell whether two keys share enough 3-grams, or one holds the other."""
    shared = len(x & y)
    return shared >= ALIKE * (len(x) + len(y) - shared) or a in b or b in a


def _retarget(sentences: list[Sentence], moved: dict[int, int]) -> tuple[Sentence, ...]:
    """Point repeats of a sentence that was itself left out at the one that stayed."""
    spans = {(sentences[a].start, sentences[a].end): (sentences[b].start, sentences[b].end) for a, b in moved.items()}
    return tuple(replace(s, duplicate_of=spans[s.duplicate_of]) if s.duplicate_of in spans else s for s in sentences)
