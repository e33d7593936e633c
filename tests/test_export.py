"""Summaries: order, both formats, and that nothing in a post can break out of its line."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from search_data import Post, Said, make

from kb import export, schema
from kb.errors import NotFoundError, UsageError
from kb.export import ClaimRow, Heading, markdown_text, render_json, render_md, summary
from kb.records import Occurrence


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.connect(make(tmp_path / "kb.db"))) as connection:
        yield connection


def place(post: str, date: str | None = "2025-09-01", title: str = "題") -> Occurrence:
    return Occurrence(post, title, date, 3, 9, ((3, 5), (7, 9)), "引用", f"key-{post}")


def row(key: str, kind: str = "fact", *places: Occurrence, score: float = 0.9, text: str = "文。") -> ClaimRow:
    return ClaimRow(key, text, kind, "asserted", "author", score, ("語",), places or (place("a.md"),))


HEAD = Heading("power", {"ja": "電力", "en": "Power"})


def test_kinds_come_in_order_and_empty_ones_are_left_out() -> None:
    made = summary(HEAD, [row("1", "advice"), row("2", "fact"), row("3", "forecast")])
    assert [section.kind for section in made.sections] == ["fact", "forecast", "advice"]


def test_what_more_posts_say_comes_first_then_what_is_surer_then_older() -> None:
    claims = [
        row("d", "fact", place("a.md", "2025-03-01")),
        row("c", "fact", place("a.md", "2025-01-01")),
        row("b", "fact", score=1.0),
        row("a", "fact", place("a.md"), place("b.md")),
    ]
    (section,) = summary(HEAD, claims).sections
    assert [line.key for line in section.lines] == ["a", "b", "c", "d"]


def test_the_order_of_the_rows_does_not_matter() -> None:
    claims = [row(str(n), kind, place(f"{n % 3}.md")) for n in range(12) for kind in ("fact", "opinion")]
    mixed = claims[:]
    random.Random(1).shuffle(mixed)
    assert render_md([summary(HEAD, claims)]) == render_md([summary(HEAD, mixed)])


def test_sources_and_period_are_those_of_the_places() -> None:
    made = summary(
        HEAD,
        [
            row("1", "fact", place("b.md", "2025-02-03"), place("a.md", None)),
            row("2", "fact", place("b.md", "2025-02-03")),
        ],
    )
    assert made.period == ("2025-02-03", "2025-02-03")
    assert [(source.post, source.claims) for source in made.sources] == [("b.md", 2), ("a.md", 1)]


def test_a_line_of_markdown_carries_its_source(conn: sqlite3.Connection) -> None:
    text = export.export(conn, ["korea"], "md")
    (key,) = conn.execute("SELECT key FROM claims WHERE text LIKE '韓国政府%'").fetchone()
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("- 韓国政府"))
    assert "[韓国のAI拠点](2025-09/korea.md) (`2025-09/korea.md`, 2025-09-10, 0–" in lines[first]
    assert lines[first].endswith(f"claim `{key}`")
    assert lines[first + 1].startswith("    - [送電網](undated.md) (`undated.md`, 0–")
    assert lines[0] == "# 韓国 / Korea"
    assert "2 claims, 2 posts, 2025-09-10 – 2025-09-10" in lines
    assert any(line.startswith("## 予測 Forecasts (1)") for line in lines)
    assert any("断定を避けた文 hedged" in line for line in lines)


def test_json_follows_its_shape_and_quotes_are_verbatim(conn: sqlite3.Connection) -> None:
    data = json.loads(export.export(conn, ["korea"], "json"))
    assert data["schema"] == "kb-summary/1"
    (topic,) = data["topics"]
    assert list(topic) == [
        "slug", "names", "parent", "discovered", "claims", "posts", "period", "sections", "sources",
    ]  # fmt: skip
    fact = topic["sections"][0]["claims"][0]
    assert list(fact) == ["claim", "text", "certainty", "holder", "score", "evidence", "occurrences"]
    quoted = fact["occurrences"][1]
    assert list(quoted) == ["post", "post_key", "title", "date", "start", "end", "spans", "quote"]
    assert quoted["quote"].startswith("**韓国政府**は南西部の海沿いに\n")
    assert quoted["end"] - quoted["start"] == len(quoted["quote"])


@pytest.mark.parametrize("form", ["md", "json"])
def test_two_exports_are_the_same_bytes(conn: sqlite3.Connection, form: str) -> None:
    assert export.export(conn, None, form).encode() == export.export(conn, None, form).encode()


def test_all_means_every_topic_with_claims(conn: sqlite3.Connection) -> None:
    data = json.loads(export.export(conn, None, "json"))
    assert [topic["slug"] for topic in data["topics"]] == ["korea", "power"]
    assert export.export(conn, None, "md").count("\n---\n\n# ") == 1


def test_a_topic_without_claims_is_said_to_be_so(conn: sqlite3.Connection) -> None:
    assert "No claim is assigned" in export.export(conn, ["grid"], "md")
    assert json.loads(export.export(conn, ["grid"], "json"))["topics"][0]["sections"] == []


def test_unknown_topics_formats_and_none_at_all_are_refused(conn: sqlite3.Connection) -> None:
    with pytest.raises(NotFoundError, match="no topic 'koria' in this database; near names: korea"):
        export.export(conn, ["koria"])
    with pytest.raises(UsageError, match="format 'docx' is none of md, json"):
        export.export(conn, ["korea"], "docx")
    with pytest.raises(UsageError, match="name one or more topics"):
        export.export(conn, [])
    assert conn.in_transaction is False


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
]


def shown(text: str) -> tuple[set[str], str]:
    """Return the kinds of mark-up that `text`, as the item of a list, renders to, and what a reader sees."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"- {markdown_text(text)}\n")
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {token.type for token in tokens} | {child.type for token in inline for child in token.children or []}
    return kinds, "".join(child.content for token in inline for child in token.children or [])


@pytest.mark.parametrize("text", NASTY)
def test_text_shows_as_it_is_and_marks_nothing_up(text: str) -> None:
    kinds, seen = shown(text)
    plain = {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open"}
    assert kinds <= plain | {"paragraph_close", "inline", "text", "text_special"}
    hidden = "\u202e\u2066\u200b"
    assert seen == " ".join(text.translate(dict.fromkeys(map(ord, hidden))).split())


@given(st.text(alphabet=st.sampled_from("ab字。 \n`*_[]()<>#|~!&;$\\-+=1.)>:/\"'{}"), min_size=1, max_size=30))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    kinds, seen = shown(text)
    assert kinds <= {
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open",
        "paragraph_close", "inline", "text", "text_special",
    }  # fmt: skip
    assert seen == " ".join(text.split())


@pytest.mark.parametrize("title", [*NASTY, "", "a](b) [c"])
@pytest.mark.parametrize("path", ["a b (1).md", "日本語/記事.md", "x`y`.md", "../<b>.md"])
def test_titles_and_paths_stay_in_their_links(tmp_path: Path, title: str, path: str) -> None:
    made = summary(HEAD, [row("k", "fact", place(path, title=title))])
    tokens = MarkdownIt().parse(render_md([made]))
    children = [child for token in tokens if token.type == "inline" for child in token.children or []]
    assert [child.type for child in children].count("link_open") == 2
    assert [child.content for child in children if child.type == "code_inline"][-1] == path
    assert not any(child.type in ("html_inline", "image") for child in children)
    assert "html_block" not in {token.type for token in tokens}


def test_json_holds_any_text() -> None:
    made = summary(HEAD, [row("k", "fact", place("a.md", title=text), text=text) for text in NASTY[:1]])
    (topic,) = json.loads(render_json([made]))["topics"]
    assert topic["sections"][0]["claims"][0]["text"] == NASTY[0]


def test_a_holder_is_named(tmp_path: Path) -> None:
    posts = [Post("a.md", [Said("電力は足りると協会は述べた。", holder="協会*", topics=["power"])])]
    with closing(schema.connect(make(tmp_path / "kb.db", posts))) as conn:
        assert "足りると協会は述べた。 (協会\\*) — [題]" in export.export(conn, ["power"])
