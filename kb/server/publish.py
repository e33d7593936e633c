"""`kb publish`: a folder with the database, the site and all it takes to run them elsewhere, for reading only."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tomllib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from kb import schema
from kb.config import VERSION, resource
from kb.errors import DatabaseError, KbError, UsageError
from kb.server.scatter import SUFFIX
from kb.server.site import Site

MARK = "kb-bundle.txt"  # tells a bundle of ours from a folder that must not be overwritten
DATABASE = "kb.db"
_APP = "app"
_PYTHON = "3.12"
_HEAVY = {"torch", "transformers", "sentence-transformers", "huggingface-hub"}  # of models other than the default one
_SHARED = {"data": ("eval", "posts"), "datasette": (), "migrations": ()}  # folders, and what of them stays behind
_MAKING = ("verdicts", "topic_memory", "stage_states")  # what only a build reads
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: the folder, its size in bytes, and what its owner should know."""

    folder: Path
    size: int
    notes: tuple[str, ...]


def publish(db: Path, folder: Path, *, force: bool = False) -> Bundle:
    """Write a bundle into `folder`.

    The copy of the database is compacted, in one file without a log, and holds
    no folder names of this machine and nothing that only a build needs.

    Args:
        db: a database of ours; it is read, not changed.
        folder: is made; one that holds an older bundle is replaced with `force`.
        force: replace an older bundle. A folder with anything else in it is refused all the same.

    Raises:
        UsageError: the folder holds something.
        DatabaseError: the database is missing, damaged or not ours.
        KbError: the folder cannot be written, or the program is not installed.
    """
    schema.connect(db).close()
    try:
        _make_room(folder, force)
        notes, light = _copy_database(db, folder / DATABASE)
        _copy_program(folder / _APP)
        for name, text in _texts(light).items():
            (folder / name).write_text(text, "utf-8")
        (folder / "start.sh").chmod(0o755)
        (folder / MARK).write_text(f"kb {VERSION}\n", "utf-8")
    except (OSError, shutil.Error) as error:
        raise KbError(f"{folder}: cannot be written: {error}") from error
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Bundle(folder, size, notes)


def _make_room(folder: Path, force: bool) -> None:
    """Leave an empty folder, or refuse."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise UsageError(f"{folder}: holds other files; name an empty or a new folder")
        if not force:
            raise UsageError(f"{folder}: holds a bundle already; replace it with --force")
        shutil.rmtree(folder / _APP, ignore_errors=True)
        for name in (*_texts(True), DATABASE, DATABASE + SUFFIX, MARK):
            (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _copy_database(db: Path, target: Path) -> tuple[tuple[str, ...], bool]:
    """Write the compacted copy and its map; return notes, and whether the default model answers its searches."""
    whole = target.with_name(target.name + ".new")
    whole.unlink(missing_ok=True)
    with closing(schema.connect(db)) as source:
        source.execute("PRAGMA query_only = 0")  # VACUUM INTO writes another file
        source.execute("VACUUM INTO ?", (str(whole),))
    notes: list[str] = []
    try:
        with closing(sqlite3.connect(whole, isolation_level=None)) as copy:
            copy.execute("PRAGMA foreign_keys = ON")
            copy.execute("BEGIN")
            copy.execute("UPDATE posts SET root = ''")
            copy.execute("UPDATE builds SET sources = '[]', faults = '[]'")
            copy.execute("DELETE FROM models WHERE NOT active")
            for table in _MAKING:
                copy.execute(f"DELETE FROM {table}")
            light = _tidy_model(copy, notes)
            copy.execute("COMMIT")
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("ANALYZE")
            copy.execute("VACUUM")
    except sqlite3.DatabaseError as error:
        whole.unlink(missing_ok=True)
        raise DatabaseError(f"{db}: cannot be copied: {error}; check it with: kb verify") from error
    whole.replace(target)
    site = Site(target)
    try:
        site.map.save(target)
    finally:
        site.close()
    return tuple(notes), light


def _tidy_model(copy: sqlite3.Connection, notes: list[str]) -> bool:
    """Take a folder of this machine out of the model's row; return whether it is light enough to do without torch."""
    row = copy.execute("SELECT id, name, source FROM models WHERE active").fetchone()
    if row is None:
        notes.append("the database holds no embeddings: the bundle searches by words alone")
        return True
    ident, name, source = row
    where = Path(str(source).split("?")[0])
    if where.is_absolute() or where.exists():
        copy.execute("UPDATE models SET source = ? WHERE id = ?", (where.name, ident))
        notes.append(f"model {name} is a folder of this machine and is not in the bundle: it searches by words alone")
        return True
    return "/" not in str(source)


def _copy_program(app: Path) -> None:
    """Copy the package with what it carries, as a wheel would lay it out."""
    package = Path(__file__).resolve().parent.parent
    ignored = shutil.ignore_patterns("__pycache__", "_share", "*.pyc")
    shutil.copytree(package, app / "kb", ignore=ignored)
    for name, without in _SHARED.items():
        unwanted = shutil.ignore_patterns("__pycache__", "*.pyc", *without)
        shutil.copytree(resource(name), app / "kb" / "_share" / name, ignore=unwanted)


def requirements(light: bool = True) -> list[str]:
    """Return what a bundle takes beside Python, with the exact versions installed here, one `name==version` each.

    Args:
        light: leave out what only models other than the default one need.

    Raises:
        KbError: `kb` is not installed, so that nobody knows what it takes.
    """
    wanted = _named(_declared())
    left_out = _HEAVY if light else set()
    found: dict[str, str] = {}
    waiting = [name for name in wanted if name not in left_out]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        waiting += [other for other in _named(metadata.requires(name) or ()) if other not in left_out]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _declared() -> list[str]:
    """Return what this program depends on: a checkout says so, which may be newer than its installation."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.is_file():
        return list(tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"])
    try:
        return metadata.requires("kb") or []
    except metadata.PackageNotFoundError as error:
        raise KbError("kb is not installed here; run: pip install kb") from error


def _named(lines: Iterable[str]) -> list[str]:
    """Return the names of requirements (PEP 508), those of extras left out."""
    plain = [line for line in lines if "extra ==" not in line.replace("'", '"').replace("extra==", "extra ==")]
    names = [match[0] for line in plain if (match := _REQUIREMENT.match(line))]
    return [re.sub(r"[-_.]+", "-", name).lower() for name in names]


def _texts(light: bool) -> dict[str, str]:
    """Return the files of a bundle that are written by hand."""
    return {
        "requirements.txt": "\n".join([*requirements(light), ""]),
        "Dockerfile": _DOCKERFILE,
        ".dockerignore": "Dockerfile\n**/__pycache__\n",
        "start.sh": _START,
        "README.md": _README,
    }


_DOCKERFILE = f"""FROM python:{_PYTHON}-slim
WORKDIR /srv/kb
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN useradd --system reader && chmod -R a-w /srv/kb
USER reader
EXPOSE 8001
HEALTHCHECK --start-period=20s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8001/')"]
ENTRYPOINT ["./start.sh", "--host", "0.0.0.0", "--port", "8001"]
"""
_START = f"""#!/bin/sh
# Serves the database of this folder for reading; takes the options of kb serve, such as --port 8001.
set -eu
cd "$(dirname "$0")"
export PYTHONPATH="$PWD/{_APP}" PYTHONDONTWRITEBYTECODE=1
exec "${{PYTHON:-python3}}" -m kb serve --db {DATABASE} --immutable "$@"
"""
_README = f"""# A knowledge base, to be read

Made by kb {VERSION}. The database is `{DATABASE}`, the program is in `{_APP}/`; nothing here is written when it runs.

With Docker:

    docker build -t kb . && docker run -p 8001:8001 kb

Without, with Python 3.11 or newer:

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    PYTHON=.venv/bin/python ./start.sh --port 8001

Behind a proxy that serves it below a path: `./start.sh --base-url /claims/`.
"""
