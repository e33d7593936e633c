"""Search by word (BM25 over full text), by meaning (cosine of embeddings) or both, for claims or for whole posts.

Pure functions over a read-only connection and the arrays of `load`. What was
measured, and why the arms are fused as they are, stands in docs/search.md.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np

from kb.errors import ModelError, UsageError
from kb.fts import Query, parse
from kb.records import Hit, PostHit
from kb.search import adjacent, around, rank, wording
from kb.search.answers import Results, hits, occurrences
from kb.search.close import NOTE, SEEN, close
from kb.search.families import fold
from kb.search.filters import Allowed, Choice, Filters, allowed, given, post_path
from kb.search.index import Floats, SearchIndex, Wholes, load, posting, wholes
from kb.search.synonyms import Synonyms
from kb.search.synonyms import load as names

Mode = Literal["hybrid", "semantic", "keyword"]
Group = Literal["claim", "post"]
MODES: tuple[str, ...] = get_args(Mode)
GROUPS: tuple[str, ...] = get_args(Group)
LIMIT = 10_000
CLAIMS_OF_A_POST = 3
POOL = 300  # of the best claims, so many are counted by kind, topic, month and so on

__all__ = [
    "GROUPS",
    "MODES",
    "Choice",
    "Filters",
    "Group",
    "Mode",
    "Options",
    "Results",
    "SearchIndex",
    "Synonyms",
    "Wholes",
    "given",
    "load",
    "names",
    "occurrences",
    "post_path",
    "read",
    "search",
    "wholes",
]


@dataclass(frozen=True, slots=True)
class Options:
    """How to search: see `kb.base.KnowledgeBase.search`. Checked when made: `UsageError`."""

    limit: int = 10
    mode: str = "hybrid"
    group: str = "claim"
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"mode {self.mode!r} is none of {', '.join(MODES)}")
        if self.group not in GROUPS:
            raise UsageError(f"group {self.group!r} is none of {', '.join(GROUPS)}")
        limit: object = self.limit
        if not isinstance(limit, int) or not 1 <= limit <= LIMIT:
            raise UsageError(f"limit {self.limit!r} is no number from 1 to {LIMIT}")


def read(query: str) -> Query:
    """Parse a query; `UsageError` where it holds nothing to look for."""
    if not isinstance(query, str):
        raise UsageError(f"the query {query!r} is no text; give a text, or a list of texts")
    if not query.strip():
        raise UsageError("the query is empty; say what to look for")
    parsed = parse(query)
    if parsed.empty:
        reason = "only what to leave out" if parsed.excluded else "no word"
        raise UsageError(f"the query {' '.join(query.split())[:40]!r} holds {reason}; say what to look for")
    if wording.bare(parsed):
        short = " ".join(query.split())[:40]
        raise UsageError(f"the query {short!r} holds only words that stand everywhere; say what to look for")
    return wording.asked(parsed)


def search(
    conn: sqlite3.Connection,
    index: SearchIndex,
    query: Query,
    vector: Floats | None,
    options: Options,
    synonyms: Synonyms,
    posts: Wholes | None = None,
) -> Results[Hit] | Results[PostHit]:
    """Rank the claims, or posts, of a database.

    `vector` is the query's unit vector under the index's model (dim,), or None
    for `mode="keyword"` and where the index has no vectors. `posts` are those
    of `wholes`, worked out where they are not given. Raises `ModelError` where
    `mode="semantic"` finds no vectors, and as `filters.allowed` does.
    """
    mode = options.mode
    if index.vectors is None or vector is None:
        if mode == "semantic":
            raise ModelError(f"mode semantic cannot be used: {'; '.join(index.notes) or 'no query vector'}")
        mode = "keyword"
    if posts is None and mode != "keyword":
        posts = wholes(index)
    query = synonyms.joined(query)
    may = _narrowed(conn, index, query, allowed(conn, index, options.filters, synonyms.same))
    terms = []
    if mode != "semantic":
        factors = wording.factors(query) if options.group == "claim" else {}
        terms = rank.look_up(conn, index, query.words, query.grams, synonyms.alternatives(query), factors)
    notes = _notes(index, query, options.mode, bool(terms), bool(may.claims.any()))
    scored = _scored(conn, index, query, vector, posts, _Asked(mode, options.group, may, terms))
    best = [int(p) for p in rank.top(scored.scores, max(3 * options.limit, SEEN, POOL))]
    pool = [int(index.ids[p]) for p in best[:POOL]]
    best = best[: max(3 * options.limit, SEEN)]
    names = synonyms.others(query)
    near = close(index, query, terms, scored.meaning, best, mode)
    if options.group == "claim":
        families = fold(conn, index, best, options.limit)
        shown = hits(conn, index, list(families), scored.scores, scored.arms, query, terms, may, names, families)
        return Results(shown.values(), notes if near or not best else (*notes, NOTE), close=near, pool=pool)
    by_post = _post_scores(index, terms, scored.words, scored.meaning, mode, may, posts)
    of_posts = [int(p) for p in rank.top(by_post, options.limit)]
    chosen = _claims_of(index, of_posts, scored.scores, may)
    flat = list(dict.fromkeys(p for claims in chosen.values() for p in claims))
    shown = hits(conn, index, flat, scored.scores, scored.arms, query, terms, may, names)
    found = []
    for post in of_posts:
        post_id = int(index.post_ids[post])
        row = conn.execute("SELECT path, title, date FROM posts WHERE id = ?", (post_id,)).fetchone()
        if row:
            claims = tuple(shown[p] for p in chosen[post] if p in shown)
            found.append(PostHit(row[0], row[1], row[2], round(float(by_post[post]), 6), claims))
    return Results(found, notes if near or not found else (*notes, NOTE), close=near, pool=pool)


class _Asked(NamedTuple):
    """What is ranked, how, among which claims, and by which terms."""

    mode: str
    group: str
    may: Allowed
    terms: list[rank.Term]


class _Scored(NamedTuple):
    """Every claim's score by words, its cosine, both together, and each arm as (plain, ranked by)."""

    words: Floats
    meaning: Floats
    scores: Floats
    arms: dict[str, tuple[Floats, Floats]]


def _scored(
    conn: sqlite3.Connection,
    index: SearchIndex,
    query: Query,
    vector: Floats | None,
    posts: Wholes | None,
    asked: _Asked,
) -> _Scored:
    """Return the scores of all claims; in a large database both arms are asked at once."""
    mode, group = asked.mode, asked.group
    with ThreadPoolExecutor(1) as thread:  # starts none before it is given work
        apart = None
        if mode == "hybrid" and index.sketch is not None:
            apart = thread.submit(_by_meaning, index, vector, posts, asked)
        words = _by_words(conn, index, query, asked)
        meaning, near_by = apart.result() if apart else _by_meaning(index, vector, posts, asked)
    scores = {"keyword": words, "semantic": meaning}.get(mode)
    if scores is None:
        scores = rank.fuse(words, near_by, rank.CLAIM_MEANING if group == "claim" else rank.POST_MEANING)
    arms = {
        name: (plain, plain * index.prior)
        for name, plain in (("keyword", words), ("semantic", meaning))
        if mode in (name, "hybrid")
    }
    return _Scored(words, meaning, scores * index.prior, arms)


def _by_words(conn: sqlite3.Connection, index: SearchIndex, query: Query, asked: _Asked) -> Floats:
    """Return the scores of all claims by words."""
    words = asked.may.only(rank.by_words(index, asked.terms))
    if asked.group == "post":
        return words
    words = around.by_words(index, asked.terms, dict(query.labels), words)
    return adjacent.by_words(conn, index, [one for word in query.words for one in word.split()], words)


def _by_meaning(
    index: SearchIndex, vector: Floats | None, posts: Wholes | None, asked: _Asked
) -> tuple[Floats, Floats]:
    """Return the cosines of all claims, and how near each is with what stands around it. Asks no database."""
    if asked.mode == "keyword" or vector is None:
        none = np.zeros(index.size, dtype=np.float32)
        return none, none
    cosines = rank.by_meaning(index, vector, asked.may.claims)
    meaning = asked.may.only(np.maximum(cosines, 0))
    if asked.mode == "semantic" or asked.group == "post":
        return meaning, meaning
    return meaning, _with_post(index, cosines, vector, posts, asked.may)


def _with_post(
    index: SearchIndex, cosines: Floats, vector: Floats | None, posts: Wholes | None, may: Allowed
) -> Floats:
    """Return how near the claims that may be found are, with what stands around them."""
    if vector is None or posts is None:
        return np.zeros(index.size, dtype=np.float32)
    of_posts = np.einsum("ij,j->i", posts.units, vector)
    return may.only(around.by_meaning(index, cosines, of_posts))


def _narrowed(conn: sqlite3.Connection, index: SearchIndex, query: Query, may: Allowed) -> Allowed:
    """Return `may` without the claims that lack a required phrase or hold an excluded one."""
    if not query.required and not query.excluded:
        return may
    claims = may.claims.copy()
    for group in query.required:
        holds = np.zeros(index.size, dtype=bool)
        for phrase in group:
            holds |= posting(conn, index, phrase.expression).mask()
        claims &= holds
    for phrase in query.excluded:
        claims &= ~posting(conn, index, phrase.expression).mask()
    return Allowed(claims, may.places & claims[index.place_claim], may.posts)


def _notes(index: SearchIndex, query: Query, mode: str, known: bool, some: bool) -> tuple[str, ...]:
    """Return what the user should know of the results: `known` words, and whether `some` claims may be found at all."""
    notes = list(index.notes) if mode != "keyword" else []
    if query.cut:
        notes.append("the query is long: only its beginning is looked for")
    if not some and index.size:
        notes.append("no claim passes the filters, the words in quotes and those left out: leave some away")
    elif mode == "hybrid" and not known and index.vectors is not None:
        notes.append("no claim holds any of these words: found by meaning alone")
    return tuple(notes)


def _post_scores(
    index: SearchIndex,
    terms: list[rank.Term],
    words: Floats,
    meaning: Floats,
    mode: str,
    may: Allowed,
    posts: Wholes | None,
) -> Floats:
    """Return the score of each post in one mode; a post is judged whole, so the prior of sentences is left out."""
    by_words = rank.post_words(index, terms, words, may.places)
    if mode == "keyword" or posts is None:
        return by_words
    near_by = rank.post_meaning(index, meaning, posts.norms, may.places)
    return near_by if mode == "semantic" else rank.fuse(by_words, near_by, rank.POST_MEANING)


def _claims_of(index: SearchIndex, posts: list[int], scores: Floats, may: Allowed) -> dict[int, list[int]]:
    """Return the best claims of each post, by position."""
    found = {}
    for post in posts:
        first, last = np.searchsorted(index.place_post, [post, post + 1])
        claims = index.place_claim[first:last][may.places[first:last]]
        order = np.argsort(-scores[claims], kind="stable")[:CLAIMS_OF_A_POST]
        found[post] = [int(claims[i]) for i in order if scores[claims[i]] > 0]
    return found
