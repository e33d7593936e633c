"""Time the links stage: on a database, and on a copy of it grown to many claims.

    python benchmarks/links.py --db kb.db [--claims 350000]

With --claims, the database is copied into a temporary folder and filled up with
varied repeats of its own claims, as `benchmarks/search.py` does: a repeat has the
words of one claim and a part of another's, their vectors mixed, and a post of its
own. Prints one JSON object: for the database as it is, and for the grown copy,
the claims, the stage's wall and processor seconds (all processes), its peak
memory, rows made by type, and the same again after one post was changed; with
--claims also the ratio of processor seconds to that of claims, and how many of
the exact neighbours of a sample the cells found.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from search import grow

from kb import fts, schema
from kb.links import neighbours
from kb.links.limits import limits
from kb.pipeline import link_corpus, links
from kb.pipeline.pool import Workers
from kb.pipeline.report import Tally

SAMPLE = 300
_LINKED = ("neighbours", "links", "article_links")


def measure(db: Path, workers: int) -> dict[str, Any]:
    """Run the stage in a process of its own, so that its peak memory is its own; return the figures."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        figures = _run(db, workers)
        with os.fdopen(write, "w") as out:
            json.dump(figures, out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        figures = json.load(told)
    os.waitpid(child, 0)
    return dict(figures)


def _run(db: Path, workers: int) -> dict[str, Any]:
    engine = schema.engine(db, writable=True)
    wall = time.perf_counter()
    with Workers(workers) as crew:
        links.tie(engine, Tally(None), crew)
    seconds = time.perf_counter() - wall
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    with engine.connect() as connection:
        counts = {t: connection.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar_one() for t in ("claims", *_LINKED)}
    engine.dispose()
    return {
        **counts,
        "wall_s": round(seconds, 1),
        "cpu_s": round(sum(use.ru_utime + use.ru_stime for use in (own, others)), 1),
        "peak_mb": round(max(own.ru_maxrss, others.ru_maxrss) / 1024),
    }


def forget(db: Path) -> None:
    """Take away what the stage has made, so that it starts afresh."""
    with closing(schema.connect(db, writable=True)) as connection, connection:
        for table in _LINKED:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("UPDATE claims SET link_state = NULL")
        connection.execute("DELETE FROM verdicts WHERE rules LIKE 'links %'")
        connection.execute("DELETE FROM stage_states WHERE stage = 'links'")


def touch(db: Path) -> None:
    """Let the claims of one post look changed: what an edit of every sentence of a post costs."""
    with closing(schema.connect(db, writable=True)) as connection, connection:
        connection.execute(
            "UPDATE claims SET link_state = NULL WHERE id IN (SELECT claim_id FROM occurrences"
            " WHERE post_id = (SELECT max(post_id) FROM occurrences))"
        )
        connection.execute("DELETE FROM stage_states WHERE stage = 'links'")


def recall(db: Path) -> float:
    """Return the share of the exact neighbours of some claims that are among those stored."""
    engine = schema.engine(db)
    try:
        with engine.connect() as connection:
            model = connection.exec_driver_sql("SELECT id, dim FROM models WHERE active").one()
            corpus = link_corpus.read(connection, *model)
            pairs = connection.exec_driver_sql("SELECT claim_id, other_id FROM neighbours").fetchall()
    finally:
        engine.dispose()
    held: dict[int, set[int]] = {}
    for claim, other in pairs:
        held.setdefault(claim, set()).add(other)
    asked = np.zeros(len(corpus.ids), dtype=bool)
    able = np.flatnonzero(corpus.able)
    asked[able[:: max(1, len(able) // SAMPLE)]] = True
    whole = neighbours.Cells(np.zeros((len(corpus.ids), 0), dtype=np.int32), ())
    floor = neighbours.scale(corpus.claims).at(limits().neighbour)
    found = neighbours.nearest(corpus.claims, whole, floor, asked, corpus.able)
    row = np.repeat(np.flatnonzero(asked), found.counts)
    hits = sum(int(corpus.ids[b]) in held.get(int(corpus.ids[a]), ()) for a, b in zip(row, found.places, strict=True))
    return hits / max(1, len(row))


def grow_whole(db: Path, size: int) -> None:
    """Grow a database, the figures, dates and names of its claims too."""
    tables = ("figures", "claim_dates", "claim_entities")
    with closing(sqlite3.connect(db)) as connection, connection:
        for table in tables:
            connection.execute(f"CREATE TABLE kept_{table} AS SELECT c.key, t.* FROM {table} t"
                               " JOIN claims c ON c.id = t.claim_id")  # fmt: skip
            connection.execute(f"DELETE FROM {table}")
    grow(db, size)
    with closing(sqlite3.connect(db)) as connection, connection:
        # A repeat holds all words of its claim: without the first third of its own it is another claim, as posts have.
        connection.execute(f"DROP TRIGGER IF EXISTS {fts.TABLE}_au")
        copies = (
            "SELECT t.claim_id, t.words FROM claim_terms t JOIN claims c ON c.id = t.claim_id WHERE c.key LIKE '%-%'"
        )
        rows = [(" ".join(w.split()[len(w.split()) // 3 :]), i) for i, w in connection.execute(copies)]
        connection.executemany("UPDATE claim_terms SET words = ? WHERE claim_id = ?", rows)
        connection.execute("CREATE TEMP TABLE named AS SELECT id, substr(key, 1, 12) AS key FROM claims")
        connection.execute("CREATE INDEX temp.by_key ON named(key)")
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "claim_id"]
            names = ", ".join(f'"{name}"' for name in columns)
            values = ", ".join(f'k."{name}"' for name in columns)
            connection.execute(
                f"INSERT INTO {table} (claim_id, {names}) SELECT n.id, {values} FROM kept_{table} k"
                " JOIN named n ON n.key = k.key"
            )
            connection.execute(f"DROP TABLE kept_{table}")


def figures_of(db: Path, workers: int) -> dict[str, Any]:
    """Return the figures of a database: from nothing, again without a change, and after one post changed."""
    forget(db)
    whole = measure(db, workers)
    again = measure(db, workers)
    touch(db)
    return {**whole, "unchanged_wall_s": again["wall_s"], "one_post": measure(db, workers)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--claims", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "kb.db")
        with closing(schema.connect(given.db)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        load = round(os.getloadavg()[0], 1)
        told: dict[str, Any] = {"load_at_start": load, "as_it_is": figures_of(copy, given.workers)}
        if given.claims:
            grown = Path(folder, "grown.db")
            shutil.move(copy, grown)
            grow_whole(grown, given.claims)
            told["grown"] = figures_of(grown, given.workers)
            small, large = told["as_it_is"], told["grown"]
            told["cpu_ratio"] = round(large["cpu_s"] / small["cpu_s"], 1)
            told["claims_ratio"] = round(large["claims"] / small["claims"], 1)
            told["recall_of_cells"] = round(recall(grown), 3)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
