"""Reading the structured parts of claims: names, figures, dates."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

from sqlalchemy import Engine

from kb import fts, parts, store
from kb.config import resource
from kb.pipeline.pool import Workers
from kb.pipeline.report import Tally
from kb.store import Along, PartRows, PostRows
from kb.text import tokens
from kb.topics.phrases import phrases

PARTS_VERSION = 5  # raise it when the same claim would give other parts
_BATCH = 500
_FEW = 4
Batch = tuple[str, Sequence[tuple[int, str, str]]]
_TABLES = ("dates.toml", "entities.toml", "figures.toml", "synonyms.yml", "relate/units.toml")


def read_parts(engine: Engine, tally: Tally, workers: Workers) -> None:
    """Read the parts of the claims whose words, date or tables have changed."""
    state = fingerprint()
    with engine.connect() as connection:
        rows = connection.execute(store.claims_without_parts(state))
        pending = [(claim, text, date) for claim, text, date in rows]
    batches: list[Batch] = [(state, pending[i : i + _BATCH]) for i in range(0, len(pending), _BATCH)]
    done = 0
    for made in workers.each(parts_of_batch, batches, here=len(batches) < _FEW):
        with engine.begin() as connection:
            store.put_parts(connection, made)
        done += len(made)
        tally.told("parts", done, len(pending))
    with engine.begin() as connection:
        store.settle_entities(connection)


@cache
def fingerprint() -> str:
    """Return a fingerprint of all that decides the parts of a claim, its text and date aside."""
    files = [resource("data", *name.split("/")).read_bytes() for name in _TABLES]
    return hashlib.blake2b(b"\0".join([str(PARTS_VERSION).encode(), *files]), digest_size=8).hexdigest()


def parts_of_batch(batch: Batch) -> list[PartRows]:
    """Return the parts of (state, claims as (id, text, first date)). Runs in any process."""
    state, claims = batch
    return [_parts(claim, text, date, state) for claim, text, date in claims]


def along(post: PostRows, state: str) -> tuple[Along, ...]:
    """Return terms and parts of the claims of a post, while their words are at hand. Runs in any process."""
    date = post.post["date"] or ""
    found = []
    for claim in (sentence["claim"] for sentence in post.sentences if sentence["claim"]):
        words, grams = fts.terms(claim["text"])
        named = tuple((p.text, p.key, p.specific) for p in phrases(claim["text"]))
        found.append(Along(claim["text_hash"], words, grams, _parts(0, claim["text"], date, state), named))
    return tuple(found)


def _parts(claim: int, text: str, date: str, state: str) -> PartRows:
    """Return the parts of one claim."""
    said = dt.date.fromisoformat(date[:10]) if date else None
    days = parts.dates(text, said)
    found = parts.figures(text, [(d.start, d.end) for d in days])
    names = []
    for m in parts.entities(text, tokens(text)):
        entity = {"key": m.key, "name": m.name, "kind": m.kind, "listed": m.listed}
        names.append(({"start": m.start, "end": m.end, "text": m.text}, entity))
    return PartRows(
        claim,
        f"{date} {state}",
        tuple(names),
        tuple(asdict(figure) for figure in found),
        tuple(
            {
                "start": d.start,
                "end": d.end,
                "text": d.text,
                "first": d.first.isoformat() if d.first else None,
                "last": d.last.isoformat() if d.last else None,
                "relative": d.relative,
            }
            for d in days
        ),
    )
