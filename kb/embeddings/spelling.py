"""Vectors for words that the table does not know: from their letters, without training."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

import numpy as np

from kb.embeddings.encoder import Vectors, unit

_HIRAGANA = re.compile("[\u3041-\u309f]")


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
        grams += signs(framed[start : start + 2], dim)
    vector = np.stack([signs(folded, dim), grams])
    mixed: Vectors = unit(unit(vector).sum(axis=0, keepdims=True))[0]
    return mixed


def letters_vector(word: str, dim: int) -> Vectors:
    """Return the sum (dim,) of a vector of length 1 for each letter and digit of `word`, case aside; hiragana left out.

    列車 and 電車, 飛行 and 飛ぶ share a kanji, and so some meaning; hiragana are
    mostly endings. Summed with the word's own vector they are a bag of letters
    beside the bag of words, folded into the same numbers: random directions are
    nearly at a right angle to all others (Weinberger et al. 2009).
    """
    vector = np.zeros(dim, np.float32)
    for letter in word.casefold():
        if letter.isalnum() and not _HIRAGANA.match(letter):
            vector += signs(letter, dim)
    return vector / np.float32(dim**0.5)


@lru_cache(maxsize=4096)
def signs(piece: str, dim: int) -> Vectors:
    """Return `dim` signs, 1 or -1, that are the same for the same `piece` on every machine."""
    noise = hashlib.shake_128(piece.encode("utf-8", "replace")).digest((dim + 7) // 8)
    bits = np.unpackbits(np.frombuffer(noise, np.uint8), count=dim)
    made = bits.astype(np.float32) * 2 - 1
    made.flags.writeable = False  # it is remembered
    return made
