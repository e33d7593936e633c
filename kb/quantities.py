"""Numbers with their units, brought to one scale, and dates.

`1,000百万ドル` and `10億ドル`, `4割5分` and `45%`, `半年` and `6カ月`, `1.2GW` and
`1,200MW` come out equal; `数兆ウォン` and `10〜15年` come out as ranges. Works on
NFKC text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from kb.config import resource
from kb.datafiles import read_toml


class Quantity(NamedTuple):
    """A number as it is meant: `low` to `high` in the base unit of `dimension`.

    `bound` is "", "below" or "above"; `text` the words, `start` and `end` their place;
    `about` that the words call it no exact number (約, ほど).
    """

    dimension: str
    low: float
    high: float
    bound: str
    text: str
    start: int
    end: int
    about: bool = False

    @property
    def value(self) -> tuple[str, float, float, str]:
        """Return what is compared, rounded so that two ways to one number meet."""
        return (self.dimension, float(f"{self.low:.9g}"), float(f"{self.high:.9g}"), self.bound)


class DateRef(NamedTuple):
    """One part of a date: `part` is year, month, quarter, half, season, week, day or era."""

    part: str
    value: str
    text: str
    start: int
    end: int


_KANJI = "〇零一二三四五六七八九十百千"
# Each turn takes one sign, so that no run of them can be divided in two ways (億億億億億… would take for ever), and
# none is longer than any number that is meant.
_NUMBER = (
    rf"(?:[0-9](?:[0-9,]{{0,30}}[0-9])?(?:\.[0-9]{{1,30}})?|[{_KANJI}])"
    rf"(?:[十百千万億兆京](?:[0-9][0-9,]{{0,30}})?|(?<=[{_KANJI}万億兆京])[〇零一二三四五六七八九]){{0,40}}"
)
_PIECE = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)|([〇零一二三四五六七八九])|([十百千])|([万億兆京])")


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return read_toml(resource("data", "relate", "units.toml"))


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    data = _data()
    for key in ("words", "english_words"):
        data[key + "_any"] = re.compile("|".join(f"(?:{row[0]})" for row in data[key]))
        data[key] = [(re.compile(p), d, lo, hi) for p, d, lo, hi in data[key]]
    data["units"] |= {word: (word, 1) for word in data["counters"].split() if word not in data["units"]}
    units = sorted(data["units"], key=len, reverse=True)
    unit = "|".join(re.escape(u) + ("(?![a-z])" if u[-1].isascii() and u[-1].isalpha() else "") for u in units)
    scale = "|".join(data["english_scale"])
    bounds = data["bounds"]
    before = "|".join(bounds["about_before"])
    after = "|".join(bounds["below"] + bounds["above"])
    data["below"] = re.compile("|".join(bounds["below"]))
    data["bound"] = re.compile(after)
    data["about_after"] = re.compile("|".join(bounds["about_after"]))
    data["quantity"] = re.compile(
        rf"(?<![a-z0-9.\-])(?P<about>{before})?(?P<some>数)?(?P<cur>[$€£¥])?(?:(?P<n0>{_NUMBER})(?P<u0>{unit})?(?:\s*[〜~–—]\s*|から|-))?"
        rf"(?P<n1>{_NUMBER})(?P<some2>数[十百千万億兆]*)?\s*(?P<eng>{scale})?(?P<many>余り?|強|弱|超)?\s*(?P<unit>{unit})?(?P<half>(?<=[年間月日])半(?![分ば期年数額減導]))?"
        rf"(?P<after>{after})?"
    )
    data["vague"] = re.compile(rf"数(?P<p>[十百千]?)(?P<m>[万億兆]?)(?P<unit>{unit})")
    data["fraction"] = re.compile(rf"({_NUMBER})分の({_NUMBER})")
    data["of_every"] = re.compile(rf"({_NUMBER})(人|社|件|台|個|つ|世帯|回|名|校|店)(?:に|のうち|中)({_NUMBER})\2")
    data["tenths"] = re.compile(rf"({_NUMBER})割({_NUMBER})分")
    return data


@lru_cache(maxsize=1)
def counts() -> frozenset[str]:
    """Return the dimensions that count things one by one: 人, 社, 店."""
    return frozenset((*_data()["counted"].split(), *_data()["counters"].split()))


def parse_number(text: str) -> float | None:
    """Return the value of a numeral in Arabic or kanji digits or both, or None if it is none."""
    total = section = current = 0.0
    seen = False
    tables = _tables()
    for match in _PIECE.finditer(text):
        arabic, digit, power, myriad = match.groups()
        if arabic:
            current = float(arabic.replace(",", ""))
        elif digit:
            current = current * 10 + tables["digits"][digit]
        elif power:  # 1,000百万: a thousand hundreds, then times ten thousand
            section += (current or 1.0) * tables["powers"][power]
            current = 0.0
        else:
            total += ((section + current) or 1.0) * tables["myriads"][myriad]
            section = current = 0.0
        seen = True
    return total + section + current if seen else None


def quantities(text: str, taken: list[tuple[int, int]] | None = None) -> list[Quantity]:
    """Return the quantities of NFKC `text`, in order; `taken` are stretches that are dates."""
    low = text.lower()
    if len(low) != len(text):  # a letter whose small form is two (İ) would move all after it
        low = "".join([c.lower() if len(c.lower()) == 1 else c for c in text])
    used = list(taken or ())
    found: list[Quantity] = []

    def free(a: int, b: int) -> bool:
        return all(b <= s or e <= a for s, e in used)

    def add(dimension: str, lo: float, hi: float, bound: str, a: int, b: int, about: bool = False) -> None:
        found.append(Quantity(dimension, lo, hi, bound, text[a:b], a, b, about))
        used.append((a, b))

    tables = _tables()
    words = "words" if _JAPANESE.search(text) else "english_words"
    if tables[words + "_any"].search(low):
        for compiled, dimension, lo, hi in tables[words]:
            for m in compiled.finditer(low):
                if free(m.start(), m.end()):
                    bound, end = _bound_after(low, m.end(), tables)
                    add(dimension, float(lo), float(hi), bound, m.start(), end)
    if "分" in low:
        for m in tables["fraction"].finditer(low):
            x, y = parse_number(m[1]), parse_number(m[2])
            if x and y is not None and free(m.start(), m.end()):
                add("ratio", y / x, y / x, "", m.start(), m.end())
        for m in tables["tenths"].finditer(low):
            x, y = parse_number(m[1]), parse_number(m[2])
            if x is not None and y is not None and free(m.start(), m.end()):
                add("ratio", x / 10 + y / 100, x / 10 + y / 100, "", m.start(), m.end())
    for m in tables["of_every"].finditer(low):
        x, y = parse_number(m[1]), parse_number(m[3])
        if x and y is not None and free(m.start(), m.end()):
            add("ratio", y / x, y / x, "", m.start(), m.end())
    for m in tables["vague"].finditer(low):
        base = tables["powers"].get(m["p"], 1) * tables["myriads"].get(m["m"], 1)
        dimension, scale = tables["units"][m["unit"]]
        if free(m.start(), m.end()):
            add(dimension, 2 * base * scale, 9 * base * scale, "", m.start(), m.end())
    for m in tables["quantity"].finditer(low):
        if free(m.start(), m.end()):
            _number(m, tables, add)
    return sorted(found, key=lambda q: q.start)


def _bound_after(text: str, end: int, tables: dict[str, Any]) -> tuple[str, int]:
    """Return the bound that stands at `end` (半分以上) and where it ends."""
    match = tables["bound"].match(text, end)
    return (_side(match[0], tables), match.end()) if match else ("", end)


def _side(words: str, tables: dict[str, Any]) -> str:
    """Return on which side of its number a bound keeps: 未満 below, 以上 above."""
    return "below" if tables["below"].fullmatch(words) else "above"


def _number(m: re.Match[str], tables: dict[str, Any], add: Any) -> None:
    """Read one match of the general pattern and hand it to `add`."""
    unit = m["unit"] or ""
    edge = m.start() == 0 or m.string[m.start() - 1] in "、はがをにでと"
    counted = edge and m.string[m.end() : m.end() + 1] == "の"
    if not unit and not m["cur"] and not m["n1"][0].isdigit() and not counted:
        return  # a kanji numeral without a unit is part of a word: 一部, 三菱, 千葉
    high = parse_number(m["n1"])
    if high is None or (m[0] == "十分" and m.string[m.end() : m.end() + 1] not in "間前後"):
        return  # 十分 is "enough" more often than ten minutes
    if unit == "四半期" and m.start() and m.string[m.start() - 1] == "第":
        return  # 第2四半期 is a time, not a length of time
    if unit == "度" and not m["n1"][0].isdigit():
        unit = "回"  # 一度, 三度: times, not degrees
    currency = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}.get(m["cur"] or "", "")
    dimension, scale = tables["units"][unit] if unit else (currency or "number", 1)
    if currency:
        dimension = currency
    scale = scale * tables["english_scale"].get(m["eng"] or "", 1)
    start, first = m.start(), _first(m, tables, (dimension, scale))
    if first is not None and first[0] != dimension:  # 50ポイントから80%: two numbers, no range
        add(first[0], first[1], first[1], "", start, m.end("u0"))
        start, first = m.start("n1"), None
    if m["half"]:  # 1時間半
        high += 0.5
    low, high = (high * scale if first is None else first[1]), high * scale
    if m["some"]:
        low, high = 2 * high, 9 * high
    after = m["after"] or m["many"] or ""
    bound = _side(after, tables) if after else ""
    about = bool(m["about"]) or tables["about_after"].match(m.string, m.end()) is not None
    add(dimension, low, high, bound, start, m.end(), about)


def _first(m: re.Match[str], tables: dict[str, Any], last: tuple[str, float]) -> tuple[str, float] | None:
    """Return dimension and value of the first number of a range, whose unit may be that of the last; None for none."""
    value = parse_number(m["n0"]) if m["n0"] else None
    if value is None:
        return None
    dimension, scale = tables["units"][m["u0"]] if m["u0"] else last
    tail = re.search(r"[万億兆京]+$", m["n1"])
    if tail and not any(c in "万億兆" for c in m["n0"]):  # 1〜2億: the myriad counts for both
        value *= parse_number("1" + tail[0]) or 1.0
    return dimension, value * scale


# Nothing is a date without one of these; most sentences have none and are spared forty patterns.
_DATE_HINT = re.compile(r"[年月日週期半春夏秋冬時夜晩]|[0-9][Qq]|[Qq][1-4]|あす|きのう|おととし")
_JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")


@lru_cache(maxsize=1)
def _date_patterns() -> tuple[tuple[tuple[str, re.Pattern[str]], ...], ...]:
    """Return the patterns for Japanese, and those for text without a Japanese letter."""
    data = _data()
    return tuple(
        tuple((part, re.compile(p.replace("{n}", _NUMBER))) for part, p in rows)
        for rows in (data["dates"], data["dates"] + data["english_dates"])
    )


def dates(text: str) -> list[DateRef]:
    """Return the parts of dates in NFKC `text`, in order, longest reading first."""
    english = _JAPANESE.search(text) is None
    if not english and _DATE_HINT.search(text) is None:
        return []
    found: list[DateRef] = []
    used: list[tuple[int, int]] = []
    for part, compiled in _date_patterns()[english]:
        for m in compiled.finditer(text):
            if any(m.start() < e and s < m.end() for s, e in used):
                continue
            groups = [g for g in m.groups() if g]
            value = _western(groups) or ":".join(_plain(g) for g in groups) or m[0].casefold()
            found.append(DateRef(part, value, m[0], m.start(), m.end()))
            used.append((m.start(), m.end()))
    return sorted(found, key=lambda d: d.start)


def _western(groups: list[str]) -> str:
    """Return the year that an era and a number in it name, or ""."""
    era = _data()["eras"].get(groups[0]) if len(groups) > 1 else None
    number = 1.0 if era is not None and groups[1] == "元" else parse_number(groups[1]) if era is not None else None
    return f"{era + number:.9g}" if era is not None and number is not None else ""


def _plain(text: str) -> str:
    number = parse_number(text) if re.fullmatch(_NUMBER, text) else None
    return f"{number:.9g}" if number is not None else text.casefold()
