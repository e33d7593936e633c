"""Words of a query: which count, which stand for others, and what stands around the claims that hold them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search_data import Post, WordEncoder, make

from kb import fts, schema, search
from kb.config import resource
from kb.errors import DataFileError, NotFoundError, UsageError
from kb.search import Filters, Options, Synonyms, adjacent, around, filters, rank, wording

ENCODER = WordEncoder()


def ask(path: Path, query: str, synonyms: Synonyms = Synonyms(), mode: str = "keyword") -> Any:  # noqa: B008
    with closing(schema.connect(path)) as conn:
        index = search.load(conn)
        parsed = search.read(query)
        vector = ENCODER.encode([parsed.text])[0] if mode != "keyword" else None
        return search.search(conn, index, parsed, vector, Options(10, mode, "claim", Filters()), synonyms)


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "search.toml"
    monkeypatch.setattr(wording, "resource", lambda *parts: path)
    wording._lists.cache_clear()
    yield path
    wording._lists.cache_clear()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("風車はいくら？", ("風車",)),
        ("なぜ港に風車を建てるのか", ("港", "風車", "建てる")),
        ("the cost of wind farms", ("コスト", "ウインド", "farms")),
        ("いくら", ("幾ら",)),
    ],
)
def test_words_that_only_ask_are_left_out_unless_there_are_no_others(query: str, words: tuple[str, ...]) -> None:
    assert search.read(query).words == words
    assert "of" not in search.read(query).grams


def test_an_english_query_of_stop_words_alone_is_looked_for_as_it_is() -> None:
    assert len(search.read("the of in").words) == 3


def test_names_count_more_and_latin_words_only_amid_japanese() -> None:
    factors = wording.factors(search.read("シンガポールのGPUと風車"))
    assert factors == {"シンガポール": wording.NAME, "gpu": wording.LATIN}
    assert wording.LATIN not in wording.factors(search.read("turbines and farms")).values()


def test_a_name_outweighs_a_common_word_as_rare_as_it(tmp_path: Path) -> None:
    said = ("シンガポールの港では荷役が速い。", "鍛冶屋の港では荷役が遅い。")
    path = make(tmp_path / "kb.db", [Post("a.md", said)])
    assert ask(path, "シンガポール 鍛冶")[0].text == said[0]
    assert ask(path, "鍛冶 シンガポール")[0].text == said[0]


@pytest.mark.parametrize("faulty", ["asking = 3", 'asking=[]\nstop=[]\nglossary=[["one"]]', "asking = ["])
def test_a_damaged_list_names_the_file(lists: Path, faulty: str) -> None:
    lists.write_text(faulty, "utf-8")
    with pytest.raises(DataFileError, match=r"search\.toml"):
        wording.glossary()


def test_an_english_word_finds_the_japanese_one_but_no_other_translation(tmp_path: Path) -> None:
    said = ("港町は漁の規制を強めた。", "売上は三年で倍になった。", "収益を分け合う約束だ。")
    path = make(tmp_path / "kb.db", [Post("a.md", said)])
    names = search.names(resource("data", "synonyms.yml"))
    hit = ask(path, "fishing regulation", names)[0]
    assert (hit.text, hit.synonyms) == (said[0], ("規制",))
    assert [hit.text for hit in ask(path, "売上", names)] == [said[1]]
    assert {hit.text for hit in ask(path, "revenue", names)} == set(said[1:])


def test_the_semantic_arm_reads_an_english_query_with_its_japanese_words() -> None:
    names = Synonyms((("データセンター", "data center"),), glossary=(("regulation", "規制"),))
    assert names.meant(search.read("regulation of a data center")) == "regulation of a data center データセンター 規制"
    assert names.meant(search.read("data centerの規制")) == "data centerの規制"


def test_a_listed_name_of_several_words_is_one_word(tmp_path: Path) -> None:
    said = ("ディープな味の出汁だ。", "ディープシークは安いモデルを出した。", "DeepSeekの利用者が増えた。")
    path = make(tmp_path / "kb.db", [Post("a.md", said)])
    assert len(search.read("ディープシーク").words) == 2  # the dictionary knows no such word
    names = Synonyms((("ディープシーク", "deepseek"),), frozenset({"ディープシーク", "deepseek"}))
    found = ask(path, "ディープシークの利用", names)
    hits = {hit.text: hit for hit in found}
    assert hits[said[1]].matched == hits[said[2]].matched[:1] == ("ディープシーク",)
    assert (0, 7) in hits[said[1]].marks
    assert hits[said[2]].synonyms == ("deepseek",)
    assert [hit.text for hit in found][-1] == said[0]  # by letters alone


def test_words_side_by_side_count_more(tmp_path: Path) -> None:
    said = (
        "湖の国の産業は魚を干す技を誇り、遠い町の強みは船を速く造ることだと旅人は言う。",
        "湖の国の強みは魚を干す技で、遠い町の産業は船を速く造ることだと旅人は言う。",
    )
    path = make(tmp_path / "kb.db", [Post("a.md", said)])
    assert [hit.text for hit in ask(path, "国の強み")] == [said[1], said[0]]


def test_shares_of_pairs() -> None:
    words = ["国", "強み", "魚", "干す", "技", "遠い", "町"]
    assert adjacent.share(words, [("国", "強み"), ("町", "国")]) == 0.5
    assert adjacent.share(words, [("強み", "国")]) == 1.0
    assert adjacent.share([], [("強み", "国")]) == 0.0


def test_a_title_that_names_what_is_asked_raises_its_claims(tmp_path: Path) -> None:
    same = ("蓄電池はまだ高い。", "蓄電池はまだ高いね。")
    posts = [Post("a.md", (same[0],), title="庭の話"), Post("b.md", (same[1],), title="蓄電池の話")]
    path = make(tmp_path / "kb.db", posts)
    assert ask(path, "蓄電池")[0].text == same[1]
    with closing(schema.connect(path)) as conn:
        index = search.load(conn)
        terms = rank.look_up(conn, index, ("蓄電", "池"), (), {})
        assert list(around.titles(index, terms, {})) == [0.0, 1.0]


def test_the_claim_before_tells_what_a_claim_is_about(tmp_path: Path) -> None:
    same = ("それは高い。", "それは高いね。")
    posts = [Post("a.md", ("庭の薔薇が咲いた。", same[0])), Post("b.md", ("蓄電池の材料を選ぶ。", same[1]))]
    path = make(tmp_path / "kb.db", posts, encoder=ENCODER)
    found = [hit.text for hit in ask(path, "蓄電池の材料", mode="hybrid")]
    assert same[0] not in found or found.index(same[1]) < found.index(same[0])
    with closing(schema.connect(path)) as conn:
        assert list(search.load(conn).before) == [-1, 0, -1, 2]


def test_a_claim_said_twice_stands_after_the_one_before_it_in_its_first_post(tmp_path: Path) -> None:
    again = "蓄電池の材料を選ぶ。"
    posts = [Post("a.md", ("庭の薔薇が咲いた。", again, again)), Post("b.md", ("隣の猫が来た。", again))]
    with closing(schema.connect(make(tmp_path / "kb.db", posts))) as conn:
        index = search.load(conn)
    assert list(index.before) == [-1, 0, -1]
    assert list(index.post_of) == [0, 0, 1]
    assert list(zip(index.place_post, index.place_claim, strict=True)) == [(0, 0), (0, 1), (1, 1), (1, 2)]


def test_ranks_of_several_places_at_once() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.9, 0.0], dtype=np.float32)
    assert rank.places_of(scores, [2, 1, 3, 4]) == [3, 1, 1, 5]
    assert rank.places_of(scores, []) == []


@pytest.mark.parametrize(
    ("text", "held", "shown"),
    [
        ("データセンターの強み", {"データ", "センター", "強み"}, ("データセンター", "強み")),
        ("データセンターの強み", {"センター"}, ("センター",)),
        ("ディープシークの話", {"ディープ", "シーク"}, ("ディープシーク",)),
        ("ディープシークの話", {"シーク"}, ("シーク",)),
        ("エヌビディア", {"エヌビディア"}, ("エヌビディア",)),
        ("C++の話", {fts.encode("c++")}, ("C++",)),
    ],
)
def test_matched_words_are_shown_whole(text: str, held: set[str], shown: tuple[str, ...]) -> None:
    assert fts.shown(text, held) == shown


def test_a_word_with_an_affix_is_no_other_word() -> None:
    assert fts.terms("強みとお金")[0].split() == ["強み", "お金"]
    assert not fts.stands("強みだ", frozenset({"味"}), frozenset())


@pytest.mark.parametrize("query", [None, 5, b"abc", ["電力"]])
def test_a_query_that_is_no_text_is_refused(query: Any) -> None:
    with pytest.raises(UsageError, match="is no text"):
        search.read(query)


@pytest.mark.parametrize("limit", [0, -1, 10**6, "5", 2.5])
def test_a_limit_that_is_no_sensible_number_is_refused(limit: Any) -> None:
    with pytest.raises(UsageError, match="no number from 1 to 10000"):
        Options(limit=limit)


@pytest.mark.parametrize("query", ["は", "の は を が", "ので、"])
def test_a_query_of_particles_alone_is_refused(query: str) -> None:
    with pytest.raises(UsageError, match="stand everywhere"):
        search.read(query)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"knd": "fact"}, "there are: kind"),
        ({"kind": 3}, "no list"),
        ({"tag": 3}, "is no text"),
        ({"since": "now"}, "is no date"),
    ],
)
def test_filters_that_make_no_sense_are_refused(tmp_path: Path, choice: dict[str, Any], words: str) -> None:
    with (
        closing(schema.connect(make(tmp_path / "kb.db"))) as conn,
        pytest.raises(UsageError, match=words),
    ):
        filters.allowed(conn, search.load(conn), search.given(choice))


def test_a_year_may_be_a_number(tmp_path: Path) -> None:
    with closing(schema.connect(make(tmp_path / "kb.db"))) as conn:
        index = search.load(conn)
        assert filters.allowed(conn, index, search.given({"since": 2025})).claims.any()
        assert not filters.allowed(conn, index, search.given({"since": 2026})).claims.any()


def test_an_entity_is_found_by_a_name_that_no_post_uses(tmp_path: Path) -> None:
    path = make(tmp_path / "kb.db", [Post("a.md", ("NVIDIAの基板は熱い。", "港町の夜は涼しい。"))])
    with closing(schema.connect(path)) as conn:
        index, same = search.load(conn), Synonyms((("nvidia", "エヌビディア"),)).same
        write = closing(sqlite3.connect(path))
        with write as other:
            other.execute("INSERT INTO entities(id, key, name, kind, listed) VALUES (1, 'nv', 'NVIDIA', 'company', 1)")
            other.execute(
                "INSERT INTO claim_entities(claim_id, entity_id, start, \"end\", text) VALUES (1, 1, 0, 6, 'NVIDIA')"
            )
            other.commit()
        chosen = search.given({"entity": "エヌビディア"})
        assert list(filters.allowed(conn, index, chosen, same).claims) == [True, False]
        with pytest.raises(NotFoundError):
            filters.allowed(conn, index, chosen)


def test_what_nothing_can_pass_is_told(tmp_path: Path) -> None:
    found = ask(make(tmp_path / "kb.db"), '"そんな句はない"')
    assert list(found) == []
    assert "no claim passes" in found.notes[0]


def test_one_character_that_stands_in_words_is_close(tmp_path: Path) -> None:
    assert ask(make(tmp_path / "kb.db"), "冷").close


def test_a_subject_that_nobody_speaks_of_is_not_close_for_the_sake_of_its_other_words(tmp_path: Path) -> None:
    said = ("灯台の費用は三年で倍になった。", "港の費用を町が負担する。")
    path = make(tmp_path / "kb.db", [Post("a.md", said)])
    assert ask(path, "灯台の費用").close
    assert not ask(path, "墓じまいの費用").close
