"""Looking up what one knows of: topics, one claim, one post, repeats, contradictions, counts.

Plain SQL over a read-only connection, for the same reason as in a search: no
command that only reads should wait for a larger library to load.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from kb.records import Occurrence
from kb.search import ties
from kb.search.answers import occurrences

_CLAIM = (
    "SELECT id, key, text, kind, certainty, holder, occurrence_count, post_count, first_date, last_date FROM claims"
)
_TOPICS = (
    # The topics stage keeps the counts with each topic; a build that was killed before may have left none.
    "SELECT t.slug, t.name_ja, t.name_en, t.parent, t.discovered, coalesce(json_extract(t.stats, '$.claims'),"
    " (SELECT count(*) FROM claim_topics ct WHERE ct.topic_id = t.id)), coalesce(json_extract(t.stats, '$.posts'),"
    " (SELECT count(DISTINCT o.post_id) FROM claim_topics ct JOIN occurrences o ON o.claim_id = ct.claim_id"
    " WHERE ct.topic_id = t.id)) FROM topics t ORDER BY t.position, t.slug"
)
_TOPICS_OF = (
    "SELECT t.slug, t.name_ja, t.name_en, ct.score, ct.evidence FROM claim_topics ct"
    " JOIN topics t ON t.id = ct.topic_id WHERE ct.claim_id = ? ORDER BY ct.score DESC, t.slug"
)
_POST = "SELECT id, key, path, root, title, date, author, categories, tags, language, fault FROM posts WHERE path = ?"
_ARTICLE = (
    'SELECT s.text, s.plain, s.kind, s.certainty, s.holder, s.start, s."end", s.spans, s.paragraph, pa.kind, pa.level,'
    " c.key"
    " FROM sentences s JOIN passages pa ON pa.id = s.passage_id"
    " LEFT JOIN occurrences o ON o.sentence_id = s.id LEFT JOIN claims c ON c.id = o.claim_id"
    " WHERE s.post_id = ? ORDER BY s.position"
)
_REPEATED = f"{_CLAIM} WHERE occurrence_count > 1 ORDER BY stock, occurrence_count DESC, post_count DESC, key LIMIT ?"
_FIGURES = 'SELECT text, start, "end", low, high, unit FROM figures WHERE claim_id = ? ORDER BY start'
_DATES = 'SELECT text, start, "end", first, last FROM claim_dates WHERE claim_id = ? ORDER BY start'
_NAMES = (
    'SELECT ce.text, ce.start, ce."end", e.key, e.name, e.kind FROM claim_entities ce'
    " JOIN entities e ON e.id = ce.entity_id WHERE ce.claim_id = ? ORDER BY ce.start"
)
_AROUND = (
    "SELECT pa.headings, pa.lead,"
    " (SELECT b.plain FROM sentences b WHERE b.post_id = s.post_id AND b.position = s.position - 1"
    "  AND b.paragraph = s.paragraph),"
    " (SELECT a.plain FROM sentences a WHERE a.post_id = s.post_id AND a.position = s.antecedent)"
    " FROM occurrences o JOIN sentences s ON s.id = o.sentence_id JOIN passages pa ON pa.id = s.passage_id"
    " JOIN posts p ON p.id = o.post_id WHERE o.claim_id = ?"
    " ORDER BY coalesce(p.date, '9999'), p.path, o.start LIMIT 1"
)
# What was merged into a claim, in the words it was said in first.
_MERGED = (
    "SELECT m.wording, m.score, m.evidence, (SELECT s.plain FROM occurrences o JOIN sentences s ON s.id = o.sentence_id"
    " JOIN posts p ON p.id = o.post_id WHERE o.wording = m.wording"
    " ORDER BY coalesce(p.date, '9999'), p.path, o.start LIMIT 1)"
    ' FROM merges m WHERE m."into" = ? ORDER BY m.wording'
)
_MOST_TIES = 50  # of a claim that are told with it
_COUNTED = ("posts", "drafts", "sentences", "claims", "occurrences", "topics", "links", "ledger", "embeddings")


def topics(conn: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every topic, in the order of its list, with how many claims and posts it has."""
    return [
        {
            "slug": slug,
            "names": {"ja": ja, "en": en},
            "claims": claims,
            "posts": posts,
            "discovered": bool(discovered),
            "parent": parent,
        }
        for slug, ja, en, parent, discovered, claims, posts in conn.execute(_TOPICS)
    ]


def claim(conn: sqlite3.Connection, key: str) -> dict[str, Any] | None:
    """Return all that is known of the claim with this key, or None."""
    row = conn.execute(f"{_CLAIM} WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    about = [
        {"slug": slug, "names": {"ja": ja, "en": en}, "score": score, "evidence": json.loads(evidence)}
        for slug, ja, en, score, evidence in conn.execute(_TOPICS_OF, (row[0],))
    ]
    (whole,) = _claims(conn, [row])
    return {
        "type": "claim",
        **whole,
        "topics": about,
        "links": ties.related(conn, row[0], _MOST_TIES),
        "parts": _parts(conn, row[0]),
        "context": _context(conn, row[0]),
    }


def _parts(conn: sqlite3.Connection, claim_id: int) -> dict[str, list[dict[str, Any]]]:
    """Return the figures, dates and names of a claim; `means` is how a reader is told."""
    figures = [
        {
            "text": text,
            "start": start,
            "end": end,
            "low": low,
            "high": high,
            "unit": unit,
            "means": _means(low, high, unit),
        }
        for text, start, end, low, high, unit in conn.execute(_FIGURES, (claim_id,))
    ]
    dates = [
        {
            "text": text,
            "start": start,
            "end": end,
            "first": first,
            "last": last,
            "means": f"{first} to {last}" if first != last else first or "not known when",
        }
        for text, start, end, first, last in conn.execute(_DATES, (claim_id,))
    ]
    entities = [
        {
            "text": text,
            "start": start,
            "end": end,
            "entity": key,
            "name": name,
            "kind": kind,
            "means": f"{name}, {kind}",
        }
        for text, start, end, key, name, kind in conn.execute(_NAMES, (claim_id,))
    ]
    return {"figures": figures, "dates": dates, "entities": entities}


def _means(low: float, high: float | None, unit: str) -> str:
    """Return a figure in base units as a reader is told."""
    if low == high:
        return f"{_number(low)} {unit}"
    return f"{_number(low)} to {'more' if high is None else _number(high)} {unit}"


def _number(value: float) -> str:
    """Return a number with its digits in groups, never with an exponent."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6f}".rstrip("0")


def _context(conn: sqlite3.Connection, claim_id: int) -> dict[str, Any]:
    """Return what stands around the claim where it was said first, so that it makes sense read alone."""
    row = conn.execute(_AROUND, (claim_id,)).fetchone()
    headings, lead, before, antecedent = row if row else ("[]", "", None, None)
    return {"headings": json.loads(headings), "lead": lead, "before": before, "antecedent": antecedent}


def post(conn: sqlite3.Connection, path: str) -> dict[str, Any] | None:
    """Return all that is known of the post at this path, or None.

    `article` is its canonical text as Markdown: drafts joined, repeats removed.
    """
    row = conn.execute(_POST, (path,)).fetchone()
    if row is None:
        return None
    post_id, key, path, root, title, date, author, categories, tags, language, fault = row
    sentences, article = _article(conn, post_id)
    ledger = conn.execute("SELECT action, count(*) FROM ledger WHERE post_id = ? GROUP BY action", (post_id,))
    return {
        "type": "post",
        "post": path,
        "key": key,
        "title": title,
        "date": date,
        "author": author,
        "categories": json.loads(categories),
        "tags": json.loads(tags),
        "language": language,
        "root": root,
        "fault": fault,
        "left_out": dict(ledger.fetchall()),
        "article": article,
        "sentences": sentences,
    }


def _article(conn: sqlite3.Connection, post_id: int) -> tuple[list[dict[str, Any]], str]:
    """Return the sentences of a post in reading order, and its article as Markdown."""
    sentences: list[dict[str, Any]] = []
    blocks: list[str] = []
    current = None
    for text, plain, kind, certainty, holder, start, end, spans, paragraph, block, level, claim_key in conn.execute(
        _ARTICLE, (post_id,)
    ):
        sentences.append(
            {
                "text": text,
                "kind": kind,
                "certainty": certainty,
                "holder": holder,
                "start": start,
                "end": end,
                "spans": json.loads(spans),
                "claim": claim_key,
                "paragraph": paragraph,
            }
        )
        if paragraph == current:
            blocks[-1] += (" " if blocks[-1][-1:].isascii() and plain[:1].isascii() else "") + plain
        elif block == "label":
            blocks.append(f"**{plain}**")
        else:
            mark = {"heading": "#" * max(1, level) + " ", "item": "- ", "quote": "> "}.get(block, "")
            blocks.append(mark + plain)
        current = paragraph
    return sentences, "\n\n".join(blocks)


def duplicates(conn: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the claims said in more than one place, those said most first."""
    return _claims(conn, conn.execute(_REPEATED, (limit,)).fetchall())


def conflicts(conn: sqlite3.Connection, limit: int, *, include_dismissed: bool = False) -> list[dict[str, Any]]:
    """Return pairs of claims that cannot both hold, the surest first; those that a reader dismissed only if asked.

    Each has `id` (the same in every build), `a` and `b` (the one said first, and
    the other), `score`, `evidence`, `state` (open, reviewed or dismissed) and `note`.
    """
    every = ties.conflicts(conn)
    pairs = [pair for pair in every if include_dismissed or pair["state"] != "dismissed"][:limit]
    ids = sorted({claim_id for pair in pairs for claim_id in pair["ids"]})
    rows = []
    for claim_id in ids:
        rows += conn.execute(f"{_CLAIM} WHERE id = ?", (claim_id,)).fetchall()
    known = dict(zip(ids, _claims(conn, rows), strict=True))
    found = []
    for pair in pairs:
        a, b = sorted((known[claim_id] for claim_id in pair["ids"]), key=_said_first)
        kept = {name: pair[name] for name in ("id", "state", "note", "score", "evidence")}
        found.append({**kept, "a": a, "b": b})
    return found


def _said_first(claim: dict[str, Any]) -> tuple[str, str, str]:
    place = claim["occurrences"][0]
    return place["date"] or "9999", place["post"], claim["claim"]


def related(conn: sqlite3.Connection, key: str, limit: int) -> list[dict[str, Any]] | None:
    """Return the ties of the claim with this key, as `ties.related` does, or None where there is no such claim."""
    row = conn.execute("SELECT id FROM claims WHERE key = ?", (key,)).fetchone()
    return None if row is None else ties.related(conn, row[0], limit)


def related_posts(conn: sqlite3.Connection, path: str, limit: int) -> list[dict[str, Any]]:
    """Return the articles tied to the post at this path, as `ties.related_posts` does."""
    row = conn.execute("SELECT id FROM posts WHERE path = ?", (path,)).fetchone()
    return [] if row is None else ties.related_posts(conn, row[0], limit)


def stats(conn: sqlite3.Connection) -> dict[str, Any]:
    """Return how much the database holds, its active model and its last build."""
    counts = {name: int(conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in _COUNTED}
    kinds = dict(conn.execute("SELECT kind, count(*) FROM claims GROUP BY kind ORDER BY kind").fetchall())
    model = conn.execute("SELECT name, source, revision, dim FROM models WHERE active").fetchone()
    build = conn.execute("SELECT started, finished, version FROM builds ORDER BY id DESC LIMIT 1").fetchone()
    return {
        "counts": counts,
        "kinds": kinds,
        "model": dict(zip(("name", "source", "revision", "dim"), model, strict=True)) if model else None,
        "build": dict(zip(("started", "finished", "version"), build, strict=True)) if build else None,
    }


def _claims(conn: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return claims, rows of `_CLAIM`, with all places where each is said."""
    rows = list(rows)
    said = occurrences(conn, [row[0] for row in rows])
    return [
        {
            "claim": key,
            "text": text,
            "kind": kind,
            "certainty": certainty,
            "holder": holder,
            "count": count,
            "posts": posts,
            "first_date": first,
            "last_date": last,
            "occurrences": [_place(place) for place in said[claim_id]],
            "wordings": [
                {"wording": wording, "text": plain, "score": score, "evidence": json.loads(evidence)}
                for wording, score, evidence, plain in conn.execute(_MERGED, (key,))
            ],
        }
        for claim_id, key, text, kind, certainty, holder, count, posts, first, last in rows
    ]


def _place(place: Occurrence) -> dict[str, Any]:
    return asdict(place)
