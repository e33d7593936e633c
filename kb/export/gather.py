"""What a database knows of a topic, of the claims a search found, or of a post: plain SQL over one connection.

Claims are asked for by a list of ids in one parameter (`json_each`), so that a
topic of twenty thousand claims costs a dozen statements, not twenty thousand.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kb.errors import NotFoundError, near
from kb.export.records import Claim, Figure, Material, Name, Quoted, Related, Subject, When
from kb.records import Occurrence

_TOPIC = "SELECT id, slug, name_ja, name_en, parent, discovered, aliases FROM topics WHERE slug = ?"
_TOPICS = "SELECT slug, name_ja, name_en FROM topics"
_WITH_CLAIMS = (
    "SELECT slug FROM topics t WHERE EXISTS (SELECT 1 FROM claim_topics WHERE topic_id = t.id) ORDER BY position, slug"
)
_OF_TOPIC = "SELECT claim_id, score, evidence FROM claim_topics WHERE topic_id = ?"
_OF_POST = "SELECT DISTINCT claim_id, 1.0, '[]' FROM occurrences WHERE post_id = ?"
_BY_KEY = (
    "SELECT c.id, json_extract(j.value, '$[1]'), '[]' FROM json_each(?) j"
    " JOIN claims c ON c.key = json_extract(j.value, '$[0]')"
)
_POST = "SELECT id, key, title FROM posts WHERE path = ?"

_AMONG = "IN (SELECT value FROM json_each(?))"
_CLAIMS = f"SELECT id, key, text, kind, certainty, holder, language, stock FROM claims WHERE id {_AMONG}"
_PLACES = (
    'SELECT o.claim_id, p.path, p.title, p.date, o.start, o."end", o.spans, s.text, p.key'
    " FROM occurrences o JOIN posts p ON p.id = o.post_id JOIN sentences s ON s.id = o.sentence_id"
    f" WHERE o.claim_id {_AMONG} ORDER BY p.date IS NULL, p.date, p.path, o.start"
)
_CONTEXTS = (
    'SELECT o.claim_id, a.plain, p.path, p.title, p.date, a.start, a."end", a.spans, a.text, p.key'
    " FROM occurrences o JOIN sentences s ON s.id = o.sentence_id JOIN posts p ON p.id = o.post_id"
    " JOIN sentences a ON a.post_id = s.post_id AND a.position = s.antecedent"
    f" WHERE o.claim_id {_AMONG} ORDER BY p.date IS NULL, p.date, p.path, o.start"
)
_FIGURES = (
    f'SELECT claim_id, text, start, "end", dimension, unit, low, high FROM figures WHERE claim_id {_AMONG}'
    " ORDER BY claim_id, start"
)
_DATES = (
    f'SELECT claim_id, text, start, "end", first, last, relative FROM claim_dates WHERE claim_id {_AMONG}'
    " ORDER BY claim_id, start"
)
_NAMES = (
    "SELECT ce.claim_id, e.key, e.name, e.kind FROM claim_entities ce JOIN entities e ON e.id = ce.entity_id"
    f" WHERE ce.claim_id {_AMONG} ORDER BY ce.claim_id, ce.start"
)
_VECTORS = (
    "SELECT c.id, e.vector FROM claims c CROSS JOIN embeddings e ON e.text_hash = c.text_hash"  # in this order
    f" WHERE e.model_id = (SELECT id FROM models WHERE active) AND c.id {_AMONG}"
)
# A conflict that a reader dismissed, whatever wordings of the two claims the review was made on, is none.
_CONFLICTS = (
    "SELECT l.a_id, l.b_id, l.score, l.evidence, a.key, b.key FROM links l"
    " JOIN claims a ON a.id = l.a_id JOIN claims b ON b.id = l.b_id"
    f" WHERE l.relation = 'conflict' AND (l.a_id {_AMONG} OR l.b_id {_AMONG}) ORDER BY l.score DESC, a.key, b.key"
)
_REVIEWS = "SELECT a, b, state FROM reviews ORDER BY created, a, b"
_WORDINGS = f"SELECT DISTINCT claim_id, wording FROM occurrences WHERE claim_id {_AMONG}"
_QUESTIONS = (
    'SELECT DISTINCT q.plain, p.path, p.title, p.date, q.start, q."end", q.spans, q.text, p.key'
    " FROM occurrences o JOIN sentences s ON s.id = o.sentence_id"
    " JOIN sentences q ON q.passage_id = s.passage_id AND q.kind = 'question' AND q.antecedent IS NULL"
    " JOIN posts p ON p.id = q.post_id"
    f" WHERE o.claim_id {_AMONG} ORDER BY p.date IS NULL, p.date, p.path, q.start"
)
_RELATED = (
    "SELECT t.slug, t.name_ja, t.name_en, t.parent, count(DISTINCT ct.claim_id), count(DISTINCT o.post_id)"
    " FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id JOIN occurrences o ON o.claim_id = ct.claim_id"
    f" WHERE ct.claim_id {_AMONG} AND t.slug <> ? GROUP BY t.id ORDER BY 5 DESC, t.slug"
)
_TIES = (
    "SELECT ta.slug, tb.slug, count(*) FROM claim_topics a JOIN claim_topics b ON b.claim_id = a.claim_id"
    " JOIN topics ta ON ta.id = a.topic_id JOIN topics tb ON tb.id = b.topic_id AND ta.slug < tb.slug"
    f" WHERE a.claim_id {_AMONG} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)
_LANGUAGE = "SELECT language FROM posts GROUP BY language ORDER BY count(*) DESC, language LIMIT 1"

Scored = Mapping[int, tuple[float, tuple[str, ...]]]


def slugs(conn: sqlite3.Connection) -> list[str]:
    """Return the topics that have claims, in the order of their list."""
    return [str(slug) for (slug,) in conn.execute(_WITH_CLAIMS)]


def language(conn: sqlite3.Connection) -> str:
    """Return the language of most posts, "ja" or "en"."""
    row = conn.execute(_LANGUAGE).fetchone()
    return "en" if row and row[0] == "en" else "ja"


def topic(conn: sqlite3.Connection, slug: str) -> Material:
    """Gather a topic, by its slug or one of its names.

    Raises:
        NotFoundError: there is none; near ones are named.
    """
    row = conn.execute(_TOPIC, (slug,)).fetchone()
    if row is None:
        known = conn.execute(_TOPICS).fetchall()
        named = sorted(s for s, *names in known if slug in names)
        if len(named) != 1:
            close = near(slug, [row[0] for row in known]) or near(slug, [n for _, *names in known for n in names if n])
            raise NotFoundError(f"no topic {slug!r} in this database{close}; kb topics lists them")
        row = conn.execute(_TOPIC, (named[0],)).fetchone()
    topic_id, slug, ja, en, parent, discovered, aliases = row
    subject = Subject(
        slug, {"ja": ja, "en": en}, "topic", parent, bool(discovered), (*json.loads(aliases), *filter(None, (ja, en)))
    )
    return _gather(conn, subject, _scored(conn.execute(_OF_TOPIC, (topic_id,))))


def post(conn: sqlite3.Connection, path: str) -> Material:
    """Gather a post, by its path; raises `NotFoundError` where there is none."""
    row = conn.execute(_POST, (path,)).fetchone()
    if row is None:
        raise NotFoundError(f"no post {path!r} in this database")
    post_id, key, title = row
    subject = Subject(f"post-{key}", {"ja": title or path, "en": title or path}, "post", aliases=(path,))
    return _gather(conn, subject, _scored(conn.execute(_OF_POST, (post_id,))))


def found(conn: sqlite3.Connection, query: str, claims: Sequence[tuple[str, float]]) -> Material:
    """Gather what a search found: keys of claims with their scores, the best of which counts as 1."""
    best = max((score for _, score in claims), default=1.0) or 1.0
    keyed = json.dumps([[key, score / best] for key, score in claims])
    subject = Subject("search", {"ja": query, "en": query}, "search", aliases=tuple(query.split()))
    return _gather(conn, subject, _scored(conn.execute(_BY_KEY, (keyed,))))


def _scored(rows: Iterable[tuple[int, float, str]]) -> Scored:
    return {int(claim): (float(score), tuple(json.loads(evidence))) for claim, score, evidence in rows}


def _gather(conn: sqlite3.Connection, subject: Subject, scored: Scored) -> Material:
    ids = json.dumps(sorted(scored))
    conflicts, sides = _conflicts(conn, ids)
    others = json.dumps(sorted(sides - set(scored)))
    return Material(
        subject,
        claims(conn, ids, scored),
        conflicts,
        claims(conn, others, {}),
        tuple(Quoted(plain, _place(row)) for plain, *row in conn.execute(_QUESTIONS, (ids,)).fetchall()),
        tuple(
            Related(slug, {"ja": ja, "en": en}, claims_, posts, _tie(subject, slug, parent))
            for slug, ja, en, parent, claims_, posts in conn.execute(_RELATED, (ids, subject.slug))
        ),
        tuple((a, b, count) for a, b, count in conn.execute(_TIES, (ids,))),
        vectors(conn, sorted(scored)),
        language(conn),
    )


def vectors(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the vectors of claims under the active model, little-endian float32, by id."""
    return dict(conn.execute(_VECTORS, (json.dumps(list(ids)),)).fetchall())


def _tie(subject: Subject, slug: str, parent: str | None) -> str:
    if subject.parent == slug:
        return "parent"
    return "child" if parent == subject.slug and subject.kind == "topic" else ""


def claims(conn: sqlite3.Connection, ids: str, scored: Scored) -> tuple[Claim, ...]:
    """Return the claims of a JSON list of ids, in the order of their keys, with their places and parts."""
    places: dict[int, list[Occurrence]] = defaultdict(list)
    for claim, *row in conn.execute(_PLACES, (ids,)):
        places[claim].append(_place(row))
    figures: dict[int, list[Figure]] = defaultdict(list)
    for claim, *row in conn.execute(_FIGURES, (ids,)):
        figures[claim].append(Figure(*row))
    dates: dict[int, list[When]] = defaultdict(list)
    for claim, text, start, end, first, last, relative in conn.execute(_DATES, (ids,)):
        dates[claim].append(When(text, start, end, first, last, bool(relative)))
    names: dict[int, dict[Name, None]] = defaultdict(dict)
    for claim, *row in conn.execute(_NAMES, (ids,)):
        names[claim][Name(*row)] = None
    made = [
        Claim(
            id_, key, text, kind, certainty, holder, language_, *scored.get(id_, (1.0, ())), tuple(places[id_]),
            bool(stock), None, tuple(figures[id_]), tuple(dates[id_]), tuple(names[id_]),
        )
        for id_, key, text, kind, certainty, holder, language_, stock in conn.execute(_CLAIMS, (ids,))
    ]  # fmt: skip
    contexts = _contexts(conn, ids)
    return tuple(sorted((_with_context(claim, contexts) for claim in made), key=lambda claim: claim.key))


def _with_context(claim: Claim, contexts: Mapping[int, Quoted]) -> Claim:
    """Add what a claim leans on, where that stands in the post that the claim is quoted from."""
    context = contexts.get(claim.id)
    first = claim.places[0].post if claim.places else ""
    return replace(claim, context=context) if context is not None and context.place.post == first else claim


def _contexts(conn: sqlite3.Connection, ids: str) -> dict[int, Quoted]:
    made: dict[int, Quoted] = {}
    for claim, plain, *row in conn.execute(_CONTEXTS, (ids,)):
        made.setdefault(claim, Quoted(plain, _place(row)))
    return made


def _place(row: Sequence[Any]) -> Occurrence:
    path, title, date, start, end, spans, quote, key = row
    pairs = tuple((int(a), int(b)) for a, b in json.loads(spans))
    return Occurrence(path, title, date, start, end, pairs, quote, key)


def _conflicts(
    conn: sqlite3.Connection, ids: str
) -> tuple[tuple[tuple[int, int, float, tuple[str, ...], str], ...], set[int]]:
    """Return the conflicts of claims, without those dismissed, and the ids of both sides."""
    rows = conn.execute(_CONFLICTS, (ids, ids)).fetchall()
    sides = sorted({claim for a, b, *_ in rows for claim in (a, b)})
    wordings: dict[int, set[str]] = defaultdict(set)
    for claim, wording in conn.execute(_WORDINGS, (json.dumps(sides),)):
        wordings[claim].add(wording)
    reviews = conn.execute(_REVIEWS).fetchall() if rows else []
    kept = []
    for a, b, score, evidence, a_key, b_key in rows:
        left, right = wordings[a] | {a_key}, wordings[b] | {b_key}
        told = [one for x, y, one in reviews if (x in left and y in right) or (x in right and y in left)]
        state = told[-1] if told else ""  # of several, the last
        if state != "dismissed":
            kept.append((a, b, score, tuple(map(str, json.loads(evidence))), state))
    return tuple(kept), {claim for a, b, *_ in kept for claim in (a, b)}
