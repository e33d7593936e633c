"""Writing claims: one row a distinct proposition, its words and counts those of its occurrences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from kb.models import (
    Claim,
    ClaimDate,
    ClaimEntity,
    ClaimTerms,
    ClaimTopic,
    Figure,
    Occurrence,
    Post,
    Sentence,
    StageState,
)
from kb.store.bulk import insert_rows
from kb.text import is_japanese, text_hash

_UNDATED = "9999"  # an occurrence without a date comes after those with one
_SAID = ("text", "text_hash", "kind", "certainty", "holder", "language")
_COUNTED = ("occurrence_count", "post_count", "first_date", "last_date")
_COMPARED = (*_SAID, *_COUNTED)


@dataclass(frozen=True, slots=True)
class Changes:
    """How many claims a write brought, changed in any column, and removed."""

    new: int = 0
    changed: int = 0
    removed: int = 0


def in_list(column: InstrumentedAttribute[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return `column IN values` for any number of values: SQLite limits parameters, not the length of JSON."""
    return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))


def claim_row(key: str, plain: str, kind: str, certainty: str, holder: str, language: str) -> dict[str, Any]:
    """Return a row of `claims` as its first sentence gives it; `key` that of its wording."""
    return {
        "key": key,
        "text": plain,
        "text_hash": text_hash(plain),
        "kind": kind,
        "certainty": certainty,
        "holder": holder,
        "language": language,
    }


def language(text: str) -> str:
    """Return the language that `text` is read in: "ja" or "en"."""
    return "ja" if is_japanese(text) else "en"


def put_claims(connection: Connection, wanted: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Insert the claims that are new; return the id of every key."""
    rows: dict[str, dict[str, Any]] = {}
    for row in wanted:
        rows.setdefault(row["key"], row)
    if not rows:
        return {}
    known = select(Claim.key, Claim.id).where(in_list(Claim.key, list(rows)))
    ids: dict[str, int] = {row.key: row.id for row in connection.execute(known)}
    following = int(connection.execute(select(func.coalesce(func.max(Claim.id), 0))).scalar_one()) + 1
    new = [
        {"id": following + i, "occurrence_count": 0, "post_count": 0, **row}
        for i, row in enumerate(row for key, row in rows.items() if key not in ids)
    ]
    insert_rows(connection, Claim, new)
    ids.update((row["key"], row["id"]) for row in new)
    return ids


def refresh(connection: Connection, touched: Iterable[int]) -> Changes:
    """Bring claims in line with their occurrences, and delete those that have none left.

    Words, labels and language are those of the earliest occurrence by date
    (none comes last), path and place: whatever the order in which posts were
    written, the claims come out the same. A claim whose words change loses its
    index terms and topics, and so stands in line for new ones.
    """
    ids = sorted(touched)
    if not ids:
        return Changes()
    # Who says a claim decides its neighbours: the links stage has something to do, whatever the claim's row says.
    connection.execute(delete(StageState).where(StageState.stage == "links"))
    held = [Claim.id, *(getattr(Claim, name) for name in _COMPARED)]
    stored = {row.id: row for row in connection.execute(select(*held).where(in_list(Claim.id, ids)))}
    updates: dict[tuple[str, ...], list[tuple[Any, ...]]] = {_COUNTED: [], _COMPARED: []}
    reworded, new = [], 0
    for claim_id, values in from_occurrences(connection, ids).items():
        old = stored.pop(claim_id)
        same_words = old.text == values["text"]
        values["text_hash"] = old.text_hash if same_words else text_hash(values["text"])
        values["language"] = old.language if same_words else language(values["text"])
        if any(getattr(old, name) != values[name] for name in _COMPARED):
            # A column that is set costs its index, other or not: of most claims only the counts are.
            columns: tuple[str, ...] = (
                _COUNTED if all(getattr(old, name) == values[name] for name in _SAID) else _COMPARED
            )
            updates[columns].append((*(values[name] for name in columns), claim_id))
            new += old.occurrence_count == 0
            if not same_words:
                reworded.append(claim_id)
    orphans = list(stored)
    # What stands around a claim may have changed with its post, and that decides topics too.
    stale = update(Claim).where(in_list(Claim.id, ids), Claim.topic_state.is_not(None))
    connection.execute(stale.values(topic_state=None))
    for columns, made in updates.items():
        if made:
            assignments = ", ".join(f"{name} = ?" for name in columns)
            connection.exec_driver_sql(f"UPDATE claims SET {assignments} WHERE id = ?", made)
    if reworded:
        connection.execute(update(Claim).where(in_list(Claim.id, reworded)).values(parts_state=None))
    if reworded or orphans:
        for model in (ClaimTerms, ClaimTopic, ClaimEntity, Figure, ClaimDate):
            connection.execute(delete(model).where(in_list(model.claim_id, reworded + orphans)))
        connection.execute(delete(Claim).where(in_list(Claim.id, orphans)))
    if orphans or new:
        connection.execute(delete(StageState))  # links went with the claims: no stage may think it has nothing to do
    return Changes(new, sum(map(len, updates.values())) - new, len(orphans))


def from_occurrences(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return words, labels, counts and dates of claims as their occurrences give them.

    Grouped here: window functions over the same rows take SQLite thirty times as long.
    """
    places = (
        select(Occurrence.claim_id, Post.date, Post.path, Occurrence.start, Occurrence.sentence_id)
        .join(Post, Post.id == Occurrence.post_id)
        .where(in_list(Occurrence.claim_id, ids))
    )
    groups: dict[int, list[tuple[str, str, int, int]]] = {}
    for claim_id, date, path, start, sentence_id in connection.execute(places):
        groups.setdefault(claim_id, []).append((date or _UNDATED, path, start, sentence_id))
    earliest = {claim_id: min(group) for claim_id, group in groups.items()}
    columns = (Sentence.id, Sentence.plain, Sentence.kind, Sentence.certainty, Sentence.holder)
    wanted = in_list(Sentence.id, [place[-1] for place in earliest.values()])
    words = {row.id: row for row in connection.execute(select(*columns).where(wanted))}
    found = {}
    for claim_id, group in groups.items():
        sentence = words[earliest[claim_id][-1]]
        dates = [place[0] for place in group if place[0] != _UNDATED]
        found[claim_id] = {
            "text": sentence.plain,
            "kind": sentence.kind,
            "certainty": sentence.certainty,
            "holder": sentence.holder,
            "occurrence_count": len(group),
            "post_count": len({place[1] for place in group}),
            "first_date": min(dates, default=None),
            "last_date": max(dates, default=None),
        }
    return found
