"""Searching, from threads and from another process, while a build reads, merges and embeds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import posts_for_tests

import kb

NEW = "潮の満ち引きで回る新しい水車が、岬の計算施設に電気を送り始めた。"
# Asks until the parent, done with building, says so on standard input; then once more.
ASKING = (
    "import select, sys, kb\n"
    "base, asked = kb.open(sys.argv[1]), 0\n"
    "while not select.select([sys.stdin], [], [], 0)[0]:\n"
    "    base.search('計算施設の電力'); base.search('水車', group='post'); asked += 1\n"
    "print(asked, base.search('岬の水車')[0].text)\n"
)


def build(posts: Path, db: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kb", "build", str(posts), "--db", str(db)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)


def asking(db: Path, query: str, still: Callable[[], bool]) -> int:
    asked = 0
    with kb.open(db) as own:
        while still() or not asked:
            own.search(query, limit=5)
            asked += 1
    return asked


def test_threads_and_processes_search_while_a_build_runs(tmp_path: Path) -> None:
    posts, db = posts_for_tests.write(tmp_path / "posts", 4), tmp_path / "kb.db"
    assert build(posts, db).wait() == 0
    for number in range(3):
        file = posts / f"2025-post-{number:02}.md"
        file.write_text(posts_for_tests.text(number, extra=NEW if number == 1 else "", title="改めた題"), "utf-8")
    with (
        kb.open(db) as shared,
        subprocess.Popen(
            [sys.executable, "-c", ASKING, str(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
        ThreadPoolExecutor(4) as pool,
    ):
        assert shared.search("岬の水車", mode="keyword") == [] or NEW not in [h.text for h in shared.search("岬の水車")]
        building = build(posts, db)
        running = [
            pool.submit(asking, db, "電力の消費", lambda: building.poll() is None),
            pool.submit(lambda: [shared.search(["電力", "容量"], mode="keyword") for _ in range(20)]),
            pool.submit(lambda: [shared.search("施設の電力", group="post") for _ in range(20)]),
        ]
        assert building.wait() == 0
        assert all(future.result() for future in running)
        assert NEW in [hit.text for hit in shared.search("岬の水車", limit=3)]
        told, _ = other.communicate("done\n")
    asked, _, text = told.strip().partition(" ")
    assert (other.returncode, int(asked) > 0, text) == (0, True, NEW)
