"""Builds: what is read again and what is not, bad files, two folders, interrupts and kills."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from contents import contents
from posts_for_tests import SHARED, text, write

from kb import fts, pipeline, schema, store, verify
from kb.config import Settings
from kb.errors import DatabaseError, KbError, LockedError, SourceError
from kb.lock import exclusive, lock_path
from kb.pipeline.pool import Workers

CHILD = """
import sys
from pathlib import Path
from typing import Any
from kb import pipeline
from kb.pipeline import derive, topics

def told(stage, done, total):
    if stage != "scan":
        print(stage, done, total, flush=True)
    if stage == pause:
        sys.stdin.readline()

if __name__ == "__main__":
    source, db, workers, pause = sys.argv[1:]
    pipeline._BATCH_POSTS = 2
    derive._TERMS_BATCH = derive._VECTORS_BATCH = topics._BATCH = 9
    print("begin", flush=True)
    pipeline.build([Path(source)], Path(db), progress=told, workers=int(workers))
    print("end", flush=True)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder of twelve posts and a database built from it, for tests that only look."""
    folder = tmp_path_factory.mktemp("library")
    db = folder / "kb.db"
    pipeline.build([write(folder / "posts", 12)], db, workers=1)
    return folder / "posts", db


@pytest.fixture
def copy(library: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder of twelve posts and its database, to change."""
    posts = write(tmp_path / "posts", 12)
    pipeline.build([posts], tmp_path / "kb.db", workers=1)
    return posts, tmp_path / "kb.db"


def edit(posts: Path) -> None:
    """Change two of twelve posts, delete one and add one."""
    (posts / "2025-post-02.md").write_text(text(2, extra="新しい変電所は、来年の秋に完成する。"), "utf-8")
    (posts / "2025-post-03.md").write_text(text(8, title="別の題"), "utf-8")
    (posts / "2025-post-00.md").unlink()
    (posts / "newer").mkdir()
    (posts / "newer" / "2026-post-30.md").write_text(text(30), "utf-8")


def changes(report: pipeline.BuildReport) -> tuple[int, int, int, int, int]:
    names = ("new_posts", "changed_posts", "unchanged_posts", "removed_posts", "new_embeddings")
    return tuple(report.counts[name] for name in names)


def ask(db: Path, sql: str, *values: object) -> list[tuple]:
    with closing(schema.connect(db)) as connection:
        return connection.execute(sql, values).fetchall()


def paths(db: Path) -> list[str]:
    return [path for (path,) in ask(db, "SELECT path FROM posts ORDER BY path")]


def test_a_folder_that_is_empty_of_a_sudden_empties_nothing(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    before = paths(db)
    away = posts.rename(posts.with_name("away"))
    posts.mkdir()
    report = pipeline.build([posts], db, workers=1)
    assert paths(db) == before
    assert [fault.reason for fault in report.faults if "12 that were read from it are kept" in fault.reason]
    posts.rmdir()
    away.rename(posts)
    for file in sorted(posts.rglob("*.md"))[1:]:
        file.unlink()
    assert pipeline.build([posts], db, workers=1).counts["removed_posts"] == 11


def test_a_build_fills_every_table_and_verifies(library: tuple[Path, Path]) -> None:
    held = contents(library[1])
    filled = {"posts", "sources", "drafts", "passages", "sentences", "ledger", "claims", "occurrences"}
    filled |= {"claim_terms", "models", "embeddings", "topics", "claim_topics"}
    assert filled <= {name for name, rows in held.items() if rows}
    assert len(held["posts"]) == 12
    assert verify.run(library[1])[0] == []
    (row,) = ask(library[1], "SELECT occurrence_count, post_count FROM claims WHERE text = ?", SHARED)
    assert row == (4, 4)


def test_an_unchanged_folder_is_not_read_again(copy: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    posts, db = copy
    before = contents(db)

    def read_post(job: object, settings: object) -> None:
        raise AssertionError(f"{job} is read again")

    monkeypatch.setattr(pipeline, "read_post", read_post)
    report = pipeline.build([posts], db)
    assert changes(report) == (0, 0, 12, 0, 0)
    assert report.faults == ()
    assert contents(db) == before


def test_an_unchanged_folder_loads_no_tokenizer_and_no_model(copy: tuple[Path, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from kb import pipeline\n"
        "pipeline.build([Path(sys.argv[1])], Path(sys.argv[2]))\n"
        "print(sorted({'sudachipy', 'spacy', 'torch', 'alembic', 'sqlite_utils', 'kb.reading'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, copy)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_after_edits_the_database_equals_a_fresh_one(copy: tuple[Path, Path], tmp_path: Path) -> None:
    posts, db = copy
    edit(posts)
    assert changes(pipeline.build([posts], db, workers=1))[:4] == (1, 2, 9, 1)
    pipeline.build([posts], tmp_path / "fresh.db", workers=1)
    held, fresh = contents(db), contents(tmp_path / "fresh.db")
    for table, rows in fresh.items():
        assert held[table] == rows, table
    assert verify.run(db)[0] == []


def test_processes_read_as_one_process_does(library: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline.build([library[0]], tmp_path / "kb.db", workers=2)
    assert contents(tmp_path / "kb.db") == contents(library[1])


def test_an_edit_of_the_front_matter_embeds_nothing(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    file = posts / "2025-post-01.md"
    file.write_text(file.read_text("utf-8").replace("tags: [電力", "tags: [送電網, 電力"), "utf-8")
    assert changes(pipeline.build([posts], db)) == (0, 1, 11, 0, 0)
    assert ask(db, "SELECT count(*) FROM posts WHERE tags LIKE '%送電網%'") == [(1,)]
    assert verify.run(db)[0] == []


def test_other_settings_read_everything_again(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    report = pipeline.build([posts], db, settings=Settings(separators=("***",)), workers=1)
    assert changes(report)[:3] == (0, 12, 0)
    assert pipeline.build([posts], db, workers=1).counts["changed_posts"] == 12


def test_the_log_of_builds_says_what_came_in(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    pipeline.build([posts], db)
    rows = ask(db, "SELECT sources, finished >= started, json_extract(counts, '$.new_posts') FROM builds ORDER BY id")
    assert rows == [(f'["{posts.resolve()}"]', 1, 12), (f'["{posts.resolve()}"]', 1, 0)]


def test_bad_files_are_named_and_the_rest_is_built(tmp_path: Path) -> None:
    posts = write(tmp_path / "posts", 3)
    (posts / "folder.md").mkdir()
    (posts / "bytes.md").write_bytes(bytes(range(128, 256)) * 9)
    (posts / "empty.md").write_bytes(b"")
    (posts / "front.md").write_text("---\ntitle: [unclosed\n---\n\n水は足りている。\n", "utf-8")
    (posts / "loop").symlink_to(posts, target_is_directory=True)
    (posts / "dangling.md").symlink_to(posts / "nowhere.md")
    db = tmp_path / "kb.db"
    for _ in range(2):  # what is wrong stays wrong, and is said again
        report = pipeline.build([posts, tmp_path / "none"], db, workers=1)
        reasons = {Path(fault.path).name: fault.reason for fault in report.faults}
        assert set(reasons) == {"folder.md", "bytes.md", "empty.md", "front.md", "dangling.md", "none"}
        assert "folder" in reasons["folder.md"]
        assert "UTF-8" in reasons["bytes.md"]
        assert reasons["empty.md"] == "is empty"
        assert "YAML" in reasons["front.md"]
        assert report.to_dict()["faults"][0].keys() == {"path", "reason"}
    assert report.counts["new_posts"] == 0
    assert len(paths(db)) == 5
    assert ask(db, "SELECT count(*) FROM claims WHERE text = '水は足りている。'") == [(1,)]
    assert verify.run(db)[0] == []


@pytest.mark.parametrize("damage", [b"\xff\xfe\xff", bytes(range(128, 256)) * 9])
def test_a_file_that_cannot_be_read_any_more_keeps_its_last_reading(copy: tuple[Path, Path], damage: bytes) -> None:
    posts, db = copy
    before = contents(db)
    (posts / "2025-post-05.md").write_bytes(damage)
    report = pipeline.build([posts], db)
    assert [fault.path for fault in report.faults] == ["2025-post-05.md"]
    assert "last good reading is kept" in report.faults[0].reason
    assert contents(db) == before


def test_pipes_and_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    posts = write(tmp_path / "posts", 1)
    os.mkfifo(posts / "pipe.md")
    (posts / os.fsdecode(b"\xff\xfe.md")).write_text(text(1), "utf-8")
    report = pipeline.build([posts], tmp_path / "kb.db", workers=1)
    assert [(fault.path, fault.reason) for fault in report.faults] == [
        ("pipe.md", "is no regular file"),
        ("??.md", "its name is not UTF-8; rename it"),
    ]
    assert paths(tmp_path / "kb.db") == ["2025-post-00.md"]


def test_a_full_disk_is_said_and_what_was_written_is_whole(tmp_path: Path) -> None:
    posts, db = write(tmp_path / "posts", 12), tmp_path / "kb.db"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    schema.prepare(db)
    resource.setrlimit(resource.RLIMIT_FSIZE, (db.stat().st_size, hard))
    try:
        with pytest.raises(DatabaseError, match=r"kb\.db: .*(disk|full)"):
            pipeline.build([posts], db, workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ask(db, "PRAGMA integrity_check") == [("ok",)]
    pipeline.build([posts], db, workers=1)
    assert verify.run(db)[0] == []


def test_a_database_behind_a_link_is_one_database(tmp_path: Path) -> None:
    posts, real = write(tmp_path / "posts", 1), tmp_path / "real.db"
    link = tmp_path / "link.db"
    link.symlink_to(real)
    pipeline.build([posts], link, workers=1)
    assert link.is_symlink()
    assert paths(real) == paths(link) == ["2025-post-00.md"]
    with exclusive(real), pytest.raises(LockedError):
        pipeline.build([posts], link, workers=1)


def test_a_process_that_dies_is_no_riddle() -> None:
    with Workers(2) as workers, pytest.raises(KbError, match="a reading process died"):
        list(workers.each(os._exit, [1, 2, 3]))


def test_work_in_processes_comes_back_in_order_and_is_asked_for_bit_by_bit() -> None:
    asked = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    with Workers(2) as workers:
        results = workers.each(float, numbers())
        assert next(results) == 0.0
        assert len(asked) < 10
        assert list(results) == [float(number) for number in range(1, 100)]


def test_missing_sources_make_no_database(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none: no such file or folder"):
        pipeline.build([tmp_path / "none"], tmp_path / "kb.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    posts = write(tmp_path / "posts", 1)
    (tmp_path / "kb.db").write_text("a shopping list", "utf-8")
    with pytest.raises(DatabaseError, match=r"kb\.db: not a SQLite database"):
        pipeline.build([posts], tmp_path / "kb.db")
    assert (tmp_path / "kb.db").read_text("utf-8") == "a shopping list"
    with pytest.raises(DatabaseError, match=r"nowhere.*does not exist"):
        pipeline.build([posts], tmp_path / "nowhere" / "kb.db")


def test_other_folders_are_left_alone_and_emptied_ones_emptied(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", 1), tmp_path / "two"
    two.mkdir()
    (two / "other.md").write_text(text(7), "utf-8")
    db = tmp_path / "kb.db"
    pipeline.build([one], db)
    pipeline.build([two], db)
    assert paths(db) == ["2025-post-00.md", "other.md"]
    (two / "other.md").unlink()
    assert pipeline.build([two], db).counts["removed_posts"] == 1
    assert paths(db) == ["2025-post-00.md"]
    (one / "2025-post-00.md").unlink()
    pipeline.build([one], db)
    held = contents(db)
    assert {name for name, rows in held.items() if rows} <= {"models", "topics", "stage_states"}


def test_one_file_can_be_built_without_touching_its_neighbours(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    (posts / "2025-post-01.md").write_text(text(1, extra="貯水池は満水である。"), "utf-8")
    (posts / "2025-post-02.md").unlink()
    report = pipeline.build([posts / "2025-post-01.md"], db)
    assert changes(report)[:4] == (0, 1, 0, 0)
    assert len(paths(db)) == 12


def test_a_folder_within_a_folder_names_posts_as_before(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    before = paths(db)
    assert changes(pipeline.build([posts / "older"], db))[:4] == (0, 0, 2, 0)
    (posts / "older" / "2025-post-04.md").unlink()
    assert changes(pipeline.build([posts / "older"], db))[:4] == (0, 0, 1, 1)
    assert changes(pipeline.build([posts / "older", posts], db))[:4] == (0, 0, 11, 0)
    assert paths(db) == [path for path in before if path != "older/2025-post-04.md"]


def test_posts_of_the_same_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    folders = [tmp_path / "a" / "posts", tmp_path / "b" / "posts", tmp_path / "c"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "x.md").write_text(text(number), "utf-8")
    pipeline.build(folders, db, workers=1)
    named = ["c/x.md", "posts/x.md", "x.md"]
    assert paths(db) == named
    assert all(Path(root, path).is_file() for root, path in ask(db, "SELECT root, path FROM posts"))
    assert changes(pipeline.build(folders[::-1], db))[:4] == (0, 0, 3, 0)
    (folders[0] / "x.md").unlink()
    assert changes(pipeline.build(folders, db))[:4] == (0, 0, 2, 1)
    assert paths(db) == ["c/x.md", "posts/x.md"]  # names once given stay
    assert verify.run(db)[0] == []


def test_a_folder_that_was_moved_is_the_same_folder(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    before = paths(db)
    moved = posts.rename(posts.with_name("elsewhere"))
    (moved / "2025-post-00.md").unlink()
    assert changes(pipeline.build([moved], db)) == (0, 0, 11, 1, 0)
    assert paths(db) == before[1:]
    assert ask(db, "SELECT DISTINCT root FROM posts") == [(str(moved.resolve()),)]


def test_an_interrupt_keeps_what_was_read(tmp_path: Path, library: tuple[Path, Path]) -> None:
    posts, db = write(tmp_path / "posts", 12), tmp_path / "kb.db"

    def interrupt(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("read", 5):
            raise KeyboardInterrupt

    for workers in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            pipeline.build([posts], db, progress=interrupt, workers=workers)
        assert len(paths(db)) == 5 * workers
        assert lock_path(db).read_text("utf-8") == ""
    pipeline.build([posts], db)
    assert verify.run(db)[0] == []
    claims = "SELECT key, text, occurrence_count FROM claims ORDER BY key"
    assert ask(db, claims) == ask(library[1], claims)


def child(posts: Path, db: Path, workers: int, pause: str = "") -> subprocess.Popen[str]:
    """Start a build in another process that tells of each step, and waits for a line at stage `pause`."""
    script = db.parent / "child.py"
    script.write_text(CHILD, "utf-8")
    words = [sys.executable, str(script), str(posts), str(db), str(workers), pause]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lines_until(process: subprocess.Popen[str], wanted: Callable[[int, str], bool]) -> list[str]:
    """Read the child's lines up to the first that is wanted, given its number and text."""
    assert process.stdout is not None
    seen = []
    for number, line in enumerate(process.stdout):
        seen.append(line.strip())
        if wanted(number, seen[-1]):
            break
    return seen


@pytest.mark.parametrize(("before", "kills"), [(False, 10), (True, 5)], ids=["a new database", "an update"])
def test_a_build_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path, before: bool, kills: int) -> None:
    posts, start = write(tmp_path / "posts", 12), tmp_path / "before.db"
    if before:
        pipeline.build([posts], start, workers=1)
        edit(posts)
    pipeline.build([posts], tmp_path / "undisturbed.db", workers=1)
    expected = contents(tmp_path / "undisturbed.db")

    def database(name: str) -> Path:
        db = tmp_path / name / "kb.db"
        db.parent.mkdir()
        if before:
            shutil.copyfile(start, db)
        return db

    with child(posts, database("whole"), 1) as whole:
        steps = len(lines_until(whole, lambda _, line: line == "end"))
    stages, dice = set(), random.Random(20260101)
    for number in range(kills):
        moment = dice.randrange(number * (steps - 1) // kills, (number + 1) * (steps - 1) // kills)
        db = database(str(number))
        with child(posts, db, 1 + number % 2) as process:
            seen = lines_until(process, lambda at, _, moment=moment: at == moment)
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            process.stdout.read()  # ends when the last of its processes has let go of the pipe
        stages.add(seen[-1].split()[0])
        assert process.returncode == -signal.SIGKILL
        if db.exists():
            assert ask(db, "PRAGMA integrity_check") == [("ok",)]
            assert ask(db, "PRAGMA foreign_key_check") == []
        pipeline.build([posts], db, workers=1)
        assert contents(db) == expected, f"killed after {seen[-1]}"
        assert verify.run(db)[0] == []
    assert len(stages) > 2


def test_a_second_build_is_told_who_holds_the_lock_and_readers_read_on(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    (posts / "2025-post-01.md").write_text(text(1, extra="貯水池は満水である。"), "utf-8")
    with child(posts, db, 1, pause="read") as process:
        lines_until(process, lambda _, line: line.startswith("read"))
        holder = rf"process {process.pid} on .*since 2"
        with pytest.raises(LockedError, match=rf"kb\.db: another build is running \({holder}"):
            pipeline.build([posts], db)
        found = ask(db, "SELECT count(*) FROM claim_terms_fts WHERE claim_terms_fts MATCH '電力'")
        assert found[0][0] > 0
        process.kill()
    assert changes(pipeline.build([posts], db))[:2] == (0, 1)


def test_readers_see_the_last_commit_while_a_writer_writes(copy: tuple[Path, Path]) -> None:
    _, db = copy
    engine = schema.engine(db, writable=True)
    with closing(schema.connect(db)) as reader, engine.connect() as writer:
        before = reader.execute("SELECT count(*) FROM sentences").fetchone()
        with writer.begin():
            store.remove(writer, [1, 2, 3])
            assert reader.execute("SELECT count(*) FROM sentences").fetchone() == before
        assert reader.execute("SELECT count(*) FROM sentences").fetchone() < before
    engine.dispose()


def test_a_lock_that_is_free_is_taken_again(tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    for _ in range(2):
        with exclusive(db):
            assert f"process {os.getpid()} on " in lock_path(db).read_text("utf-8")
            with pytest.raises(LockedError, match=f"process {os.getpid()}"), exclusive(db):
                pass
    assert lock_path(db).read_text("utf-8") == ""


def test_full_text_is_whole_after_builds(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    (posts / "2025-post-03.md").unlink()
    pipeline.build([posts], db)
    with closing(schema.connect(db, writable=True)) as connection:
        assert fts.check(connection) == []


def test_posts_below_a_folder_that_cannot_be_listed_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "posts"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("港は古い。\n", "utf-8")
    (folder / "sub" / "b.md").write_text("船は少ない。\n", "utf-8")
    db = tmp_path / "kb.db"
    pipeline.build([folder], db, workers=1)
    listed = os.scandir

    def scandir(path: Any = ".") -> Any:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)  # the tests may run as root, whom no mode keeps out
    report = pipeline.build([folder], db, workers=1)
    assert report.counts["posts"] == 2
    assert [fault.reason for fault in report.faults] == ["folder cannot be read: Permission denied"]
