"""The encoder: how fast it is, what training on posts costs, and how well both do on labelled files.

    python benchmarks/encoder.py --pairs PAIRS.jsonl --docs DOCS.jsonl --queries QUERIES.jsonl --qrels QRELS.tsv
    python benchmarks/encoder.py --db kb.db          # what training a copy on its posts takes and gives

Pairs: {"sentence1", "sentence2", "label"} a line. Documents: {"doc_id", "text"}; queries: {"query_id", "text"};
qrels: query, document and grade between tabs, with a heading. A document is as near as its nearest sentence.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import kb
from kb import schema
from kb.embeddings import Encoder, adapt, judged
from kb.embeddings.encoder import Vectors, unit
from kb.pipeline import derive, held_back
from kb.pipeline.heard import Heard
from kb.pipeline.pool import Workers
from kb.pipeline.train import train

_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]*[」』）)]*")


def main() -> None:
    """Print a table of what the given files allow to be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="what kb.encoder takes")
    for name in ("--pairs", "--docs", "--queries", "--qrels", "--db"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    encoder = kb.encoder(given.model)
    print(f"{'encoder':<24}{encoder.name} {encoder.revision}")
    if given.pairs:
        for name, value in on_pairs(encoder, lines(given.pairs)):
            print(f"{name:<24}{value}")
    if given.docs and given.queries and given.qrels:
        found = on_documents(encoder, lines(given.docs), lines(given.queries), qrels(given.qrels))
        print(f"{'nDCG@10 of documents':<24}{found:.4f}")
    if given.db:
        for name, value in (*on_posts(given.db), *on_judged(given.db)):
            print(f"{name:<24}{value}")


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def qrels(path: Path) -> dict[str, set[str]]:
    """Return the relevant documents of each query."""
    found: dict[str, set[str]] = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        if float(grade) > 0:
            found.setdefault(query, set()).add(document)
    return found


def on_pairs(encoder: Encoder, pairs: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield Spearman's correlation with the labels, and sentences a second of processor time, vocabulary met before."""
    first, second = (encoder.encode([pair[side] for pair in pairs]) for side in ("sentence1", "sentence2"))
    told = spearmanr((first * second).sum(axis=1), [float(pair["label"]) for pair in pairs])[0]
    yield "Spearman", f"{told:.4f} on {len(pairs):,} pairs"
    texts = [pair["sentence1"] for pair in pairs]
    start = time.process_time()
    encoder.encode(texts)
    yield "sentences a second", f"{len(texts) / (time.process_time() - start):,.0f}"


def on_documents(
    encoder: Encoder, docs: list[dict[str, Any]], queries: list[dict[str, Any]], wanted: dict[str, set[str]]
) -> float:
    """Return the mean nDCG@10 of queries that have a relevant document, grades taken as 0 and 1."""
    pieces = [(doc["doc_id"], text) for doc in docs for text in _SENTENCE.findall(doc["text"].split("[SEP]", 1)[-1])]
    names = sorted({name for name, _ in pieces})
    order = {name: place for place, name in enumerate(names)}
    places = np.array([order[name] for name, _ in pieces])
    vectors = encoder.encode([text for _, text in pieces], kind="document")
    total, asked = 0.0, [query for query in queries if wanted.get(query["query_id"])]
    for query, vector in zip(asked, encoder.encode([one["text"] for one in asked], kind="query"), strict=True):
        best = np.full(len(names), -2.0, np.float32)
        np.maximum.at(best, places, vectors @ vector)
        right = wanted[query["query_id"]]
        ranked = [names[place] in right for place in np.argsort(-best, kind="stable")[:10]]
        gain = sum(hit / math.log2(rank + 2) for rank, hit in enumerate(ranked))
        total += gain / sum(1 / math.log2(rank + 2) for rank in range(min(10, len(right))))
    return total / len(asked)


def cpu_seconds() -> float:
    """Return what this process and its ended children have used."""
    return sum(os.times()[:4])


def on_posts(db: Path) -> Iterator[tuple[str, str]]:
    """Yield what training on the posts of a copy of `db` takes and changes; `db` itself stays."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        with closing(sqlite3.connect(db)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
        start = cpu_seconds()
        report = train(copy)
        yield "training, CPU seconds", f"{cpu_seconds() - start:.1f}, reading all words and embedding included"
        yield "pairs learnt", f"{report.pairs:,}"
        yield "held-back MRR", f"{report.before:.3f} -> {report.after:.3f}"
        if report.found_before is not None:
            yield "found under headings", f"nDCG@10 {report.found_before:.3f} -> {report.found_after:.3f}"
        yield "kept", "yes" if report.kept else "no"


def on_judged(db: Path) -> Iterator[tuple[str, str]]:
    """Yield how well pairs that merging judged are told apart, if every other one of them is taught."""
    engine = schema.engine(db)
    texts, pairs = held_back.neighbours(engine)
    alike, unlike = held_back.judged_pairs(engine, {text: place for place, text in enumerate(texts)})
    engine.dispose()
    heard, vocabulary = Heard(), dict[str, int]()
    with Workers() as workers:
        said = adapt.counted(map(heard.words, heard.hear(texts, workers)), vocabulary)
        start = derive.word_vectors(list(vocabulary), workers)
    fitted = adapt.fit(start, said, pairs)
    taught = judged.taught(fitted, said, alike[::2], unlike[::2])
    yield "judged pairs", f"{len(alike):,} alike, {len(unlike):,} vetoed; every other one taught"
    for name, table in (("default", start), ("fitted", fitted), ("taught", taught)):
        near, far = (cosines(table, said, some[1::2]) for some in (alike, unlike))
        share = float((near[:, None] > far[None, :]).mean())
        yield (
            f"told apart, {name}",
            f"{share:.3f} of times an alike pair is nearer than a vetoed one, none of them taught",
        )


def cosines(table: Vectors, texts: adapt.Texts, pairs: adapt.Pairs) -> Vectors:
    """Return the cosine of each pair of texts."""
    found: Vectors = np.einsum("ij,ij->i", *(unit(texts[pairs[:, side]] @ table) for side in (0, 1)))
    return found


if __name__ == "__main__":
    main()
