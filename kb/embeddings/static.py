"""Encoders that sum word vectors: thousands of sentences a second, NumPy and Sudachi only."""

from __future__ import annotations

import math
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from kb.embeddings.encoder import TextKind, Vectors, as_batch, unit
from kb.embeddings.lexicon import Entry, StaticModel
from kb.embeddings.spelling import letters_vector, spelling_vector
from kb.text import normal_forms, short_units

REMEMBERED = 32_768  # words; 40 MB at 300 dimensions


class Parts(NamedTuple):
    """What the vector of a word is the sum of: rows of the table, spellings and letters, each with a factor."""

    rows: tuple[tuple[int, float], ...] = ()
    spellings: tuple[tuple[str, float], ...] = ()
    letters: tuple[tuple[str, float], ...] = ()

    def written(self, dim: int) -> Vectors:
        """Return what is not of the table: the spellings and letters (dim,)."""
        vector = np.zeros(dim, np.float32)
        for word, factor in self.spellings:
            vector += np.float32(factor) * spelling_vector(word, dim)
        for word, factor in self.letters:
            vector += np.float32(factor) * letters_vector(word, dim)
        return vector


def words_of(text: str) -> list[str]:
    """Return the words of `text` as they are read here: normalised forms of Sudachi's mode C, after NFKC."""
    return normal_forms(folded(text))


def word_counts(text: str) -> Counter[str]:
    """Return how often each word of `text` is said."""
    return Counter(words_of(text))


def folded(text: str) -> str:
    """Return `text` in the one width that everything here reads: NFKC."""
    return unicodedata.normalize("NFKC", text)


def word_parts(model: StaticModel, word: str) -> Parts:
    """Return what `word` is made of under `model`.

    A word with a row of its own is that row. A compound without one is read by
    its short units (Sudachi's mode A), as a compound says what its units say,
    scaled to the length of one word. Of what is left, a word that shares the
    row of a near word is partly that row and partly its spelling, and an
    unknown word is its spelling, if it has a letter or a digit. Its letters are
    added to any of them.
    """
    entry = model.lexicon.find(word)
    if entry is not None and entry.whole:
        return Parts(rows=((entry.row, entry.weight),))
    units = short_units(word) if entry is None or entry.shared else []
    parts = _joined([_simple_parts(model, unit_) for unit_ in units]) if units else _simple_parts(model, word, entry)
    if not model.letters:
        return parts
    return parts._replace(letters=((word, model.letters * (entry.weight if entry else 1.0)),))


def _joined(units: Sequence[Parts]) -> Parts:
    factor = len(units) ** -0.5
    rows = tuple((row, factor * own) for part in units for row, own in part.rows)
    return Parts(rows, tuple((word, factor * own) for part in units for word, own in part.spellings))


def _simple_parts(model: StaticModel, word: str, entry: Entry | None = None) -> Parts:
    entry = entry or model.lexicon.find(word)
    if entry is None:
        known = any(map(str.isalnum, word))
        return Parts(spellings=((word, 1.0),)) if known else Parts()
    if not entry.shared:
        return Parts(rows=((entry.row, entry.weight),))
    near, own = math.sqrt(1 - model.spelling), math.sqrt(model.spelling)
    return Parts(((entry.row, entry.weight * near),), ((word, entry.weight * own),))


class StaticEncoder:
    """Sums the vectors of a text's words, a word said n times counting as the root of n, and scales to length 1.

    The vector of a text depends on nothing but that text and the model. A text
    without any word (empty, only white space or unknown signs) is a zero vector,
    at cosine 0 to everything. Safe to share between threads.
    """

    def __init__(self, model: StaticModel, *, name: str, revision: str) -> None:
        self.model = model
        self.name = name
        self.revision = revision
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._remembered = np.empty((REMEMBERED, model.dim), np.float32)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.model.dim

    def __repr__(self) -> str:
        return f"<StaticEncoder {self.name!r} {self.revision} dim={self.dim}>"

    def encode(self, texts: str | Sequence[str], *, kind: TextKind = "similarity") -> Vectors:
        """Return one vector a text: (n, dim) float32, length 1, or 0 where a text holds no word.

        Queries and documents are read alike; texts to be compared with each
        other are told apart as affirming or denying, too. Raises UsageError for
        anything but strings.
        """
        batch = as_batch(texts, kind)
        negation = self.model.negation if kind == "similarity" else None
        sums = np.zeros((len(batch), self.dim), np.float32)
        denied: list[bool] = []
        for place, text in enumerate(batch):
            plain = folded(text)
            counts = Counter(normal_forms(plain))
            if negation is not None:
                denied.append(negation.denied(plain, counts))
            with self._lock:
                self._add(counts, sums[place])
        return unit(sums) if negation is None else negation.told(unit(sums), denied)

    def encode_words(self, said: Iterable[Sequence[str]]) -> Vectors:
        """Return what `encode` makes of documents, bit by bit, where their words (see `words_of`) are known already."""
        counted = list(map(Counter, said))
        sums = np.zeros((len(counted), self.dim), np.float32)
        with self._lock:
            for counts, into in zip(counted, sums, strict=True):
                self._add(counts, into)
        return unit(sums)

    def _add(self, counts: Counter[str], into: Vectors) -> None:
        """Add the vectors of the counted words to `into` (dim,)."""
        items = iter(counts.items())
        # In slices that the memory can hold, so that one huge text needs no more of it than many short ones.
        while piece := dict(islice(items, REMEMBERED // 4)):
            if len(self._places) + len(piece) > REMEMBERED:
                self._places.clear()
            places = [self._place(word) for word in piece]
            into += np.sqrt(np.fromiter(piece.values(), np.float32, len(piece))) @ self._remembered[places]

    def _place(self, word: str) -> int:
        """Return where the vector of `word` stands in the memory, having put it there if need be."""
        place = self._places.get(word)
        if place is None:
            place = len(self._places)
            self._remembered[place] = self.word_vector(word)
            self._places[word] = place
        return place

    def word_vector(self, word: str) -> Vectors:
        """Return what one saying of `word`, a normalised form, adds to the sum of a text: (dim,), of any length."""
        parts = word_parts(self.model, word)
        vector = parts.written(self.dim)
        for row, factor in parts.rows:
            vector += np.float32(factor) * self.model.row(row)
        return vector
