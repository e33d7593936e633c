"""What is made from claims: index terms and vectors. Each stage does what is missing, a batch a transaction.

What is missing is asked of the database, never remembered: a build that was
killed anywhere is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import threadpoolctl
from sqlalchemy import Engine, Row

from kb import fts, schema, store
from kb.pipeline.heard import Heard
from kb.pipeline.pool import Workers, batches_of
from kb.pipeline.report import Tally
from kb.store.encoders import CHOSEN

if TYPE_CHECKING:
    from kb.embeddings import Encoder
    from kb.embeddings.static import StaticEncoder

DEFAULT_MODEL = "default"
_TERMS_BATCH = 1_000
_VECTORS_BATCH = 1_024
_WORDS_BATCH = 1_000
_FEW = 4  # batches that are not worth starting processes for


def terms(engine: Engine, path: Path, tally: Tally, workers: Workers) -> None:
    """Index the words of the claims that are not indexed yet."""
    with engine.connect() as connection:
        pending = [(row.id, row.text) for row in connection.execute(store.claims_without_terms(fts.VERSION))]
    batches = list(batches_of(pending, _TERMS_BATCH))
    done = 0
    for made in workers.each(_terms_of, batches, here=len(batches) < _FEW):
        with engine.begin() as connection:
            done += store.put_terms(connection, made, fts.VERSION)
        tally.told("index", done, len(pending))
    if len(batches) >= _FEW:
        with closing(schema.connect(path, writable=True)) as plain:
            fts.optimize(plain)


def _terms_of(claims: Sequence[tuple[int, str]]) -> list[tuple[int, str, str]]:
    """Return (claim id, words, grams) of each (claim id, text)."""
    return [(claim_id, *fts.terms(text)) for claim_id, text in claims]


def vectors(engine: Engine, tally: Tally, workers: Workers, heard: Heard) -> None:
    """Embed the claim texts that a model holds no vector of, for every model that the database knows.

    An encoder that sums words takes them from `heard`, and has others read in
    `workers`; another model has threads or a GPU of its own.
    """
    from kb import embeddings

    with engine.connect() as connection:
        known = connection.execute(store.models()).all()
    if not known:
        default = embeddings.load(DEFAULT_MODEL)
        with engine.begin() as connection:
            store.put_model(connection, DEFAULT_MODEL, DEFAULT_MODEL, default.revision, default.dim)
            known = connection.execute(store.models()).all()
    for model in known:
        # Another version of a package makes other vectors; only the default encoder is loaded fast enough to ask.
        if model.source != DEFAULT_MODEL and not _missing(engine, model.id):
            continue
        if _succeeded(model, known):
            continue
        encoder = loaded(engine, model.source, whole=True)
        with engine.begin() as connection:  # another revision: its old vectors go
            chosen = {CHOSEN: True} if model.settings.get(CHOSEN) else {}
            store.put_model(connection, model.name, model.source, encoder.revision, encoder.dim, chosen)
        _embed(engine, model.id, encoder, tally, workers, heard)
    with engine.begin() as connection:
        store.drop_orphan_vectors(connection)


def _succeeded(model: Row[Any], known: Sequence[Row[Any]]) -> bool:
    """Tell whether a trained model rests on a default that is gone, while the one trained after it is being made.

    It serves with the vectors that it has until its successor takes its place.
    """
    from kb.embeddings import adapted
    from kb.embeddings.default import load_default

    trained = [row for row in known if row.source.startswith(adapted.PREFIX)]
    return len(trained) > 1 and model in trained and model.revision != adapted.revision(model.source, load_default())


def _missing(engine: Engine, model_id: int) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [(h, text) for h, text in connection.execute(store.texts_without_vector(model_id))]


def _embed(engine: Engine, model_id: int, encoder: Encoder, tally: Tally, workers: Workers, heard: Heard) -> None:
    """Embed all that is missing of one model.

    Products of matrices are left to one thread: more threads sum in another
    order, and the same text would get other last bits.
    """
    from kb.embeddings.static import StaticEncoder

    pending = _missing(engine, model_id)
    batches = list(batches_of(pending, _VECTORS_BATCH))
    made: Iterator[npt.NDArray[np.float32]]
    if isinstance(encoder, StaticEncoder):
        made = map(encoder.encode_words, heard.each(batches, workers))
    else:
        made = (encoder.encode([text for _, text in batch], kind="document") for batch in batches)
    done = 0
    with threadpoolctl.threadpool_limits(1, "blas"):
        for batch, matrix in zip(batches, made, strict=True):
            with engine.begin() as connection:
                rows = ((key, row.tobytes()) for (key, _), row in zip(batch, matrix.astype("<f4"), strict=True))
                done += store.put_vectors(connection, model_id, rows)
            tally.add(new_embeddings=len(batch))
            tally.told("embed", done, len(pending))


def loaded(engine: Engine, source: str, *, whole: bool = False) -> Encoder:
    """Return the encoder of a model; one that was trained here asks the database for its words, at once if `whole`."""
    from kb.embeddings import adapted

    return adapted.load(source, lambda: closing(schema.connect(Path(str(engine.url.database)))), whole=whole)


def word_vectors(words: Sequence[str], workers: Workers) -> npt.NDArray[np.float32]:
    """Return what each word is under the default encoder (words x dim), found in `workers`."""
    batches = list(batches_of(words, _WORDS_BATCH))
    return np.concatenate(list(workers.each(_word_vectors, batches, here=len(batches) < _FEW)))


def _word_vectors(words: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return what each word is under the default encoder (words x dim). Runs in any process."""
    return np.stack(list(map(_default_encoder().word_vector, words)))


@cache
def _default_encoder() -> StaticEncoder:
    """Return the default encoder, loaded once in a process."""
    from kb.embeddings.default import load_default

    return load_default()
