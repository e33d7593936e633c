"""Whether what a database says of topics agrees with itself: a part of `kb verify`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

_ABOUT = "SELECT t.slug, count(*) FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id GROUP BY t.id"
_IN_POSTS = (
    "SELECT t.slug, count(DISTINCT o.post_id) FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id"
    " JOIN occurrences o ON o.claim_id = ct.claim_id GROUP BY t.id"
)
_SHARED = (
    "SELECT a.topic_id, b.topic_id, count(*) FROM claim_topics a"
    " JOIN claim_topics b ON b.claim_id = a.claim_id AND b.topic_id > a.topic_id GROUP BY 1, 2"
)
_ODD_SCORES = (
    "SELECT c.key, t.slug, ct.score FROM claim_topics ct JOIN claims c ON c.id = ct.claim_id"
    " JOIN topics t ON t.id = ct.topic_id WHERE NOT (ct.score > 0 AND ct.score <= 1) OR ct.evidence = '[]'"
)


def check(connection: sqlite3.Connection, counts: dict[str, int]) -> Iterator[str]:
    """Yield what is wrong with topics: parents, scores, counts, what they share, claims left out.

    Args:
        connection: for reading.
        counts: `topics` is set to how many were checked.
    """
    topics = connection.execute(
        "SELECT id, slug, parent, discovered, terms, stats FROM topics ORDER BY slug"
    ).fetchall()
    counts["topics"] = len(topics)
    slugs = {slug for _, slug, *_ in topics}
    about = dict(connection.execute(_ABOUT).fetchall())
    in_posts = dict(connection.execute(_IN_POSTS).fetchall())
    for _, slug, parent, discovered, terms, stats in topics:
        if parent is not None and parent not in slugs:
            yield f"topic {slug}: its parent {parent} is not there"
        if discovered and not json.loads(terms):
            yield f"topic {slug}: was discovered and has no terms"
        kept = json.loads(stats)
        for name, real in (("claims", about.get(slug, 0)), ("posts", in_posts.get(slug, 0))):
            if kept.get(name, 0) != real:
                yield f"topic {slug}: {name} are {real}, it says {kept.get(name, 0)}; run kb build again"
    for key, slug, score in connection.execute(_ODD_SCORES):
        yield f"topic {slug}: claim {key} has the score {score} or no evidence"
    yield from _shared(connection, {topic: slug for topic, slug, *_ in topics})
    yield from _left_out(connection)


def _shared(connection: sqlite3.Connection, slugs: dict[int, str]) -> Iterator[str]:
    """Check how many claims each two topics share."""
    real = {(a, b): n for a, b, n in connection.execute(_SHARED)}
    kept = {(a, b): n for a, b, n in connection.execute("SELECT a_id, b_id, claims FROM topic_links")}
    for pair in sorted(real.keys() | kept.keys()):
        if real.get(pair, 0) != kept.get(pair, 0):
            names = " and ".join(slugs.get(topic, "?") for topic in pair)
            yield f"topics {names}: share {real.get(pair, 0)} claims, their link says {kept.get(pair, 0)}"


def _left_out(connection: sqlite3.Connection) -> Iterator[str]:
    """Check that every claim was looked at, under one and the same list."""
    states = connection.execute("SELECT topic_state, count(*) FROM claims WHERE NOT stock GROUP BY 1").fetchall()
    waiting = sum(number for state, number in states if state is None)
    if waiting:
        yield f"topics: {waiting} claims were not assigned yet; run kb build again"
    if len([state for state, _ in states if state is not None]) > 1:
        yield "topics: claims were assigned under different lists; run kb build again"
