"""The lead: what stands alone and says most, each thing once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kb import config
from kb.errors import DataFileError
from kb.export import lead, sections, words
from kb.export.records import Claim, Figure, Name, Quoted, When
from kb.records import Occurrence


def place(post: str, date: str = "2025-09-01") -> Occurrence:
    return Occurrence(post, "題", date, 0, 9, ((0, 9),), "引用", f"key-{post}")


def claim(number: int, text: str, kind: str = "fact", **more: object) -> Claim:
    values = {"places": (place(f"{number}.md"),), **more}
    return Claim(number, f"k{number:03}", text, kind, **values)  # type: ignore[arg-type]


def spread(count: int, seed: int = 1, dim: int = 32) -> dict[int, bytes]:
    """Return unit vectors that are all unlike each other."""
    rows = np.random.default_rng(seed).standard_normal((count, dim))
    return {n: (row / np.linalg.norm(row)).astype("<f4").tobytes() for n, row in enumerate(rows)}


GOOD = "県の電力会社は二〇三〇年までに揚水発電所を三か所に建てる計画を公表した。"


@pytest.mark.parametrize(
    "text",
    [
        "電力の見通し",  # a heading
        "こんにちは、今週も電力の話題をお届けしますので最後までお読みください。よろしくね。",
        "私はこの町の発電所がこれから大きな役割を持つようになると信じて取材を続けている。",
        "あなたの町の発電所は今年の冬の寒さに耐えられる作りになっているだろうか。",
        "今回の記事では電力会社が進めている設備の更新について順を追って説明していく。",
        "短い文だ。",
        "発電所の建て替えは、" + "とても" * 60 + "長い。",
        "蓄電池の価格が三割下がったとのこと。",
        "| 項目 | 当初 | いま | |---|---|---| | 送電線の増強 | 未定 | 二〇三一年に完了 |。",
    ],
)
def test_what_does_not_stand_alone_is_never_in_a_lead(text: str) -> None:
    assert lead.form(claim(1, text)) == 0
    assert lead.choose([claim(1, text)], {}) == ()


@pytest.mark.parametrize(
    "text",
    [
        "この計画は県の電力会社と三つの町が五年をかけて話し合って決めたものである。",
        "同社は県の南部にある三つの発電所をまとめて建て替える計画を公表した。",
        "政府は県の南部にある三つの発電所をまとめて建て替える計画を公表した。",
        "しかし県の電力会社は揚水発電所を三か所に建てる計画を公表した。",
        "県の電力会社が揚水発電所を三か所に建てるというのは、まさに驚きの計画である。",
    ],
)
def test_what_leans_on_more_or_talks_comes_after_what_does_not(text: str) -> None:
    assert 0 <= lead.form(claim(1, text)) < lead.form(claim(2, GOOD)) == 1


def test_english_has_rules_of_its_own() -> None:
    told = "The utility will build three pumped-storage plants in the south of the county by 2030."
    assert lead.form(claim(1, told, language="en")) == 1
    assert lead.form(claim(1, "This means that the utility has a chance to build more plants soon.", language="en")) < 1
    assert lead.form(claim(1, "We think that the utility has a chance to build more plants soon.", language="en")) == 0


def test_a_claim_with_an_antecedent_is_put_lower() -> None:
    leaning = claim(1, GOOD, context=Quoted("前の文。", place("1.md")))
    assert lead.form(leaning) < 0.5


def test_substance_is_what_can_be_checked() -> None:
    figure = Figure("3か所", 0, 3, "power", "W", 3, 3)
    when = When("2030年", 0, 5, "2030-01-01", "2030-12-31", False)
    told = claim(1, GOOD, figures=(figure,), dates=(when,), names=(Name("n", "県", "organisation"),))
    assert lead.substance(told) > lead.substance(claim(2, GOOD)) > 0
    vague = claim(3, GOOD, figures=(Figure("一つ", 0, 2, "count", "count", 1, 1),))
    assert lead.substance(vague) == lead.substance(claim(2, GOOD))


def test_lexrank_finds_the_middle() -> None:
    star = np.eye(5, dtype=np.float32)
    star[0, 1:] = star[1:, 0] = 0.6
    rank = lead.lexrank(star)
    assert rank.argmax() == 0
    assert rank[0] == 1
    assert np.allclose(rank[1:], rank[1])


def test_lexrank_of_claims_without_ties_is_even() -> None:
    assert np.allclose(lead.lexrank(np.eye(4, dtype=np.float32)), 1)


def test_the_same_thing_is_not_said_twice() -> None:
    texts = [f"県の第{n}電力会社は揚水発電所を三か所に建てる計画を公表した。" for n in range(1, 9)]
    claims = [claim(n, text) for n, text in enumerate(texts)]
    vectors = spread(8)
    for n in range(1, 5):  # five of the eight say one thing
        vectors[n] = vectors[0]
    first = [c.id for c in lead.choose(claims, vectors, most=4)]
    assert len(set(first) & {0, 1, 2, 3, 4}) == 1


def test_what_many_posts_say_and_what_is_newer_comes_first() -> None:
    wide = claim(1, GOOD, places=tuple(place(f"{n}.md") for n in range(4)))
    narrow = claim(2, GOOD.replace("県", "市"))
    assert lead.choose([narrow, wide], spread(3))[0] == wide
    old, new = (claim(n, GOOD, places=(place(f"{n}.md", d),)) for n, d in ((1, "2024-01-01"), (2, "2025-01-01")))
    assert lead.choose([old, new], spread(3))[0] == new


def test_kinds_have_their_order_and_their_quota() -> None:
    kinds = ["advice", "opinion", "forecast", "fact"]
    claims = [claim(n, GOOD.replace("三", "一二三四五六七八九十"[n % 10]), kinds[n % 4]) for n in range(40)]
    chosen = [c.kind for c in lead.choose(claims, spread(40))]
    assert (
        chosen == ["fact"] * 4 + ["forecast"] * 2 + ["opinion"] + ["advice"]
        or chosen == ["fact"] * 4 + ["forecast"] * 2 + ["opinion"] * 2
    )


def test_no_post_has_more_than_two() -> None:
    claims = [claim(n, GOOD.replace("三", "一二三四五"[n]), places=(place("one.md"),)) for n in range(5)]
    assert len(lead.choose(claims, spread(5))) == 2


def test_stock_phrases_are_left_out_and_order_does_not_matter() -> None:
    claims = [claim(n, GOOD.replace("三", "一二三四五"[n]), stock=n == 2) for n in range(5)]
    mixed = claims[:]
    random.Random(2).shuffle(mixed)
    chosen = lead.choose(claims, spread(5))
    assert chosen == lead.choose(mixed, spread(5))
    assert 2 not in {c.id for c in chosen}


def test_without_vectors_there_is_a_lead_too() -> None:
    assert len(lead.choose([claim(n, GOOD.replace("三", "一二三四五"[n])) for n in range(5)], {})) == 4


@pytest.mark.parametrize(
    ("name", "load"),
    [("lead.toml", lead._rules), ("parts.toml", sections._rules), ("words.toml", words._all)],
)
@pytest.mark.parametrize("text", ["x = [", "x = 1", None])
def test_a_table_that_breaks_its_rules_is_named(
    name: str, load: object, text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")

    def elsewhere(*parts: str) -> Path:
        return tmp_path / parts[-1]

    for module in (lead, sections, words):
        monkeypatch.setattr(module, "resource", elsewhere)
    with pytest.raises(DataFileError, match=name):
        load.__wrapped__()  # type: ignore[attr-defined]


def test_a_word_of_one_language_only_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.toml").write_text('[ja]\nlead = "要点"\nnew = "新"\n[en]\nlead = "In short"\n', "utf-8")
    monkeypatch.setattr(words, "resource", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(DataFileError, match="only one language has new"):
        words._all.__wrapped__()


def holders(*names: str) -> list[str]:
    rules = sections._rules()
    return [name for name in names if not rules["vague"].match(name)]


def test_vague_holders_are_nobody() -> None:
    assert holders("発表", "同調査", "数字", "2025年3月の調査", "専門家", "県の電力会社", "数字堂") == [
        "県の電力会社",
        "数字堂",
    ]


def test_shipped_tables_are_read() -> None:
    told: Sequence[Path] = [config.resource("data", "export", n) for n in ("lead.toml", "parts.toml", "words.toml")]
    assert all(path.is_file() for path in told)
