"""Summaries: their parts, every format, and that nothing in a post can break out of its place."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import html5lib
import jsonschema
import pytest
import yaml
from export_data import NASTY, connect, database, enrich, nasty
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kb import config, export, verify
from kb.errors import NotFoundError, SourceError, UsageError
from kb.export import gather, markdown_text, summarise, vault, writing
from kb.export.escape import unescaped
from kb.export.records import Figure, When
from kb.export.sheet import BOM, cell, plain_cell
from kb.export.words import number, period, shown, value, words

FORMS = ("md", "html", "json", "csv")
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b]")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return enrich(database(tmp_path_factory.mktemp("export") / "kb.db"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nasty(tmp_path_factory.mktemp("nasty") / "kb.db")


@pytest.fixture
def conn(db: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(db)) as connection:
        yield connection


def written(db: Path, form: str, *topics: str, full: bool = False, lang: str = "") -> str:
    with closing(connect(db)) as connection:
        return export.render(export.read(connection, topics or None), form, lang, full=full)


def section(text: str, name: str) -> str:
    """Return the lines under a heading of a Markdown document."""
    found = re.search(rf"^## {name}[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, text
    return found[1]


# What a summary holds


def test_a_lead_stands_alone_and_comes_facts_first(conn: sqlite3.Connection) -> None:
    (summary,) = export.read(conn, ["power"])
    kinds = [claim.kind for claim in summary.lead]
    assert kinds[0] == "fact"
    assert kinds == sorted(kinds, key=["fact", "forecast", "opinion", "advice"].index)
    assert not any(claim.text.startswith("この") for claim in summary.lead)
    assert len({claim.key for claim in summary.lead}) == len(summary.lead) <= 8


def test_figures_tell_amount_date_holder_and_claim(db: Path) -> None:
    rows = [line for line in section(written(db, "md", "power"), "数値").splitlines() if "倍" in line or "ギガ" in line]
    assert rows[0].startswith("| 3ギガワット | 3 GW | 2027 | 記事 | 電力大手の東海電力は")
    assert any(row.startswith("| 5倍 | 5倍 | 2030 | 東海電力 | ") for row in rows)


def test_a_timeline_is_in_order_and_forecasts_have_their_horizon(db: Path) -> None:
    text = written(db, "md", "power")
    assert re.findall(r"^\| (20\d\d) ", section(text, "年表"), re.MULTILINE) == ["2027", "2030", "2030"]
    ahead = section(text, "見通しとその時期")
    assert ahead.index("### 2030") < ahead.index("5倍") < ahead.index("### 時期を示さないもの") < ahead.index("韓国の")


def test_who_says_what_names_holders_then_actors(conn: sqlite3.Connection) -> None:
    (summary,) = export.read(conn, ["power"])
    assert [(voice.name, voice.says, voice.total) for voice in summary.voices] == [
        ("東海電力", True, 1),
        ("東海電力", False, 2),
    ]


def test_disagreements_stand_side_by_side(db: Path) -> None:
    (row,) = [line for line in section(written(db, "md", "power"), "食い違い").splitlines() if "≠" in line]
    sides = row.split(" | ")
    assert "5倍" in sides[0]
    assert "2倍" in sides[1]
    assert sides[2].startswith("5倍 ≠ 2倍")


def test_a_dismissed_conflict_is_none_and_a_reviewed_one_is_marked(tmp_path: Path) -> None:
    path = enrich(database(tmp_path / "kb.db"))
    with closing(sqlite3.connect(path)) as writable:
        a, b = sorted(
            key for (key,) in writable.execute("SELECT key FROM claims WHERE text LIKE '%5倍%' OR text LIKE '%2倍に%'")
        )
        writable.execute("INSERT INTO reviews(a, b, state, note, created) VALUES (?,?,'reviewed','','')", (a, b))
        writable.commit()
        assert "確認済み" in section(written(path, "md", "power"), "食い違い")
        writable.execute("UPDATE reviews SET state = 'dismissed'")
        writable.commit()
    assert "## 食い違い" not in written(path, "md", "power")


def test_the_other_side_of_a_conflict_may_be_of_no_topic(tmp_path: Path) -> None:
    path = enrich(database(tmp_path / "kb.db"))
    with closing(sqlite3.connect(path)) as writable:
        writable.execute("DELETE FROM claim_topics WHERE claim_id IN (SELECT id FROM claims WHERE text LIKE '%2倍に%')")
        writable.commit()
    (topic,) = json.loads(written(path, "json", "power"))["topics"]
    assert [claim["text"][:15] for claim in topic["others"]] == ["データセンターの電力需要は20"]
    for form in FORMS:
        (tmp_path / f"x.{form}").write_text(written(path, form, "power"), "utf-8")
        assert verify.exported(path, [tmp_path / f"x.{form}"])[0] == []


def test_questions_of_the_same_passages_are_asked(db: Path) -> None:
    assert "- 送電網の費用を誰がどのように負担するのか。[^" in section(
        written(db, "md", "power"), "記事が問うていること"
    )


def test_what_a_claim_leans_on_is_told_beside_it(tmp_path: Path) -> None:
    path = enrich(database(tmp_path / "kb.db"))
    with closing(sqlite3.connect(path)) as writable:
        writable.execute("UPDATE claims SET kind = 'forecast' WHERE text LIKE 'この計画%'")
        writable.commit()
    lines = written(path, "md", "power").splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("- この計画は"))
    assert lines[at + 1].startswith("    - *文脈* 東海電力の報告書は、")


def test_related_topics_are_those_that_share_claims(conn: sqlite3.Connection) -> None:
    (summary,) = export.read(conn, ["power"])
    assert [(r.slug, r.claims, r.posts, r.tie) for r in summary.related] == [("korea", 1, 1, "")]


def test_every_claim_is_listed_by_kind_with_every_source(conn: sqlite3.Connection) -> None:
    (summary,) = export.read(conn, ["power"])
    assert [one.kind for one in summary.sections] == ["fact", "forecast", "opinion", "advice"]
    assert sum(len(one.claims) for one in summary.sections) == summary.claims == 7
    assert [source.post for source in summary.sources] == ["2025-09/korea.md", "2025-11/grid.md", "2026-01/late.md"]
    assert summary.period == ("2025-09-10", "2026-01-20")


def test_the_order_of_the_rows_does_not_matter(conn: sqlite3.Connection) -> None:
    material = gather.topic(conn, "power")
    mixed = list(material.claims)
    random.Random(3).shuffle(mixed)
    assert summarise(replace(material, claims=tuple(mixed))) == summarise(material)


def test_a_long_kind_is_cut_with_the_count_said_and_full_is_not(tmp_path: Path) -> None:
    from search_data import Post, Said

    texts = [Said(f"第{n}発電所は{n}世帯に電気を送り始めた。", topics=("power",)) for n in range(100, 170)]
    path = database(tmp_path / "kb.db", [Post("a.md", texts)])
    short, long = written(path, "md", "power"), written(path, "md", "power", full=True)
    everything = section(short, "すべての主張")
    assert everything.count("\n- ") == 50
    assert "*ほか20件。" in everything
    assert section(long, "すべての主張").count("\n- ") == 70
    assert "ほか" not in long
    assert written(path, "html", "power").count("ほか20件") == 1


# Which summaries


def test_a_topic_is_known_by_slug_or_name(conn: sqlite3.Connection) -> None:
    assert export.read(conn, ["korea"]) == export.read(conn, ["韓国"]) == export.read(conn, ["Korea"])


def test_unknown_topics_formats_and_languages_are_refused(conn: sqlite3.Connection) -> None:
    with pytest.raises(NotFoundError, match="no topic 'koria' in this database; near names: korea"):
        export.read(conn, ["koria"])
    assert conn.in_transaction is False
    with pytest.raises(UsageError, match="format 'docx' is none of md, html, json, csv"):
        export.render(export.read(conn, ["korea"]), "docx")
    with pytest.raises(UsageError, match="language 'fr' is none of ja, en"):
        export.render(export.read(conn, ["korea"]), "md", "fr")


def test_all_means_every_topic_with_claims(conn: sqlite3.Connection) -> None:
    assert [summary.subject.slug for summary in export.read(conn, None)] == ["korea", "power"]


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_topic_without_claims_is_said_to_be_so(db: Path, form: str) -> None:
    assert "この話題の主張はまだありません。" in written(db, form, "grid")
    assert "No claim is assigned to this topic yet." in written(db, form, "grid", lang="en")


def test_a_post_and_a_search_are_subjects_too(conn: sqlite3.Connection) -> None:
    (post,) = export.read(conn, post="2025-11/grid.md")
    assert (post.subject.names["ja"], post.claims) == ("東海の電力", 4)
    keys = [key for (key,) in conn.execute("SELECT key FROM claims ORDER BY key LIMIT 3")]
    (found,) = export.read(conn, found=("電力 需要", [(keys[0], 4.0), (keys[1], 2.0), (keys[2], 1.0)]))
    assert sorted(claim.score for one in found.sections for claim in one.claims) == [0.25, 0.5, 1.0]
    assert export.render([found], "md").startswith("# 検索：電力 需要\n")
    (nothing,) = export.read(conn, found=("何もない", []))
    assert "この検索に当たる主張はありません。" in export.render([nothing], "html")


# Formats


@pytest.mark.parametrize("form", FORMS)
def test_two_exports_are_the_same_bytes(db: Path, form: str) -> None:
    assert written(db, form).encode() == written(db, form).encode()


def test_a_citation_is_shorter_than_what_it_cites(db: Path) -> None:
    text = written(db, "md", "power")
    (line,) = [one for one in section(text, "要点").splitlines() if one.startswith("- 電力大手")]
    assert re.fullmatch(r"- 電力大手の東海電力は.*公表した。\[\^\d+\] \(2025-11-05\)", line)
    mark = re.search(r"\[\^\d+\]", line)
    assert mark is not None
    (note,) = [one for one in text.splitlines() if one.startswith(f"{mark[0]}: ")]
    assert re.fullmatch(r"\[\^\d+\]: `[0-9a-z]{12}` — 東海の電力, 2025-11-05, `2025-11/grid\.md` 0–45", note)


def test_the_frame_is_in_the_readers_language_and_quotes_are_not(db: Path) -> None:
    ja, en = written(db, "md", "power"), written(db, "md", "power", lang="en")
    assert ja.startswith("# 電力 / Power\n")
    assert en.startswith("# Power / 電力\n")
    assert "## In short" in en
    assert "- 電力大手の東海電力は" in en
    frame = re.sub(r"- .*|\|.*|\[\^.*|\d+\. .*|# Power.*|### .*", "", en)
    assert re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]+", frame) == []
    assert '<html lang="en">' in written(db, "html", "power", lang="en")


def test_both_languages_fill_in_the_same_values() -> None:
    ja, en = words("ja"), words("en")
    for name in ja:
        if isinstance(ja[name], str):
            assert set(re.findall(r"\{\w+", ja[name])) == set(re.findall(r"\{\w+", en[name])), name


def test_json_follows_its_published_schema(db: Path, odd: Path) -> None:
    schema = json.loads(config.resource("data", "export", "summary.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in (db, odd):
        jsonschema.validate(json.loads(written(path, "json")), schema)
    broken = json.loads(written(db, "json"))
    del broken["topics"][0]["sections"][0]["claims"][0]["occurrences"][0]["spans"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_csv_has_a_mark_a_row_a_place_and_whole_lines(db: Path) -> None:
    text = written(db, "csv", "korea")
    assert text.startswith(BOM)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline="")))
    assert len(rows) == 3
    (told,) = [row for row in rows if row["post"] == "undated.md"]
    assert told["quote"].startswith("**韓国政府**は南西部の海沿いに\nAI向け")
    assert (told["date"], told["start"], told["topic"]) == ("", "0", "korea")


@given(st.text(max_size=12))
def test_no_cell_is_a_formula_and_all_can_be_read_back(text: str) -> None:
    made = cell(text)
    assert not made.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert plain_cell(made) == plain_cell(cell(plain_cell(made)))
    if made.startswith("'"):
        assert made[1:] == cell(text)[1:]


def parsed(text: str) -> Any:
    """Return the tree of a page, which must be one without any error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(text)


def texts(page: Any, tag: str) -> list[str]:
    return ["".join(element.itertext()) for element in page.iter(tag)]


def test_pages_are_whole_and_fetch_nothing(db: Path) -> None:
    text = written(db, "html", "power")
    page = parsed(text)
    assert page.get("lang") == "ja"
    assert texts(page.find("head"), "title") == ["電力 / Power"]
    assert [tag for tag in ("script", "link", "img", "iframe") if list(page.iter(tag))] == []
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*", text) == []
    idents = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(idents) == len(set(idents))
    assert {link.get("href").removeprefix("#") for link in page.iter("a")} <= set(idents)


def test_pictures_have_names_text_as_text_and_colours_of_the_page(db: Path) -> None:
    text = written(db, "html", "power")
    pictures = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert len(pictures) == 1  # related topics: one only, no graph
    assert 'role="img" aria-labelledby=' in pictures[0]
    assert "<title id=" in pictures[0]
    assert re.search(r"<text [^>]*>2030</text>", pictures[0])
    assert set(re.findall(r"fill: (#\w+)", pictures[0])) <= {"#ffffff", "#000000"}
    assert "var(--forecast)" in pictures[0]
    assert "<metadata" not in text


def test_years_far_before_the_others_are_counted_together(conn: sqlite3.Connection) -> None:
    from kb.export import chart

    (summary,) = export.read(conn, ["power"])
    row = summary.timeline[0]
    years = [1990, *(2020 + n % 3 for n in range(12))]
    rows = tuple(replace(row, when=replace(row.when, first=f"{year}-01-01")) for year in years)
    drawn = chart.timeline(replace(summary, timeline=rows), "ja", "y")
    assert drawn is not None
    assert re.findall(r">([–\d]{4,5})</text>", drawn[1]) == ["–2020", "2021", "2022"]
    assert drawn[0] == "話題の時期：主張が語る年ごとの件数"


def test_where_few_claims_are_dated_the_months_of_posts_are_drawn(conn: sqlite3.Connection) -> None:
    from kb.export import chart

    (summary,) = export.read(conn, ["power"])
    drawn = chart.timeline(replace(summary, timeline=()), "en", "m")
    assert drawn is not None
    assert drawn[0] == "Claims by the month of their post"
    assert re.findall(r">(20\d\d-\d\d)</text>", drawn[1]) == ["2025-09", "2025-10", "2025-11", "2025-12", "2026-01"]


def test_a_graph_of_topics_writes_japanese_as_text(conn: sqlite3.Connection) -> None:
    from kb.export import chart
    from kb.export.records import Related

    (summary,) = export.read(conn, ["power"])
    around = tuple(Related(f"t{n}", {"ja": f"話題<{n}>", "en": f"Topic {n}"}, 9 - n, 1) for n in range(5))
    drawn = chart.graph(replace(summary, related=around, ties=(("power", "t1", 4), ("t1", "t2", 1))), "ja", "g")
    assert drawn is not None
    assert ">話題&lt;3&gt;</text>" in drawn[1]
    assert chart.graph(replace(summary, related=around[:1]), "ja", "g") is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("full", [False, True])
def test_nasty_words_stay_in_their_place(odd: Path, tmp_path: Path, form: str, full: bool) -> None:
    text = written(odd, form, full=full)
    assert not HIDDEN.search(text)
    path = tmp_path / f"x.{form}"
    path.write_bytes(text.encode())
    problems, counts = verify.exported(odd, [path])
    assert problems == []
    assert counts["quotes"] >= 2 * len(NASTY)


def test_nasty_words_are_no_markup_in_a_page(odd: Path) -> None:
    page = parsed(written(odd, "html", full=True))
    assert [tag for tag in ("script", "b", "img") if list(page.iter(tag))] == []
    assert {shown(text) for text in NASTY} <= set(texts(page, "q"))
    assert {shown(text) for text in NASTY} <= set(texts(page, "cite"))


def test_nasty_words_are_no_markup_in_markdown(odd: Path) -> None:
    text = written(odd, "md", full=True)
    body = re.sub(r"(?m)^\[\^\d+\]: .*$", "", text)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(body)
    children = [child for token in tokens if token.type == "inline" for child in token.children or []]
    assert {child.type for child in children} <= {"text", "text_special", "em_open", "em_close", "code_inline"}
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "fence", "code_block", "blockquote_open", "lheading_open"}
    headings = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
    assert sum("見出し" in heading for heading in headings) == sum("見出し" in text for text in NASTY)  # holders


def rendered(text: str) -> tuple[set[str], str]:
    """Return the kinds of mark-up that `text`, as the item of a list, renders to, and what a reader sees."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"- {markdown_text(text)}\n")
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {token.type for token in tokens} | {child.type for token in inline for child in token.children or []}
    return kinds, "".join(child.content for token in inline for child in token.children or [])


PLAIN = {
    "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open", "paragraph_close",
    "inline", "text", "text_special",
}  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_text_shows_as_it_is_and_marks_nothing_up(text: str) -> None:
    kinds, seen = rendered(text)
    assert kinds <= PLAIN
    assert seen == shown(text)
    assert unescaped(markdown_text(text)) == shown(text)


@given(st.text(alphabet=st.sampled_from("ab字。 \n`*_[]()<>#|~!&;$\\-+=1.)>:/\"'{}%^"), min_size=1, max_size=30))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    kinds, seen = rendered(text)
    assert kinds <= PLAIN
    assert seen == " ".join(text.split())
    assert unescaped(markdown_text(text)) == " ".join(text.split())
    assert "{%" not in markdown_text(text)


# Notes for Obsidian


@pytest.mark.parametrize("which", ["db", "odd"])
def test_every_link_has_its_note_and_every_note_its_properties(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path: Path = request.getfixturevalue(which)
    with closing(connect(path)) as conn:
        files = vault.notes(conn, export.read(conn, None), "ja", full=True)
    writing.folder(tmp_path / "vault", files)
    assert verify.exported(path, [tmp_path / "vault"])[0] == []
    for name, text in files.items():
        for target in re.findall(r"\[\[([^\]|\\]+)", text):
            assert f"{target}.md" in files, (name, target)
        if name != "目次.md":
            head = yaml.safe_load(text.split("---\n")[1])
            assert head["type"] in {"topic", "article", "entity"}
        assert not re.search(r'[\\:*?"<>|#^\[\]]', name)
        assert max(len(part.encode()) for part in Path(name).parts) < 150
    assert len({name.casefold() for name in files}) == len(files)


def test_notes_link_topics_articles_and_names(db: Path) -> None:
    with closing(connect(db)) as conn:
        files = vault.notes(conn, export.read(conn, None), "ja")
    assert "[[話題/韓国\\|韓国]]" in files["話題/電力.md"]
    assert "[[記事/2025-11-05 東海の電力|東海の電力]]" in files["話題/電力.md"]
    assert "### [[名前/東海電力|東海電力]]（企業" in files["話題/電力.md"]
    article = files["記事/2025-11-05 東海の電力.md"]
    assert yaml.safe_load(article.split("---\n")[1])["topics"] == ["[[話題/電力|電力]]"]
    assert "- 電力大手の東海電力は" in files["名前/東海電力.md"]


def test_file_names_are_safe_and_never_twice() -> None:
    names = vault.Names()
    made = [
        names.of(name, f"k{place}")
        for place, name in enumerate(
            [
                "AI",
                "ai",
                "ＡＩ",
                "CON",
                "nul.txt",
                "a/b",
                "a:b",
                "",
                "..",
                "長" * 200,
                "長" * 201,
                "x\u202ey",
                ".hidden",
            ]
        )
    ]
    assert len({name.casefold() for name in made}) == len(made)
    assert made[:3] == ["AI", "ai k1", "ＡＩ k2"]
    assert made[3] == "CON k3"
    assert made[5:9] == ["a b", "a b k6", "k7", "k8"]
    assert all(len(name.encode()) <= 120 and name == name.strip(" .") for name in made)


# Writing


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.md"
    writing.file(path, "一\r\n二")
    assert path.read_bytes() == "一\r\n二".encode()
    with pytest.raises(SourceError, match=r"x\.md: exists; name another file, or give --force"):
        writing.file(path, "三")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kb.export.writing.os.fsync", full)
    with pytest.raises(SourceError, match=r"x\.md: No space left on device"):
        writing.file(path, "三", force=True)
    assert path.read_bytes() == "一\r\n二".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["x.md"]


def test_what_cannot_be_written_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, folder, told in (
        (tmp_path / "no" / "x.md", False, "there is no folder"),
        (tmp_path, False, "is a folder; name a file in it"),
        (tmp_path / "file", True, "is a file; name a folder"),
        (tmp_path, True, "is not empty"),
    ):
        with pytest.raises(SourceError, match=told):
            writing.may_write(path, folder=folder, force=False)


def test_a_folder_written_again_loses_its_old_files_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    writing.folder(folder, {"a.md": "1", "b/c.md": "2"})
    (folder / "mine.md").write_text("3")
    with pytest.raises(SourceError, match="is not empty; name another folder, or give --force"):
        writing.folder(folder, {"a.md": "4"})
    writing.folder(folder, {"a.md": "4"}, force=True)
    assert sorted(p.name for p in folder.rglob("*.md")) == ["a.md", "mine.md"]
    assert (folder / "a.md").read_text() == "4"


def test_a_manifest_cannot_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "precious.md").write_text("x")
    folder = tmp_path / "vault"
    writing.folder(folder, {"a.md": "1"})
    (folder / writing.MANIFEST).write_text(json.dumps({"files": ["../precious.md", str(tmp_path / "precious.md")]}))
    writing.folder(folder, {"a.md": "1"}, force=True)
    assert (tmp_path / "precious.md").exists()


# Values


@pytest.mark.parametrize(
    ("unit", "low", "high", "ja", "en"),
    [
        ("W", 1e10, 1e10, "10 GW", "10 GW"),
        ("W", 5e8, 2e9, "500 MW〜2 GW", "500 MW to 2 GW"),
        ("USD", 2.7e10, 2.7e10, "270億 USD", "27 billion USD"),
        ("USD", 2e9, 9e9, "20〜90億 USD", "2 to 9 billion USD"),
        ("JPY", 1e12, None, "1兆 JPY以上", "1 trillion JPY or more"),
        ("x", 2.3, 2.3, "2.3倍", "2.3 times"),
        ("number", 1500.0, 1500.0, "1,500", "1,500"),
        ("length", 2e-9, 2e-9, "2 nm", "2 nm"),
        ("bytes", 0.0, 0.0, "0 B", "0 B"),
        ("%", 45.5, 45.5, "45.5%", "45.5%"),
        ("person", 15000.0, 15000.0, "1.5万人", "15,000 people"),
    ],
)
def test_quantities_are_told_in_one_unit(unit: str, low: float, high: float | None, ja: str, en: str) -> None:
    figure = Figure("x", 0, 1, "d", unit, low, high)
    assert value(figure, words("ja")) == ja
    assert value(figure, words("en")) == en


def test_numbers_have_no_exponent() -> None:
    assert [number(n) for n in (1e15, 0.25, 1234.5, -3)] == ["1,000,000,000,000,000", "0.25", "1,234.5", "-3"]


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2026-01-01", "2026-12-31", "2026"),
        ("2026-03-01", "2026-03-31", "2026-03"),
        ("2026-03-14", "2026-03-14", "2026-03-14"),
        ("2026-01-01", "2026-06-30", "2026-01/2026-06"),
        ("2024-01-01", "2028-12-31", "2024/2028"),
        ("2024-04-01", "2025-03-31", "2024-04/2025-03"),
    ],
)
def test_periods_are_told_as_short_as_can_be(first: str, last: str, told: str) -> None:
    assert period(When("x", 0, 1, first, last, False)) == told
