"""The topics stage: claims are sorted into curated topics, others are discovered among the rest, all is counted.

What is missing is asked of the database: a claim's `topic_state` is the
fingerprint of the list, the discovered topics and the model it was last
assigned under, and the stage's own state is dropped whenever claims come or go.
So a build that was killed anywhere is finished by the next one, and one that
changed nothing does nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from kb import store
from kb import topics as subjects
from kb.config import NORMALISER_VERSION, resource
from kb.pipeline import derive
from kb.pipeline.pool import Workers
from kb.pipeline.report import Tally
from kb.posts import Fault
from kb.records import Topic
from kb.text import text_hash

if TYPE_CHECKING:
    from kb.embeddings import Encoder
    from kb.topics.discover import Said
    from kb.topics.phrases import Phrase

TOPICS_VERSION = 1  # raise it when the same claim and list would give other topics
SHIPPED = "default"  # what stands for the list that comes with the program, where a file may be named
ENVIRONMENT = "KB_TOPICS"
_BATCH = 4_096
_PHRASES_BATCH = 1_024
_FEW = 4  # batches that are not worth starting processes for
_LEAST_UNEXPLAINED = 200  # claims; among fewer there is nothing to discover
_GROWN, _SHRUNK = 1.25, 0.5  # of the unexplained claims of the last clustering: beyond these it is done again
_EXAMPLE_CLAIMS = 800  # of a topic, among which those are sought that stand for it
_STAGE = "topics"


@dataclass(frozen=True, slots=True)
class Listing:
    """The curated topics to use, from `path`; or with "" the shipped ones, or those that only the database still has.

    `notes` tell what is odd about the file, `fault` that it is gone.
    """

    topics: tuple[Topic, ...]
    path: str
    notes: tuple[str, ...] = ()
    fault: Fault | None = None
    remember: bool = False


def listing(engine: Engine, given: Path | None = None) -> Listing:
    """Return the curated topics: of the file given, else `$KB_TOPICS`, else the file used last, else the shipped one.

    A file that was used before and is gone is no reason to lose its topics: the
    database still holds them, and a note says so.

    Raises:
        DataFileError: the file cannot be read or breaks a rule.
    """
    asked = given or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    with engine.connect() as connection:
        kept = str(store.remembered(connection, "list").get("path", ""))
        if asked is None and kept and not Path(kept).exists():
            held = tuple(store.topic_records(connection, discovered=False))
            why = "the list of topics is gone; its topics stay as they were; name another with --topics"
            return Listing(held, "", fault=Fault(kept, why))
    if asked is not None:
        shipped = str(asked) == SHIPPED
        path = resource("data", "topics.yml") if shipped else asked.resolve()
        found, notes = subjects.read(path)
        return Listing(found, "" if shipped else str(path), notes, remember=True)
    path = Path(kept) if kept else resource("data", "topics.yml")
    found, notes = subjects.read(path)
    return Listing(found, kept, notes)


def topics(engine: Engine, tally: Tally, listed: Listing, workers: Workers) -> None:
    """Assign the claims that are new, or all where list, model or rules have changed; discover; count."""
    tally.notes.extend(listed.notes)
    if listed.fault is not None:
        tally.faults.append(listed.fault)
    work = Work(engine, tally, listed, workers)
    if not work.settled():
        work.run()


def timed(engine: Engine, tally: Tally, listed: Listing, workers: Workers) -> None:
    """Run the stage, its time told with the others'."""
    with tally.timed(_STAGE):
        topics(engine, tally, listed, workers)


@dataclass(frozen=True, slots=True)
class _Model:
    """The active model: its number in the database, its revision, and how to load it."""

    id: int
    revision: str
    load: Callable[[], Encoder]


class Work:
    """One run of the stage."""

    def __init__(self, engine: Engine, tally: Tally, listed: Listing, workers: Workers) -> None:
        self._engine, self._tally, self._listed, self._workers = engine, tally, listed, workers
        with engine.connect() as connection:
            active = next((model for model in connection.execute(store.models()) if model.active), None)
            self._found = store.topic_records(connection, discovered=True)
        self._model: _Model | None = None
        if active is not None:
            self._model = _Model(active.id, active.revision, lambda: derive.loaded(engine, active.source))
        self._encoder: _Late | None = None
        slugs = {topic.slug for topic in listed.topics}
        self._found = [topic for topic in self._found if topic.slug not in slugs]
        self._state = self._fingerprint()

    def run(self, *, afresh: bool = False) -> None:
        """Do the stage; with `afresh` topics are discovered anew, however little has changed."""
        self.put_list()
        self.assign()
        if afresh or self.stale_clusters():
            self.discover()
        else:
            self._bury()
        self.count()

    def _fingerprint(self) -> str:
        return _fingerprint(self._listed.topics, self._found, self._model.revision if self._model else "")

    def _done(self) -> str:
        """Return the stage's own state: that of the claims, and what readers see of the list."""
        shown = [[t.slug, *sorted(t.names.items())] for t in self._listed.topics]
        return f"{self._state} {text_hash(json.dumps(shown))[:16]}"

    def settled(self) -> bool:
        """Tell whether there is nothing to do."""
        with self._engine.connect() as connection:
            if store.state(connection, _STAGE) != self._done() or self._listed.remember:
                return False
            return connection.execute(store.claims_without_topics(self._state).limit(1)).first() is None

    def put_list(self) -> None:
        """Bring the curated topics in line with the list."""
        with self._engine.begin() as connection:
            before = {topic.slug for topic in store.topic_records(connection, discovered=True)}
            store.put_topics(connection, self._listed.topics)
            if self._listed.remember:
                if self._listed.path:
                    store.remember(connection, "list", {"path": self._listed.path})
                else:
                    store.forget(connection, "list")
            adopted = [topic for topic in self._listed.topics if topic.slug in before]
            told = ((topic.slug, "adopted", {"names": dict(topic.names)}) for topic in adopted)
            store.topic_events(connection, self._tally.build_id, told)

    def assign(self) -> None:
        """Assign the claims that were not assigned in the present state."""
        with self._engine.connect() as connection:
            pending = [(row.id, row.text) for row in connection.execute(store.claims_without_topics(self._state))]
            ids = store.topic_ids(connection)
        both = [*self._listed.topics, *self._found]
        done = 0
        for batch in _batches(pending, _BATCH):
            found = self._assigned(batch, both)
            links = ((batch[at][0], ids[slug], score, evidence) for at, slug, score, evidence in found)
            with self._engine.begin() as connection:
                store.put_topic_links(connection, [claim for claim, _ in batch], links, self._state)
            done += len(batch)
            self._tally.told(_STAGE, done, len(pending))

    def _assigned(self, batch: Sequence[tuple[int, str]], both: Sequence[Topic]) -> list[subjects.Assignment]:
        texts = [text for _, text in batch]
        with self._engine.connect() as connection:
            beside = store.around(connection, [claim for claim, _ in batch])
        around = [subjects.Around(*beside.get(claim, ("", ""))) for claim, _ in batch]
        return subjects.assign(texts, both, self._held(texts), around)

    def _held(self, texts: Sequence[str]) -> _Held | None:
        """Return the active model, knowing already what the database holds of `texts`."""
        if self._model is None:
            return None
        if self._encoder is None:
            self._encoder = _Late(self._model.load)
        return _Held(self._engine, self._model.id, self._encoder, texts)

    def stale_clusters(self) -> bool:
        """Tell whether the unexplained claims have grown or shrunk so much that topics are discovered anew."""
        with self._engine.connect() as connection:
            kept = store.remembered(connection, "clusters")
            now = store.count_unexplained(connection)
        if not kept:
            return now >= _LEAST_UNEXPLAINED
        if kept.get("version") != TOPICS_VERSION:
            return True
        return not kept["claims"] * _SHRUNK <= now <= kept["claims"] * _GROWN

    def discover(self) -> None:
        """Find topics among the unexplained claims; those that were there before keep slug and history."""
        from kb.topics import discover, identity, naming

        with self._engine.connect() as connection:
            rows = connection.execute(store.unexplained()).all()
            posts = store.counts(connection)["posts"]
            old = store.topic_members(connection, discovered=True)
            taken = store.slugs_ever(connection) | {topic.slug for topic in self._listed.topics}
        clusters: list[discover.Cluster] = []
        if len(rows) >= _LEAST_UNEXPLAINED:
            chosen = [rows[place] for place in discover.sample([row.key for row in rows])]
            said, vectors = self._said(chosen)
            clusters = discover.discover(said, vectors, self._listed.topics, posts, self._phrases(said))
            keys = [{chosen[place].key for place in cluster.members} for cluster in clusters]
        kept = identity.match(old, keys) if clusters else []
        known = {topic.slug: topic for topic in self._found}
        names = naming.settle(clusters, [known.get(slug or "") for slug in kept], self._listed.topics)
        slugs = naming.slugs(names, kept, taken)
        was = {topic.slug: topic.names["ja"] for topic in self._found}
        self._found = discover.as_topics(clusters, slugs, names)
        renamed = {t.slug: (was[t.slug], t.names["ja"]) for t in self._found if t.slug in was}
        self._rewrite(old, len(rows), renamed)

    def _rewrite(self, old: Mapping[str, set[str]], unexplained: int, renamed: Mapping[str, tuple[str, str]]) -> None:
        """Write the discovered topics, whose claims they are, and what became of the old ones: all of it or nothing."""
        from kb.topics import identity

        with self._engine.connect() as connection:
            everything = connection.execute(store.claims_of_topics()).all()
        links = self._by_term(everything)
        state = self._fingerprint()
        with self._engine.begin() as connection:
            ids = store.put_discovered(connection, self._found)
            store.put_discovered_links(connection, ((claim, ids[slug], s, e) for claim, slug, s, e in links))
            new = store.topic_members(connection, discovered=True)
            told = identity.events(old, new, renamed)
            store.topic_events(connection, self._tally.build_id, told)
            store.remember(connection, "clusters", {"claims": unexplained, "version": TOPICS_VERSION})
            store.restate(connection, self._state, state)
        self._state = state

    def _bury(self) -> None:
        """Drop the discovered topics whose last claim is gone."""
        with self._engine.begin() as connection:
            held = store.topic_members(connection, discovered=True)
            left = [topic for topic in self._found if held.get(topic.slug)]
            if len(left) == len(self._found):
                return
            gone = sorted(topic.slug for topic in self._found if topic not in left)
            self._found, before = left, self._state
            self._state = self._fingerprint()
            store.put_discovered(connection, left)
            store.topic_events(connection, self._tally.build_id, ((slug, "died", {"claims": 0}) for slug in gone))
            store.restate(connection, before, self._state)

    def _by_term(self, claims: Sequence[Any]) -> list[tuple[int, str, float, tuple[str, ...]]]:
        """Return (claim, slug, score, evidence) of all claims that hold a term of a discovered topic."""
        found = []
        for batch in _batches(claims, _BATCH):
            for at, slug, score, evidence in subjects.assign([row.text for row in batch], self._found):
                found.append((int(batch[at].id), slug, score, evidence))
        return found

    def _said(self, rows: Sequence[Any]) -> tuple[list[Any], npt.NDArray[np.float32] | None]:
        """Return what `discover` asks for: claims with their posts, and their vectors."""
        from kb.topics.discover import Said

        posts: dict[int, set[int]] = {}
        with self._engine.connect() as connection:
            for claim, post in connection.execute(store.posts_of_claims([row.id for row in rows])):
                posts.setdefault(claim, set()).add(post)
        said = [Said(row.text, tuple(sorted(posts.get(row.id, ())))) for row in rows]
        texts = [row.text for row in rows]
        held = self._held(texts)
        return said, held.encode(texts) if held is not None else None

    def _phrases(self, said: Sequence[Said]) -> list[list[Phrase]]:
        """Return the noun phrases of each claim."""
        from kb.topics.phrases import phrases_of_all

        batches = list(_batches([claim.text for claim in said], _PHRASES_BATCH))
        made = self._workers.each(phrases_of_all, batches, here=len(batches) < _FEW)
        return [phrases for batch in made for phrases in batch]

    def count(self) -> None:
        """Count everything anew, and note that the stage is done."""
        from kb.topics import counting

        with self._engine.connect() as connection:
            counter = counting.Counter(store.counted_rows(connection))
            kept = store.counted_before(connection)
        examples: dict[int, Sequence[str]] = {}
        for topic in counter.topics:
            members = counter.members(topic, _EXAMPLE_CLAIMS)
            same = kept.get(topic, {}).get("members") == counter.fingerprint(topic)
            examples[topic] = kept[topic]["examples"] if same else self._examples(members)
        with self._engine.begin() as connection:
            store.put_counted(connection, counter.stats(examples), counter.shared())
            store.put_state(connection, _STAGE, self._done())

    def _examples(self, claims: Sequence[int]) -> list[str]:
        """Return the keys of the claims that stand for a topic."""
        from kb.topics import counting

        with self._engine.connect() as connection:
            rows = sorted(connection.execute(store.texts_of(claims)).all(), key=lambda row: str(row.key))
        texts = [row.text for row in rows]
        held = self._held(texts) if texts else None
        return counting.examples([row.key for row in rows], texts, held.encode(texts)) if held is not None else []


class _Late:
    """A model that is loaded when the first vector is asked of it that nobody holds, which is seldom."""

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._made: Encoder | None = None

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return a vector a text (texts x dim)."""
        if self._made is None:
            self._made = self._load()
        return self._made.encode(list(texts), kind="document")  # as the vectors that the database holds were made


class _Held:
    """An encoder that knows the vectors of `texts` already, from the database."""

    def __init__(self, engine: Engine, model_id: int, encoder: _Late, texts: Sequence[str]) -> None:
        self._encoder = encoder
        with engine.connect() as connection:
            blobs = connection.execute(store.vectors(model_id, [text_hash(text) for text in texts]))
            self._vectors = {row.text_hash: np.frombuffer(row.vector, dtype="<f4") for row in blobs}

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return a vector a text (texts x dim), made only where the database has none."""
        keys = [text_hash(text) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        made = dict(zip(missing, self._encoder.encode(list(missing.values())), strict=True)) if missing else {}
        rows = [made[key] if key in made else self._vectors[key] for key in keys]
        return np.array(rows, dtype=np.float32).reshape(len(rows), -1)


def _fingerprint(listed: Sequence[Topic], found: Sequence[Topic], revision: str) -> str:
    """Return the fingerprint of what decides the topics of a claim, its text and what stands around it aside."""
    names = resource("data", "synonyms.yml").read_bytes()  # what a topic is called is known from there, too
    both = (*listed, *found)
    shown = [[t.slug, list(t.aliases), list(t.seeds), list(t.exclude), t.parent, t.discovered] for t in both]
    parts = [json.dumps(shown).encode(), names, revision.encode(), f"{NORMALISER_VERSION} {TOPICS_VERSION}".encode()]
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[i : i + size] for i in range(0, len(items), size))
