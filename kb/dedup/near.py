"""Mark what a post says again in nearly the same words.

Candidates share one of their smallest character 3-gram hashes (a bottom-k
sketch: Broder, "On the resemblance and containment of documents", 1997); each
candidate pair is then compared whole, and a judge may veto.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kb.dedup.repeats import Deduped
from kb.records import LedgerRow, Passage, Sentence

Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]
ALIKE = 0.9  # shared 3-grams over all 3-grams, from which two sentences are worth judging
_LENGTHS = 0.75  # of the shorter key to the longer; below, they share less unless 3-grams recur
_SKETCH = 6
_LEAST = 12  # folded characters
_MOST = 2_000  # folded characters; what is longer is no sentence, and its 3-grams would fill the memory
_BESIDE = 16  # sentences before it that one is compared with for one hash; more share it in lists made by machines
# Odd numbers without a pattern (those of SplitMix64 and MurmurHash3), so that no kind of letter has small hashes.
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xFF51AFD7ED558CCD, 0xBF58476D1CE4E5B9], dtype=np.uint64)
_OWNER_BITS, _HASH_BITS = np.uint64(20), np.uint64(44)  # no file is large enough for 2**20 sentences of 12 characters
_HASH_MASK = np.uint64(2**44 - 1)
_BLOCK = 100_000  # pairs looked at together
_SIGNATURE = 4  # words of 64 bits
_WORD_BITS, _WORD_MASK, _SIGNATURE_MASK = np.uint64(6), np.uint64(63), np.uint64(_SIGNATURE - 1)
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
    keys = [sentences[i].key for i in kept]
    moved: dict[int, int] = {}
    for x, y in _candidates(keys):
        a, b = kept[x], kept[y]
        if a in moved or b in moved:
            continue
        short, long = sorted((keys[x], keys[y]), key=len)
        if not _alike(short, long) or _digits(short) != _digits(long):
            continue
        if not same(sentences[a].plain, sentences[b].plain):
            continue
        # The longer one says at least as much; of equals the first stays.
        loser, winner = (a, b) if len(sentences[a].key) < len(sentences[b].key) else (b, a)
        moved[loser] = winner
    final = {loser: _final(winner, moved) for loser, winner in moved.items()}
    for loser, winner in final.items():
        target = (sentences[winner].start, sentences[winner].end)
        sentences[loser] = sentences[loser].repeating(target, "said in nearly the same words")
        ledger.extend(
            LedgerRow(a, b, "near-repeat", "said in nearly the same words", target) for a, b in sentences[loser].spans
        )
    return _retarget(sentences, ledger, final)


def _grams(key: str) -> frozenset[str]:
    """Return the 3-grams of a folded sentence."""
    return frozenset(key[i : i + 3] for i in range(len(key) - 2))


def _digits(key: str) -> list[str]:
    """Return the numbers of a folded sentence, sorted as text."""
    return sorted(_DIGITS.findall(key))


def _hashes(keys: Sequence[str]) -> tuple[Places, Hashes]:
    """Return the different 3-gram hashes of each key in rising order, one key after the other, and whose they are."""
    codes = np.frombuffer("".join(keys).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    mixed = codes[:-2] * _MIX[0] + codes[1:-1] * _MIX[1] + codes[2:] * _MIX[2]  # modulo 2**64
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX[3]
    mixed = (mixed ^ (mixed >> np.uint64(32))) >> _OWNER_BITS
    sizes = np.array([len(key) for key in keys])
    owners = np.repeat(np.arange(len(keys), dtype=np.uint64), sizes)
    inside = np.ones(len(codes), dtype=bool)
    ends = np.cumsum(sizes)
    inside[ends - 1] = inside[ends - 2] = False  # 3-grams do not span two keys
    # The owner goes above the hash, so that one sort of plain numbers orders and groups them all.
    hashes = np.unique(owners[inside] << _HASH_BITS | mixed[inside[:-2]])
    return (hashes >> _HASH_BITS).astype(np.int64), hashes & _HASH_MASK


def _signatures(owners: Places, hashes: Hashes, count: int) -> Hashes:
    """Return 256 bits for each of `count` keys: which last bytes its hashes have."""
    bits = np.zeros(count * _SIGNATURE, dtype=np.uint64)
    at = owners * _SIGNATURE + (hashes >> _WORD_BITS & _SIGNATURE_MASK).astype(np.int64)
    np.bitwise_or.at(bits, at, np.uint64(1) << (hashes & _WORD_MASK))
    return bits.reshape(count, _SIGNATURE)


def _candidates(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of places in `keys`, in order, that share one of their smallest 3-gram hashes and may be alike."""
    if len(keys) < 2:
        return
    owners, hashes = _hashes(keys)
    counts = np.bincount(owners, minlength=len(keys))
    signatures = _signatures(owners, hashes, len(keys))
    smallest = np.arange(len(owners)) - (np.cumsum(counts) - counts)[owners] < _SKETCH
    owners, hashes = owners[smallest], hashes[smallest]
    order = np.argsort(hashes, kind="stable")
    owners, hashes = owners[order], hashes[order]
    pairs = []
    for apart in range(1, _BESIDE + 1):
        shared = np.flatnonzero(hashes[apart:] == hashes[:-apart])
        pairs.append(owners[shared] * len(keys) + owners[shared + apart])
        if not len(shared):
            break
    found = np.unique(np.concatenate(pairs))
    for at in range(0, len(found), _BLOCK):
        x, y = np.divmod(found[at : at + _BLOCK], len(keys))
        may = _may(counts[x], counts[y], signatures[x], signatures[y])
        yield from zip(x[may].tolist(), y[may].tolist(), strict=True)


def _may(many: Places, others: Places, bits: Hashes, other_bits: Hashes) -> NDArray[np.bool_]:
    """Tell of pairs, by their numbers of 3-grams and their signatures, whether they can be alike.

    A bit that only one of two has stands for at least one 3-gram that only this one has.
    """
    most = many - np.bitwise_count(bits & ~other_bits).sum(axis=1, dtype=np.int64)
    others_most = others - np.bitwise_count(other_bits & ~bits).sum(axis=1, dtype=np.int64)
    shared = np.minimum(most, others_most)  # 3-grams at most
    may: NDArray[np.bool_] = shared >= ALIKE * (many + others - shared)
    may |= (most == many) | (others_most == others)
    return may


def _alike(short: str, long: str) -> bool:
    """Tell whether two keys share enough 3-grams, or the long one holds the short one."""
    if short in long:
        return True
    if len(short) < _LENGTHS * len(long):
        return False
    x, y = _grams(short), _grams(long)
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
