"""What the tests of exports share: a small database with figures, dates, names, conflicts and nasty words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from search_data import POSTS, Post, Said, WordEncoder, make

from kb import schema

NASTY = [
    "a | b `code` **bold** _em_ ~~x~~",
    "<script>alert(1)</script> &lt;b&gt;",
    "[link](javascript:x) ![img](y)",
    "1. 一番 # 見出し",
    "- 項目",
    "+ 項目",
    "> 引用",
    "# 見出し",
    "2) 二番",
    "=====",
    "改行\n\n# 見出し\r\n- 項目",
    "右から\u202e左へ\u2066隠す\u200b",
    "https://example.com と www.example.com",
    "\\`逃げ\\`",
    "$x^2$ と {{ liquid }} と {% raw %}",
    "末尾の\\",
    "==印== と %%注%%",
    "=1+2",
    "＝HYPERLINK(1)",
    "@SUM(A1)",
    "'引用符",
    "[^1]: `偽`",
    "a [^1] b",
    "---",
    "```",
    "']]>'\"&amp;",
]
TALKS = (
    Post(
        "2025-11/grid.md",
        (
            Said(
                "電力大手の東海電力は2027年までに3ギガワットの蓄電設備を西部に建設する計画を公表した。",
                topics=("power",),
            ),
            Said(
                "東海電力の報告書は、データセンターの電力需要が2030年に5倍になると予測している。",
                "forecast", "asserted", "東海電力", topics=("power",),
            ),
            Said("この計画は地域の雇用を支える。", "opinion", topics=("power",)),
            Said("送電網の増強を急ぐべきだ。", "advice", topics=("power",)),
            "送電網の費用を誰がどのように負担するのか。",
        ),
        title="東海の電力",
        date="2025-11-05",
    ),
    Post(
        "2026-01/late.md",
        (
            Said("データセンターの電力需要は2030年に2倍にとどまると研究者は述べた。", "forecast", topics=("power",)),
            Said("太陽光発電の費用は10年間で8割下がった。", topics=("power",)),
        ),
        title="遅い見方",
        date="2026-01-20",
    ),
)  # fmt: skip


def database(path: Path, posts: Sequence[Post] = (*POSTS, *TALKS)) -> Path:
    """Make a database whose offsets are true: each post's text is its sentences, a line each."""
    make(path, posts, encoder=WordEncoder())
    with closing(sqlite3.connect(path)) as conn:
        for post in posts:
            lines = [Said(one) if isinstance(one, str) else one for one in post.said]
            text = "\n".join(said.quote or said.text for said in lines)
            conn.execute("INSERT INTO sources(post_id, text) SELECT id, ? FROM posts WHERE path = ?", (text, post.path))
        conn.execute("UPDATE occurrences SET wording = (SELECT key FROM claims WHERE id = claim_id)")
        conn.execute(
            "UPDATE claims SET (first_date, last_date) = (SELECT min(p.date), max(p.date) FROM occurrences o"
            " JOIN posts p ON p.id = o.post_id WHERE o.claim_id = claims.id)"
        )
        # Questions are no claims.
        conn.execute("UPDATE sentences SET kind = 'question' WHERE plain LIKE '%のか。'")
        conn.execute("DELETE FROM claims WHERE id IN (SELECT o.claim_id FROM occurrences o JOIN sentences s"
                     " ON s.id = o.sentence_id WHERE s.kind = 'question')")  # fmt: skip
        conn.execute("DELETE FROM occurrences WHERE claim_id NOT IN (SELECT id FROM claims)")
        conn.execute("DELETE FROM embeddings WHERE text_hash NOT IN (SELECT text_hash FROM claims)")
        conn.commit()
    return path


def enrich(path: Path) -> Path:
    """Add what other stages find: figures, dates, names, an antecedent and a conflict."""
    with closing(sqlite3.connect(path)) as conn:
        storage = claim(conn, "電力大手の東海電力%")
        five, two = claim(conn, "東海電力の報告書%"), claim(conn, "データセンターの電力需要は2030年に2倍%")
        for claim_id, text, dimension, unit, low, high in (
            (storage, "3ギガワット", "power", "W", 3e9, 3e9),
            (five, "5倍", "times", "x", 5.0, 5.0),
            (two, "2倍", "times", "x", 2.0, 2.0),
        ):
            start = said(conn, claim_id).index(text)
            conn.execute(
                'INSERT INTO figures(claim_id, start, "end", text, dimension, unit, low, high, bound)'
                " VALUES (?,?,?,?,?,?,?,?,'')",
                (claim_id, start, start + len(text), text, dimension, unit, low, high),
            )
        for claim_id, text in ((storage, "2027年"), (five, "2030年"), (two, "2030年")):
            start = said(conn, claim_id).index(text)
            conn.execute(
                'INSERT INTO claim_dates(claim_id, start, "end", text, first, last, relative) VALUES (?,?,?,?,?,?,0)',
                (claim_id, start, start + 5, text, f"{text[:4]}-01-01", f"{text[:4]}-12-31"),
            )
        conn.execute("INSERT INTO entities(id, key, name, kind, listed) VALUES (1, 'tokai', '東海電力', 'company', 1)")
        for claim_id in (storage, five):
            start = said(conn, claim_id).index("東海電力")
            conn.execute(
                'INSERT INTO claim_entities(claim_id, start, "end", entity_id, text) VALUES (?,?,?,1,?)',
                (claim_id, start, start + 4, "東海電力"),
            )
        conn.execute("UPDATE sentences SET antecedent = 1 WHERE plain = 'この計画は地域の雇用を支える。'")
        conn.execute(
            "INSERT INTO links(a_id, b_id, relation, score, evidence) VALUES (?,?,'conflict',0.9,?)",
            (min(five, two), max(five, two), json.dumps(["5倍 ≠ 2倍"], ensure_ascii=False)),
        )
        conn.commit()
    return path


def claim(conn: sqlite3.Connection, like: str) -> int:
    """Return the id of the claim that is like a pattern."""
    (found,) = conn.execute("SELECT id FROM claims WHERE text LIKE ?", (like,)).fetchone()
    return int(found)


def said(conn: sqlite3.Connection, claim_id: int) -> str:
    """Return the words of a claim."""
    return str(conn.execute("SELECT text FROM claims WHERE id = ?", (claim_id,)).fetchone()[0])


def nasty(path: Path) -> Path:
    """Make a database in which titles, words and holders are what breaks formats."""
    posts = [
        Post(
            f"2025/{place:02}`x`.md",
            [
                Said(text, topics=("power",), holder=text),
                Said(f"{text}と言う。", "forecast", topics=("power", "korea")),
            ],
            title=text,
        )
        for place, text in enumerate(NASTY)
    ]
    return database(path, posts)


def connect(path: Path) -> sqlite3.Connection:
    """Open a database as `kb` does."""
    return schema.connect(path)
