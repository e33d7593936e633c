"""The words of sentences: kept as posts are read, so that the encoder need not have them read again.

Nothing rests on it: what was not heard in this build is read when it is asked for.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence

from kb.embeddings.static import folded, words_of
from kb.pipeline.pool import Workers, batches_of
from kb.text import text_hash, tokens

_BATCH = 1_000
_FEW = 3_000  # texts that are not worth starting processes for

Words = Sequence[str]


def read(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the words of each text as `words_of` does, from those remembered where these are the same ones.

    Interned, so that each word is sent once from process to process. Runs in any process.
    """
    found = []
    for text in texts:
        # What has no white space and is in one width already is read alike here and there.
        plain = " " not in text and text.isprintable() and folded(text) == text
        words: Iterable[str] = (token.norm for token in tokens(text)) if plain else words_of(text)
        found.append(tuple(map(sys.intern, words)))
    return found


def along(texts: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (hash of the text, its words) of each different text. Runs in any process."""
    different = list(dict.fromkeys(texts))
    return tuple(zip(map(text_hash, different), read(different), strict=True))


class Heard:
    """The words of texts by their hash, four bytes a word."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words: list[str] = []
        self._said: dict[str, array[int]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._said

    def put(self, said: Iterable[tuple[str, Words]]) -> None:
        """Keep the words of texts, given as (hash of the text, words)."""
        for key, words in said:
            if key not in self._said:
                self._said[key] = array("i", map(self._number, words))

    def forget(self) -> None:
        """Let go of all words: they take 350 bytes a sentence, and the stages after embedding ask for none."""
        self._numbers.clear()
        self._words.clear()
        self._said.clear()

    def _number(self, word: str) -> int:
        number = self._numbers.setdefault(word, len(self._words))
        if number == len(self._words):
            self._words.append(word)
        return number

    def words(self, key: str) -> list[str]:
        """Return the words of a text that was heard."""
        return [self._words[number] for number in self._said[key]]

    def each(self, batches: Sequence[Sequence[tuple[str, str]]], workers: Workers) -> Iterator[list[Words]]:
        """Yield the words of each text of each batch of (hash, text); what was not heard is read in `workers`."""
        known = [[key in self for key, _ in batch] for batch in batches]  # now: more may be put on the way
        lacking = [
            [text for (_, text), heard in zip(batch, flags, strict=True) if not heard]
            for batch, flags in zip(batches, known, strict=True)
        ]
        few = sum(map(len, lacking)) < _FEW
        for batch, flags, found in zip(batches, known, workers.each(read, lacking, here=few), strict=True):
            fresh = iter(found)
            yield [self.words(key) if heard else next(fresh) for (key, _), heard in zip(batch, flags, strict=True)]

    def hear(self, texts: Sequence[str], workers: Workers) -> list[str]:
        """Make sure that the words of `texts` are kept; return the hash of each."""
        keys = list(map(text_hash, texts))
        lacking = [(key, text) for key, text in dict(zip(keys, texts, strict=True)).items() if key not in self]
        batches = list(batches_of(lacking, _BATCH))
        for batch, found in zip(batches, self.each(batches, workers), strict=True):
            self.put(zip((key for key, _ in batch), found, strict=True))
        return keys
