"""A served site for the tests: a database that is really built, a Datasette that shows it, a strict reader of pages."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import kb
from kb import server
from kb.server import words

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "datasette"
VOID = {"meta", "link", "input", "br", "img", "hr"}
PAGES = (
    "home", "search", "search-nothing", "search-posts", "search-form", "search-refused", "article", "original", "claim",
    "topic", "topic-kind", "topics", "entity", "conflicts", "duplicates", "map", "missing",
)  # fmt: skip
# Every way in that a post has: file name, front matter, heading, prose, list, link, quotation.
EVIL_NAME = '2026-09-09-"><img src=x onerror=alert(0)>.md'
EVIL_POST = """---
title: '"><script>alert("title")</script><img src=x onerror=alert(1)>'
date: 2026-09-09
author: "</a><svg onload=alert('author')>"
tags: ["<b onmouseover=alert('tag')>tag</b>", "{{ 7 * 7 }}"]
---

## 見出し<script>alert("heading")</script>と {{ 6 * 7 }}

危険な発電所は、出力&lt;script&gt;alert("entity")&lt;/script&gt;で九百メガワットの電力を送り出した。
[危険な送電線](javascript:alert('link'))は、`<script>alert("code")</script>`という印を付けて電力を運んでいる。
「"><img src=x onerror=alert('quote')>」と担当者は電力会社の会見で述べた。
<a href="javascript:alert('html')" onclick="alert('click')">危険な変電所</a>は昨年から電力を止めている。
表示を乱す\u202e文字列\u202cを含む電力の文も、記録として残されている。

- <style>body{display:none}</style>危険な蓄電池は、電力を四割失った。
"""


class Page(HTMLParser):
    """A page read strictly: tags must nest; links, ids and text are kept."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"left open: {self.open}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) < len(attrs):
            self.faults.append(f"an attribute twice in {tag}")
        self.tags.append((tag, given))
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.links += [str(given[name]) for name in ("href", "src", "action") if given.get(name) is not None]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> where {self.open} is open")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


class Reader:
    """A Datasette and an event loop to ask it in."""

    def __init__(self, application: Any, runner: asyncio.Runner) -> None:
        self.application = application
        self.runner = runner
        runner.run(application.invoke_startup())

    def get(self, path: str, **headers: str) -> Any:
        return self.runner.run(self.application.client.get(path, headers=headers))

    def page(self, path: str, status: int = 200, **headers: str) -> Page:
        """Return a page of ours, having checked what must hold of every one."""
        answer = self.get(path, **headers)
        assert answer.status_code == status, (path, answer.text[:500])
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        page = Page(answer.text)
        assert page.faults == [], path
        assert len(set(page.ids)) == len(page.ids), path
        for tag, given in page.tags:
            assert not [name for name in given if name.startswith("on") or name == "style"], (path, tag)
            assert tag != "style", path
            assert tag != "script" or given.get("src"), path
        assert not [link for link in page.links if link.lower().lstrip().startswith(("javascript:", "data:"))]
        tops = [tag for tag, _ in page.tags]
        assert (tops.count("h1"), tops.count("main"), tops.count("footer")) == (1, 1, 1), path
        (html,) = (given for tag, given in page.tags if tag == "html")
        assert html["lang"] in words.LANGUAGES
        return page


_BUILT: list[Path] = []  # the fixture belongs to more than one module; one build is enough


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the sample posts and a hostile one."""
    if not _BUILT:
        folder = tmp_path_factory.mktemp("site")
        posts, db = folder / "posts", folder / "any name.db"
        shutil.copytree(ROOT / "data" / "posts", posts)
        (posts / EVIL_NAME).write_text(EVIL_POST, "utf-8")
        command = [sys.executable, "-m", "kb", "build", posts, "--db", db]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        _BUILT.append(db)
    return _BUILT[0]


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="session")
def site(database: Path, runner: asyncio.Runner) -> Reader:
    return Reader(server.site(database), runner)


@pytest.fixture(scope="session")
def base(database: Path) -> Iterator[kb.KnowledgeBase]:
    with kb.open(database) as one:
        yield one


@pytest.fixture(scope="session")
def paths(database: Path) -> dict[str, str]:
    """Return an address of every page type, the fullest of its kind."""
    with closing(sqlite3.connect(database)) as connection:

        def one(sql: str) -> str:
            return str(connection.execute(sql).fetchone()[0])

        claim = one("SELECT c.key FROM claims c JOIN links l ON c.id IN (l.a_id, l.b_id) ORDER BY l.relation LIMIT 1")
        post = one("SELECT p.key FROM posts p JOIN ledger l ON l.post_id = p.id GROUP BY p.id ORDER BY count(*) DESC")
        topic = one(
            "SELECT slug FROM topics t JOIN claim_topics ON topic_id = t.id GROUP BY t.id ORDER BY count(*) DESC"
        )
        entity = one(
            "SELECT e.key FROM entities e JOIN claim_entities ON entity_id = e.id GROUP BY e.id ORDER BY count(*) DESC"
        )
    found = quote("電力")
    return {
        "home": "/",
        "search": f"/-/search?q={found}",
        "search-nothing": f"/-/search?q={quote('ペンギンの繁殖地')}",
        "search-posts": f"/-/search?q={found}&group=post&kind=fact",
        "search-form": "/-/search",
        "search-refused": f"/-/search?q={found}&mode=best",
        "article": f"/article/{post}",
        "original": f"/article/{post}?original=1",
        "claim": f"/claim/{claim}",
        "topic": f"/topic/{topic}",
        "topic-kind": f"/topic/{topic}?kind=fact",
        "topics": "/topics",
        "entity": f"/entity/{entity}",
        "conflicts": "/conflicts",
        "duplicates": "/duplicates",
        "map": "/map",
        "missing": "/claim/nothing",
    }


def rows(database: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, values).fetchall()


def changed(database: Path, target: Path, *statements: str) -> Path:
    """Return a copy of a database with some SQL run on it."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        for statement in statements:
            copy.execute(statement)
        copy.commit()
    return target
