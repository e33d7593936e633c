"""Discovered topics: phrases, clusters, names, identity, trends, drafts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import theilslopes
from search_data import WordEncoder
from topics_for_tests import SUBJECTS, post

from kb.errors import DataFileError
from kb.records import Topic
from kb.topics import counting, discover, entry, identity, naming, slopes
from kb.topics.discover import Cluster, Said, Term
from kb.topics.listed import load
from kb.topics.phrases import phrases


def keys(text: str) -> list[str]:
    return [phrase.text for phrase in phrases(text)]


def test_a_japanese_phrase_is_a_run_of_nouns() -> None:
    assert keys("海藻養殖の技術者が灯台修復工事を手伝う。") == ["海藻養殖", "灯台修復工事"]
    assert keys("再生可能エネルギーを使う。") == ["再生可能エネルギー"]


def test_empty_words_are_cut_off_or_left_out() -> None:
    assert keys("患者さんのために、可能性と重要性を考える。") == ["患者"]
    assert keys("私たちは今後もAIの技術を使う。") == []
    assert keys("長期的に見る。") == []


def test_an_english_phrase_is_a_run_of_words_with_capitals() -> None:
    assert keys("The Beacon Fleet signed a deal with Harbour Works 2 yesterday.")[0] == "Beacon Fleet"
    assert keys("we use data and models for many things") == []


def test_proper_names_and_compounds_are_specific_and_single_nouns_are_not() -> None:
    assert [(p.text, p.specific) for p in phrases("海藻養殖と灯台とBeacon Fleetの話")] == [
        ("海藻養殖", True),
        ("灯台", False),
        ("Beacon Fleet", True),
    ]


def corpus() -> list[Said]:
    claims = []
    for number in range(16):
        text = post(SUBJECTS[number // 4], number).split("---\n\n")[1]
        claims += [Said(line, (number,)) for line in text.splitlines() if line]
    return claims


def vectors(claims: list[Said]) -> np.ndarray:
    return WordEncoder().encode([claim.text for claim in claims])


def test_clusters_are_the_subjects_and_the_same_each_time() -> None:
    claims = corpus()
    found = discover.discover(claims, vectors(claims), [], 16)
    assert {cluster.terms[0].text for cluster in found} == set(SUBJECTS)
    assert all(len(cluster.members) == 64 for cluster in found)
    assert discover.discover(claims, vectors(claims), [], 16) == found


def test_without_vectors_the_posts_decide() -> None:
    assert {cluster.terms[0].text for cluster in discover.discover(corpus(), None, [], 16)} == set(SUBJECTS)


def test_what_is_part_of_a_curated_name_is_no_topic_of_its_own() -> None:
    listed = [Topic("sea", {"ja": "海藻養殖場", "en": "Farms"}, ("若布",))]
    found = discover.discover(corpus(), None, listed, 16)
    assert {cluster.terms[0].text for cluster in found} == set(SUBJECTS) - {"海藻養殖"}


@pytest.mark.parametrize("claims", [[], [Said("", ())], [Said("雨が降る。", (1,))] * 3])
def test_too_little_gives_no_clusters(claims: list[Said]) -> None:
    assert discover.discover(claims, None, [], 1) == []


def test_a_sample_is_spread_over_the_keys_and_does_not_depend_on_their_order() -> None:
    names = [f"k{number:04d}" for number in range(1000)]
    chosen = {names[place] for place in discover.sample(names, 100)}
    back = names[::-1]
    assert len(chosen) == 100
    assert {back[place] for place in discover.sample(back, 100)} == chosen
    assert discover.sample(names[:5], 100) == [0, 1, 2, 3, 4]


def term(text: str, weight: float = 1.0, *, specific: bool = True) -> Term:
    return Term(text, text.casefold(), weight, 10, specific)


def test_a_common_noun_is_joined_by_the_next_term() -> None:
    cluster = Cluster((term("音楽", specific=False), term("作曲家", 0.8), term("音楽祭", 0.9)), (1, 2))
    assert naming.names(cluster, set())["ja"] == "音楽・作曲家"
    assert naming.names(Cluster((term("海藻養殖"),), (1,)), set())["ja"] == "海藻養殖"


def test_names_are_english_where_latin_or_listed() -> None:
    assert naming.names(Cluster((term("エヌビディア"),), (1,)), set()) == {"ja": "エヌビディア", "en": "NVIDIA"}
    assert naming.names(Cluster((term("Beacon"),), (1,)), set())["en"] == "Beacon"


def test_a_taken_name_is_made_another_by_a_further_term() -> None:
    cluster = Cluster((term("海藻養殖"), term("入り江", 0.4)), (1,))
    assert naming.names(cluster, {"海藻養殖"})["ja"] == "海藻養殖・入り江"


def test_a_topic_keeps_its_name_while_its_words_are_among_its_terms() -> None:
    old = Topic("a", {"ja": "入り江", "en": "Inlet"}, ("入り江",), discovered=True)
    cluster = Cluster((term("海藻養殖"), term("入り江", 0.4)), (1,))
    assert naming.settle([cluster], [old], []) == [{"ja": "入り江", "en": "Inlet"}]
    assert naming.settle([Cluster((term("海藻養殖"),), (1,))], [old], [])[0]["ja"] == "海藻養殖"


@pytest.mark.parametrize(
    ("title", "latin", "slug"),
    [
        ("灯台修復", "", "todaishufuku"),
        ("医療・診断", "", "iryo-shindan"),
        ("サーバー室", "", "sabashitsu"),
        ("英国", "United Kingdom", "united-kingdom"),
        ("Café 24", "Café 24", "cafe-24"),
        ("!?", "", "topic"),
        ("a" * 90, "", "a" * 48),
    ],
)
def test_a_slug_is_the_reading_in_latin_letters(title: str, latin: str, slug: str) -> None:
    assert naming.slug(title, set(), latin=latin) == slug
    assert naming.slug(title, {slug}, latin=latin) == f"{slug}-2"


def test_topics_are_matched_by_the_claims_they_share() -> None:
    old = {"a": set("1234"), "b": set("5678")}
    new = [set("56789"), set("123"), set("xyz")]
    assert identity.match(old, new) == ["b", "a", None]
    assert identity.match({}, new) == [None] * 3
    assert identity.match(old, []) == []


def test_the_matching_shares_most_in_all_and_not_the_first_best() -> None:
    old = {"a": set("123456"), "b": set("123")}
    new = [set("12345"), set("456")]
    assert identity.match(old, new) == ["b", "a"] or identity.match(old, new) == ["a", None]
    assert identity.match({"a": set("1234"), "b": set("1235")}, [set("1235"), set("1234")]) == ["b", "a"]


def test_events_tell_what_was_born_died_split_and_merged() -> None:
    old = {"stays": set("12345678"), "gone": set("ab"), "eaten": set("xyz")}
    new = {"stays": set("1234xyz"), "part": set("5678"), "new": set("mn")}
    told = {(e.slug, e.event): e.detail for e in identity.events(old, new, {"stays": ("甲", "乙")})}
    assert set(told) == {
        ("stays", "split"),
        ("part", "born"),
        ("new", "born"),
        ("gone", "died"),
        ("eaten", "merged"),
        ("stays", "renamed"),
    }
    assert told["stays", "split"]["into"] == ["stays", "part"]
    assert told["eaten", "merged"]["into"] == "stays"
    assert told["stays", "renamed"] == {"from": "甲", "to": "乙"}


@pytest.mark.parametrize(
    ("claims", "direction"),
    [
        ([1, 4, 9, 12, 18, 22], "rising"),
        ([22, 18, 12, 9, 4, 1], "falling"),
        ([8, 9, 8, 9, 8, 9], "steady"),
        ([1, 2], "unknown"),
        ([0, 0, 0, 0, 0, 0], "unknown"),
    ],
)
def test_a_trend_is_told_by_the_shares_of_months(claims: list[int], direction: str) -> None:
    found = counting.trend(np.array(claims), np.full(len(claims), 100))
    assert found.direction == direction
    assert found.low <= found.slope <= found.high


def test_months_with_few_claims_do_not_count_in_a_trend() -> None:
    found = counting.trend(np.array([10, 10, 5, 10, 10]), np.array([100, 100, 5, 100, 100]))
    assert (found.months, found.slope) == (4, 0.0)


def test_slopes_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    for size in (4, 5, 9, 30):
        at = np.sort(rng.choice(40, size, replace=False))
        for values in (rng.random(size), np.round(rng.random(size) * 3)):
            theirs = theilslopes(values, at, alpha=0.9)
            assert slopes.median(values, at, 0.9) == (theirs.slope, theirs.low_slope, theirs.high_slope)


def test_examples_are_near_the_middle_and_unlike_each_other() -> None:
    texts = ["海藻養殖の費用は十万円だったと町が示している。"] * 3 + [
        "海藻養殖を学ぶ若者が増えて宿舎が足りない。",
        "雨。",
    ]
    chosen = counting.examples(list("abcde"), texts, WordEncoder().encode(texts), 2)
    assert chosen[0] == "a"
    assert chosen[1] == "d"
    assert counting.examples([], [], np.zeros((0, 4), dtype=np.float32)) == []


HOSTILE = Topic(
    "odd",
    {"ja": '"]: {*a', "en": "- x # y"},
    ("null", "1.5", "a: b", "甲 + 乙丙", "[x", "'q'"),
    ("# 種\n二行",),
    ("%y",),
)


def test_an_entry_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "topics.yml"
    path.write_text(entry.file_of([HOSTILE]), "utf-8")
    with pytest.raises(DataFileError, match="'甲' is too short"):
        load(path)
    fair = Topic(
        "odd", HOSTILE.names, (*HOSTILE.aliases[:3], "甲甲 + 乙丙", *HOSTILE.aliases[4:]), ("# 種 二行",), ("%y",)
    )
    path.write_text(entry.file_of([fair]), "utf-8")
    assert load(path) == (fair,)


def test_an_entry_is_appended_with_the_indentation_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "topics.yml"
    path.write_text("topics:\n- slug: one\n  names: {ja: 一つ, en: One}\n  aliases: [一つ目]", "utf-8")
    entry.append(
        path, entry.entry(Topic("two", {"ja": "二", "en": "Two"}, ("二つ目",)), {"二つ目": "9 claims"}, ["注"])
    )
    assert [topic.slug for topic in load(path)] == ["one", "two"]
    assert "- slug: two" in path.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["topics: [{slug: one, names: {ja: 一つ, en: One}, aliases: [一つ目]}]\n"])
def test_a_file_that_cannot_be_appended_to_stays_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "topics.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataFileError, match=r"topics\.yml.*by hand"):
        entry.append(path, entry.entry(Topic("two", {"ja": "二", "en": "Two"}, ("二つ目",))))
    assert path.read_text("utf-8") == text
    assert list(tmp_path.iterdir()) == [path]
