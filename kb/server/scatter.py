"""The map: every claim as a point coloured by its topic, in a few bytes each."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import struct
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kb.errors import KbError, NotFoundError
from kb.records import CLAIM_KINDS
from kb.server.layout import positions
from kb.server.opening import Opened
from kb.text import is_japanese

Places = npt.NDArray[np.uint16]
COLOURED = 12  # topics that have a colour and a name on the map
PATIENCE = 3.0  # seconds that a page waits for the map
SUFFIX = ".map"  # of the file beside a published database
_GRID = 65535
_ROWS = (
    "SELECT c.id, c.kind, e.vector FROM claims c JOIN embeddings e ON e.text_hash = c.text_hash"
    " JOIN models m ON m.id = e.model_id AND m.active ORDER BY c.id"
)
_STATE = (
    "SELECT m.revision, m.dim, c.n, c.last, c.total FROM models m, (SELECT count(*) AS n, max(id) AS last,"
    " sum(id % 99991) AS total FROM claims) c WHERE m.active"
)
_TOPIC_OF = (
    "SELECT claim_id, topic_id FROM (SELECT claim_id, topic_id, row_number() OVER"
    " (PARTITION BY claim_id ORDER BY score DESC, topic_id) AS place FROM claim_topics) WHERE place = 1"
)
_POINT = (
    "SELECT c.key, c.text, c.kind, p.title, p.path, substr(p.date, 1, 10) FROM claims c"
    " JOIN occurrences o ON o.claim_id = c.id JOIN posts p ON p.id = o.post_id WHERE c.id = ?"
    " ORDER BY p.date IS NULL, p.date, p.path, o.start LIMIT 1"
)


class Drawn(NamedTuple):
    """A map: `data` as `packed` makes it, and its topics with `slug`, `names`, `count` and place (`x`, `y`, 0 to 1)."""

    data: bytes
    points: int
    topics: list[dict[str, Any]]


class Map:
    """The map of an opened database; laid out when it is asked for first, and again when the claims change."""

    def __init__(self, opened: Opened) -> None:
        """Name the database."""
        self._opened = opened
        self._lock = threading.Lock()
        self._state = ""
        self._drawn: Drawn | None = None
        self._drawing: threading.Thread | None = None

    def drawn(self) -> Drawn:
        """Return the map as it is now. The first call takes seconds; those at the same time wait for it."""
        with self._lock:
            state = self._opened.keep("map", _fingerprint)
            if self._drawn is None or state != self._state:
                kept = _read(self._opened.path, state)
                self._drawn = self._opened.base().read(lambda conn: _draw(conn, kept))
                self._state = state
            return self._drawn

    def soon(self) -> Drawn | None:
        """Return the map, or None where laying it out takes longer than a visitor should wait; it goes on then.

        Raises:
            DatabaseError: the database cannot be read.
        """
        state = self._opened.keep("map", _fingerprint)
        if self._drawn is not None and state == self._state:
            return self._drawn
        if self._drawing is None or not self._drawing.is_alive():
            self._drawing = threading.Thread(target=self._try, name="map", daemon=True)
            self._drawing.start()
        self._drawing.join(PATIENCE)
        return self._drawn if state == self._state else None

    def _try(self) -> None:
        with contextlib.suppress(KbError):  # whoever asks next is told
            self.drawn()

    def point(self, ident: int) -> dict[str, Any]:
        """Return the claim of a point: `claim`, `text`, `lang`, `kind`, `title`, `date`.

        Raises:
            NotFoundError: no claim has this number now.
        """
        row = self._opened.base().read(lambda conn: conn.execute(_POINT, (ident,)).fetchone())
        if row is None:
            raise NotFoundError(f"no claim number {ident} in this database")
        key, text, kind, title, path, date = row
        lang = "ja" if is_japanese(text) else "en"
        return {"claim": key, "text": text, "lang": lang, "kind": kind, "title": title or path, "date": date}

    def save(self, target: Path) -> None:
        """Write the places beside a published copy of the database at `target`, so that it need not lay them out."""
        state = self._opened.keep("map", _fingerprint)
        places = self._opened.base().read(_lay_out)
        target.with_name(target.name + SUFFIX).write_bytes(bytes.fromhex(state) + places.astype("<u2").tobytes())


def _fingerprint(conn: sqlite3.Connection) -> str:
    """Return a hash that changes when claims or the active model do."""
    row = conn.execute(_STATE).fetchone()
    return hashlib.blake2b(repr(row).encode(), digest_size=16).hexdigest()


def _read(path: Path, state: str) -> Places | None:
    """Return the places that were saved beside a database in this state, if any."""
    try:
        found = path.with_name(path.name + SUFFIX).read_bytes()
    except OSError:
        return None
    if found[:16].hex() != state or len(found) % 4:
        return None
    return np.frombuffer(found[16:], "<u2").reshape(-1, 2).astype(np.uint16)


def _lay_out(conn: sqlite3.Connection) -> Places:
    """Return the places of all claims that have a vector, in the order of their ids."""
    vectors = [row[2] for row in conn.execute(_ROWS)]
    whole = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1) if vectors else np.empty((0, 1), "<f4")
    return np.round(np.clip(positions(whole), 0, 1) * _GRID).astype(np.uint16)


def _draw(conn: sqlite3.Connection, kept: Places | None) -> Drawn:
    rows = conn.execute(_ROWS.replace("c.kind, e.vector", "c.kind")).fetchall()
    places = kept if kept is not None and len(kept) == len(rows) else _lay_out(conn)
    rows = rows[: len(places)]  # a build may have added claims meanwhile
    places = places[: len(rows)]
    ids = np.array([row[0] for row in rows], dtype=np.uint32)
    kinds = np.array([CLAIM_KINDS.index(row[1]) for row in rows], dtype=np.uint8)
    by_claim = dict(conn.execute(_TOPIC_OF).fetchall())
    topic_of = np.array([by_claim.get(int(ident), 0) for ident in ids], dtype=np.int64)
    named, counts = np.unique(topic_of[topic_of > 0], return_counts=True)
    chosen = named[np.argsort(-counts, kind="stable")][:COLOURED]
    group = np.zeros(len(ids), dtype=np.uint8)
    topics = []
    for number, topic_id in enumerate(chosen, 1):
        own = topic_of == topic_id
        group[own] = number
        slug, ja, en = conn.execute(
            "SELECT slug, name_ja, name_en FROM topics WHERE id = ?", (int(topic_id),)
        ).fetchone()
        x, y = np.median(places[own], axis=0) / _GRID
        topics.append(
            {
                "slug": slug,
                "names": {"ja": ja, "en": en},
                "count": int(own.sum()),
                "number": number,
                "x": round(float(x), 4),
                "y": round(float(y), 4),
            }
        )
    return Drawn(packed(places, group, kinds, ids), len(ids), topics)


def packed(
    places: Places, group: npt.NDArray[np.uint8], kinds: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint32]
) -> bytes:
    """Return a map as the script reads it, little-endian, ten bytes a point.

    A count (uint32); the ids (uint32); x, then y (uint16, 0 to 65535); the
    topics (uint8, 0 for none that has a colour); the kinds (uint8, places in
    `CLAIM_KINDS`).
    """
    return b"".join(
        (
            struct.pack("<I", len(ids)),
            ids.astype("<u4").tobytes(),
            places[:, 0].astype("<u2").tobytes(),
            places[:, 1].astype("<u2").tobytes(),
            group.tobytes(),
            kinds.tobytes(),
        )
    )
