"""KnowledgeBase: open a database, search it, look things up, take summaries away."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

import numpy as np
import numpy.typing as npt

from kb import schema, search
from kb.config import database_path, resource
from kb.errors import DatabaseError, ModelError, NotFoundError, UsageError
from kb.fts import Query
from kb.records import Hit, PostHit
from kb.search import Choice, Group, Mode, Options, Results, lookups
from kb.topics.facade import TopicLookups

if TYPE_CHECKING:
    from kb.embeddings import Encoder

Vectors = npt.NDArray[np.float32]
_T = TypeVar("_T")

# SQLite's connections must not be used in a forked child, nor closed there: that would drop the parent's locks.
_INHERITED: list[sqlite3.Connection] = []


@dataclass(slots=True)
class _Loaded:
    """What is read once and shared by all threads.

    `version` is the state of the file it was read from, `meaning` tells whether vectors were read too.
    """

    version: int
    meaning: bool
    index: search.SearchIndex
    synonyms: search.Synonyms
    posts: search.Wholes | None = None
    encoder: Any = None
    source: str = ""


class KnowledgeBase(TopicLookups):
    """One database, open for reading.

    Safe to use from several threads (each gets a connection of its own) and,
    after a fork, from several processes. What a build running elsewhere commits
    is seen by the next call.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, writable: bool = False) -> None:
        """Open `path`, or `$KB_DB`, or kb.db; see `open` for what is raised."""
        self.path = Path(database_path(path))
        self.writable = writable
        self._lock = threading.RLock()
        self._closed = False
        self._start()
        with self._connection():
            pass

    def _start(self) -> None:
        self._process = os.getpid()
        self._free: list[sqlite3.Connection] = []
        self._watch: sqlite3.Connection | None = None
        self._loaded: _Loaded | None = None

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; closing twice is harmless."""
        with self._lock:
            self._closed = True
            for connection in (*self._free, *filter(None, [self._watch])):
                connection.close()
            self._free.clear()
            self._watch = None
            self._loaded = None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that nobody else uses meanwhile; as many stay open as were ever lent at once."""
        if os.getpid() != self._process:
            _INHERITED.extend((*self._free, *filter(None, [self._watch])))
            self._lock = threading.RLock()
            self._start()
        with self._lock:
            if self._closed:
                raise UsageError(f"{self.path}: this knowledge base is closed; open it again with kb.open")
            connection = self._free.pop() if self._free else None
        if connection is None:
            connection = schema.connect(self.path, writable=self.writable)
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            raise DatabaseError(f"{self.path}: cannot be read: {error}; check it with: kb verify") from error
        finally:
            with self._lock:
                self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:  # by another thread, while this one was reading
            connection.close()
        else:
            self._free.append(connection)

    def _index(self, *, meaning: bool = True) -> _Loaded:
        """Return the arrays of a search, read again if the file has changed since, or vectors are wanted as well."""
        with self._lock:
            if self._watch is None:
                self._watch = schema.connect(self.path)
            (version,) = self._watch.execute("PRAGMA data_version").fetchone()
            old = self._loaded
            if old is not None and old.version == version and old.meaning >= meaning:
                return old
            meaning = meaning or (old is not None and old.meaning)
            index = search.load(self._watch, meaning=meaning)
            if old is None:
                names = search.names(resource("data", "synonyms.yml"))
                fresh = _Loaded(version, meaning, index, names)
            else:
                fresh = _Loaded(version, meaning, index, old.synonyms, encoder=old.encoder, source=old.source)
            self._loaded = fresh
            return fresh

    def _vectors(self, loaded: _Loaded, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of queries under the model of the index (queries x dim)."""
        model = loaded.index.model
        if model is None:
            raise ModelError(f"{self.path}: holds no embeddings; run: kb build")
        with self._lock:
            if loaded.encoder is None or loaded.source != model.source:
                from kb.embeddings import adapted

                loaded.encoder, loaded.source = adapted.load(model.source, self._connection), model.source
        vectors: Vectors = loaded.encoder.encode(list(texts), kind="query")
        if vectors.shape[1] != model.dim:
            made = vectors.shape[1]
            raise ModelError(
                f"{self.path}: its vectors have {model.dim} dimensions, {model.name} makes {made}; run: kb build"
            )
        return vectors

    @overload
    def search(
        self, query: str, limit: int = ..., mode: Mode = ..., group: Literal["claim"] = ..., **filters: Unpack[Choice]
    ) -> Results[Hit]: ...
    @overload
    def search(
        self, query: str, limit: int = ..., mode: Mode = ..., *, group: Literal["post"], **filters: Unpack[Choice]
    ) -> Results[PostHit]: ...
    @overload
    def search(
        self, query: list[str], limit: int = ..., mode: Mode = ..., group: Group = ..., **filters: Unpack[Choice]
    ) -> list[Results[Any]]: ...
    def search(
        self,
        query: str | list[str],
        limit: int = 10,
        mode: Mode = "hybrid",
        group: Group = "claim",
        **filters: Unpack[Choice],
    ) -> Any:
        """Find claims, or with `group="post"` the posts that say them; best first.

        Args:
            query: what to look for, or a list of such. Words may match in any
                number; "in quotes" must stand as written; -word must not;
                `"a" OR "b"` asks for one of two.
            limit: at most so many, 1 to 10,000.
            mode: by word and by meaning ("hybrid"), or by one alone
                ("keyword", "semantic"). Without embeddings, hybrid is keyword,
                and the `notes` of what is returned say so.
            group: what is ranked.
            filters: `kind` (one or several), `certainty`, `holder`, `topic` (a
                slug), `entity` (a name in the text): only such claims; `tag`, `category`, `since`, `until` (a
                date, also 2025 or 2025-09), `post` (path, key or file name):
                only such posts, and what they say.

        Returns:
            A list of `Hit` (of `PostHit`) with an attribute `notes`; for a list of queries, a list of them.

        Raises:
            UsageError: an empty query, or a value that makes no sense.
            NotFoundError: a topic, entity, tag, holder, category or post that the database does not hold.
            ModelError: `mode="semantic"` and no vectors, or the model cannot be loaded.
        """
        options = Options(limit, mode, group, search.given(filters))
        single = not isinstance(query, list | tuple)
        parsed = [search.read(one) for one in (query if isinstance(query, list | tuple) else [query])]
        with self._connection() as connection:
            loaded = self._index(meaning=mode != "keyword")
            found = self._search(connection, loaded, parsed, options)
        return found[0] if single else found

    def _search(
        self, connection: sqlite3.Connection, loaded: _Loaded, parsed: Sequence[Query], options: Options
    ) -> list[Results[Hit] | Results[PostHit]]:
        """Answer queries one by one, their vectors made together."""
        index = loaded.index
        vectors: Sequence[Vectors | None] = [None] * len(parsed)
        notes: tuple[str, ...] = ()
        if options.mode != "keyword" and index.vectors is not None and parsed:
            try:
                vectors = list(self._vectors(loaded, [loaded.synonyms.meant(one) for one in parsed]))
            except ModelError as error:
                if options.mode == "semantic":
                    raise
                notes = (f"found by words alone: {error}",)
        if options.mode != "keyword" and loaded.posts is None and notes == () and index.vectors is not None:
            loaded.posts = search.wholes(index)
        found = []
        for one, vector in zip(parsed, vectors, strict=True):
            results = search.search(connection, index, one, vector, options, loaded.synonyms, loaded.posts)
            results.notes = (*notes, *results.notes)
            found.append(results)
        return found

    def topics(self) -> list[dict[str, Any]]:
        """Return every topic with its counts: slug, names, claims, posts, discovered, parent."""
        with self._connection() as connection:
            return lookups.topics(connection)

    def show(self, ident: str) -> dict[str, Any]:
        """Return a claim (by key) or a post (by key, path or file name) with all that is known of it.

        Raises:
            NotFoundError: the database holds neither.
        """
        if not ident.strip():
            raise UsageError("name a claim or a post; 'kb search' lists claims")
        with self._connection() as connection:
            return self._show(connection, ident)

    def _show(self, connection: sqlite3.Connection, ident: str) -> dict[str, Any]:
        found = lookups.claim(connection, ident)
        if found is None:
            try:
                path = search.post_path(connection, ident)
            except NotFoundError as error:
                raise NotFoundError(str(error).replace("no post", "no claim or post", 1)) from None
            found = lookups.post(connection, path)
        if found is None:
            raise NotFoundError(f"no claim or post {ident!r} in this database")
        return found

    def duplicates(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the claims said in more than one place, with the places; those said most first."""
        with self._connection() as connection:
            return lookups.duplicates(connection, _positive(limit))

    def split(self, claim: str, *, undo: bool = False) -> int:
        """Take a claim apart into the wordings merged into it, for good; with `undo` let them be merged again.

        Returns:
            How many pairs of wordings that changed.

        Raises:
            UsageError: not opened with `writable=True`.
            NotFoundError: no such claim, or nothing was merged into it.
            LockedError: a build is running.
        """
        if not self.writable:
            raise UsageError(f"{self.path}: is open for reading; open it with kb.open(path, writable=True)")
        from kb import pipeline

        return pipeline.split(self.path, claim, undo=undo)

    def conflicts(self, limit: int = 20, *, include_dismissed: bool = False) -> list[dict[str, Any]]:
        """Return pairs of claims that contradict each other, the surest first.

        Each has `id`, `a`, `b`, `score`, `evidence`, and what a reader said of it:
        `state` (open, reviewed or dismissed) and `note`. Dismissed ones only if asked for.
        """
        with self._connection() as connection:
            return lookups.conflicts(connection, _positive(limit), include_dismissed=include_dismissed)

    def review(self, ident: str, state: str, note: str = "") -> dict[str, Any]:
        """Mark a conflict, by its id, as "reviewed" or "dismissed", or as "open" again; later builds respect it.

        Returns:
            `id`, `state` and `note` as they are now.

        Raises:
            UsageError: not opened with `writable=True`, or another state.
            NotFoundError: no such conflict; near ids are told.
            LockedError: a build is running.
        """
        if not self.writable:
            raise UsageError(f"{self.path}: is open for reading; open it with kb.open(path, writable=True)")
        from kb.pipeline import review

        return review.review(self.path, ident, review.state(state), note)

    def related(self, claim_key: str, limit: int = 10) -> list[dict[str, Any]]:
        """Return the claims tied to one: contradictions first, then the same, what says more, and what is related.

        Each has `relation`, `score`, `evidence`, `claim`, `text`, `kind`, `certainty`,
        `holder`, `posts`, `cosine`, `across` (no post says both) and `place`.

        Raises:
            NotFoundError: the database holds no such claim.
        """
        with self._connection() as connection:
            found = lookups.related(connection, claim_key, _positive(limit))
        if found is None:
            raise NotFoundError(f"no claim {claim_key!r} in {self.path}; kb search lists claims")
        return found

    def related_posts(self, post: str, limit: int = 10) -> list[dict[str, Any]]:
        """Return the articles tied to a post (by key, path or file name), the strongest tie first.

        Each has `post`, `key`, `title`, `date`, `score`, `shared`, `reasons` and
        `ties`: up to three pairs of claims that tie them.

        Raises:
            NotFoundError: the database holds no such post.
        """
        with self._connection() as connection:
            return lookups.related_posts(connection, search.post_path(connection, post), _positive(limit))

    def export(
        self, topics: str | Iterable[str] | None = None, format: str = "md", *, lang: str = "", full: bool = False
    ) -> str:
        """Return summaries of topics (all that have claims, for None) as "md", "html", "json" or "csv".

        `lang` is that of the frame, "ja" or "en" (of most posts, where none is given); with `full` no part is cut.

        Raises:
            NotFoundError: a topic that the database does not hold; near ones are named.
            UsageError: another format or language, or no topic.
        """
        from kb import export as exports  # a search need not wait for it

        named = [topics] if isinstance(topics, str) else None if topics is None else list(topics)
        with self._connection() as connection:
            return exports.export(connection, named, format, lang, full=full)

    def read(self, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what `ask` finds on a connection lent to it for reading; for views that this class does not have.

        Raises:
            DatabaseError: the database cannot be read.
        """
        with self._connection() as connection:
            return ask(connection)

    def stats(self) -> dict[str, Any]:
        """Return how much the database holds, its active model and its last build."""
        with self._connection() as connection:
            return lookups.stats(connection)


def _positive(limit: int) -> int:
    if limit < 1:
        raise UsageError(f"limit {limit!r} is no number from 1 up")
    return limit


def open(path: str | os.PathLike[str] | None = None, writable: bool = False) -> KnowledgeBase:
    """Open a database for search: `path`, or `$KB_DB`, or kb.db. An older one is upgraded first.

    Raises:
        DatabaseError: missing, damaged, or not a database of `kb`.
        SchemaError: a newer `kb` wrote it.
    """
    return KnowledgeBase(path, writable=writable)


def encoder(name: str = "default") -> Encoder:
    """Return an embedding model: `encode(texts)` gives unit vectors, (texts x dim) float32.

    Raises:
        ModelError: no such model on this machine.
    """
    from kb import embeddings

    return embeddings.load(name)
