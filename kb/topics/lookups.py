"""Looking up topics: the page of one, its history, a draw of its claims. Plain SQL on a connection for reading."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from typing import Any

from kb.errors import NotFoundError, UsageError, near
from kb.topics.records import Change, Drawn, Example, Month, Named, Related, TopicPage, Trend
from kb.topics.spelling import fold

_TOPIC = "SELECT id, slug, name_ja, name_en, discovered, aliases, terms, parent, stats FROM topics WHERE slug = ?"
_RELATED = (
    "SELECT t.slug, t.name_ja, t.name_en, t.discovered, l.claims, l.posts, json_extract(t.stats, '$.claims')"
    " FROM topic_links l"
    " JOIN topics t ON t.id = CASE l.a_id WHEN ?1 THEN l.b_id ELSE l.a_id END WHERE l.a_id = ?1 OR l.b_id = ?1"
)
_PLACES = (
    'SELECT p.path, p.title, p.date, o.start, o."end" FROM occurrences o JOIN posts p ON p.id = o.post_id'
    " WHERE o.claim_id = ? ORDER BY coalesce(p.date, '9999'), p.path, o.start LIMIT 1"
)
_EVENTS = (
    "SELECT e.build_id, coalesce(b.finished, b.started), e.slug, e.event, e.detail FROM topic_events e"
    " JOIN builds b ON b.id = e.build_id"
)
_MOST_RELATED = 12
_MOST_LIFT = 10.0
_NO_TREND = {"direction": "unknown", "slope": 0.0, "low": 0.0, "high": 0.0, "recent": 0.0, "before": 0.0, "months": 0}


def slug_of(conn: sqlite3.Connection, given: str) -> str:
    """Return the slug of the topic that `given` names: its slug, or its name in either language.

    Raises:
        NotFoundError: there is none, with near names.
    """
    if conn.execute("SELECT 1 FROM topics WHERE slug = ?", (given,)).fetchone():
        return given
    called: dict[str, str] = {}
    for slug, ja, en in conn.execute("SELECT slug, name_ja, name_en FROM topics ORDER BY position DESC, slug"):
        for name in (ja, en, slug):
            called[fold(name)] = slug
    if fold(given) in called:
        return called[fold(given)]
    close = near(given, [slug for (slug,) in conn.execute("SELECT slug FROM topics")]) or _by_name(fold(given), called)
    raise NotFoundError(f"no topic {given!r} in this database{close}; kb topics lists them")


def _by_name(given: str, called: dict[str, str]) -> str:
    """Return the end of a message that names the topics whose names are near `given`."""
    import difflib

    close = [name for name in called if given and given in name] + difflib.get_close_matches(given, list(called), n=3)
    slugs = list(dict.fromkeys(called[name] for name in close))[:3]
    return f"; near names: {', '.join(slugs)}" if slugs else ""


def page(conn: sqlite3.Connection, given: str) -> TopicPage:
    """Return all that is counted of a topic.

    Raises:
        NotFoundError: there is none of this slug or name.
    """
    row = conn.execute(_TOPIC, (slug_of(conn, given),)).fetchone()
    topic_id, slug, ja, en, discovered, aliases, terms, parent, kept = row
    stats = json.loads(kept)
    return TopicPage(
        slug=slug,
        names={"ja": ja, "en": en},
        discovered=bool(discovered),
        aliases=tuple(json.loads(terms if discovered else aliases)),
        parent=parent,
        children=tuple(
            r[0] for r in conn.execute("SELECT slug FROM topics WHERE parent = ? ORDER BY position", (slug,))
        ),
        claims=stats.get("claims", 0),
        posts=stats.get("posts", 0),
        share=stats.get("share", 0.0),
        kinds=stats.get("kinds", {}),
        months=tuple(Month(**month) for month in stats.get("months", ())),
        trend=Trend(**stats.get("trend", _NO_TREND)),
        entities=tuple(_named(conn, stats.get("entities", ()))),
        related=tuple(_related(conn, topic_id, slug, stats)),
        examples=tuple(_examples(conn, stats.get("examples", ()))),
        history=changes(conn, slug=slug),
    )


def _named(conn: sqlite3.Connection, counted: list[list[int]]) -> Iterator[Named]:
    for entity, claims in counted:
        row = conn.execute("SELECT key, name, kind FROM entities WHERE id = ?", (entity,)).fetchone()
        if row is not None:
            key, name, kind = row
            yield Named(key, name, kind, claims)


def _related(conn: sqlite3.Connection, topic_id: int, slug: str, stats: dict[str, Any]) -> list[Related]:
    """Return the topics that share most with a topic, beyond chance; those above and below it are left out.

    Pairs that share few claims come last: their lift is luck.
    """
    family = _family(conn, slug)
    claims, total = stats.get("claims", 0), stats.get("of", 0)
    found = []
    for other, ja, en, discovered, shared, posts, size in conn.execute(_RELATED, (topic_id,)):
        if other not in family:
            by_chance = claims * (size or 0) / total if total else 0
            lift = round(shared / by_chance, 2) if by_chance else 0.0
            found.append(Related(other, {"ja": ja, "en": en}, shared, posts, lift, bool(discovered)))
    found.sort(key=lambda one: (-(one.claims * min(one.lift, _MOST_LIFT)), -one.posts, one.slug))
    return found[:_MOST_RELATED]


def _family(conn: sqlite3.Connection, slug: str) -> set[str]:
    """Return the topics above and below a topic, itself too."""
    rows = conn.execute(
        "WITH RECURSIVE up(slug, parent) AS (SELECT slug, parent FROM topics WHERE slug = ?1"
        " UNION SELECT t.slug, t.parent FROM topics t JOIN up ON t.slug = up.parent),"
        " down(slug) AS (SELECT ?1 UNION SELECT t.slug FROM topics t JOIN down ON t.parent = down.slug)"
        " SELECT slug FROM up UNION SELECT slug FROM down",
        (slug,),
    )
    return {str(row[0]) for row in rows}


def _examples(conn: sqlite3.Connection, keys: list[str]) -> Iterator[Example]:
    for key in keys:
        row = conn.execute("SELECT key, text, kind FROM claims WHERE key = ?", (key,)).fetchone()
        if row is not None:
            yield Example(*row)


def changes(conn: sqlite3.Connection, *, slug: str | None = None, since: int | None = None) -> tuple[Change, ...]:
    """Return what became of topics, newest last: of one topic, or in the builds after `since`."""
    where, values = ("WHERE e.slug = ?", (slug,)) if slug is not None else ("WHERE e.build_id > ?", (since or 0,))
    rows = conn.execute(f"{_EVENTS} {where} ORDER BY e.build_id, e.id", values)
    return tuple(
        Change(build, date or "", name, event, json.loads(detail)) for build, date, name, event, detail in rows
    )


def last_change(conn: sqlite3.Connection) -> int:
    """Return the newest build but the one in which topics changed last: since then is what changed last."""
    (build,) = conn.execute("SELECT coalesce(max(build_id), 1) FROM topic_events").fetchone()
    return int(build) - 1


def draw(conn: sqlite3.Connection, given: str, number: int, seed: int) -> list[Drawn]:
    """Return claims of a topic drawn at random, the same for the same seed and database.

    Raises:
        NotFoundError: no such topic.
        UsageError: a number below 1.
    """
    if number < 1:
        raise UsageError(f"number {number} is none from 1 up")
    slug = slug_of(conn, given)
    rows: list[Any] = conn.execute(
        "SELECT c.key, c.text, c.kind, ct.score, ct.evidence, c.id FROM claim_topics ct"
        " JOIN topics t ON t.id = ct.topic_id JOIN claims c ON c.id = ct.claim_id WHERE t.slug = ? ORDER BY c.key",
        (slug,),
    ).fetchall()
    # Which claims are drawn must depend on the claims, the topic and the seed, on nothing else in the process.
    chosen = random.Random(f"{slug} {seed}").sample(rows, min(number, len(rows)))
    found = []
    for key, text, kind, score, evidence, claim_id in chosen:
        found.append(Drawn(key, text, kind, score, tuple(json.loads(evidence)), *places(conn, claim_id)))
    return found


def places(conn: sqlite3.Connection, claim_id: int) -> tuple[str, str, str | None, int, int]:
    """Return where a claim is said first: path, title and date of the post, start and end."""
    post, title, date, start, end = conn.execute(_PLACES, (claim_id,)).fetchone() or ("", "", None, 0, 0)
    return post, title, date, start, end
