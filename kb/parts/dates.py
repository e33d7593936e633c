"""Dates and periods that a claim names, as days; relative ones are counted from the post's date."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from dateutil.relativedelta import relativedelta

from kb.config import resource
from kb.datafiles import read_toml
from kb.errors import DataFileError
from kb.parts.nfkc import normalised

Days = tuple[dt.date, dt.date]
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


@dataclass(frozen=True, slots=True)
class DateMention:
    """A date or period: the words, their place, its first and last day.

    `relative` ones depend on when they were said; without that the days are None.
    """

    text: str
    start: int
    end: int
    first: dt.date | None
    last: dt.date | None
    relative: bool


@dataclass(frozen=True, slots=True)
class _Table:
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    parts: dict[str, tuple[int, int]]
    relative: dict[str, int]
    units: dict[str, str]
    numbers: dict[str, int]


@cache
def _table() -> _Table:
    """Load `data/dates.toml`."""
    path = resource("data", "dates.toml")
    data = read_toml(path)
    try:
        words = "|".join(sorted(data["numbers"], key=len, reverse=True))
        made = ((rule, p.replace("{n}", r"\d{1,3}").replace("{w}", rf"(?:{words})")) for rule, p in data["patterns"])
        patterns = tuple((rule, re.compile(p)) for rule, p in made)
        parts = {name: (int(a), int(b)) for name, (a, b) in data["parts"].items()}
        table = _Table(patterns, parts, dict(data["relative"]), dict(data["units"]), dict(data["numbers"]))
        unknown = {rule for rule, _ in patterns} - set(_RULES)
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    if unknown:
        raise DataFileError(f"{path}: unknown rule {', '.join(sorted(unknown))}; see the comments in the file")
    return table


def dates(text: str, said: dt.date | None) -> list[DateMention]:
    """Return the dates and periods of `text` in order.

    Args:
        text: the words of a claim.
        said: the day its post was published, if it is known.
    """
    plain, places = normalised(text)
    found: list[DateMention] = []
    taken: list[tuple[int, int]] = []
    for rule, pattern in _table().patterns:
        for match in pattern.finditer(plain):
            a, b = match.span()
            if any(a < end and start < b for start, end in taken):
                continue
            taken.append((a, b))
            relative = rule in _RELATIVE
            days = None
            if said is not None or not relative:
                days = _days(rule, match.groupdict(), said or dt.date.min)
            start, end = places[a], places[b - 1] + 1
            first, last = days or (None, None)
            found.append(DateMention(text[start:end], start, end, first, last, relative))
    return sorted(found, key=lambda d: d.start)


def _days(rule: str, groups: dict[str, Any], said: dt.date) -> Days | None:
    """Return the first and last day, or None where there is no such day (2月30日)."""
    try:
        return _RULES[rule]({name: value for name, value in groups.items() if value}, said)
    except (ValueError, OverflowError):
        return None


def _months(year: int, first: int, last: int) -> Days:
    """Return from the first day of one month to the last of another."""
    start = dt.date(year, first, 1)
    return start, dt.date(year, last, 1) + relativedelta(months=1, days=-1)


def _day(g: dict[str, str], _: dt.date) -> Days:
    day = dt.date(int(g["y"]), int(g["m"]), int(g["d"]))
    return day, day


def _month(g: dict[str, str], _: dt.date) -> Days:
    return _months(int(g["y"]), int(g["m"]), int(g["m"]))


def _month_en(g: dict[str, str], said: dt.date) -> Days:
    month = str(_MONTHS.index(g["mon"].lower()) + 1)
    return _day({**g, "m": month}, said) if "d" in g else _month({**g, "m": month}, said)


def _quarter(g: dict[str, str], _: dt.date) -> Days:
    first = 3 * int(g["q"]) - 2
    return _months(int(g["y"]), first, first + 2)


def _half(g: dict[str, str], _: dt.date) -> Days:
    return _months(int(g["y"]), *_table().parts[g["h"]])


def _part(g: dict[str, str], _: dt.date) -> Days:
    return _months(int(g["y"]), *_table().parts[g["w"]])


def _fiscal_year(year: int) -> Days:
    return dt.date(year, 4, 1), dt.date(year + 1, 3, 31)


def _year(g: dict[str, str], _: dt.date) -> Days:
    return _months(int(g["y"]), 1, 12)


def _decade(g: dict[str, str], _: dt.date) -> Days:
    year = int(g.get("y") or g["y2"])
    return dt.date(year, 1, 1), dt.date(year + 9, 12, 31)


def _range(g: dict[str, str], _: dt.date) -> Days | None:
    first, last = int(g["y"]), int(g["z"])
    return (dt.date(first, 1, 1), dt.date(last, 12, 31)) if first <= last else None


def _relative_year(g: dict[str, str], said: dt.date) -> Days:
    word = g["w"]
    shift = _table().relative[word]
    if word.endswith("年度"):
        return _fiscal_year((said - relativedelta(months=3)).year + shift)
    year = said.year + shift
    if "m" in g:
        return _months(year, int(g["m"]), int(g["m"]))
    return _months(year, *_table().parts[g["p"]]) if "p" in g else _months(year, 1, 12)


def _relative_month(g: dict[str, str], said: dt.date) -> Days:
    day = said + relativedelta(months=_table().relative[g["w"]])
    return _months(day.year, day.month, day.month)


def _relative_day(g: dict[str, str], said: dt.date) -> Days:
    day = said + dt.timedelta(days=_table().relative[g["w"]])
    return day, day


def _span(g: dict[str, str]) -> tuple[relativedelta, str]:
    """Return how long N units are, and the unit."""
    word = g["n"]
    count = int(word) if word.isdigit() else _table().numbers[word]
    unit = _table().units[g["u"]]
    lengths = {
        "year": relativedelta(years=count),
        "month": relativedelta(months=count),
        "week": relativedelta(weeks=count),
        "day": relativedelta(days=count),
    }
    return lengths[unit], unit


def _coming(g: dict[str, str], said: dt.date) -> Days:
    return said, said + _span(g)[0]


def _past(g: dict[str, str], said: dt.date) -> Days:
    return said - _span(g)[0], said


def _around(day: dt.date, unit: str) -> Days:
    """Return the whole unit that a day counted in that unit lies in."""
    if unit == "year":
        return _months(day.year, 1, 12)
    return _months(day.year, day.month, day.month) if unit == "month" else (day, day)


def _after(g: dict[str, str], said: dt.date) -> Days:
    length, unit = _span(g)
    return _around(said + length, unit)


def _ago(g: dict[str, str], said: dt.date) -> Days:
    length, unit = _span(g)
    return _around(said - length, unit)


_RULES: dict[str, Callable[[dict[str, str], dt.date], Days | None]] = {
    "day": _day,
    "month": _month,
    "month_en": _month_en,
    "quarter": _quarter,
    "half": _half,
    "part": _part,
    "fiscal": lambda g, _: _fiscal_year(int(g["y"])),
    "decade": _decade,
    "range": _range,
    "year": _year,
    "relative_year": _relative_year,
    "relative_month": _relative_month,
    "relative_day": _relative_day,
    "coming": _coming,
    "past": _past,
    "after": _after,
    "ago": _ago,
}
_RELATIVE = frozenset(("relative_year", "relative_month", "relative_day", "coming", "past", "after", "ago"))
