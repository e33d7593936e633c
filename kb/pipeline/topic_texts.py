"""What the topics stage asks of texts: the names in them, their vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from kb import store
from kb.records import Topic
from kb.text import text_hash
from kb.topics.matching import Marks, Names, find, names_of

if TYPE_CHECKING:
    from kb.embeddings import Encoder

BATCH = 2_048  # texts
Known = tuple[tuple[str, tuple[str, ...], tuple[str, ...], bool], ...]


class Texts(NamedTuple):
    """Texts to look through for the names of topics."""

    topics: Known
    texts: tuple[str, ...]


def batches(topics: Sequence[Topic], texts: Sequence[str]) -> Iterator[Texts]:
    """Yield texts with the topics to look for, `BATCH` of them at a time."""
    known = tuple((t.slug, tuple(t.aliases), tuple(t.exclude), t.discovered) for t in topics)
    for start in range(0, len(texts), BATCH):
        yield Texts(known, tuple(texts[start : start + BATCH]))


def marks_of(batch: Texts) -> list[Marks]:
    """Return the names of topics found in each text. Runs in any process."""
    names = _names(batch.topics)
    return [find(text, names) for text in batch.texts]


@lru_cache(maxsize=2)
def _names(known: Known) -> Names:
    """Return the names of topics, made once for all batches that a process looks through."""
    return names_of([Topic(slug, {}, aliases, (), exclude, None, new) for slug, aliases, exclude, new in known])


class Late:
    """A model that is loaded when the first vector is asked of it that nobody holds, which is seldom."""

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._made: Encoder | None = None

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return a vector a text (texts x dim)."""
        if self._made is None:
            self._made = self._load()
        return self._made.encode(list(texts), kind="document")  # as the vectors that the database holds were made


class Held:
    """An encoder that knows the vectors of `texts` already, from the database."""

    def __init__(self, engine: Engine, model_id: int, encoder: Late, texts: Sequence[str]) -> None:
        self._encoder = encoder
        with engine.connect() as connection:
            wanted = store.vectors(model_id, [text_hash(text) for text in texts])
            self._vectors = {row.text_hash: row.vector for row in connection.execute(wanted)}

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return a vector a text (texts x dim), made only where the database has none."""
        keys = [text_hash(text) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        made = dict(zip(missing, self._encoder.encode(list(missing.values())), strict=True)) if missing else {}
        rows = [made[key] if key in made else np.frombuffer(self._vectors[key], dtype="<f4") for key in keys]
        return np.array(rows, dtype=np.float32).reshape(len(rows), -1)
