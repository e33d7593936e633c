"""The site around its pages: languages, prefixes, databases in every state, and Datasette's own tables."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import site_for_tests as served
import yaml
from site_for_tests import SITE, Reader, changed, rows

from kb import schema, server
from kb.config import resource
from kb.errors import DatabaseError, UsageError
from kb.search import MODES, Options
from kb.server import chart, marks, words

database, runner, site, base = served.database, served.runner, served.site, served.base


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
    assert {name for name in table["en"] if not name.endswith(words.ONE)} == set(table["ja"])
    source = "".join(path.read_text("utf-8") for path in sorted((SITE / "templates").rglob("*.html")))
    used = set(re.findall(r"\bt\([\"']([a-z_0-9]+)[\"']", source)) | set(re.findall(r"\"(results)\"", source))
    made = tuple(name for name in used if name.endswith("_"))
    assert {name for name in used if not name.endswith("_")} <= set(table["ja"])
    assert {name for name in table["ja"] if name not in used and not name.startswith(made)} == set()
    for name, text in table["ja"].items():
        assert set(re.findall(r"{(\w+)", text)) == set(re.findall(r"{(\w+)", table["en"][name])), name
    for name in set(table["en"]) - set(table["ja"]):
        assert "{n" in table["en"][name.removesuffix(words.ONE)], name


def test_one_is_not_many() -> None:
    say = words.words("en")
    assert (say("said_places", n=1), say("said_places", n=2)) == ("said in one place", "said in 2 places")
    assert words.words("ja")("said_places", n=1) == "1か所に記載"
    for made in ("entity_kind_", "ev_", "tie_", "facet_", "action_"):
        assert say(f"{made}galaxy") == "galaxy"  # a kind that a newer kb brought
    with pytest.raises(KeyError):
        say("no_such_words")


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


def test_a_file_that_goes_or_breaks_is_told(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    path = changed(database, tmp_path / "kb.db")
    site = Reader(server.site(path), runner)
    site.page("/")
    path.rename(tmp_path / "away.db")
    assert "kb.db" in site.page("/", status=503).text
    path.write_bytes(b"SQLite format 3\0" + b"broken" * 2000)
    site.page("/-/search?q=電力", status=503)
    path.unlink()
    (tmp_path / "away.db").rename(path)
    site.page("/")


def test_many_readers_at_once_see_the_same(database: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        own = server.Site(database)
        found = list(pool.map(lambda _: own.search("電力", Options(limit=5))["hits"], range(24)))
        homes = list(pool.map(lambda _: own.home(), range(24)))
    own.close()
    assert all(one == found[0] for one in found)
    assert all(one == homes[0] for one in homes)


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
        plain = {column for column in columns if column != "id" and not column.endswith("_id")}
        assert table.get("hidden") or len(table.get("columns", {})) >= len(plain) / 2, name
        named = [table.get("label_column"), table.get("sort"), table.get("sort_desc"), *table.get("facets", ())]
        assert {one for one in named if one} <= columns, name
        assert table.get("hidden") or table["description"]
        assert site.get(f"/kb/{name}").status_code == 200, name
    for name, query in described["queries"].items():
        assert query["title"]
        given = {"topic": "korea-ai-hub", "until": "2026-12-31", "since": "2025-01-01", "name": "NVIDIA"}
        asked = "".join(f"?{param}={given[param]}" for param in query.get("params", ()))
        answer = site.get(f"/kb/{name}.json{asked}{'&' if asked else '?'}_shape=objects")
        assert answer.status_code == 200, name
        assert answer.json()["ok"] is True
    assert len(described["queries"]) >= 10
    assert site.get("/kb/most_said.json?_shape=array").json()
    assert re.search(r'<a href="/claim/\w+">', site.get("/kb/most_said").text)
    assert re.search(r'<a href="/topic/korea-ai-hub">', site.get("/kb/quiet_topics").text)


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
    assert len(sheet.encode()) < 24_000
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
    assert [(bar["kind"], bar["height"]) for bar in first["bars"]] == [("fact", 75.0), ("advice", 75.0)]
    assert first["bars"][1]["y"] == 0.0
    assert chart.months({}) is None


def test_serve_names_a_taken_port_and_stops_on_a_signal(database: Path) -> None:
    command = [sys.executable, "-m", "kb", "serve", "--db", database, "--port"]
    with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = running.stdout.readline().split("http://127.0.0.1:")[1].split()[0]
        second = subprocess.run([*command, port], capture_output=True, text=True, check=False, timeout=120)
        assert second.returncode == 1
        assert port in second.stderr
        assert second.stderr.count("\n") == 1
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Traceback" not in out + err


def test_an_empty_database_has_pages_too(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    tables = ("occurrences", "sentences", "passages", "drafts", "ledger", "sources", "posts", "links", "claim_topics")
    rest = ("claim_terms", "claims", "topics", "embeddings", "models", "builds")
    empty = changed(database, tmp_path / "kb.db", *(f"DELETE FROM {table}" for table in (*tables, *rest)))
    site = Reader(server.site(empty), runner)
    for path in ("/", "/-/search", "/-/search?q=電力", "/-/search?q=電力&group=post", "/conflicts", "/duplicates"):
        assert not [link for link in site.page(path).links if link.startswith(("/claim/", "/article/", "/topic/"))]
    assert "kb build" in site.page("/").text
    assert site.get("/-/search.json?q=電力").json() == []
    for path in ("/article/x", "/claim/x", "/topic/x"):
        site.page(path, status=404)
