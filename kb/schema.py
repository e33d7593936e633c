"""Opening a database: is it there, is it ours, is it of this version.

Readers pay for two pragmas and one row; Alembic is imported only where a
database is created or upgraded. The schema's revision is the row that Alembic
keeps, the newest one is known from the names in `migrations/versions`.

`PRAGMA user_version` is 1 while a full-text index is still to be rebuilt after
an upgrade (SQLite drops its triggers when Alembic copies a table): it is set in
the transaction of the upgrade, so that a kill in between is noticed.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.config import APPLICATION_ID, resource
from kb.errors import DatabaseError, SchemaError
from kb.lock import exclusive

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

_BUSY_SECONDS = 60.0
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_STALE = 1  # user_version while full-text is to be rebuilt


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions this version knows, oldest first: the numbers that begin the file names."""
    return tuple(sorted(p.name.split("_")[0] for p in resource("migrations", "versions").glob("[0-9]*_*.py")))


def connect(path: Path, *, writable: bool = False) -> sqlite3.Connection:
    """Open an existing database with `sqlite3` alone, upgraded first if it is older.

    The connection is in autocommit mode, may be used from any one thread at a
    time, and enforces foreign keys; without `writable` it refuses to write.

    Raises:
        DatabaseError: the file is missing, damaged, or not a database of `kb`.
        SchemaError: a newer `kb` wrote it, or it is older and cannot be written.
        LockedError: it is older, and a build is running.
    """
    _must_exist(path)
    connection = _raw(path, writable=writable)
    try:
        if _state(connection, path) == (revisions()[-1], 0):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    if not can_write(path):
        raise SchemaError(f"{path}: an older database, and it cannot be written; copy it to where it can be upgraded")
    with exclusive(path):
        upgrade(path)
    return _raw(path, writable=writable)


def engine(path: Path, *, writable: bool = False) -> Engine:
    """Open an existing database for SQLAlchemy: the same checks and errors as `connect`.

    A writer's transactions begin with BEGIN IMMEDIATE, so that it waits for
    another one at the start and never fails in the middle.
    """
    connect(path, writable=writable).close()
    return _engine(path, writable=writable)


def prepare(path: Path) -> None:
    """Create the database, or upgrade it if it is older. The caller holds `lock.exclusive(path)`.

    Raises:
        DatabaseError: the path is taken by something that is no database of `kb`.
        SchemaError: a newer `kb` wrote it.
    """
    if path.is_dir():
        raise DatabaseError(f"{path}: is a folder; name a database file with --db")
    if not path.exists() or path.stat().st_size == 0:
        _create(path)
    else:
        if not os.access(path, os.W_OK):
            raise DatabaseError(f"{path}: cannot be written; change its permissions or name another with --db")
        upgrade(path)


def upgrade(path: Path) -> Path | None:
    """Upgrade an older database; the caller holds `lock.exclusive(path)`.

    A copy is left beside it first, named `kb.db.bak-` and its revision.

    Returns:
        The copy's path, or None where there was nothing to upgrade.
    """
    from kb import fts

    with closing(_raw(path, writable=True)) as connection:
        revision, stale = _state(connection, path)
        if (revision, stale) == (revisions()[-1], 0):
            return None
        copy = _back_up(connection, path, revision) if revision != revisions()[-1] else None
    if copy is not None:
        _migrate(path, copy)
    with closing(_raw(path, writable=True)) as connection:
        fts.ensure(connection)
        fts.rebuild(connection)
        connection.execute("PRAGMA user_version = 0")
    return copy


def _migrate(path: Path, copy: Path) -> None:
    """Run the migrations that are missing, all of them or none."""
    from alembic import command
    from sqlalchemy.exc import DBAPIError

    try:
        with migrating(path) as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {_STALE}")
            command.upgrade(alembic_config(connection), "head")
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone()
            if broken:
                raise SchemaError(f"{path}: the upgrade would break references in {broken[0]}; {copy} is as it was")
    except DBAPIError as error:
        raise SchemaError(f"{path}: cannot be upgraded: {error.orig}; nothing was changed") from error


@contextmanager
def migrating(path: Path) -> Iterator[Connection]:
    """Yield a connection for Alembic: one transaction, foreign keys off (a batch would empty child tables)."""
    own = _engine(path, writable=True, foreign_keys=False)
    try:
        with own.begin() as connection:
            yield connection
    finally:
        own.dispose()


def alembic_config(connection: Connection) -> Config:
    """Return the configuration with which Alembic's commands run on `connection`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resource("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _create(path: Path) -> None:
    """Make an empty database under another name and move it into place: it is there whole or not at all."""
    from alembic import command
    from sqlalchemy.exc import DBAPIError

    from kb import fts

    path = path.resolve()  # what a symbolic link points to is made, the link stays
    part = path.with_name(path.name + ".new")
    _clear(part, "", "-wal", "-shm", "-journal")
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("PRAGMA journal_mode = WAL")
        with migrating(part) as migration:
            command.upgrade(alembic_config(migration), "head")
        with closing(_raw(part, writable=True)) as connection:
            fts.ensure(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _clear(path, "-wal", "-shm", "-journal")  # of a database that was deleted: SQLite would replay it into this one
        part.replace(path)
    except (OSError, sqlite3.OperationalError, DBAPIError) as error:
        raise DatabaseError(f"{path}: cannot be created: {error}") from error


def _clear(path: Path, *suffixes: str) -> None:
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _back_up(connection: sqlite3.Connection, path: Path, revision: str) -> Path:
    """Copy the database beside itself under a free name; whole or not at all."""
    copy = path.with_name(f"{path.name}.bak-{revision}")
    number = 1
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.name}.bak-{revision}-{number}")
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as target:
        connection.backup(target)
    part.replace(copy)
    return copy


def _must_exist(path: Path) -> None:
    if path.is_dir():
        raise DatabaseError(f"{path}: is a folder; name a database file with --db")
    if not path.exists():
        raise DatabaseError(f"{path}: no such database; make it with: kb build SOURCE --db {path}")
    if path.stat().st_size == 0:
        raise DatabaseError(f"{path}: is empty; fill it with: kb build SOURCE --db {path}")


def can_write(path: Path) -> bool:
    """Tell whether a database can be written, which takes its folder too: SQLite keeps its log there."""
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)


def _raw(path: Path, *, writable: bool, foreign_keys: bool = True) -> sqlite3.Connection:
    """Open a file without looking at what it is.

    Readers too open it read-write where they may, and are held to reading by
    `query_only`: the last of them to close then tidies the write-ahead log away,
    which a `mode=ro` connection leaves behind. Where nothing may be written, not
    even the log's index, `immutable` reads a database that nobody has open.
    """
    modes = ["mode=rw"] if can_write(path) else ["mode=ro"]
    log = path.with_name(path.name + "-wal")
    if modes == ["mode=ro"] and not (log.exists() and log.stat().st_size):
        modes.append("mode=ro&immutable=1")
    failure: sqlite3.Error | None = None
    for mode in modes:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
            connection.execute(f"PRAGMA query_only = {int(not writable)}")
            connection.execute("PRAGMA synchronous = NORMAL")  # with a write-ahead log: safe against kills
            if writable:
                connection.execute("PRAGMA cache_size = -65536")  # KiB; rows go to places all over the indexes
            connection.execute("PRAGMA schema_version")  # the first one that reads the file
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
        except sqlite3.DatabaseError:
            connection.close()
            raise DatabaseError(f"{path}: not a SQLite database; name another file with --db") from None
        else:
            return connection
    raise DatabaseError(f"{path}: cannot be opened: {failure}")


def _state(connection: sqlite3.Connection, path: Path) -> tuple[str, int]:
    """Return (revision, user_version), or raise where the file is not one that this version can use."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (stale,) = connection.execute("PRAGMA user_version").fetchone()
        row = None
        if application == APPLICATION_ID:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path}: damaged: {error}; restore a copy, or move it away and build again") from error
    if row is None:
        raise DatabaseError(f"{path}: a SQLite database, but not one of kb; name another file with --db")
    if row[0] not in revisions():
        raise SchemaError(
            f"{path}: its schema {row[0]} is newer than this kb knows ({revisions()[-1]}); upgrade kb, or build anew"
        )
    return row[0], stale


def _engine(path: Path, *, writable: bool, foreign_keys: bool = True) -> Engine:
    from sqlalchemy import URL, create_engine, event

    made = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=lambda: _raw(path, writable=writable, foreign_keys=foreign_keys),
        json_serializer=_to_json,
    )

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        """Begin a real transaction: Python's own handling would leave CREATE and PRAGMA outside of it."""
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    return made


def _to_json(value: Any) -> str:
    """Write JSON that a person browsing the table, and LIKE, can read."""
    return _JSON.encode(value)
