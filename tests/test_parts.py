"""Figures, dates and names in a claim. Every sentence here was written for the test."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.config import resource
from kb.errors import DataFileError
from kb.parts import dates, entities, figures, normalised
from kb.parts import dates as read_dates
from kb.text import tokens

SAID = dt.date(2025, 9, 23)


@pytest.mark.parametrize(
    ("text", "words", "first", "last"),
    [
        ("港は2026年4月に開く。", "2026年4月", "2026-04-01", "2026-04-30"),
        ("２０２６年度の予算だ。", "２０２６年度", "2026-04-01", "2027-03-31"),
        ("2025年9月25日に発表した。", "2025年9月25日", "2025-09-25", "2025-09-25"),
        ("2027年第3四半期に出荷する。", "2027年第3四半期", "2027-07-01", "2027-09-30"),
        ("2030年代には倍になる。", "2030年代", "2030-01-01", "2039-12-31"),
        ("2024年末に終わった。", "2024年末", "2024-10-01", "2024-12-31"),
        ("2026年から2028年にかけて増える。", "2026年から2028年", "2026-01-01", "2028-12-31"),
        ("今後5年間で広がる。", "今後5年間", "2025-09-23", "2030-09-23"),
        ("来年4月に始まる。", "来年4月", "2026-04-01", "2026-04-30"),
        ("昨年は少なかった。", "昨年", "2024-01-01", "2024-12-31"),
        ("今年度は黒字だ。", "今年度", "2025-04-01", "2026-03-31"),
        ("先月、決まった。", "先月", "2025-08-01", "2025-08-31"),
        ("3年後に完成する。", "3年後", "2028-01-01", "2028-12-31"),
        ("過去10年で半減した。", "過去10年", "2015-09-23", "2025-09-23"),
        ("It opened in March 2024.", "March 2024", "2024-03-01", "2024-03-31"),
        ("Demand doubles over the next five years.", "over the next five years", "2025-09-23", "2030-09-23"),
    ],
)
def test_dates_as_days(text: str, words: str, first: str, last: str) -> None:
    found = dates(text, SAID)
    assert [(d.text, str(d.first), str(d.last)) for d in found] == [(words, first, last)]
    assert all(text[d.start : d.end] == d.text for d in found)


def test_relative_dates_need_the_day_they_were_said() -> None:
    (found,) = dates("来年には終わる。", None)
    assert (found.relative, found.first, found.last) == (True, None, None)


def test_a_day_that_does_not_exist_has_no_days() -> None:
    (found,) = dates("2025年2月30日に会おう。", SAID)
    assert (found.first, found.last) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("数兆ウォンを投じる。", [("数兆ウォン", 2e12, 9e12, "KRW")]),
        ("費用は１０億ドルだ。", [("１０億ドル", 1e9, 1e9, "USD")]),
        ("需要は3倍、割合は45%だ。", [("3倍", 3.0, 3.0, "x"), ("45%", 45.0, 45.0, "%")]),
        ("受電は1.2GWになる。", [("1.2GW", 1.2e9, 1.2e9, "W")]),
        ("2026年4月に3社が動く。", [("3社", 3.0, 3.0, "company")]),
    ],
)
def test_figures_in_base_units(text: str, expected: list[tuple[str, float, float, str]]) -> None:
    places = [(d.start, d.end) for d in read_dates(text, SAID)]
    found = figures(text, places)
    assert [(f.text, f.low, f.high, f.unit) for f in found] == expected
    assert all(text[f.start : f.end] == f.text for f in found)


def names(text: str) -> list[tuple[str, str]]:
    found = entities(text, tokens(text))
    assert all(text[m.start : m.end] == m.text for m in found)
    return [(m.text, m.name) for m in found]


def test_aliases_name_one_thing() -> None:
    one = entities("エヌビディアが動いた。", tokens("エヌビディアが動いた。"))
    two = entities("ＮＶＩＤＩＡ moved.", tokens("ＮＶＩＤＩＡ moved."))
    assert one[0].key == two[0].key
    assert one[0].name == two[0].name == "NVIDIA"


def test_names_without_an_alias() -> None:
    assert ("Harborlight", "Harborlight") in names("Harborlightという新しい会社が港に来た。")
    assert names("In Harborlight Bay the port grew.")[0] == ("Harborlight Bay", "Harborlight Bay")


def test_what_is_written_in_capitals_and_names_nothing() -> None:
    assert names("AIとGPUとLLMのROIを測る。") == []
    assert names("The plan works.") == []


def test_half_width_letters_keep_their_places() -> None:
    folded, places = normalised("ｶﾞスと㍿")
    assert folded == "ガスと株式会社"
    assert list(places) == [0, 2, 3, 4, 4, 4, 4]


def test_a_broken_table_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("kb.parts.dates")  # the package's own `dates` is the function
    broken = tmp_path / "dates.toml"
    broken.write_text(resource("data", "dates.toml").read_text("utf-8").replace('["day",', '["moonday",'), "utf-8")
    monkeypatch.setattr(module, "resource", lambda *parts: broken)
    module._table.cache_clear()
    try:
        with pytest.raises(DataFileError, match=r"dates\.toml: unknown rule moonday"):
            dates("2026年だ。", None)
    finally:
        module._table.cache_clear()


@pytest.mark.parametrize("count", ["few", "several", "couple of", "hundred"])
def test_a_length_that_is_no_number_gives_no_date(count: str) -> None:
    assert dates(f"They will hire 20 people over the next {count} weeks.", SAID) == []


def test_a_quarter_without_a_year_is_no_length_of_time() -> None:
    assert figures("第2四半期に出荷する。", []) == []
    assert [f.text for f in figures("2四半期続けて赤字だ。", [])] == ["2四半期"]


PIECES = (
    *(
        "港は",
        "来年",
        "第2四半期に",
        "2月30日に",
        "今後5年間",
        "過去0年",
        "9999年",
        "10年後",
        "約3割",
        "1時間半",
        "数兆ウォン",
        "①",
        "½",
        "ｶﾞ",
        "㍿",
        "İ",
    ),
    *(
        "over the next few weeks",
        "in the past 999 years",
        "March 0, 2026",
        "Q3 of 2027",
        "the 1990s",
        "plans",
        "by 2031",
        "$4.5 billion",
        "NVIDIA",
    ),
    *(
        "エヌビディア",
        "・",
        " ",
        "\n",
        "…",
        "🚢",
        "２０２６年度",
        "2026/13/40",
        "1e309",
        "9" * 40,
        "億" * 9,
        "-",
        "〜",
        "2027年から2025年",
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.text(max_size=40),
    st.none() | st.dates(),
)
def test_parts_of_any_text_stand_where_they_say(text: str, said: dt.date | None) -> None:
    days = read_dates(text, said)
    found = [*days, *figures(text, [(d.start, d.end) for d in days]), *entities(text, tokens(text))]
    assert all(text[f.start : f.end] == f.text and f.text for f in found)
    assert all(d.first is None or d.last is None or d.first <= d.last for d in days)
