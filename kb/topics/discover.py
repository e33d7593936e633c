"""Finding topics that nobody listed, among the claims that no curated topic explains.

Clustering the claims by their vectors alone groups what is said in the same
manner (calls to the reader, hopes, comparisons) rather than what is said of the
same thing. What a claim is about shows in its noun phrases, and of these in the
ones that come in bursts: a subject fills a few posts, a turn of phrase is spread
over all (Church & Gale 1995, "Inverse document frequency: a measure of
deviations from Poisson"). So the phrases are clustered, by agglomeration with
average linkage, and each claim goes where its phrases go. Two phrases are near
when their claims lie near by the vectors of the active model, stand in the same
posts, and are the same claims. Names are those phrases that class-based TF-IDF
puts first (Grootendorst 2022, "BERTopic", https://arxiv.org/abs/2203.05794).

All of it is deterministic: no random start, ties broken by spelling.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kb.records import Topic
from kb.topics.phrases import Phrase, phrases
from kb.topics.spelling import fold, parts_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Vectors = npt.NDArray[np.float32]

SAMPLE = 50_000  # claims that are looked at; the rest is assigned by what was found in them
_BURST = 1.45  # posts a phrase would be in by chance, against those it is in
_BURST_PLAIN = 1.8  # the same for one common noun
_BURST_SURE = 2.6  # from here on one common noun alone is a subject
_SPREAD, _SPREAD_PLAIN = 0.3, 0.15  # the share of all posts beyond which a phrase is no subject here
_LEAST_POSTS = 3
_MOST_PHRASES = 1_500
_APART = 0.62  # distance from which on two groups of phrases are two topics
_BY_MEANING, _BY_POSTS, _BY_CLAIMS = 0.45, 0.35, 0.2
_LEAST_SPECIFIC = 0.25  # share of a topic's claims that hold a proper name or a compound
MOST_TOPICS = 60


class Said(NamedTuple):
    """A claim: its text, and the posts that say it."""

    text: str
    posts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase that names a topic: as written most often, folded, its weight in the topic, how many claims hold it."""

    text: str
    key: str
    weight: float
    claims: int
    specific: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """A topic that was found: its terms, the best first, and the places of its claims."""

    terms: tuple[Term, ...]
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """The phrases of the claims: as written, which are candidates, and claims x candidates."""

    written: dict[str, str]
    specific: dict[str, bool]
    sure: set[str]  # specific, or coming in one burst
    keys: list[str]
    holds: Any


def discover(
    claims: Sequence[Said],
    vectors: Vectors | None,
    listed: Sequence[Topic],
    posts: int,
    read: Sequence[Sequence[Phrase]] | None = None,
) -> list[Cluster]:
    """Return the topics among claims, those with most claims first.

    Args:
        claims: that no curated topic explains; at most `SAMPLE` of them.
        vectors: one a claim (claims x dim, unit length), or None without a model.
        listed: the curated topics; what is part of one of their names is no topic of its own.
        posts: how many posts there are.
        read: the noun phrases of each claim, where they are known already.
    """
    if read is None:
        read = [phrases(claim.text) for claim in claims]
    found = _candidates(read, claims, listed, posts)
    if len(found.keys) < 2:
        return []
    groups = _groups(1 - _nearness(found, claims, vectors, posts))
    worth = [columns for columns in groups if _is_topic(found, columns, claims)]
    clusters = [_cluster(found, columns) for columns in worth]
    clusters = _weighed(clusters, read, found)
    clusters.sort(key=lambda cluster: (-len(cluster.members), cluster.terms[0].key))
    return clusters[:MOST_TOPICS]


def _groups(distances: npt.NDArray[np.float32]) -> list[list[int]]:
    """Return the phrases of each group by place, by average linkage: groups that lie `_APART` stay apart."""
    from scipy.cluster.hierarchy import fcluster, linkage  # half of what scikit-learn needs to be imported

    tree = linkage(distances[np.triu_indices(len(distances), k=1)], method="average")
    groups: dict[int, list[int]] = defaultdict(list)
    for place, label in enumerate(fcluster(tree, np.nextafter(_APART, 0), criterion="distance")):
        groups[int(label)].append(place)
    return list(groups.values())


def least_claims(claims: int) -> int:
    """Return how many claims a topic must have at least, of so many that are looked at."""
    return max(12, round(claims / 1_500))


def _candidates(
    read: Sequence[Sequence[Phrase]], claims: Sequence[Said], listed: Sequence[Topic], posts: int
) -> _Found:
    """Return the phrases that may be subjects."""
    from scipy.sparse import csr_matrix

    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    counts: Counter[str] = Counter()
    in_posts: dict[str, set[int]] = defaultdict(set)
    specific: dict[str, bool] = {}
    for said, claim in zip(read, claims, strict=True):
        for phrase in {p.key: p for p in said}.values():
            spelt[phrase.key][phrase.text] += 1
            counts[phrase.key] += 1
            in_posts[phrase.key].update(claim.posts)
            specific[phrase.key] = specific.get(phrase.key, False) or phrase.specific
    curated = "\n".join(
        fold(part) for t in listed for name in (*t.aliases, *t.names.values()) for part in parts_of(name)
    )
    least = max(6, round(len(claims) / 2_500))
    kept = [
        (key, number)
        for key, number in counts.items()
        if number >= least
        and key not in curated
        and _is_subject(number, len(in_posts[key]), posts, specific=specific[key])
    ]
    sure = {key for key, number in kept if _burst(number, len(in_posts[key]), posts) >= _BURST_SURE}
    kept.sort(key=lambda item: (-item[1], item[0]))
    keys = sorted(key for key, _ in kept[:_MOST_PHRASES])
    place = {key: column for column, key in enumerate(keys)}
    cells = sorted({(row, place[p.key]) for row, said in enumerate(read) for p in said if p.key in place})
    rows, columns = zip(*cells, strict=True) if cells else ((), ())
    holds = csr_matrix(
        (np.ones(len(cells), dtype=np.float32), (rows, columns)), shape=(len(claims), len(keys)), dtype=np.float32
    )
    written = {key: min(spelt[key].items(), key=lambda item: (-item[1], item[0]))[0] for key in keys}
    return _Found(written, specific, {key for key in keys if specific[key] or key in sure}, keys, holds)


def _is_subject(claims: int, in_posts: int, posts: int, *, specific: bool) -> bool:
    """Tell whether a phrase comes in bursts, as subjects do, and in few enough posts."""
    if in_posts < _LEAST_POSTS:
        return False
    if posts > 4 * _LEAST_POSTS and in_posts > posts * (_SPREAD if specific else _SPREAD_PLAIN):
        return False
    return _burst(claims, in_posts, posts) >= (_BURST if specific else _BURST_PLAIN)


def _burst(claims: int, in_posts: int, posts: int) -> float:
    """Return in how many posts so many claims would be by chance, against those they are in."""
    by_chance = posts * -math.expm1(claims * math.log1p(-1 / posts)) if posts > 1 else 1.0
    return by_chance / in_posts


def _nearness(found: _Found, claims: Sequence[Said], vectors: Vectors | None, posts: int) -> npt.NDArray[np.float32]:
    """Return how near phrases are to each other (phrases x phrases), 1 for the same."""
    holds = found.holds
    together = np.asarray((holds.T @ holds).todense(), dtype=np.float32)
    alone = together.diagonal()
    by_claims = together / np.minimum(alone[:, None], alone[None, :])
    where = np.log1p(np.asarray((holds.T @ _places(claims)).todense(), dtype=np.float32))
    by_posts = _cosines(where)
    if vectors is None:
        near = by_posts * (_BY_POSTS + _BY_MEANING) + by_claims * _BY_CLAIMS
    else:
        centred = _unit(vectors - vectors.mean(axis=0))
        meant = _unit(np.asarray(holds.T @ centred))
        by_meaning = _cosines(meant - meant.mean(axis=0))
        near = by_meaning * _BY_MEANING + by_posts * _BY_POSTS + by_claims * _BY_CLAIMS
    np.fill_diagonal(near, 1.0)
    # Rounded, so that machines which add up in another order find the same.
    return np.asarray(np.round(np.clip(near, -1, 1), 5), dtype=np.float32)


def _places(claims: Sequence[Said]) -> csr_matrix:
    """Return claims x posts."""
    from scipy.sparse import csr_matrix

    column = {post: place for place, post in enumerate(sorted({post for claim in claims for post in claim.posts}))}
    cells = sorted({(row, column[post]) for row, claim in enumerate(claims) for post in claim.posts})
    rows, columns = zip(*cells, strict=True) if cells else ((), ())
    return csr_matrix(
        (np.ones(len(cells), dtype=np.float32), (rows, columns)), shape=(len(claims), max(1, len(column)))
    )


def _unit(matrix: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-9), dtype=np.float32)


def _cosines(matrix: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    unit = _unit(matrix)
    return unit @ unit.T


def _is_topic(found: _Found, columns: Sequence[int], claims: Sequence[Said]) -> bool:
    """Tell whether a group of phrases is a topic: enough claims and posts, and not of common nouns alone."""
    members = found.holds[:, list(columns)].sum(axis=1).A1.nonzero()[0]
    if len(members) < least_claims(len(claims)):
        return False
    if len({post for place in members for post in claims[place].posts}) < _LEAST_POSTS:
        return False
    named = [column for column in columns if found.keys[column] in found.sure]
    if not named:
        return False
    held = found.holds[:, named].sum(axis=1).A1.nonzero()[0]
    return len(held) >= _LEAST_SPECIFIC * len(members)


def _cluster(found: _Found, columns: Sequence[int]) -> Cluster:
    """Return a group of phrases as a cluster, its terms not yet weighed."""
    held = found.holds[:, list(columns)]
    terms = tuple(
        Term(found.written[key], key, 0.0, int(found.holds[:, column].sum()), found.specific[key])
        for column, key in ((column, found.keys[column]) for column in columns)
    )
    return Cluster(terms, tuple(int(place) for place in held.sum(axis=1).A1.nonzero()[0]))


def _weighed(clusters: Sequence[Cluster], read: Sequence[Sequence[Phrase]], found: _Found) -> list[Cluster]:
    """Return clusters with their terms in the order of class-based TF-IDF, a class being the claims of a cluster.

    The weight of a term in a class is its share of the class's phrases, times
    log(1 + A / f): f is how often it stands in all classes, A how many phrases a
    class has on average.
    """
    classes = [Counter(p.key for place in cluster.members for p in read[place]) for cluster in clusters]
    overall: Counter[str] = Counter()
    for one in classes:
        overall.update(one)
    average = sum(overall.values()) / max(1, len(classes))
    made = []
    for cluster, counts in zip(clusters, classes, strict=True):
        size = max(1, sum(counts.values()))
        terms = [
            Term(t.text, t.key, counts[t.key] / size * math.log1p(average / overall[t.key]), t.claims, t.specific)
            for t in cluster.terms
        ]
        made.append(Cluster(tuple(sorted(terms, key=lambda t: (-t.weight, t.key))), cluster.members))
    return made


def sample(keys: Iterable[str], most: int = SAMPLE) -> list[int]:
    """Return the places of at most `most` of the keys, spread evenly over them: a key is a hash, so that is a draw."""
    ordered = sorted((key, place) for place, key in enumerate(keys))
    if len(ordered) <= most:
        return sorted(place for _, place in ordered)
    step = len(ordered) / most
    return sorted(ordered[int(number * step)][1] for number in range(most))


def as_topics(clusters: Sequence[Cluster], slugs: Sequence[str], names: Sequence[Mapping[str, str]]) -> list[Topic]:
    """Return clusters as topics that claims can be assigned to: their terms are the aliases."""
    return [
        Topic(slug, dict(name), tuple(term.text for term in cluster.terms), discovered=True)
        for cluster, slug, name in zip(clusters, slugs, names, strict=True)
    ]
