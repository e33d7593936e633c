"""Training the default encoder on the posts of a database, and keeping the result if it is the better one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from sqlalchemy import Connection, Engine

from kb import schema, store
from kb.embeddings import adapt, adapted, judged
from kb.embeddings.default import load_default
from kb.embeddings.encoder import Vectors
from kb.embeddings.folder import write_folder
from kb.errors import KbError, NotFoundError
from kb.lock import exclusive
from kb.pipeline import derive
from kb.pipeline.heard import Heard
from kb.pipeline.held_back import found_under, headings, judged_pairs, neighbours, parted, reciprocal_rank
from kb.pipeline.pool import Workers
from kb.pipeline.report import Progress, Tally
from kb.store import encoders as rows

NAME = "adapted"
NEXT = "adapted, in the making"  # what it is called until all claims are embedded with it
FEWEST_PAIRS = 300  # fewer teach nothing, and leave nothing to check by
_GROWN = 1.5  # times as many sentences as were there at the last try: time to train again


@dataclass(frozen=True)
class TrainReport:
    """What a training did, and whether it was kept.

    `before` and `after`: mean reciprocal rank of the partners of held-back
    sentences; `found_before`, `found_after`: nDCG@10 of the sentences under a
    heading, when the heading is asked for, None where posts have no headings.
    """

    pairs: int
    checked: int
    words: int
    before: float
    after: float
    found_before: float | None
    found_after: float | None
    kept: bool
    revision: str

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return asdict(self)

    def told(self) -> str:
        """Return the report in a line."""
        found = ""
        if self.found_before is not None:
            found = f", nDCG@10 of headings {self.found_before:.3f} -> {self.found_after:.3f}"
        kept = "trained on the posts" if self.kept else "not trained on the posts, which made it no better"
        return f"{kept}: {self.words:,} words, MRR of held-back pairs {self.before:.3f} -> {self.after:.3f}{found}"


class _TooFewError(KbError):
    """The posts hold too few pairs of neighbouring sentences."""


def train(db: Path, *, seed: int = 1, progress: Progress | None = None) -> TrainReport:
    """Train the default encoder on the posts of `db`; if that made it better, embed all claims and switch to it.

    Better is told by what was held back: partners of sentences must stand
    higher, and what stands under a heading must be found by it no worse. The
    model that was in use serves until all claims are embedded, even if this is
    killed; the next build finishes it. The same posts and seed give the same
    vectors on one machine.

    Args:
        db: an existing database.
        seed: of the choice of the pairs that are held back.
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
            with Workers() as crew:
                heard = Heard()
                report = _train(engine, seed, tally, db, crew, heard)
                if report.kept:
                    derive.vectors(engine, tally, crew, heard)
                    settle(engine)
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


def learn(engine: Engine, tally: Tally, db: Path, workers: Workers, heard: Heard) -> None:
    """Train, in a build, where it is time to: at first, and when the posts have grown by half or the default changed.

    The vectors are made by the build's next stage, and `settle` puts the new
    encoder into use. A try that failed is noted, so that the next build does
    not try in vain. Whoever has chosen another encoder is left alone.
    """
    with engine.begin() as connection:
        if not _due(connection):
            return
    report: TrainReport | None = None
    try:
        report = _train(engine, 1, tally, db, workers, heard)
        tally.encoder = report.told()
    except _TooFewError as error:
        tally.encoder = f"not trained on the posts: {str(error).partition(': ')[2]}"
    if report is None or not report.kept:
        with engine.begin() as connection:
            _note_failure(connection)


def settle(engine: Engine, *, replace: bool = False) -> None:
    """Put a newly trained encoder, all claims embedded, in the place of the older one and into use, in one step.

    With `replace` the default goes, unless it was chosen: `kb model use default` makes it again.
    """
    with engine.begin() as connection:
        if connection.execute(rows.trained(NEXT)).first() is None:
            return
        rows.drop_trained(connection, NAME)
        rows.rename_trained(connection, NEXT, NAME)
        default = connection.execute(rows.trained(derive.DEFAULT_MODEL)).first()
        if replace and default is not None and default.active and not default.settings.get(rows.CHOSEN):
            rows.drop_trained(connection, derive.DEFAULT_MODEL)
        store.activate(connection, NAME)


def _due(connection: Connection) -> bool:
    """Tell whether a build should train; drop what rests on a default encoder that is gone and is not in use."""
    models = {row.name: row for row in connection.execute(store.models())}
    for name in (NAME, NEXT):
        if (held := models.get(name)) and not held.active and _stale(held.source, held.revision):
            rows.drop_trained(connection, name)
            del models[name]
    if NEXT in models:  # a build was killed: this one finishes it
        return False
    active = next((row for row in models.values() if row.active), None)
    if active is None:
        return True
    if active.name == NAME:
        return _stale(active.source, active.revision) or _grown(connection, active.settings)
    mine = active.source == derive.DEFAULT_MODEL and not active.settings.get(rows.CHOSEN)
    return mine and NAME not in models and _grown(connection, active.settings)


def _stale(source: str, revision: str) -> bool:
    """Tell whether a trained encoder rests on another default than today's."""
    return bool(revision != adapted.revision(source, load_default()))


def _grown(connection: Connection, settings: Mapping[str, Any]) -> bool:
    """Tell whether the posts have grown by half since the last try, or there was none."""
    now = int(connection.execute(rows.sentence_count()).scalar_one())
    return now >= _GROWN * int(settings.get(rows.SENTENCES, 0))


def _note_failure(connection: Connection) -> None:
    """Note that training was tried in vain on as many sentences; drop what rests on a default that is gone."""
    base = load_default()
    tried = {rows.SENTENCES: int(connection.execute(rows.sentence_count()).scalar_one())}
    models = connection.execute(store.models()).all()
    active = next((row for row in models if row.active), None)
    if active is None or (active.name == NAME and _stale(active.source, active.revision)):
        rows.drop_trained(connection, NAME)
        store.put_model(connection, derive.DEFAULT_MODEL, derive.DEFAULT_MODEL, base.revision, base.dim, tried)
        store.activate(connection, derive.DEFAULT_MODEL)
        active = connection.execute(rows.trained(derive.DEFAULT_MODEL)).one()
    rows.set_trained(connection, derive.DEFAULT_MODEL if active.name != NAME else NAME, {**active.settings, **tried})


def _train(engine: Engine, seed: int, tally: Tally, db: Path, workers: Workers, heard: Heard) -> TrainReport:
    """Train and check; write what is better. Products of matrices are left to one thread, for the same last bits."""
    texts, pairs = neighbours(engine)
    learnt, held = parted(pairs, texts, seed)
    if len(pairs) < FEWEST_PAIRS or not len(held):
        needed = f"{len(pairs)} pairs of neighbouring sentences are too few to train on, {FEWEST_PAIRS} are needed"
        raise _TooFewError(f"{db}: {needed}")
    sections = headings(engine)
    base = load_default()
    vocabulary: dict[str, int] = {}
    keys = heard.hear([*texts, *sections], workers)
    every = adapt.counted(map(heard.words, keys), vocabulary)
    said, asked = every[: len(texts)], every[len(texts) :]
    start = derive.word_vectors(list(vocabulary), workers)
    places = {text: place for place, text in enumerate(texts)}
    wanted = [np.array([places[text] for text in under], np.int32) for under in sections.values()]
    with threadpoolctl.threadpool_limits(1, "blas"):
        fitted = adapt.fit(start, said, learnt, partial(tally.told, "train"))
        stored = judged.taught(fitted, said, *judged_pairs(engine, places)).astype("<f2")
        ready: Vectors = stored.astype(np.float32)
        before, after = reciprocal_rank(start, said, held), reciprocal_rank(ready, said, held)
        found = [found_under(one, asked, said, wanted) if sections else None for one in (start, ready)]
    better = after > before and (found[0] is None or found[1] is None or found[1] >= found[0])
    words = sorted(vocabulary)
    vectors = [stored[vocabulary[word]].tobytes() for word in words]
    digest = hashlib.blake2b("\n".join(words).encode("utf-8", "surrogatepass") + b"".join(vectors), digest_size=8)
    source = adapted.PREFIX + digest.hexdigest()
    revision = adapted.revision(source, base)
    if better:
        with engine.begin() as connection:
            _write(connection, source, revision, seed, zip(words, vectors, strict=True))
    return TrainReport(len(learnt), len(held), len(words), before, after, found[0], found[1], better, revision)


def _write(connection: Connection, source: str, revision: str, seed: int, words: Iterable[tuple[str, bytes]]) -> None:
    """Write a trained encoder: beside the models that are there, or as the first one at once under its own name."""
    rows.drop_trained(connection, NEXT)
    first = connection.execute(store.models()).first() is None
    settings = {rows.SENTENCES: int(connection.execute(rows.sentence_count()).scalar_one()), "seed": seed}
    dim = load_default().dim
    model_id = store.put_model(connection, NAME if first else NEXT, source, revision, dim, settings)
    rows.put_encoder_words(connection, model_id, words)
