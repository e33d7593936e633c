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
