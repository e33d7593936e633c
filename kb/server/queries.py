"""What the pages ask of a database beyond `kb.search.lookups`: plain SQL over a connection for reading."""

from __future__ import annotations

import difflib
import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kb.errors import NotFoundError, near
from kb.search import lookups, occurrences, post_path

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
_MONTHS = (
    "SELECT substr(p.date, 1, 7), c.kind, count(DISTINCT c.id) FROM claim_topics ct"
    " JOIN topics t ON t.id = ct.topic_id JOIN claims c ON c.id = ct.claim_id"
    " JOIN occurrences o ON o.claim_id = c.id JOIN posts p ON p.id = o.post_id"
    " WHERE t.slug = ? AND p.date GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]*' GROUP BY 1, 2"
)
_KINDS = (
    "SELECT c.kind, count(*) FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id"
    " JOIN claims c ON c.id = ct.claim_id WHERE t.slug = ? GROUP BY 1"
)
_POSTS = (
    "SELECT p.key, p.path, p.title, p.date, count(DISTINCT ct.claim_id) AS n FROM claim_topics ct"
    " JOIN topics t ON t.id = ct.topic_id JOIN occurrences o ON o.claim_id = ct.claim_id"
    " JOIN posts p ON p.id = o.post_id WHERE t.slug = ? GROUP BY p.id ORDER BY n DESC, p.date DESC, p.path LIMIT ?"
)
_TOPIC_CLAIMS = (
    "SELECT c.id, c.key, c.text, c.certainty, c.holder, c.post_count, ct.score FROM claim_topics ct"
    " JOIN topics t ON t.id = ct.topic_id JOIN claims c ON c.id = ct.claim_id"
    " WHERE t.slug = ? AND c.kind = ? ORDER BY c.post_count DESC, ct.score DESC, c.key LIMIT ? OFFSET ?"
)
_REPEATING = (  # the lengths of texts are read for the few posts that are shown only
    'WITH most AS (SELECT post_id, sum("end" - start) AS left_out, count(*) AS n FROM ledger'
    " WHERE action IN ('repeat', 'near-repeat', 'overlap') GROUP BY post_id ORDER BY left_out DESC, post_id LIMIT ?)"
    " SELECT p.key, p.path, p.title, p.date, m.left_out, length(t.text) - p.body_start, m.n"
    " FROM most m JOIN posts p ON p.id = m.post_id JOIN sources t ON t.post_id = p.id ORDER BY m.left_out DESC, p.path"
)
_NEAR = 0.4


def numbers(conn: sqlite3.Connection) -> dict[str, Any]:
    """Return `lookups.stats` with `repeats` and `conflicts` among its counts."""
    found = lookups.stats(conn)
    (found["counts"]["repeats"],) = conn.execute(
        "SELECT count(*) FROM ledger WHERE action IN ('repeat', 'near-repeat')"
    ).fetchone()
    (found["counts"]["conflicts"],) = conn.execute("SELECT count(*) FROM links WHERE relation = 'conflict'").fetchone()
    return found


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
    list items make one block of kind "list" with `items`.
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
    ledger_names = ("action", "reason", "start", "end", "target", "text", "kept")
    return {
        **post,
        "drafts": drafts,
        "blocks": _blocks(conn.execute(_SENTENCES, (post["id"],))),
        "ledger": [dict(zip(ledger_names, line, strict=True)) for line in conn.execute(_LEDGER, (post["id"], most))],
        "left_out": dict(sorted(counts.items(), key=lambda pair: -pair[1])),
        "left_out_total": sum(counts.values()),
    }


def _blocks(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
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
            made = {"kind": block, "level": level, "lead": lead, "sentences": [sentence], "draft": None}
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


def topic_outline(conn: sqlite3.Connection, slug: str, posts: int) -> dict[str, Any]:
    """Return counts of a topic by kind, and by month and kind, and the posts that say most about it."""
    by_month: dict[str, dict[str, int]] = {}
    for month, kind, count in conn.execute(_MONTHS, (slug,)):
        by_month.setdefault(month, {})[kind] = count
    names = ("key", "path", "title", "date", "claims")
    return {
        "kinds": dict(conn.execute(_KINDS, (slug,))),
        "months": by_month,
        "posts": [dict(zip(names, row, strict=True)) for row in conn.execute(_POSTS, (slug, posts))],
    }


def topic_claims(conn: sqlite3.Connection, slug: str, kind: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return claims of one kind and topic, those said in most posts first, each with its places."""
    rows = conn.execute(_TOPIC_CLAIMS, (slug, kind, limit, offset)).fetchall()
    said = occurrences(conn, [row[0] for row in rows])
    return [
        {
            "claim": key,
            "text": text,
            "kind": kind,
            "certainty": certainty,
            "holder": holder,
            "posts": posts,
            "score": score,
            "place": said[claim_id][0] if said[claim_id] else None,
        }
        for claim_id, key, text, certainty, holder, posts, score in rows
    ]


def repeating(conn: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the posts that repeat themselves most: characters left out, and their share of the body."""
    names = ("key", "path", "title", "date", "left_out", "length", "count")
    found = [dict(zip(names, row, strict=True)) for row in conn.execute(_REPEATING, (limit,))]
    for post in found:
        post["share"] = min(1.0, post["left_out"] / post["length"]) if post["length"] else 0.0
    return found


def near_claims(conn: sqlite3.Connection, key: str) -> str:
    """Return the end of a message: the claims whose keys begin like `key`, a link cut short."""
    head = key[:8]
    if len(head) < 4:
        return ""
    # The first letters of a key, as a range: an index answers that.
    rows = conn.execute(
        "SELECT key FROM claims WHERE key >= ? AND key < ? LIMIT 20", (head, head + "\uffff")
    ).fetchall()
    return near(key, [row[0] for row in rows]) if rows else ""


def near_posts(conn: sqlite3.Connection, given: str, most: int = 5) -> list[dict[str, Any]]:
    """Return posts whose title, file name or key is near `given`."""
    rows = conn.execute("SELECT key, path, title, date FROM posts").fetchall()
    names: dict[str, Sequence[Any]] = {}
    for row in rows:
        names.update({_fold(str(row[0])): row, _fold(str(row[1]).rsplit("/", 1)[-1]): row, _fold(str(row[2])): row})
    return [dict(zip(("key", "path", "title", "date"), row, strict=True)) for row in _nearest(given, names, most)]


def near_topics(topics: Sequence[Mapping[str, Any]], given: str, most: int = 5) -> list[Mapping[str, Any]]:
    """Return topics whose slug or name is near `given`; those with most claims where none is."""
    names = {}
    for topic in reversed(topics):
        for name in (topic["slug"], *topic["names"].values()):
            names[_fold(name)] = topic
    return list(_nearest(given, names, most)) or [topic for topic in topics if topic["claims"]][:most]


def _nearest(given: str, names: Mapping[str, Any], most: int) -> list[Any]:
    """Return the values of the names that are near `given` or hold it, each once."""
    folded = _fold(given)[:200]
    if not folded:
        return []
    close = [name for name in names if folded in name][:most]
    close += difflib.get_close_matches(folded, list(names), n=most, cutoff=_NEAR)
    found: list[Any] = []
    for name in close:
        if names[name] not in found:
            found.append(names[name])
    return found[:most]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
