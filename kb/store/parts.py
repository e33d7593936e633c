"""Writing the structured parts of claims: names, figures, dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from kb.models import Claim, ClaimDate, ClaimEntity, ClaimTerms, Entity, Figure
from kb.store.bulk import insert_rows
from kb.store.claims import in_list
from kb.store.stages import put_terms

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PartRows:
    """The parts of one claim as table rows without its id; `names` carry their entity's row."""

    claim_id: int
    state: str
    names: tuple[tuple[Row, Row], ...]
    figures: tuple[Row, ...]
    dates: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Along:
    """What was read of a claim's words together with its post, so that it need not be read again.

    `parts` has no claim yet; `words` and `grams` are its index terms. `phrases` are its noun phrases (as written,
    folded, specific), which are not stored: topics are discovered in them, if any are in this build.
    """

    text_hash: str
    words: str
    grams: str
    parts: PartRows
    phrases: tuple[tuple[str, str, bool], ...] = ()


def put_along(connection: Connection, read: Iterable[Along], version: int) -> None:
    """Write terms and parts for the claims that have these words and lack them.

    A claim whose words or date are another post's is left to the stages that follow.
    """
    by_hash = {along.text_hash: along for along in read}
    wanted = (
        select(Claim.id, Claim.text_hash, Claim.first_date, Claim.parts_state, ClaimTerms.version)
        .outerjoin(ClaimTerms, ClaimTerms.claim_id == Claim.id)
        .where(in_list(Claim.text_hash, list(by_hash)), Claim.stock.is_(False))
    )
    terms, made = [], []
    for row in connection.execute(wanted).all():
        along = by_hash[row.text_hash]
        if row.version != version:
            terms.append((row.id, along.words, along.grams))
        date, _, state = along.parts.state.partition(" ")
        if date == (row.first_date or "") and row.parts_state != f"{date} {state}":
            made.append(replace(along.parts, claim_id=row.id))
    put_terms(connection, terms, version)
    if made:
        put_parts(connection, made)


def claims_without_parts(state: str) -> Select[int, str, str]:
    """Select (id, text, first_date) of the claims whose parts were not read by `state` and their date."""
    wanted = func.coalesce(Claim.first_date, "").op("||")(f" {state}")
    return (
        select(Claim.id, Claim.text, func.coalesce(Claim.first_date, ""))
        .where(or_(Claim.parts_state.is_(None), Claim.parts_state != wanted), Claim.stock.is_(False))
        .order_by(Claim.id)
    )


def put_parts(connection: Connection, made: Sequence[PartRows]) -> int:
    """Write the parts of claims in place of those they had; return how many parts."""
    ids = [part.claim_id for part in made]
    for model in (ClaimEntity, Figure, ClaimDate):
        connection.execute(delete(model).where(in_list(model.claim_id, ids)))
    entities = _entities(connection, (entity for part in made for _, entity in part.names))
    rows: dict[type[ClaimEntity | Figure | ClaimDate], list[Row]] = {ClaimEntity: [], Figure: [], ClaimDate: []}
    for part in made:
        for mention, entity in part.names:
            rows[ClaimEntity].append({"claim_id": part.claim_id, "entity_id": entities[entity["key"]], **mention})
        rows[Figure].extend({"claim_id": part.claim_id, **row} for row in part.figures)
        rows[ClaimDate].extend({"claim_id": part.claim_id, **row} for row in part.dates)
    for model, values in rows.items():
        insert_rows(connection, model, values)
    for state in {part.state for part in made}:
        same = [part.claim_id for part in made if part.state == state]
        connection.execute(update(Claim).where(in_list(Claim.id, same)).values(parts_state=state))
    return sum(len(values) for values in rows.values())


def _entities(connection: Connection, wanted: Iterable[Row]) -> dict[str, int]:
    """Insert the entities that are new; return the id of every key."""
    rows = {row["key"]: row for row in wanted}
    if not rows:
        return {}
    connection.execute(upsert(Entity).on_conflict_do_nothing(index_elements=["key"]), list(rows.values()))
    found = connection.execute(select(Entity.key, Entity.id).where(in_list(Entity.key, list(rows))))
    return {row.key: row.id for row in found}


def settle_entities(connection: Connection) -> int:
    """Delete the entities that no claim names any more; return how many.

    An entity that is not listed is called by its commonest spelling, the
    smallest of equals, whatever the order in which claims were read.
    """
    gone = connection.execute(delete(Entity).where(Entity.id.not_in(select(ClaimEntity.entity_id)))).rowcount
    spellings = (
        select(ClaimEntity.entity_id, ClaimEntity.text, func.count().label("n"))
        .join(Entity, Entity.id == ClaimEntity.entity_id)
        .where(Entity.listed.is_(False))
        .group_by(ClaimEntity.entity_id, ClaimEntity.text)
    )
    best: dict[int, tuple[int, str]] = {}
    for entity, text, n in connection.execute(spellings):
        if entity not in best or (-n, text) < best[entity]:
            best[entity] = (-n, text)
    unlisted = select(Entity.id, Entity.name).where(Entity.listed.is_(False))
    names = {row.id: row.name for row in connection.execute(unlisted)}
    for entity, (_, text) in best.items():
        if names[entity] != text:
            connection.execute(update(Entity).where(Entity.id == entity).values(name=text))
    return gone
