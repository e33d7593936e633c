"""The site: a real Datasette with our pages, over a database that is really built, read through its test client."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
import yaml

import kb
from kb import schema, server
from kb.config import resource
from kb.errors import DatabaseError, UsageError
from kb.search import MODES
from kb.server import chart, marks, words

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "datasette"
VOID = {"meta", "link", "input", "br", "img", "hr"}
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


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    posts = folder / "posts"
    shutil.copytree(ROOT / "data" / "posts", posts)
    (posts / EVIL_NAME).write_text(EVIL_POST, "utf-8")
    command = [sys.executable, "-m", "kb", "build", posts, "--db", folder / "any name.db"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder / "any name.db"


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


def test_every_link_leads_somewhere(site: Reader) -> None:
    """Walk the site from its first page; every page is whole, every address answers, every anchor exists."""
    waiting = deque(["/", "/-/search?q=電力", "/-/search?q=電力&group=post", "/?lang=en"])
    seen: dict[str, Page | None] = {}
    anchors: set[tuple[str, str]] = set()
    while waiting:
        path = waiting.popleft()
        if path in seen:
            continue
        own = urlsplit(path).path == "/" or re.match(r"/(article|claim|topic|conflicts|duplicates|-/search)", path)
        plain = re.search(r"\.(txt|md|json)$", urlsplit(path).path)
        if own and not plain:
            page = seen[path] = site.page(path)
            for link in page.links:
                parts = urlsplit(link)
                if parts.hostname not in (None, "localhost"):
                    assert link == "https://datasette.io/"
                    continue
                target = parts.path or urlsplit(path).path
                if parts.fragment:
                    anchors.add((target, parts.fragment))
                if "lang=" not in parts.query:
                    waiting.append(target + (f"?{parts.query}" if parts.query else ""))
        else:
            seen[path] = None
            assert site.get(path).status_code == 200, path
    for target, fragment in anchors:
        assert fragment in seen[target].ids, (target, fragment)  # type: ignore[union-attr]
    kinds = {urlsplit(path).path.split("/")[1] for path in seen}
    assert {"", "article", "claim", "topic", "conflicts", "duplicates", "kb", "kb-static", "-"} <= kinds


def test_first_page_tells_the_numbers(site: Reader, base: kb.KnowledgeBase) -> None:
    page = site.page("/")
    counts = base.stats()["counts"]
    assert f"{counts['posts']:,}" in page.words
    assert f"{counts['claims']:,}" in page.words
    for topic in base.topics():
        assert (f"/topic/{topic['slug']}" in page.links) == (topic["claims"] > 0)
    newest = rows(base.path, "SELECT key FROM posts ORDER BY date DESC LIMIT 1")[0][0]
    assert f"/article/{newest}" in page.links


@pytest.mark.parametrize("query", ["電力", "人材", "韓国のAIハブと再生可能エネルギー", "SMR", "サーバ"])
@pytest.mark.parametrize("mode", MODES)
def test_search_shows_what_the_library_finds(site: Reader, base: kb.KnowledgeBase, query: str, mode: str) -> None:
    page = site.page(f"/-/search?q={quote(query)}&mode={mode}")
    hits = base.search(query, limit=20, mode=mode)  # type: ignore[call-overload]
    assert hits
    shown = [unquote(link).removeprefix("/claim/") for link in page.links if link.startswith("/claim/")]
    assert shown == [hit.claim for hit in hits]
    for hit in hits:
        place = hit.occurrences[0]
        assert f"/article/{place.post_key}#s{place.start}" in page.links
        assert marks.readable(hit.text) in page.text
    said = [word for hit in hits for word in hit.matched if word in marks.readable(hit.text)]
    assert bool(said) <= ("mark" in [tag for tag, _ in page.tags])


def test_search_json_is_that_of_the_command(site: Reader, base: kb.KnowledgeBase) -> None:
    answer = site.get("/-/search.json?q=電力&limit=5&kind=fact")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == json.loads(json.dumps([hit.to_dict() for hit in base.search("電力", 5, kind="fact")]))
    assert {"claim", "text", "kind", "certainty", "score", "arms", "matched", "occurrences"} <= set(answer.json()[0])
    assert set(answer.json()[0]["arms"]["keyword"]) == {"rank", "score"}
    by_post = site.get("/-/search.json?q=電力&group=post").json()
    assert {"post", "title", "score", "claims"} <= set(by_post[0])
    assert "app;dur=" in answer.headers["server-timing"]


def test_search_narrows(site: Reader, base: kb.KnowledgeBase) -> None:
    for hit in site.get("/-/search.json?q=電力&kind=forecast&kind=advice").json():
        assert hit["kind"] in ("forecast", "advice")
    topic = next(one["slug"] for one in base.topics() if one["claims"])
    page = site.page(f"/-/search?q=電力&topic={topic}&since=2025-10")
    selected = [given.get("value") for tag, given in page.tags if tag == "option" and "selected" in given]
    assert topic in selected
    assert ("input", {"type": "hidden", "name": "since", "value": "2025-10"}) in page.tags


def test_search_without_a_query_is_a_form(site: Reader) -> None:
    page = site.page("/-/search")
    assert "ol" not in [tag for tag, _ in page.tags]
    assert "q" in [given.get("name") for tag, given in page.tags if tag == "input"]


@pytest.mark.parametrize(
    "asked",
    [
        "mode=best",
        "kind=truth",
        "group=word",
        "topic=no-such-topic",
        "limit=0",
        "limit=99999999",
        "limit=%EF%BC%91",
        "since=yesterday",
        "tag=<script>",
        "post=../../etc/passwd",
        "mode=keyword&mode=semantic",
        "certainty=1%27%20OR%201=1",
        "q=%21%21%21",
        "q=-%E9%9B%BB%E5%8A%9B",
    ],
)
def test_bad_parameters_are_refused_with_a_page(site: Reader, asked: str) -> None:
    query = asked if asked.startswith("q=") else f"q=電力&{asked}"
    page = site.page(f"/-/search?{query}", status=400)
    assert ("p", {"class": "notice", "role": "alert"}) in page.tags
    answer = site.get(f"/-/search.json?{query}")
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


@pytest.mark.parametrize(
    "query",
    [
        "'; DROP TABLE posts; --",
        "NEAR(電力 人材)",
        "words:電力 AND *",
        '"',
        "電力\0力",
        "%ff%fe電力",
        "<b>電力</b>",
        "電力" * 900,
        "^電力*",
        "a OR",
    ],
)
def test_any_query_is_answered(site: Reader, query: str) -> None:
    path = query if query.startswith("%") else quote(query)
    answer = site.get(f"/-/search?q={path}")
    assert answer.status_code in (200, 400)
    assert Page(answer.text).faults == []
    assert "<b>電力" not in answer.text


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/topic/korea-ai-hb", "/topic/korea-ai-hub"),
        ("/topic/korea-ai-hub.xml", "/topic/korea-ai-hub"),
        ("/article/2025-09-24-1-korea-ai-hab.md", "/article/"),
        ("/korea-ai-hub", "/topic/korea-ai-hub"),
        ("/claim/%3Cscript%3E", ""),
        ("/article/%ff%00%E3", ""),
        ("/no/such/page", ""),
        ("/topic/" + "x" * 3000, ""),
    ],
)
def test_unknown_addresses_suggest_near_ones(site: Reader, path: str, near: str) -> None:
    page = site.page(path, status=404)
    if near:
        assert [link for link in page.links if link.startswith(near)]
    assert [given for tag, given in page.tags if tag == "input" and given.get("name") == "q"]


def test_shortened_claim_links_name_the_whole_key(site: Reader, database: Path) -> None:
    ((key,),) = rows(database, "SELECT key FROM claims LIMIT 1")
    assert key in site.page(f"/claim/{key[:9]}", status=404).text


def test_bad_values_elsewhere_are_refused(site: Reader, base: kb.KnowledgeBase) -> None:
    slug = next(one["slug"] for one in base.topics() if one["claims"])
    for path in ("/?lang=fr", "/conflicts?limit=-1", "/duplicates?limit=9999", f"/topic/{slug}?kind=rumour"):
        site.page(path, status=400)
    site.page(f"/topic/{slug}?kind=fact&page=500", status=404)


def test_article_shows_every_sentence_once_and_what_was_left_out(site: Reader, database: Path) -> None:
    for post_id, key, path in rows(database, "SELECT id, key, path FROM posts"):
        page = site.page(f"/article/{key}")
        shown = "".join(page.text.split())
        sentences = rows(database, "SELECT plain, start FROM sentences WHERE post_id = ? ORDER BY position", post_id)
        at = 0
        for plain, start in sentences:
            found = shown.find("".join(plain.split()), at)
            assert found >= 0, (path, plain)
            at = found
            assert f"s{start}" in page.ids
        claims = rows(
            database, "SELECT key FROM claims JOIN occurrences ON claim_id = claims.id WHERE post_id = ?", post_id
        )
        assert {f"/claim/{claim}" for (claim,) in claims} <= set(page.links)
        ((left_out,),) = rows(
            database, "SELECT count(*) FROM ledger WHERE post_id = ? AND action <> 'separator'", post_id
        )
        lines = [tag for tag, _ in page.tags if tag == "tr"]
        assert len(lines) == (left_out + 1 if left_out else 0)


def test_article_by_file_name_leads_to_its_address(site: Reader, database: Path) -> None:
    ((key, path),) = rows(database, "SELECT key, path FROM posts WHERE path LIKE '%korea-ai-hub.md'")
    answer = site.get(f"/article/{quote(path)}")
    assert (answer.status_code, answer.headers["location"]) == (302, f"/article/{key}")


def test_article_files(site: Reader, base: kb.KnowledgeBase, database: Path) -> None:
    ((key, text),) = rows(database, "SELECT key, text FROM posts JOIN sources ON post_id = id LIMIT 1")
    source = site.get(f"/article/{key}.txt")
    assert source.text == text
    assert source.headers["content-type"] == "text/plain; charset=utf-8"
    assert source.headers["x-content-type-options"] == "nosniff"
    assert base.show(key)["article"] in site.get(f"/article/{key}.md").text


def test_claim_page_quotes_its_places(site: Reader, base: kb.KnowledgeBase, database: Path) -> None:
    several = rows(database, "SELECT key FROM claims ORDER BY post_count DESC, key LIMIT 3")
    linked = rows(database, "SELECT key FROM claims WHERE id IN (SELECT a_id FROM links UNION SELECT b_id FROM links)")
    assert linked
    for (key,) in [*several, *linked]:
        claim = base.show(key)
        page = site.page(f"/claim/{key}")
        assert marks.readable(claim["text"]) in page.text
        for place in claim["occurrences"]:
            assert f"/article/{place['post_key']}#s{place['start']}" in page.links
            for start, end in place["spans"]:
                assert f"{start:,}–{end:,}" in page.text
        assert {f"/claim/{link['claim']}" for link in claim["links"]} <= set(page.links)
        assert {f"/topic/{topic['slug']}" for topic in claim["topics"]} <= set(page.links)
        assert f"http://localhost/claim/{key}" in page.links
        assert "mark" in [tag for tag, _ in page.tags]


def test_topic_page_counts_and_downloads(site: Reader, base: kb.KnowledgeBase) -> None:
    for topic in base.topics():
        page = site.page(f"/topic/{topic['slug']}")
        assert f"{topic['claims']:,}" in page.text
        summary = json.loads(base.export(topic["slug"], "json"))["topics"][0]
        for section in summary["sections"]:
            own = site.page(f"/topic/{topic['slug']}?kind={section['kind']}")
            assert {f"/claim/{claim['claim']}" for claim in section["claims"]} <= set(own.links)
        for form in ("md", "json"):
            answer = site.get(f"/topic/{topic['slug']}.{form}")
            assert answer.text == base.export(topic["slug"], form)
            assert topic["slug"] in answer.headers["content-disposition"]


def test_conflicts_show_both_sides(site: Reader, base: kb.KnowledgeBase) -> None:
    pairs = base.conflicts(50)
    assert pairs
    page = site.page("/conflicts")
    for pair in pairs:
        assert {f"/claim/{pair['a']['claim']}", f"/claim/{pair['b']['claim']}"} <= set(page.links)


def test_duplicates_show_claims_and_posts(site: Reader, base: kb.KnowledgeBase) -> None:
    page = site.page("/duplicates")
    assert {f"/claim/{one['claim']}" for one in base.duplicates(50)} <= set(page.links)
    assert "meter" in [tag for tag, _ in page.tags]


def test_nothing_of_a_hostile_post_comes_alive(site: Reader, database: Path) -> None:
    ((key,),) = rows(database, "SELECT key FROM posts WHERE path = ?", EVIL_NAME)
    claims = rows(database, "SELECT c.key FROM claims c JOIN occurrences o ON o.claim_id = c.id JOIN posts p"
                            " ON p.id = o.post_id WHERE p.key = ?", key)  # fmt: skip
    assert claims
    paths = ["/", f"/article/{key}", "/-/search?q=危険な電力", "/-/search?q=危険な電力&group=post", "/duplicates"]
    paths += [f"/claim/{claim}" for (claim,) in claims]
    for path in paths:  # `page` has looked for handlers, styles, scripts and javascript: already
        page = site.page(path)
        assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "embed", "base")]
        assert len([tag for tag, _ in page.tags if tag == "script"]) == 1
        assert "{{" not in page.text.replace("{{ 6 * 7 }}", "").replace("{{ 7 * 7 }}", "")
        assert "49" not in page.text or "{{ 7 * 7 }}" in page.text or path != f"/article/{key}"
    article = site.page(f"/article/{key}")
    assert '"><script>alert("title")</script>' in site.get("/kb/posts.json?_shape=array&_size=max").text.replace(
        '\\"', '"'
    )
    assert "{{ 7 * 7 }}" in article.text
    cells = site.get("/kb/posts").text
    assert "<script>alert(" not in cells
    assert "<img src=x" not in cells
    for form in ("txt", "md"):
        answer = site.get(f"/article/{key}.{form}")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("ja", "ja"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("de,ja;q=0.5", "ja"),
        ("de", "en"),
        ("", "ja"),
        ("*", "ja"),
        (";q=x,,", "en"),
    ],
)
def test_language_of_the_browser(site: Reader, accepted: str, lang: str) -> None:
    page = site.page("/", **{"accept-language": accepted})
    assert page.tags[0] == ("html", {"lang": lang})
    assert words.words(lang)("numbers") in page.words


def test_chosen_language_stays(site: Reader) -> None:
    answer = site.get("/duplicates?limit=3&lang=en", **{"accept-language": "ja"})
    assert '<html lang="en">' in answer.text
    assert 'href="?limit=3&amp;lang=ja"' in answer.text
    cookie = answer.headers["set-cookie"]
    assert "kb_lang=en" in cookie
    assert "accept-language" in answer.headers["vary"].lower()
    assert '<html lang="en">' in site.get("/", **{"accept-language": "ja", "cookie": cookie.split(";")[0]}).text
    site.page("/", cookie="kb_lang=xx")


def test_strings_are_all_there_and_all_used() -> None:
    table = words.table()
    assert set(table["ja"]) == set(table["en"])
    source = "".join(path.read_text("utf-8") for path in sorted((SITE / "templates").rglob("*.html")))
    used = set(re.findall(r"\bt\([\"']([a-z_0-9]+)[\"']", source)) | set(re.findall(r"\"(results)\"", source))
    made = tuple(name for name in used if name.endswith("_"))
    assert {name for name in used if not name.endswith("_")} <= set(table["ja"])
    assert {name for name in table["ja"] if name not in used and not name.startswith(made)} == set()
    for name, text in table["ja"].items():
        assert set(re.findall(r"{(\w+)", text)) == set(re.findall(r"{(\w+)", table["en"][name])), name


def test_every_left_out_action_has_a_name() -> None:
    from typing import get_args

    from kb.records import LedgerAction

    assert {f"action_{action}" for action in get_args(LedgerAction)} <= set(words.table()["en"])


def test_language_refuses_what_it_does_not_speak() -> None:
    with pytest.raises(UsageError, match="fr"):
        words.language("fr", None, "")


def test_works_behind_a_prefix(database: Path, runner: asyncio.Runner) -> None:
    site = Reader(server.site(database, {"base_url": "/kb-site/"}), runner)  # its client adds the prefix
    ((key,),) = rows(database, "SELECT key FROM claims LIMIT 1")
    for path in ("/", f"/claim/{key}", "/conflicts", "/-/search?q=電力", "/duplicates"):
        links = [link for link in site.page(path).links if not link.startswith(("https://datasette.io", "#", "?"))]
        assert [link for link in links if not link.removeprefix("http://localhost").startswith("/kb-site/")] == []
    site.page("/nothing", status=404)
    assert "Path=/kb-site/" in site.get("/?lang=en").headers["set-cookie"]


def test_without_embeddings_words_are_searched_and_the_page_says_so(
    database: Path, tmp_path: Path, runner: asyncio.Runner
) -> None:
    bare = changed(database, tmp_path / "bare.db", "DELETE FROM embeddings", "DELETE FROM models")
    site = Reader(server.site(bare), runner)
    assert words.words("ja")("no_vectors") in site.page("/", **{"accept-language": "ja"}).text
    for mode in MODES:
        page = site.page(f"/-/search?q=電力&mode={mode}")
        assert [link for link in page.links if link.startswith("/claim/")]
        assert (("p", {"class": "notice"}) in page.tags) == (mode != "keyword")
    assert site.get("/-/search.json?q=電力&mode=semantic").status_code == 503
    assert site.get("/-/search.json?q=電力").status_code == 200


def test_database_of_a_newer_kb_is_named_on_every_page(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    path = changed(database, tmp_path / "kb.db")
    site = Reader(server.site(path), runner)
    site.page("/")
    changing = sqlite3.connect(path)  # another kb upgrades it while the site is open
    with closing(changing):
        changing.execute("UPDATE alembic_version SET version_num = '9999'")
        changing.commit()
    page = site.page("/", status=503)
    assert "9999" in page.text
    assert str(tmp_path) not in page.text
    assert site.get("/-/search.json?q=電力").status_code == 503
    site.page("/claim/x", status=503)


def test_an_older_database_is_brought_up_to_date(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    from alembic import command

    path = changed(database, tmp_path / "kb.db")
    with schema.migrating(path) as connection:
        command.downgrade(schema.alembic_config(connection), schema.revisions()[0])
    Reader(server.site(path), runner).page("/")
    assert rows(path, "SELECT version_num FROM alembic_version") == [(schema.revisions()[-1],)]


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database", "utf-8")
    for name in ("none.db", "text.db"):
        with pytest.raises(DatabaseError):
            server.site(tmp_path / name)


def test_a_rebuilt_file_is_noticed(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    path = changed(database, tmp_path / "kb.db")
    site = Reader(server.site(path), runner)
    site.page("/")
    changed(database, tmp_path / "new.db", "UPDATE posts SET title = '新しい題名'").replace(path)
    assert "新しい題名" in site.page("/").text


def test_search_goes_on_while_a_build_writes(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    path = changed(database, tmp_path / "kb.db")
    with closing(schema.connect(path, writable=True)) as writer:
        assert writer.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        site = Reader(server.site(path), runner)
        before = site.page("/-/search?q=電力").links
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM claims")
        assert site.page("/-/search?q=電力").links == before
        assert site.get("/kb/claims.json").status_code == 200
        writer.execute("COMMIT")
        assert not [link for link in site.page("/-/search?q=電力").links if link.startswith("/claim/")]


def test_database_is_read_only(site: Reader, database: Path) -> None:
    for sql in ("DELETE FROM posts", "PRAGMA writable_schema = 1", "ATTACH 'x.db' AS x"):
        assert site.get(f"/kb.json?sql={quote(sql)}").status_code == 400
    assert rows(database, "SELECT count(*) FROM posts")[0][0] > 0


def test_plain_datasette_shows_the_same(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    from datasette.app import Datasette

    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    application = Datasette(
        [str(other), str(database)],
        metadata=yaml.safe_load((SITE / "metadata.yml").read_text("utf-8")),
        template_dir=str(SITE / "templates"),
        plugins_dir=str(SITE / "plugins"),
        static_mounts=[(server.STATIC, str(SITE / "static"))],
    )
    site = Reader(application, runner)
    site.page("/")
    assert site.page("/-/search?q=電力").links
    assert site.get("/kb/posts").status_code == 200
    assert site.get("/other/t").status_code == 200


def test_plain_datasette_without_our_database_says_so(tmp_path: Path, runner: asyncio.Runner) -> None:
    from datasette.app import Datasette

    application = Datasette([], template_dir=str(SITE / "templates"), plugins_dir=str(SITE / "plugins"))
    site = Reader(application, runner)
    assert "kb serve" in site.page("/", status=503).text
    assert site.get("/-/search.json?q=a").status_code == 503


def test_tables_are_described_and_queries_run(site: Reader, database: Path) -> None:
    described = yaml.safe_load((SITE / "metadata.yml").read_text("utf-8"))["databases"]["kb"]
    tables = {
        name
        for (name,) in rows(database, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        if not name.startswith("claim_terms_fts")
    }
    assert set(described["tables"]) == tables
    for name, table in described["tables"].items():
        columns = {row[1] for row in rows(database, f'PRAGMA table_info("{name}")')}
        assert set(table.get("columns", {})) <= columns, name
        named = [table.get("label_column"), table.get("sort"), table.get("sort_desc"), *table.get("facets", ())]
        assert {one for one in named if one} <= columns, name
        assert table.get("hidden") or table["description"]
        assert site.get(f"/kb/{name}").status_code == 200, name
    for name, query in described["queries"].items():
        assert query["title"]
        asked = "?topic=korea-ai-hub" if query.get("params") else ""
        answer = site.get(f"/kb/{name}.json{asked}{'&' if asked else '?'}_shape=objects")
        assert answer.status_code == 200, name
        assert answer.json()["ok"] is True
    assert site.get("/kb/most_said.json?_shape=array").json()


@pytest.mark.parametrize("query", ["電力", "人材", "再生可能エネルギー", "GPU", '"再生可能エネルギー"', "電力 -韓国"])
def test_search_box_of_the_claims_table_finds_words(site: Reader, query: str) -> None:
    found = site.get(f"/kb/claims.json?_search={quote(query)}&_shape=array").json()
    assert found
    for row in found:
        for word in query.split():
            if word.startswith("-"):
                assert word[1:] not in row["text"]
            else:
                assert word.strip('"') in row["text"].replace("Ｇ", "G")


@pytest.mark.parametrize("query", ["!!!", '"', "AND", "NEAR(", "*", "-電力"])
def test_search_box_of_the_claims_table_takes_anything(site: Reader, query: str) -> None:
    assert site.get(f"/kb/claims.json?_search={quote(query)}&_shape=array").status_code == 200


def test_tables_lead_to_the_pages(site: Reader, database: Path) -> None:
    ((claim,),) = rows(database, "SELECT key FROM claims ORDER BY post_count DESC, id LIMIT 1")
    assert f'<a href="/claim/{claim}">' in site.get("/kb/claims").text
    assert 'href="/article/' in site.get("/kb/posts").text
    assert 'href="/topic/korea-ai-hub"' in site.get("/kb/topics").text
    vectors = site.get("/kb/embeddings").text
    assert "300 × float32" in vectors
    assert 'href="/conflicts"' in vectors  # the menu
    links = site.get("/kb/claim_topics").text
    assert re.search(r'<a href="/kb/topics/\d+">[^<\d]', links)  # a foreign key shows its label


def test_style_is_small_and_its_colours_can_be_read() -> None:
    sheet = (SITE / "static" / "site.css").read_text("utf-8")
    assert len(sheet.encode()) < 12_000
    assert "url(" not in sheet
    assert "@import" not in sheet
    grounds = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", part)) for part in sheet.split("@media (prefers", 1)]
    dark = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", sheet.split("prefers-color-scheme: dark", 1)[1]))
    light = {name: grounds[0][name] for name in dark}
    for colours in (light, dark):
        for name in ("ink", "soft", "link", "fact", "forecast", "opinion", "advice"):
            for ground in ("ground", "panel"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        assert contrast(colours["ink"], colours["mark"]) >= 4.5
        assert contrast(colours["focus"], colours["ground"]) >= 3
        assert contrast(colours["edge"], colours["ground"]) >= 3


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_folder_is_no_package() -> None:
    assert not (SITE / "__init__.py").exists()  # it would hide the real Datasette
    assert resource("datasette", "metadata.yml").is_file()


def test_marked_parts_join_to_the_text() -> None:
    text = "サーバーの電力と、HAIRのＡＩが二十台。"
    parts = marks.marked(text, ["サーバ", "電力", "AI", "20"])
    assert "".join(part for part, _ in parts) == text
    assert [part for part, on in parts if on] == ["サーバー", "電力", "ＡＩ", "二十"]
    assert marks.marked(text, []) == [(text, False)]
    assert marks.marked("", ["電力"]) == []


def test_chart_has_every_month_between() -> None:
    drawn = chart.months({"2025-11": {"fact": 2, "advice": 2}, "2026-02": {"opinion": 1}})
    assert drawn is not None
    assert [month["name"] for month in drawn["months"]] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    first = drawn["months"][0]
    assert [(bar["kind"], bar["height"]) for bar in first["bars"]] == [("fact", 60.0), ("advice", 60.0)]
    assert first["bars"][1]["y"] == 0.0
    assert chart.months({}) is None
