"""What is counted of topics, all at once: by kind and by month, names, shared claims and posts, trends, examples.

Everything is a product of sparse matrices (claims x topics, claims x posts,
claims x names), so that 350,000 claims take seconds; what a page shows is kept
with the topic and read as one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from kb.records import CLAIM_KINDS
from kb.text import short_key
from kb.topics import slopes
from kb.topics.records import Direction, Trend

Vectors = npt.NDArray[np.float32]
Rows = Mapping[str, Sequence[Any]]

_MOST_NAMES = 20
_EXAMPLES = 5
_REDUNDANT = 0.6  # how much likeness to what is chosen already counts against an example
_LEAST_MONTH = 20  # claims a month must have for its shares to mean something
_LEAST_MONTHS = 4
_RECENT = 3  # months
_CONFIDENCE = 0.9


class Counter:
    """The claims, posts and topics of a database as matrices.

    Args (of `rows`): `claims` (id, key, kind), `topics` (id, slug, parent),
    `about` (topic, claim), `said` (claim, post), `posts` (id, date), `named`
    (claim, entity).
    """

    def __init__(self, rows: Rows) -> None:
        self.topics = [int(row[0]) for row in rows["topics"]]
        self._parents = {int(row[0]): row[2] for row in rows["topics"]}
        self._slugs = {int(row[0]): str(row[1]) for row in rows["topics"]}
        self.claims = [int(row[0]) for row in rows["claims"]]
        self.keys = [str(row[1]) for row in rows["claims"]]
        self._kinds = np.array([CLAIM_KINDS.index(row[2]) for row in rows["claims"]], dtype=np.intp)
        claim = {claim_id: place for place, claim_id in enumerate(self.claims)}
        topic = {topic_id: place for place, topic_id in enumerate(self.topics)}
        post = {int(row[0]): place for place, row in enumerate(rows["posts"])}
        months = [(row[1] or "")[:7] for row in rows["posts"]]
        self.months = sorted(set(filter(None, months)))
        month = {name: place for place, name in enumerate(self.months)}
        self.entities = sorted({int(row[1]) for row in rows["named"]})
        entity = {entity_id: place for place, entity_id in enumerate(self.entities)}
        self._posts = len(post)
        n, size = len(claim), len(topic)
        self.about = _matrix(((claim[c], topic[t]) for t, c in rows["about"] if c in claim), n, size)
        self._column, self._by_topic = topic, self.about.tocsc()
        self.said = _matrix(((claim[c], post[p]) for c, p in rows["said"] if c in claim), n, len(post))
        self._dated = _matrix(((p, month[m]) for p, m in enumerate(months) if m), len(post), len(month))
        self._named = _matrix(((claim[c], entity[e]) for c, e in rows["named"] if c in claim), n, len(entity))

    def stats(self, examples: Mapping[int, Sequence[str]]) -> dict[int, dict[str, Any]]:
        """Return what is counted of each topic, by its id; `examples` are the keys of claims that stand for it."""
        claims = _sums(self.about)
        in_posts = _whole(self.said.T @ self.about)  # posts x topics
        posts = _sums(in_posts)
        by_month = [
            _dense(_whole(self.said @ self._dated).T @ self.about.multiply((self._kinds == k)[:, None]).tocsr())
            for k in range(len(CLAIM_KINDS))
        ]
        all_months = _sums(_whole(self.said @ self._dated))
        post_months = _dense(self._dated.T @ in_posts)
        names = (self.about.T @ self._named).tocsr()
        found = {}
        for place, topic in enumerate(self.topics):
            months = np.stack([one[:, place] for one in by_month], axis=1)  # months x kinds
            kinds = self._kinds[self._places(topic)]
            found[topic] = {
                "claims": int(claims[place]),
                "of": len(self.claims),
                "posts": int(posts[place]),
                "share": round(float(posts[place]) / self._posts, 4) if self._posts else 0.0,
                "kinds": {kind: int((kinds == k).sum()) for k, kind in enumerate(CLAIM_KINDS) if (kinds == k).any()},
                "months": list(self._months(months, post_months[:, place])),
                "trend": asdict(trend(months.sum(axis=1), all_months)),
                "entities": self._top_names(names[place]),
                "examples": list(examples.get(topic, ())),
                "members": self.fingerprint(topic),
            }
        return found

    def _months(self, kinds: npt.NDArray[Any], posts: npt.NDArray[Any]) -> Iterator[dict[str, Any]]:
        """Yield the months from the first to the last that has a claim."""
        filled = np.flatnonzero(kinds.sum(axis=1))
        for m in range(filled[0], filled[-1] + 1) if filled.size else ():
            by_kind = {kind: int(kinds[m, k]) for k, kind in enumerate(CLAIM_KINDS) if kinds[m, k]}
            yield {
                "month": self.months[m],
                "claims": int(kinds[m].sum()),
                "posts": int(posts[m]),
                "kinds": by_kind,
            }

    def _top_names(self, row: Any) -> list[list[int]]:
        """Return (entity, claims) of those named most."""
        pairs = sorted(zip(row.data, row.indices, strict=True), key=lambda pair: (-pair[0], pair[1]))
        return [[self.entities[place], int(count)] for count, place in pairs[:_MOST_NAMES]]

    def shared(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (topic, topic, claims, posts) of the topics that share any post, the smaller id first."""
        claims = _dense(self.about.T @ self.about)
        in_posts = _whole(self.said.T @ self.about)
        posts = _dense(in_posts.T @ in_posts)
        for a, b in zip(*np.triu(posts, 1).nonzero(), strict=True):
            low, high = sorted((self.topics[a], self.topics[b]))
            yield low, high, int(claims[a, b]), int(posts[a, b])

    def fingerprint(self, topic: int) -> str:
        """Return a short hash of a topic's claims, the same in every database that has the same ones."""
        return short_key("members", *(self.keys[place] for place in self._places(topic)))

    def members(self, topic: int, most: int) -> list[int]:
        """Return ids of at most `most` claims of a topic, in the order of their keys, evenly drawn."""
        places = self._places(topic)
        step = max(1, -(-len(places) // most))
        return [self.claims[place] for place in places[::step]]

    def _places(self, topic: int) -> list[int]:
        """Return the places of a topic's claims."""
        column = self._column[topic]
        places: list[int] = self._by_topic.indices[slice(*self._by_topic.indptr[column : column + 2])].tolist()
        return sorted(places)


def trend(claims: npt.NDArray[Any], everything: npt.NDArray[Any]) -> Trend:
    """Return the trend of a topic: Theil-Sen slope of its share of each month's claims (Sen 1968), with its interval.

    The median of the slopes between all pairs of months withstands a month that
    stands out, as least squares would not. It is rising where even the low end
    of the interval is. Months with few claims are left out.

    Args:
        claims: of the topic, month by month.
        everything: all claims, month by month.
    """
    kept = np.flatnonzero(everything >= _LEAST_MONTH)
    shares = claims[kept] / everything[kept] if kept.size else np.zeros(0)
    recent = _share(claims[kept[-_RECENT:]], everything[kept[-_RECENT:]])
    before = _share(claims[kept[:-_RECENT]], everything[kept[:-_RECENT]])
    if kept.size < _LEAST_MONTHS or not claims.any():
        return Trend("unknown", 0.0, 0.0, 0.0, recent, before, int(kept.size))
    slope, low, high = slopes.median(shares, kept, _CONFIDENCE)
    direction: Direction = "rising" if low > 0 else "falling" if high < 0 else "steady"
    return Trend(direction, round(slope, 6), round(low, 6), round(high, 6), recent, before, int(kept.size))


def _share(claims: npt.NDArray[Any], everything: npt.NDArray[Any]) -> float:
    return round(float(claims.sum()) / float(everything.sum()), 6) if everything.sum() else 0.0


def examples(keys: Sequence[str], texts: Sequence[str], vectors: Vectors, most: int = _EXAMPLES) -> list[str]:
    """Return the keys of the claims that stand for a topic: near its middle, unlike each other, of a readable length.

    Maximal marginal relevance (Carbonell & Goldstein 1998).
    """
    if not keys:
        return []
    lengths = np.array([len(text) for text in texts])
    fit = np.where((lengths >= 20) & (lengths <= 120), 1.0, 0.7)
    middle = vectors.mean(axis=0)
    near = (vectors @ (middle / max(float(np.linalg.norm(middle)), 1e-9))) * fit
    order = sorted(range(len(keys)), key=lambda place: (-round(float(near[place]), 5), keys[place]))[:200]
    chosen: list[int] = []
    alike: dict[int, float] = {}  # how much a claim is like the nearest of those chosen
    while order and len(chosen) < most:
        worth = {place: near[place] - _REDUNDANT * alike.get(place, 0.0) for place in order}
        best = min(order, key=lambda place: (-round(float(worth[place]), 5), keys[place]))
        chosen.append(best)
        order.remove(best)
        for place in order:
            cosine = float(vectors[place] @ vectors[best])
            alike[place] = max(cosine, alike.get(place, cosine))
    return [keys[place] for place in chosen]


def _matrix(cells: Iterator[tuple[int, int]], height: int, width: int) -> Any:
    """Return a sparse matrix of ones."""
    from scipy.sparse import csr_matrix

    pairs = np.array(list(cells), dtype=np.intp).reshape(-1, 2)
    values = np.ones(len(pairs), dtype=np.int64)
    return _whole(csr_matrix((values, (pairs[:, 0], pairs[:, 1])), shape=(height, width)))


def _whole(matrix: Any) -> Any:
    """Return a matrix of counts as one of ones."""
    made = matrix.tocsr()
    made.sum_duplicates()
    made.data[:] = 1
    return made


def _dense(matrix: Any) -> npt.NDArray[Any]:
    return np.asarray(matrix.todense())


def _sums(matrix: Any) -> npt.NDArray[Any]:
    """Return the sums of the columns."""
    return np.asarray(matrix.sum(axis=0)).ravel()
