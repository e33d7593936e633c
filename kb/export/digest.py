"""What is new, changed or gone since a day or a build: for a weekly digest.

Since a **build**, the log that each build writes tells (table `claim_events`):
several events of a claim are folded into what they come to.

Since a **day**, posts tell: a claim is new if no post before that day says it,
and changed if an older one is said again by a post since. What was relabelled
or has gone is taken from the builds that began on that day or later.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kb.errors import NotFoundError, UsageError
from kb.export import gather, lead
from kb.export.records import Claim, Subject

_DAY = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_FIRST = "SELECT min(build_id) FROM claim_events"
_BUILD = "SELECT id FROM builds WHERE id = ?"
_LAST = "SELECT max(id) FROM builds"
_EVENTS = (
    "SELECT e.key, e.event, e.detail, e.build_id, b.started FROM claim_events e JOIN builds b ON b.id = e.build_id"
    " WHERE e.build_id > ? ORDER BY e.key, e.build_id"
)
_SINCE = "SELECT DISTINCT o.claim_id FROM posts p JOIN occurrences o ON o.post_id = p.id WHERE p.date >= ?"
_BUILDS_SINCE = "SELECT coalesce(min(id), 0) FROM builds WHERE started >= ?"
_IDS = "SELECT id FROM claims WHERE key IN (SELECT value FROM json_each(?))"
_TOPIC_CLAIMS = "SELECT claim_id FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id WHERE t.slug = ?"
_FIELDS = ("text", "kind", "certainty", "holder", "posts")
_VECTORS_MOST = 20_000  # claims beyond which the lead is chosen among the first


@dataclass(frozen=True, slots=True)
class Change:
    """A claim that is otherwise than before: `before` has what was, `added` and `removed` are paths of posts."""

    claim: Claim
    before: Mapping[str, Any]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """A claim that nobody makes any more, as it was when it went; `build` noticed it, at `date`."""

    key: str
    text: str
    kind: str
    holder: str
    posts: tuple[str, ...]
    build: int
    date: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What has changed of a topic, or of all (`subject` None), since a day or a build.

    `updated` is the date of the newest post or build in it; `lead` are those of
    the new claims that say most.
    """

    subject: Subject | None
    since: str
    build: int | None
    language: str
    updated: str
    lead: tuple[Claim, ...]
    new: tuple[Claim, ...]
    changed: tuple[Change, ...]
    gone: tuple[Gone, ...]


@dataclass(frozen=True, slots=True)
class _Event:
    """What the events of a claim come to."""

    event: str
    detail: Mapping[str, Any]
    before: Mapping[str, Any]
    build: int
    date: str


def since_build(conn: sqlite3.Connection, build: int, topic: str | None = None) -> Digest:
    """Return what has changed since a build ended.

    Raises:
        NotFoundError: no such build, or builds so old logged nothing; or no such topic.
    """
    (last,) = conn.execute(_LAST).fetchone()
    if build != 0 and conn.execute(_BUILD, (build,)).fetchone() is None:
        raise NotFoundError(f"no build {build} in this database; there are builds 1 to {last or 0}")
    (first,) = conn.execute(_FIRST).fetchone()
    if first is None or build < first - 1:
        logged = f"builds before {first} logged no changes" if first else "no build has logged changes yet"
        raise NotFoundError(f"build {build}: {logged}; build again, or give --since DATE")
    events = _folded(conn, build)
    new = {key for key, event in events.items() if event.event == "new"}
    changed = {key: event for key, event in events.items() if event.event == "changed"}
    return _digest(conn, str(build), build, topic, new, changed, events)


def since_date(conn: sqlite3.Connection, date: str, topic: str | None = None) -> Digest:
    """Return what has changed since a day, YYYY-MM-DD or the beginning of it.

    Raises:
        UsageError: it is no date.
        NotFoundError: no such topic.
    """
    try:
        dt.date.fromisoformat((date + "-01-01")[:10] if _DAY.fullmatch(date) else "")
    except ValueError:
        raise UsageError(f"since {date!r} is no date; write it as 2025-09-30, 2025-09 or 2025") from None
    ids = [claim for (claim,) in conn.execute(_SINCE, (date,))]
    said = gather.claims(conn, json.dumps(ids), {})
    new = {claim.key for claim in said if not any((p.date or "") < date for p in claim.places)}
    again = {claim.key for claim in said} - new
    (build,) = conn.execute(_BUILDS_SINCE, (date,)).fetchone()
    (first,) = conn.execute(_FIRST).fetchone()
    # The first build that logged anything found all claims new: what it says is not what has changed.
    logged = _folded(conn, max(build - 1, first or 0)) if build and first else {}
    changed = {key: event for key, event in logged.items() if event.event == "changed" and key not in new}
    empty = _Event("changed", {}, {}, 0, "")
    changed |= {key: empty for key in again if key not in changed}
    return _digest(conn, date, None, topic, new, changed, logged, date)


def _folded(conn: sqlite3.Connection, build: int) -> dict[str, _Event]:
    """Return what the events after a build come to, by claim, without what came and went or went and came back."""
    found: dict[str, list[tuple[str, dict[str, Any], int, str]]] = {}
    for key, event, detail, number, started in conn.execute(_EVENTS, (build,)):
        found.setdefault(key, []).append((event, json.loads(detail), number, started))
    made = {}
    for key, events in found.items():
        first, (last, end, number, started) = events[0][0], events[-1]
        if last == "gone":
            if first != "new" and "into" not in end:
                made[key] = _Event("gone", end, {}, number, started)
            continue
        if first == "new":
            made[key] = _Event("new", end, {}, number, started)
            continue
        before: dict[str, Any] = {}
        for event, detail, *_ in reversed(events):  # the earliest value of each field is what was before all of them
            before |= {name: v for name, v in detail.items() if name != "topics"} if event == "gone" else {}
            before |= detail.get("before", {})
        other = {name: v for name, v in before.items() if name == "key" or (name in _FIELDS and v != end.get(name))}
        if other:
            made[key] = _Event("changed", end, other, number, started)
    return made


def _digest(
    conn: sqlite3.Connection,
    since: str,
    build: int | None,
    topic: str | None,
    new: set[str],
    changed: Mapping[str, _Event],
    events: Mapping[str, _Event],
    date: str = "",
) -> Digest:
    """Gather the claims that are new or changed, and those that went."""
    subject = gather.topic(conn, topic).subject if topic else None
    ids = {claim for (claim,) in conn.execute(_IDS, (json.dumps(sorted(new | set(changed))),))}
    if subject:
        ids &= {claim for (claim,) in conn.execute(_TOPIC_CLAIMS, (subject.slug,))}
    material = gather.claims(conn, json.dumps(sorted(ids)), {})
    fresh = tuple(
        sorted(
            (c for c in material if c.key in new),
            key=lambda c: (c.first_date, c.places[0].post, c.places[0].start, c.key),
        )
    )
    moved = [_change(claim, changed[claim.key], date) for claim in material if claim.key in changed]
    gone = [
        Gone(key, e.detail["text"], e.detail["kind"], e.detail["holder"], tuple(e.detail["posts"]), e.build, e.date)
        for key, e in sorted(events.items())
        if e.event == "gone" and (subject is None or subject.slug in e.detail.get("topics", ()))
    ]
    vectors = gather.vectors(conn, [claim.id for claim in fresh[-_VECTORS_MOST:]])
    dates = [p.date or "" for c in fresh for p in c.places] + [events[key].date for key in changed if key in events]
    return Digest(
        subject,
        since,
        build,
        gather.language(conn),
        max([*dates, *(one.date for one in gone)], default=""),
        lead.choose(fresh[-_VECTORS_MOST:], vectors),
        fresh,
        tuple(sorted(moved, key=lambda change: (change.claim.first_date, change.claim.key))),
        tuple(gone),
    )


def _change(claim: Claim, event: _Event, date: str) -> Change:
    """Return what changed of a claim; since a day, the posts of that day or later are the added ones."""
    now = {place.post for place in claim.places}
    if date:
        added = {place.post for place in claim.places if place.date and place.date >= date}
        before = {name: value for name, value in event.before.items() if name != "posts"}
        return Change(claim, before, tuple(sorted(added)))
    then = set(event.before.get("posts", now))
    return Change(claim, event.before, tuple(sorted(now - then)), tuple(sorted(then - now)))


def read(
    conn: sqlite3.Connection, topics: Sequence[str] | None, *, date: str | None = None, build: int | None = None
) -> list[Digest]:
    """Return a digest of all (for None), or one of each topic, since a day or a build; errors as of the two above."""
    wanted: Sequence[str | None] = list(dict.fromkeys(topics)) if topics is not None else [None]
    if build is not None:
        return [since_build(conn, build, topic) for topic in wanted]
    return [since_date(conn, date or "", topic) for topic in wanted]
