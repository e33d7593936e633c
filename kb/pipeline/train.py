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
NEXT = "adapted, in the making"  # what it is called until all claims are embedded with it
FEWEST_PAIRS = 300  # fewer teach nothing, and leave nothing to check by
_EPOCHS, _BATCH, _RATE = 4, 512, 2e-3
_HELD_BACK = 20  # one pair in so many is kept for the check
_MOST_CHECKED = 1_000
_MOST_HEADINGS = 500
_MOST_FOUND = 8_000  # sentences among which a heading is to find its own
_GROWN = 1.5  # times as many sentences as it was trained on: time to train again


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


def train(db: Path, *, seed: int = 1, progress: Progress | None = None) -> TrainReport:
    """Train the default encoder on the posts of `db`; if that made it better, embed all claims and switch to it.

    Better is told by what was held back: partners of sentences must stand
    higher, and what stands under a heading must be found by it no worse. The
    model that was in use serves until all claims are embedded, even if this is
    killed; the next build finishes it. The same posts and seed give the same
    vectors on one machine.

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


def again(engine: Engine, tally: Tally, db: Path, *, seed: int = 1) -> TrainReport | None:
    """Train once more where a trained encoder is out of date: the posts have grown by half, or the default changed.

    Its vectors are made by the build's next stage, and `settle` puts it into
    use. One that is no longer better is dropped if it rests on a default
    encoder that is gone. Returns None where there is nothing to do.
    """
    with engine.connect() as connection:
        held = next((row for row in connection.execute(rows.trained(NAME)).all()), None)
        now = int(connection.execute(rows.sentence_count()).scalar_one())
    if held is None:
        return None
    stale = held.revision != adapted.revision(held.source, load_default())
    if not stale and now < _GROWN * int(held.settings.get("sentences", now)):
        return None
    try:
        report = _train(engine, seed, tally, db)
    except KbError:  # too few pairs are left
        report = None
    if report is None or not report.kept:
        with engine.begin() as connection:
            if stale:
                rows.drop_trained(connection, NAME)
                others = [row.name for row in connection.execute(store.models())]
                if held.active and others:
                    store.activate(connection, others[0])
            else:
                rows.set_trained(connection, NAME, {**held.settings, "sentences": now})
    return report


def settle(engine: Engine) -> None:
    """Put a newly trained encoder, all claims embedded, in the place of the older one and into use, in one step."""
    with engine.begin() as connection:
        if connection.execute(rows.trained(NEXT)).first() is not None:
            rows.drop_trained(connection, NAME)
            rows.rename_trained(connection, NEXT, NAME)
            store.activate(connection, NAME)


def _train(engine: Engine, seed: int, tally: Tally, db: Path) -> TrainReport:
    texts, pairs = neighbours(engine)
    learnt, held = _parted(pairs, texts)
    if len(pairs) < FEWEST_PAIRS or not len(held):
        raise KbError(f"{db}: {len(pairs)} pairs of neighbouring sentences are too few to train on; add posts")
    sections = headings(engine)
    base = load_default()
    vocabulary: dict[str, int] = {}
    bags = Bags.of(_counted(texts, tally), vocabulary)
    asked = Bags.of(map(word_counts, sections), vocabulary)
    start = np.stack([base.word_vector(word) for word in vocabulary])
    told = partial(tally.told, "train")
    table = adapt.fit(start, bags, learnt, epochs=_EPOCHS, batch=_BATCH, rate=_RATE, seed=seed, told=told)
    stored = table.astype("<f2")
    ready: Vectors = stored.astype(np.float32)
    before, after = reciprocal_rank(start, bags, held), reciprocal_rank(ready, bags, held)
    places = {text: place for place, text in enumerate(texts)}
    wanted = [np.array([places[text] for text in under], np.int32) for under in sections.values()]
    found = [found_under(one, asked, bags, wanted) if sections else None for one in (start, ready)]
    better = after > before and (found[0] is None or found[1] is None or found[1] >= found[0])
    words = sorted(vocabulary)
    vectors = [stored[vocabulary[word]].tobytes() for word in words]
    digest = hashlib.blake2b("\n".join(words).encode("utf-8", "surrogatepass") + b"".join(vectors), digest_size=8)
    source = adapted.PREFIX + digest.hexdigest()
    revision = adapted.revision(source, base)
    if better:
        with engine.begin() as connection:
            rows.drop_trained(connection, NEXT)
            count = int(connection.execute(rows.sentence_count()).scalar_one())
            model_id = store.put_model(connection, NEXT, source, revision, base.dim, {"sentences": count, "seed": seed})
            rows.put_encoder_words(connection, model_id, zip(words, vectors, strict=True))
    return TrainReport(len(learnt), len(held), len(words), before, after, found[0], found[1], better, revision)


def headings(engine: Engine) -> dict[str, list[str]]:
    """Return headings and the sentences under each, at most 500; the same ones for the same posts.

    No training pair holds a heading, so what is found by one was not learnt.
    """
    sections: dict[tuple[int, int, str], list[str]] = {}
    under: list[str] | None = None
    last = -1
    with engine.connect() as connection:
        for place, (post, _, plain, kind) in enumerate(connection.execute(rows.said_in_order())):
            if post != last:
                under, last = None, post
            if kind == "heading":
                under = sections.setdefault((post, place, plain), [])
            elif kind != "label" and under is not None:
                under.append(plain)
    merged: dict[str, list[str]] = {}
    for (_, _, heading), texts in sections.items():
        merged.setdefault(heading, []).extend(texts)
    filled = {heading: list(dict.fromkeys(texts)) for heading, texts in merged.items() if texts}
    order = sorted(filled, key=lambda one: hashlib.blake2b(one.encode("utf-8", "surrogatepass")).digest())
    return {heading: filled[heading] for heading in order[:_MOST_HEADINGS]}


def found_under(table: Vectors, asked: Bags, bags: Bags, wanted: list[npt.NDArray[np.int32]]) -> float:
    """Return the mean nDCG@10 of what is found by `asked` (n texts) among all that is `wanted`: texts of `bags` each.

    Järvelin and Kekäläinen 2002, with gains of 0 and 1.
    """
    every = np.unique(np.concatenate(wanted))[:_MOST_FOUND]
    scores = unit(asked.sums(table)) @ unit(bags.take(every).sums(table)).T
    gains = 1 / np.log2(np.arange(10) + 2)
    total = 0.0
    for row, own in zip(scores, wanted, strict=True):
        best = np.argsort(-row, kind="stable")[:10]
        right = np.isin(every[best], own)
        total += float(gains[: len(right)] @ right / gains[: min(10, len(own))].sum())
    return total / len(wanted)


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
