"""Wordings and the claims they make: verdicts, merges, and readers' splits."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from kb.models import (
    Claim,
    ClaimDate,
    ClaimEntity,
    ClaimTerms,
    ClaimTopic,
    Figure,
    Merge,
    Occurrence,
    Post,
    Split,
    StageState,
    Verdict,
)
from kb.records import Relation
from kb.store.bulk import read_rows
from kb.store.claims import Changes, claim_row, in_list, language, put_claims, refresh
from kb.store.stages import now

_UNDATED = "9999"
_WORDINGS = (
    "SELECT o.wording, p.date, p.path, o.start, s.id, s.plain, s.kind, s.certainty, s.holder FROM occurrences o"
    " JOIN posts p ON p.id = o.post_id JOIN sentences s ON s.id = o.sentence_id"
)
_PRESENT = "SELECT DISTINCT o.wording, c.key, o.claim_id FROM occurrences o JOIN claims c ON c.id = o.claim_id"


@dataclass(frozen=True, slots=True)
class WordingRow:
    """A wording as it was said first: its key, its words, and what they were labelled."""

    key: str
    text: str
    kind: str
    certainty: str
    holder: str

    def claim(self) -> dict[str, Any]:
        """Return the row of the claim that it would make by itself."""
        return claim_row(self.key, self.text, self.kind, self.certainty, self.holder, language(self.text))


def wordings(connection: Connection) -> list[WordingRow]:
    """Return every wording, earliest said first (by date, none last; then path and place)."""
    first: dict[str, tuple[tuple[str, str, int, int], WordingRow]] = {}
    for key, date, path, start, sentence, *said in read_rows(connection, _WORDINGS):
        place = (date or _UNDATED, path, start, sentence)
        if key not in first or place < first[key][0]:
            first[key] = (place, WordingRow(key, *said))
    return [row for _, row in sorted(first.values(), key=lambda item: (item[0][:3], item[1].key))]


def merged_into(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    """Return the wording that each of `keys` was merged into, of those that were."""
    rows = connection.execute(select(Merge.wording, Merge.into).where(in_list(Merge.wording, list(keys))))
    return {row.wording: row.into for row in rows}


def splits(connection: Connection) -> list[tuple[str, str]]:
    """Return the pairs of wordings that readers have set apart."""
    return [(row.a, row.b) for row in connection.execute(select(Split.a, Split.b).order_by(Split.a, Split.b))]


def split(connection: Connection, claim_key: str) -> int:
    """Set apart the wordings that were merged into a claim, each from every other; return how many there were.

    The next merge stage respects it; `unsplit` takes it back.
    """
    merged = connection.execute(select(Merge.wording).where(Merge.into == claim_key)).scalars().all()
    members = sorted((claim_key, *merged))
    made = [{"a": a, "b": b, "created": now()} for a, b in combinations(members, 2)]
    if made:
        connection.execute(upsert(Split).on_conflict_do_nothing(), made)
    return len(merged)


def unsplit(connection: Connection, claim_key: str) -> int:
    """Take back the split that a wording is in; return how many wordings may be merged again."""
    other = case((Split.a == claim_key, Split.b), else_=Split.a)
    mine = or_(Split.a == claim_key, Split.b == claim_key)
    members = [claim_key, *connection.execute(select(other).where(mine)).scalars()]
    connection.execute(delete(Split).where(in_list(Split.a, members), in_list(Split.b, members)))
    return len(members) - 1


def verdicts(connection: Connection, rules: str) -> dict[tuple[str, str], Relation]:
    """Return what was judged by `rules`, by pair of wordings."""
    rows = connection.execute(select(Verdict).where(Verdict.rules == rules).with_only_columns(*Verdict.__table__.c))
    return {(row.a, row.b): Relation(row.relation, row.score, tuple(row.evidence)) for row in rows}


def put_verdicts(connection: Connection, made: Iterable[tuple[str, str, Relation]], rules: str) -> int:
    """Write (wording, wording, relation), the pair in order; return how many."""
    rows = [
        {"a": a, "b": b, "relation": r.relation, "score": r.score, "evidence": list(r.evidence), "rules": rules}
        for a, b, r in made
    ]
    if rows:
        statement = upsert(Verdict)
        columns = {name: statement.excluded[name] for name in ("relation", "score", "evidence", "rules")}
        connection.execute(statement.on_conflict_do_update(index_elements=["a", "b"], set_=columns), rows)
    return len(rows)


def drop_verdicts(connection: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Forget what is no longer compared."""
    rows = [{"one": a, "two": b} for a, b in pairs]
    if rows:
        connection.execute(delete(Verdict).where(Verdict.a == bindparam("one"), Verdict.b == bindparam("two")), rows)


def put_merges(
    connection: Connection,
    all_wordings: Sequence[WordingRow],
    merges: Iterable[tuple[str, str, float, Sequence[str]]],
) -> Changes:
    """Make claims of wordings: (wording, into, score, evidence) for those that do not stand for themselves."""
    made = list(merges)
    rows = [{"wording": w, "into": head, "score": s, "evidence": list(e)} for w, head, s, e in made]
    into = {wording: head for wording, head, _, _ in made}
    connection.execute(delete(Merge))
    if rows:
        connection.execute(insert(Merge), rows)
    own = {w.key: w for w in all_wordings}
    present = {(wording, key): claim for wording, key, claim in read_rows(connection, _PRESENT)}
    moves = [(wording, into.get(wording, wording)) for wording, key in present if key != into.get(wording, wording)]
    ids = put_claims(connection, [own[target].claim() for _, target in moves])
    touched = {claim for (wording, key), claim in present.items() if key != into.get(wording, wording)}
    if moves:
        statement = update(Occurrence).where(Occurrence.wording == bindparam("w")).values(claim_id=bindparam("c"))
        connection.execute(statement, [{"w": wording, "c": ids[target]} for wording, target in moves])
    return refresh(connection, touched | set(ids.values()))


def spread(connection: Connection) -> list[tuple[int, int, str, bool]]:
    """Return (id, posts, text, stock) of the claims that stand in several posts, or were stock phrases."""
    rows = connection.execute(
        select(Claim.id, Claim.post_count, Claim.text, Claim.stock).where(or_(Claim.post_count > 1, Claim.stock))
    )
    return [(row.id, row.post_count, row.text, row.stock) for row in rows]


def mark_stock(connection: Connection, stock: Collection[int], plain: Collection[int]) -> None:
    """Mark some claims as stock phrases, which are not indexed and belong to no topic, and others as none."""
    for model in (ClaimTerms, ClaimTopic, ClaimEntity, Figure, ClaimDate):
        connection.execute(delete(model).where(in_list(model.claim_id, list(stock))))
    values: dict[str, Any] = {"topic_state": None, "parts_state": None}
    if stock or plain:
        connection.execute(delete(StageState).where(StageState.stage == "links"))
    for ids, value in ((stock, True), (plain, False)):
        if ids:
            connection.execute(update(Claim).where(in_list(Claim.id, list(ids))).values(values | {"stock": value}))


def state(connection: Connection, stage: str) -> str | None:
    """Return the fingerprint of what a stage last worked on."""
    return connection.execute(select(StageState.fingerprint).where(StageState.stage == stage)).scalar_one_or_none()


def put_state(connection: Connection, stage: str, fingerprint: str) -> None:
    """Note what a stage has worked on."""
    statement = upsert(StageState).values(stage=stage, fingerprint=fingerprint)
    connection.execute(statement.on_conflict_do_update(index_elements=["stage"], set_={"fingerprint": fingerprint}))


def wording_state(connection: Connection) -> str:
    """Return what decides the merge stage, rules aside: which wordings there are, in what order, and the splits."""
    rows = connection.execute(
        select(Occurrence.wording, func.min(func.coalesce(Post.date, _UNDATED)), func.min(Post.path), func.count())
        .join(Post, Post.id == Occurrence.post_id)
        .group_by(Occurrence.wording)
        .order_by(Occurrence.wording)
    )
    return json.dumps([[list(row) for row in rows], splits(connection)], ensure_ascii=False)
