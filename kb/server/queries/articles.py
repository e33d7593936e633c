"""Articles: as a reader sees them, as they were on disk, and what was left out in between."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from kb.errors import NotFoundError
from kb.search import post_path
from kb.server.original import Piece, pieces
from kb.server.queries import ties

_POST = (
    "SELECT id, key, path, title, date, author, categories, tags, language, encoding, fault FROM posts WHERE key = ?"
)
_NEWEST = (
    "SELECT p.key, p.path, p.title, p.date, p.author, p.language,"
    " (SELECT count(*) FROM occurrences o WHERE o.post_id = p.id)"
    " FROM posts p ORDER BY p.date IS NULL, p.date DESC, p.path LIMIT ?"
)
_SENTENCES = (
    'SELECT s.plain, s.kind, s.certainty, s.holder, s.start, s."end", pa.id, pa.kind, pa.level, pa.lead, d.position,'
    " c.key, c.post_count FROM sentences s JOIN passages pa ON pa.id = s.passage_id JOIN drafts d ON d.id = pa.draft_id"
    " LEFT JOIN occurrences o ON o.sentence_id = s.id LEFT JOIN claims c ON c.id = o.claim_id"
    " WHERE s.post_id = ? ORDER BY s.position"
)
_LEDGER = (
    'SELECT l.action, l.reason, l.start, l."end", l.target_start,'
    ' substr(t.text, l.start + 1, min(l."end" - l.start, 160)),'
    " EXISTS (SELECT 1 FROM sentences s WHERE s.post_id = l.post_id AND s.start = l.target_start)"
    " FROM ledger l JOIN sources t ON t.post_id = l.post_id"
    " WHERE l.post_id = ? AND l.action <> 'separator' ORDER BY l.start LIMIT ?"
)
_REPEATING = (  # the lengths of texts are read for the few posts that are shown only
    'WITH most AS (SELECT post_id, sum("end" - start) AS left_out, count(*) AS n FROM ledger'
    " WHERE action IN ('repeat', 'near-repeat', 'overlap') GROUP BY post_id ORDER BY left_out DESC, post_id LIMIT ?)"
    " SELECT p.key, p.path, p.title, p.date, m.left_out, length(t.text) - p.body_start, m.n"
    " FROM most m JOIN posts p ON p.id = m.post_id JOIN sources t ON t.post_id = p.id ORDER BY m.left_out DESC, p.path"
)
RELATED = 8  # articles named below an article


def newest(conn: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest posts with how many claims each says."""
    names = ("key", "path", "title", "date", "author", "lang", "claims")
    return [dict(zip(names, row, strict=True)) for row in conn.execute(_NEWEST, (limit,))]


def article_key(conn: sqlite3.Connection, given: str) -> str:
    """Return the key of a post by key, path or file name; `NotFoundError` names near ones."""
    row = conn.execute("SELECT key FROM posts WHERE key = ?", (given,)).fetchone()
    if row is None:
        path = post_path(conn, given)
        row = conn.execute("SELECT key FROM posts WHERE path = ?", (path,)).fetchone()
    return str(row[0])


def article(conn: sqlite3.Connection, key: str, most: int) -> dict[str, Any]:
    """Return a post as a reader sees it, with at most `most` rows of what was left out of it.

    `blocks` are paragraphs, headings and so on, each of sentences; consecutive
    list items make one block of kind "list" with `items`. `ties` of a block or
    item say what other articles say on it (see `ties.margin`).
    """
    row = conn.execute(_POST, (key,)).fetchone()
    if row is None:
        raise NotFoundError(f"no post {key!r} in this database")
    names = ("id", "key", "path", "title", "date", "author", "categories", "tags", "lang", "encoding", "fault")
    post = dict(zip(names, row, strict=True))
    post["tags"] = [str(tag) for tag in json.loads(post["tags"])]
    post["categories"] = [str(one) for one in json.loads(post["categories"])]
    drafts = [
        {"start": start, "end": end, "continues": bool(continues), "truncated": bool(truncated)}
        for start, end, continues, truncated in conn.execute(
            'SELECT start, "end", continues, truncated FROM drafts WHERE post_id = ? ORDER BY position', (post["id"],)
        )
    ]
    counts = dict(
        conn.execute(
            "SELECT action, count(*) FROM ledger WHERE post_id = ? AND action <> 'separator' GROUP BY 1", (post["id"],)
        )
    )
    beside = ties.margin(conn, post["id"])
    ledger_names = ("action", "reason", "start", "end", "target", "text", "kept")
    return {
        **post,
        "drafts": drafts,
        "blocks": _blocks(conn.execute(_SENTENCES, (post["id"],)), beside),
        "related": ties.articles(conn, post["path"], beside, RELATED),
        "ledger": [dict(zip(ledger_names, line, strict=True)) for line in conn.execute(_LEDGER, (post["id"], most))],
        "left_out": dict(sorted(counts.items(), key=lambda pair: -pair[1])),
        "left_out_total": sum(counts.values()),
    }


def _blocks(rows: Iterable[Sequence[Any]], beside: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Put sentences together to passages, and list items to lists."""
    blocks: list[dict[str, Any]] = []
    open_passage: int | None = None
    above: list[int] = []  # levels of the headings that the text stands under
    at_draft = 0
    for plain, kind, certainty, holder, start, end, passage, block, level, lead, draft, claim, posts in rows:
        sentence = {
            "text": plain,
            "kind": kind,
            "certainty": certainty,
            "holder": holder,
            "start": start,
            "end": end,
            "claim": claim,
            "posts": posts,
            "space": False,
        }
        if passage != open_passage:
            made = {"kind": block, "level": level, "lead": lead, "sentences": [sentence], "draft": None, "ties": []}
            if plain.startswith(lead):
                made["lead"] = ""
            if draft != at_draft and blocks:
                made["draft"] = draft
            at_draft = draft
            if block == "heading":
                while above and above[-1] >= level:
                    above.pop()
                above.append(level)
                made["level"] = min(len(above) + 1, 6)  # below the title, without gaps
            if block == "item" and blocks and blocks[-1]["kind"] == "list" and made["draft"] is None:
                blocks[-1]["items"].append(made)
            elif block == "item":
                blocks.append({"kind": "list", "items": [made], "draft": made["draft"]})
            else:
                blocks.append(made)
            current = made
        else:
            before = current["sentences"][-1]["text"]
            sentence["space"] = before[-1:].isascii() and plain[:1].isascii()
            current["sentences"].append(sentence)
        current["ties"] += beside.get(start, ())
        open_passage = passage
    return blocks


def source(conn: sqlite3.Connection, key: str) -> str:
    """Return the text of a post as it was on disk."""
    row = conn.execute(
        "SELECT t.text FROM sources t JOIN posts p ON p.id = t.post_id WHERE p.key = ?", (key,)
    ).fetchone()
    if row is None:
        raise NotFoundError(f"no post {key!r} in this database")
    return str(row[0])


def original(conn: sqlite3.Connection, key: str) -> list[Piece]:
    """Return the source of a post in pieces, kept and left out; front matter is one of neither."""
    text = source(conn, key)
    (post_id,) = conn.execute("SELECT id FROM posts WHERE key = ?", (key,)).fetchone()
    kept = [
        (int(a), int(b), int(start))
        for start, spans in conn.execute("SELECT start, spans FROM sentences WHERE post_id = ?", (post_id,))
        for a, b in json.loads(spans)
    ]
    known = {start for _, _, start in kept}
    left_out = [
        (start, end, action, reason, target if target in known else None)
        for start, end, action, reason, target in conn.execute(
            'SELECT start, "end", action, reason, target_start FROM ledger WHERE post_id = ?', (post_id,)
        )
    ]
    return pieces(text, kept, left_out)


def context(conn: sqlite3.Connection, key: str, start: int) -> list[dict[str, Any]]:
    """Return the sentences of the passage in which the sentence at `start` stands; `here` marks that one."""
    (post_id,) = conn.execute("SELECT id FROM posts WHERE key = ?", (key,)).fetchone()
    rows = conn.execute(
        "SELECT plain, start FROM sentences WHERE passage_id ="
        " (SELECT passage_id FROM sentences WHERE post_id = ? AND start = ?) ORDER BY position",
        (post_id, start),
    ).fetchall()
    found: list[dict[str, Any]] = []
    for plain, at in rows:
        space = bool(found) and found[-1]["text"][-1:].isascii() and plain[:1].isascii()
        found.append({"text": plain, "start": at, "here": at == start, "space": space})
    at = next((place for place, one in enumerate(found) if one["here"]), 0)
    return found[max(0, at - 2) : at + 3]


def repeating(conn: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the posts that repeat themselves most: characters left out, and their share of the body."""
    names = ("key", "path", "title", "date", "left_out", "length", "count")
    found = [dict(zip(names, row, strict=True)) for row in conn.execute(_REPEATING, (limit,))]
    for post in found:
        post["share"] = min(1.0, post["left_out"] / post["length"]) if post["length"] else 0.0
    return found
