"""The frame of a document in the reader's language, and how values are shown in every format."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from kb.config import resource
from kb.errors import DataFileError, UsageError
from kb.export.records import Figure, Subject, When

LANGUAGES = ("ja", "en")
Words = Mapping[str, Any]

# Control characters, and those without a width that turn a line around or hide what stands in it (Unicode TR 36).
_UNSHOWN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_LINE_ENDS = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # what str.split takes for white space, too

_PREFIXES = {18: " E", 15: " P", 12: " T", 9: " G", 6: " M", 3: " k", 0: " ", -3: " m", -6: " µ", -9: " n"}
_METRIC = frozenset({"W", "Wh", "bytes", "bitrate", "hertz", "flops", "volt", "length"})


@cache
def _all() -> Mapping[str, Words]:
    """Load `data/export/words.toml`; both languages must have the same keys."""
    path = resource("data", "export", "words.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        missing = set(data["ja"]) ^ set(data["en"])
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    if missing:
        raise DataFileError(f"{path}: only one language has {', '.join(sorted(missing))}")
    return data


def words(lang: str) -> Words:
    """Return the words of the frame; raises `UsageError` for a language other than ja and en."""
    if lang not in LANGUAGES:
        raise UsageError(f"language {lang!r} is none of {', '.join(LANGUAGES)}")
    return _all()[lang]


def shown(text: str) -> str:
    """Return `text` as one line that shows all it holds: no control characters, none that turn the line around."""
    return _UNSHOWN.sub("", " ".join(text.split()))


def kept(text: str) -> str:
    """Return `text` with its line breaks, without control characters and those that turn a line around."""
    return _UNSHOWN.sub("", _LINE_ENDS.sub("\n", text.replace("\r\n", "\n").replace("\r", "\n")))


def title(subject: Subject, lang: str) -> str:
    """Return the heading of a summary: the name in the reader's language, the other one behind it."""
    if subject.kind == "search":
        return str(words(lang)["search"]).format(name=shown(subject.name(lang)))
    other = "en" if lang == "ja" else "ja"
    names = dict.fromkeys(shown(name) for name in (subject.names.get(lang, ""), subject.names.get(other, "")))
    return " / ".join(name for name in names if name) or shown(subject.slug)


def day(date: str | None) -> str:
    """Return the day of a post's date, or ""."""
    return shown(date[:10]) if date else ""


def value(figure: Figure, word: Words) -> str:
    """Return a quantity in one unit for its dimension: 10 GW, 270億 USD or 27 billion USD, 2倍以上."""
    if figure.unit == "rate":  # bits or bytes: the words tell, the dimension does not
        return shown(figure.text)
    unit = str(word["units"].get(figure.unit, shown(figure.unit)))
    low = _scaled(figure.low, figure.unit, word)
    behind = low[1] + (unit if figure.unit in _METRIC else _spaced(unit))
    if figure.high is None:
        return f"{low[0]}{behind}{word['or_more']}"
    if figure.high == figure.low:
        return f"{low[0]}{behind}"
    high = _scaled(figure.high, figure.unit, word)
    top = high[1] + (unit if figure.unit in _METRIC else _spaced(unit))
    return f"{low[0]}{behind if low[1] != high[1] else ''}{word['to']}{high[0]}{top}"


def _spaced(unit: str) -> str:
    """Return a unit as it follows a number: Latin letters after a space."""
    return f" {unit}" if unit[:1].isascii() and unit[:1].isalpha() else unit


def _scaled(amount: float, unit: str, word: Words) -> tuple[str, str]:
    """Return an amount as (number, what it is counted in): ("10", " G") or ("270", "億")."""
    if unit in _METRIC:
        power = next((p for p in _PREFIXES if abs(amount) >= 10**p * 0.9995), min(_PREFIXES)) if amount else 0
        return number(amount / 10**power), _PREFIXES[power]
    for least, name in word["scales"]:
        if abs(amount) >= least:
            return number(amount / least), str(name)
    return number(amount), ""


def number(amount: float) -> str:
    """Return a number as it is read, to four digits behind the point and never with an exponent."""
    rounded = round(amount, 4)
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.4f}".rstrip("0")


def period(when: When) -> str:
    """Return a date as short as it can be told: 2026, 2026-03, 2026-03-14, or two of them."""
    first, last = when.first or "", when.last or when.first or ""
    if first == last:
        return first
    if first[:4] == last[:4]:
        if first[5:] == "01-01" and last[5:] == "12-31":
            return first[:4]
        if first[:7] == last[:7] and first[8:] == "01" and last[8:] in ("28", "29", "30", "31"):
            return first[:7]
        return f"{first[:7]}/{last[:7]}"
    whole = first[5:] == "01-01" and last[5:] == "12-31"
    return f"{first[:4]}/{last[:4]}" if whole or when.relative else f"{first[:7]}/{last[:7]}"
