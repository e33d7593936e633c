"""Search over arrays: ranking, filters, phrases, synonyms, posts."""

from __future__ import annotations

import dataclasses
import datetime
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search_data import Post, Said, WordEncoder, make

from kb import schema, search
from kb.errors import ModelError, NotFoundError, UsageError
from kb.search import Filters, Options, Synonyms, near, rank
from kb.search.prior import prior

Find = Callable[..., Any]
ENCODER = WordEncoder()


def finder(conn: sqlite3.Connection, synonyms: Synonyms = Synonyms()) -> Find:  # noqa: B008
    index = search.load(conn)

    def find(query: str, limit: int = 10, mode: str = "hybrid", group: str = "claim", **filters: Any) -> Any:
        parsed = search.read(query)
        vector = ENCODER.encode([parsed.text])[0] if mode != "keyword" and index.vectors is not None else None
        return search.search(conn, index, parsed, vector, Options(limit, mode, group, Filters(**filters)), synonyms)

    return find


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.connect(make(tmp_path / "kb.db", encoder=ENCODER))) as connection:
        yield connection


@pytest.fixture
def find(conn: sqlite3.Connection) -> Find:
    return finder(conn)


def test_a_name_of_two_words_that_the_dictionary_knows_as_one_has_its_synonyms(conn: sqlite3.Connection) -> None:
    known = Synonyms((("人工知能", "artificial intelligence"),))
    asked = known.alternatives(search.read("artificial intelligence"))
    assert asked
    assert all('words : "人工 知能"' in others for others in asked.values())
    (others, *_) = known.alternatives(search.read("人工知能の話")).values()
    assert len(others) == 2  # as the dictionary reads it, and word by word


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "semantic"])
@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("データセンターの電力需要", "2030年"),
        ("人材が足りない", "エンジニア"),
        ("液浸冷却", "液浸"),
        ("wind farms", "wind"),
    ],
)
def test_the_best_claim_comes_first(find: Find, mode: str, query: str, part: str) -> None:
    assert part in find(query, mode=mode)[0].text


@pytest.mark.parametrize("query", ["電力", "人材", "韓国", "壁", "C++", "1.5"])
def test_short_queries_find_by_word_alone(find: Find, query: str) -> None:
    hits = find(query, mode="keyword")
    assert hits
    assert all(query in hit.text for hit in hits)
    assert all(set(hit.arms) == {"keyword"} for hit in hits)


def test_a_hit_says_where_and_why(find: Find) -> None:
    hit = find("南西部の電力網")[0]
    assert [place.post for place in hit.occurrences] == ["2025-09/korea.md", "undated.md"]
    first, last = hit.occurrences
    assert (first.title, first.date, last.date) == ("韓国のAI拠点", "2025-09-10", None)
    assert last.quote.startswith("**韓国政府**")
    assert last.spans == ((0, len(last.quote)),)
    assert set(hit.arms) == {"keyword", "semantic"}
    assert hit.arms["keyword"].rank == 1
    assert hit.matched[:2] == ("南西部", "電力")  # whole words, not their parts
    assert hit.to_dict()["arms"]["keyword"]["rank"] == 1


def test_matched_words_are_shown_as_typed_and_stretches_where_no_word_matches(find: Find) -> None:
    assert "サーバー" in find("サーバーの消費", mode="keyword")[0].matched
    assert find("浸冷", mode="keyword")[0].matched == ("浸冷",)


def test_ranks_and_order_agree(find: Find) -> None:
    hits = find("電力の計画", mode="keyword")
    assert [hit.arms["keyword"].rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_word_that_no_claim_holds_does_not_empty_the_result(find: Find) -> None:
    assert find("電力 ぷにゃぽん", mode="keyword")[0].matched == ("電力",)
    assert find("ぷにゃぽん", mode="keyword") == []


def test_meaning_alone_is_told(find: Find) -> None:
    assert find("ぷにゃぽん").notes[0] == "no claim holds any of these words: found by meaning alone"
    assert find("電力").notes == ()


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "semantic"])
@pytest.mark.parametrize("group", ["claim", "post"])
def test_results_that_are_not_close_stay_and_are_told(find: Find, mode: str, group: str) -> None:
    asked = find("韓国のデータセンターは電力需要を3倍に増やす", mode=mode, group=group)
    assert asked.close
    assert asked.notes == ()
    far = find("味噌汁に入れる出汁の計画と昆布の産地", mode=mode, group=group)
    assert far
    assert not far.close
    assert "nothing close" in far.notes[-1]


def test_phrases_and_exclusions_bind_the_semantic_arm_too(find: Find) -> None:
    for mode in ("hybrid", "semantic"):
        assert [hit.text[:2] for hit in find('"液浸冷却" 電力', mode=mode)] == ["液浸"]
        assert all("韓国" not in hit.text for hit in find("電力 -韓国", mode=mode))
    assert find('"需要電力"') == []


@pytest.mark.parametrize(
    ("filters", "parts"),
    [
        ({"kind": "forecast"}, {"2030年"}),
        ({"kind": ["forecast", "advice"]}, {"2030年", "冷却設備"}),
        ({"certainty": "hedged"}, {"2030年"}),
        ({"holder": "業界団体"}, {"人材"}),
        ({"topic": "korea"}, {"南西部", "2030年"}),
        ({"topic": "KOREA", "kind": "fact"}, {"南西部"}),
        ({"tag": "電力"}, {"南西部", "2030年", "人材"}),
        ({"category": "海外"}, {"南西部", "2030年", "人材"}),
        ({"since": "2025-10"}, {"液浸", "NVIDIA", "冷却設備", "C++"}),
        ({"until": "2025-09"}, {"南西部", "2030年", "人材"}),
        ({"since": datetime.date(2025, 9, 10), "until": "2025-09-10"}, {"南西部", "2030年", "人材"}),
        ({"post": "undated.md"}, {"南西部", "太陽光", "wind"}),
        ({"post": "korea.md"}, {"南西部", "2030年", "人材"}),
        ({"tag": "冷却", "topic": "korea"}, set()),
    ],
)
def test_filters_choose_before_ranking(conn: sqlite3.Connection, filters: dict[str, Any], parts: set[str]) -> None:
    find = finder(conn)
    every = "電力網 需要 人材 液浸 NVIDIA 冷却設備 C++ 太陽光 wind"
    hits = find(every, limit=50, mode="keyword", **filters)
    assert {part for part in parts if any(part in hit.text for hit in hits)} == parts
    assert len(hits) == len(parts)
    assert [hit.arms["keyword"].rank for hit in hits] == list(range(1, len(hits) + 1))


def test_a_filter_on_posts_shows_the_places_it_lets_through(find: Find) -> None:
    (hit,) = find('"南西部"', until="2025-12")
    assert [place.post for place in hit.occurrences] == ["2025-09/korea.md"]


def test_a_topic_stands_for_those_below_it(tmp_path: Path) -> None:
    path = make(
        tmp_path / "kb.db", [Post("a.md", [Said("送電線の増強には十年かかると電力会社はいう。", topics=["grid"])])]
    )
    with closing(schema.connect(path)) as conn:
        assert len(finder(conn)("送電線", mode="keyword", topic="power")) == 1
        assert finder(conn)("送電線", mode="keyword", topic="korea") == []


@pytest.mark.parametrize(
    ("filters", "error", "words"),
    [
        ({"topic": "corea"}, NotFoundError, "near names: korea"),
        ({"tag": "電気"}, NotFoundError, "near names: 電力"),
        ({"tag": "猫"}, NotFoundError, "there are: 冷却, 電力, 韓国"),
        ({"holder": "業界"}, NotFoundError, "near names: 業界団体"),
        ({"post": "cooling"}, NotFoundError, "2025-10/cooling.md"),
        ({"category": "x"}, NotFoundError, "no category 'x'"),
        ({"kind": "question"}, UsageError, "none of fact, forecast, opinion, advice"),
        ({"certainty": "sure"}, UsageError, "none of asserted, hedged"),
        ({"since": "yesterday"}, UsageError, "write it as 2025-09-30"),
        ({"until": "2025-02-30"}, UsageError, "no day of the calendar"),
    ],
)
def test_unknown_filter_values_are_named(
    find: Find, filters: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        find("電力", **filters)


@pytest.mark.parametrize("query", ["", " \n", "。。、", "-電力", '""', "🎉"])
def test_queries_that_hold_nothing_are_refused(query: str) -> None:
    with pytest.raises(UsageError, match="say what to look for"):
        search.read(query)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"limit": 0}, "1 to 10000"), ({"limit": 10**6}, "1 to"), ({"mode": "fuzzy"}, "hybrid"), ({"group": "x"}, "post")],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Options(**options)


def test_without_embeddings_words_still_find_and_notes_say_so(tmp_path: Path) -> None:
    with closing(schema.connect(make(tmp_path / "kb.db"))) as conn:
        find = finder(conn)
        hits = find("液浸冷却")
        assert "液浸" in hits[0].text
        assert "no embeddings" in hits.notes[0]
        assert find("液浸冷却", mode="keyword").notes == ()
        with pytest.raises(ModelError, match="kb build"):
            find("液浸冷却", mode="semantic")


def test_claims_without_a_vector_are_counted(tmp_path: Path) -> None:
    path = make(tmp_path / "kb.db", encoder=ENCODER)
    with closing(schema.connect(path, writable=True)) as conn:
        conn.execute("DELETE FROM embeddings WHERE text_hash = (SELECT min(text_hash) FROM embeddings)")
        assert finder(conn)("電力").notes == (
            "1 claims have no vector yet and are found by words alone; run: kb build",
        )
        conn.execute("DELETE FROM embeddings")
        assert "no claim has a vector" in finder(conn)("電力").notes[0]


def test_an_empty_database_finds_nothing(tmp_path: Path) -> None:
    with closing(schema.connect(make(tmp_path / "kb.db", []))) as conn:
        find = finder(conn)
        assert find("電力") == []
        assert find("電力", group="post") == []


def test_synonyms_find_the_other_name(conn: sqlite3.Connection) -> None:
    plain, knowing = finder(conn), finder(conn, Synonyms((("nvidia", "エヌビディア"), ("grid operator", "系統運用者"))))
    assert plain("エヌビディア", mode="keyword") == []
    assert "NVIDIA" in knowing("エヌビディア", mode="keyword")[0].text
    assert "grid operator" in knowing("系統運用者とは", mode="keyword")[0].text


def test_synonyms_do_not_reach_into_longer_latin_words(conn: sqlite3.Connection) -> None:
    query = search.read("metadata の話")
    assert Synonyms((("meta", "メタ社"),)).alternatives(query) == {}


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "semantic"])
def test_posts_are_ranked_with_the_claims_that_put_them_there(find: Find, mode: str) -> None:
    posts = find("データセンターの需要とエンジニアの人材", mode=mode, group="post")
    assert posts[0].post == "2025-09/korea.md"
    assert (posts[0].title, posts[0].date) == ("韓国のAI拠点", "2025-09-10")
    assert 1 <= len(posts[0].claims) <= search.CLAIMS_OF_A_POST
    assert len({post.post for post in posts}) == len(posts)
    assert posts[0].to_dict()["claims"][0]["claim"] == posts[0].claims[0].claim


def test_posts_obey_filters(find: Find) -> None:
    assert [post.post for post in find("電力", group="post", tag="冷却")] == ["2025-10/cooling.md"]
    assert [post.post for post in find("計画", group="post", kind="advice", mode="keyword")] == ["2025-10/cooling.md"]


def test_a_post_that_says_all_of_it_beats_one_that_repeats_a_part(tmp_path: Path) -> None:
    both = Post("both.md", ["地熱の井戸は深い。", "送電の費用は高い。"])
    part = Post("part.md", ["地熱は安い。", "地熱は熱い。", "地熱は近い。"])
    with closing(schema.connect(make(tmp_path / "kb.db", [part, both]))) as conn:
        assert finder(conn)("地熱と送電", group="post", mode="keyword")[0].post == "both.md"


def test_common_words_count_less_than_rare_ones(tmp_path: Path) -> None:
    posts = [Post(f"{n}.md", [f"AIの第{n}回の報告は長い。"]) for n in range(20)]
    posts.append(Post("rare.md", ["潮汐発電の報告は短い。"]))
    with closing(schema.connect(make(tmp_path / "kb.db", posts))) as conn:
        assert "潮汐" in finder(conn)("AI 潮汐", mode="keyword")[0].text


def test_ties_stand_in_order_of_position_whatever_the_limit() -> None:
    scores = np.array([1, 3, 3, 0, 3, 2], dtype=np.float32)
    assert rank.top(scores, 2).tolist() == [1, 2]
    assert rank.top(scores, 99).tolist() == [1, 2, 4, 5, 0]
    assert rank.top(np.zeros(3, dtype=np.float32), 2).tolist() == []


def test_rarity_falls_with_frequency_and_stays_positive() -> None:
    values = [rank.rarity(100, n) for n in (1, 10, 50, 100)]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0


def test_substantial_sentences_count_more() -> None:
    factors = prior(np.array([2, 20, 20, 20], dtype=np.float32), np.array(["。", "。", "？", "材"]))
    assert factors[1] > factors[3] > factors[2]
    assert factors[1] > factors[0]
    assert factors.min() > 0
    assert factors.max() <= 1


def test_lengths_read_from_the_index_are_those_of_the_terms(conn: sqlite3.Connection) -> None:
    index = search.load(conn)
    for place, claim in enumerate(index.ids):
        words, grams = conn.execute("SELECT words, grams FROM claim_terms WHERE claim_id = ?", (int(claim),)).fetchone()
        assert index.lengths[place].tolist() == [len(words.split()), len(grams.split())]


def test_lengths_beyond_one_byte_are_read_whole(tmp_path: Path) -> None:
    text = "発電所の計画は" + "遠く" * 200 + "続く。"
    with closing(schema.connect(make(tmp_path / "kb.db", [Post("a.md", [text])]))) as conn:
        grams = conn.execute("SELECT grams FROM claim_terms").fetchone()[0]
        assert search.load(conn).lengths[0, 1] == len(grams.split()) > 128


def test_postings_forget_the_least_used() -> None:
    from kb.search.postings import Posting, Postings

    one = Posting.of(np.arange(50), 1_000)
    kept = Postings(limit=2 * one.nbytes)
    for name in ("a", "b"):
        kept.put(name, one)
    assert kept.get("a") is not None
    kept.put("c", one)
    assert kept.get("b") is None
    assert kept.get("a") is not None
    assert kept.get("c") is not None


@pytest.mark.parametrize("step", [1, 2, 7, 8, 9, 50, 5_000])
def test_lists_and_bits_say_the_same(step: int) -> None:
    from kb.search.postings import DENSE, Posting

    places = np.arange(3, 1_001, step)
    posting = Posting.of(places, 1_001)
    assert posting.dense is (len(places) * DENSE >= 1_001)
    assert posting.count == len(places)
    assert list(posting.places()) == list(places)
    assert list(np.flatnonzero(posting.mask())) == list(places)
    assert list(posting.holds(np.array([0, 3, 4, 1_000]))) == [at in places for at in (0, 3, 4, 1_000)]
    scores = np.zeros(1_001, dtype=np.float32)
    posting.add(scores, 2.0)
    assert list(np.flatnonzero(scores == 2)) == list(places)


def test_marks_are_where_the_words_stand(conn: sqlite3.Connection) -> None:
    find = finder(conn, Synonyms((("エヌビディア", "nvidia"),)))
    hit = find("エヌビディアの基板", mode="keyword")[0]
    assert hit.synonyms == ("nvidia",)
    assert [hit.text[a:b] for a, b in hit.marks] == ["NVIDIA", "基板"]
    hit = find("浸冷", mode="keyword")[0]
    assert [hit.text[a:b] for a, b in hit.marks] == ["浸冷"]


FAMILY = Post(
    "a.md",
    (
        "新しい送電線は来年の春に二つの県をつなぐ。",
        "新しい送電線は来年の春に二つの県をつなぐよ。",
        "新しい送電線は来年の春に3つの県をつなぐ。",
        "太陽光の電力は夜に足りなくなる。",
    ),
)


def test_claims_of_one_family_take_one_line_but_not_those_of_another_number(tmp_path: Path) -> None:
    with closing(schema.connect(make(tmp_path / "kb.db", [FAMILY], encoder=ENCODER), writable=True)) as conn:
        ids = [row[0] for row in conn.execute("SELECT id FROM claims ORDER BY id")]
        conn.execute(
            "INSERT INTO links(a_id, b_id, relation, score, evidence) VALUES (?, ?, 'subsumes', 1, '[]')", ids[:2]
        )
        conn.execute(
            "INSERT INTO links(a_id, b_id, relation, score, evidence) VALUES (?, ?, 'conflict', 1, '[]')",
            (ids[0], ids[2]),
        )
        hits = finder(conn)("送電線は来年の春")
        assert len([hit for hit in hits if "送電線" in hit.text]) == 2
        assert len(hits[0].also) + len(hits[1].also) == 1
        assert all("3" not in one.text for hit in hits for one in hit.also)
        assert hits[0].posts == 1


def test_a_claim_that_holds_the_whole_query_beats_a_shorter_one_that_holds_half(tmp_path: Path) -> None:
    both = "長い冬のあいだ、北の港では風車と蓄電池を組み合わせた設備が町の暖房をまかなった。"
    posts = [Post("a.md", ("風車が並ぶ丘に風車を見に行った。", both, "蓄電池の値段を調べた。"))]
    with closing(schema.connect(make(tmp_path / "kb.db", posts))) as conn:
        assert finder(conn)("風車と蓄電池", mode="keyword")[0].text == both


def test_a_claim_counts_more_in_a_post_about_the_matter(tmp_path: Path) -> None:
    same = ("蓄電池はまだ高い。", "蓄電池はまだ高いね。")
    posts = [
        Post("a.md", (same[0], "庭の薔薇が咲いた。", "隣の猫が来た。")),
        Post("b.md", (same[1], "蓄電池を作る工場が増えた。", "蓄電池の材料を選ぶ。")),
    ]
    with closing(schema.connect(make(tmp_path / "kb.db", posts))) as conn:
        hits = finder(conn)("蓄電池 高い", mode="keyword")
        assert [hit.text for hit in hits if hit.text in same] == [same[1], same[0]]


def test_a_first_pass_in_few_dimensions_keeps_the_nearest_exact() -> None:
    chance = np.random.default_rng(1)
    vectors = (chance.standard_normal((4_000, 96)) * np.linspace(2, 0.1, 96)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    every, prior_ = np.ones(4_000, dtype=bool), np.ones(4_000, dtype=np.float32)
    assert near.sketch(vectors) is None
    few = near.sketch(vectors, least=1_000, few=32)
    assert few is not None
    for query in vectors[:20]:
        exact = near.cosines(vectors, None, query, every, prior_)
        found = near.cosines(vectors, few, query, every, prior_)
        best = np.argsort(-exact)[:10]
        assert set(np.argsort(-found)[:10]) == set(best)
        assert np.allclose(found[best], exact[best], atol=1e-6)
    only = every.copy()
    only[:3_999] = False  # what may be found is looked at exactly, be it as far away as it may
    found = near.cosines(vectors, few, vectors[0], only, prior_)
    assert found[3_999] == pytest.approx(float(vectors[3_999] @ vectors[0]), abs=1e-6)


def test_a_large_database_is_asked_by_words_and_by_meaning_at_once(
    conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = search.load(conn)
    assert small.vectors is not None
    most = small.vectors.shape[1] - 1  # axes enough for scores to be nearly those without a sketch
    large = dataclasses.replace(small, sketch=near.sketch(small.vectors, least=1, few=most))
    assert large.sketch is not None
    threads = []
    by_meaning = rank.by_meaning

    def noted(*given: Any) -> Any:
        threads.append(threading.current_thread())
        return by_meaning(*given)

    monkeypatch.setattr(rank, "by_meaning", noted)
    for query, filters in (("電力の需要", {}), ("電力の需要", {"kind": "fact"}), ("電力 -韓国", {})):
        parsed = search.read(query)
        given = (parsed, ENCODER.encode([parsed.text])[0], Options(filters=Filters(**filters)), Synonyms())
        one, other = (search.search(conn, index, *given) for index in (small, large))
        assert [(hit.claim, hit.arms) for hit in one] == [(hit.claim, hit.arms) for hit in other]
        # What is far from the query keeps the cosine of the sketch, and stands beside others.
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-2)
        assert len(one) > 0
        here, apart = threads[-2:]
        assert here is threading.current_thread()
        assert apart is not here

    def broken(*given: Any) -> Any:
        raise ModelError("no vectors today")

    monkeypatch.setattr(rank, "by_meaning", broken)
    with pytest.raises(ModelError, match="no vectors today"):
        search.search(conn, large, *given)


@pytest.mark.parametrize("count", [1, 10, 500, 5_000])
def test_the_highest_scores_are_found_whatever_their_order(count: int) -> None:
    scores = np.random.default_rng(2).standard_normal(3_000).astype(np.float32)
    best = np.sort(np.argsort(-scores)[:count])
    assert near.highest(scores, count).tolist() == best[scores[best] > 0].tolist()


@pytest.mark.parametrize(
    "query",
    [
        "電力" * 50_000,
        "の は を",
        "' OR 1=1; DROP TABLE claims; --",
        "NEAR(電力 韓国, 2) AND words : x* ^y {a b} : c",
        '"""電力"" OR "',
        "AND",
        "電力 \0 \ud800",
    ],
)
@pytest.mark.parametrize("mode", ["hybrid", "keyword"])
def test_whatever_is_typed_gets_an_answer_or_one_line(find: Find, query: str, mode: str) -> None:
    try:
        assert len(find(query, mode=mode)) <= 10
    except UsageError as error:
        assert "say what to look for" in str(error)  # noqa: PT017
