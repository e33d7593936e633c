"""KnowledgeBase: opening, searching, looking up; threads, processes, and builds that run meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from search_data import POSTS, Post, WordEncoder, make

import kb
from kb import fts, schema
from kb.base import KnowledgeBase
from kb.embeddings import adapted
from kb.errors import DatabaseError, ModelError, NotFoundError, UsageError
from kb.records import Hit, PostHit
from kb.text import short_key


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small model in the place of the real ones."""

    def load(name: str) -> WordEncoder:
        if name != "words":
            raise ModelError(f"no model {name!r}")
        return WordEncoder()

    fake = types.ModuleType("kb.embeddings")
    fake.load = load  # type: ignore[attr-defined]
    fake.adapted = adapted  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kb.embeddings", fake)
    monkeypatch.setattr(kb, "embeddings", fake, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make(tmp_path / "kb.db", encoder=WordEncoder())


@pytest.fixture
def base(path: Path) -> Iterator[KnowledgeBase]:
    with kb.open(path) as opened:
        yield opened


def test_searching_returns_hits_or_posts(base: KnowledgeBase) -> None:
    assert all(isinstance(hit, Hit) for hit in base.search("電力"))
    assert all(isinstance(hit, PostHit) for hit in base.search("電力", group="post"))
    assert len(base.search("電力", limit=1)) == 1


def test_a_list_of_queries_gives_a_list_of_results(base: KnowledgeBase) -> None:
    queries = ["電力", "人材", "冷却"]
    assert base.search(queries) == [base.search(query) for query in queries]
    assert base.search([]) == []


def test_synonyms_of_the_shipped_file_are_used(base: KnowledgeBase) -> None:
    assert "NVIDIA" in base.search("エヌビディア", mode="keyword")[0].text


def test_a_model_that_is_missing_leaves_the_words(base: KnowledgeBase, path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE models SET source = 'gone'")
        conn.commit()
    hits = base.search("液浸冷却")
    assert "液浸" in hits[0].text
    assert hits.notes == ("found by words alone: no model 'gone'",)
    assert base.search("液浸冷却", group="post")[0].post == "2025-10/cooling.md"
    with pytest.raises(ModelError, match="no model 'gone'"):
        base.search("液浸冷却", mode="semantic")


def test_vectors_of_another_size_are_told(base: KnowledgeBase, path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE models SET dim = 4")
        conn.execute("UPDATE embeddings SET vector = zeroblob(16)")
        conn.commit()
    with pytest.raises(ModelError, match="4 dimensions, words makes 256; run: kb build"):
        base.search("電力", mode="semantic")


def test_without_embeddings_search_is_by_word_and_says_so(tmp_path: Path) -> None:
    with kb.open(make(tmp_path / "bare.db")) as base:
        hits = base.search("人材")
        assert [set(hit.arms) for hit in hits] == [{"keyword"}]
        assert "no embeddings" in hits.notes[0]


def test_topics_come_with_counts(base: KnowledgeBase) -> None:
    korea, power, grid = base.topics()
    assert korea == {
        "slug": "korea",
        "names": {"ja": "韓国", "en": "Korea"},
        "claims": 2,
        "posts": 2,
        "discovered": False,
        "parent": None,
    }
    assert (power["claims"], grid["claims"], grid["parent"]) == (1, 0, "power")


def test_a_claim_is_shown_with_its_places_topics_and_links(base: KnowledgeBase, path: Path) -> None:
    hit, other = base.search("南西部の電力網", mode="keyword", limit=2)
    with closing(sqlite3.connect(path)) as conn:
        ids = dict(conn.execute("SELECT key, id FROM claims").fetchall())
        conn.execute(
            "INSERT INTO links(a_id, b_id, relation, score, evidence) VALUES (?, ?, 'related', 0.7, '[\"電力\"]')",
            (ids[other.claim], ids[hit.claim]),
        )
        conn.commit()
    shown = base.show(hit.claim)
    assert (shown["type"], shown["claim"], shown["text"]) == ("claim", hit.claim, hit.text)
    assert (shown["count"], shown["posts"]) == (2, 2)
    assert [place["post"] for place in shown["occurrences"]] == ["2025-09/korea.md", "undated.md"]
    assert [topic["slug"] for topic in shown["topics"]] == ["korea"]
    assert [(link["relation"], link["claim"], link["evidence"]) for link in shown["links"]] == [
        ("related", other.claim, ["電力"])
    ]


@pytest.mark.parametrize("ident", ["2025-10/cooling.md", "cooling.md", short_key("post", "2025-10/cooling.md")])
def test_a_post_is_shown_by_path_name_or_key(base: KnowledgeBase, ident: str) -> None:
    shown = base.show(ident)
    assert (shown["type"], shown["post"], shown["title"]) == ("post", "2025-10/cooling.md", "冷却の話")
    assert shown["tags"] == ["冷却"]
    assert [sentence["text"] for sentence in shown["sentences"]] == [
        one if isinstance(one, str) else one.text for one in POSTS[1].said
    ]
    assert shown["article"].startswith("液浸冷却を使うと、")
    assert all(sentence["claim"] for sentence in shown["sentences"])


def test_an_article_is_markdown_of_its_passages(base: KnowledgeBase, path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        (post,) = conn.execute("SELECT id FROM posts WHERE path = 'undated.md'").fetchone()
        draft, passage = conn.execute("SELECT draft_id, id FROM passages WHERE post_id = ?", (post,)).fetchone()
        for place, (kind, level) in enumerate((("heading", 2), ("item", 0)), 1):
            conn.execute(
                'INSERT INTO passages(id, post_id, draft_id, position, kind, level, start, "end", headings, lead)'
                " VALUES (?, ?, ?, ?, ?, ?, 0, 9, '[]', '')",
                (passage + 100 + place, post, draft, place, kind, level),
            )
            conn.execute(
                "UPDATE sentences SET passage_id = ?, paragraph = position WHERE post_id = ? AND position = ?",
                (passage + 100 + place, post, place - 1),
            )
        conn.execute("UPDATE sentences SET paragraph = 2 WHERE post_id = ? AND position >= 2", (post,))
        conn.commit()
    heading, item, rest = base.show("undated.md")["article"].split("\n\n")
    assert heading.startswith("## 韓国政府は")
    assert item.startswith("- 太陽光")
    assert rest.startswith("The grid")


def test_what_is_not_there_is_named_with_what_is_near(base: KnowledgeBase) -> None:
    with pytest.raises(NotFoundError, match=r"no claim or post '2025-10/cooking\.md'.*near names: 2025-10/cooling\.md"):
        base.show("2025-10/cooking.md")
    with pytest.raises(UsageError, match="name a claim or a post"):
        base.show(" ")


def test_duplicates_are_claims_said_in_several_places(base: KnowledgeBase) -> None:
    (claim,) = base.duplicates()
    assert claim["text"].startswith("韓国政府")
    assert len(claim["occurrences"]) == claim["count"] == 2
    with pytest.raises(UsageError, match="limit 0"):
        base.duplicates(limit=0)


def test_conflicts_show_both_sides(base: KnowledgeBase, path: Path) -> None:
    assert base.conflicts() == []
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(
            "INSERT INTO links(a_id, b_id, relation, score, evidence) VALUES (1, 2, 'conflict', 0.8, '[\"2倍／3倍\"]'),"
            " (1, 3, 'conflict', 0.9, '[\"否定\"]'), (2, 3, 'related', 1.0, '[]')"
        )
        conn.commit()
    first, second = base.conflicts()
    assert (first["score"], second["score"]) == (0.9, 0.8)
    assert second["evidence"] == ["2倍／3倍"]
    assert second["a"]["text"].startswith("韓国政府")
    assert second["b"]["occurrences"][0]["post"] == "2025-09/korea.md"
    assert base.conflicts(limit=1) == [first]


def test_stats_count_what_there_is(base: KnowledgeBase) -> None:
    stats = base.stats()
    assert (stats["counts"]["posts"], stats["counts"]["claims"], stats["counts"]["occurrences"]) == (3, 9, 10)
    assert stats["kinds"] == {"advice": 1, "fact": 7, "forecast": 1}
    assert stats["model"]["name"] == "words"
    assert stats["build"] is None


def test_an_export_is_text(base: KnowledgeBase) -> None:
    assert base.export("korea").startswith("# 韓国 / Korea\n")
    assert base.export(["korea"], format="json").startswith('{\n  "schema": "kb-summary/1"')
    with pytest.raises(UsageError, match="format 'pdf'"):
        base.export("korea", format="pdf")


def test_a_search_by_word_reads_no_vectors_and_one_by_meaning_does(base: KnowledgeBase) -> None:
    by_word = base.search("電力", mode="keyword")
    assert base._loaded is not None
    assert base._loaded.index.vectors is None
    assert set(base.search("電力")[0].arms) == {"keyword", "semantic"}
    assert base.search("電力", mode="keyword") == by_word
    assert base._loaded.index.vectors is not None


def test_threads_get_the_same_answers(base: KnowledgeBase) -> None:
    queries = ["電力", "人材", "冷却設備", "wind", "韓国 -需要", "ぷにゃぽん"] * 8
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(base.search, queries))
    assert at_once == [base.search(query) for query in queries]


def test_a_forked_process_gets_connections_of_its_own(path: Path) -> None:
    script = (
        "import os, sys, kb\n"
        "base = kb.open(sys.argv[1])\n"
        "want = [h.claim for h in base.search('電力', mode='keyword')]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if [h.claim for h in base.search('電力', mode='keyword')] == want else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert [h.claim for h in base.search('電力', mode='keyword')] == want\n"
        "print(len(want))\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert (run.stderr, run.returncode) == ("", 0)
    assert int(run.stdout) > 0


def test_what_a_build_commits_is_seen_by_the_next_search(base: KnowledgeBase, path: Path) -> None:
    assert base.search("潮汐発電", mode="keyword") == []
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE claims SET text = '潮汐発電の費用が下がった。' WHERE id = 1")
        words, grams = fts.terms("潮汐発電の費用が下がった。")
        conn.execute("UPDATE claim_terms SET words = ?, grams = ? WHERE claim_id = 1", (words, grams))
        conn.commit()
    assert base.search("潮汐発電", mode="keyword")[0].text == "潮汐発電の費用が下がった。"


def test_searching_while_another_writes_neither_waits_nor_fails(base: KnowledgeBase, path: Path) -> None:
    base.search("電力")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("DELETE FROM occurrences")
        conn.execute("DELETE FROM claims")
        assert base.search("電力")
        conn.execute("ROLLBACK")
    assert base.search("電力")


def test_a_reader_writes_nothing(base: KnowledgeBase) -> None:
    with base._connection() as conn, pytest.raises(sqlite3.OperationalError, match="readonly"):
        conn.execute("DELETE FROM claims")


def test_a_closed_base_says_so(path: Path) -> None:
    base = kb.open(path)
    base.close()
    base.close()
    with pytest.raises(UsageError, match="closed; open it again"):
        base.search("電力")


def test_a_damaged_file_is_one_line(path: Path) -> None:
    with kb.open(path) as base:
        base.search("電力")
        with closing(schema.connect(path, writable=True)) as conn:
            conn.execute("DROP TABLE claim_topics")
        with pytest.raises(DatabaseError, match=r"kb\.db: cannot be read: .*kb verify"):
            base.topics()


@pytest.mark.parametrize("name", ["none.db", "text.db", "folder.db"])
def test_what_is_no_database_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("これは文書です。" * 100, "utf-8")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(DatabaseError, match=name):
        kb.open(tmp_path / name)


def test_the_database_is_found_by_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_DB", str(path))
    with kb.open() as base:
        assert base.path == path


def test_two_posts_of_one_file_name_need_the_path(tmp_path: Path) -> None:
    posts = [Post("a/x.md", ["風が強い日は発電が増えた。"]), Post("b/x.md", ["風が弱い日は発電が減った。"])]
    with kb.open(make(tmp_path / "kb.db", posts)) as base:
        assert base.show("b/x.md")["post"] == "b/x.md"
        with pytest.raises(NotFoundError, match=r"a/x\.md"):
            base.show("x.md")


def test_the_public_names_are_there_and_others_are_not() -> None:
    assert set(dir(kb)) >= set(kb.__all__)
    assert kb.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kb.nothing


def test_importing_and_searching_load_no_heavy_library(path: Path) -> None:
    script = (
        "import sys, kb\n"
        "assert 'numpy' not in sys.modules and 'sqlite3' not in sys.modules\n"
        "with kb.open(sys.argv[1]) as base:\n"
        "    assert base.search('電力', mode='keyword')\n"
        "heavy = {'torch', 'spacy', 'scipy', 'alembic', 'sqlalchemy', 'sentence_transformers', 'sqlite_utils'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[]\n", "")
