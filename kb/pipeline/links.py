"""Tying claims and articles to each other: neighbours in meaning, typed ties, contradictions.

Whatever changed, the answer is that of a fresh build: what a claim's neighbours
were found with is kept as a fingerprint, so that only those are looked for again
whose fingerprint, or a neighbour's, is another one; ties are worked out anew
from neighbours and verdicts, and only rows that differ are written, in one
transaction. A build killed before it leaves all as it was, with the verdicts
made so far.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine

from kb import fts, links, parts, store
from kb.links import articles, frames, neighbours, ties
from kb.links.limits import limits
from kb.pipeline import link_corpus
from kb.pipeline.link_corpus import Corpus
from kb.pipeline.merge import rules_fingerprint
from kb.pipeline.parts import fingerprint as parts_fingerprint
from kb.pipeline.pool import Workers
from kb.pipeline.report import Tally
from kb.records import Relation
from kb.store import links as stored
from kb.text import tokens

STAGE = "links"
LINKS_VERSION = 1  # raise it when code would tie the same claims otherwise
_BATCH = 200
_WRITTEN = 20_000  # ties at once
_FEW = 4

Pair = tuple[int, int]
Verdicts = Mapping[Pair, Relation]


@dataclass(frozen=True, slots=True)
class Found:
    """What the stage works out before it writes.

    Attributes:
        states: what the neighbours of each claim are found with now, by place.
        changed: the claims for which that is another than before, by place.
        old: the neighbours that the database holds.
        row: of each neighbour found the claim whose it is, by place.
        nearest: the neighbours.
        near: pairs tied by meaning: (place, place, cosine).
    """

    states: Sequence[str]
    changed: npt.NDArray[np.bool_]
    old: stored.Stored
    row: npt.NDArray[np.int64]
    nearest: neighbours.Nearest
    near: Sequence[tuple[int, int, float]]


def tie(engine: Engine, tally: Tally, workers: Workers) -> None:
    """Bring neighbours, ties of claims and ties of articles in line with the claims that posts make now."""
    with engine.connect() as connection:
        model = next((m for m in connection.execute(store.models()) if m.active), None)
        if model is None:
            return
        state = _fingerprint(model.name, model.revision)
        if store.state(connection, STAGE) == state:
            return
        corpus = link_corpus.read(connection, model.id, model.dim)
        found = _neighbours(connection, corpus, state, tally)
        told = link_corpus.parts(connection, corpus)
    corpus = corpus.without_vectors()  # of very many claims they take most of the memory
    verdicts = _judged(engine, corpus, found, told, tally, workers)
    with engine.connect() as connection:
        made = _ties(connection, corpus, found, told, verdicts)
    with engine.begin() as connection:
        written = _write(connection, corpus, found, told, made)
        store.put_state(connection, STAGE, state)
    tally.add(links_made=written)


def _fingerprint(name: str, revision: str) -> str:
    """Return a fingerprint of all that decides ties beside the claims: model, limits, tables, code."""
    made = (name, revision, limits().fingerprint, rules_fingerprint(), parts_fingerprint())
    state = "\0".join((*made, str(fts.VERSION), str(LINKS_VERSION)))
    return hashlib.blake2b(state.encode(), digest_size=8).hexdigest()


def _neighbours(connection: Connection, corpus: Corpus, state: str, tally: Tally) -> Found:
    """Find the neighbours of the claims whose state is another, or that had one of these for a neighbour."""
    scale = neighbours.scale(corpus.claims)
    cells = neighbours.cells(corpus.claims)
    floor = scale.at(*limits().neighbour)
    base = f"{state} {scale.middle} {scale.spread}"
    states = ties.states(base, corpus.content, corpus.made_of, cells)
    before = [(held or " ").split(" ") for held in corpus.states]
    changed = np.array([was[0] != now for was, now in zip(before, states, strict=True)], dtype=bool)
    old = stored.neighbours(connection)
    kept = _kept(corpus, old, changed, np.array([int(was[1] or 0) if len(was) > 1 else 0 for was in before]))
    row, nearest = neighbours.brought_up(
        corpus.claims, cells, floor, corpus.able, changed, kept, lambda done, all_: tally.told(STAGE, done, all_)
    )
    near = ties.near(corpus.content, scale, row, nearest.places, nearest.scores)
    return Found(states, changed, old, row, nearest, near)


def _kept(
    corpus: Corpus, old: stored.Stored, changed: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64]
) -> neighbours.Held:
    """Return the neighbours that still hold: of claims that have all they had, none of which changed."""
    order = np.argsort(corpus.ids)
    if not len(order):
        return neighbours.Held(*(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0), np.zeros(0, dtype=bool))
    ordered = corpus.ids[order]

    def place(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        at = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
        return np.where(ordered[at] == ids, order[at], -1)

    row, other = place(old.claims), place(old.others)
    known = row >= 0
    broken = np.bincount(row[known & (other >= 0)], minlength=len(corpus.ids)) != counts
    stale = known & ((other < 0) | changed[other] | ~corpus.able[other])
    broken[row[stale]] = True
    good = known & ~broken[row] & ~changed[row]
    return neighbours.Held(row[good], other[good], old.scores[good], broken)


def _judged(engine: Engine, corpus: Corpus, found: Found, told: ties.Parts, tally: Tally, workers: Workers) -> Verdicts:
    """Judge the pairs that may be more than related, and return what was judged, by places.

    What the merge stage has judged is not judged again; what was judged before
    is remembered, unless one of the two claims has changed.
    """
    set_by = limits()
    pairs = ties.overlapping(corpus.content, ((a, b) for a, b, _ in found.near), set_by.overlap)
    framed = frames.framed(corpus.content, link_corpus.marks(corpus, told))
    wanted = {*pairs, *ties.overlapping(corpus.content, framed, set_by.frame_overlap)}
    rules = f"{STAGE} {rules_fingerprint()}"
    keys = corpus.keys
    named = {(keys[a], keys[b]): (a, b) for a, b in wanted}
    with engine.begin() as connection:
        merging = store.verdicts(connection, rules_fingerprint())
        known = store.verdicts(connection, rules)
        fresh = {pair for pair, (a, b) in named.items() if found.changed[a] or found.changed[b]}
        stored.drop_verdicts_but(connection, STAGE, rules)
        store.drop_verdicts(connection, [pair for pair in known if pair not in named or pair in fresh])
    todo = sorted(pair for pair in named if pair not in merging and (pair not in known or pair in fresh))
    _judge(engine, corpus, [(*named[pair], *pair) for pair in todo], rules, tally, workers)
    with engine.connect() as connection:
        judged = store.verdicts(connection, rules)
        wordings = stored.claims_of_wordings(connection)
    place = corpus.places()
    made = [(*named[pair], r) for pair, r in judged.items() if pair in named and r.relation != "related"]
    for (one, two), relation in merging.items():
        a, b = place.get(wordings.get(one, -1), -1), place.get(wordings.get(two, -1), -1)
        if a >= 0 and b >= 0:
            made.append((a, b, relation))
    return ties.gravest(made)


def _judge(
    engine: Engine,
    corpus: Corpus,
    pairs: Sequence[tuple[int, int, str, str]],
    rules: str,
    tally: Tally,
    workers: Workers,
) -> None:
    """Judge (place, place, key, key) and remember the verdicts, a batch a transaction."""
    with engine.connect() as connection:
        text = stored.claim_texts(connection, {int(corpus.ids[place]) for a, b, _, _ in pairs for place in (a, b)})
    ids = corpus.ids.tolist()
    rows = [(one, two, text[ids[a]], text[ids[b]]) for a, b, one, two in pairs]
    batches = [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]
    done = 0
    for made in workers.each(judge_batch, batches, here=len(batches) < _FEW):
        with engine.begin() as connection:
            done += store.put_verdicts(connection, made, rules)
        tally.told(STAGE, done, len(rows))


@lru_cache(maxsize=2048)
def _prepared(text: str) -> links.Prepared:
    return links.prepare(text)


def judge_batch(batch: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, str, Relation]]:
    """Judge (key, key, text, text) of each pair of different articles. Runs in any process."""
    return [(a, b, _judged_apart(_prepared(x), _prepared(y))) for a, b, x, y in batch]


def _judged_apart(a: links.Prepared, b: links.Prepared) -> Relation:
    """Judge two sentences of different articles: what points at its own article (これは) is part of nothing there."""
    found = links.judge(a, b)
    if found.relation in ("same", "subsumes") and (frames.points(a) or frames.points(b)):
        return Relation("related", found.score, found.evidence)
    return found


Made = Mapping[Pair, tuple[str, float, "tuple[str, ...] | None"]]


def _ties(connection: Connection, corpus: Corpus, found: Found, told: ties.Parts, verdicts: Verdicts) -> Made:
    """Return relation, score and evidence of every pair that is tied; of what is merely near no evidence yet."""
    near = {(a, b): cosine for a, b, cosine in found.near}
    made: dict[Pair, tuple[str, float, tuple[str, ...] | None]] = {
        pair: ("related", round(cosine, 4), None) for pair, cosine in near.items()
    }
    sure = _contradictions(connection, corpus, told, [p for p, r in verdicts.items() if r.relation == "conflict"])
    for (a, b), relation in verdicts.items():
        substantial = bool(corpus.able[a] and corpus.able[b])
        if relation.relation == "conflict":
            good = (a, b) in sure
        else:
            good = substantial and (relation.relation != "related" or (a, b) not in near)
        if good:
            made[a, b] = (relation.relation, relation.score, relation.evidence)
    return made


def _contradictions(connection: Connection, corpus: Corpus, told: ties.Parts, pairs: Sequence[Pair]) -> frozenset[Pair]:
    """Return the pairs, judged to contradict each other, that speak of one thing."""
    ids = corpus.ids.tolist()
    text = stored.claim_texts(connection, {ids[place] for pair in pairs for place in pair})
    around, holder = stored.around(connection, text), stored.holders(connection, text)

    def names(place: int) -> tuple[frozenset[str], frozenset[str]]:
        id_ = ids[place]
        about = around.get(id_, "")
        own = told.names.get(place, {})  # but for whoever says it: two may say of one thing what they like
        said = frozenset(key for key, words in own.items() if words not in holder[id_])
        return said, frozenset(m.key for m in parts.entities(about, tokens(about)))

    def sure(a: int, b: int) -> bool:
        if not frames.one_subject(_prepared(text[ids[a]]), _prepared(text[ids[b]])):
            return False
        return bool(set(corpus.posts[a]) & set(corpus.posts[b])) or frames.one_context(names(a), names(b))

    return frozenset(pair for pair in pairs if sure(*pair))


def _write(connection: Connection, corpus: Corpus, found: Found, told: ties.Parts, made: Made) -> int:
    """Write what differs from what the database holds: neighbours and their states, ties, ties of articles.

    Returns:
        How many ties of claims are new or other ones.
    """
    ids = corpus.ids
    new = stored.Stored(ids[found.row], ids[found.nearest.places], found.nearest.scores)
    stored.put_neighbours(connection, found.old, new)
    states = [f"{state} {count}" for state, count in zip(found.states, found.nearest.counts.tolist(), strict=True)]
    plain = ids.tolist()
    rows = zip(states, corpus.states, plain, strict=True)
    stored.put_link_states(connection, [(now, id_) for now, was, id_ in rows if now != was])
    stored.clear_stock(connection)
    _write_articles(connection, corpus, made)
    return _write_ties(connection, corpus, found, told, made)


def _write_ties(connection: Connection, corpus: Corpus, found: Found, told: ties.Parts, made: Made) -> int:
    """Write the ties of claims that differ, and return how many; why two are near is told where one of them changed."""
    old = stored.links(connection)
    ids = corpus.ids.tolist()
    near = {(a, b): cosine for a, b, cosine in found.near}
    fresh: dict[Pair, tuple[str, float, Sequence[str]]] = {}
    other: list[Pair] = []
    written = 0
    for (a, b), (relation, score, evidence) in made.items():
        pair = (ids[a], ids[b])
        held = old.pop(pair, None)
        if evidence is None:
            if held and held[:2] == (relation, score) and not (found.changed[a] or found.changed[b]):
                continue
            evidence = ties.common(corpus.content, told, a, b, near[a, b])
        if held != (relation, score, evidence):
            fresh[pair] = (relation, score, evidence)
            if held is not None:
                other.append(pair)
        if len(fresh) == _WRITTEN:
            stored.change_links(connection, other, fresh)
            written += len(fresh)
            fresh.clear()
            other.clear()
    stored.change_links(connection, [*old, *other], fresh)  # what is left of the old ones is tied no more
    return written + len(fresh)


def _write_articles(connection: Connection, corpus: Corpus, made: Made) -> None:
    """Write the ties of articles that differ."""
    strength = {pair: score if relation == "related" else 1.0 for pair, (relation, score, _) in made.items()}
    sizes: dict[int, int] = dict.fromkeys(range(len(corpus.paths)), 0)
    for where in corpus.posts:
        for post in where:
            sizes[post] += 1
    post_ids = stored.post_ids(connection)
    ids = corpus.ids.tolist()
    wanted = {
        (post_ids[corpus.paths[tie.a]], post_ids[corpus.paths[tie.b]]): (
            tie.score,
            tie.shared,
            [[ids[a], ids[b]] for a, b in tie.ties],
        )
        for tie in articles.articles(strength, corpus.posts, sizes)
    }
    old = stored.article_links(connection)
    fresh = {pair: tie for pair, tie in wanted.items() if old.get(pair) != tie}
    stored.change_article_links(connection, [pair for pair in old if pair not in wanted], fresh)
