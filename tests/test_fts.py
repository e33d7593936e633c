"""Full text: what is indexed, what a query means, and that the index is what it should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_data import make

from kb import fts, schema


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.connect(make(tmp_path / "kb.db"), writable=True)) as connection:
        yield connection


def found(conn: sqlite3.Connection, query: str) -> set[str]:
    expression = fts.match_expression(fts.parse(query))
    if not expression:
        return set()
    rows = conn.execute(
        "SELECT text FROM claims WHERE id IN (SELECT rowid FROM claim_terms_fts WHERE claim_terms_fts MATCH ?)",
        (expression,),
    )
    return {text for (text,) in rows}


def test_words_are_normalised_short_units_without_particles() -> None:
    words, _ = fts.terms("二十社のサーバが再生可能エネルギーを使った。")
    assert words.split() == ["20", "社", "サーバー", "再生", "可能", "エネルギー", "使う"]


def test_grams_are_bigrams_of_japanese_and_whole_other_runs() -> None:
    _, grams = fts.terms("AI人材を1,000人")
    assert grams.split() == ["ai", "人材", "材を", "を", "1000", "人"]


def test_width_and_case_do_not_count() -> None:
    assert fts.terms("ＡＩのｻｰﾊﾞｰ") == fts.terms("aiのサーバー")


def test_kana_names_that_fall_into_splinters_stay_whole() -> None:
    assert fts.terms("エヌビディア")[0] == "エヌビディア"
    assert fts.terms("データセンター")[0].split() == ["データ", "センター"]


@pytest.mark.parametrize("code", ["C++", "C#", "GPT-4", "1.5", "R&D"])
def test_codes_survive_the_tokenizer(conn: sqlite3.Connection, code: str) -> None:
    words, grams = fts.terms(f"これは{code}の話です。")
    conn.execute("CREATE VIRTUAL TABLE t USING fts5(w, g, tokenize = 'unicode61 remove_diacritics 0')")
    conn.execute("INSERT INTO t VALUES (?, ?)", (words, grams))
    conn.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
    indexed = [term for (term,) in conn.execute('SELECT term FROM v ORDER BY col, "offset"')]
    assert sorted(indexed) == sorted(f"{words} {grams}".split())
    assert code.casefold() in {fts.decode(term) for term in indexed}


def test_encoding_a_term_is_undone_by_decoding() -> None:
    assert fts.decode(fts.encode("c++/x.y-z'")) == "c++/x.y-z'"
    assert fts.encode("c++").isprintable() is False  # private use: no ASCII symbol is left
    assert "+" not in fts.encode("c++")


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("電力", "電力網"),
        ("人材", "人材"),
        ("韓国", "韓国政府"),
        ("電", "電力"),
        ("壁", "壁"),
        ("C++", "C++"),
        ("gpt-4", "GPT-4"),
        ("1.5", "1.5"),
        ("wind", "wind farms"),
        ("サーバー", "サーバの"),
    ],
)
def test_short_words_codes_and_variants_are_found(conn: sqlite3.Connection, query: str, part: str) -> None:
    assert any(part in text for text in found(conn, query))


def test_a_phrase_must_stand_as_written(conn: sqlite3.Connection) -> None:
    assert len(found(conn, '"電力需要"')) == 1
    assert found(conn, '"需要電力"') == set()
    assert len(found(conn, '"3倍"')) == 1
    assert found(conn, '"30倍"') == set()


def test_an_excluded_word_is_left_out(conn: sqlite3.Connection) -> None:
    every = found(conn, "電力")
    assert found(conn, "電力 -韓国") == {text for text in every if "韓国" not in text}
    assert found(conn, '電力 -"AI向け"') == {text for text in every if "AI向け" not in text}


def test_or_joins_phrases(conn: sqlite3.Connection) -> None:
    both = found(conn, '"液浸" OR "風力"')
    assert len(both) == 2
    assert both == found(conn, '"液浸" | "風力"')


def test_full_width_operators_and_curly_quotes_work(conn: sqlite3.Connection) -> None:
    assert found(conn, "“電力需要”") == found(conn, '"電力需要"')
    assert found(conn, "電力\u3000－韓国") == found(conn, "電力 -韓国")


def test_a_hyphen_inside_a_word_excludes_nothing() -> None:
    assert fts.parse("GPT-4").excluded == ()
    assert fts.parse("data - center").excluded == ()


@pytest.mark.parametrize("query", ["", "   ", '""', "-", "。、！", "😀", "OR", '" " OR -'])
def test_queries_that_hold_nothing_are_empty(query: str) -> None:
    parsed = fts.parse(query)
    assert parsed.empty
    assert fts.match_expression(parsed) == ""


def test_a_long_query_is_cut_and_says_so() -> None:
    parsed = fts.parse("電力需要と冷却" * 20_000)
    assert parsed.cut
    assert len(parsed.words) <= fts.TERM_LIMIT


_OPERATORS = st.sampled_from(
    ['"', "'", "-", " ", "OR", "AND", "NOT", "NEAR(", ")", "*", "^", ":", "{", "}", "+", "電力", "a"]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_OPERATORS, max_size=12).map("".join)))
def test_nothing_typed_is_a_syntax_error(query: str) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE VIRTUAL TABLE t USING fts5(words, grams, tokenize = 'unicode61 remove_diacritics 0')")
        conn.execute("INSERT INTO t VALUES (?, ?)", fts.terms("電力の話 a OR b"))
        expression = fts.match_expression(fts.parse(query))
        if expression:
            conn.execute("SELECT count(*) FROM t WHERE t MATCH ?", (expression,)).fetchone()


def test_triggers_keep_the_index_up_to_date(conn: sqlite3.Connection) -> None:
    (claim,) = conn.execute("SELECT id FROM claims WHERE text LIKE '液浸%'").fetchone()
    conn.execute("UPDATE claim_terms SET words = '別', grams = '別' WHERE claim_id = ?", (claim,))
    assert found(conn, "液浸") == set()
    conn.execute("DELETE FROM claim_terms WHERE claim_id = ?", (claim,))
    assert fts.check(conn) == ["claim_terms: 1 claims have no terms"]


def test_a_sound_index_has_no_faults(conn: sqlite3.Connection) -> None:
    assert fts.check(conn) == []


def test_a_missing_trigger_and_a_stale_index_are_faults_that_rebuilding_mends(conn: sqlite3.Connection) -> None:
    conn.execute("DROP TRIGGER claim_terms_au")
    conn.execute("UPDATE claim_terms SET words = '変更', grams = '変更'")
    faults = fts.check(conn)
    assert "claim_terms_fts: the trigger claim_terms_au is missing" in faults
    assert any("does not agree" in fault for fault in faults)
    fts.rebuild(conn)
    assert fts.check(conn) == []
    assert len(found(conn, "変更")) == conn.execute("SELECT count(*) FROM claims").fetchone()[0]


def test_a_missing_table_is_a_fault_that_ensuring_mends(conn: sqlite3.Connection) -> None:
    before = found(conn, "電力")
    for suffix in ("ai", "ad", "au"):
        conn.execute(f"DROP TRIGGER claim_terms_{suffix}")
    conn.execute("DROP TABLE claim_terms_fts")
    assert fts.check(conn) == ["claim_terms_fts: the full-text table is missing"]
    fts.ensure(conn)
    assert fts.check(conn) == []
    assert found(conn, "電力") == before


def test_ensuring_twice_changes_nothing(conn: sqlite3.Connection) -> None:
    before = conn.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    fts.ensure(conn)
    fts.optimize(conn)
    assert conn.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
