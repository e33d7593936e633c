"""An encoder that was trained on the posts of a database, and lives in it: a row a word.

Words are looked up as they are met: a search reads the rows of its query and
no others. A word that the corpus lacks has the vector of the default encoder,
from which all the rows started, so both are of one space.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from kb.embeddings.default import load_default
from kb.embeddings.encoder import Vectors
from kb.embeddings.static import REMEMBERED, StaticEncoder
from kb.errors import DatabaseError

if TYPE_CHECKING:
    from kb.embeddings.encoder import Encoder

PREFIX = "adapted:"  # how the source of such a model begins, in the table of models
_AT_ONCE = 500  # words in one question to SQLite
_WORDS = """SELECT w.word, w.vector FROM encoder_words w JOIN models m ON m.id = w.model_id
            WHERE m.source = ? AND w.word IN ({})"""

_ALL_WORDS = """SELECT w.word, w.vector FROM encoder_words w JOIN models m ON m.id = w.model_id WHERE m.source = ?"""

Connect = Callable[[], AbstractContextManager[sqlite3.Connection]]


class AdaptedEncoder(StaticEncoder):
    """The default encoder with other vectors for some words; `find` returns those it has, of the words asked for."""

    def __init__(
        self, base: StaticEncoder, find: Callable[[Sequence[str]], dict[str, bytes]], *, name: str, revision: str
    ) -> None:
        super().__init__(base.model, name=name, revision=revision)
        self._find = find
        self._found: dict[str, bytes] = {}

    def _add(self, counts: Counter[str], into: Vectors) -> None:
        full = len(self._places) + len(counts) > REMEMBERED  # what is remembered may be forgotten on the way
        unknown = [word for word in counts if full or word not in self._places]
        self._found = self._find(unknown) if unknown else {}
        super()._add(counts, into)

    def word_vector(self, word: str) -> Vectors:
        """Return what one saying of `word` adds to the sum of a text: (dim,), of any length."""
        stored = self._found.get(word)
        if stored is None:
            return super().word_vector(word)
        if len(stored) != 2 * self.dim:
            raise DatabaseError(f"the stored vector of {word!r} is damaged; run: kb model train")
        return np.frombuffer(stored, "<f2").astype(np.float32)


def load(source: str, connect: Connect, *, whole: bool = False) -> Encoder:
    """Return the encoder of a database's model, trained on its posts or not.

    Args:
        source: the model's, from the table of models.
        connect: lends a connection to that database.
        whole: read all of its words now, for who has many texts; else those that are met.

    Raises:
        ModelError: the model is missing or damaged.
    """
    if not source.startswith(PREFIX):
        from kb import embeddings

        return embeddings.load(source)

    held: dict[str, bytes] = {}
    if whole:
        with connect() as connection:
            held.update(connection.execute(_ALL_WORDS, (source,)).fetchall())

    def find(words: Sequence[str]) -> dict[str, bytes]:
        if whole:
            return {word: held[word] for word in words if word in held}
        found: dict[str, bytes] = {}
        with connect() as connection:
            for start in range(0, len(words), _AT_ONCE):
                some = words[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                found.update(connection.execute(_WORDS.format(marks), (source, *some)).fetchall())
        return found

    base = load_default()
    return AdaptedEncoder(base, find, name="adapted", revision=revision(source, base))


def revision(source: str, base: StaticEncoder) -> str:
    """Return the revision of a trained model: its own words' and that of the encoder it falls back on."""
    return f"{source}+{base.revision}"
