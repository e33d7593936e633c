"""Reading: files, encodings, front matter, Markdown, sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb import posts
from kb.config import Settings
from kb.errors import SourceError
from kb.posts.blocks import blocks
from kb.posts.sentences import split
from kb.reading import annotate, uncovered


def cut(text: str) -> list[str]:
    return [text[a:b] for a, b in split(text)]


def said(text: str, **options: object) -> list[str]:
    return [s.text for s in posts.layout(text, 0, **options).sentences]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("雨が降った。風も吹いた。", ["雨が降った。", "風も吹いた。"]),
        (
            "市長は「建てる。必ず建てる。」と述べた。拍手が起きた。",
            ["市長は「建てる。必ず建てる。」と述べた。", "拍手が起きた。"],
        ),
        ("「まだ早い。」部長はそう言った。", ["「まだ早い。」", "部長はそう言った。"]),
        ("「本当か？」という声が出た。", ["「本当か？」という声が出た。"]),
        ("「雪が降る。」と町長は話した。", ["「雪が降る。」と町長は話した。"]),
        ("「雪が降る。」とはいえ、まだ秋だ。", ["「雪が降る。」", "とはいえ、まだ秋だ。"]),
        ("「はい。」「いいえ。」のどちらかを選ぶ。", ["「はい。」「いいえ。」のどちらかを選ぶ。"]),
        ("「雪だ。」「本当だ。」二人は外へ出た。", ["「雪だ。」", "「本当だ。」", "二人は外へ出た。"]),
        ("Yahoo!ニュースで読んだ。次だ。", ["Yahoo!ニュースで読んだ。", "次だ。"]),
        ('"Is it true?" she asked. It was.', ['"Is it true?" she asked.', "It was."]),
        ("“Stop!” he said. They did.", ["“Stop!” he said.", "They did."]),
        ('彼は"Is it true?" と聞いた。答えはない。', ['彼は"Is it true?" と聞いた。', "答えはない。"]),
        ('"Is it true?" Nobody knew.', ['"Is it true?"', "Nobody knew."]),
        ("しかしMr. Alderは黙った。次だ。", ["しかしMr. Alderは黙った。", "次だ。"]),
        ("町のM. Ono氏が図面を引いた。", ["町のM. Ono氏が図面を引いた。"]),
        ("え、本当に？と思った。次だ。", ["え、本当に？と思った。", "次だ。"]),
        ("すごい！ところで明日は休みだ。", ["すごい！", "ところで明日は休みだ。"]),
        (
            "工期は延びた（理由は二つある。人手と資材だ。）と聞く。",
            ["工期は延びた（理由は二つある。人手と資材だ。）と聞く。"],
        ),
        ("壊れた「かぎかっこの文。次の文。", ["壊れた「かぎかっこの文。", "次の文。"]),
        ("効率はPUE1.1だ。価格は3.5ドル。", ["効率はPUE1.1だ。", "価格は3.5ドル。"]),
        ("https://example.org/?q=1 を見た。次。", ["https://example.org/?q=1 を見た。", "次。"]),
        ("なぜか！？わからない。", ["なぜか！？", "わからない。"]),
        (
            "It cost $3.5 million. Dr. Lee of Acme Inc. agreed.",
            ["It cost $3.5 million.", "Dr. Lee of Acme Inc. agreed."],
        ),
        ("See e.g. the plan. It works!", ["See e.g. the plan.", "It works!"]),
        ("", []),
        ("   ", []),
    ],
)
def test_sentences_end_where_they_should(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_brackets_that_close_too_late_do_not_swallow_sentences() -> None:
    text = "「" + "長い文が続く。" * 200 + "」"
    assert len(cut(text)) == 200


def test_markdown_blocks_are_told_apart() -> None:
    body = (
        "# 見出し\n\n本文の一文。\n\n- 項目の一文。\n\n> 引用の一文。\n\n```python\nprint('秘密。')\n```\n\n"
        "| 列 |\n|---|\n| 値。 |\n\n<div>生のHTML。</div>\n\n![図](a.png)\n"
    )
    kinds = [(b.kind, b.action) for b in blocks(body, 0, len(body))]
    assert kinds == [
        ("heading", None),
        ("paragraph", None),
        ("item", None),
        ("quote", None),
        ("dropped", "code"),
        ("dropped", "table"),
        ("dropped", "html"),
        ("paragraph", None),
    ]
    found = posts.layout(body, 0)
    assert [s.plain for s in found.sentences] == ["見出し", "本文の一文。", "項目の一文。", "引用の一文。"]
    assert {row.action for row in found.ledger} == {"code", "table", "html"}


def test_inline_markup_stays_in_the_quote_and_leaves_the_plain_text() -> None:
    body = "この **太字** と[リンク](http://example.org/a_(b))と`code`がある。**全部太字の文。** 次だ。"
    found = posts.layout(body, 0).sentences
    assert [s.plain for s in found] == ["この 太字 とリンクとcodeがある。", "全部太字の文。", "次だ。"]
    assert found[1].text == "**全部太字の文。**"
    assert all("".join(body[a:b] for a, b in s.spans) == s.text for s in found)


def test_line_breaks_inside_a_japanese_sentence_vanish_and_english_ones_become_spaces() -> None:
    found = posts.layout("電力需要は\n伸びている。\n\nDemand is\ngrowing.", 0).sentences
    assert [s.plain for s in found] == ["電力需要は伸びている。", "Demand is growing."]


def test_a_bold_lead_is_apart_from_its_text() -> None:
    found = posts.layout("1.  **冷却:** 液体で冷やす。\n2.  **電源**: 二重にする。\n", 0)
    assert [s.plain for s in found.sentences] == ["冷却:", "液体で冷やす。", "電源:", "二重にする。"]
    assert [p.lead for p in found.passages] == ["", "冷却", "", "電源"]
    assert found.sentences[0].text == "1.  **冷却:**"


def test_a_bold_line_is_a_label_and_heads_what_follows() -> None:
    found = posts.layout("## 章\n\n**小見出し**\n\n中身の文。\n", 0)
    assert [p.kind for p in found.passages] == ["heading", "label", "paragraph"]
    assert found.passages[2].headings == ("章", "小見出し")


def test_a_flattened_draft_gives_the_same_sentences_as_the_original() -> None:
    original = (
        "# 冷却の話\n\n最初の文。\n\n**電源の話**\n\n次の文。\n\n1. **蓄電:** 夜に使う。\n2. **送電:** 遠くへ送る。\n"
    )
    flat = "冷却の話 最初の文。 **電源の話** 次の文。 1. **蓄電:** 夜に使う。 2. **送電:** 遠くへ送る。"
    found = posts.layout(original + "\n---END---\n\n" + flat, 0)
    keys = [[s.key for s in found.sentences if s.draft == d] for d in (0, 1)]
    assert keys[0] == keys[1]


def test_drafts_are_cut_at_separators_and_empty_ones_left_out() -> None:
    body = "一つ目。\n\n---END---\n\n---END---\n\n二つ目。\n---END--- 三つ目。\n\n---END---\n"
    found = posts.layout(body, 0)
    assert [body[d.start : d.end].strip() for d in found.drafts] == ["一つ目。", "二つ目。", "三つ目。"]
    assert sum(row.action == "separator" for row in found.ledger) == 4


def test_separators_can_be_chosen() -> None:
    body = "一つ目。\n\n=====\n\n二つ目。"
    assert len(posts.layout(body, 0, settings=Settings(separators=("=====",))).drafts) == 2
    assert len(posts.layout("一。\n---END---\n二。", 0, settings=Settings(separators=())).drafts) == 1


def test_an_open_code_fence_ends_with_its_draft() -> None:
    assert said("前。\n\n```\n切れたコード\n\n---END---\n\n後。") == ["前。", "後。"]


@pytest.mark.parametrize(
    ("text", "title", "date", "tags"),
    [
        (
            '---\ntitle: "題名"\ndate: 2025-09-07 11:10:59 +0900\ntags: [電力, AI]\n---\n本文。',
            "題名",
            "2025-09-07T11:10:59+09:00",
            ("電力", "AI"),
        ),
        ('+++\ntitle = "題名"\ndate = 2025-09-07\ntags = ["電力"]\n+++\n本文。', "題名", "2025-09-07", ("電力",)),
        (
            "---\r\ntitle: 題名\r\ndate : 2016-05-02T14:12\r\ntags: a b\r\n---\r\n本文。",
            "題名",
            "2016-05-02T14:12:00",
            ("a", "b"),
        ),
        ("本文だけ。", "2024-01-02-name", None, ()),
        ("---\n区切り線だけの本文。\n---\n続き。", "2024-01-02-name", None, ()),
        ("\ufeff---\ntitle: 題名\n---\n本文。", "題名", None, ()),
    ],
)
def test_front_matter_of_every_kind(text: str, title: str, date: str | None, tags: tuple[str, ...]) -> None:
    front = posts.front_matter(text)
    info = posts.info("2024-01-02-name.md" if not date else "x.md", front)
    assert (info.date if date else None, info.tags) == (date, tags)
    assert info.title == (title if front.values else "name")
    assert text[front.body_start :].lstrip("\ufeff").startswith(("本文", "---\n区切り"))


def test_broken_front_matter_keeps_the_body_and_says_what_is_wrong() -> None:
    text = "---\ntitle: 題名: まだ\nauthor: 山田\n  bad: [\n---\n本文はここ。"
    front = posts.front_matter(text)
    assert "YAML" in front.fault
    assert text[front.body_start :] == "本文はここ。"
    info = posts.info("2025-03-04-x.md", front)
    assert (info.author, info.date) == ("山田", "2025-03-04")


def test_title_falls_back_to_heading_then_file_name() -> None:
    front = posts.front_matter("# 見出しの題名\n\n本文。")
    assert posts.info("a.md", front, "# 見出しの題名\n\n本文。").title == "見出しの題名"
    assert posts.info("2025-01-02-file-name.md", front).title == "file-name"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "shift_jis", "euc_jp", "iso2022_jp"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.md"
    file.write_bytes("半導体の話です。電力も要ります。".encode(encoding))
    source = posts.load(file, "a.md")
    assert source.text.lstrip("\ufeff") == "半導体の話です。電力も要ります。"


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.md"
    file.write_bytes(b"abc \xff\xfa\x80\x81 def \xed\xa0\x80")
    with pytest.raises(SourceError, match=r"bad\.md: not UTF-8 \(byte 4\)"):
        posts.load(file, "bad.md")


def test_find_lists_posts_and_names_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.md").write_text("二。", "utf-8")
    (tmp_path / "one.markdown").write_text("一。", "utf-8")
    (tmp_path / "note.txt").write_text("三。", "utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.md").write_text("四。", "utf-8")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    found, faults = posts.find([tmp_path])
    assert [f.path for f in found] == ["b/two.md", "one.markdown"]
    assert [f.path for f in faults] == ["folder.md"]
    with pytest.raises(SourceError, match="no such file or folder"):
        posts.find([tmp_path / "missing"])


def test_boilerplate_said_again_points_at_where_it_was_said_first() -> None:
    found = annotate("港だ。\n\n[一覧](/d/)\n\n---END---\n\n海だ。\n\n[一覧](/d/)\n").sentences
    one, two = [s for s in found if s.plain == "一覧"]
    assert (one.duplicate_of, two.duplicate_of) == (None, (one.start, one.end))


def test_navigation_calls_and_leaks_are_marked() -> None:
    body = (
        "本文の一文。\n\n承知しました。以下に記事を作成します。\n\n"
        "### あわせて読みたい\n\n- [別の記事](/a/)\n- [もう一つ](/b/)\n\nここも案内です。\n\n"
        "## まとめ\n\n本文の終わり。[資料](/c/)も見た。\n\n"
        "[一覧](/d/) [次](/e/)\n\nメルマガに登録してください。\n"
    )
    found = posts.layout(body, 0)
    marked, rows = posts.mark_boilerplate(body, found.passages, found.sentences)
    assert [s.plain for s in marked if not s.reason] == ["本文の一文。", "まとめ", "本文の終わり。", "資料も見た。"]
    assert {row.action for row in rows} == {"boilerplate"}


def test_footnotes_are_read_and_what_is_no_prose_has_a_row() -> None:
    body = (
        "本文だ。[^1]\n\n[^1]: 出典は県の白書である。\n\n[備考]: 売上は二倍になった。\n\n[link]: https://example.org/x\n\n"
        "![港の図](a.png)\n\n文末。 <!-- 覚え書き -->\n"
    )
    found = annotate(body)
    assert [s.plain for s in found.sentences] == [
        "本文だ。",
        "出典は県の白書である。",
        "[備考]: 売上は二倍になった。",
        "文末。",
    ]
    rows = {body[row.start : row.end].strip(): row.action for row in found.ledger}
    assert rows["[link]: https://example.org/x"] == "unread"
    assert rows["![港の図](a.png)"] == "image"
    assert rows["<!-- 覚え書き -->"] == "comment"
    assert uncovered(body, found) == []


@pytest.mark.parametrize(
    "block", ["注意: これは本文だ。\n次の行だ。", "これは: 本文: だ。\n次の行だ。", "[壊れた本文だ。"]
)
def test_prose_between_two_rules_is_no_front_matter(block: str) -> None:
    front = posts.front_matter(f"---\n{block}\n---\n続きだ。")
    assert (front.body_start, dict(front.values), front.fault) == (0, {}, "")


def test_dates_as_they_are_written_in_japanese() -> None:
    front = posts.front_matter("---\ntitle: 題名\ndate: 2025年９月7日\n---\n本文。")
    assert posts.info("x.md", front).date == "2025-09-07"


def test_front_matter_that_is_not_closed_is_named() -> None:
    text = "---\ntitle: 閉じない\ntags: [a]\n\n本文だ。\n"
    front = posts.front_matter(text)
    assert (front.values["title"], text[front.body_start :].strip()) == ("閉じない", "本文だ。")
    assert "not closed" in front.fault
    assert posts.front_matter("---\n\n本文だ。\n").body_start == 0


def test_a_title_is_shown_as_text() -> None:
    front = posts.front_matter('---\ntitle: "## **港**の話"\n---\n本文。')
    assert posts.info("x.md", front).title == "港の話"


def test_an_address_by_itself_claims_nothing() -> None:
    (found,) = annotate("<b>http://example.org/0605/11</b>").sentences
    assert found.label.kind == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("港は静か<br>船も来ない<BR />町は眠る。", ["港は静か", "船も来ない", "町は眠る。"]),
        ("朝は凪で、<br>昼から荒れる。<br><br>夜は静か", ["朝は凪で、<br>昼から荒れる。", "夜は静か"]),
        ("`<br>` は改行である。", ["`<br>` は改行である。"]),
        ("We sail at 9:00 a.m. Bring a coat.", ["We sail at 9:00 a.m.", "Bring a coat."]),
        (
            "Boats leave at 5 p.m. Friday and 6 p.m. JST on Sunday.",
            ["Boats leave at 5 p.m. Friday and 6 p.m. JST on Sunday."],
        ),
    ],
)
def test_breaks_and_hours_end_sentences_where_a_reader_ends_them(text: str, said: list[str]) -> None:
    found = annotate(text)
    assert [s.text for s in found.sentences] == said
    assert not uncovered(text, found)


FLAT = "三隻がある。 | 船 | 年 | |---|---:| | 白波 | 1998 | | 青波 | 2004 | 三隻とも木造だ。"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (FLAT, ["三隻がある。", "三隻とも木造だ。"]),
        # what was cut off goes with the table
        ("三隻がある。 | 船 | 年 | |---|---| | 白波 | 19", ["三隻がある。"]),
        # what stands before and after is not one sentence
        ("三隻の一覧 | 船 | 年 | |---|---| | 白波 | 1998 | を示す。", ["三隻の一覧", "を示す。"]),
        # a row without the line of dashes
        ("一覧だ。\n| 白波は1998年の船だ。 | 40人 |\n以上。", ["一覧だ。", "以上。"]),
        # the head is missing
        ("|---|---| | 白波 | 1998 | 木造だ。", ["木造だ。"]),
        ("- 三隻。 | 船 | 年 | |--|--| | 白波 | 1998 | 木造。", ["三隻。", "木造。"]),
        # bars that are no table
        ("確率はp(a | b)だ。式は x || y だ。", ["確率はp(a | b)だ。", "式は x || y だ。"]),
        ("| から | までが一つだ。", ["| から | までが一つだ。"]),
    ],
)
def test_a_flattened_table_is_no_prose(text: str, kept: list[str]) -> None:
    read = annotate(text, title="")
    assert [s.text for s in read.sentences] == kept
    assert uncovered(text, read) == []
    taken = [row for row in read.ledger if row.action == "table"]
    assert all(text[row.start : row.end].count("|") for row in taken)


def test_a_line_of_a_million_bars_is_read_whole() -> None:
    for text in ("|" * 1_000_000, "|--" * 300_000, "| a " * 250_000 + "|---|" * 1_000):
        read = annotate(text, title="")
        assert uncovered(text, read) == []
