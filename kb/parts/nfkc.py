"""NFKC with a way back: where each character of the folded text stands in the original."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=16)  # dates, figures and names ask for the same claim one after the other
def normalised(text: str) -> tuple[str, Sequence[int]]:
    """Return `text` in NFKC, character by character, and the place in `text` of each character of it.

    Characters that only combine with the one before (a half-width voiced mark)
    are folded together with it.
    """
    if unicodedata.is_normalized("NFKC", text):
        return text, range(len(text))
    out: list[str] = []
    places: list[int] = []
    i = 0
    while i < len(text):
        j = i + 1
        while j < len(text) and (unicodedata.combining(text[j]) or text[j] in "\uff9e\uff9f"):
            j += 1
        piece = unicodedata.normalize("NFKC", text[i:j])
        out.append(piece)
        places.extend([i] * len(piece))
        i = j
    return "".join(out), tuple(places)
