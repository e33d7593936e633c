"""Working on topics between builds: an edited list, clustering anew, a discovered topic made a curated one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from kb import config, schema, store
from kb.errors import DataFileError, NotFoundError, UsageError, near
from kb.lock import exclusive
from kb.pipeline.pool import Workers
from kb.pipeline.report import Progress, Tally
from kb.pipeline.topics import Listing, Work, listing
from kb.records import Topic
from kb.topics import entry as writing
from kb.topics import lookups

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """How many claims a topic has now, and how many it won and lost."""

    slug: str
    claims: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What applying a list did: slugs added, changed and removed, and the topics whose claims are others now."""

    path: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[Moved, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return asdict(self)


def sync(db: Path, file: Path | None = None, progress: Progress | None = None) -> Synced:
    """Apply an edited list of topics: only the topics stage runs.

    Args:
        db: the database.
        file: the list, remembered for later builds ("default": the shipped one); None for the one in use.
        progress: called as (stage, done, total).

    Raises:
        DataFileError: the file breaks a rule; nothing is changed.
        LockedError: a build is running.
    """
    return _run(db, file, progress, lambda work: None if work.settled() else work.run())


def discover(db: Path, progress: Progress | None = None) -> Synced:
    """Discover topics anew, however little has changed; those that are found again keep slug and history."""
    return _run(db, None, progress, lambda work: work.run(afresh=True))


def _run(db: Path, file: Path | None, progress: Progress | None, do: Callable[[Work], None]) -> Synced:
    """Run the topics stage in a build of its own, and tell what it changed."""
    with _writing(db) as engine:
        listed = listing(engine, file)
        if listed.fault is not None:
            raise DataFileError(f"{listed.fault.path}: {listed.fault.reason}".replace("--topics", "--file"))
        tally = Tally(progress)
        work = Work(engine, tally, listed, Workers(1))
        with engine.begin() as connection:
            before = _held(store.topic_records(connection, discovered=False))
            members = store.topic_members(connection)
            tally.build_id = store.begin_build(connection, config.VERSION, [], {"command": "topics"})
        do(work)
        with engine.begin() as connection:
            now = store.topic_members(connection)
            store.end_build(connection, tally.build_id, store.counts(connection), tally.seconds, [])
        return _told(listed, before, members, now)


def _held(topics: list[Topic]) -> dict[str, Topic]:
    return {topic.slug: topic for topic in topics}


def _told(listed: Listing, before: dict[str, Topic], members: dict[str, set[str]], now: dict[str, set[str]]) -> Synced:
    after = _held(list(listed.topics))
    moved = []
    for slug in sorted(now.keys() | members.keys()):
        was, has = members.get(slug, set()), now.get(slug, set())
        if was != has:
            moved.append(Moved(slug, len(has), len(has - was), len(was - has)))
    return Synced(
        listed.path or str(config.resource("data", "topics.yml")),
        tuple(slug for slug in after if slug not in before),
        tuple(slug for slug in after if slug in before and before[slug] != after[slug]),
        tuple(slug for slug in before if slug not in after),
        tuple(moved),
        listed.notes,
    )


def adopt(db: Path, given: str, file: Path | None = None) -> tuple[str, str | None]:
    """Make a discovered topic a curated one: its entry goes to the end of the user's list, which is then applied.

    Args:
        db: the database.
        given: slug or name of the topic.
        file: the list to write to; where it is not there yet it is begun with the topics now in use. None
            for the list in use, if it is not the one that comes with the program.

    Returns:
        The entry, and the path it was put into: None where there is no file to write to, and nothing was done.

    Raises:
        NotFoundError: no such topic, or it is curated already.
        DataFileError: the file cannot be written or breaks a rule.
    """
    with _writing(db) as engine:
        listed = listing(engine)
        slug = _slug(db, given)
        with engine.connect() as connection:
            known = _held(store.topic_records(connection, discovered=True))
        if slug not in known:
            raise NotFoundError(f"topic {slug!r} is curated already{near('', known) if len(known) < 7 else ''}")
    topic, remarks = _listed(db, known[slug])
    written = writing.entry(topic, remarks=remarks)
    target = file or (Path(listed.path) if listed.path else None)
    if target is None:
        return written, None
    _write(target, listed, topic, written)
    sync(db, target)
    return written, str(target)


def _write(target: Path, listed: Listing, topic: Topic, written: str) -> None:
    shipped = config.resource("data", "topics.yml")
    if target.exists() and target.resolve() == shipped.resolve():
        raise UsageError(f"{target}: comes with the program and is not written to; name a file of your own with --file")
    if target.exists():
        writing.append(target, written)
        return
    try:
        target.write_text(writing.file_of([*listed.topics, topic]), "utf-8")
    except OSError as error:
        raise DataFileError(f"{target}: cannot be written: {error.strerror}; name another with --file") from error


def _slug(db: Path, given: str) -> str:
    connection = schema.connect(db)
    try:
        return lookups.slug_of(connection, given)
    finally:
        connection.close()


def _listed(db: Path, topic: Topic) -> tuple[Topic, list[str]]:
    """Return a discovered topic as a curated one, and the claims that stand for it as remarks.

    It gets no seeds: quotes would draw in what is said in the same words of something else.
    """
    connection = schema.connect(db)
    try:
        page = lookups.page(connection, topic.slug)
    finally:
        connection.close()
    remarks = ["add seeds: two to four sentences that posts on it would say, such as"]
    remarks += [one.text for one in page.examples[:_EXAMPLES]]
    return Topic(topic.slug, topic.names, topic.aliases), remarks if page.examples else []


@contextmanager
def _writing(db: Path) -> Iterator[Engine]:
    """Lend an engine on a database that nobody else writes meanwhile."""
    schema.connect(db, writable=True).close()
    with exclusive(db):
        engine = schema.engine(db, writable=True)
        try:
            yield engine
        finally:
            engine.dispose()
