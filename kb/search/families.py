"""Hits that say the same, or a part of the same, take one line: the best stands for its family."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

from kb.search.index import SearchIndex

SEEN = 200  # of the best claims, so many are looked at
ALIKE = 0.95  # cosine from which on two claims with the same numbers are one family
_TIES = (
    "SELECT a_id, b_id, relation FROM links WHERE relation IN ('same', 'subsumes', 'conflict')"
    " AND a_id IN ({0}) AND b_id IN ({0})"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def fold(conn: sqlite3.Connection, index: SearchIndex, best: Sequence[int], limit: int) -> dict[int, list[int]]:
    """Return up to `limit` of the positions `best`, in order, each with the later ones of its family.

    A family is a claim and those that a link of the database calls the same or
    a part of it, or whose vectors nearly agree and whose numbers do; never two
    that contradict each other. Families do not chain: every member is tied to
    the claim that leads.
    """
    looked = list(best[:SEEN])
    ties = _ties(conn, index, looked)
    numbers = _numbers(conn, index, looked)
    alike = _alike(index, looked)
    families: dict[int, list[int]] = {}
    for position in looked:
        lead = next((one for one in families if _akin(ties, alike, numbers, one, position)), None)
        if lead is not None:
            families[lead].append(position)
        elif len(families) < limit:
            families[position] = []
    for position in best[SEEN:]:
        if len(families) < limit:
            families[position] = []
    return families


def _alike(index: SearchIndex, positions: Sequence[int]) -> frozenset[tuple[int, int]]:
    """Return the pairs of positions whose vectors nearly agree, both ways round."""
    if index.vectors is None or not positions:
        return frozenset()
    kept = index.vectors[list(positions)]
    near = np.argwhere(kept @ kept.T >= ALIKE)
    return frozenset((positions[a], positions[b]) for a, b in near.tolist() if a != b)


def _akin(
    ties: Mapping[tuple[int, int], str],
    alike: frozenset[tuple[int, int]],
    numbers: Mapping[int, frozenset[str]],
    one: int,
    other: int,
) -> bool:
    relation = ties.get((min(one, other), max(one, other)))
    if relation is not None:
        return relation != "conflict"
    return (one, other) in alike and numbers.get(one) == numbers.get(other)


def _ties(conn: sqlite3.Connection, index: SearchIndex, positions: Sequence[int]) -> dict[tuple[int, int], str]:
    ids = [int(index.ids[position]) for position in positions]
    found = {}
    for a, b, relation in conn.execute(_TIES.format(",".join(map(str, ids)))):
        pair = sorted((int(index.position[a]), int(index.position[b])))
        found[pair[0], pair[1]] = relation
    return found


def _numbers(conn: sqlite3.Connection, index: SearchIndex, positions: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return the numbers that each claim names."""
    ids = ",".join(str(int(index.ids[position])) for position in positions)
    return {
        int(index.position[claim]): frozenset(_NUMBER.findall(unicodedata.normalize("NFKC", text)))
        for claim, text in conn.execute(f"SELECT id, text FROM claims WHERE id IN ({ids})")
    }
