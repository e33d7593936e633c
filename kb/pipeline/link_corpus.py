"""The claims of a database as the links stage sees them: by place, in the order of their keys."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from kb import fts
from kb.links import content, frames, neighbours, ties
from kb.store import links as stored
from kb.text import text_hash


@dataclass(frozen=True, slots=True)
class Corpus:
    """All claims that are no stock phrase (n), by rising key; what is said of one is found at its place.

    Attributes:
        ids: their ids in this database.
        keys: their keys.
        states: the state that their neighbours were found in last, or None.
        made_of: a hash of text, posts and state of parts: what decides their ties beside other claims.
        posts: the posts that make each, as places in `paths`.
        paths: the posts, in order.
        content: what they speak of.
        claims: their vectors and posts.
        able: which of them say enough to have neighbours.
    """

    ids: npt.NDArray[np.int64]
    keys: Sequence[str]
    states: Sequence[str | None]
    made_of: Sequence[str]
    posts: Sequence[Sequence[int]]
    paths: Sequence[str]
    content: content.Content
    claims: neighbours.Claims
    able: npt.NDArray[np.bool_]

    def without_vectors(self) -> Corpus:
        """Return the same without the vectors."""
        return replace(self, claims=replace(self.claims, vectors=np.zeros((0, 0), dtype=np.float32)))

    def places(self) -> dict[int, int]:
        """Return the place of each claim id."""
        return {id_: place for place, id_ in enumerate(self.ids.tolist())}


def read(connection: Connection, model_id: int, dim: int) -> Corpus:
    """Read the claims, their words, posts and vectors under a model."""
    reader = content.Reader()
    ids, keys, hashes, states, parts = array("q"), [], [], [], []
    for id_, key, hash_, state, parts_state, words in stored.claims_to_link(connection):
        reader.add(fts.decode(words))
        ids.append(id_)
        keys.append(key)
        hashes.append(hash_)
        states.append(state)
        parts.append(parts_state)
    told = reader.content()
    del reader
    paths, said = stored.said_in(connection)
    posts = [said[id_] for id_ in ids]
    made_of = [
        text_hash("\n".join((text, part, *(paths[post] for post in where))))
        for text, part, where in zip(hashes, parts, posts, strict=True)
    ]
    vectors = np.zeros((len(ids), dim), dtype=np.float32)
    by_hash: dict[str, list[int]] = {}
    for place, text in enumerate(hashes):
        by_hash.setdefault(text, []).append(place)
    stored.fill_vectors(connection, model_id, by_hash, vectors)
    first = np.array([where[0] for where in posts], dtype=np.int64)
    claims = neighbours.Claims(vectors, hashes, first, _mates(posts, len(paths)))
    able = (told.substance >= content.SUBSTANCE) & vectors.any(axis=1)
    return Corpus(np.array(ids, dtype=np.int64), keys, states, made_of, posts, paths, told, claims, able)


def _mates(posts: Sequence[Sequence[int]], count: int) -> Mapping[int, npt.NDArray[np.int64]]:
    """Return for each claim of several posts the claims of all of them."""
    several = {place: where for place, where in enumerate(posts) if len(where) > 1}
    wanted = {post for where in several.values() for post in where}
    members: dict[int, list[int]] = {post: [] for post in wanted}
    for place, where in enumerate(posts):
        for post in where:
            if post in wanted:
                members[post].append(place)
    return {
        place: content.distinct(np.concatenate([np.array(members[post], dtype=np.int64) for post in where]))
        for place, where in several.items()
    }


def parts(connection: Connection, corpus: Corpus) -> ties.Parts:
    """Read the names, figures and dates of the claims."""
    place = corpus.places()
    names: dict[int, dict[str, str]] = {}
    for claim, key, words in stored.names_of(connection):
        if claim in place:
            names.setdefault(place[claim], {}).setdefault(key, words)
    figures: dict[int, dict[tuple[str, float, float | None], str]] = {}
    for claim, dimension, low, high, words in stored.figures_of(connection):
        if claim in place:
            figures.setdefault(place[claim], {}).setdefault((dimension, low, high), words)
    dates: dict[int, dict[tuple[str, str], str]] = {}
    for claim, first, last, words in stored.dates_of(connection):
        if claim in place:
            dates.setdefault(place[claim], {}).setdefault((first, last), words)
    return ties.Parts(names, figures, dates)


def marks(corpus: Corpus, found: ties.Parts) -> dict[int, list[frames.Mark]]:
    """Return what each claim gives a frame: its figures by dimension, its dates, its sides of opposites."""
    made: dict[int, list[frames.Mark]] = {}
    for claim, figures in found.figures.items():
        made.setdefault(claim, []).extend((dimension, (low, high)) for dimension, low, high in figures)
    for claim, dates in found.dates.items():
        made.setdefault(claim, []).extend(("date", days) for days in dates)
    for claim, sides in frames.axes_of(corpus.content).items():
        made.setdefault(claim, []).extend(sorted(sides, key=repr))
    return made
