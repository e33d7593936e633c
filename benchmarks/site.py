"""Time the pages of the site, and let fifty readers use it at once.

    python benchmarks/site.py --db kb.db [--claims 350000] [--readers 50 --seconds 60]

The site is served by `kb serve` in a process of its own. Prints one JSON object:
for each kind of page its size, the longest time of those asked for first, the
median of Server-Timing after that, and the mean of the server's own processor
time, which other programs disturb less; the seconds until the map was laid out;
then what the readers saw: pages, errors, median and 95th percentile. A reader
asks for a page drawn at random, reads for one to three seconds (--pause), and
asks for the next. With --claims, a copy of the database is grown to so many
claims first (see search.py), topics and names with it; --keep names the copy, and
uses it when it is there.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from search import grow

TURNS = 15
QUERIES = ("データセンターの電力", "AI人材の不足", "韓国 半導体", "再生可能エネルギーは足りるか", "規制と著作権")
_TICK = os.sysconf("SC_CLK_TCK")
_PARTS = {
    "claim_topics": ("topic_id", "score", "evidence"),
    "claim_entities": ("start", '"end"', "entity_id", "text"),
    "figures": ("start", '"end"', "text", "dimension", "unit", "low", "high", "bound"),
}
_TIES = (("links", "a_id", "b_id", "relation, score, evidence"), ("neighbours", "claim_id", "other_id", "score"))


def grown(source: Path, target: Path, size: int) -> None:
    """Copy a database and fill the copy up to `size` claims, with what they are about."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    grow(target, size)
    about(source, target)


def about(source: Path, target: Path) -> None:
    """Give every claim of a grown copy the topics, names and figures of the claim it was made of."""
    with closing(sqlite3.connect(target)) as conn:
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("ATTACH ? AS source", (str(source),))
        conn.execute(
            "CREATE TEMP TABLE copies AS SELECT o.id AS old, n.id AS new FROM main.claims n JOIN source.claims o"
            " ON o.key = iif(instr(n.key, '-'), substr(n.key, 1, instr(n.key, '-') - 1), n.key)"
        )
        conn.execute("CREATE INDEX temp.by_old ON copies(old)")
        for table, columns in _PARTS.items():
            names = ", ".join(columns)
            values = ", ".join(f"t.{name}" for name in columns)
            conn.execute(f"DELETE FROM main.{table}")
            conn.execute(
                f"INSERT INTO main.{table}(claim_id, {names}) SELECT c.new, {values} FROM source.{table} t"
                " JOIN copies c ON c.old = t.claim_id"
            )
        conn.execute(  # ties stay among the originals, whose pages are measured
            "CREATE TEMP TABLE same AS SELECT c.old, c.new FROM copies c JOIN main.claims n ON n.id = c.new"
            " WHERE NOT instr(n.key, '-')"
        )
        conn.execute("CREATE UNIQUE INDEX temp.by_same ON same(old)")
        for table, one, other, rest in _TIES:
            conn.execute(f"DELETE FROM main.{table}")
            conn.execute(
                f"INSERT INTO main.{table}({one}, {other}, {rest}) SELECT a.new, b.new, {rest} FROM source.{table} t"
                f" JOIN same a ON a.old = t.{one} JOIN same b ON b.old = t.{other}"
            )
        conn.commit()
        conn.execute("ANALYZE")


@contextmanager
def served(db: Path) -> Iterator[tuple[str, int]]:
    """Serve a database; yield host and port, and the number of the process."""
    command = [sys.executable, "-m", "kb", "serve", "--db", str(db), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise SystemExit(f"the site did not start: {line}")
        try:
            yield urlsplit(found[0]).netloc, process.pid
        finally:
            process.terminate()


def pages(db: Path) -> dict[str, list[str]]:
    """Return addresses by kind of page: of topics, articles and names those with most claims."""
    with closing(sqlite3.connect(db)) as conn:

        def keys(sql: str) -> list[str]:
            return [str(key) for (key,) in conn.execute(sql)]

        topics = keys(
            "SELECT slug FROM topics JOIN claim_topics ON topic_id = id GROUP BY id ORDER BY count(*) DESC LIMIT 5"
        )
        posts = keys(
            "SELECT key FROM posts p JOIN occurrences o ON o.post_id = p.id WHERE instr(key, '-') = 0 GROUP BY p.id"
            " ORDER BY count(*) DESC LIMIT 40"
        )
        claims = keys("SELECT key FROM claims WHERE instr(key, '-') = 0 ORDER BY post_count DESC, id LIMIT 40")
        names = keys(
            "SELECT key FROM entities JOIN claim_entities ON entity_id = id GROUP BY id ORDER BY count(*) DESC LIMIT 5"
        )
    return {
        "home": ["/"],
        "search": [f"/-/search?q={quote(query)}" for query in QUERIES],
        "search.json": [f"/-/search.json?q={quote(query)}" for query in QUERIES],
        "topic": [f"/topic/{key}" for key in topics],
        "article": [f"/article/{key}" for key in posts],
        "original": [f"/article/{key}?original=1" for key in posts[:10]],
        "claim": [f"/claim/{key}" for key in claims],
        "entity": [f"/entity/{key}" for key in names],
        "topics": ["/topics"],
        "conflicts": ["/conflicts"],
        "duplicates": ["/duplicates"],
        "map": ["/map"],
    }


def cpu(process: int) -> float:
    """Return the milliseconds of processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / _TICK


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, int, float]:
    """Return status, bytes sent over the line, and milliseconds by Server-Timing."""
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Accept-Language": "ja"})
    answer = connection.getresponse()
    body = answer.read()
    told = re.search(r"dur=([\d.]+)", answer.headers.get("server-timing", ""))
    return answer.status, len(body), float(told[1]) if told else 0.0


def timed(address: str, process: int, kinds: dict[str, list[str]]) -> dict[str, Any]:
    """Return by kind of page its bytes and median times, each address asked once before it counts."""
    found: dict[str, Any] = {}
    connection = http.client.HTTPConnection(address, timeout=600)
    started = time.perf_counter()
    ask(connection, "/-/map.bin")
    found["map_laid_out_s"] = round(time.perf_counter() - started, 1)
    for kind, paths in kinds.items():
        first = [ask(connection, path) for path in paths]
        took, used = [], []
        for turn in range(max(TURNS, len(paths))):
            before = cpu(process)
            status, _, milliseconds = ask(connection, paths[turn % len(paths)])
            if status != 200:
                raise SystemExit(f"{paths[turn % len(paths)]}: status {status}")
            took.append(milliseconds)
            used.append(cpu(process) - before)
        found[kind] = {
            "kilobytes_sent": round(max(size for _, size, _ in first) / 1000, 1),
            "first_ms": round(max(milliseconds for *_, milliseconds in first), 1),
            "median_ms": round(statistics.median(took), 1),
            "mean_cpu_ms": round(statistics.mean(used), 1),  # ticks are ten milliseconds long
        }
    connection.close()
    return found


def load(address: str, kinds: dict[str, list[str]], readers: int, seconds: float, pause: float) -> dict[str, Any]:
    """Return what so many readers saw in so many seconds."""
    every = [path for kind, paths in kinds.items() if kind != "map" for path in paths[:5]]
    until = time.perf_counter() + seconds
    took: list[float] = []
    errors: list[str] = []

    def read(number: int) -> None:
        chance = random.Random(number)
        connection = http.client.HTTPConnection(address, timeout=60)
        time.sleep(chance.random() * pause)
        while time.perf_counter() < until:
            path = chance.choice(every)
            begin = time.perf_counter()
            try:
                status, _, _ = ask(connection, path)
                if status != 200:
                    errors.append(f"{status} {path}")
            except OSError as error:
                errors.append(f"{error} {path}")
                connection.close()
            took.append((time.perf_counter() - begin) * 1000)
            time.sleep(pause * (0.5 + chance.random()))
        connection.close()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    return {
        "readers": readers,
        "seconds": seconds,
        "pause_s": pause,
        "pages": len(took),
        "errors": len(errors),
        "first_errors": errors[:3],
        "median_ms": round(statistics.median(took), 1),
        "p95_ms": round(took[int(0.95 * len(took))], 1),
    }


def main() -> None:
    """Grow, serve, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--claims", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=2)
    given = parser.parse_args()
    if not given.db.exists():
        sys.exit(f"{given.db}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        db = given.db
        if given.claims:
            db = given.keep or Path(folder) / "grown.db"
            if not db.exists():
                part = db.with_name(db.name + ".part")
                grown(given.db, part, given.claims)
                shutil.move(part, db)
        with closing(sqlite3.connect(db)) as conn:
            counts = {name: conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("posts", "claims")}
        with served(db) as (address, process):
            kinds = pages(db)
            result = {**counts, "pages": timed(address, process, kinds)}
            if given.readers and given.seconds:
                result["load"] = load(address, kinds, given.readers, given.seconds, given.pause)
    print(json.dumps(result, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
