"""From positions in an index to what is shown: claims with their sources and the reasons they were found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from kb.fts import Query, decode, joined, shown, stands
from kb.records import Also, Arm, Hit, Occurrence, Span
from kb.search.filters import Allowed
from kb.search.index import Floats, SearchIndex
from kb.search.rank import Term, places_of
from kb.search.synonyms import used

_T = TypeVar("_T")
_BATCH = 500  # SQLite takes 999 parameters in old builds

_HEADS = "SELECT id, key, text, kind, certainty, holder FROM claims WHERE id IN ({})"
_PLACES = (
    'SELECT o.claim_id, p.id, p.path, p.title, p.date, o.start, o."end", o.spans, s.text, p.key'
    " FROM occurrences o JOIN posts p ON p.id = o.post_id JOIN sentences s ON s.id = o.sentence_id"
    " WHERE o.claim_id IN ({}) ORDER BY p.date IS NULL, p.date, p.path, o.start"
)


class Results(list[_T]):
    """The hits of one query, best first, and in `notes` what the user should know of them.

    `close` is False where nothing is close to the query, and the hits are but the
    nearest. `pool` holds the ids of the best few hundred claims, best first, for
    counting them by kind, topic, month and so on.
    """

    def __init__(
        self, hits: Iterable[_T] = (), notes: Sequence[str] = (), *, close: bool = True, pool: Sequence[int] = ()
    ) -> None:
        super().__init__(hits)
        self.notes = tuple(notes)
        self.close = close
        self.pool = tuple(pool)


def occurrences(
    conn: sqlite3.Connection, claims: Sequence[int], posts: frozenset[int] | None = None
) -> dict[int, list[Occurrence]]:
    """Return the places where each claim (by id) is said, by date, in the posts named (by id) or in all."""
    found: dict[int, list[Occurrence]] = {claim: [] for claim in claims}
    for first in range(0, len(claims), _BATCH):
        batch = claims[first : first + _BATCH]
        for claim, post, path, title, date, start, end, spans, text, key in conn.execute(
            _PLACES.format(",".join("?" * len(batch))), batch
        ):
            if posts is None or post in posts:
                pairs = tuple((int(a), int(b)) for a, b in json.loads(spans))
                found[claim].append(Occurrence(path, title, date, start, end, pairs, text, key))
    return found


def matched(query: Query, holding: Sequence[Term]) -> tuple[str, ...]:
    """Return the words of a query, as typed, among the terms that a claim holds; stretches of bigrams where none is."""
    names = [term.name for term in holding if term.column == 0]
    if names:
        phrases = [label for name, label in query.labels if name in names and " " in name]
        return tuple(dict.fromkeys((*phrases, *shown(query.text, frozenset(names)))))
    held = {term.name for term in holding}
    stretches: list[str] = []
    before = ""
    for gram in query.grams:
        if gram in held:
            if before and len(gram) > 1 and before[-1] == gram[0]:
                stretches[-1] += gram[1:]
            else:
                stretches.append(gram)
        before = gram if gram in held else ""
    return tuple(dict.fromkeys(decode(stretch) for stretch in stretches))


def _marks(
    text: str, holding: Sequence[Term], names: tuple[str, ...], labels: Mapping[str, str]
) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    """Return where the words found stand in a claim's text (bigrams where it holds no word), and the synonyms used."""
    words = frozenset(term.name for term in holding if term.column == 0)
    grams = frozenset(term.name for term in holding if term.column == 1) if not words else frozenset()
    held, places = used(names, text) if names else ((), [])
    said = [span for phrase in words if " " in phrase for span in used((labels.get(phrase, phrase),), text)[1]]
    return tuple(joined([*stands(text, words, grams), *places, *said])), held


def hits(
    conn: sqlite3.Connection,
    index: SearchIndex,
    positions: Sequence[int],
    scores: Floats,
    arms: Mapping[str, tuple[Floats, Floats]],
    query: Query,
    terms: Sequence[Term],
    may: Allowed,
    names: tuple[str, ...] = (),
    families: Mapping[int, Sequence[int]] | None = None,
) -> dict[int, Hit]:
    """Return the claims at `positions`, by position and in that order, but for those deleted meanwhile.

    `arms` holds, by name, the plain scores of an arm and those it ranks by,
    `names` the synonyms of the query, `families` the positions folded into each.
    """
    others = families or {}
    top, positions = list(positions), [*positions, *(p for position in positions for p in others.get(position, ()))]
    ids = [int(index.ids[position]) for position in positions]
    heads = {}
    for first in range(0, len(ids), _BATCH):
        batch = ids[first : first + _BATCH]
        for claim, *rest in conn.execute(_HEADS.format(",".join("?" * len(batch))), batch):
            heads[claim] = rest
    said = occurrences(conn, ids, may.posts)
    labels = dict(query.labels)
    ranks = {name: dict(zip(top, places_of(ranking, top), strict=True)) for name, (_, ranking) in arms.items()}
    found: dict[int, Hit] = {}
    held = [term.posting.holds(np.array(top, dtype=np.intp)) for term in terms]
    for place, position in enumerate(top):
        claim = int(index.ids[position])
        if claim not in heads:  # deleted by a build since the index was read
            continue
        key, text, kind, certainty, holder = heads[claim]
        holding = [term for term, holds in zip(terms, held, strict=True) if holds[place]]
        marks, synonyms = _marks(text, holding, names, labels)
        members = [int(index.ids[p]) for p in others.get(position, ()) if int(index.ids[p]) in heads]
        found[position] = Hit(
            claim=key,
            text=text,
            kind=kind,
            certainty=certainty,
            holder=holder,
            score=round(float(scores[position]), 6),
            arms={
                name: Arm(ranks[name][position], round(float(plain[position]), 6))
                for name, (plain, _) in arms.items()
                if plain[position] > 0
            },
            matched=matched(query, holding),
            occurrences=tuple(said[claim]),
            synonyms=synonyms,
            marks=marks,
            also=tuple(Also(heads[m][0], heads[m][1], len({o.post for o in said[m]})) for m in members),
            posts=len({place.post for one in (claim, *members) for place in said[one]}),
        )
    return found
