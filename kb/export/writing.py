"""Putting exports on disk: whole or not at all, and never over something else unasked.

A file is written beside its place and renamed into it, so that a reader, or an
interrupt, never meets half of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from kb.errors import SourceError

MANIFEST = ".kb-export.json"  # which files of a folder are ours to replace and remove


def may_write(path: Path, *, folder: bool, force: bool) -> None:
    """Tell early whether a file or folder can be written.

    Raises:
        SourceError: it exists and `force` is not given, its folder is missing, or it may not be written.
    """
    if folder and path.exists() and not path.is_dir():
        raise SourceError(path, "is a file; name a folder")
    if not folder and path.is_dir():
        raise SourceError(path, "is a folder; name a file in it")
    if folder and path.is_dir():
        if any(path.iterdir()) and not force:
            raise SourceError(path, "is not empty; name another folder, or give --force to replace what it holds")
    elif path.exists() and not force:
        raise SourceError(path, "exists; name another file, or give --force to replace it")
    parent = path if folder and path.is_dir() else path.parent
    if not parent.is_dir():
        raise SourceError(path, f"there is no folder {parent}; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise SourceError(path, "cannot be written; change the permissions of its folder or name another")


def file(path: Path, text: str, *, force: bool = False) -> None:
    """Write a file at once, in UTF-8, its line ends as they are; errors as of `may_write`."""
    may_write(path, folder=False, force=force)
    try:
        _put(path.resolve(), text.encode("utf-8", "replace"))
    except OSError as error:
        raise SourceError(path, error.strerror or str(error)) from error


def folder(path: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Write files below a folder, each at once; files of an earlier export that are no longer made are removed.

    Args:
        path: the folder, made if its parent is there.
        files: text by relative path.
        force: replace what is there; files that no export wrote stay, unless they are named alike.

    Raises:
        SourceError: as of `may_write`.
    """
    may_write(path, folder=True, force=force)
    try:
        path.mkdir(exist_ok=True)
        old = _manifest(path)
        for name, text in files.items():
            place = path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            _put(place, text.encode("utf-8", "replace"))
        for name in sorted(set(old) - set(files)):
            if ".." not in Path(name).parts and not Path(name).is_absolute():
                (path / name).unlink(missing_ok=True)
        _put(path / MANIFEST, (json.dumps({"files": sorted(files)}, ensure_ascii=False, indent=1) + "\n").encode())
    except OSError as error:
        raise SourceError(error.filename or path, error.strerror or str(error)) from error


def _manifest(path: Path) -> Iterable[str]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        data = json.loads((path / MANIFEST).read_text("utf-8"))
        return [str(name) for name in data["files"]]
    return []


def _put(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".kb-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
