"""What became of claims, build by build: written to and asked of the log that digests are made from.

The last event of a claim tells its state then; what the claims are now is
compared with that, so that the log is all that has to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from kb.models import Claim, ClaimEvent, ClaimTopic, Occurrence, Post, Topic
from kb.store.bulk import insert_tuples, read_rows, table_of, to_json
from kb.store.claims import in_list

_STATES = "SELECT id, key, text, kind, certainty, holder FROM claims ORDER BY id"
_POSTS = (
    "SELECT DISTINCT o.claim_id, p.path FROM occurrences o JOIN posts p ON p.id = o.post_id ORDER BY o.claim_id, p.path"
)


def post_versions(connection: Connection) -> list[tuple[str, str, str]]:
    """Return (key, content hash, reading) of every post: with the merge stage's state, all that claims depend on."""
    rows = connection.execute(select(Post.key, Post.content_hash, Post.reading).order_by(Post.key))
    return [(row.key, row.content_hash, row.reading) for row in rows]


def claim_states(connection: Connection) -> Iterator[tuple[int, str, str, str, str, str]]:
    """Yield (id, key, text, kind, certainty, holder) of every claim."""
    yield from read_rows(connection, _STATES)


def claim_posts(connection: Connection) -> Iterator[tuple[int, str]]:
    """Yield (claim id, path of a post that says it), those of a claim one after the other."""
    yield from read_rows(connection, _POSTS)


def claim_slugs(connection: Connection, claims: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield (claim id, slug of a topic it is of)."""
    rows = select(ClaimTopic.claim_id, Topic.slug).join(Topic, Topic.id == ClaimTopic.topic_id)
    for row in connection.execute(rows.where(in_list(ClaimTopic.claim_id, claims)).order_by(Topic.slug)):
        yield row.claim_id, row.slug


def last_events(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return (event, fingerprint of the state then) of each claim's last event, by key."""
    state = func.json_extract(ClaimEvent.detail, "$.state")
    # SQLite takes the other columns from the row that has the maximum (https://sqlite.org/lang_select.html).
    rows = select(ClaimEvent.key, ClaimEvent.event, state, func.max(ClaimEvent.build_id)).group_by(ClaimEvent.key)
    return {key: (event, str(held)) for key, event, held, _ in connection.execute(rows)}


def event_details(connection: Connection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the detail of the last event of each of these claims."""
    rows = (
        select(ClaimEvent.key, ClaimEvent.detail, func.max(ClaimEvent.build_id))
        .where(in_list(ClaimEvent.key, keys))
        .group_by(ClaimEvent.key)
    )
    return {key: detail for key, detail, _ in connection.execute(rows)}


def wording_claims(connection: Connection, wordings: Sequence[str]) -> dict[str, str]:
    """Return the key of the claim that each of these wordings is said in now."""
    rows = (
        select(Occurrence.wording, func.min(Claim.key).label("key"))
        .join(Claim, Claim.id == Occurrence.claim_id)
        .where(in_list(Occurrence.wording, wordings))
        .group_by(Occurrence.wording)
    )
    return {row.wording: row.key for row in connection.execute(rows)}


def put_events(connection: Connection, build_id: int, events: Iterable[tuple[str, str, dict[str, Any]]]) -> int:
    """Log (claim's key, event, detail) of a build; return how many."""
    made = [(build_id, key, event, to_json(detail)) for key, event, detail in events]
    insert_tuples(connection, table_of(ClaimEvent), ("build_id", "key", "event", "detail"), made)
    return len(made)
