"""`kb publish` and what it takes: a bundle that runs by itself, and `kb serve --immutable --base-url`."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import site_for_tests as served
from site_for_tests import changed, rows

from kb import server
from kb.errors import DatabaseError, UsageError
from kb.server import publish

database = served.database
# Lets a bundle import what its requirements name, and nothing else that happens to be installed here.
ONLY = """
import re, sys
from importlib.metadata import distributions
def plain(name): return re.sub(r"[-_.]+", "-", name).lower()
listed = {plain(line.split("==")[0]) for line in open(REQUIREMENTS)}
owned = {}
for one in distributions():
    for file in one.files or ():
        top = file.parts[0].removesuffix(".py").split(".")[0]
        owned.setdefault(top, set()).add(plain(one.metadata["Name"]))
class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top != "kb" and owned.get(top) and not owned[top] & listed:
            raise ImportError(name + " is in no requirement of the bundle")
sys.meta_path.insert(0, Only())
"""


@pytest.fixture(scope="module")
def bundle(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "a bundle"
    command = [sys.executable, "-m", "kb", "publish", folder, "--db", database]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert "start.sh" in done.stdout
    assert done.stderr == ""
    return folder


def test_a_bundle_runs_elsewhere_by_itself(bundle: Path, tmp_path: Path) -> None:
    """Move it, take write permission and every package that it does not ask for away, and start it."""
    moved = tmp_path / "elsewhere"
    shutil.copytree(bundle, moved)
    for path in (moved / "kb.db", moved):
        path.chmod(0o555 if path.is_dir() else 0o444)
    only = tmp_path / "only"
    only.mkdir()
    (only / "sitecustomize.py").write_text(ONLY.replace("REQUIREMENTS", repr(str(moved / "requirements.txt"))), "utf-8")
    start = (moved / "start.sh").read_text("utf-8").replace("$PWD/app", f"$PWD/app:{only}")
    own = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": ""}
    command = ["/bin/sh", "-c", start, str(moved / "start.sh"), "--port", "0", "--base-url", "/claims/"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)/claims/", line)
        assert found is not None, process.communicate(timeout=60)[1]
        try:
            for path in ("", f"-/search?q={quote('電力')}", "map", "-/map.bin", "topics", "kb/claims", "conflicts"):
                with urllib.request.urlopen(f"{found[1]}/claims/{path}", timeout=120) as answer:
                    assert answer.status == 200, path
                    text = answer.read()
                assert b'href="/-/' not in text
            with urllib.request.urlopen(f"{found[1]}/claims/-/search.json?q={quote('電力')}&mode=semantic") as answer:
                assert b'"arms"' in answer.read()
        finally:
            process.terminate()
        assert "Traceback" not in process.communicate(timeout=60)[1]
    moved.chmod(0o755)


def test_a_bundle_holds_no_folder_of_this_machine_and_is_whole(bundle: Path, database: Path) -> None:
    published = bundle / "kb.db"
    assert rows(published, "SELECT DISTINCT root FROM posts") == [("",)]
    assert rows(published, "SELECT DISTINCT sources, faults FROM builds") == [("[]", "[]")]
    ((root,),) = rows(database, "SELECT DISTINCT root FROM posts")
    assert str(Path(root)).encode() not in published.read_bytes()
    assert rows(published, "PRAGMA journal_mode") == [("delete",)]
    for table in ("claims", "posts", "occurrences", "embeddings"):
        sql = f"SELECT count(*) FROM {table}"
        assert rows(published, sql) == rows(database, sql)
    checked = [sys.executable, "-m", "kb", "verify", "--db", published]
    assert subprocess.run(checked, capture_output=True, text=True, check=False).returncode == 0
    assert not list(bundle.rglob("__pycache__"))
    assert not (bundle / "app" / "kb" / "_share" / "data" / "eval").exists()


def test_requirements_are_exact_and_without_torch() -> None:
    light, whole = publish.requirements(), publish.requirements(light=False)
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.+!-]+", line) for line in whole)
    assert not [line for line in light if line.startswith(("torch=", "transformers=", "pytest="))]
    assert [line for line in whole if line.startswith("torch=")]
    assert {"datasette", "sudachipy", "numpy"} <= {line.split("=")[0] for line in light}


def test_a_folder_in_use_is_refused_and_a_bundle_is_replaced_when_told(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    publish.publish(database, target)
    with pytest.raises(UsageError, match="--force"):
        publish.publish(database, target)
    assert publish.publish(database, target, force=True).size > 1000
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", "utf-8")
    for force in (False, True):
        with pytest.raises(UsageError, match="other files"):
            publish.publish(database, other, force=force)
    with pytest.raises(UsageError, match="is a file"):
        publish.publish(database, other / "mine.txt")
    with pytest.raises(DatabaseError):
        publish.publish(tmp_path / "none.db", tmp_path / "new")


def test_a_model_of_this_machine_is_left_behind_and_said_so(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    own = changed(database, tmp_path / "kb.db", f"UPDATE models SET source = '{folder}?dim=4'")
    made = publish.publish(own, tmp_path / "bundle")
    assert ["words alone" in note for note in made.notes] == [True]
    assert rows(made.folder / "kb.db", "SELECT source FROM models") == [("my-model",)]
    bare = changed(database, tmp_path / "bare.db", "DELETE FROM embeddings", "DELETE FROM models")
    assert ["no embeddings" in note for note in publish.publish(bare, tmp_path / "bare").notes] == [True]


def test_an_immutable_database_is_not_served_while_it_is_written(database: Path, tmp_path: Path) -> None:
    path = changed(database, tmp_path / "kb.db")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE posts SET author = 'someone'")
        writer.commit()
        with pytest.raises(DatabaseError, match="is being written"):
            server.site(path, immutable=True)
    assert server.site(path, immutable=True).databases["kb"].is_mutable is False


@pytest.mark.parametrize("path", ["claims", "/claims", "//", "/a b/", "http://x/", ""])
def test_a_base_url_must_be_a_path(database: Path, path: str) -> None:
    with pytest.raises(UsageError, match="base-url"):
        server.site(database, {"base_url": path})
