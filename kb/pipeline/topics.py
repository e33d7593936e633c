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
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from kb import store
from kb import topics as subjects
from kb.config import NORMALISER_VERSION, resource
from kb.pipeline import derive, topic_texts
from kb.pipeline.pool import Workers, batches_of
from kb.pipeline.report import Tally
from kb.pipeline.topic_texts import Held, Late
from kb.posts import Fault
from kb.records import Topic
from kb.text import text_hash

if TYPE_CHECKING:
    from kb.embeddings import Encoder
    from kb.topics.matching import Marks
    from kb.topics.phrases import Phrase

TOPICS_VERSION = 1  # raise it when the same claim and list would give other topics
SHIPPED = "default"  # what stands for the list that comes with the program, where a file may be named
ENVIRONMENT = "KB_TOPICS"
_FEW = 4  # batches that are not worth starting processes for
_LEAST_UNEXPLAINED = 200  # claims; among fewer there is nothing to discover
_GROWN, _SHRUNK = 1.25, 0.5  # of the unexplained claims of the last clustering: beyond these it is done again
MOST_PHRASES = 50_000  # claims whose noun phrases a build holds in memory from reading on: some 50 MB
_PHRASES_BATCH = 1_024
_TOPICS_AT_ONCE = 20  # for which examples are sought: 20 MB of vectors at most
_EXAMPLE_CLAIMS = 800  # of a topic, among which those are sought that stand for it
_STAGE = "topics"

Phrases = Mapping[str, Sequence[tuple[str, str, bool]]]  # of a claim, by the hash of its text


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


def topics(
    engine: Engine, tally: Tally, listed: Listing, workers: Workers, phrases: Phrases = MappingProxyType({})
) -> None:
    """Assign the claims that are new, or all where list, model or rules have changed; discover; count.

    `phrases` are the noun phrases that are known already.
    """
    tally.notes.extend(listed.notes)
    if listed.fault is not None:
        tally.faults.append(listed.fault)
    work = Work(engine, tally, listed, workers, phrases)
    if not work.settled():
        work.run()


def timed(
    engine: Engine, tally: Tally, listed: Listing, workers: Workers, phrases: Phrases = MappingProxyType({})
) -> None:
    """Run the stage, its time told with the others'."""
    with tally.timed(_STAGE):
        topics(engine, tally, listed, workers, phrases)


@dataclass(frozen=True, slots=True)
class _Model:
    """The active model: its number in the database, its revision, and how to load it."""

    id: int
    revision: str
    load: Callable[[], Encoder]


class Work:
    """One run of the stage."""

    def __init__(
        self,
        engine: Engine,
        tally: Tally,
        listed: Listing,
        workers: Workers,
        phrases: Phrases = MappingProxyType({}),
    ) -> None:
        self._engine, self._tally, self._listed, self._workers = engine, tally, listed, workers
        with engine.connect() as connection:
            active = next((model for model in connection.execute(store.models()) if model.active), None)
            self._found = store.topic_records(connection, discovered=True)
        self._model: _Model | None = None
        if active is not None:
            self._model = _Model(active.id, active.revision, lambda: derive.loaded(engine, active.source))
        self._encoder: Late | None = None
        self._phrases = phrases
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
        if not pending:
            return
        both = [*self._listed.topics, *self._found]
        assigner = subjects.Assigner(both, self._held([text for topic in both for text in topic.seeds]))
        done = 0
        for batch, marks in self._looked(both, pending):
            found = self._assigned(batch, marks, assigner)
            links = ((batch[at][0], ids[slug], score, evidence) for at, slug, score, evidence in found)
            with self._engine.begin() as connection:
                store.put_topic_links(connection, [claim for claim, _ in batch], links, self._state)
            done += len(batch)
            self._tally.told(_STAGE, done, len(pending))

    def _looked(
        self, topics: Sequence[Topic], claims: Sequence[tuple[int, str]]
    ) -> Iterator[tuple[Sequence[tuple[int, str]], list[Marks]]]:
        """Yield claims, some at a time, with the names of topics that the workers found in them."""
        todo = list(topic_texts.batches(topics, [text for _, text in claims]))
        made = self._workers.each(topic_texts.marks_of, todo, here=len(todo) < _FEW)
        return zip(batches_of(claims, topic_texts.BATCH), made, strict=True)

    def _assigned(
        self, batch: Sequence[tuple[int, str]], marks: Sequence[Marks], assigner: subjects.Assigner
    ) -> list[subjects.Assignment]:
        texts = [text for _, text in batch]
        with self._engine.connect() as connection:
            beside = store.around(connection, [claim for claim, _ in batch])
        around = [subjects.Around(*beside.get(claim, ("", ""))) for claim, _ in batch]
        return assigner.assign(texts, marks, self._held(texts), around)

    def _held(self, texts: Sequence[str]) -> Held | None:
        """Return the active model, knowing already what the database holds of `texts`."""
        if self._model is None:
            return None
        if self._encoder is None:
            self._encoder = Late(self._model.load)
        return Held(self._engine, self._model.id, self._encoder, texts)

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
            clusters = discover.discover(said, vectors, self._listed.topics, posts, self._phrases_of(chosen))
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
            everything = [(row.id, row.text) for row in connection.execute(store.claims_of_topics())]
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

    def _by_term(self, claims: Sequence[tuple[int, str]]) -> list[tuple[int, str, float, tuple[str, ...]]]:
        """Return (claim, slug, score, evidence) of all claims that hold a term of a discovered topic."""
        found = []
        assigner = subjects.Assigner(self._found)
        for batch, marks in self._looked(self._found, claims):
            for at, slug, score, evidence in assigner.assign([text for _, text in batch], marks):
                found.append((batch[at][0], slug, score, evidence))
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

    def _phrases_of(self, rows: Sequence[Any]) -> list[list[Phrase]]:
        """Return the noun phrases of each claim: as this build has read them, or read now."""
        from kb.topics.phrases import Phrase, phrases_of_all

        missing = {row.text_hash: row.text for row in rows if row.text_hash not in self._phrases}
        batches = list(batches_of(list(missing.values()), _PHRASES_BATCH))
        made = self._workers.each(phrases_of_all, batches, here=len(batches) < _FEW)
        fresh = dict(zip(missing, (phrases for batch in made for phrases in batch), strict=True))
        return [
            fresh[row.text_hash] if row.text_hash in fresh else [Phrase(*one) for one in self._phrases[row.text_hash]]
            for row in rows
        ]

    def count(self) -> None:
        """Count everything anew, and note that the stage is done."""
        from kb.topics import counting

        with self._engine.connect() as connection:
            counter = counting.Counter(store.counted_rows(connection))
            kept = store.counted_before(connection)
        same = {t for t in counter.topics if kept.get(t, {}).get("members") == counter.fingerprint(t)}
        members = {t: counter.members(t, _EXAMPLE_CLAIMS) for t in counter.topics if t not in same}
        examples = self._examples(members) | {topic: kept[topic]["examples"] for topic in same}
        with self._engine.begin() as connection:
            store.put_counted(connection, counter.stats(examples), counter.shared())
            store.put_state(connection, _STAGE, self._done())

    def _examples(self, members: Mapping[int, Sequence[int]]) -> dict[int, Sequence[str]]:
        """Return the keys of the claims that stand for each topic, of which `members` are given."""
        from kb.topics import counting

        found: dict[int, Sequence[str]] = {}
        for some in batches_of(list(members), _TOPICS_AT_ONCE):
            wanted = {claim for topic in some for claim in members[topic]}
            with self._engine.connect() as connection:
                said = {row.id: (row.key, row.text) for row in connection.execute(store.texts_of(wanted))}
            held = self._held([text for _, text in said.values()]) if said else None
            for topic in some:
                rows = sorted(said[claim] for claim in members[topic])
                keys, texts = [key for key, _ in rows], [text for _, text in rows]
                found[topic] = counting.examples(keys, texts, held.encode(texts)) if held and rows else []
        return found


def _fingerprint(listed: Sequence[Topic], found: Sequence[Topic], revision: str) -> str:
    """Return the fingerprint of what decides the topics of a claim, its text and what stands around it aside."""
    names = resource("data", "synonyms.yml").read_bytes()  # what a topic is called is known from there, too
    both = (*listed, *found)
    shown = [[t.slug, list(t.aliases), list(t.seeds), list(t.exclude), t.parent, t.discovered] for t in both]
    parts = [json.dumps(shown).encode(), names, revision.encode(), f"{NORMALISER_VERSION} {TOPICS_VERSION}".encode()]
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()
