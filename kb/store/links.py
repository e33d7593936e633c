"""Neighbours, ties of claims and of articles, and readers' reviews: reading them, and writing what changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from kb.models import ArticleLink, Claim, Link, Neighbour, Post, Review, Verdict
from kb.store.bulk import insert_rows, insert_tuples, read_rows, table_of, to_json
from kb.store.claims import in_list
from kb.store.stages import now

Ids = npt.NDArray[np.int64]
Pair = tuple[str, str]

_AT_ONCE = 20_000
_VECTORS_AT_ONCE = 2_000
_CLAIMS = (
    "SELECT c.id, c.key, c.text_hash, c.link_state, c.parts_state, t.words FROM claims c"
    " JOIN claim_terms t ON t.claim_id = c.id WHERE NOT c.stock ORDER BY c.key"
)
_SAID = "SELECT DISTINCT claim_id, post_id FROM occurrences"
_VECTORS = "SELECT text_hash, vector FROM embeddings WHERE model_id = ?"
_NAMES = (
    "SELECT ce.claim_id, e.key, ce.text FROM claim_entities ce JOIN entities e ON e.id = ce.entity_id"
    " ORDER BY ce.claim_id, ce.start"
)
_FIGURES = "SELECT claim_id, dimension, low, high, text FROM figures ORDER BY claim_id, start"
_DATES = "SELECT claim_id, first, last, text FROM claim_dates WHERE first IS NOT NULL ORDER BY claim_id, start"
_AROUND = (
    "SELECT o.claim_id, p.title, pa.headings FROM occurrences o JOIN posts p ON p.id = o.post_id"
    " JOIN sentences s ON s.id = o.sentence_id JOIN passages pa ON pa.id = s.passage_id"
    " WHERE o.claim_id IN (SELECT value FROM json_each(?)) ORDER BY o.claim_id, p.path, o.start"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """The neighbours that the database holds: claim, neighbour and cosine, row by row."""

    claims: Ids
    others: Ids
    scores: npt.NDArray[np.float64]


def claims_to_link(connection: Connection) -> Iterator[tuple[int, str, str, str | None, str, str]]:
    """Yield (id, key, text_hash, link_state, parts_state, words) of every claim that is no stock phrase, by key."""
    for id_, key, text_hash, state, parts, words in read_rows(connection, _CLAIMS):
        yield id_, key, text_hash, state, parts or "", words


def said_in(connection: Connection) -> tuple[list[str], dict[int, list[int]]]:
    """Return the paths of all posts in order, and the places in them of those that make each claim, by its id."""
    rows = connection.execute(select(Post.path, Post.id).order_by(Post.path)).all()
    place = {row.id: at for at, row in enumerate(rows)}
    found: dict[int, list[int]] = {}
    for claim, post in read_rows(connection, _SAID):
        found.setdefault(claim, []).append(place[post])
    for posts in found.values():
        posts.sort()
    return [row.path for row in rows], found


def fill_vectors(connection: Connection, model_id: int, places: Mapping[str, Sequence[int]], into: Any) -> int:
    """Copy the vectors of a model into the rows of `into` that each text's hash leads to; return how many rows."""
    filled = 0
    cursor = connection.exec_driver_sql(_VECTORS, (model_id,))
    while some := cursor.fetchmany(_VECTORS_AT_ONCE):
        found = [(place, blob) for text_hash, blob in some for place in places.get(text_hash, ())]
        if found:
            rows, blobs = zip(*found, strict=True)
            into[list(rows)] = np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(rows), -1)
            filled += len(rows)
    return filled


def neighbours(connection: Connection) -> Stored:
    """Return all neighbours, as ids."""
    parts = [np.zeros((0, 3))]
    cursor = connection.exec_driver_sql("SELECT claim_id, other_id, score FROM neighbours")
    while rows := cursor.fetchmany(_AT_ONCE):
        parts.append(np.array([tuple(row) for row in rows], dtype=np.float64))
    table = np.concatenate(parts)
    return Stored(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2])


def put_neighbours(connection: Connection, old: Stored, new: Stored) -> int:
    """Write the neighbours that changed, and delete those that are none any more; return how many rows changed."""
    size = int(max((int(x.max()) for s in (old, new) for x in (s.claims, s.others) if len(x)), default=0)) + 1
    old_keys, new_keys = old.claims * size + old.others, new.claims * size + new.others
    order = np.argsort(old_keys)
    at = np.minimum(np.searchsorted(old_keys[order], new_keys), max(0, len(old_keys) - 1))
    held = np.zeros(len(new_keys), dtype=bool)
    if len(old_keys):
        held = (old_keys[order][at] == new_keys) & (old.scores[order][at] == new.scores)
    gone = ~np.isin(old_keys, new_keys[held])
    rows = list(zip(old.claims[gone].tolist(), old.others[gone].tolist(), strict=True))
    for start in range(0, len(rows), _AT_ONCE):
        statement = "DELETE FROM neighbours WHERE claim_id = ? AND other_id = ?"
        connection.exec_driver_sql(statement, rows[start : start + _AT_ONCE])
    fresh = np.flatnonzero(~held)
    fresh = fresh[np.argsort(new_keys[fresh])]  # in the order of the primary key, which SQLite writes fastest
    for start in range(0, len(fresh), _AT_ONCE):
        part = fresh[start : start + _AT_ONCE]
        columns = (new.claims[part].tolist(), new.others[part].tolist(), new.scores[part].tolist())
        made = list(zip(*columns, strict=True))
        insert_tuples(connection, table_of(Neighbour), ("claim_id", "other_id", "score"), made)
    return len(rows) + len(fresh)


def put_link_states(connection: Connection, states: Sequence[tuple[str | None, int]]) -> None:
    """Note what the neighbours of claims were found with: (state, claim id)."""
    for start in range(0, len(states), _AT_ONCE):
        part = states[start : start + _AT_ONCE]
        connection.exec_driver_sql("UPDATE claims SET link_state = ? WHERE id = ?", list(part))


def clear_stock(connection: Connection) -> None:
    """Forget the neighbours' state of stock phrases, which have none."""
    connection.execute(update(Claim).where(Claim.stock, Claim.link_state.is_not(None)).values(link_state=None))


def names_of(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """Yield (claim id, entity key, words) of every name in a claim, in order."""
    yield from read_rows(connection, _NAMES)


def figures_of(connection: Connection) -> Iterator[tuple[int, str, float, float | None, str]]:
    """Yield (claim id, dimension, low, high, words) of every figure, in order."""
    yield from read_rows(connection, _FIGURES)


def dates_of(connection: Connection) -> Iterator[tuple[int, str, str, str]]:
    """Yield (claim id, first day, last day, words) of every date whose days are known, in order."""
    for claim, first, last, words in read_rows(connection, _DATES):
        yield claim, first, last or first, words


def around(connection: Connection, claim_ids: Collection[int]) -> dict[int, str]:
    """Return the titles and headings that claims stand under, joined by line breaks, by claim id."""
    found: dict[int, dict[str, None]] = {}
    for claim, title, headings in read_rows(connection, _AROUND, json.dumps(sorted(claim_ids))):
        found.setdefault(claim, {}).update(dict.fromkeys((title, *json.loads(headings))))
    return {claim: "\n".join(texts) for claim, texts in found.items()}


def claim_texts(connection: Connection, claim_ids: Collection[int]) -> dict[int, str]:
    """Return the words of claims by their ids."""
    rows = connection.execute(select(Claim.id, Claim.text).where(in_list(Claim.id, sorted(claim_ids))))
    return {row.id: row.text for row in rows}


def holders(connection: Connection, claim_ids: Collection[int]) -> dict[int, str]:
    """Return who makes each of some claims, by their ids."""
    rows = connection.execute(select(Claim.id, Claim.holder).where(in_list(Claim.id, sorted(claim_ids))))
    return {row.id: row.holder for row in rows}


def claims_of_wordings(connection: Connection) -> dict[str, int]:
    """Return the id of the claim that each wording belongs to."""
    return dict(read_rows(connection, "SELECT DISTINCT wording, claim_id FROM occurrences"))


def post_ids(connection: Connection) -> dict[str, int]:
    """Return the id of each post by its path."""
    return dict(read_rows(connection, "SELECT path, id FROM posts"))


def links(connection: Connection) -> dict[tuple[int, int], tuple[str, float, tuple[str, ...]]]:
    """Return (relation, score, evidence) of every tie by its two claim ids."""
    rows = read_rows(connection, "SELECT a_id, b_id, relation, score, evidence FROM links")
    return {(a, b): (relation, score, tuple(json.loads(evidence))) for a, b, relation, score, evidence in rows}


def change_links(
    connection: Connection,
    gone: Iterable[tuple[int, int]],
    fresh: Mapping[tuple[int, int], tuple[str, float, Sequence[str]]],
) -> None:
    """Delete ties and write others, by their two claim ids; one that is to be written otherwise is also deleted."""
    rows = list(gone)
    for start in range(0, len(rows), _AT_ONCE):
        statement = "DELETE FROM links WHERE a_id = ? AND b_id = ?"
        connection.exec_driver_sql(statement, rows[start : start + _AT_ONCE])
    made = [(a, b, relation, score, to_json(evidence)) for (a, b), (relation, score, evidence) in fresh.items()]
    for start in range(0, len(made), _AT_ONCE):
        part = made[start : start + _AT_ONCE]
        insert_tuples(connection, table_of(Link), ("a_id", "b_id", "relation", "score", "evidence"), part)


def article_links(connection: Connection) -> dict[tuple[int, int], tuple[float, int, list[list[int]]]]:
    """Return (score, shared, ties) of every tie of two articles by their post ids."""
    rows = connection.execute(
        select(ArticleLink.a_id, ArticleLink.b_id, ArticleLink.score, ArticleLink.shared, ArticleLink.ties)
    )
    return {(row.a_id, row.b_id): (row.score, row.shared, row.ties) for row in rows}


def change_article_links(
    connection: Connection,
    gone: Iterable[tuple[int, int]],
    fresh: Mapping[tuple[int, int], tuple[float, int, list[list[int]]]],
) -> None:
    """Delete ties of articles and write others in place of what there was, by their two post ids."""
    rows = [{"one": a, "two": b} for a, b in (*gone, *fresh)]
    if rows:
        both = (ArticleLink.a_id == bindparam("one"), ArticleLink.b_id == bindparam("two"))
        connection.execute(delete(ArticleLink).where(*both), rows)
    made = [
        {"a_id": a, "b_id": b, "score": score, "shared": shared, "ties": ties}
        for (a, b), (score, shared, ties) in fresh.items()
    ]
    insert_rows(connection, ArticleLink, made)


def drop_verdicts_but(connection: Connection, stage: str, rules: str) -> None:
    """Forget what a stage judged by other rules than these; its rules begin with its name."""
    connection.execute(delete(Verdict).where(Verdict.rules.startswith(f"{stage} "), Verdict.rules != rules))


def put_review(connection: Connection, pair: Pair, state: str, note: str) -> None:
    """Note what a reader said of a conflict between two wordings, in place of what was said before."""
    a, b = sorted(pair)
    statement = upsert(Review).values(a=a, b=b, state=state, note=note, created=now())
    kept = {name: statement.excluded[name] for name in ("state", "note", "created")}
    connection.execute(statement.on_conflict_do_update(index_elements=["a", "b"], set_=kept))


def drop_review(connection: Connection, pair: Pair) -> int:
    """Forget what was said of a conflict; return how many reviews that were."""
    a, b = sorted(pair)
    return connection.execute(delete(Review).where(Review.a == a, Review.b == b)).rowcount
