"""Grouping wordings into claims, and the order of an article."""

from __future__ import annotations

import random

from kb.dedup import article, group, is_stock
from kb.reading import annotate

SEP = "\n\n---END---\n\n"


def pairs(*edges: str) -> list[tuple[str, str, float, tuple[str, ...]]]:
    return [(a, b, 1.0, ("same wording",)) for a, b in edges]


def test_a_wording_joins_the_earliest_that_stands_for_itself() -> None:
    made = group(["a", "b", "c"], pairs("ab", "ac", "bc"))
    assert [(m.wording, m.into) for m in made] == [("b", "a"), ("c", "a")]


def test_chains_do_not_form() -> None:
    made = group(["a", "b", "c"], pairs("ab", "bc"))  # nobody said that a and c are the same
    assert [(m.wording, m.into) for m in made] == [("b", "a")]


def test_a_split_pair_stays_apart_and_the_rest_is_worked_out_anew() -> None:
    made = group(["a", "b", "c"], pairs("ab", "ac", "bc"), split=[("b", "a")])
    assert [(m.wording, m.into) for m in made] == [("c", "a")]


def test_the_order_of_the_verdicts_does_not_matter() -> None:
    names = [f"w{i:02}" for i in range(30)]
    chance = random.Random(7)
    edges = [(a, b, 1.0, ()) for a in names for b in names if a < b and chance.random() < 0.15]
    first = group(names, edges)
    for _ in range(5):
        chance.shuffle(edges)
        assert group(names, [(b, a, s, e) for a, b, s, e in edges]) == first


def test_stock_phrases_are_wide_spread_and_name_nothing() -> None:
    assert is_stock(6, 100, 0)
    assert not is_stock(6, 100, 1)  # it holds a number or a name
    assert not is_stock(6, 2_000, 0)  # few, for so many posts
    assert not is_stock(4, 4, 0)


def read(text: str) -> list[list[str]]:
    found = annotate(text)
    made = article(found.sentences, found.passages)
    assert sorted(i for p in made for i in p) == [i for i, s in enumerate(found.sentences) if not s.reason]
    return [[found.sentences[i].plain for i in p] for p in made]


def test_what_only_one_draft_says_goes_where_it_says_it() -> None:
    one = "港は古い。船は少ない。\n\n夜は暗い。"
    two = "港は古い。灯台もある。船は少ない。\n\n朝は霧が出る。\n\n夜は暗い。星が見える。"
    assert read(one + SEP + two) == [
        ["港は古い。", "灯台もある。", "船は少ない。"],
        ["朝は霧が出る。"],
        ["夜は暗い。", "星が見える。"],
    ]


def test_a_flattened_spine_keeps_the_paragraphs_of_the_original() -> None:
    one = "港は古い。\n\n夜は暗い。"
    two = "港は古い。 夜は暗い。 朝は霧が出る。 波は高い。 風も強い。"
    assert read(one + SEP + two) == [["港は古い。"], ["夜は暗い。", "朝は霧が出る。", "波は高い。", "風も強い。"]]
