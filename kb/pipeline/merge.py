"""Making claims of wordings: near duplicates are found, judged, and merged unless something vetoes.

What was judged is remembered by pair, so that a small change costs little; what
is merged is worked out anew from all verdicts, so that an updated database and
a fresh one come out the same. What is alike and not merged is for the links
stage, which comes later and knows names and vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from kb import dedup, links, parts, store
from kb.config import resource
from kb.pipeline.pool import Workers
from kb.pipeline.report import Tally
from kb.records import Relation
from kb.store import WordingRow
from kb.text import fold, tokens

STAGE = "merge"
RULES_VERSION = 6  # raise it when the same pair would be judged differently by code
ALIKE = 0.5  # 3-grams in common, of all, from which two wordings are judged
_BATCH = 100
_SIGNED = 2_000
_FEW = 4

Pair = tuple[str, str]


def merge(engine: Engine, tally: Tally, workers: Workers) -> None:
    """Bring claims and merges in line with the wordings that posts hold now."""
    rules = rules_fingerprint()
    with engine.connect() as connection:
        state = hashlib.blake2b((rules + store.wording_state(connection)).encode(), digest_size=16).hexdigest()
        if store.state(connection, STAGE) == state:
            return
        wordings = store.wordings(connection)
        known = store.verdicts(connection, rules)
    pairs = _pairs(wordings, workers)
    _judge(engine, wordings, [pair for pair in pairs if pair not in known], rules, tally, workers)
    with engine.begin() as connection:
        store.drop_verdicts(connection, set(known) - set(pairs))
        judged = store.verdicts(connection, rules)
        merges = grouped([w.key for w in wordings], judged, store.splits(connection))
        store.put_merges(connection, wordings, [(m.wording, m.into, m.score, m.evidence) for m in merges])
        _mark_stock(connection)
        store.put_state(connection, STAGE, state)
    tally.add(merged=len(merges))


def grouped(ordered: Sequence[str], judged: Mapping[Pair, Relation], splits: Collection[Pair]) -> list[dedup.Merge]:
    """Return the merges that make claims of wordings; no claim holds two wordings that contradict each other.

    A wording may say the same as the first of a group and contradict another of
    it: it stands for itself then, or merging would hide the contradiction.

    Args:
        ordered: the keys of all wordings, earliest said first.
        judged: what was judged, by pairs of keys.
        splits: pairs that readers have set apart.
    """
    same = [(a, b, r.score, r.evidence) for (a, b), r in judged.items() if r.relation == "same"]
    against = sorted(pair for pair, r in judged.items() if r.relation == "conflict")
    place = {key: at for at, key in enumerate(ordered)}
    apart = set(splits)
    while True:
        merges = dedup.group(ordered, same, apart)
        into = {merge.wording: merge.into for merge in merges}
        hidden = [(a, b) for a, b in against if a in place and b in place and into.get(a, a) == into.get(b, b)]
        if not hidden:
            return merges
        for pair in hidden:
            later = max(pair, key=place.__getitem__)
            apart.add((later, into[later]))


def rules_fingerprint() -> str:
    """Return a fingerprint of all that decides a verdict: the tables a linguist edits, and the code's version."""
    files = sorted([*resource("data", "relate").glob("*.toml"), resource("data", "synonyms.yml")])
    parts = [str(RULES_VERSION).encode(), *(path.read_bytes() for path in files)]
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()


def _pairs(wordings: Sequence[WordingRow], workers: Workers) -> list[Pair]:
    """Return the pairs of wordings worth judging, each in order of its keys."""

    def sign(texts: Sequence[str]) -> Any:
        batches = [texts[i : i + _SIGNED] for i in range(0, len(texts), _SIGNED)]
        return np.concatenate(list(workers.each(links.signatures, batches, here=len(batches) < _FEW)))

    keys = [w.key for w in wordings]
    found = links.candidates(keys, [fold(w.text) for w in wordings], ALIKE, sign)
    return sorted({(min(keys[i], keys[j]), max(keys[i], keys[j])) for i, j in found if keys[i] != keys[j]})


def _judge(
    engine: Engine, wordings: Sequence[WordingRow], pairs: Sequence[Pair], rules: str, tally: Tally, workers: Workers
) -> None:
    """Judge pairs and remember the verdicts, a batch a transaction."""
    text = {w.key: w.text for w in wordings}
    batches = [[(a, b, text[a], text[b]) for a, b in pairs[i : i + _BATCH]] for i in range(0, len(pairs), _BATCH)]
    done = 0
    for made in workers.each(judge_batch, batches, here=len(batches) < _FEW):
        with engine.begin() as connection:
            done += store.put_verdicts(connection, made, rules)
        tally.told(STAGE, done, len(pairs))


@lru_cache(maxsize=4096)
def _prepared(text: str) -> links.Prepared:
    return links.prepare(text)


def judge_batch(batch: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, str, Relation]]:
    """Judge (key, key, text, text) of each pair. Runs in any process."""
    return [(a, b, links.judge(_prepared(x), _prepared(y))) for a, b, x, y in batch]


def _mark_stock(connection: Connection) -> None:
    """Mark what stands in many posts and names nothing; unmark what no longer does."""
    posts = store.counts(connection)["posts"]
    stock: list[int] = []
    plain: list[int] = []
    for claim, spread, text, marked in store.spread(connection):
        prepared = _prepared(text)
        names = parts.entities(text, tokens(text))  # those of links also count AI and other common nouns
        specifics = len(prepared.quantities) + len(prepared.dates) + len(names)
        wanted = dedup.is_stock(spread, posts, specifics)
        if wanted != marked:
            (stock if wanted else plain).append(claim)
    store.mark_stock(connection, stock, plain)
