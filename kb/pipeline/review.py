"""What readers say of contradictions: reviewed, dismissed, or open again. Nothing is retired by it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Literal, cast, get_args

from kb import schema
from kb.errors import NotFoundError, UsageError, near
from kb.lock import exclusive
from kb.search import ties
from kb.store import links as stored

Said = Literal["reviewed", "dismissed", "open"]
_NOTE_MOST = 2_000  # characters


def state(name: str) -> Said:
    """Return `name` if it is something that can be said of a contradiction.

    Raises:
        UsageError: it is not.
    """
    if name not in get_args(Said):
        raise UsageError(f"state {name!r} is none of {', '.join(get_args(Said))}")
    return cast(Said, name)


def review(db: Path, ident: str, said: Said, note: str = "") -> dict[str, Any]:
    """Mark a contradiction as reviewed or dismissed, or open it again; later builds respect it.

    The review is of the two wordings: it stays when posts are changed, deleted
    and put back, and is harmless where nobody says one of the two any more.

    Args:
        db: the database.
        ident: the id of a contradiction, as `kb conflicts` prints it.
        said: what to mark it as.
        note: why, in the reader's words; none keeps that of a review before.

    Returns:
        `id`, `state` and `note` as they are now.

    Raises:
        NotFoundError: there is no such contradiction; near ids are told.
        UsageError: a note without a review, or one that is too long.
        LockedError: a build is running.
    """
    if len(note) > _NOTE_MOST:
        raise UsageError(f"note: {len(note):,} characters; at most {_NOTE_MOST:,} are kept")
    if note and said == "open":
        raise UsageError("note: a conflict that is opened again has none; give it with --review or --dismiss")
    schema.connect(db, writable=True).close()
    with exclusive(db):
        with closing(schema.connect(db)) as connection:
            pairs, before = _pairs(connection, db, ident.strip())
        engine = schema.engine(db, writable=True)
        try:
            with engine.begin() as transaction:
                for pair in pairs:
                    if said == "open":
                        stored.drop_review(transaction, pair)
                    else:
                        stored.put_review(transaction, pair, said, note or before)
        finally:
            engine.dispose()
    return {"id": ident.strip(), "state": said, "note": "" if said == "open" else note or before}


def _pairs(connection: Any, db: Path, ident: str) -> tuple[list[ties.Pair], str]:
    """Return the pairs of wordings that a review of `ident` is of, and the note they have."""
    found = ties.conflicts(connection)
    for one in found:
        if ident in (one["id"], *(ties.conflict_id(a, b) for a, b in one["reviewed"])):
            return one["reviewed"] or [one["keys"]], one["note"]
    gone = ties.reviews_without_conflict(connection, found)
    if ident in gone:
        a, b = gone[ident]
        (note,) = connection.execute("SELECT note FROM reviews WHERE a = ? AND b = ?", (a, b)).fetchone()
        return [(a, b)], note
    known = [one["id"] for one in found]
    told = near(ident, known) if known else "; it holds none"
    raise NotFoundError(f"{db}: no conflict {ident!r}{told}; kb conflicts --all lists them")
