"""Which claims are about which topics.

A claim is about a topic when it holds one of the topic's aliases, a word that
names it; or, where it names no topic at all, when it lies nearer to a seed
sentence of the topic than sentences of different topics ever lie to each other.
A wrong claim costs a reader more than a missing one, so both are strict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kb import synonyms
from kb.config import resource
from kb.records import Topic
from kb.topics.spelling import fold

Vectors = npt.NDArray[np.float32]

_NAMED = 0.9  # score of a claim that holds one alias
_NAMED_AGAIN = 0.05  # for each other alias, up to 1
_SEED_FLOOR = 0.65  # a cosine below this says too little under any model that was tried
_SEED_MARGIN = 0.05  # how much nearer than sentences of different topics lie to each other
_LATIN = re.compile("[0-9a-z]")


class Encoder(Protocol):
    """What makes vectors of texts: (texts x dim), float32, unit length."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a vector a text."""
        ...


class Assignment(NamedTuple):
    """That the text at position `at` is about the topic `slug`, how surely (0 to 1), and what says so."""

    at: int
    slug: str
    score: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """Folded phrases by their first two characters: (phrase, position of its topic, as written, is an exclusion)."""

    starts: dict[str, list[tuple[str, int, str, bool]]]


def assign(texts: Sequence[str], topics: Sequence[Topic], encoder: Encoder | None = None) -> list[Assignment]:
    """Return which texts are about which topics, in the order of the texts, then of the topics.

    What one text is assigned does not depend on the others. A text about a
    topic is about its parents too. Without an encoder seeds are not used.
    """
    names = _names(topics)
    marks = [_by_name(text, names) for text in texts]
    scores: list[dict[int, tuple[float, tuple[str, ...]]]] = []
    for aliases, _ in marks:
        scores.append({t: (min(1.0, _NAMED + _NAMED_AGAIN * (len(w) - 1)), tuple(w)) for t, w in aliases.items()})
    silent = [i for i, (aliases, _) in enumerate(marks) if not aliases]
    if encoder is not None and silent:
        for i, t, score, seed in _by_seed([texts[i] for i in silent], topics, encoder):
            if t not in marks[silent[i]][1]:
                scores[silent[i]][t] = (score, (f"≈ {seed}",))
    place = {topic.slug: number for number, topic in enumerate(topics)}
    found = []
    for index, given in enumerate(scores):
        _lift(given, topics, place)
        for t in sorted(given):
            score, evidence = given[t]
            found.append(Assignment(index, topics[t].slug, round(score, 4), evidence))
    return found


def _lift(given: dict[int, tuple[float, tuple[str, ...]]], topics: Sequence[Topic], place: dict[str, int]) -> None:
    """Give a text's topics' parents too, where it does not have them for a reason of its own."""
    for t in list(given):
        child = topics[t]
        while child.parent is not None and child.parent in place:
            above = place[child.parent]
            if above not in given:
                given[above] = (given[t][0], (f"> {child.slug}",))
            child = topics[above]


def _names(topics: Sequence[Topic]) -> _Names:
    """Return the phrases of all topics; an alias that holds a name of data/synonyms.yml stands for each variant."""
    groups = synonyms.load(resource("data", "synonyms.yml"))
    starts: dict[str, list[tuple[str, int, str, bool]]] = {}
    for number, topic in enumerate(topics):
        known: set[str] = set()
        for alias in topic.aliases:
            for variant in _variants(alias, groups):
                phrase = fold(variant)
                if len(phrase) > 1 and phrase not in known:
                    known.add(phrase)
                    starts.setdefault(phrase[:2], []).append((phrase, number, alias, False))
        for phrase in filter(lambda p: len(p) > 1, map(fold, topic.exclude)):
            starts.setdefault(phrase[:2], []).append((phrase, number, phrase, True))
    return _Names(starts)


def _variants(alias: str, groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield `alias`, and with one name in it replaced by each of its synonyms."""
    yield alias
    folded = synonyms.fold_name(alias)
    for group in groups:
        for name in group:
            if name in folded and (match := synonyms.bounded(name).search(folded)):
                for other in group:
                    if other != name:
                        yield folded[: match.start()] + other + folded[match.end() :]


def _by_name(text: str, names: _Names) -> tuple[dict[int, list[str]], set[int]]:
    """Return the aliases found, by topic, and the topics of which an excluded phrase was found.

    An alias inside an excluded phrase of its topic does not count.
    """
    flat = fold(text)
    hits: list[tuple[int, int, int, str]] = []
    barred: dict[int, list[tuple[int, int]]] = {}
    starts = names.starts
    for at in range(len(flat) - 1):
        for phrase, topic, written, excluded in starts.get(flat[at : at + 2], ()):
            end = at + len(phrase)
            if not flat.startswith(phrase, at) or not _stands_alone(flat, at, end):
                continue
            if excluded:
                barred.setdefault(topic, []).append((at, end))
            else:
                hits.append((topic, at, end, written))
    found: dict[int, list[str]] = {}
    for topic, at, end, written in hits:
        if any(a <= at and end <= b for a, b in barred.get(topic, ())):
            continue
        words = found.setdefault(topic, [])
        if written not in words:
            words.append(written)
    return found, set(barred)


def _stands_alone(flat: str, start: int, end: int) -> bool:
    """Tell whether no Latin letter or digit runs on at either end; a plural's s may."""
    if start and _LATIN.match(flat[start]) and _LATIN.match(flat[start - 1]):
        return False
    if end < len(flat) and _LATIN.match(flat[end - 1]) and _LATIN.match(flat[end]):
        return flat[end] == "s" and flat[end - 1].isalpha() and not _LATIN.match(flat[end + 1 : end + 2])
    return True


def _by_seed(texts: Sequence[str], topics: Sequence[Topic], encoder: Encoder) -> Iterator[tuple[int, int, float, str]]:
    """Yield (text, topic, cosine, seed) where a text is near enough to a seed: of its nearest topic only."""
    owners = np.array([t for t, topic in enumerate(topics) for _ in topic.seeds], dtype=np.intp)
    seeds = [seed for topic in topics for seed in topic.seeds]
    if not seeds:
        return
    vectors = encoder.encode(seeds)
    near = encoder.encode(texts) @ vectors.T
    floor = _floor(vectors, owners)
    best = near.argmax(axis=1)
    for text in np.flatnonzero(near[np.arange(len(texts)), best] >= floor):
        seed = int(best[text])
        yield int(text), int(owners[seed]), float(near[text, seed]), seeds[seed]


def _floor(vectors: Vectors, owners: npt.NDArray[np.intp]) -> float:
    """Return the cosine from which on a text counts as near a seed, from how near seeds of different topics lie."""
    apart = (vectors @ vectors.T)[owners[:, None] != owners[None, :]]
    usual = float(np.quantile(apart, 0.99)) if apart.size else 0.0
    return min(max(_SEED_FLOOR, usual + _SEED_MARGIN), 0.9)
