"""MurmurHash64A, by which spaCy's vectors know their words."""

from __future__ import annotations

_M = 0xC6A4A7935BD1E995
_R = 47
_MASK = (1 << 64) - 1
SPACY_SEED = 1


def murmur64(data: bytes, seed: int = SPACY_SEED) -> int:
    """Return the 64-bit MurmurHash2 (variant A, Austin Appleby, public domain) of `data`.

    In Python, since the `murmurhash` package offers 32 bits only; a word takes
    two microseconds and is looked up once.
    """
    length = len(data)
    state = seed ^ (length * _M & _MASK)
    whole = length & ~7
    for start in range(0, whole, 8):
        block = int.from_bytes(data[start : start + 8], "little") * _M & _MASK
        block ^= block >> _R
        state = (state ^ (block * _M & _MASK)) * _M & _MASK
    if length > whole:
        state = (state ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    state ^= state >> _R
    state = state * _M & _MASK
    return state ^ (state >> _R)


def word_key(word: str) -> int:
    """Return the key of `word` in spaCy's tables."""
    return murmur64(word.encode("utf-8", "replace"))
