"""Neighbours in meaning, what ties them, frames, ties of articles: pure functions on vectors and words made here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from kb import fts
from kb.errors import DataFileError
from kb.links import articles, content, frames, neighbours, prepare, ties
from kb.links import limits as limits_module
from kb.links.limits import limits
from kb.records import Relation
from kb.text import text_hash

FLOOR = 0.3


def claims(count: int, *, seed: int = 1, posts: int = 12, several: int = 5, centres: int = 8) -> neighbours.Claims:
    """Return claims around some centres, a few of them the same vector, a few said in several posts."""
    chance = np.random.default_rng(seed)
    middle = chance.normal(size=(centres, 16))
    vectors = middle[chance.integers(centres, size=count)] + 0.7 * chance.normal(size=(count, 16))
    vectors[5:9] = vectors[4]  # equals of each other
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    said = [[int(post)] for post in chance.integers(posts, size=count)]
    for place in chance.permutation(count)[:several].tolist():
        said[place] = sorted({*said[place], *chance.integers(posts, size=2).tolist()})
    return made(vectors.astype(np.float32), [text_hash(f"{seed} {i}") for i in range(count)], said)


def made(vectors: neighbours.Vectors, hashes: Sequence[str], said: Sequence[Sequence[int]]) -> neighbours.Claims:
    mates = {
        place: np.array([i for i, other in enumerate(said) if set(other) & set(where)], dtype=np.int64)
        for place, where in enumerate(said)
        if len(where) > 1
    }
    return neighbours.Claims(vectors, hashes, np.array([where[0] for where in said], dtype=np.int64), mates)


def mates(all_: neighbours.Claims, a: int, b: int) -> bool:
    return bool(all_.posts[a] == all_.posts[b]) or b in all_.mates.get(a, ()) or a in all_.mates.get(b, ())


def plainly(all_: neighbours.Claims, among: Iterable[int], asked: int) -> list[tuple[int, float]]:
    """Return the neighbours of one claim, found by looking at every other one."""
    vectors = all_.vectors.astype(np.float64)
    scored = [(round(float(vectors[asked] @ vectors[b]), 6), b) for b in among if not mates(all_, asked, b)]
    kept = sorted((-score, b) for score, b in scored if score >= FLOOR)[: neighbours.TOP]
    return [(b, -score) for score, b in kept]


def lists(found: neighbours.Nearest) -> list[list[tuple[int, float]]]:
    ends = np.cumsum(found.counts)
    pairs = list(zip(found.places.tolist(), found.scores.tolist(), strict=True))
    return [pairs[end - count : end] for end, count in zip(ends.tolist(), found.counts.tolist(), strict=True)]


def everyone(all_: neighbours.Claims) -> np.ndarray:
    return np.ones(len(all_.hashes), dtype=bool)


@pytest.mark.parametrize("block", [700, 16_000_000])
def test_all_are_compared_with_all_but_post_mates(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    all_ = claims(200)
    found = lists(neighbours.nearest(all_, neighbours.cells(all_), FLOOR, everyone(all_), everyone(all_)))
    for asked, near in enumerate(found):
        expected = plainly(all_, range(200), asked)
        assert [b for b, _ in near] == [b for b, _ in expected]
        assert [score for _, score in near] == pytest.approx([score for _, score in expected], abs=2e-6)


def test_only_those_asked_for_among_those_allowed() -> None:
    all_ = claims(120)
    asked, among = np.arange(120) % 3 == 0, np.arange(120) % 2 == 0
    found = lists(neighbours.nearest(all_, neighbours.cells(all_), FLOOR, asked, among))
    assert len(found) == asked.sum()
    for claim, near in zip(np.flatnonzero(asked).tolist(), found, strict=True):
        assert [b for b, _ in near] == [b for b, _ in plainly(all_, np.flatnonzero(among).tolist(), claim)]


def test_no_claims_have_no_neighbours() -> None:
    none = neighbours.Claims(np.zeros((0, 16), np.float32), [], np.zeros(0, np.int64), {})
    assert neighbours.nearest(none, neighbours.cells(none), FLOOR, everyone(none), everyone(none)).places.size == 0
    assert neighbours.scale(none) == neighbours.scale(claims(20))  # too few to be measured


def test_cells_lose_few_of_the_nearest_and_find_none_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    all_ = claims(1_500, centres=60, posts=60)
    exact = lists(neighbours.nearest(all_, neighbours.cells(all_), FLOOR, everyone(all_), everyone(all_)))
    monkeypatch.setattr(neighbours, "EXACT", 100)
    monkeypatch.setattr(neighbours, "CELL_SIZE", 32)
    cell = neighbours.cells(all_)
    assert len(cell.names) == neighbours.cell_count(1_500) == 64
    found = lists(neighbours.nearest(all_, cell, FLOOR, everyone(all_), everyone(all_)))
    both = sum(len({b for b, _ in x} & {b for b, _ in y}) for x, y in zip(exact, found, strict=True))
    assert both > 0.9 * sum(map(len, exact))
    assert all(len({b for b, _ in near}) == len(near) <= neighbours.TOP for near in found)
    for asked, near in enumerate(found):
        assert not any(mates(all_, asked, b) for b, _ in near)


def test_a_claim_more_moves_hardly_any_other_to_another_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 100)
    every = claims(1_500, centres=60)
    fewer = dataclasses.replace(every, vectors=every.vectors[:-5], hashes=every.hashes[:-5], posts=every.posts[:-5])
    before, after = neighbours.cells(fewer), neighbours.cells(every)
    moved = sum(before.of(i) != after.of(i) for i in range(1_495))
    assert moved < 0.2 * 1_495


def test_cells_do_not_depend_on_the_blocks_they_are_worked_out_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 100)
    all_ = claims(1_500, centres=60)
    all_.vectors[200:300] = all_.vectors[100:200]  # leaders that cannot be told apart
    whole = neighbours.cells(all_)
    nearest = np.argsort(-(all_.vectors @ all_.vectors[neighbours.leaders(all_.hashes, len(whole.names))].T), axis=1)
    assert all(set(whole.numbers[i]) & set(nearest[i, :4]) for i in range(1_500))
    monkeypatch.setattr(neighbours, "_BLOCK", 999)
    assert neighbours.cells(all_).numbers.tolist() == whole.numbers.tolist()


@pytest.mark.parametrize("exact", [10_000, 20], ids=["all with all", "by cells"])
def test_bringing_up_to_date_equals_starting_afresh(exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", exact)
    monkeypatch.setattr(neighbours, "CELL_SIZE", 16)
    monkeypatch.setattr(neighbours, "CELLS_EACH", 3)
    every = claims(160, several=12)
    said = [sorted({int(every.posts[i]), *every.posts[every.mates.get(i, [])].tolist()}) for i in range(160)]
    chance = np.random.default_rng(3)
    held: dict[str, tuple[str, list[tuple[str, float]]]] = {}  # by hash: state, and neighbours by hash
    for _ in range(12):
        kept = np.flatnonzero(chance.random(160) < 0.9)
        able_all = chance.random(160) < 0.95
        now = made(every.vectors[kept], [every.hashes[i] for i in kept], [said[i][:1] for i in kept])
        able = able_all[kept]
        cell = neighbours.cells(now)
        states = [f"{cell.of(i)} {able[i]}" for i in range(len(kept))]
        place = {text: i for i, text in enumerate(now.hashes)}
        changed = np.array([held.get(text, ("", []))[0] != states[i] for text, i in place.items()])
        row, places, scores, broken = [], [], [], np.zeros(len(kept), dtype=bool)
        for i, text in enumerate(now.hashes):
            for other, score in held.get(text, ("", []))[1]:
                at = place.get(other, -1)
                if at < 0 or changed[at] or not able[at]:
                    broken[i] = True
                row.append(i)
                places.append(at)
                scores.append(score)
        good = [k for k, i in enumerate(row) if not broken[i] and not changed[i]]
        known = neighbours.Held(
            np.array([row[k] for k in good], dtype=np.int64),
            np.array([places[k] for k in good], dtype=np.int64),
            np.array([scores[k] for k in good], dtype=np.float64),
            broken,
        )
        owner, found = neighbours.brought_up(now, cell, FLOOR, able, changed, known)
        fresh = neighbours.nearest(now, cell, FLOOR, able, able)
        expected = np.repeat(np.flatnonzero(able), fresh.counts)
        assert owner.tolist() == expected.tolist()
        assert found.places.tolist() == fresh.places.tolist()
        assert found.scores.tolist() == fresh.scores.tolist()
        near = lists(found)
        held = {
            text: (states[i], [(now.hashes[b], score) for b, score in near[i]]) for i, text in enumerate(now.hashes)
        }


def test_the_scale_is_measured_where_there_is_enough_and_is_the_same_in_any_order() -> None:
    all_ = claims(300)
    turned = made(all_.vectors[::-1], all_.hashes[::-1], [[int(p)] for p in all_.posts[::-1]])
    scale = neighbours.scale(all_)
    assert scale == neighbours.scale(turned)
    assert scale.at(1) < scale.at(2) <= scale.at(99) < 1
    assert scale.at(0, 0.5) == pytest.approx((1 + scale.middle) / 2, abs=1e-4)
    assert scale.at(99, 0.1) == scale.at(99)


def corpus(*texts: str) -> content.Content:
    reader = content.Reader()
    for text in texts:
        reader.add(text)
    return reader.content()


def test_words_tell_the_more_the_fewer_hold_them_and_inflected_ones_nothing() -> None:
    told = corpus(*["ai 市場 伸びる"] * 12, *["風力 市場"] * 5, "蓄電池 2025 光 風力")
    level = {word: int(told.levels[i]) for i, word in enumerate(told.words)}
    assert level == {"ai": 0, "市場": 0, "伸びる": 0, "風力": 1, "蓄電池": 2, "2025": 0, "光": 0}
    assert told.substance.tolist() == [0] * 12 + [1] * 5 + [3]


def test_words_of_english_that_tell_nothing_do_not_tie_claims_of_a_japanese_corpus() -> None:
    told = corpus(fts.terms("The load of the rack is not for sale.")[0], "冷却")
    telling = {told.words[word] for word in told.telling(0)}
    assert len(telling) == 3
    assert telling == set(corpus(fts.terms("load rack sale")[0]).words)


def test_what_two_claims_say_alike_is_told_in_runs() -> None:
    told = corpus("北海 風力 発電 所 増える", "沖合 風力 発電 所 伸びる", "deep learning 風力")
    assert told.common_runs(0, 1) == ["風力発電所"]
    assert told.common_runs(0, 2) == ["風力"]
    assert corpus("deep learning 増える", "速い deep learning").common_runs(0, 1) == ["deep learning"]
    assert corpus("増える 伸びる", "増える").common_runs(0, 1) == []


def test_near_claims_are_tied_if_they_share_telling_words_the_more_the_further_apart() -> None:
    told = corpus("風力 蓄電池 港湾", "風力 蓄電池 港湾", "風力 道路", "課題 多い", "課題 大きい")
    scale = neighbours.Scale(0.2, 0.1)
    row, place = np.array([0, 1, 0, 3]), np.array([1, 0, 2, 4])

    def tied(cosine: float) -> list[tuple[int, int]]:
        return [(a, b) for a, b, _ in ties.near(told, scale, row, place, np.full(4, cosine))]

    assert tied(0.95) == [(0, 1), (0, 2), (3, 4)]
    assert tied(scale.at(*limits().shared[-1])) == [(0, 1)]
    assert tied(scale.at(*limits().neighbour)) == []


def test_a_tie_tells_words_names_figures_and_dates_in_common() -> None:
    told = corpus("大手 風力 発電", "風力 発電 増える")
    parts = ties.Parts(
        {0: {"e1": "甲社"}, 1: {"e1": "甲", "e2": "乙社"}},
        {0: {("ratio", 0.3, 0.3): "3割"}, 1: {("ratio", 0.3, 0.3): "30%"}},
        {0: {("2030-01-01", "2030-12-31"): "2030年"}},
    )
    assert ties.common(told, parts, 0, 1, 0.712) == ("words: 風力発電", "names: 甲社", "figures: 3割", "cosine 0.71")


def test_of_several_ties_of_a_pair_the_gravest_holds() -> None:
    near, part = Relation("related", 0.9), Relation("subsumes", 0.8)
    against = Relation("conflict", 0.6, ("number: 2 / 3",))
    made_of = ties.gravest(
        [(1, 2, near), (2, 1, part), (2, 1, against), (3, 3, near), (1, 4, Relation("unrelated", 1))]
    )
    assert made_of == {(1, 2): against}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\nneighbour = 'far'", "KeyError"),
        ("[limits]\nneighbour = [2.5, 0.3]\nshared = [[3.5, 1.5]]", "1.5 is no share"),
        ("[limits]\nneighbour = [3.0, 0.1]\nshared = [[2.0, 0.2]]\n[judged]\noverlap = 0.6\nframe_overlap = 0.4\n"
         "[subjects]\npointing = 'この'\nsaying = '言う'\n[words]\nidle = 'the'", "above limits.neighbour"),
        ("[limits", "links.toml"),
    ],
)  # fmt: skip
def test_a_broken_table_is_named(text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "links.toml").write_text(text, "utf-8")
    monkeypatch.setattr(limits_module, "resource", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(DataFileError, match=told):
        limits.__wrapped__()


def test_frames_pair_claims_of_two_nouns_and_a_kind_of_figure_that_say_something_else() -> None:
    told = corpus("送電線 工事 完了", "工事 送電線 遅れる", "送電線 撤去", "送電線 工事", *["橋 道路 工事"] * 3)
    marks = {0: [("date", "2026")], 1: [("date", "2028")], 2: [("date", "2030")], 3: [("ratio", 0.5)]}
    assert frames.framed(told, marks) == [(0, 1)]
    assert frames.framed(told, {0: [("date", "2026")], 1: [("date", "2026")]}) == []
    assert frames.framed(told, {}) == []
    crowd = corpus(*["送電線 工事"] * (frames.CROWD + 1))
    assert frames.framed(crowd, {i: [("count", i)] for i in range(frames.CROWD + 1)}) == []


def test_the_predicate_of_a_claim_stands_on_a_side_of_opposites() -> None:
    sides = frames.axes_of(corpus("電気 料金 上がる", "電気 料金 下がる", "電気 料金"))
    assert set(sides) == {0, 1}
    assert {(axis, -side) for axis, side in sides[0]} & sides[1]
    assert sides[0].isdisjoint(sides[1])


@pytest.mark.parametrize(
    ("a", "b", "one"),
    [
        ("倉庫の家賃は2割上がった。", "倉庫の家賃は3割上がったという。", True),
        ("倉庫の家賃は2割上がった。", "港の倉庫の家賃は3割上がった。", False),
        ("同社の家賃は2割上がった。", "同社の家賃は3割上がった。", False),
        ("これは2割上がった。", "これは3割上がった。", False),
        ("しかし、この家賃は2割上がった。", "家賃は3割上がった。", False),
        ("2030年には3割に達する。", "2030年には5割に達する。", False),
        ("家賃は2割上がると、組合は見ている。", "役所の予測では、家賃は3割上がる。", True),
        ("甲市の家賃は2割上がった。", "乙市の家賃は3割上がった。", False),
        ("貸し倉庫は3割増えると、組合は予測する。", "組合は、貸し倉庫が2割増えると予測している。", True),
        ("The harbour bridge opens in 2026.", "The harbour bridge opens in 2028.", True),
        ("The harbour bridge opens in 2026.", "The harbour tunnel opens in 2028.", False),
        ("Its sales rose by 20%.", "Its sales rose by 30%.", False),
    ],
)
def test_two_articles_speak_of_one_subject_only_if_both_name_it(a: str, b: str, one: bool) -> None:
    assert frames.one_subject(prepare(a), prepare(b)) is one
    assert frames.one_subject(prepare(b), prepare(a)) is one


@pytest.mark.parametrize(
    ("said_a", "around_a", "said_b", "around_b", "one"),
    [
        ("", "", "", "", True),
        ("x", "", "x", "y", True),
        ("x", "", "y", "", False),
        ("", "x", "", "y", False),
        ("", "x", "", "", True),
        ("x", "", "", "xy", True),
        ("x", "", "", "y", False),
    ],
)
def test_two_articles_are_of_one_thing_by_the_names_in_and_around_a_claim(
    said_a: str, around_a: str, said_b: str, around_b: str, one: bool
) -> None:
    assert frames.one_context((said_a, around_a), (said_b, around_b)) is one
    assert frames.one_context((said_b, around_b), (said_a, around_a)) is one


def test_articles_are_tied_by_rare_ties_more_than_by_what_everybody_says() -> None:
    posts = [[0], [1], [2], [3], [0], [2]]
    strength = {(0, 1): 0.8, (0, 2): 0.8, (0, 3): 0.8, (4, 5): 0.8}
    found = {(tie.a, tie.b): tie for tie in articles.articles(strength, posts, dict.fromkeys(range(4), 10))}
    assert set(found) == {(0, 1), (0, 2), (0, 3)}
    assert found[0, 2].shared == 2
    assert found[0, 2].ties == ((4, 5), (0, 2))
    assert found[0, 2].score > 2 * found[0, 1].score
    assert found[0, 1].score == found[0, 3].score


def test_a_claim_of_both_articles_ties_them_and_long_articles_are_not_nearer_for_their_length() -> None:
    (tie,) = articles.articles({}, [[0, 1], [0], [1]], {0: 4, 1: 4})
    assert (tie.ties, tie.shared, tie.score) == (((0, 0),), 1, 0.25)
    (longer,) = articles.articles({}, [[0, 1], [0], [1]], {0: 16, 1: 16})
    assert longer.score == pytest.approx(tie.score / 4, abs=1e-4)
    assert articles.articles({}, [[0], [1]], {0: 1, 1: 1}) == []
    assert articles.articles({(0, 1): 1.0}, [[0], [0]], {0: 2}) == []


def test_an_article_keeps_the_ten_that_are_nearest_to_it_or_it_to_them() -> None:
    posts = [[i] for i in range(15)]
    strength = {(0, i): 0.5 + i / 100 for i in range(1, 15)}
    found = {tie.b for tie in articles.articles(strength, posts, dict.fromkeys(range(15), 1))}
    assert found == set(range(1, 15))  # each of them has no other
    strength |= {(i, j): 0.9 for i in range(1, 15) for j in range(i + 1, 15)}
    kept = articles.articles(strength, posts, dict.fromkeys(range(15), 1))
    assert all(sum(post in (tie.a, tie.b) for tie in kept) >= articles.TOP for post in range(15))
    assert len(kept) < len(strength)


@pytest.mark.parametrize("numbers", [[], [3], [3, 1, 3, 2, 1]])
def test_different_numbers_come_once_and_in_order(numbers: list[int]) -> None:
    assert content.distinct(np.array(numbers, dtype=np.int64)).tolist() == sorted(set(numbers))
