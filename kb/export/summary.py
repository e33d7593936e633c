"""What is known of a topic, gathered for a document in which every line can be checked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kb.errors import NotFoundError, near
from kb.records import CLAIM_KINDS, Occurrence

_TOPIC = "SELECT slug, name_ja, name_en, parent, discovered FROM topics WHERE slug = ?"
_CLAIMS = (
    "SELECT c.id, c.key, c.text, c.kind, c.certainty, c.holder, ct.score, ct.evidence"
    " FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id JOIN claims c ON c.id = ct.claim_id WHERE t.slug = ?"
)
_PLACES = (
    'SELECT ct.claim_id, p.path, p.title, p.date, o.start, o."end", o.spans, s.text, p.key'
    " FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id JOIN occurrences o ON o.claim_id = ct.claim_id"
    " JOIN posts p ON p.id = o.post_id JOIN sentences s ON s.id = o.sentence_id WHERE t.slug = ?"
    " ORDER BY p.date IS NULL, p.date, p.path, o.start"
)
_WITH_CLAIMS = (
    "SELECT slug FROM topics t WHERE EXISTS (SELECT 1 FROM claim_topics WHERE topic_id = t.id) ORDER BY position, slug"
)


class ClaimRow(NamedTuple):
    """A claim of a topic, and what assigned it."""

    key: str
    text: str
    kind: str
    certainty: str
    holder: str
    score: float
    evidence: tuple[str, ...]
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """The topic a summary is of."""

    slug: str
    names: dict[str, str]
    parent: str | None = None
    discovered: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """The claims of one kind, those said in most posts first."""

    kind: str
    lines: tuple[ClaimRow, ...]


@dataclass(frozen=True, slots=True)
class SourcePost:
    """A post that a summary cites, and how many of its claims it says."""

    post: str
    key: str
    title: str
    date: str | None
    claims: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All claims of a topic by kind, with every place where each is said.

    `sections` stand in the order fact, forecast, opinion, advice, without empty
    ones; `period` is the first and last date of a post, where any has one.
    """

    topic: Heading
    claims: int
    period: tuple[str, str] | None
    sections: tuple[Section, ...] = field(default=())
    sources: tuple[SourcePost, ...] = field(default=())


def summary(topic: Heading, claims: Iterable[ClaimRow]) -> Summary:
    """Order the claims of a topic for reading; the same claims in any order give the same summary."""
    rows = sorted(claims, key=lambda c: (-_support(c), -c.score, _first_date(c), c.key))
    sections = tuple(
        Section(kind, chosen) for kind in CLAIM_KINDS if (chosen := tuple(row for row in rows if row.kind == kind))
    )
    cited: dict[str, set[str]] = {}
    posts: dict[str, Occurrence] = {}
    for row in rows:
        for place in row.occurrences:
            posts[place.post] = place
            cited.setdefault(place.post, set()).add(row.key)
    sources = tuple(
        SourcePost(place.post, place.post_key, place.title, place.date, len(cited[place.post]))
        for place in sorted(posts.values(), key=lambda o: (o.date is None, o.date or "", o.post))
    )
    dates = sorted(source.date for source in sources if source.date)
    return Summary(topic, len(rows), (dates[0], dates[-1]) if dates else None, sections, sources)


def read(conn: sqlite3.Connection, slug: str) -> Summary:
    """Gather the summary of one topic from a database; `NotFoundError` names near topics."""
    row = conn.execute(_TOPIC, (slug,)).fetchone()
    if row is None:
        known = [str(other) for (other,) in conn.execute("SELECT slug FROM topics")]
        raise NotFoundError(f"no topic {slug!r} in this database{near(slug, known)}; kb topics lists them")
    _, ja, en, parent, discovered = row
    said: dict[int, list[Occurrence]] = {}
    for claim, path, title, date, start, end, spans, text, key in conn.execute(_PLACES, (slug,)):
        pairs = tuple((int(a), int(b)) for a, b in json.loads(spans))
        said.setdefault(claim, []).append(Occurrence(path, title, date, start, end, pairs, text, key))
    claims = [
        ClaimRow(key, text, kind, certainty, holder, score, tuple(json.loads(evidence)), tuple(said.get(claim, ())))
        for claim, key, text, kind, certainty, holder, score, evidence in conn.execute(_CLAIMS, (slug,))
    ]
    return summary(Heading(slug, {"ja": ja, "en": en}, parent, bool(discovered)), claims)


def slugs(conn: sqlite3.Connection) -> Sequence[str]:
    """Return the topics that have claims, in the order of their list."""
    return [str(slug) for (slug,) in conn.execute(_WITH_CLAIMS)]


def _support(claim: ClaimRow) -> int:
    """Return in how many posts a claim is said."""
    return len({place.post for place in claim.occurrences})


def _first_date(claim: ClaimRow) -> str:
    return min((place.date for place in claim.occurrences if place.date), default="9999")
