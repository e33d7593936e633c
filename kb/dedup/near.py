"""Mark what a post says again in nearly the same words.

Candidates share one of their smallest character 3-gram hashes (a bottom-k
sketch: Broder, "On the resemblance and containment of documents", 1997); each
candidate pair is then compared whole, and a judge may veto.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from kb.dedup.repeats import Deduped
from kb.records import LedgerRow, Passage, Sentence

ALIKE = 0.9  # shared 3-grams over all 3-grams, from which two sentences are worth judging
_LENGTHS = 0.75  # of the shorter key to the longer; below, they share less unless 3-grams recur
_SKETCH = 6
_LEAST = 12  # folded characters
_MOST = 2_000  # folded characters; what is longer is no sentence, and its 3-grams would fill the memory
_BESIDE = 16  # sentences before it that one is compared with for one hash; more share it in lists made by machines
# Odd numbers without a pattern (those of SplitMix64 and MurmurHash3), so that no kind of letter has small hashes.
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xFF51AFD7ED558CCD, 0xBF58476D1CE4E5B9], dtype=np.uint64)
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
    grams = cache(_grams)  # of candidates only; forgotten with this reading
    digits = {i: sorted(_DIGITS.findall(sentences[i].key)) for i in kept}
    moved: dict[int, int] = {}
    for a, b in _candidates(kept, [sentences[i].key for i in kept]):
        if a in moved or b in moved or digits[a] != digits[b]:
            continue
        short, long = sorted((sentences[a].key, sentences[b].key), key=len)
        if not _alike(short, long, grams):
            continue
        if not same(sentences[a].plain, sentences[b].plain):
            continue
        # The longer one says at least as much; of equals the first stays.
        loser, winner = (a, b) if len(sentences[a].key) < len(sentences[b].key) else (b, a)
        moved[loser] = winner
    final = {loser: _final(winner, moved) for loser, winner in moved.items()}
    for loser, winner in final.items():
        target = (sentences[winner].start, sentences[winner].end)
        sentences[loser] = replace(sentences[loser], duplicate_of=target, reason="said in nearly the same words")
        ledger.extend(
            LedgerRow(a, b, "near-repeat", "said in nearly the same words", target) for a, b in sentences[loser].spans
        )
    return _retarget(sentences, ledger, final)


def _grams(key: str) -> frozenset[str]:
    """Return the 3-grams of a folded sentence."""
    return frozenset(key[i : i + 3] for i in range(len(key) - 2))


def _sketches(keys: Sequence[str]) -> list[list[int]]:
    """Return the smallest hashes of the 3-grams of each key, those of all keys computed at once."""
    text = "".join(keys)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    mixed = codes[:-2] * _MIX[0] + codes[1:-1] * _MIX[1] + codes[2:] * _MIX[2]  # modulo 2**64
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX[3]
    hashes = mixed ^ (mixed >> np.uint64(32))
    made = []
    at = 0
    for key in keys:
        made.append(np.unique(hashes[at : at + len(key) - 2])[:_SKETCH].tolist())
        at += len(key)
    return made


def _candidates(kept: Sequence[int], keys: Sequence[str]) -> list[tuple[int, int]]:
    """Return pairs of `kept` in order that share one of their smallest hashes."""
    buckets: dict[int, list[int]] = defaultdict(list)
    for i, sketch in zip(kept, _sketches(keys), strict=True):
        for value in sketch:
            buckets[value].append(i)
    pairs = {
        (a, b) for bucket in buckets.values() for n, b in enumerate(bucket) for a in bucket[max(0, n - _BESIDE) : n]
    }
    return sorted(pairs)


def _alike(short: str, long: str, grams: Callable[[str], frozenset[str]]) -> bool:
    """Tell whether two keys share enough 3-grams, or the long one holds the short one."""
    if short in long:
        return True
    if len(short) < _LENGTHS * len(long):
        return False
    x, y = grams(short), grams(long)
    shared = len(x & y)
    return shared >= ALIKE * (len(x) + len(y) - shared)


def _final(winner: int, moved: dict[int, int]) -> int:
    """Return the sentence that stays: a winner may have lost to a still longer one."""
    while winner in moved:
        winner = moved[winner]
    return winner


def _retarget(sentences: list[Sentence], ledger: list[LedgerRow], final: dict[int, int]) -> Deduped:
    """Point repeats of a sentence that was itself left out at the one that stayed, in the ledger too."""
    spans = {(sentences[a].start, sentences[a].end): (sentences[b].start, sentences[b].end) for a, b in final.items()}
    return Deduped(
        tuple(replace(s, duplicate_of=spans[s.duplicate_of]) if s.duplicate_of in spans else s for s in sentences),
        tuple(replace(row, target=spans[row.target]) if row.target in spans else row for row in ledger),
    )
