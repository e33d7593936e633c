"""Pairs made from every claim of the sample posts that differ in one thing that matters: none may ever merge.

The pairs are made the same way on every run: each change is tried at each place where it fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from kb.config import resource
from kb.links import relate
from kb.posts import load
from kb.quantities import parse_number
from kb.reading import annotate
from kb.records import CLAIM_KINDS
from kb.synonyms import TERM, groups

POSTS = resource("data", "posts")
NUMBER = re.compile(r"(?<![\d.,A-Za-z-])\d{1,4}(?:,\d{3})*(?:\.\d+)?(?![\d,A-Za-z-])(?!\.\d)")
WIDE = str.maketrans("0123456789,.", "０１２３４５６７８９，．")
DIGITS = "〇一二三四五六七八九"
POLITE = [
    ("である。", "です。"),
    ("だった。", "でした。"),
    ("だ。", "です。"),
    ("した。", "しました。"),
    ("する。", "します。"),
    ("ている。", "ています。"),
]


def couples(words: str) -> list[tuple[str, str]]:
    """Return (a, b) and (b, a) of each a/b."""
    found = [tuple(couple.split("/")) for couple in words.split()]
    return [pair for a, b in found for pair in ((a, b), (b, a))]


TIMES = (
    *(
        "来年",
        "再来年",
        "昨年",
        "今年",
        "来月",
        "先月",
        "昨年度",
        "今年度",
        "去年の春",
        "去年の秋",
        "3月3日",
        "3月13日",
    ),
    *("2026年4月", "2026年9月", "二〇二七年四月", "2027年第1四半期", "2027年第3四半期"),
)
DATES = couples(
    "来年/再来年 今年/昨年 先月/今月 来月/来週 今年度/来年度 昨年度/今年度 上期/下期 前半/後半 第1四半期/第3四半期"
    " 春/秋 夏/冬 午前/午後 年初/年末"
)
TURNS = couples(
    "増え/減っ 増加/減少 上がっ/下がっ 上昇/低下 拡大/縮小 上回/下回 長く/短く 高い/低い 多い/少ない 早い/遅い"
    " 早く/遅く 強化/緩和 開始/終了 始まる/終わる 始まった/終わった 賛成/反対 黒字/赤字 輸出/輸入"
    " 成功/失敗 前倒し/先送り 可能/不可能 安全/危険 有料/無料 国内/海外 以上/未満 すべて/一部 最大/最小"
    " 買収/売却 供給/需要"
)
UNITS = couples("万/億 億/兆 円/ドル カ月/年 週間/カ月 %/ポイント kW/MW MW/GW")
PLACES = couples("北海道/九州 九州/東北 大阪/名古屋 福岡/仙台 ドイツ/フランス 韓国/台湾 米国/中国 日本/韓国 東京/大阪")


def said() -> list[str]:
    """Return the distinct claims of the sample posts, and the sentences written for the relations."""
    found: dict[str, None] = {}
    for path in sorted(POSTS.glob("*.md")):
        for sentence in annotate(load(path, path.name).text).sentences:
            if not sentence.reason and sentence.label.kind in CLAIM_KINDS:
                found.setdefault(sentence.plain)
    written = (Path(__file__).parent / "data" / "relations.tsv").read_text("utf-8").splitlines()
    return list(found) + sorted({sentence for line in written for sentence in line.split("\t")[1:]})[::3]


CLAIMS = said()


def kanji(number: int) -> str:
    """Return a number below 10,000 as it is spelt in kanji: 203 is 二百三."""
    spelt = ""
    for power, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, power)
        if digit:
            spelt += (DIGITS[digit] if digit > 1 or not name else "") + name
    return spelt or "〇"


def numbers(text: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Yield each number of `text` and others that may stand in its place."""
    for match in NUMBER.finditer(text):
        if "." in match[0]:
            yield match, [f"{float(match[0].replace(',', '')) + 0.1:.1f}"]
            continue
        value = int(match[0].replace(",", ""))
        others = [value + 1, value * 10, *([value - 1] if value > 1 else [])]
        yield match, [f"{n:,}" if "," in match[0] else str(n) for n in others if n != value]


def with_number(text: str, spell: Callable[[str], str]) -> Iterator[str]:
    """Yield `text` with one number changed, and the new one spelt by `spell`."""
    for match, others in numbers(text):
        for other in others:
            spelt = spell(other)
            if spelt:
                yield text[: match.start()] + spelt + text[match.end() :]


def in_kanji(number: str) -> str:
    return kanji(int(number)) if number.isdigit() and 0 < int(number) < 10_000 else ""


def replaced(text: str, changes: list[tuple[str, str]]) -> Iterator[str]:
    """Yield `text` with one word changed for another, at each place where it stands."""
    for old, new in changes:
        for match in re.finditer(re.escape(old), text):
            yield text[: match.start()] + new + text[match.end() :]


def with_unit(text: str) -> Iterator[str]:
    """Yield `text` with the unit or the myriad after a number changed."""
    for match in re.finditer(r"(?<=\d)(万|億|兆|円|ドル|カ月|週間|%|kW|MW)", text):
        for old, new in UNITS:
            if match[0] == old:
                yield text[: match.start()] + new + text[match.end() :]


def with_name(text: str) -> Iterator[str]:
    """Yield `text` with a listed name changed for the next of its kind."""
    for old, new in NAMES:
        if (
            old in text
            and new not in text
            and not re.search(rf"[A-Za-zァ-ヺー]{re.escape(old)}|{re.escape(old)}[A-Za-zァ-ヺー]", text)
        ):
            yield text.replace(old, new)


def names() -> list[tuple[str, str]]:
    """Return each listed name with one of the next thing of its kind."""
    listed = [g for g in groups(resource("data", "synonyms.yml")) if g.kind != TERM]
    return [(name, two.names[0]) for one, two in pairwise(listed) if one.kind == two.kind for name in one.names]


NAMES = names()
WHOLE = "(?<![A-Za-z0-9ァ-ヺー]){}(?![A-Za-z0-9ァ-ヺー])"  # not cut out of a longer name


def politely(texts: Iterator[str]) -> Iterator[str]:
    """Yield texts said in the other register: だ for です."""
    for text in texts:
        for plain, polite in POLITE:
            if text.endswith(plain):
                yield text[: -len(plain)] + polite
                break
            if text.endswith(polite):
                yield text[: -len(polite)] + plain
                break


def others(make: Callable[[str], Iterable[str]]) -> Callable[[str], Iterator[tuple[str, str]]]:
    """Return a function that yields a text with each of what `make` makes of it."""
    return lambda text: ((text, other) for other in make(text) if other != text)


def dated(text: str) -> Iterator[tuple[str, str]]:
    """Yield `text` said of two times."""
    at = CLAIMS.index(text)
    yield f"{TIMES[at % len(TIMES)]}、{text}", f"{TIMES[(at + 1) % len(TIMES)]}、{text}"


CHANGES: dict[str, tuple[Callable[[str], Iterator[tuple[str, str]]], int]] = {
    "number": (others(lambda t: with_number(t, str)), 500),
    "full-width number": (others(lambda t: with_number(t, lambda n: n.translate(WIDE))), 500),
    "number in kanji": (others(lambda t: with_number(t, in_kanji)), 500),
    "number, politely": (others(lambda t: politely(with_number(t, str))), 300),
    "unit or myriad": (others(with_unit), 100),
    "date": (others(lambda t: replaced(t, DATES)), 50),
    "time": (dated, 500),
    "direction": (others(lambda t: replaced(t, TURNS)), 200),
    "name": (others(lambda t: (*with_name(t), *replaced(t, PLACES))), 80),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_difference_that_matters_is_never_merged(change: str) -> None:
    make, least = CHANGES[change]
    made = [pair for text in CLAIMS for pair in islice(make(text), 4)]
    assert len(made) >= least
    assert [pair for pair in made if relate(*pair).relation == "same"] == []


def test_a_number_spelt_another_way_is_the_same_number() -> None:
    """The pairs above differ in their numbers, then, and not merely in how they are written."""
    for number in (*range(1, 60), 100, 203, 999, 1_000, 4_050, 9_999):
        assert parse_number(kanji(number)) == number
    made = [
        (text, text[: m.start()] + m[0].translate(WIDE) + text[m.end() :]) for text in CLAIMS for m, _ in numbers(text)
    ]
    assert len(made) >= 200
    assert [pair for pair in made if relate(*pair).relation != "same"] == []
