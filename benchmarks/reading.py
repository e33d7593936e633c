"""Time the reading of posts against what SudachiPy alone needs to tokenise the same text once.

    python benchmarks/reading.py [FOLDER ...] [--repeat N] [--profile N]

Of every Markdown file below the folders first SudachiPy tokenises the text
(mode A, normalised forms), then the post is read (`kb.posts.load`, then
`kb.annotate`), in this process; each post is dropped before the next. What
counts is the time that the processor worked, and the two take turns post by
post, so that other work on the machine slows both alike. Prints one JSON
object: posts, characters, seconds of both, their ratio (`read_over_tokenise`:
of each post the best of N rounds; `first_round`: words, patterns and
dictionary met for the first time), and the peak memory of this process before
and after. Ratios can be compared between machines, seconds cannot.
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
from typing import Any

from kb.config import resource as shipped
from kb.posts import Found, find, load
from kb.reading import annotate
from kb.text import sudachi

PIECE = 10_000  # code points; Sudachi refuses more than 49,149 bytes at once


def tokenise(text: str, tokenizer: Any) -> float:
    """Return the processor's seconds that SudachiPy needs for the normalised forms of `text`."""
    start = time.process_time()
    for line in text.split("\n"):
        for place in range(0, len(line), PIECE):
            for word in tokenizer.tokenize(line[place : place + PIECE]):
                word.normalized_form()
    return time.process_time() - start


def read(post: Found) -> float:
    """Return the processor's seconds that loading and reading a post take."""
    start = time.process_time()
    annotate(load(post.file, post.path).text)
    return time.process_time() - start


def take_turns(posts: list[Found], tokenizer: Any) -> list[tuple[float, float]]:
    """Return the seconds of tokenising and of reading each post."""
    return [(tokenise(load(post.file, post.path).text, tokenizer), read(post)) for post in posts]


def peak() -> int:
    """Return the peak memory of this process so far, in MiB (as Linux counts it)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def profile(posts: list[Found], lines: int) -> None:
    """Print the functions that reading spends most time in, to stderr."""
    profiler = cProfile.Profile()
    profiler.runcall(lambda: [read(post) for post in posts])
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(lines)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[shipped("data", "posts")], metavar="FOLDER")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds; the best of each post counts")
    parser.add_argument("--profile", type=int, default=0, metavar="N", help="also print the N costliest functions")
    options = parser.parse_args()
    posts = find(options.folders)[0]
    tokenizer = sudachi("A")
    annotate("港は静かだ。")  # tables and dictionary are loaded once a process, whatever is read
    before = peak()
    first = best = take_turns(posts, tokenizer)
    after = peak()
    for _ in range(options.repeat - 1):
        times = take_turns(posts, tokenizer)
        best = [(min(a, c), min(b, d)) for (a, b), (c, d) in zip(best, times, strict=True)]
    tokenised, reading = (sum(times) for times in zip(*best, strict=True))
    first_tokenised, first_reading = (sum(times) for times in zip(*first, strict=True))
    figures = {
        "posts": len(posts),
        "characters": sum(len(load(post.file, post.path).text) for post in posts),
        "tokenise_s": round(tokenised, 2),
        "read_s": round(reading, 2),
        "read_over_tokenise": round(reading / tokenised, 2),
        "first_round": round(first_reading / first_tokenised, 2),
        "start_mib": before,
        "peak_mib": after,
    }
    print(json.dumps(figures))
    if options.profile:
        profile(posts, options.profile)


if __name__ == "__main__":
    main()
