"""The schema: made whole, upgraded with a copy beside it, refused where it is not ours."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from kb import config, fts, schema
from kb.errors import DatabaseError, LockedError, SchemaError
from kb.lock import exclusive
from kb.models import Base

NEXT = '''"""A change that copies a table, as SQLite needs for most."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "NEXT", "LAST", None, None


def upgrade():
    with op.batch_alter_table("claim_terms", recreate="always") as batch:
        batch.add_column(sa.Column("extra", sa.String()))
    with op.batch_alter_table("claims", recreate="always") as batch:
        batch.alter_column("holder", new_column_name="speaker")


def downgrade():
    with op.batch_alter_table("claims", recreate="always") as batch:
        batch.alter_column("speaker", new_column_name="holder")
    with op.batch_alter_table("claim_terms", recreate="always") as batch:
        batch.drop_column("extra")
'''
LAST = schema.revisions()[-1]
FUTURE = f"{int(LAST) + 1:04}"
CLAIM = (
    "INSERT INTO claims (id, key, text, text_hash, kind, certainty, holder, language, occurrence_count, post_count) "
    "VALUES (1, 'k', '電力は足りる。', 'h', 'fact', 'asserted', 'author', 'ja', 0, 0)"
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "kb.db"
    schema.prepare(path)
    return path


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that adds a migration to those that exist."""
    shared = tmp_path / "share"

    def add(code: str) -> None:
        shutil.copytree(config.resource("migrations"), shared / "migrations")
        code = code.replace("NEXT", FUTURE).replace("LAST", LAST)
        (shared / "migrations" / "versions" / f"{FUTURE}_next.py").write_text(code, "utf-8")
        monkeypatch.setattr(schema, "resource", lambda *parts: shared.joinpath(*parts))
        schema.revisions.cache_clear()

    yield add
    monkeypatch.undo()
    schema.revisions.cache_clear()


def value(path: Path, sql: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchone()[0]


def test_the_first_migration_makes_what_the_models_say(db: Path, tmp_path: Path) -> None:
    def tables(path: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        flat = {name: re.sub(r"\s+", "", sql.replace('"', "")) for name, sql in rows}
        return {
            name: sorted(filter(None, re.split(r"[(),]+", sql)))  # the order of constraints may differ
            for name, sql in flat.items()
            if "_fts" not in name and not name.startswith("claim_terms_a") and name != "alembic_version"
        }

    made = tmp_path / "models.db"
    engine = create_engine(f"sqlite:///{made}")
    Base.metadata.create_all(engine)
    engine.dispose()
    assert tables(db) == tables(made)


def test_alembic_finds_nothing_to_add(db: Path) -> None:
    with schema.migrating(db) as connection:
        command.check(schema.alembic_config(connection))


def test_revisions_are_those_that_alembic_knows(db: Path) -> None:
    with schema.migrating(db) as connection:
        script = ScriptDirectory.from_config(schema.alembic_config(connection))
    assert [r.revision for r in script.walk_revisions()][::-1] == list(schema.revisions())
    assert script.get_heads() == [schema.revisions()[-1]]
    assert value(db, "SELECT version_num FROM alembic_version") == schema.revisions()[-1]


def test_downgrade_and_upgrade_again(db: Path) -> None:
    with schema.migrating(db) as connection:
        command.downgrade(schema.alembic_config(connection), "base")
    assert value(db, "SELECT count(*) FROM sqlite_master WHERE name IN ('posts', 'claims', 'builds')") == 0
    with schema.migrating(db) as connection:
        command.upgrade(schema.alembic_config(connection), "head")
    with schema.migrating(db) as connection:
        command.check(schema.alembic_config(connection))


def test_a_new_database_is_ours_logs_ahead_and_has_full_text(db: Path) -> None:
    assert value(db, "PRAGMA application_id") == config.APPLICATION_ID
    assert value(db, "PRAGMA journal_mode") == "wal"
    with closing(schema.connect(db, writable=True)) as connection:
        assert fts.check(connection) == []
    assert sorted(p.name for p in db.parent.iterdir()) == ["kb.db"]


def test_references_are_enforced_and_readers_cannot_write(db: Path) -> None:
    with closing(schema.connect(db, writable=True)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO claim_terms (claim_id, words, grams, version) VALUES (7, '', '', 1)")
    engine = schema.engine(db, writable=True)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO sources (post_id, text) VALUES (7, '')")
    engine.dispose()
    with closing(schema.connect(db)) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute(CLAIM)


def test_opening_and_closing_leaves_one_file(db: Path) -> None:
    with closing(schema.connect(db)) as connection:
        connection.execute("SELECT count(*) FROM posts").fetchone()
    assert sorted(p.name for p in db.parent.iterdir()) == ["kb.db"]


def test_an_older_database_is_copied_and_upgraded(db: Path, newer: Callable[[str], None]) -> None:
    with closing(schema.connect(db, writable=True)) as connection:
        connection.execute(CLAIM)
        connection.execute("INSERT INTO claim_terms (claim_id, words, grams, version) VALUES (1, '電力', '電力', 1)")
    newer(NEXT)
    with closing(schema.connect(db)) as connection:
        assert connection.execute("SELECT speaker FROM claims").fetchone() == ("author",)
        found = "SELECT rowid FROM claim_terms_fts WHERE claim_terms_fts MATCH '電力'"
        assert connection.execute(found).fetchall() == [(1,)]
    with closing(schema.connect(db, writable=True)) as connection:
        assert fts.check(connection) == []
        connection.execute("DELETE FROM claims")  # the triggers that the copying dropped are back
        assert connection.execute(found).fetchall() == []
    copy = db.with_name(f"kb.db.bak-{LAST}")
    assert value(copy, "SELECT holder FROM claims") == "author"
    assert value(copy, "PRAGMA integrity_check") == "ok"


def test_a_copy_is_never_written_over(db: Path, newer: Callable[[str], None]) -> None:
    db.with_name(f"kb.db.bak-{LAST}").write_text("mine", "utf-8")
    newer(NEXT)
    schema.connect(db).close()
    assert db.with_name(f"kb.db.bak-{LAST}").read_text("utf-8") == "mine"
    assert value(db.with_name(f"kb.db.bak-{LAST}-2"), "SELECT version_num FROM alembic_version") == LAST


def test_a_failed_upgrade_changes_nothing(db: Path, newer: Callable[[str], None]) -> None:
    broken = NEXT.replace("def downgrade", '    op.execute("INSERT INTO nowhere VALUES (1)")\n\n\ndef downgrade')
    newer(broken)
    with pytest.raises(DatabaseError, match="nowhere"):
        schema.connect(db)
    assert value(db, "SELECT version_num FROM alembic_version") == LAST
    assert value(db, "PRAGMA user_version") == 0
    assert value(db, "SELECT count(*) FROM pragma_table_info('claims') WHERE name = 'speaker'") == 0


def test_an_upgrade_that_breaks_references_is_undone(db: Path, newer: Callable[[str], None]) -> None:
    code = "op.execute(\"INSERT INTO sources (post_id, text) VALUES (99, '')\")"
    newer(NEXT.replace("def downgrade", f"    {code}\n\n\ndef downgrade"))
    with pytest.raises(SchemaError, match=rf"sources.*bak-{LAST}"):
        schema.connect(db)
    assert value(db, "SELECT count(*) FROM sources") == 0
    assert value(db, "SELECT version_num FROM alembic_version") == LAST


def test_full_text_that_an_interrupted_upgrade_left_behind_is_rebuilt(db: Path) -> None:
    with closing(schema.connect(db, writable=True)) as connection:
        connection.execute("DROP TRIGGER claim_terms_ai")
        connection.execute("PRAGMA user_version = 1")
    schema.connect(db).close()
    assert value(db, "PRAGMA user_version") == 0
    assert value(db, "SELECT count(*) FROM sqlite_master WHERE name = 'claim_terms_ai'") == 1


def test_an_upgrade_waits_for_no_build(db: Path, newer: Callable[[str], None]) -> None:
    newer(NEXT)
    with exclusive(db), pytest.raises(LockedError, match=r"process \d+ on "):
        schema.connect(db)


def test_a_newer_database_is_refused_and_left_alone(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for attempt in (lambda: schema.connect(db), lambda: schema.prepare(db)):
        with pytest.raises(SchemaError, match=r"kb\.db.*9999.*newer"):
            attempt()
    assert value(db, "SELECT version_num FROM alembic_version") == "9999"


@pytest.mark.parametrize("opening", [schema.connect, schema.engine, schema.prepare])
def test_what_is_no_database_of_ours_is_refused_and_left_alone(
    opening: Callable[[Path], object], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.db"
    letter.write_text("Dear reader, " * 400, "utf-8")
    with pytest.raises(DatabaseError, match=r"letter\.db: not a SQLite database"):
        opening(letter)
    assert letter.read_text("utf-8") == "Dear reader, " * 400
    theirs = tmp_path / "theirs.db"
    with closing(sqlite3.connect(theirs)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    before = theirs.read_bytes()
    with pytest.raises(DatabaseError, match=r"theirs\.db: .*not one of kb"):
        opening(theirs)
    assert theirs.read_bytes() == before
    with pytest.raises(DatabaseError, match="is a folder"):
        opening(tmp_path)


def test_readers_are_told_to_build_what_is_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"none\.db: no such database.*kb build"):
        schema.connect(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(DatabaseError, match=r"empty\.db: is empty.*kb build"):
        schema.connect(tmp_path / "empty.db")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.db"]


def test_a_damaged_database_is_named(db: Path) -> None:
    data = bytearray(db.read_bytes())
    data[4096 * 1 : 4096 * 40] = b"\xff" * (4096 * 39)
    data[100:4096] = b"\xff" * 3996
    db.write_bytes(bytes(data))
    with pytest.raises(DatabaseError, match=r"kb\.db: "):
        schema.connect(db)


def test_the_log_of_a_deleted_database_is_not_replayed_into_a_new_one(db: Path) -> None:
    keeper = schema.connect(db, writable=True)
    keeper.execute(CLAIM)
    log = db.with_name("kb.db-wal").read_bytes()
    keeper.close()
    db.unlink()
    db.with_name("kb.db-wal").write_bytes(log)
    schema.prepare(db)
    assert value(db, "SELECT count(*) FROM claims") == 0


def test_names_with_odd_characters_open(tmp_path: Path) -> None:
    path = tmp_path / "知識 100%?#.db"
    schema.prepare(path)
    schema.connect(path).close()
    engine = schema.engine(path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM posts").scalar() == 0
    engine.dispose()
