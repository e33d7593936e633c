"""Two embedding models of a database side by side: do they find the same claims, and which finds the better ones."""

from __future__ import annotations

import json
import math
import sqlite3
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kb import schema
from kb.errors import SourceError, UsageError
from kb.pipeline.encoders import complete_row
from kb.text import fold, text_hash

Vectors = npt.NDArray[np.float32]
Grades = Mapping[str, Mapping[str, float]]

TOP = 10
_DEEP = 20  # results looked through for judged ones
_ROWS = 8_192  # vectors held in memory at once
_PART = 12  # characters from which on a text may be found inside another one that was judged
_CLAIMS = "SELECT DISTINCT text_hash, text FROM claims WHERE NOT stock"
_VECTORS = (
    "SELECT text_hash, vector FROM embeddings "
    "WHERE model_id = ? AND text_hash IN (SELECT text_hash FROM claims WHERE NOT stock)"
)
_HEADINGS = (
    "SELECT DISTINCT s.plain FROM sentences s JOIN passages p ON p.id = s.passage_id "
    "WHERE p.kind = 'heading' AND length(s.plain) > 1"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and the name by which judgements know it."""

    qid: str
    text: str


def compare(
    db: Path, a: str, b: str, *, queries: Path | None = None, qrels: Path | None = None, sample: int = 100
) -> dict[str, Any]:
    """Search all claims with two models, exactly, by meaning alone, and tell how the results differ.

    Args:
        db: the database; it holds complete vectors of both.
        a: name of a model.
        b: name of another one.
        queries: records {"q", "qid"} a line; without it headings of the posts are asked.
        qrels: judgements {"qid", "text", "grade"} a line; without them no nDCG is told.
        sample: at most so many headings, always the same ones.

    Returns:
        `queries`, `overlap` (mean share of the first ten results that are the
        same), `models` (dim, vectors, ms_per_query, and with judgements ndcg10
        over the judged results, as Sakai 2007 condenses lists, and `unjudged`,
        the share of the first ten without a judgement) and `each` query's overlap.

    Raises:
        NotFoundError: the database holds no such model.
        ModelError: vectors are missing, or a model cannot be loaded.
        SourceError: a file cannot be read.
        UsageError: nothing to ask.
    """
    if qrels is not None and queries is None:
        raise UsageError("--qrels: give the queries that it judges too, with --queries")
    engine = schema.engine(db)
    try:
        with engine.connect() as connection:
            rows = [complete_row(connection, db, name) for name in (a, b)]
    finally:
        engine.dispose()
    with closing(schema.connect(db)) as plain:
        asked = _questions(queries) if queries is not None else _headings(plain, sample)
        if not asked:
            raise UsageError(f"{queries or db}: holds nothing to ask; give --queries FILE")
        grades = _grades(qrels) if qrels is not None else None
        texts = dict(plain.execute(_CLAIMS).fetchall())
        if not texts:
            raise UsageError(f"{db}: holds no claims to search; run: kb build SOURCE --db {db}")
        found, models = [], {}
        for row in rows:
            best, told = _search(plain, row, [one.text for one in asked])
            found.append(best)
            models[row.name] = told
            if grades is not None:
                models[row.name] |= _quality(asked, best, texts, grades)
    most = min(TOP, len(texts))
    overlaps = [len(set(x[:TOP]) & set(y[:TOP])) / most for x, y in zip(*found, strict=True)]
    return {
        "queries": len(asked),
        "overlap": statistics.mean(overlaps),
        "models": models,
        "each": [{"q": one.text, "overlap": share} for one, share in zip(asked, overlaps, strict=True)],
    }


def _search(plain: sqlite3.Connection, row: Any, queries: Sequence[str]) -> tuple[list[list[str]], dict[str, Any]]:
    """Return the hashes of the best texts for each query, best first, and what is to be said of the model."""
    from kb.embeddings import adapted

    encoder = adapted.load(row.source, lambda: nullcontext(plain))
    encoder.encode(queries[:1], kind="query")  # what is loaded late is no part of a query's time
    start = time.perf_counter()
    asked = encoder.encode(queries, kind="query")
    seconds = time.perf_counter() - start
    scores = np.zeros((len(queries), 0), np.float32)
    keys = np.zeros((len(queries), 0), dtype="<U32")
    count = 0
    for names, vectors in _chunks(plain, row.id):
        count += len(names)
        scores = np.hstack([scores, asked @ vectors.T])
        keys = np.hstack([keys, np.broadcast_to(names, (len(queries), len(names)))])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :_DEEP]
        scores, keys = np.take_along_axis(scores, order, 1), np.take_along_axis(keys, order, 1)
    told = {"dim": row.dim, "vectors": count, "ms_per_query": round(seconds * 1000 / len(queries), 3)}
    return keys.tolist(), told


def _chunks(plain: sqlite3.Connection, model_id: int) -> Iterator[tuple[npt.NDArray[np.str_], Vectors]]:
    """Yield (text hashes, vectors) of a model, some thousands at a time."""
    cursor = plain.execute(_VECTORS, (model_id,))
    while rows := cursor.fetchmany(_ROWS):
        blobs = b"".join(row[1] for row in rows)
        yield np.array([row[0] for row in rows]), np.frombuffer(blobs, "<f4").reshape(len(rows), -1)


def _headings(plain: sqlite3.Connection, sample: int) -> list[Question]:
    """Return headings of the posts: by their hash, so at random, but the same ones each time."""
    texts = sorted((row[0] for row in plain.execute(_HEADINGS)), key=text_hash)
    return [Question(text, text) for text in texts[:sample]]


def _questions(path: Path) -> list[Question]:
    """Return the queries in a file."""
    return [Question(str(row.get("qid", row["q"])), str(row["q"])) for row in _records(path, ("q",))]


def _grades(path: Path) -> dict[str, dict[str, float]]:
    """Return the grade of each text, folded, by query."""
    found: dict[str, dict[str, float]] = {}
    for row in _records(path, ("qid", "text", "grade")):
        grade = row["grade"]
        if not isinstance(grade, int | float):
            raise SourceError(path, f"grade {grade!r} is no number")
        found.setdefault(str(row["qid"]), {})[fold(str(row["text"]))] = float(grade)
    return found


def _records(path: Path, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file, a line each."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise SourceError(path, "is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise SourceError(path, f"cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise SourceError(path, f"line {number} is no JSON object") from None
        missing = [key for key in keys if not isinstance(row, dict) or key not in row]
        if missing:
            raise SourceError(path, f"line {number} has no {missing[0]!r}")
        yield row


def _quality(
    asked: Sequence[Question], best: Sequence[Sequence[str]], texts: Mapping[str, str], grades: Grades
) -> dict[str, float | None]:
    """Return nDCG@10 over the judged results, and how many of the first ten were not judged."""
    ndcg, unjudged = [], []
    for one, hashes in zip(asked, best, strict=True):
        judged = grades.get(one.qid)
        if not judged or max(judged.values()) <= 0:
            continue
        gains = [_grade(fold(texts[key]), judged) for key in hashes]
        ideal = _dcg(sorted(judged.values(), reverse=True)[:TOP])
        ndcg.append(_dcg([gain for gain in gains if gain is not None][:TOP]) / ideal)
        unjudged.append(statistics.mean(gain is None for gain in gains[:TOP]))
    if not ndcg:
        return {"ndcg10": None, "unjudged": None}
    return {"ndcg10": statistics.mean(ndcg), "unjudged": statistics.mean(unjudged)}


def _grade(text: str, judged: Mapping[str, float]) -> float | None:
    """Return the grade of a text, or the best one of those that it holds or stands in; None where it has none."""
    if text in judged:
        return judged[text]
    if len(text) < _PART:
        return None
    return max((g for t, g in judged.items() if len(t) >= _PART and (t in text or text in t)), default=None)


def _dcg(gains: Sequence[float]) -> float:
    return sum((2**gain - 1) / math.log2(place + 2) for place, gain in enumerate(gains))
