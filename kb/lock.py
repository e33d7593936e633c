"""One writer at a time: a lock beside the database that the system frees when its holder dies."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kb.errors import DatabaseError, LockedError


def lock_path(db: Path) -> Path:
    """Return the lock file of a database: `kb.db.lock` beside `kb.db`. It stays there, empty, when free.

    A symbolic link has the lock of the file it points to.
    """
    real = db.resolve()
    return real.with_name(real.name + ".lock")


@contextmanager
def exclusive(db: Path) -> Iterator[None]:
    """Hold the database for writing; the lock file says who does.

    The lock is the operating system's (`flock`, or its like on Windows), on an
    open file: a killed holder, even by SIGKILL, leaves nothing to clear away.

    Raises:
        LockedError: another build holds it; the message names process, machine and time.
        DatabaseError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    path = lock_path(db)
    if not path.parent.is_dir():
        raise DatabaseError(f"{db}: the folder {path.parent} does not exist; create it first")
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(f"{db}: another build is running ({_holder(path)}); wait for it to end") from None
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        _write(path, f"process {os.getpid()} on {socket.gethostname()} since {dt.datetime.now():%Y-%m-%d %H:%M:%S}\n")
        yield
    finally:
        _write(path, "")
        lock.release()


def _holder(path: Path) -> str:
    """Return what the holder wrote of itself."""
    with suppress(OSError):  # Windows lets nobody else read a locked file
        return path.read_text("utf-8").strip() or "it has just begun"
    return "another process"


def _write(path: Path, words: str) -> None:
    """Write to the lock file without replacing it: the lock is on the file, not on its name."""
    with suppress(OSError):  # the words are a courtesy; the lock holds without them
        path.write_text(words, "utf-8")
