"""What the pages show, read through `kb`'s own functions; plain values, ready for a template.

Every method blocks: the plugin runs them in threads.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kb import export
from kb.errors import KbError, ModelError, NotFoundError, near
from kb.records import CLAIM_KINDS, Hit, PostHit
from kb.search import Filters, Options, lookups
from kb.server import scatter
from kb.server.chart import bars, months, sparks
from kb.server.marks import cut, marked, readable
from kb.server.opening import Opened
from kb.server.original import Piece
from kb.server.queries import articles, entities, facets, overview, sets, ties
from kb.server.queries import near as nearby
from kb.text import is_japanese
from kb.topics import lookups as topic_pages

_WARM = "電力"
_NEWEST = 10
_SHOWN = 8  # claims of a kind on the first page of a topic
_NAMED = 12  # entities on the first page
_NEAR = 8  # claims near in meaning that a claim page shows
_TIED = 40  # ties that a claim page shows
_LOOKED_AT = 3  # contradictions on the first page
PAGE = 100  # claims on a page of one kind
POSTS = 30  # posts that a topic page lists
CONTEXTS = 5  # places of a claim that are shown with what stands around them
LEDGER = 100  # rows of what was left out that an article shows


class Site(Opened):
    """One database as the pages see it. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened when the first page asks for it."""
        super().__init__(path)
        self.map = scatter.Map(self)

    def warm(self) -> None:
        """Load dictionary, index and model, so that the first visitor does not wait for them."""
        with contextlib.suppress(KbError):
            self.home()
            self.base().search(_WARM, limit=1)

    def numbers(self) -> dict[str, Any]:
        """Return how much the database holds: see `kb.search.lookups.stats`, and more counts."""
        return self.keep("numbers", overview.numbers)

    def topics(self) -> list[dict[str, Any]]:
        """Return every topic with its counts and a sparkline (`spark`), those with most claims first."""

        def ask(conn: sqlite3.Connection) -> list[dict[str, Any]]:
            return sparks(overview.topics(conn))

        return self.keep("topics", ask)

    def home(self) -> dict[str, Any]:
        """Return what the first page shows."""
        return {
            "numbers": self.numbers(),
            "topics": [topic for topic in self.topics() if topic["claims"]],
            "articles": self.keep("newest", lambda conn: articles.newest(conn, _NEWEST)),
            "entities": bars(self.keep("entities", lambda conn: overview.entities(conn, _NAMED))),
            "pairs": self.conflicts(_LOOKED_AT),
        }

    def all_topics(self) -> dict[str, Any]:
        """Return every topic: `curated`, those below another one behind it (`depth`), and `discovered`."""
        every = self.topics()
        below: dict[str | None, list[dict[str, Any]]] = {}
        known = {topic["slug"] for topic in every}
        for topic in every:
            below.setdefault(topic["parent"] if topic["parent"] in known else None, []).append(topic)
        curated: list[dict[str, Any]] = []

        def walk(parent: str | None, depth: int) -> None:
            for topic in below.get(parent, ()):
                if not topic["discovered"] and all(topic["slug"] != one["slug"] for one in curated):
                    curated.append({**topic, "depth": min(depth, 3)})
                    walk(topic["slug"], depth + 1)

        walk(None, 0)
        return {"curated": curated, "discovered": [topic for topic in every if topic["discovered"]]}

    def search(self, query: str, options: Options) -> dict[str, Any]:
        """Return results ready to show: `hits` or `posts`, `facets`, `notes`, `mode` as it was answered.

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
            "close": results.close,
            "count": len(results),
            "pool": len(results.pool),
            "facets": self.base().read(lambda conn: facets.counted(conn, results.pool)),
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
            entity=f.entity,
            tag=f.tag,
            since=f.since,
            until=f.until,
            certainty=f.certainty,
            holder=f.holder,
            category=f.category,
            post=f.post,
        )

    def found(self, query: str, results: Iterable[Any], form: str) -> str:
        """Return the results of a search as a summary in one of `kb.export.FORMATS`."""
        hits = [hit for one in results for hit in (one.claims if isinstance(one, PostHit) else (one,))]
        scores = [(hit.claim, hit.score) for hit in {hit.claim: hit for hit in hits}.values()]
        return export.render(self.base().read(lambda conn: export.read(conn, (), found=(query, scores))), form)

    def named(self, filters: Filters) -> dict[str, str]:
        """Return how the entity and the post of filters are called."""
        return self.base().read(lambda conn: facets.named(conn, filters.entity, filters.post))

    def article_key(self, given: str) -> str:
        """Return the key of the post with this key, path or file name.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        return self.base().read(lambda conn: articles.article_key(conn, given))

    def article(self, key: str) -> dict[str, Any]:
        """Return an article as blocks of sentences, what others say on it, and what was left out of it.

        Raises:
            NotFoundError: there is none with this key; near paths are named.
        """
        return self.base().read(lambda conn: articles.article(conn, key, LEDGER))

    def reading(self, key: str, *, original: bool) -> dict[str, Any]:
        """Return an `article`, and with `original` the `pieces` of its source, else None for them."""
        return {"article": self.article(key), "pieces": self.original(key) if original else None}

    def source(self, key: str) -> str:
        """Return the text of a post as it was on disk."""
        return self.base().read(lambda conn: articles.source(conn, key))

    def original(self, key: str) -> list[Piece]:
        """Return the text of a post as it was on disk, cut into what was kept and what was left out."""
        return self.base().read(lambda conn: articles.original(conn, key))

    def markdown(self, key: str) -> str:
        """Return an article as Markdown: title, drafts joined, repeats removed."""
        shown = self.base().show(key)
        body = str(shown["article"])
        return f"# {export.markdown_text(shown['title'])}\n\n{body}\n" if shown["title"] else f"{body}\n"

    def claim(self, key: str) -> dict[str, Any]:
        """Return a claim with its places, the words around them, its parts, topics, links and nearest claims.

        Raises:
            NotFoundError: no claim has this key; it says so and names near keys.
        """

        def ask(conn: sqlite3.Connection) -> dict[str, Any]:
            found = lookups.claim(conn, key)
            if found is None:
                raise NotFoundError(f"no claim {key!r} in this database{nearby.near_claims(conn, key)}")
            places = found["occurrences"]
            for place in places[:CONTEXTS]:
                place["context"] = articles.context(conn, place["post_key"], place["start"])
            (claim_id,) = conn.execute("SELECT id FROM claims WHERE key = ?", (key,)).fetchone()
            found["tied"] = lookups.related(conn, key, _TIED) or []
            found["near"] = ties.near_claim(conn, claim_id, _NEAR)
            return found

        found = self.base().read(ask)
        dismissed = self.keep("dismissed", overview.dismissed)
        found["tied"] = [
            tie for tie in found["tied"] if tie["relation"] != "conflict" or {key, tie["claim"]} not in dismissed
        ]
        found["lang"] = language(found["text"])
        return found

    def topic(self, slug: str, kind: str | None, page: int) -> dict[str, Any]:
        """Return a topic: counts by kind and month, claims, posts, the topics above, below and beside.

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
        (ident,) = self.base().read(
            lambda conn: conn.execute("SELECT id FROM topics WHERE slug = ?", (slug,)).fetchone() or (0,)
        )
        found = self._set("topic", ident, slug, kind, page)
        counted = self.keep(f"topic page {slug}", lambda conn: topic_pages.page(conn, slug))
        beside = [{"slug": one.slug, "names": dict(one.names), "posts": one.posts} for one in counted.related] or [
            topic for topic in found["topics"] if topic["slug"] != slug
        ]
        return {
            **found,
            "topic": topics[slug],
            "parent": topics.get(topics[slug]["parent"] or ""),
            "children": [topic for topic in topics.values() if topic["parent"] == slug],
            "beside": beside,
            "trend": counted.trend.direction,
            "aliases": counted.aliases,
            "examples": counted.examples,
        }

    def entity(self, given: str, kind: str | None, page: int) -> dict[str, Any]:
        """Return an entity, by key or name: its names, and what is said with it; as `topic` does otherwise.

        Raises:
            NotFoundError: no such entity, with near names; or no such page.
        """
        entity = self.base().read(lambda conn: entities.entity(conn, given))
        found = self._set("entity", entity["id"], entity["key"], kind, page)
        beside = [one for one in found["entities"] if one["key"] != entity["key"]]
        return {**found, "entity": entity, "entities": beside}

    def _set(self, of: sets.Of, ident: int, name: str, kind: str | None, page: int) -> dict[str, Any]:
        """Return what a topic page and an entity page have in common."""
        outline = self.keep(f"{of} {name}", lambda conn: sets.outline(conn, of, ident, POSTS))
        kinds = outline["kinds"]
        pages = -(-kinds.get(kind, 0) // PAGE) if kind else 1
        if page > max(pages, 1):
            raise NotFoundError(f"{of} {name!r} has {pages} pages of kind {kind}, not {page}")
        limit, offset = (PAGE, (page - 1) * PAGE) if kind else (_SHOWN, 0)
        wanted = [one for one in CLAIM_KINDS if kinds.get(one) and kind in (None, one)]

        def claims(conn: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
            return {one: sets.claims(conn, of, ident, one, limit, offset) for one in wanted}

        dismissed = self.keep("dismissed", overview.dismissed)
        open_pairs = [one for one in outline["conflicts"] if {one["a"]["claim"], one["b"]["claim"]} not in dismissed]
        return {
            **outline,
            "conflicts": open_pairs,
            "entities": bars(outline["entities"]),
            "counted": kinds,
            "total": sum(kinds.values()),
            "present": [one for one in CLAIM_KINDS if kinds.get(one)],
            "kind": kind,
            "page": page,
            "pages": pages,
            "chart": months(outline["months"]),
            "sections": self.keep(f"{of} {name} {kind} {page}", claims),
        }

    def summary(self, slug: str, form: str) -> str:
        """Return the export of a topic; raises as `KnowledgeBase.export` does."""
        return self.base().export(slug, form)

    def conflicts(self, limit: int) -> list[dict[str, Any]]:
        """Return pairs of claims that contradict each other, the surest first."""
        return self.keep(f"conflicts {limit}", lambda conn: lookups.conflicts(conn, limit))

    def duplicates(self, limit: int) -> dict[str, Any]:
        """Return the claims said most often, and the posts that repeat themselves most."""
        return {
            "claims": self.keep(f"duplicates {limit}", lambda conn: lookups.duplicates(conn, limit)),
            "posts": self.keep("repeating", lambda conn: articles.repeating(conn, 20)),
        }

    def suggestions(self, given: str) -> dict[str, Sequence[Any]]:
        """Return topics and posts whose names are near `given`; nothing where the database cannot be read."""
        try:
            return {
                "topics": nearby.near_topics(self.topics(), given),
                "articles": self.base().read(lambda conn: nearby.near_posts(conn, given)),
            }
        except KbError:
            return {"topics": [], "articles": []}


def language(text: str) -> str:
    """Return the `lang` attribute of a quote."""
    return "ja" if is_japanese(text) else "en"


def _key_of(post: PostHit) -> str:
    """Return the key of a post that was found, by the claims shown with it."""
    return next((place.post_key for hit in post.claims for place in hit.occurrences if place.post == post.post), "")


def _parts(hit: Hit) -> list[tuple[str, bool]]:
    """Return a hit's text in marked and unmarked parts: where the search says, unless mark-up has to go first."""
    text = readable(hit.text)
    return cut(text, hit.marks) if text == hit.text else marked(text, (*hit.matched, *hit.synonyms))


def _shown(hit: Hit) -> dict[str, Any]:
    """Return a hit with its text in marked and unmarked parts."""
    return {
        "claim": hit.claim,
        "parts": _parts(hit),
        "lang": language(hit.text),
        "kind": hit.kind,
        "certainty": hit.certainty,
        "holder": hit.holder,
        "score": hit.score,
        "arms": {name: {"rank": arm.rank, "score": arm.score} for name, arm in hit.arms.items()},
        "matched": hit.matched,
        "synonyms": hit.synonyms,
        "also": hit.also,
        "posts": hit.posts,
        "places": hit.occurrences,
        "place": hit.occurrences[0] if hit.occurrences else None,
    }
