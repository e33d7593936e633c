"""The one orchestrator: brings a database up to date with folders of posts.

Stages in order, each in transactions of its own that leave the database whole:
scan, read (a post is replaced together with the claims it touches), merge,
parts (names, figures, dates), index, train (the encoder, on the posts), embed,
links, topics. A build may be killed at any moment: readers see the last
committed state, and the next build finishes what was left.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from kb import config, fts, posts, schema, store
from kb.config import Settings
from kb.errors import DatabaseError, NotFoundError, SourceError
from kb.lock import exclusive
from kb.pipeline import derive, events, links, merge, parts, plan, train
from kb.pipeline import topics as subjects
from kb.pipeline.heard import Heard, along
from kb.pipeline.plan import Job
from kb.pipeline.pool import Workers, seldom_collected
from kb.pipeline.report import BuildReport, Progress, Tally
from kb.posts import Fault
from kb.store import PostRows

__all__ = ["BuildReport", "Progress", "build", "split"]

_BATCH_POSTS = 8
_BATCH_SENTENCES = 4_000
_FEW_POSTS = 6  # not worth starting processes for


def build(
    sources: Sequence[Path],
    db: Path,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    topics: Path | None = None,
) -> BuildReport:
    """Read posts and bring the database up to date: new, changed and deleted files only.

    A file that cannot be read is named in the report and the rest is built; if
    it could be read before, that reading is kept. Posts of folders that are not
    among `sources` are left alone.

    Args:
        sources: folders, searched to any depth, and files.
        db: the database file; made if it is not there, upgraded if it is older.
        settings: how posts are read; a change reads all of them again.
        progress: called as (stage, done, total).
        workers: reading processes, one a processor by default; with 1 all is done here.
        topics: the file of curated topics, remembered for the builds that follow ("default" goes back to
            the shipped one); without it `$KB_TOPICS`, else the file used last.

    Raises:
        SourceError: none of the sources exists.
        DataFileError: the file of topics cannot be read or breaks a rule.
        LockedError: another build holds the database.
        DatabaseError: the database cannot be written, or is not one of ours.
    """
    if not any(source.exists() for source in sources):
        raise SourceError(sources[0] if sources else ".", "no such file or folder; name a folder of Markdown posts")
    tally = Tally(progress)
    start = time.perf_counter()
    with _plain_errors(db), exclusive(db), seldom_collected():
        schema.prepare(db)
        engine = schema.engine(db, writable=True)
        try:
            listed = subjects.listing(engine, topics)  # first of all: a slip in it should not cost a long wait
            with Workers(workers) as crew:
                phrases = _run(engine, sources, db, settings or Settings(), tally, crew)
                subjects.timed(engine, tally, listed, crew, phrases)
            with tally.timed("events"):
                events.record(engine, tally)
            tally.seconds["total"] = time.perf_counter() - start
            return _finish(engine, db, tally)
        finally:
            engine.dispose()


def split(db: Path, claim: str, *, undo: bool = False) -> int:
    """Take a claim apart into the wordings that were merged into it, or let them be merged again.

    Later builds respect it.

    Args:
        db: the database.
        claim: the claim's key; with `undo` that of any wording that was set apart.
        undo: take back what was set apart.

    Returns:
        How many pairs of wordings were set apart, or may be merged again.

    Raises:
        NotFoundError: there is no such claim, or nothing was merged into it (or set apart from it).
        LockedError: a build is running.
    """
    schema.connect(db, writable=True).close()
    tally = Tally(None)
    with _plain_errors(db), exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            listed = subjects.listing(engine)
            with engine.begin() as connection:
                changed = (store.unsplit if undo else store.split)(connection, claim)
            if not changed:
                state = "set apart from it" if undo else "merged into it"
                raise NotFoundError(
                    f"{db}: no claim {claim}, or nothing was {state}; kb duplicates lists what was merged"
                )
            with Workers(1) as crew:
                _derive(engine, db, tally, crew, Heard(), learn=False)
                subjects.timed(engine, tally, listed, crew)
        finally:
            engine.dispose()
    return changed


@contextmanager
def _plain_errors(db: Path) -> Iterator[None]:
    """Turn what SQLite complains of (a full disk, a damaged file) into one line that names the file."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseError(f"{db}: {error.orig}") from error
    except sqlite3.Error as error:
        raise DatabaseError(f"{db}: {error}") from error


def _run(
    engine: Engine, sources: Sequence[Path], db: Path, settings: Settings, tally: Tally, workers: Workers
) -> subjects.Phrases:
    """Run the stages in order, up to that of topics, and return the noun phrases that it will ask for."""
    reading = settings.fingerprint()
    with engine.begin() as connection:
        names = [os.fsencode(source.resolve()).decode("utf-8", "replace") for source in sources]
        tally.build_id = store.begin_build(connection, config.VERSION, names, asdict(settings))
    with tally.timed("scan"):
        with engine.connect() as connection:
            known = [plan.Known(*row) for row in connection.execute(store.post_states())]
        todo = plan.make(sources, known, reading, partial(tally.told, "scan"))
        tally.faults.extend(todo.faults)
        tally.add(
            new_posts=todo.new,
            changed_posts=len(todo.read) - todo.new,
            unchanged_posts=todo.unchanged,
            removed_posts=len(todo.remove),
            new_embeddings=0,
        )
    with tally.timed("read"):
        if todo.remove or todo.move:
            with engine.begin() as connection:
                store.remove(connection, todo.remove)
                for post_id, root in todo.move:
                    store.move(connection, [post_id], root)
        heard, phrases = _read_posts(engine, todo.read, settings, tally, workers)
    _derive(engine, db, tally, workers, heard)
    return phrases


def _derive(engine: Engine, db: Path, tally: Tally, workers: Workers, heard: Heard, *, learn: bool = True) -> None:
    """Run the stages that follow from what is in the database: each does what is missing; `learn` lets it train."""
    with tally.timed("merge"):
        merge.merge(engine, tally, workers)
    with tally.timed("parts"):
        parts.read_parts(engine, tally, workers)
    with tally.timed("index"):
        derive.terms(engine, db, tally, workers)
    if learn:
        with tally.timed("train"):
            train.learn(engine, tally, db, workers, heard)
    with tally.timed("embed"):
        derive.vectors(engine, tally, workers, heard)
        train.settle(engine, replace=True)
        heard.forget()
    with tally.timed("links"):
        links.tie(engine, tally, workers)


def _read_posts(
    engine: Engine, jobs: Sequence[Job], settings: Settings, tally: Tally, workers: Workers
) -> tuple[Heard, subjects.Phrases]:
    """Read posts in processes, one at a time each, and write them in batches; an interrupt keeps what was read.

    Returns:
        The words of their sentences, and the noun phrases of claims by their texts' hashes: of the first that
        were read, where they are very many.
    """
    batch: list[PostRows] = []
    heard = Heard()
    phrases: dict[str, tuple[tuple[str, str, bool], ...]] = {}

    def write() -> None:
        if batch:
            with engine.begin() as connection:
                store.replace(connection, batch)
                store.put_along(connection, (a for post in batch for a in post.along), fts.VERSION)
            if len(phrases) < subjects.MOST_PHRASES:
                phrases.update((a.text_hash, a.phrases) for post in batch for a in post.along)
            batch.clear()

    results = workers.each(partial(read_post, settings=settings), jobs, here=len(jobs) < _FEW_POSTS)
    try:
        for done, result in enumerate(results, 1):
            if isinstance(result, Fault):
                tally.faults.append(result)
            else:
                heard.put(result.said)
                batch.append(replace(result, said=()))
                if result.post["fault"]:
                    tally.faults.append(Fault(result.post["path"], result.post["fault"]))
            if len(batch) >= _BATCH_POSTS or sum(len(post.sentences) for post in batch) >= _BATCH_SENTENCES:
                write()
            tally.told("read", done, len(jobs))
    finally:
        write()
    return heard, phrases


def read_post(job: Job, settings: Settings) -> PostRows | Fault:
    """Read one file into rows, or return why it cannot be read. Runs in any process."""
    from kb import reading

    try:
        source = posts.load(job.file, job.path)
        front = posts.front_matter(source.text)
        info = posts.info(job.path, front, source.text[front.body_start :])
        if not source.text.strip():
            info = replace(info, fault="is empty")
        notes = reading.annotate(source.text, title=info.title, settings=settings)
        rows = store.rows(source, info, notes, root=job.root, reading=settings.fingerprint())
        said = along(sentence["plain"] for sentence in rows.sentences)
        return replace(rows, along=parts.along(rows, parts.fingerprint()), said=said)
    except SourceError as error:
        return Fault(job.path, error.reason)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one post must not end the build of the others
        what = "quotes or lists nested too deeply" if isinstance(error, RecursionError) else f"{error!r}"
        return Fault(job.path, f"cannot be read, by a fault of this program: {what}; please report it with the file")


def _finish(engine: Engine, db: Path, tally: Tally) -> BuildReport:
    """Log the build's end, and tidy up after one that changed much."""
    with engine.begin() as connection:
        held = store.counts(connection)
        counts = {**held, **tally.counts, "faults": len(tally.faults)}
        report = BuildReport(str(db), counts, tally.seconds, tuple(tally.faults), tuple(tally.notes), tally.encoder)
        store.end_build(connection, tally.build_id, counts, tally.seconds, report.to_dict()["faults"])
    plain = schema.connect(db, writable=True)
    try:
        plain.execute("PRAGMA optimize")
        plain.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        plain.close()
    return report
