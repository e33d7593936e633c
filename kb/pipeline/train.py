"""Training the default encoder on the posts of a database, and keeping the result if it is the better one."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from kb import schema, store
from kb.embeddings import adapt, adapted
from kb.embeddings.adapt import Bags, Pairs
from kb.embeddings.default import load_default
from kb.embeddings.encoder import Vectors, unit
from kb.embeddings.folder import write_folder
from kb.embeddings.static import word_counts
from kb.errors import KbError, NotFoundError
from kb.lock import exclusive
from kb.pipeline import derive
from kb.pipeline.report import Progress, Tally
from kb.store import encoders as rows

NAME = "adapted"
FEWEST_PAIRS = 300  # fewer teach nothing, and leave nothing to check by
_EPOCHS, _BATCH, _RATE = 4, 512, 2e-3
_HELD_BACK = 20  # one pair in so many is kept for the check
_MOST_CHECKED = 1_000


@dataclass(frozen=True)
class TrainReport:
    """What a training did: pairs learnt from, words, held-back MRR before and after, and whether it was kept."""

    pairs: int
    checked: int
    words: int
    before: float
    after: float
    kept: bool
    revision: str

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return asdict(self)


def train(db: Path, *, seed: int = 1, progress: Progress | None = None) -> TrainReport:
    """Train the default encoder on the posts of `db`; if that made it better, embed all claims and switch to it.

    Better is told by pairs of neighbouring sentences that were held back. The
    model that was in use serves until all claims are embedded, and stays in
    the database; the same posts and seed give the same vectors on one machine.

    Args:
        db: an existing database.
        seed: of the order in which pairs are learnt.
        progress: called with (stage, done, total), stages "train" and "embed".

    Raises:
        KbError: the posts hold fewer than 300 pairs of neighbouring sentences.
        LockedError: a build is running.
        DatabaseError: `db` is missing, damaged, not ours, or cannot be written.
    """
    schema.connect(db).close()
    tally = Tally(progress)
    with exclusive(db):
        schema.prepare(db)
        engine = schema.engine(db, writable=True)
        try:
            report = _train(engine, seed, tally, db)
            if report.kept:
                derive.vectors(engine, tally)
                with engine.begin() as connection:
                    store.activate(connection, NAME)
            return report
        finally:
            engine.dispose()


def export(db: Path, folder: Path) -> Path:
    """Write the trained encoder of `db` as a sentence-transformers model (see `kb.embeddings.export`).

    Raises:
        NotFoundError: no encoder was trained on `db`.
        ModelError: `folder` holds something else, or cannot be written.
        DatabaseError: `db` is missing, damaged or not ours.
    """
    engine = schema.engine(db)
    try:
        with engine.connect() as connection:
            source = next((row.source for row in connection.execute(store.models()) if row.name == NAME), None)
            held = connection.execute(rows.encoder_words(source)).all() if source else []
    finally:
        engine.dispose()
    if not held:
        raise NotFoundError(f"{db}: no encoder was trained on its posts; run: kb model train")
    table = np.stack([np.frombuffer(row.vector, "<f2") for row in held]).astype(np.float32)
    return write_folder(folder, load_default().model.with_words([row.word for row in held], table))


def _train(engine: Engine, seed: int, tally: Tally, db: Path) -> TrainReport:
    texts, pairs = neighbours(engine)
    learnt, held = _parted(pairs, texts)
    if len(pairs) < FEWEST_PAIRS or not len(held):
        raise KbError(f"{db}: {len(pairs)} pairs of neighbouring sentences are too few to train on; add posts")
    base = load_default()
    vocabulary: dict[str, int] = {}
    bags = Bags.of(_counted(texts, tally), vocabulary)
    start = np.stack([base.word_vector(word) for word in vocabulary])
    told = partial(tally.told, "train")
    table = adapt.fit(start, bags, learnt, epochs=_EPOCHS, batch=_BATCH, rate=_RATE, seed=seed, told=told)
    stored = table.astype("<f2")
    before, after = reciprocal_rank(start, bags, held), reciprocal_rank(stored.astype(np.float32), bags, held)
    words = sorted(vocabulary)
    vectors = [stored[vocabulary[word]].tobytes() for word in words]
    digest = hashlib.blake2b("\n".join(words).encode("utf-8", "surrogatepass") + b"".join(vectors), digest_size=8)
    source = adapted.PREFIX + digest.hexdigest()
    revision = adapted.revision(source, base)
    if after > before:
        with engine.begin() as connection:
            model_id = store.put_model(connection, NAME, source, revision, base.dim)
            rows.put_encoder_words(connection, model_id, zip(words, vectors, strict=True))
    return TrainReport(len(learnt), len(held), len(words), before, after, after > before, revision)


def neighbours(engine: Engine) -> tuple[list[str], Pairs]:
    """Return the distinct sentences of all posts, and which two (m, 2) follow each other in a paragraph."""
    places: dict[str, int] = {}
    found: dict[tuple[int, int], None] = {}
    last: tuple[int, int, int] | None = None
    with engine.connect() as connection:
        for post, paragraph, plain, kind in connection.execute(rows.said_in_order()):
            if kind in ("heading", "label"):
                last = None
                continue
            place = places.setdefault(plain, len(places))
            if last is not None and last[:2] == (post, paragraph) and last[2] != place:
                found[last[2], place] = None
            last = (post, paragraph, place)
    return list(places), np.array(list(found), np.int32).reshape(len(found), 2)


def _parted(pairs: Pairs, texts: list[str]) -> tuple[Pairs, Pairs]:
    """Return the pairs to learn from and those held back; no text of these is among those."""
    chosen = [hashlib.blake2b(texts[a].encode("utf-8", "surrogatepass"), digest_size=2).digest() for a, _ in pairs]
    held = np.array([int.from_bytes(digest, "big") % _HELD_BACK == 0 for digest in chosen], np.bool_)
    apart = np.isin(pairs, pairs[held]).any(axis=1)
    return pairs[~apart], pairs[held][:_MOST_CHECKED]


def _counted(texts: list[str], tally: Tally) -> list[Counter[str]]:
    found = []
    for done, text in enumerate(texts, 1):
        found.append(word_counts(text))
        if done % 1_000 == 0:
            tally.told("words", done, len(texts))
    return found


def reciprocal_rank(table: Vectors, bags: Bags, pairs: Pairs) -> float:
    """Return the mean of 1 / rank of each text's partner among the partners of all `pairs` (m, 2)."""
    a: npt.NDArray[np.float32] = unit(bags.take(pairs[:, 0]).sums(table))
    b: npt.NDArray[np.float32] = unit(bags.take(pairs[:, 1]).sums(table))
    scores = a @ b.T
    ranks = (scores > np.diag(scores)[:, None]).sum(axis=1) + 1
    return float((1 / ranks).mean())
