"""Where sentences end: brackets and quotes are looked through, never cut.

Japanese ends at 。！？ (and closing brackets after them) outside of brackets;
English at . ! ? before white space and a capital, abbreviations apart. Cue
tables: `data/sentences.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from kb.config import resource
from kb.errors import DataFileError

_WIDEST = 600  # characters; a bracket that closes later than this is a stray one
_INK = re.compile(r"\S")  # searched, not stripped for: a copy of all that stands before is quadratic
_QUOTES_IN_A_ROW = 8  # looked through for what follows; more are a dialogue


@dataclass(frozen=True, slots=True)
class Rules:
    """The tables of `data/sentences.toml`, compiled."""

    pairs: dict[str, str]
    quotes: frozenset[str]
    enders: frozenset[str]
    names: re.Pattern[str]
    brackets: re.Pattern[str]
    marks: re.Pattern[str]
    after_quote: re.Pattern[str]
    after_mark: re.Pattern[str]
    abbreviation: re.Pattern[str]
    time: re.Pattern[str]
    after_time: re.Pattern[str]
    bullet: re.Pattern[str]


@cache
def rules() -> Rules:
    """Load the tables.

    Raises:
        DataFileError: the file breaks its own form.
    """
    path = resource("data", "sentences.toml")
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        pairs = dict(table["brackets"]["pairs"])
        return Rules(
            pairs=pairs,
            brackets=_one_of([*pairs, *pairs.values()]),
            marks=_one_of([*pairs, *table["enders"]["marks"], "."]),
            quotes=frozenset(table["brackets"]["quotes"]),
            enders=frozenset(table["enders"]["marks"]),
            names=re.compile("(?:" + "|".join(map(re.escape, table["enders"]["names"])) + r")(?=\S)"),
            after_quote=re.compile(r"\s*(?:" + "|".join(table["continues"]["after_quote"]) + ")"),
            after_mark=re.compile(r"\s*(?:" + "|".join(table["continues"]["after_mark"]) + ")"),
            abbreviation=re.compile(
                r"(?:^|[\s(\"'\u3041-\u30ff\u3400-\u9fff])(?:"
                + "|".join(map(re.escape, table["english"]["abbreviations"]))
                + r")$"
            ),
            time=re.compile(r"\d\s?(?:" + "|".join(map(re.escape, table["english"]["times"])) + r")$"),
            after_time=re.compile(r"\W?(?:" + "|".join(table["english"]["after_time"]) + r")\b"),
            bullet=re.compile("[" + re.escape("".join(table["lines"]["bullets"])) + "]"),
        )
    except (OSError, KeyError, TypeError, re.error, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error


def _one_of(marks: Iterable[str]) -> re.Pattern[str]:
    return re.compile("[" + re.escape("".join(marks)) + "]")


def split(text: str) -> list[tuple[int, int]]:
    """Return the sentences of one passage's plain text as (start, end), white space left out."""
    table = rules()
    match = _matching(text, table)
    named = {m.end() - 1 for m in table.names.finditer(text)}
    cuts: list[int] = []
    i, n, begin = 0, len(text), 0
    while found := table.marks.search(text, i):
        i = found.start()
        char = text[i]
        if i in match:
            close = match[i]
            if char in table.quotes or char in "（(":
                after = _after_bracket(text, i, match, begin, table)
                if after:
                    cuts.append(after)
                    begin = after
                    i = after
                    continue
            i = close + 1
            continue
        if char in table.enders and i not in named and not _inside_word(text, i):
            i = _past_enders(text, i, table, match)
            if i >= n or not table.after_mark.match(text, i) or char == "。":
                i += text.startswith('"', i) and text.count('"', begin, i) % 2  # it closes what this sentence opened
                cuts.append(i)
                begin = i
            continue
        if char == "." and _english_end(text, i, begin, table):
            i += 1
            while i < n and text[i] in "\"')]”’":
                i += 1
            cuts.append(i)
            begin = i
            continue
        i += 1
    return _trim(text, cuts)


def _matching(text: str, table: Rules) -> dict[int, int]:
    """Return opening place -> closing place of every outermost bracket pair that does close."""
    closers = {close: opener for opener, close in table.pairs.items()}
    stack: list[tuple[str, int]] = []
    spans: list[tuple[int, int]] = []
    for found in table.brackets.finditer(text):
        i, char = found.start(), found[0]
        if char in table.pairs:
            stack.append((char, i))
        elif char in closers:
            for depth in range(len(stack) - 1, max(-1, len(stack) - 9), -1):
                if stack[depth][0] == closers[char]:
                    if i - stack[depth][1] <= _WIDEST:
                        spans.append((stack[depth][1], i))
                    del stack[depth:]
                    break
    outer: dict[int, int] = {}
    last = -1
    for start, end in sorted(spans, key=lambda s: (s[0], -s[1])):
        if start > last:
            outer[start] = last = end
    return outer


def _inside_word(text: str, i: int) -> bool:
    """Tell whether the mark at `i` stands inside an address or a number (?q=1, 1．5), ending nothing."""
    after = text[i + 1 : i + 2]
    if text[i] in "!?":
        return after.isascii() and (after.isalnum() or after in "=&/%_-#") and bool(after)
    return text[i] == "．" and after.isdigit()


def _past_enders(text: str, i: int, table: Rules, match: dict[int, int]) -> int:
    """Return the place after a run of end marks and the closing marks that belong to them."""
    closers = set(table.pairs.values())
    while i < len(text) and (text[i] in table.enders or text[i] in closers or text[i] in "…‥") and i not in match:
        i += 1
    return i


def _after_bracket(text: str, start: int, match: dict[int, int], begin: int, table: Rules) -> int | None:
    """Return where a sentence ends that is one bracket, such as 「…。」 or （…。）, or None.

    A bracket ends its sentence where it began it, holds an end mark last, and
    what follows does not go on with it (と述べた, という, は …), nor with the
    brackets right after it (「はい。」「いいえ。」の二つ).
    """
    close = match[start]
    if _INK.search(text, begin, start) or text[close - 1] not in table.enders:
        return None
    after = last = close + 1
    for _ in range(_QUOTES_IN_A_ROW):
        if last not in match or text[last] not in table.quotes:
            break
        last = match[last] + 1
    if last < len(text) and (text[last] in table.enders or table.after_quote.match(text, last)):
        return None
    return after


def _english_end(text: str, i: int, begin: int, table: Rules) -> bool:
    """Tell whether the full stop at `i` ends a sentence of Latin script."""
    n = len(text)
    j = i + 1
    while j < n and text[j] in "\"')]”’":
        j += 1
    if j < n and not text[j].isspace():
        return False
    before = text[max(begin, i - 24) : i + 1]
    if i and not (text[i - 1].isascii() or text[i - 1] in "”’"):
        return False
    if j >= n:
        return True
    while j < n and text[j].isspace():
        j += 1
    if j < n and text[j].islower():
        return False
    if re.search(r"(?:^|[^A-Za-z0-9.])[A-Z]\.$", before) or re.search(r"(?:^|\s)\d{1,3}\.$", before):
        return False  # an initial, or the number of a list item
    if table.time.search(before):
        return not table.after_time.match(text, j)
    return not table.abbreviation.search(before)


def _trim(text: str, cuts: list[int]) -> list[tuple[int, int]]:
    """Turn cuts into spans without outer white space."""
    spans = []
    begin = 0
    for cut in [*cuts, len(text)]:
        a, b = begin, cut
        while a < b and text[a].isspace():
            a += 1
        while b > a and text[b - 1].isspace():
            b -= 1
        if a < b:
            spans.append((a, b))
        begin = cut
    return spans
