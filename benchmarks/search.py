"""Time searches of a database, and of copies of it grown to many claims.

    python benchmarks/search.py --db kb.db [--claims 350000] [QUERY ...]

With --claims, a copy is made in a temporary folder and filled up with varied
repeats of its own claims: the words of a repeat are those of one claim and a
part of another's, its vector theirs mixed, its post a copy of theirs. Prints one
JSON object: claims, seconds until the first answer, milliseconds of a search
(median, p95; first time, when posting lists are read, and again; and of
processor time, which a busy machine changes less), peak memory, and how many of
the exact ten nearest claims the semantic arm has among its ten.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

import kb
from kb import fts, schema, search
from kb.embeddings import adapted
from kb.search.index import SearchIndex
from kb.search.near import cosines

QUERIES = 60
TOP = 10


# What a copy of a row has that its original has not; {n} is the number of the copy, {o} the distance of its ids.
_POSTS = {"id": "id + {o}", "key": "key || '-{n}'", "path": "path || '-{n}'"}
_SENTENCES = {"id": "id + {o}", "post_id": "post_id + {o}"}
_CLAIMS = {"id": "id + {o}", "key": "key || '-{n}'", "text_hash": "text_hash || '-{n}'"}
_PLACES = {"sentence_id": "sentence_id + {o}", "claim_id": "claim_id + {o}", "post_id": "post_id + {o}"}
_COPIED = {"posts": _POSTS, "sentences": _SENTENCES, "claims": _CLAIMS, "occurrences": _PLACES}
_DISTANCE = 10_000_000


def grow(path: Path, size: int) -> None:
    """Copy posts and claims in the database at `path` until it has `size` claims or a few more; deterministic."""
    chance = np.random.default_rng(7)
    with closing(sqlite3.connect(path)) as conn:
        for name in ("ai", "ad", "au"):
            conn.execute(f"DROP TRIGGER IF EXISTS {fts.TABLE}_{name}")
        conn.execute("PRAGMA synchronous = OFF")
        rows = conn.execute(
            "SELECT c.id, c.text_hash, t.words, t.grams, e.vector, e.model_id FROM claims c"
            " JOIN claim_terms t ON t.claim_id = c.id JOIN embeddings e ON e.text_hash = c.text_hash"
            " JOIN models m ON m.id = e.model_id AND m.active ORDER BY c.id"
        ).fetchall()
        vectors = np.frombuffer(b"".join(row[4] for row in rows), "<f4").reshape(len(rows), -1)
        for turn in range(1, -(-size // len(rows))):
            for table, changed in _COPIED.items():
                _copy(conn, table, changed, turn)
            others = chance.permutation(len(rows))
            mixed = vectors + np.float32(0.5) * vectors[others]
            mixed /= np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)
            terms = (
                (row[0] + turn * _DISTANCE, *(_mix(row[column], rows[other][column]) for column in (2, 3)))
                for row, other in zip(rows, others, strict=True)
            )
            conn.executemany("INSERT INTO claim_terms(claim_id, words, grams, version) VALUES (?,?,?,0)", terms)
            conn.executemany(
                "INSERT INTO embeddings(model_id, text_hash, vector) VALUES (?,?,?)",
                ((row[5], f"{row[1]}-{turn}", made.tobytes()) for row, made in zip(rows, mixed, strict=True)),
            )
            conn.commit()
        _close_ranks(conn)
        fts.rebuild(conn)
        fts.optimize(conn)


def _copy(conn: sqlite3.Connection, table: str, changed: dict[str, str], turn: int) -> None:
    """Copy the first rows of a table, those below `_DISTANCE`."""
    columns = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
    values = [changed.get(name, f'"{name}"').format(n=turn, o=turn * _DISTANCE) for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    first = next(iter(changed))
    conn.execute(f"INSERT INTO {table}({names}) SELECT {', '.join(values)} FROM {table} WHERE {first} < {_DISTANCE}")


def _close_ranks(conn: sqlite3.Connection) -> None:
    """Number the claims from 1 on, as a build does: an id is a place in an array."""
    conn.execute("CREATE TEMP TABLE ranks AS SELECT row_number() OVER (ORDER BY id) AS rank, id FROM claims")
    conn.execute("CREATE INDEX temp.by_id ON ranks(id)")
    for table, column in (("claims", "id"), ("occurrences", "claim_id"), (fts.TABLE, "claim_id")):
        conn.execute(f"UPDATE {table} SET {column} = (SELECT rank FROM ranks WHERE ranks.id = {table}.{column})")
    conn.commit()


def _mix(one: str, other: str) -> str:
    """Return the terms of one claim and the first half of another's."""
    return f"{one} {other[: len(other) // 2].rpartition(' ')[0]}".strip()


def recall(index: SearchIndex, queries: npt.NDArray[np.float32]) -> float:
    """Return the share of the exact ten nearest claims that the semantic arm ranks among its ten."""
    if index.vectors is None:
        return 0.0
    every = np.ones(index.size, dtype=bool)
    shares = []
    for query in queries:
        exact = index.vectors @ query
        found = cosines(index.vectors, index.sketch, query, every, index.prior)
        first, second = (set(np.argsort(-scores * index.prior)[:TOP]) for scores in (exact, found))
        shares.append(len(first & second) / TOP)
    return statistics.mean(shares)


def questions(path: Path) -> list[str]:
    """Return queries made of a database: headings of its posts, evenly drawn."""
    with closing(schema.connect(path)) as conn:
        rows = conn.execute(
            "SELECT DISTINCT json_extract(headings, '$[#-1]') FROM passages WHERE json_array_length(headings) > 1"
        ).fetchall()
    texts = sorted({row[0] for row in rows if row[0] and 6 <= len(row[0]) <= 40})
    return texts[:: max(1, len(texts) // QUERIES)][:QUERIES]


def measure(path: Path, queries: list[str]) -> dict[str, float | int]:
    """Return the figures of a database: see the top of this file."""
    start = time.perf_counter()
    base = kb.open(path)
    base.search(queries[0])
    opened = time.perf_counter() - start
    times: list[list[float]] = []
    spent: list[list[float]] = []
    for _ in range(3):
        turn, worked = [], []
        for query in queries:
            begin, before = time.perf_counter(), time.process_time()
            base.search(query)
            turn.append((time.perf_counter() - begin) * 1000)
            worked.append((time.process_time() - before) * 1000)
        times.append(turn)
        spent.append(worked)
    again, cpu = times[1] + times[2], spent[1] + spent[2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    base.close()
    with closing(schema.connect(path)) as conn:
        index = search.load(conn)
    source = index.model.source if index.model else "default"
    encoder = adapted.load(source, lambda: closing(schema.connect(path)))
    vectors = encoder.encode(queries, kind="query")
    return {
        "claims": index.size,
        "queries": len(queries),
        "first_answer_s": round(opened, 2),
        "first_median_ms": round(statistics.median(times[0]), 1),
        "first_p95_ms": round(float(np.quantile(times[0], 0.95)), 1),
        "median_ms": round(statistics.median(again), 1),
        "p95_ms": round(float(np.quantile(again, 0.95)), 1),
        "first_cpu_p95_ms": round(float(np.quantile(spent[0], 0.95)), 1),
        "cpu_median_ms": round(statistics.median(cpu), 1),
        "cpu_p95_ms": round(float(np.quantile(cpu, 0.95)), 1),
        "peak_mb": round(peak),
        "recall10_semantic": round(recall(index, vectors), 4),
    }


def main() -> None:
    """Parse, grow, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="*", metavar="QUERY", help="headings of the posts, if none is given")
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--claims", type=int, default=0, help="grow a copy to so many claims")
    parser.add_argument("--keep", type=Path, help="make the copy here and leave it; one that is there is used")
    given = parser.parse_args()
    if not given.db.exists():
        sys.exit(f"{given.db}: no such file")
    queries = given.queries or questions(given.db)
    if not queries:
        sys.exit(f"{given.db}: has no headings to ask for; name queries")
    if not given.claims:
        print(json.dumps(measure(given.db, queries)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder, "kb.db")
        if not path.exists():
            shutil.copyfile(given.db, path)
            grow(path, given.claims)
        print(json.dumps(measure(path, queries)))


if __name__ == "__main__":
    main()
