"""Topics: the file and its rules, and which texts are about which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from search_data import WordEncoder

from kb import topics
from kb.config import resource
from kb.errors import DataFileError
from kb.records import Topic
from kb.topics import assigning


def topic(slug: str, *aliases: str, **more: object) -> Topic:
    return Topic(slug, {"ja": slug, "en": slug}, aliases, **more)  # type: ignore[arg-type]


def about(text: str, *listed: Topic) -> list[str]:
    return [found.slug for found in topics.assign([text], listed)]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "topics.yml"
    path.write_text(text, "utf-8")
    return path


GOOD = """topics:
  - slug: tidal
    names: {ja: 潮力, en: Tidal power}
    aliases: [潮汐発電, tidal power]
    seeds: ["海の満ち引きで発電する装置を入り江に置く。"]
    exclude: [潮汐発電機株式会社]
  - slug: sea
    names: {ja: 海, en: The sea}
    aliases: [海洋産業]
"""


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    tidal, sea = topics.load(write(tmp_path, GOOD))
    assert (tidal.slug, sea.slug) == ("tidal", "sea")
    assert tidal.names == {"ja": "潮力", "en": "Tidal power"}
    assert tidal.aliases == ("潮汐発電", "tidal power")
    assert tidal.exclude == ("潮汐発電機株式会社",)
    assert sea.parent is None


def test_the_shipped_file_keeps_its_rules() -> None:
    assert len(topics.load(resource("data", "topics.yml"))) >= 12


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    aliases: [海洋産業]", "    aliases: 海洋産業", r":9: aliases: expected a list"),
        ("    aliases: [海洋産業]", "    alias: [海洋産業]", r":9: alias: unknown key; there are: slug, names"),
        ("slug: sea", "slug: tidal", r":7: slug: tidal is taken by the topic of line 2"),
        ("slug: sea", "slug: The Sea", r":7: slug: 'The Sea' must be lower-case"),
        ("  - slug: sea\n    names", "  - names", r":7: slug: is missing"),
        ("{ja: 海, en: The sea}", "{ja: 海}", r":8: names.en: is missing"),
        ("{ja: 海, en: The sea}", "海", r":8: names: expected the keys ja, en"),
        ("{ja: 海, en: The sea}", "{ja: 海, en: }", r":8: names.en: expected a word"),
        ("{ja: 海, en: The sea}", "{ja: 海, ja: 洋, en: Sea}", r":8: ja: stands here twice"),
        ("    aliases: [海洋産業]", "    seeds: []", r":7: aliases: a topic needs aliases or seeds"),
        ("    aliases: [海洋産業]", "    aliases: [海]", r":9: aliases: '海' is too short"),
        ("    aliases: [海洋産業]", "    aliases: [[海洋産業]]", r":9: aliases: expected a word"),
        ("    aliases: [海洋産業]", "    aliases: [海洋産業]\n    parent: air", r":7: parent: there is no topic air"),
        (
            "    aliases: [海洋産業]",
            "    aliases: [海洋産業]\n    parent: sea",
            r":7: parent: goes round in a ring: sea > sea",
        ),
        ("topics:", "subjects:", r":1: subjects: unknown key"),
        ("    names: {ja: 海", "    names: {ja: [海", "cannot be read"),
    ],
)
def test_a_broken_rule_is_named_with_line_and_field(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(DataFileError, match=r"topics\.yml.*" + words):
        topics.load(write(tmp_path, GOOD.replace(old, new)))


def test_a_ring_of_parents_is_named(tmp_path: Path) -> None:
    text = GOOD.replace("    exclude:", "    parent: sea\n    exclude:").replace(
        "[海洋産業]", "[海洋産業]\n    parent: tidal"
    )
    with pytest.raises(DataFileError, match="ring: tidal > sea > tidal"):
        topics.load(write(tmp_path, text))


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "topics: {}\n", "topics:\n"])
def test_a_file_without_a_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataFileError, match=r"topics\.yml:1"):
        topics.load(write(tmp_path, text))


def test_a_missing_file_and_one_that_is_not_utf8_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="cannot be read"):
        topics.load(tmp_path / "none.yml")
    (tmp_path / "sjis.yml").write_bytes("topics: 電力".encode("shift_jis"))
    with pytest.raises(DataFileError, match="cannot be read"):
        topics.load(tmp_path / "sjis.yml")


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("潮汐発電", "新しい潮汐発電所が動き出した。"),
        ("AI人材", "ＡＩ 人材の確保が進む。"),
        ("サーバー室", "サーバ室の温度が上がった。"),
        ("データセンター", "データ・センターを建てた。"),
        ("ヴァーチャル発電所", "バーチャル発電所が増えた。"),
        ("tidal power", "Tidal  Power plants are rare."),
        ("data centre", "Two data centres opened."),
        ("GPT-4", "GPT‐4を使った。"),
        ("C++", "C++で書き直した。"),
    ],
)
def test_an_alias_is_found_however_it_is_spelt(alias: str, text: str) -> None:
    assert about(text, topic("t", alias)) == ["t"]


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("ROI", "HEROICな結果だ。"),
        ("HBM", "HBM3とは別の規格だ。"),
        ("AI", "MAIL の話だ。"),
        ("data centre", "The data centrepiece was shown."),
        ("潮汐発電", "潮汐で発電する。"),
    ],
)
def test_an_alias_inside_another_word_is_not(alias: str, text: str) -> None:
    assert about(text, topic("t", alias)) == []


def test_words_of_one_alias_count_where_all_of_them_stand_in_the_text() -> None:
    listed = [topic("two", "潮汐 + 風車"), topic("three", "潮汐 + 灯台 + 漁港"), topic("twice", "風車 + 風車")]
    assert about("潮汐が上がる。", *listed) == []
    assert about("潮汐で風車が回る。", *listed) == ["two", "twice"]
    assert about("潮汐と灯台の話。", *listed) == []
    assert about("漁港の灯台から潮汐を見る。", *listed) == ["three"]
    assert about("風車が回る。", *listed) == ["twice"]


def test_names_of_the_synonyms_file_stand_for_each_other() -> None:
    assert about("エヌビディアの新製品が出た。", topic("t", "NVIDIAの新製品")) == ["t"]


def test_an_excluded_phrase_vetoes_what_lies_inside_it_only() -> None:
    tidal = topic("t", "潮汐発電", exclude=("潮汐発電機株式会社",))
    assert about("潮汐発電機株式会社が上場した。", tidal) == []
    assert about("潮汐発電機株式会社が潮汐発電を始めた。", tidal) == ["t"]


def test_evidence_names_the_aliases_as_written_and_more_of_them_score_higher() -> None:
    (one, two) = topics.assign(["潮汐発電の話", "潮汐発電とTidal powerの話"], [topic("t", "潮汐発電", "tidal power")])
    assert one == (0, "t", 0.9, ("潮汐発電",))
    assert (two.at, two.evidence) == (1, ("潮汐発電", "tidal power"))
    assert one.score < two.score <= 1


def test_a_text_may_be_about_several_topics_and_overlapping_aliases_count_for_each() -> None:
    listed = [topic("a", "潮汐発電所"), topic("b", "汐発電"), topic("c", "火山")]
    assert about("潮汐発電所が動いた。", *listed) == ["a", "b"]


def test_a_claim_of_a_narrow_topic_counts_for_the_wider_one() -> None:
    listed = [topic("sea", "海洋産業"), topic("tidal", "潮汐発電", parent="sea"), topic("mill", "潮車", parent="tidal")]
    found = topics.assign(["潮車が回る。"], listed)
    assert [(a.slug, a.evidence) for a in found] == [("sea", ("> tidal",)), ("tidal", ("> mill",)), ("mill", ("潮車",))]
    assert found[0].score == found[2].score


SEEDED = (
    topic(
        "tidal", "潮汐発電", seeds=("海の満ち引きで電気を起こす装置を入り江に置く計画だ。",), exclude=("入り江の観光",)
    ),
    topic("night", "夜間割引", seeds=("夜に余る電気を安く売る料金の仕組みが広がる。",)),
)


def test_a_seed_finds_a_text_that_names_no_topic() -> None:
    near = "海の満ち引きで電気を起こす装置を入り江に置く案だ。"
    (found,) = topics.assign([near], SEEDED, WordEncoder())
    assert found.slug == "tidal"
    assert found.evidence[0].startswith("≈ 海の満ち引き")
    assert 0.65 <= found.score < 1
    assert topics.assign([near], SEEDED) == []


def test_a_seed_does_not_reach_far_nor_past_an_excluded_phrase() -> None:
    far = "会議は来月に延期された。"
    barred = "入り江の観光で海の満ち引きで電気を起こす装置を入り江に置く案だ。"
    assert topics.assign([far, barred], SEEDED, WordEncoder()) == []


def test_what_one_text_is_assigned_does_not_depend_on_the_others() -> None:
    texts = [
        "潮汐発電の話",
        "海の満ち引きで電気を起こす装置を入り江に置く案だ。",
        "会議は来月だ。",
        "夜間割引が始まる。",
    ]
    together = topics.assign(texts, SEEDED, WordEncoder())
    alone = [found._replace(at=i) for i, t in enumerate(texts) for found in topics.assign([t], SEEDED, WordEncoder())]
    assert together == alone
    assert len(together) == 3


def test_without_topics_or_texts_nothing_is_assigned() -> None:
    assert topics.assign([], SEEDED, WordEncoder()) == []
    assert topics.assign(["潮汐発電"], [], WordEncoder()) == []


class FarApart:
    """An encoder under which every text is equally near to every other."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.tile(np.array([1, 0], dtype=np.float32), (len(texts), 1))


def test_a_model_that_finds_everything_alike_assigns_by_seed_only_what_is_identical() -> None:
    vectors = FarApart().encode(["a", "b"])
    assert assigning.floor(vectors, np.array([0, 1])) == 0.9


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("aliases: [海洋産業]", "aliases: [海洋産業 + 海]", r":9: aliases: '海' is too short"),
        ("en: The sea}", 'en: "The \\u202esea"}', r":8: names.en: holds U\+202E, a character that cannot be seen"),
        ("en: The sea}", 'en: "The\\0sea"}', r":8: names.en: holds U\+0000"),
        ("slug: sea", "slug: " + "a" * 81, r":7: slug: .* 80 at most"),
        ("slug: sea", "[slug]: sea", r":7: topic: unknown key"),
        ("    aliases: [海洋産業]", "    <<: {}", r":9: <<: unknown key"),
        ("topics:", "topics: &a\n  - *a\n#", "cannot be read|expected the keys"),
    ],
)
def test_hostile_words_are_refused_by_line_and_field(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(DataFileError, match=r"topics\.yml.*(" + words + ")"):
        topics.load(write(tmp_path, GOOD.replace(old, new)))


def test_yaml_faults_are_told_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"topics\.yml:3: cannot be read: not YAML"):
        topics.load(write(tmp_path, 'topics:\n  - slug: "a\n'))
    (tmp_path / "sjis.yml").write_bytes(b"topics:\n  - slug: a\n    names: {ja: " + "電力".encode("shift_jis") + b"}\n")
    with pytest.raises(DataFileError, match=r"sjis\.yml:3: cannot be read: not UTF-8"):
        topics.load(tmp_path / "sjis.yml")


def test_lists_nested_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"cannot be read|expected"):
        topics.load(write(tmp_path, "topics: " + "[" * 5000 + "]" * 5000))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert len(topics.load(write(tmp_path, "\ufeff" + GOOD))) == 2


def test_a_name_of_two_topics_is_noted_and_allowed(tmp_path: Path) -> None:
    found, notes = topics.read(write(tmp_path, GOOD.replace("[海洋産業]", "[Tidal  Power, 海洋産業]")))
    assert len(found) == 2
    assert len(notes) == 1
    assert "topics.yml:7: aliases: 'Tidal Power' of sea is one of tidal too" in notes[0]


@pytest.mark.parametrize(
    ("text", "belongs"),
    [
        ("入り江で潮汐発電の試験が進む。", True),
        ("潮汐発電に向く入り江を探す。", True),
        ("潮汐発電の試験が進む。", False),
        ("入り江に船が入る。", False),
    ],
)
def test_words_joined_by_plus_must_all_be_there_in_any_order(text: str, belongs: bool) -> None:
    found = topics.assign([text], [topic("t", "入り江 + 潮汐発電")])
    assert [(a.slug, a.evidence) for a in found] == ([("t", ("入り江 + 潮汐発電",))] if belongs else [])


def test_a_plus_without_blanks_is_a_letter_like_others() -> None:
    assert about("C++で書いた。", topic("t", "C++")) == ["t"]


def test_a_word_that_is_barred_does_not_complete_an_alias() -> None:
    listed = topic("t", "入り江 + 発電", exclude=("発電機",))
    assert about("入り江に発電機を運ぶ。", listed) == []
    assert about("入り江の発電に発電機を使う。", listed) == ["t"]


@pytest.mark.parametrize("number", ["3", "1,200", "１０", "数十", "三"])
def test_a_hash_in_an_excluded_phrase_stands_for_a_number(number: str) -> None:
    listed = topic("t", "水車", exclude=("水車#台分",))
    assert about(f"それは水車{number}台分の力だ。", listed) == []
    assert about("水車の台数を数える。", listed) == ["t"]


@pytest.mark.parametrize(
    "text",
    [
        "町には図書館、水車、郵便局などがある。",
        "見どころ（橋、水車、古い井戸）を巡る。",
        "投資先は港湾、鉄道、そして水車に広がる。",
    ],
)
def test_one_item_of_a_list_is_a_mention_in_passing(text: str) -> None:
    assert about(text, topic("t", "水車")) == []
    assert about(text + "水車は古い。", topic("t", "水車")) == ["t"]


@pytest.mark.parametrize(
    "text",
    [
        "しかし、水車の修理は、来年に延びた。",
        "水車と井戸を直す。",
        "町は、水車を直し、橋を架けた。",
        "図書館、水車、風車などがある。",
    ],
)
def test_clauses_and_lists_that_hold_two_names_are_not_in_passing(text: str) -> None:
    assert about(text, topic("t", "水車", "風車")) == ["t"]


FOUND = Topic("found", {"ja": "f", "en": "f"}, ("量子", "メタ", "灯台修復"), discovered=True)


@pytest.mark.parametrize(
    ("text", "belongs"),
    [
        ("量子の研究が進む。", True),
        ("量子化の誤差を減らす。", False),
        ("メタバースが広がる。", False),
        ("メタの決算が出た。", True),
        ("灯台修復費を集める。", True),
    ],
)
def test_a_short_term_nobody_read_over_must_not_be_a_piece_of_a_word(text: str, belongs: bool) -> None:
    found = topics.assign([text], [FOUND])
    assert [a.slug for a in found] == (["found"] if belongs else [])
    assert all(0.5 <= a.score <= 0.8 for a in found)


AROUND = (
    topic("tidal", "潮汐発電", seeds=("海の満ち引きで電気を起こす装置。", "入り江の水門で電気を起こす。")),
    topic("night", "夜間割引", seeds=("夜に余る電気を安く売る料金。", "深夜の料金を安くする仕組み。")),
    topic("bread", "製パン", seeds=("小麦の生地を窯で焼く職人。", "朝に焼く生地と小麦の香り。")),
)


def test_a_heading_that_names_the_topic_counts_where_the_claim_lies_near() -> None:
    near, far = "水門の装置が入り江の海で電気を起こす。", "会議は来月に延期された。"
    around = [topics.Around("潮汐発電の装置"), topics.Around("潮汐発電の装置")]
    found = topics.assign([near, far], AROUND, WordEncoder(), around)
    assert [(a.at, a.slug, a.evidence) for a in found] == [(0, "tidal", ("< 潮汐発電の装置",))]
    assert 0.5 < found[0].score < 0.9
    assert topics.assign([near, far], AROUND, None, around) == []


def test_a_claim_that_lies_nearer_to_another_topic_does_not_follow_its_heading() -> None:
    text = "職人が小麦の生地を窯で焼く。"
    found = topics.assign([text], AROUND, WordEncoder(), [topics.Around("潮汐発電の装置")])
    assert "tidal" not in [a.slug for a in found]


def test_the_sentence_a_claim_leans_on_counts_less_than_a_heading() -> None:
    text = "海の満ち引きで装置が電気を起こす。"
    (under,) = topics.assign([text], AROUND, WordEncoder(), [topics.Around("潮汐発電")])
    (after,) = topics.assign([text], AROUND, WordEncoder(), [topics.Around("", "潮汐発電が始まった。")])
    assert under.evidence == ("< 潮汐発電",)
    assert after.evidence == ("<< 潮汐発電が始まった。",)
    assert after.score < under.score


def test_a_model_that_tells_nothing_apart_assigns_nothing_by_heading() -> None:
    found = topics.assign(["海の装置が電気を起こす。"], AROUND, FarApart(), [topics.Around("潮汐発電")])
    assert all(not a.evidence[0].startswith("<") for a in found)
