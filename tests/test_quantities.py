"""Quantities and parts of dates: one number, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.quantities import dates, parse_number, quantities


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("三倍", [("times", 3, 3)]),
        ("45%", [("ratio", 0.45, 0.45)]),
        ("4割5分", [("ratio", 0.45, 0.45)]),
        ("半数", [("ratio", 0.5, 0.5)]),
        ("三分の一", [("ratio", 0.333333333, 0.333333333)]),
        ("10〜15年", [("duration", 120, 180)]),
        ("数十億ドル", [("dollar", 2e9, 9e9)]),
        ("数兆ウォン", [("won", 2e12, 9e12)]),
        ("1,000百万ドル", [("dollar", 1e9, 1e9)]),
        ("10億ドル", [("dollar", 1e9, 1e9)]),
        ("1.2GW", [("power", 1.2e9, 1.2e9)]),
        ("1,200MW", [("power", 1.2e9, 1.2e9)]),
        ("6カ月", [("duration", 6, 6)]),
        ("半年", [("duration", 6, 6)]),
        ("2億3,000万円", [("yen", 2.3e8, 2.3e8)]),
        ("5社に1社", [("ratio", 0.2, 0.2)]),
        ("$10 billion", [("dollar", 1e10, 1e10)]),
        ("1〜2億円", [("yen", 1e8, 2e8)]),
        ("800MWから1.2GW", [("power", 8e8, 1.2e9)]),
        ("50ポイントから80%", [("point", 50, 50), ("ratio", 0.8, 0.8)]),
        ("1時間半", [("hours", 1.5, 1.5)]),
        ("2年半", [("duration", 30, 30)]),
        ("3年半ば", [("duration", 36, 36), ("ratio", 0.5, 0.5)]),
        ("20 percent", [("ratio", 0.2, 0.2)]),
        ("two thirds of", [("ratio", 0.666666667, 0.666666667)]),
        ("一部の工場", []),
        ("十分に足りる", []),
        ("HBM4", []),
        ("GPT-5", []),
        ("第2四半期に始まる", []),
        ("2四半期続けて", [("duration", 6, 6)]),
    ],
)
def test_quantities_come_to_one_scale(text: str, values: list[tuple[str, float, float]]) -> None:
    assert [q.value[:3] for q in quantities(text)] == values


def test_bounds_are_kept() -> None:
    assert [q.bound for q in quantities("50人以上、40人未満、30人")] == ["above", "below", ""]
    assert [q.bound for q in quantities("5割を超えた。6割を下回った。7割まで増えた。8割までだ。")] == [
        "above",
        "below",
        "",
        "below",
    ]


def test_approximations_are_marked() -> None:
    assert [q.about for q in quantities("約50人、60人ほど、70人")] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2026年度第3四半期", [("fiscal", "2026"), ("quarter", "3")]),
        ("来年4月", [("year", "来"), ("month", "4")]),
        ("2027年10月3日", [("year", "2027"), ("month", "10"), ("day", "3")]),
        ("4〜6月期", [("month", "4:6")]),
        ("昨秋", [("season", "昨:秋")]),
        ("今後5年間", []),
        ("In March 2024 sales fell.", [("month", "march"), ("year", "2024")]),
        ("It grew in the second quarter.", [("quarter", "second")]),
        ("Last year it shrank, and may grow next week.", [("year", "last"), ("week", "next")]),
        ("It may open in May.", [("month", "may")]),
    ],
)
def test_dates(text: str, parts: list[tuple[str, str]]) -> None:
    assert [(d.part, d.value) for d in dates(text)] == parts


@given(st.integers(min_value=0, max_value=10**15))
def test_a_number_reads_back_with_separators(value: int) -> None:
    assert parse_number(f"{value:,}") == value


@pytest.mark.parametrize("piece", ["億", "億千", "一", "9", "1,", "数十", "1〜", "五に", "1.1.", "二〇", "2年半", "約"])
def test_runs_of_number_signs_are_read_without_going_back_over_them(piece: str) -> None:
    """A pattern that can divide such a run in many ways does not come back from it in a lifetime."""
    text = "1" + piece * 5_000 + "年"
    assert all(text[q.start : q.end] == q.text for q in quantities(text))
    assert all(text[d.start : d.end] == d.text for d in dates(text))
