"""What the pages show, read through `kb`'s own functions; plain values, ready for a template.

Every method blocks: the plugin runs them in threads. What needs a walk over the
whole database (counts, topics) is kept until the file changes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kb import schema
from kb.config import DEFAULT_DB
from kb.errors import DatabaseError, KbError, ModelError, NotFoundError, near
from kb.records import CLAIM_KINDS, Hit, PostHit
from kb.search import Filters, Options, lookups
from kb.server import queries
from kb.server.chart import months
from kb.server.marks import marked, readable
from kb.text import is_japanese

if TYPE_CHECKING:
    from kb.base import KnowledgeBase

_T = TypeVar("_T")
_WARM = "電力"
_NEWEST = 10
_SHOWN = 8  # claims of a kind on the first page of a topic
PAGE = 100  # claims on a page of one kind
POSTS = 50  # posts that a topic page lists
CONTEXTS = 5  # places of a claim that are shown with what stands around them
LEDGER = 250  # rows of what was left out that an article shows


class Site:
    """One database as the pages see it. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened when the first page asks for it."""
        self.path = path
        self._lock = threading.RLock()
        self._base: KnowledgeBase | None = None
        self._watch: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._seen = 0
        self._version = 0
        self._kept: dict[str, tuple[int, Any]] = {}

    def close(self) -> None:
        """Close the database; the next call opens it again."""
        with self._lock:
            if self._base is not None:
                self._base.close()
            if self._watch is not None:
                self._watch.close()
            self._base = self._watch = None
            self._kept.clear()

    def base(self) -> KnowledgeBase:
        """Return the open database; another file under the same name is noticed.

        Raises:
            DatabaseError: missing, damaged or not ours.
            SchemaError: a newer `kb` wrote it, or it is older and cannot be upgraded.
        """
        return self._fresh()[0]

    def _fresh(self) -> tuple[KnowledgeBase, int]:
        """Return the open database and a number that grows with every change of the file."""
        with self._lock:
            try:
                state = self.path.stat()
                file = (state.st_dev, state.st_ino)
            except OSError:
                file = (0, 0)
            try:
                if file != self._file or self._base is None or self._watch is None:
                    self._open(file)
                elif (seen := _data_version(self._watch)) != self._seen:
                    schema.connect(self.path).close()  # raises where another kb has changed the schema meanwhile
                    self._seen = seen
                    self._version += 1
            except sqlite3.DatabaseError as error:
                self.close()
                raise DatabaseError(f"{self.path}: cannot be read: {error}; check it with: kb verify") from error
            assert self._base is not None
            return self._base, self._version

    def _open(self, file: tuple[int, int]) -> None:
        """Open the database afresh; `file` is the device and number of the file that is there now."""
        import kb

        self.close()
        self._base = kb.open(self.path)
        self._watch = schema.connect(self.path)
        self._file, self._seen = file, _data_version(self._watch)
        self._version += 1

    def _keep(self, name: str, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what `ask` finds, from memory if the file has not changed since it was asked last."""
        base, version = self._fresh()
        with self._lock:
            held = self._kept.get(name)
        if held is not None and held[0] == version:
            found: _T = held[1]
            return found
        found = base.read(ask)
        with self._lock:
            if len(self._kept) > 200:
                self._kept.clear()
            self._kept[name] = (version, found)
        return found

    def warm(self) -> None:
        """Load dictionary, index and model, so that the first visitor does not wait for them."""
        with contextlib.suppress(KbError):
            self.home()
            self.base().search(_WARM, limit=1)

    def numbers(self) -> dict[str, Any]:
        """Return how much the database holds: see `kb.search.lookups.stats`, and more counts."""
        return self._keep("numbers", queries.numbers)

    def topics(self) -> list[dict[str, Any]]:
        """Return every topic with its counts, those with most claims first."""
        found = self._keep("topics", lookups.topics)
        return sorted(found, key=lambda topic: (-topic["claims"], topic["slug"]))

    def home(self) -> dict[str, Any]:
        """Return what the first page shows."""
        return {
            "numbers": self.numbers(),
            "topics": [topic for topic in self.topics() if topic["claims"]],
            "articles": self._keep("newest", lambda conn: queries.newest(conn, _NEWEST)),
        }

    def search(self, query: str, options: Options) -> dict[str, Any]:
        """Return results ready to show: `hits` or `posts`, `notes`, `mode` as it was answered.

        Without embeddings a search by meaning is answered by words, and a note says so.
        """
        notes: tuple[str, ...] = ()
        mode = options.mode
        try:
            results = self.find(query, options)
        except ModelError as error:
            mode, notes = "keyword", (self.told(error),)
            results = self.find(query, Options(options.limit, mode, options.group, options.filters))
        posts = [one for one in results if isinstance(one, PostHit)]
        return {
            "mode": mode,
            "notes": [*notes, *(note for note in results.notes if note not in notes)],
            "count": len(results),
            "hits": [_shown(one) for one in results if isinstance(one, Hit)],
            "posts": [
                {
                    "title": post.title or post.post,
                    "date": post.date,
                    "path": post.post,
                    "score": post.score,
                    "key": _key_of(post),
                    "claims": [_shown(hit) for hit in post.claims],
                }
                for post in posts
            ],
        }

    def find(self, query: str, options: Options) -> Any:
        """Return `kb.search.Results` of a query; raises as `KnowledgeBase.search` does."""
        f: Filters = options.filters
        search: Any = self.base().search  # overloaded by literals, which these are not
        return search(
            query,
            options.limit,
            options.mode,
            options.group,
            kind=f.kind,
            topic=f.topic,
            tag=f.tag,
            since=f.since,
            until=f.until,
            certainty=f.certainty,
            holder=f.holder,
            category=f.category,
            post=f.post,
        )

    def article_key(self, given: str) -> str:
        """Return the key of the post with this key, path or file name.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        return self.base().read(lambda conn: queries.article_key(conn, given))

    def article(self, key: str) -> dict[str, Any]:
        """Return an article as blocks of sentences, and what was left out of it.

        Raises:
            NotFoundError: there is none with this key; near paths are named.
        """
        return self.base().read(lambda conn: queries.article(conn, key, LEDGER))

    def source(self, key: str) -> str:
        """Return the text of a post as it was on disk."""
        return self.base().read(lambda conn: queries.source(conn, key))

    def markdown(self, key: str) -> str:
        """Return an article as Markdown: title, drafts joined, repeats removed."""
        shown = self.base().show(key)
        body = str(shown["article"])
        return f"# {shown['title']}\n\n{body}\n" if shown["title"] else f"{body}\n"

    def claim(self, key: str) -> dict[str, Any]:
        """Return a claim with its places, the words around them, topics and links.

        Raises:
            NotFoundError: no claim has this key; it says so and names near keys.
        """

        def ask(conn: sqlite3.Connection) -> dict[str, Any]:
            found = lookups.claim(conn, key)
            if found is None:
                raise NotFoundError(f"no claim {key!r} in this database{queries.near_claims(conn, key)}")
            places = found["occurrences"]
            for place in places[:CONTEXTS]:
                place["context"] = queries.context(conn, place["post_key"], place["start"])
            return found

        found = self.base().read(ask)
        found["lang"] = language(found["text"])
        return found

    def topic(self, slug: str, kind: str | None, page: int) -> dict[str, Any]:
        """Return a topic: counts by kind and month, claims, posts, the topics above and below.

        Args:
            slug: of the topic.
            kind: claims of this kind only, a page of them; None for the first few of every kind.
            page: of one kind's claims, from 1.

        Raises:
            NotFoundError: no such topic, with near names; or no such page.
        """
        topics = {topic["slug"]: topic for topic in self.topics()}
        if slug not in topics:
            raise NotFoundError(f"no topic {slug!r} in this database{near(slug, topics)}")
        outline = self._keep(f"topic {slug}", lambda conn: queries.topic_outline(conn, slug, POSTS))
        kinds = outline["kinds"]
        pages = -(-kinds.get(kind, 0) // PAGE) if kind else 1
        if page > max(pages, 1):
            raise NotFoundError(f"topic {slug!r} has {pages} pages of kind {kind}, not {page}")
        limit, offset = (PAGE, (page - 1) * PAGE) if kind else (_SHOWN, 0)
        wanted = [one for one in CLAIM_KINDS if kinds.get(one) and kind in (None, one)]

        def claims(conn: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
            return {one: queries.topic_claims(conn, slug, one, limit, offset) for one in wanted}

        return {
            "topic": topics[slug],
            "parent": topics.get(topics[slug]["parent"] or ""),
            "children": [topic for topic in topics.values() if topic["parent"] == slug],
            "counted": kinds,
            "present": [one for one in CLAIM_KINDS if kinds.get(one)],
            "kind": kind,
            "page": page,
            "pages": pages,
            "chart": months(outline["months"]),
            "posts": outline["posts"],
            "sections": self.base().read(claims),
        }

    def summary(self, slug: str, form: str) -> str:
        """Return the export of a topic; raises as `KnowledgeBase.export` does."""
        return self.base().export(slug, form)

    def conflicts(self, limit: int) -> list[dict[str, Any]]:
        """Return pairs of claims that contradict each other, the surest first."""
        return self._keep(f"conflicts {limit}", lambda conn: lookups.conflicts(conn, limit))

    def duplicates(self, limit: int) -> dict[str, Any]:
        """Return the claims said most often, and the posts that repeat themselves most."""
        return {
            "claims": self._keep(f"duplicates {limit}", lambda conn: lookups.duplicates(conn, limit)),
            "posts": self._keep("repeating", lambda conn: queries.repeating(conn, 20)),
        }

    def suggestions(self, given: str) -> dict[str, Sequence[Any]]:
        """Return topics and posts whose names are near `given`; nothing where the database cannot be read."""
        try:
            return {
                "topics": queries.near_topics(self.topics(), given),
                "articles": self.base().read(lambda conn: queries.near_posts(conn, given)),
            }
        except KbError:
            return {"topics": [], "articles": []}

    def told(self, error: KbError) -> str:
        """Return an error's message without the folder that the database is in: strangers read it."""
        return str(error).replace(str(self.path), self.path.name or DEFAULT_DB)


def _data_version(connection: sqlite3.Connection) -> int:
    """Return SQLite's own count of what others have committed."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def language(text: str) -> str:
    """Return the `lang` attribute of a quote."""
    return "ja" if is_japanese(text) else "en"


def _key_of(post: PostHit) -> str:
    """Return the key of a post that was found, by the claims shown with it."""
    return next((place.post_key for hit in post.claims for place in hit.occurrences if place.post == post.post), "")


def _shown(hit: Hit) -> dict[str, Any]:
    """Return a hit with its text in marked and unmarked parts."""
    return {
        "claim": hit.claim,
        "parts": marked(readable(hit.text), hit.matched),
        "lang": language(hit.text),
        "kind": hit.kind,
        "certainty": hit.certainty,
        "holder": hit.holder,
        "score": hit.score,
        "arms": {name: {"rank": arm.rank, "score": arm.score} for name, arm in hit.arms.items()},
        "matched": hit.matched,
        "posts": len({place.post for place in hit.occurrences}),
        "places": hit.occurrences,
        "place": hit.occurrences[0] if hit.occurrences else None,
    }
