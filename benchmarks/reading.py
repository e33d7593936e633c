"""Time the reading of posts against what SudachiPy alone needs to tokenise the same text once.

    python benchmarks/reading.py [FOLDER ...] [--repeat N] [--profile N]

Reads every Markdown file below the folders (`kb.posts.load`, then
`kb.annotate`), one after another in this process, and drops each before the
next. Prints one JSON object: posts, characters, seconds of both, their ratio,
and the peak memory of this process before and after. The best of N rounds
counts, for other work on the machine only ever adds. Ratios can be compared
between machines, seconds cannot.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import sys
import time
from pathlib import Path

from kb.config import resource as shipped
from kb.posts import Found, find, load
from kb.reading import annotate

PIECE = 10_000  # code points; Sudachi refuses more than 49,149 bytes at once


def tokenise(posts: list[Found]) -> tuple[float, int]:
    """Return the seconds that Sudachi (mode A, normalised forms) needs, its dictionary loaded, and the characters."""
    from sudachipy import SplitMode, dictionary

    tokenizer = dictionary.Dictionary(dict="core").create(mode=SplitMode.A)
    tokenizer.tokenize("港")
    seconds = 0.0
    characters = 0
    for post in posts:
        text = load(post.file, post.path).text
        characters += len(text)
        start = time.perf_counter()
        for line in text.split("\n"):
            for place in range(0, len(line), PIECE):
                for word in tokenizer.tokenize(line[place : place + PIECE]):
                    word.normalized_form()
        seconds += time.perf_counter() - start
    return seconds, characters


def read(posts: list[Found]) -> float:
    """Return the seconds that loading and reading all posts take."""
    start = time.perf_counter()
    for post in posts:
        annotate(load(post.file, post.path).text)
    return time.perf_counter() - start


def peak() -> int:
    """Return the peak memory of this process so far, in MiB (as Linux counts it)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def profile(posts: list[Found], lines: int) -> None:
    """Print the functions that reading spends most time in, to stderr."""
    profiler = cProfile.Profile()
    profiler.runcall(read, posts)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(lines)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[shipped("data", "posts")], metavar="FOLDER")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds; the best counts")
    parser.add_argument("--profile", type=int, default=0, metavar="N", help="also print the N costliest functions")
    options = parser.parse_args()
    posts = find(options.folders)[0]
    annotate("港は静かだ。")  # tables and dictionary are loaded once a process, whatever is read
    before = peak()
    reading = read(posts)
    after = peak()  # before tokenise() loads the dictionary a second time
    tokenised, characters = tokenise(posts)
    for _ in range(options.repeat - 1):
        reading = min(reading, read(posts))
        tokenised = min(tokenised, tokenise(posts)[0])
    figures = {
        "posts": len(posts),
        "characters": characters,
        "tokenise_s": round(tokenised, 2),
        "read_s": round(reading, 2),
        "read_over_tokenise": round(reading / tokenised, 2),
        "start_mib": before,
        "peak_mib": after,
    }
    print(json.dumps(figures))
    if options.profile:
        profile(posts, options.profile)


if __name__ == "__main__":
    main()
