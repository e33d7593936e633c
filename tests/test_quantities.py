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
        ("一部の工場", []),
        ("十分に足りる", []),
        ("HBM4", []),
        ("GPT-5", []),
    ],
)
def test_quantities_come_to_one_scale(text: str, values: list[tuple[str, float, float]]) -> None:
    assert [q.value[:3] for q in quantities(text)] == values


def test_bounds_are_kept() -> None:
    assert [q.bound for q in quantities("50人以上、40人未満、30人")] == ["above", "below", ""]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2026年度第3四半期", [("fiscal", "2026"), ("quarter", "3")]),
        ("来年4月", [("year", "来"), ("month", "4")]),
        ("2027年10月3日", [("year", "2027"), ("month", "10"), ("day", "3")]),
        ("4〜6月期", [("month", "4:6")]),
        ("昨秋", [("season", "昨:秋")]),
        ("今後5年間", []),
    ],
)
def test_dates(text: str, parts: list[tuple[str, str]]) -> None:
    assert [(d.part, d.value) for d in dates(text)] == parts


@given(st.integers(min_value=0, max_value=10**15))
def test_a_number_reads_back_with_separators(value: int) -> None:
    assert parse_number(f"{value:,}") == value
