"""Every kind of damage is found, and a sound database is found sound."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from posts_for_tests import write

from kb import pipeline, schema, verify
from kb.errors import DatabaseError, LockedError
from kb.lock import exclusive

PART = "(SELECT min(sentence_id) FROM occurrences)"
DAMAGE = {
    "UPDATE sources SET text = 'x' || text WHERE post_id = 1": r"sentence \d+ at \d+-\d+ is not the text of its spans",
    "DELETE FROM sources WHERE post_id = 1": r"2025-post-00\.md: its text is missing",
    "UPDATE posts SET key = 'wrong' WHERE id = 1": r"2025-post-00\.md: its key wrong is not that of its path",
    f"UPDATE sentences SET text = text || '。' WHERE id = {PART}": "is not the text of its spans",
    f'UPDATE sentences SET "end" = "end" + 1 WHERE id = {PART}': "has spans",
    f"UPDATE sentences SET kind = 'other' WHERE id = {PART}": "is other and belongs to a claim",
    f"DELETE FROM occurrences WHERE sentence_id = {PART}": r"is \w+ and belongs to no claim",
    f"UPDATE occurrences SET start = start - 1 WHERE sentence_id = {PART}": "differs from its occurrence",
    f"UPDATE occurrences SET spans = '[[0,1]]' WHERE sentence_id = {PART}": "differs from its occurrence",
    "UPDATE claims SET occurrence_count = 9 WHERE id = 1": r"claim \w+: occurrence_count is 9, its occurrences say \d",
    "UPDATE claims SET post_count = 9 WHERE id = 1": "post_count is 9",
    "UPDATE claims SET first_date = '1999-01-01' WHERE id = 1": "first_date is '1999-01-01'",
    "UPDATE claims SET text = '別の話。' WHERE id = 1": "text is '別の話。'",
    "UPDATE claims SET text_hash = 'h' WHERE id = 1": "text_hash is 'h'",
    "UPDATE claims SET holder = 'H' WHERE id = 1": "holder is 'H'",
    "DELETE FROM ledger": "is in no sentence, mark-up or ledger row",
    "DELETE FROM claim_terms WHERE claim_id = 1": "claims have no terms",
    "DELETE FROM claim_terms_fts": "does not agree with claim_terms",
    "DROP TRIGGER claim_terms_au": "trigger claim_terms_au is missing",
    "DROP TABLE claim_terms_fts": "full-text table is missing",
    "DELETE FROM embeddings WHERE rowid = 1": "model default: 1 claim texts have no vector",
    "UPDATE embeddings SET text_hash = 'h' WHERE rowid = 1": "model default: 1 vectors belong to no claim",
    "UPDATE embeddings SET vector = x'00' WHERE rowid = 1": r"has 1 bytes, not \d+",
    "UPDATE models SET active = 0": "0 are active, not one",
    "DELETE FROM topics": "claim_topics: row .* refers to a row of topics that is not there",
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a database that nothing is wrong with."""
    folder = tmp_path_factory.mktemp("verify")
    pipeline.build([write(folder / "posts", 4)], folder / "kb.db", workers=1)
    return (folder / "kb.db").read_bytes()


@pytest.fixture
def db(sound: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "kb.db"
    path.write_bytes(sound)
    return path


def damage(db: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql, values)


def test_a_sound_database_is_counted(db: Path) -> None:
    problems, counts = verify.run(db)
    assert problems == []
    assert counts["posts"] == 4
    assert min(counts.values()) > 0
    of_posts = {"posts", "characters", "sentences", "occurrences", "ledger", "claims"}
    assert set(counts) == of_posts | {"vectors", "neighbours", "topics"}


@pytest.mark.parametrize(("sql", "problem"), DAMAGE.items())
def test_damage_is_found(db: Path, sql: str, problem: str) -> None:
    damage(db, sql)
    problems, _ = verify.run(db)
    assert any(re.search(problem, line) for line in problems), problems


def test_a_vector_that_is_not_of_length_one_is_found_and_zeros_are_not(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        (size,) = connection.execute("SELECT length(vector) FROM embeddings LIMIT 1").fetchone()
    damage(db, "UPDATE embeddings SET vector = ? WHERE rowid = 1", bytes(size))
    assert verify.run(db)[0] == []
    damage(db, "UPDATE embeddings SET vector = ? WHERE rowid = 1", b"\0\0\0\x40" + bytes(size - 4))
    (problem,) = verify.run(db)[0]
    assert "has length 2.000, not 1" in problem
    damage(db, "UPDATE embeddings SET vector = ? WHERE rowid = 1", b"\0\0\xc0\x7f" + bytes(size - 4))
    (problem,) = verify.run(db)[0]
    assert "has length nan" in problem


def test_broken_pages_are_found(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_claims_text_hash'").fetchone()
    data = bytearray(db.read_bytes())
    data[(page - 1) * 4096 + 8 : page * 4096] = bytes(4096 - 8)
    db.write_bytes(bytes(data))
    try:
        problems, _ = verify.run(db)
    except DatabaseError as error:
        problems = [str(error)]
    assert problems
    assert any("ix_claims_text_hash" in line or "malformed" in line for line in problems)


def test_a_database_that_is_being_built_is_not_judged(db: Path) -> None:
    with exclusive(db), pytest.raises(LockedError, match="another build is running"):
        verify.run(db)


def test_what_is_missing_or_not_ours_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"kb\.db: no such database"):
        verify.run(tmp_path / "kb.db")


def test_a_database_that_cannot_be_written_is_checked_on_a_copy(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = schema.can_write
    monkeypatch.setattr(schema, "can_write", lambda path: path != db and own(path))
    assert verify.run(db)[0] == []
    assert sorted(path.name for path in db.parent.iterdir() if path.suffix == ".lock") == []
    monkeypatch.undo()
    damage(db, "DELETE FROM claim_terms_fts")
    monkeypatch.setattr(schema, "can_write", lambda path: path != db and own(path))
    assert any("does not agree" in line for line in verify.run(db)[0])
