"""Time `kb build` against what SudachiPy alone needs to tokenise the same posts once.

    python benchmarks/build.py [FOLDER ...]

Prints one JSON object: posts, characters, seconds and their ratio for a first
build into an empty database and for a second one that finds nothing to do, and
the peak memory of the builds. Ratios can be compared between machines, seconds
cannot.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kb.config import resource as shipped
from kb.posts import find, load

PIECE = 10_000  # code points; Sudachi refuses more than 49,149 bytes at once


def tokenise(texts: list[str]) -> float:
    """Return the seconds that Sudachi (mode A, normalised forms) needs for `texts`, its dictionary loaded."""
    from sudachipy import SplitMode, dictionary

    tokenizer = dictionary.Dictionary(dict="core").create(mode=SplitMode.A)
    start = time.perf_counter()
    for text in texts:
        for line in text.split("\n"):
            for place in range(0, len(line), PIECE):
                for word in tokenizer.tokenize(line[place : place + PIECE]):
                    word.normalized_form()
    return time.perf_counter() - start


def build(folders: list[Path], db: Path) -> float:
    """Return the seconds that `kb build` needs as a command, from start to exit; 1 means that it skipped a file."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "kb", "build", *map(str, folders), "--db", str(db)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return time.perf_counter() - start


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[shipped("data", "posts")], metavar="FOLDER")
    folders = parser.parse_args().folders
    texts = [load(found.file, found.path).text for found in find(folders)[0]]
    floor = tokenise(texts)
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "kb.db")
        first, again = build(folders, db), build(folders, db)
        size = db.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # the largest process, in MiB on Linux
    figures = {
        "posts": len(texts),
        "characters": sum(map(len, texts)),
        "tokenise_s": round(floor, 2),
        "build_s": round(first, 2),
        "build_over_tokenise": round(first / floor, 2),
        "rebuild_s": round(again, 2),
        "rebuild_over_tokenise": round(again / floor, 2),
        "peak_mib": round(peak),
        "database_mb": round(size / 1e6, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
