"""Vectors for words that the table does not know: from their letters, without training."""

from __future__ import annotations

import hashlib

import numpy as np

from kb.embeddings.encoder import Vectors, unit


def spelling_vector(word: str, dim: int) -> Vectors:
    """Return a vector (dim,) of length 1 that stands for the spelling of `word`, case aside.

    Half of it is the word as a whole, half its character bigrams, each hashed
    to random signs: the same name meets itself, names written alike are near,
    and any two others are at a right angle, as far as `dim` allows. Hashed
    features: Weinberger et al., "Feature hashing for large scale multitask
    learning", 2009; character n-grams: Bojanowski et al., "Enriching word
    vectors with subword information", 2017.
    """
    folded = word.casefold()
    framed = f"<{folded}>"
    grams = np.zeros(dim, np.float32)
    for start in range(len(framed) - 1):
        grams += _signs(framed[start : start + 2], dim)
    vector = np.stack([_signs(folded, dim), grams])
    mixed: Vectors = unit(unit(vector).sum(axis=0, keepdims=True))[0]
    return mixed


def _signs(piece: str, dim: int) -> Vectors:
    """Return `dim` signs, 1 or -1, that are the same for the same `piece` on every machine."""
    noise = hashlib.shake_128(piece.encode("utf-8", "replace")).digest((dim + 7) // 8)
    bits = np.unpackbits(np.frombuffer(noise, np.uint8), count=dim)
    return bits.astype(np.float32) * 2 - 1
