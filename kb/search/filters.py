"""Which claims and posts may be found at all: decided before anything is ranked."""

from __future__ import annotations

import datetime
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from kb.errors import NotFoundError, UsageError, near
from kb.records import CLAIM_KINDS
from kb.search.index import Floats, SearchIndex

Mask = npt.NDArray[np.bool_]
CERTAINTIES = ("asserted", "hedged")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


class Choice(TypedDict, total=False):
    """The filters as keyword arguments: see `Filters`."""

    kind: str | Sequence[str] | None
    topic: str | None
    tag: str | None
    since: str | int | datetime.date | None
    until: str | int | datetime.date | None
    certainty: str | None
    holder: str | None
    category: str | None
    post: str | None
    entity: str | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a user asks for beside the query; None lets everything through.

    `kind`, `certainty`, `holder`, `topic` and `entity` (a name, an alias of it
    in the posts or in data/synonyms.yml, or a key) choose claims; `tag`, `category`, `since`, `until` and `post` (a
    path or a key) choose posts, and the claims they say. A topic stands for
    those below it too. Dates are ISO 8601, also 2025 or 2025-09, both ends
    inclusive.
    """

    kind: str | Sequence[str] | None = None
    topic: str | None = None
    tag: str | None = None
    since: str | int | datetime.date | None = None
    until: str | int | datetime.date | None = None
    certainty: str | None = None
    holder: str | None = None
    category: str | None = None
    post: str | None = None
    entity: str | None = None

    def __post_init__(self) -> None:
        for name in ("topic", "tag", "certainty", "holder", "category", "post", "entity"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, str):
                raise UsageError(f"{name} {given!r} is no text")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be found: claims by position, pairs of claim and post, and posts by id (None: all)."""

    claims: Mask
    places: Mask
    posts: frozenset[int] | None

    def only(self, scores: Floats) -> Floats:
        """Return the scores of claims, 0 for those that may not be found; as they are where all may."""
        return scores if self.claims.all() else np.where(self.claims, scores, np.float32(0))


def given(choice: Mapping[str, Any]) -> Filters:
    """Return filters of keyword arguments; `UsageError` for one that there is not."""
    names = [one.name for one in fields(Filters)]
    for name in choice:
        if name not in names:
            raise UsageError(f"there is no filter {name!r}; there are: {', '.join(names)}")
    return Filters(**choice)


def allowed(
    conn: sqlite3.Connection,
    index: SearchIndex,
    filters: Filters,
    same: Callable[[str], Sequence[str]] = lambda name: (),
) -> Allowed:
    """Return what `filters` let through. `same` tells the other names, folded, of what has a name.

    Raises `UsageError` for a value no database could hold, `NotFoundError` for one that this does not.
    """
    claims = np.ones(index.size, dtype=bool)
    if filters == Filters():
        return Allowed(claims, np.ones(len(index.place_claim), dtype=bool), None)
    wanted = _kinds(filters.kind)
    if wanted is not None:
        claims &= np.isin(index.kinds, [CLAIM_KINDS.index(kind) for kind in wanted])
    if filters.certainty is not None:
        if filters.certainty not in CERTAINTIES:
            raise UsageError(f"certainty {filters.certainty!r} is none of {', '.join(CERTAINTIES)}")
        claims &= _mask(index, conn.execute("SELECT id FROM claims WHERE certainty = ?", (filters.certainty,)))
    if filters.holder is not None:
        known = (row[0] for row in conn.execute("SELECT DISTINCT holder FROM claims"))
        holders = _same("holder", filters.holder, known)
        claims &= _mask(index, conn.execute(f"SELECT id FROM claims WHERE holder IN ({_marks(holders)})", holders))
    if filters.topic is not None:
        claims &= _topic_mask(conn, index, filters.topic)
    if filters.entity is not None:
        claims &= _entity_mask(conn, index, filters.entity, same(filters.entity))
    posts = _posts(conn, filters)
    places = claims[index.place_claim]
    if posts is not None:
        places &= np.isin(index.post_ids, list(posts))[index.place_post]
        said = np.zeros(index.size, dtype=bool)
        said[index.place_claim[places]] = True
        claims &= said
    return Allowed(claims, places, posts)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _mask(index: SearchIndex, rows: Iterable[tuple[int]]) -> Mask:
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64)
    mask = np.zeros(index.size, dtype=bool)
    at = index.position[ids[ids < len(index.position)]]
    mask[at[at >= 0]] = True
    return mask


def _kinds(kind: str | Sequence[str] | None) -> list[str] | None:
    if kind is None:
        return None
    if not isinstance(kind, str | list | tuple | set | frozenset):
        raise UsageError(f"kind {kind!r} is no text and no list of texts")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    for name in kinds:
        if name not in CLAIM_KINDS:
            raise UsageError(f"kind {name!r} is none of {', '.join(CLAIM_KINDS)}")
    return kinds


def _same(what: str, given: str, known: Iterable[str]) -> list[str]:
    """Return the known values that equal `given` but for case and width."""
    values = set(known)
    found = [value for value in sorted(values) if _fold(value) == _fold(given)]
    if not found:
        raise NotFoundError(f"no {what} {given!r} in this database{near(given, values)}")
    return found


def _topic_mask(conn: sqlite3.Connection, index: SearchIndex, topic: str) -> Mask:
    slugs = [row[0] for row in conn.execute("SELECT slug FROM topics")]
    (slug, *_) = _same("topic", topic, slugs)
    rows = conn.execute(
        "WITH RECURSIVE below(id, slug) AS (SELECT id, slug FROM topics WHERE slug = ?"
        " UNION SELECT t.id, t.slug FROM topics t JOIN below b ON t.parent = b.slug)"
        " SELECT ct.claim_id FROM claim_topics ct JOIN below b ON ct.topic_id = b.id",
        (slug,),
    )
    return _mask(index, rows)


def _entity_mask(conn: sqlite3.Connection, index: SearchIndex, entity: str, others: Sequence[str]) -> Mask:
    """Return the claims that name an entity, called by its name, by any spelling in the posts, or by its key."""
    called: dict[str, set[int]] = {}
    names = conn.execute(
        "SELECT id, key, name FROM entities UNION SELECT e.id, e.key, ce.text FROM entities e"
        " JOIN claim_entities ce ON ce.entity_id = e.id"
    ).fetchall()
    for entity_id, key, name in names:
        for word in (key, name):
            called.setdefault(_fold(word), set()).add(entity_id)
    ids = sorted({one for name in (entity, *others) for one in called.get(_fold(name), ())})
    if not ids:
        raise NotFoundError(f"no entity {entity!r} in this database{near(entity, sorted({n for _, _, n in names}))}")
    return _mask(index, conn.execute(f"SELECT claim_id FROM claim_entities WHERE entity_id IN ({_marks(ids)})", ids))


def _posts(conn: sqlite3.Connection, filters: Filters) -> frozenset[int] | None:
    """Return the ids of the posts that the filters on posts let through, or None where there is no such filter."""
    where: list[str] = []
    values: list[str] = []
    for name, column, given in (("tag", "tags", filters.tag), ("category", "categories", filters.category)):
        if given is not None:
            known = (
                str(row[0]) for row in conn.execute(f"SELECT DISTINCT value FROM posts, json_each(posts.{column})")
            )
            found = _same(name, given, known)
            where.append(
                f"EXISTS (SELECT 1 FROM json_each(posts.{column}) WHERE CAST(value AS TEXT) IN ({_marks(found)}))"
            )
            values += found
    if filters.since is not None:
        where.append("date >= ?")
        values.append(_date("since", filters.since))
    if filters.until is not None:
        last = _date("until", filters.until)
        where.append(f"substr(date, 1, {len(last)}) <= ?")
        values.append(last)
    if filters.post is not None:
        path = post_path(conn, filters.post)
        where.append("path = ?")
        values.append(path)
    if not where:
        return None
    return frozenset(row[0] for row in conn.execute(f"SELECT id FROM posts WHERE {' AND '.join(where)}", values))


def post_path(conn: sqlite3.Connection, given: str) -> str:
    """Return the path of the post with this path, key, or file name if it is the only one of that name."""
    rows = conn.execute("SELECT path, key FROM posts").fetchall()
    for path, key in rows:
        if given in (path, key):
            return str(path)
    named = [str(path) for path, _ in rows if path.rsplit("/", 1)[-1] == given.rsplit("/", 1)[-1]]
    if len(named) == 1:
        return named[0]
    raise NotFoundError(f"no post {given!r} in this database{near(given, [row[0] for row in rows])}")


def _date(name: str, given: str | int | datetime.date) -> str:
    text = given.isoformat()[:10] if isinstance(given, datetime.date) else str(given).strip()
    if not _DATE.fullmatch(text):
        raise UsageError(f"{name} {text!r} is no date; write it as 2025-09-30, 2025-09 or 2025")
    try:
        datetime.date.fromisoformat((text + "-01-01")[:10])
    except ValueError:
        raise UsageError(f"{name} {text!r} is no day of the calendar") from None
    return text
