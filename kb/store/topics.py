"""Topics in the database: which there are, which claims are about them, what is counted of them, their history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from kb.models import Claim, ClaimEntity, ClaimTopic, Occurrence, Passage, Post, Sentence, Topic, TopicEvent, TopicLink
from kb.models import TopicMemory as Memory
from kb.records import Topic as TopicRecord
from kb.store.bulk import insert_rows
from kb.store.claims import in_list

_UNDATED = "9999"
_LATER = 1_000_000  # discovered topics come after the listed ones
Assigned = tuple[int, int, float, Sequence[str]]  # claim, topic, score, evidence


def topics() -> Select[str, str, str, bool, int, int]:
    """Select (slug, name_ja, name_en, discovered, claims, posts) of every topic, in the order of its list."""
    return (
        select(
            Topic.slug,
            Topic.name_ja,
            Topic.name_en,
            Topic.discovered,
            func.count(ClaimTopic.claim_id.distinct()).label("claims"),
            func.count(Occurrence.post_id.distinct()).label("posts"),
        )
        .outerjoin(ClaimTopic, ClaimTopic.topic_id == Topic.id)
        .outerjoin(Occurrence, Occurrence.claim_id == ClaimTopic.claim_id)
        .group_by(Topic.id)
        .order_by(Topic.position, Topic.slug)
    )


def topic_records(connection: Connection, *, discovered: bool) -> list[TopicRecord]:
    """Return the curated topics as they were listed, or the discovered ones with their terms as aliases."""
    chosen = select(Topic.__table__).where(Topic.discovered.is_(discovered)).order_by(Topic.position, Topic.slug)
    return [
        TopicRecord(
            row.slug,
            {"ja": row.name_ja, "en": row.name_en},
            tuple(row.terms if discovered else row.aliases),
            tuple(row.seeds),
            tuple(row.exclude),
            row.parent,
            discovered,
        )
        for row in connection.execute(chosen)
    ]


def put_topics(connection: Connection, listed: Sequence[TopicRecord]) -> dict[str, int]:
    """Bring the curated topics in line with the list; return the id of each slug. Discovered ones stay.

    One of the list that bears the slug of a discovered one takes its place, and its history.
    """
    slugs = [topic.slug for topic in listed]
    gone = select(Topic.id).where(Topic.discovered.is_(False), ~in_list(Topic.slug, slugs))
    connection.execute(delete(Topic).where(Topic.id.in_(gone)))
    _put(
        connection,
        [{**_row(topic), "terms": [], "position": position} for position, topic in enumerate(listed)],
    )
    return topic_ids(connection)


def put_discovered(connection: Connection, found: Sequence[TopicRecord]) -> dict[str, int]:
    """Bring the discovered topics in line with what was found, the largest first; return the id of each slug."""
    slugs = [topic.slug for topic in found]
    gone = select(Topic.id).where(Topic.discovered.is_(True), ~in_list(Topic.slug, slugs))
    connection.execute(delete(Topic).where(Topic.id.in_(gone)))
    rows = [
        {**_row(topic), "aliases": [], "terms": list(topic.aliases), "position": _LATER + place}
        for place, topic in enumerate(found)
    ]
    _put(connection, rows)
    return topic_ids(connection)


def _row(topic: TopicRecord) -> dict[str, Any]:
    return {
        "slug": topic.slug,
        "name_ja": topic.names.get("ja", topic.slug),
        "name_en": topic.names.get("en", topic.slug),
        "aliases": list(topic.aliases),
        "seeds": list(topic.seeds),
        "exclude": list(topic.exclude),
        "parent": topic.parent,
        "discovered": topic.discovered,
    }


def _put(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        statement = upsert(Topic)
        columns = {name: statement.excluded[name] for name in rows[0] if name != "slug"}
        connection.execute(statement.on_conflict_do_update(index_elements=["slug"], set_=columns), rows)


def topic_ids(connection: Connection) -> dict[str, int]:
    """Return the id of each topic's slug."""
    return {row.slug: row.id for row in connection.execute(select(Topic.slug, Topic.id))}


def claims_without_topics(state: str) -> Select[int, str]:
    """Select (id, text) of the claims not yet assigned to topics in their present `state`."""
    return (
        select(Claim.id, Claim.text)
        .where(or_(Claim.topic_state.is_(None), Claim.topic_state != state), Claim.stock.is_(False))
        .order_by(Claim.id)
    )


def claims_of_topics() -> Select[int, str]:
    """Select (id, text) of every claim that may be about topics."""
    return select(Claim.id, Claim.text).where(Claim.stock.is_(False)).order_by(Claim.id)


def restate(connection: Connection, before: str, now: str) -> None:
    """Mark the claims that were assigned in one state as assigned in another, which gives them the same topics."""
    connection.execute(update(Claim).where(Claim.topic_state == before).values(topic_state=now))


def around(connection: Connection, claim_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return (nearest heading, sentence it leans on) of claims, where each is said first; "" for what is not there."""
    places = (
        select(
            Occurrence.claim_id,
            func.coalesce(Post.date, _UNDATED).label("date"),
            Post.path,
            Occurrence.start,
            Sentence.post_id,
            Sentence.antecedent,
            Passage.headings,
        )
        .join(Post, Post.id == Occurrence.post_id)
        .join(Sentence, Sentence.id == Occurrence.sentence_id)
        .join(Passage, Passage.id == Sentence.passage_id)
        .where(in_list(Occurrence.claim_id, claim_ids))
    )
    first: dict[int, Any] = {}
    for row in connection.execute(places):
        held = first.get(row.claim_id)
        if held is None or (row.date, row.path, row.start) < (held.date, held.path, held.start):
            first[row.claim_id] = row
    leaning = {(row.post_id, row.antecedent) for row in first.values() if row.antecedent is not None}
    posts = sorted({post for post, _ in leaning})
    sentences = select(Sentence.post_id, Sentence.position, Sentence.plain).where(
        in_list(Sentence.post_id, posts), in_list(Sentence.position, sorted({place for _, place in leaning}))
    )
    told = {(post, place): plain for post, place, plain in connection.execute(sentences)} if leaning else {}
    return {
        claim: (row.headings[-1] if row.headings else "", told.get((row.post_id, row.antecedent), ""))
        for claim, row in first.items()
    }


def put_topic_links(connection: Connection, claim_ids: Sequence[int], links: Iterable[Assigned], state: str) -> int:
    """Write (claim id, topic id, score, evidence) in place of all that `claim_ids` had; return how many.

    The claims are marked as assigned in `state`, those without any topic too.
    """
    connection.execute(delete(ClaimTopic).where(in_list(ClaimTopic.claim_id, claim_ids)))
    made = _links(links)
    insert_rows(connection, ClaimTopic, made)
    connection.execute(update(Claim).where(in_list(Claim.id, claim_ids)).values(topic_state=state))
    return len(made)


def put_discovered_links(connection: Connection, links: Iterable[Assigned]) -> int:
    """Write which claims are about discovered topics, in place of all that was there; return how many."""
    found = select(Topic.id).where(Topic.discovered.is_(True))
    connection.execute(delete(ClaimTopic).where(ClaimTopic.topic_id.in_(found)))
    made = _links(links)
    insert_rows(connection, ClaimTopic, made)
    return len(made)


def _links(links: Iterable[Assigned]) -> list[dict[str, Any]]:
    return [
        {"topic_id": topic, "claim_id": claim, "score": float(score), "evidence": list(evidence)}
        for claim, topic, score, evidence in links
    ]


def unexplained() -> Select[int, str, str, str]:
    """Select (id, key, text, text_hash) of the claims that no curated topic explains, by key."""
    explained = (
        select(ClaimTopic.claim_id).join(Topic, Topic.id == ClaimTopic.topic_id).where(Topic.discovered.is_(False))
    )
    return (
        select(Claim.id, Claim.key, Claim.text, Claim.text_hash)
        .where(Claim.stock.is_(False), Claim.id.not_in(explained))
        .order_by(Claim.key)
    )


def count_unexplained(connection: Connection) -> int:
    """Return how many claims no curated topic explains."""
    return int(connection.execute(select(func.count()).select_from(unexplained().subquery())).scalar_one())


def posts_of_claims(claim_ids: Sequence[int]) -> Select[int, int]:
    """Select (claim id, post id) of every place where claims are said."""
    return select(Occurrence.claim_id, Occurrence.post_id).where(in_list(Occurrence.claim_id, list(claim_ids)))


def topic_members(connection: Connection, *, discovered: bool | None = None) -> dict[str, set[str]]:
    """Return the keys of each topic's claims, by slug; a topic without any has an empty set."""
    chosen = select(Topic.slug) if discovered is None else select(Topic.slug).where(Topic.discovered.is_(discovered))
    found: dict[str, set[str]] = {slug: set() for slug in connection.execute(chosen).scalars()}
    rows = select(Topic.slug, Claim.key).join(ClaimTopic, ClaimTopic.topic_id == Topic.id)
    for slug, key in connection.execute(rows.join(Claim, Claim.id == ClaimTopic.claim_id)):
        if slug in found:
            found[slug].add(key)
    return found


def topic_events(connection: Connection, build_id: int, events: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
    """Add (slug, event, detail) to the history."""
    rows = [{"build_id": build_id, "slug": s, "event": e, "detail": dict(d)} for s, e, d in events]
    if rows:
        connection.execute(insert(TopicEvent), rows)


def slugs_ever(connection: Connection) -> set[str]:
    """Return every slug that a topic has or had: none of them may come to mean something else."""
    return {*connection.execute(select(Topic.slug)).scalars(), *connection.execute(select(TopicEvent.slug)).scalars()}


def remember(connection: Connection, name: str, value: Mapping[str, Any]) -> None:
    """Keep a value of the topics stage."""
    statement = upsert(Memory).values(name=name, value=dict(value))
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": dict(value)}))


def remembered(connection: Connection, name: str) -> dict[str, Any]:
    """Return a value that was kept, or {}."""
    return connection.execute(select(Memory.value).where(Memory.name == name)).scalar_one_or_none() or {}


def forget(connection: Connection, name: str) -> None:
    """Drop a value that was kept."""
    connection.execute(delete(Memory).where(Memory.name == name))


def counted_rows(connection: Connection) -> dict[str, list[Any]]:
    """Return what statistics are made from: claims, memberships, places, posts, entities' mentions.

    `claims` (id, key, kind), `topics` (id, slug, parent), `about` (topic, claim),
    `said` (claim, post), `posts` (id, date), `named` (claim, entity).
    """
    wanted = {
        "claims": select(Claim.id, Claim.key, Claim.kind).order_by(Claim.key),
        "topics": select(Topic.id, Topic.slug, Topic.parent).order_by(Topic.position, Topic.slug),
        "about": select(ClaimTopic.topic_id, ClaimTopic.claim_id),
        "said": select(Occurrence.claim_id, Occurrence.post_id),
        "posts": select(Post.id, Post.date).order_by(Post.path),
        "named": select(ClaimEntity.claim_id, ClaimEntity.entity_id),
    }
    return {name: list(connection.execute(statement).all()) for name, statement in wanted.items()}


def counted_before(connection: Connection) -> dict[int, dict[str, Any]]:
    """Return what was counted last, by topic."""
    return {row.id: row.stats for row in connection.execute(select(Topic.id, Topic.stats))}


def texts_of(claim_ids: Collection[int]) -> Select[int, str, str]:
    """Select (id, key, text) of claims."""
    return select(Claim.id, Claim.key, Claim.text).where(in_list(Claim.id, list(claim_ids)))


def put_counted(
    connection: Connection, stats: Mapping[int, Mapping[str, Any]], shared: Iterable[tuple[int, int, int, int]]
) -> None:
    """Write what was counted of each topic, and (topic, topic, claims, posts) of those that share any."""
    rows = [{"b_id": topic, "stats": dict(value)} for topic, value in stats.items()]
    if rows:
        connection.execute(update(Topic).where(Topic.id == bindparam("b_id")).values(stats=bindparam("stats")), rows)
    connection.execute(delete(TopicLink))
    insert_rows(
        connection,
        TopicLink,
        [{"a_id": a, "b_id": b, "claims": claims, "posts": posts} for a, b, claims, posts in shared],
    )
