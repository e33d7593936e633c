"""A small database for tests of what reads one: made by hand, so that no other stage takes part."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kb import fts, schema
from kb.text import fold, short_key, text_hash, tokens

DIM = 256
Vectors = npt.NDArray[np.float32]


class WordEncoder:
    """A stand-in for a model: each word has a random direction of its own, always the same."""

    dim = DIM
    revision = "words"

    def encode(self, texts: Sequence[str], kind: str = "document") -> Vectors:
        made = np.zeros((len(texts), DIM), dtype=np.float32)
        for row, text in zip(made, texts, strict=True):
            for token in tokens(text):
                seed = int.from_bytes(hashlib.blake2b(token.norm.encode(), digest_size=4).digest(), "big")
                row += np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
            length = np.linalg.norm(row)
            row /= length if length else 1
        return made


@dataclass(frozen=True)
class Said:
    """A sentence of a test's post."""

    text: str
    kind: str = "fact"
    certainty: str = "asserted"
    holder: str = "author"
    topics: Sequence[str] = ()
    quote: str = ""


@dataclass(frozen=True)
class Post:
    """A test's post."""

    path: str
    said: Sequence[Said | str]
    title: str = "題"
    date: str | None = "2025-09-01"
    tags: Sequence[str] = ()
    categories: Sequence[str] = ()
    headings: dict[int, str] = field(default_factory=dict)


POSTS = (
    Post(
        "2025-09/korea.md",
        (
            Said("韓国政府は南西部の海沿いにAI向けの電力網を新設する計画を発表した。", topics=("korea",)),
            Said(
                "韓国のデータセンターは2030年までに電力需要を3倍に増やす見込みだ。",
                "forecast",
                "hedged",
                topics=("korea", "power"),
            ),
            Said("エンジニアの人材が足りないことが最大の壁になると業界団体は述べた。", holder="業界団体"),
        ),
        title="韓国のAI拠点",
        date="2025-09-10",
        tags=("韓国", "電力"),
        categories=("海外",),
    ),
    Post(
        "2025-10/cooling.md",
        (
            "液浸冷却を使うと、サーバの消費電力は従来の空冷より四割ほど下がった。",
            "NVIDIAの新しい基板は1.5キロワットの熱を出す。",
            Said("企業は今年のうちに冷却設備の更新計画を立てるべきだ。", "advice"),
            "C++とGPT-4の両方に詳しい技術者を探している会社が増えた。",
        ),
        title="冷却の話",
        date="2025-10-02",
        tags=("冷却",),
    ),
    Post(
        "undated.md",
        (
            Said(
                "韓国政府は南西部の海沿いにAI向けの電力網を新設する計画を発表した。",
                quote="**韓国政府**は南西部の海沿いに\nAI向けの電力網を新設する計画を発表した。",
            ),
            "太陽光と風力の電力は夜と無風の日に足りなくなる。",
            "The grid operator will connect two new wind farms next spring.",
        ),
        title="送電網",
        date=None,
    ),
)
TOPICS = (("korea", "韓国", "Korea", None), ("power", "電力", "Power", None), ("grid", "送電", "Grid", "power"))


def make(path: Path, posts: Iterable[Post] = POSTS, *, encoder: WordEncoder | None = None) -> Path:
    """Make a database at `path` of `posts`, with embeddings where there is an encoder."""
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as conn:
        for place, (slug, ja, en, parent) in enumerate(TOPICS):
            conn.execute(
                "INSERT INTO topics(slug, name_ja, name_en, aliases, seeds, exclude, parent, discovered, position)"
                " VALUES (?,?,?,'[]','[]','[]',?,0,?)",
                (slug, ja, en, parent, place),
            )
        for post in posts:
            _put_post(conn, post)
        conn.execute(
            "UPDATE claims SET occurrence_count = (SELECT count(*) FROM occurrences WHERE claim_id = claims.id),"
            " post_count = (SELECT count(DISTINCT post_id) FROM occurrences WHERE claim_id = claims.id)"
        )
        if encoder:
            embed(conn, encoder)
        conn.commit()
    return path


def embed(conn: sqlite3.Connection, encoder: WordEncoder) -> None:
    """Store a vector of every claim, under a model that is active."""
    conn.execute(
        "INSERT INTO models(id, name, source, revision, dim, settings, active, created)"
        " VALUES (1, 'words', 'words', ?, ?, '{}', 1, '')",
        (encoder.revision, encoder.dim),
    )
    rows = conn.execute("SELECT text_hash, text FROM claims ORDER BY id").fetchall()
    vectors = encoder.encode([text for _, text in rows]).astype("<f4")
    conn.executemany(
        "INSERT INTO embeddings(model_id, text_hash, vector) VALUES (1, ?, ?)",
        [(text_hash, vector.tobytes()) for (text_hash, _), vector in zip(rows, vectors, strict=True)],
    )


def _insert(conn: sqlite3.Connection, table: str, **values: object) -> int:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" * len(values))
    return conn.execute(f"INSERT INTO {table}({names}) VALUES ({marks})", list(values.values())).lastrowid or 0


def _put_post(conn: sqlite3.Connection, post: Post) -> None:
    post_id = _insert(
        conn, "posts", key=short_key("post", post.path), path=post.path, root="posts", title=post.title, date=post.date,
        author="", categories=json.dumps(post.categories, ensure_ascii=False),
        tags=json.dumps(post.tags, ensure_ascii=False), language="ja", content_hash=post.path, reading="",
        encoding="utf-8", body_start=0, front_matter="{}", fault="",
    )  # fmt: skip
    draft = _insert(conn, "drafts", post_id=post_id, position=0, start=0, end=9_999, continues=0, truncated=0)
    passage = _insert(
        conn, "passages", post_id=post_id, draft_id=draft, position=0, kind="paragraph", level=0, start=0, end=9_999,
        headings="[]", lead="",
    )  # fmt: skip
    start = 0
    for position, one in enumerate(post.said):
        said = Said(one) if isinstance(one, str) else one
        text = said.quote or said.text
        place = {"start": start, "end": start + len(text), "spans": json.dumps([[start, start + len(text)]])}
        labels = {"kind": said.kind, "certainty": said.certainty, "holder": said.holder}
        sentence = _insert(
            conn, "sentences", post_id=post_id, passage_id=passage, position=position, text=text, plain=said.text,
            cues="[]", **place, **labels,
        )  # fmt: skip
        claim = _claim(conn, said, post, labels)
        _insert(conn, "occurrences", sentence_id=sentence, claim_id=claim, post_id=post_id, **place)
        start += len(text) + 1


def _claim(conn: sqlite3.Connection, said: Said, post: Post, labels: dict[str, str]) -> int:
    key = short_key("claim", fold(said.text))
    known = conn.execute("SELECT id FROM claims WHERE key = ?", (key,)).fetchone()
    if known:
        return int(known[0])
    claim = _insert(
        conn, "claims", key=key, text=said.text, text_hash=text_hash(said.text), language="ja", occurrence_count=0,
        post_count=0, first_date=post.date, last_date=post.date, **labels,
    )  # fmt: skip
    words, grams = fts.terms(said.text)
    _insert(conn, "claim_terms", claim_id=claim, words=words, grams=grams, version=1)
    for slug in said.topics:
        (topic,) = conn.execute("SELECT id FROM topics WHERE slug = ?", (slug,)).fetchone()
        _insert(
            conn, "claim_topics", topic_id=topic, claim_id=claim, score=0.9,
            evidence=json.dumps([slug], ensure_ascii=False),
        )  # fmt: skip
    return claim


Load = Callable[[str], WordEncoder]
