"""Hostile files are read, or refused with a reason, within bounds of memory and processor time.

Each is given to `kb annotate` in a process of its own that the system stops
when it takes more: no clock is asked, so a busy machine fails no test.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kb.posts.files import LARGEST

MEMORY = 3 << 30  # bytes of address space; the libraries alone map more than one
SECONDS = 60  # of processor time; each file below takes less than a quarter of it
LINE = "港の荷役は機械が担う。"


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read(path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "kb", "annotate", str(path), "--json"],
        capture_output=True,
        check=False,
        preexec_fn=_limit,
    )


def distinct(count: int) -> str:
    return "".join(f"第{i}号の港の荷役は、来年から機械が{i % 97}台で担う見込みだ。" for i in range(count))


READ: dict[str, Callable[[], str]] = {
    "one line of 1.5 MB, the same sentence": lambda: LINE * (1_500_000 // 33),
    "one line of 1 MB, all different": lambda: distinct(11_000),
    "one word of 4 MB": lambda: "あ" * 1_300_000,
    "one Latin word of 4 MB": lambda: "a" * 4_000_000,
    "two lines of 1 MB": lambda: (LINE * 30_000 + "\n\n") * 2,
    "10,000 separators": lambda: "---END---\n" * 10_000,
    "10,000 drafts of the same": lambda: f"{LINE}\n\n---END---\n\n" * 10_000,
    "2,000 drafts cut off": lambda: "".join(f"港の荷役は第{i}号の機械が担\n\n---END---\n\n" for i in range(2_000)),
    "3,000 empty drafts and one": lambda: "---END---\n\n" * 3_000 + LINE,
    "only emoji": lambda: "😀👍🏽" * 200_000,
    "lines of emoji": lambda: "😀👍\n" * 60_000,
    "quotes never closed": lambda: "「" * 500_000 + "閉じない。",
    "quotes nested, never closed": lambda: "「港は『静か（に" * 60_000,
    "quotes nested and closed": lambda: "「" * 200_000 + LINE + "」" * 200_000,
    "quotes in a row": lambda: "「港。」" * 30_000,
    "NUL": lambda: "\x00" * 500_000 + LINE,
    "control characters": lambda: "".join(map(chr, [*range(1, 32), *range(127, 160)])) * 5_000 + LINE,
    "right-to-left marks": lambda: ("\u202e右から。\u202c\u200f") * 30_000,
    "combining marks": lambda: "か" + "\u3099" * 300_000 + LINE,
    "lines with carriage returns": lambda: "港。\r\n" * 30_000,
    "blanks": lambda: " " * 2_000_000 + LINE,
    "blank lines": lambda: "\n" * 1_000_000 + LINE,
    "front matter never closed": lambda: "---\n" + "a: b\n" * 100_000,
    "front matter nested deeply": lambda: "---\na: " + "[" * 5_000 + "\n---\n" + LINE,
    "TOML nested deeply": lambda: "+++\na = " + "[" * 5_000 + "\n+++\n" + LINE,
    "front matter that holds itself": lambda: f"---\ntitle: 港\na: &a [*a]\n---\n{LINE}",
    "front matter that doubles": lambda: (
        "---\na0: &a0 [x, x]\n"
        + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
        + f"---\n{LINE}"
    ),
    "stars": lambda: "**" * 300_000 + LINE,
    "links never closed": lambda: "[a](b" * 60_000,
    "brackets": lambda: "[]()" * 20_000 + "x" + "[][]" * 20_000,
    "a run of underscores": lambda: "_" * 10_000 + "\\{:",
    "a run of backticks": lambda: LINE + "`" * 50_000 + LINE,
    "backticks of every length": lambda: "港".join("`" * i for i in range(300)),
    "brackets in what is not read": lambda: f"{LINE}\n\n[港]:\n/url\n'" + "[]" * 20_000 + "海'\n\n",
    "quotation marks of Markdown": lambda: "> " * 100_000 + LINE,
    "tags never closed": lambda: "<a " * 60_000,
    "liquid tags never closed": lambda: "{% if " * 60_000,
    "a table of 100,000 cells": lambda: "|a" * 100_000 + "\n" + "|-" * 100_000 + "\n",
    "a list of 6,000 items": lambda: "".join(f"- 第{i}の港は静かだ。\n" for i in range(6_000)),
    "10,000 headings": lambda: "".join(f"# 第{i}の港\n\n" for i in range(10_000)),
    "dots": lambda: "..." * 200_000 + LINE,
    "end marks": lambda: "。" * 300_000,
    "initials": lambda: "A. " * 100_000,
}


@pytest.mark.parametrize("text", READ.values(), ids=list(READ))
def test_hostile_text_is_read(text: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    path.write_bytes(text().encode("utf-8"))
    done = read(path)
    assert done.returncode == 0, done.stderr[-2000:]
    notes = json.loads(done.stdout)
    source = path.read_bytes().decode("utf-8")
    assert all("".join(source[a:b] for a, b in s["spans"]) == s["text"] for s in notes["sentences"])


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "one line of 20 MB": (lambda: (LINE * (20_000_000 // 33)).encode(), "larger than 5 MB"),
    "lone surrogates": (lambda: b"\xed\xa0\x80" + LINE.encode(), "not UTF-8"),
    "bytes of no encoding": (lambda: bytes(range(128, 256)) * 1000, "not UTF-8"),
    "half a UTF-16 file": (lambda: b"\xff\xfe" + LINE.encode("utf-16-le")[:-1], "begins as utf-16-le"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_hostile_file_is_refused_in_one_line(data: Callable[[], bytes], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    path.write_bytes(data())
    done = read(path)
    assert (done.returncode, done.stdout) == (1, b"")
    message = done.stderr.decode("utf-8")
    assert message.startswith(f"kb: {path}: ")
    assert reason in message
    assert message.count("\n") == 1


def test_no_more_of_a_file_is_read_than_is_needed_to_refuse_it(tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    with path.open("wb") as file:
        file.truncate(8 * MEMORY)  # a hole: it takes no place on the disk
    done = read(path)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert f"larger than {LARGEST // 1_000_000} MB".encode() in done.stderr


def test_a_lone_surrogate_in_utf_16_is_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    path.write_bytes(b"\xff\xfe" + "港。".encode("utf-16-le") + b"\x00\xd8" + "海。".encode("utf-16-le"))
    done = read(path)
    assert done.returncode == 1
    assert b"begins as utf-16-le but breaks" in done.stderr
