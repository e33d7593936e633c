"""Which claims are about which topics.

A claim is about a topic when it holds one of the topic's aliases, words that
name it. Where it does not, two weaker signs count: the heading it stands under,
or the sentence it leans on, names the topic; and of all topics this one's seeds
are nearest to the claim by meaning, clearly. One of them alone is wrong too
often (a heading: two in five on the real posts), both together seldom are. A
claim that names no topic and lies nearer to a seed than sentences of different
topics ever lie to each other needs no heading. A wrong claim costs a reader
more than a missing one, so all of it is strict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kb.records import Topic
from kb.topics.matching import Marks, find, names_of

Vectors = npt.NDArray[np.float32]
Given = dict[int, tuple[float, tuple[str, ...]]]  # topic -> score and evidence

_NAMED = 0.9  # score of a claim that holds one alias
_NAMED_AGAIN = 0.05  # for each other alias, up to 1
_FOUND = 0.5  # score of a claim that holds one term of a discovered topic
_FOUND_AGAIN = 0.1  # for each other term, up to _FOUND_MOST
_FOUND_MOST = 0.8
_UNDER = 0.6  # score of a claim whose heading names the topic
_AFTER = 0.55  # of one that leans on a sentence which does
_SEED_FLOOR = 0.65  # a cosine below this says too little under any model that was tried
_SEED_MARGIN = 0.05  # how much nearer than sentences of different topics lie to each other
# How much nearer than to the average topic a claim must lie, in units of what seeds of one topic are to each other.
_NEAR_UNDER = 1.0
_NEAR_AFTER = 1.4
_LEAST_UNIT = 0.05  # a model under which seeds of one topic are no nearer than this tells nothing


class Encoder(Protocol):
    """What makes vectors of texts: (texts x dim), float32, unit length."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a vector a text."""
        ...


class Around(NamedTuple):
    """What stands around a claim where it is said first: the heading above it, the sentence it leans on, or ""."""

    heading: str = ""
    antecedent: str = ""


class Assignment(NamedTuple):
    """That the text at position `at` is about the topic `slug`, how surely (0 to 1), and what says so."""

    at: int
    slug: str
    score: float
    evidence: tuple[str, ...]


def assign(
    texts: Sequence[str],
    topics: Sequence[Topic],
    encoder: Encoder | None = None,
    around: Sequence[Around] | None = None,
) -> list[Assignment]:
    """Return which texts are about which topics, in the order of the texts, then of the topics.

    What one text is assigned does not depend on the others. A text about a
    topic is about its parents too.

    Args:
        texts: of claims.
        topics: curated ones, and discovered ones with their terms as aliases.
        encoder: without it neither seeds nor what stands around a claim are used.
        around: what stands around each text; None for nothing.

    Returns:
        Evidence is the alias as listed; `< heading` or `<< sentence` where what
        stands around named the topic; `≈ seed`; `> slug` of a narrower topic.
    """
    names = names_of(topics)
    marks = [find(text, names) for text in texts]
    return Assigner(topics, encoder).assign(texts, marks, encoder, around)


class Assigner:
    """Assigns one batch of texts after the other to the same topics, see `assign`."""

    def __init__(self, topics: Sequence[Topic], encoder: Encoder | None = None) -> None:
        """Take the topics, and what makes vectors of their seeds."""
        self._topics = topics
        self._place = {topic.slug: number for number, topic in enumerate(topics)}
        self._names = names_of(topics)
        self._heard: dict[str, dict[int, list[str]]] = {"": {}}
        self._seeds = _Seeds(topics, encoder) if encoder is not None else None

    def assign(
        self,
        texts: Sequence[str],
        marks: Sequence[Marks],
        encoder: Encoder | None = None,
        around: Sequence[Around] | None = None,
    ) -> list[Assignment]:
        """Return which texts are about which topics.

        Args:
            texts: of claims.
            marks: the names that `find` found in each.
            encoder: makes vectors of the texts; without it names alone count.
            around: what stands around each text; None for nothing.
        """
        topics, space = self._topics, self._seeds
        given = [_named(aliases, topics) for aliases, _ in marks]
        if encoder is not None and space is not None and texts:
            near = _Near(texts, encoder)
            self._lean(given, marks, list(around or ()), space, near)
            silent = [i for i, (aliases, _) in enumerate(marks) if not any(not topics[t].discovered for t in aliases)]
            for i, t, score, seed in space.closest(silent, near):
                if t not in marks[i].barred and t not in given[i]:
                    given[i][t] = (score, (f"≈ {seed}",))
        found = []
        for index, scores in enumerate(given):
            _lift(scores, topics, self._place)
            for t in sorted(scores):
                score, evidence = scores[t]
                found.append(Assignment(index, topics[t].slug, round(score, 4), evidence))
        return found

    def _lean(
        self, given: list[Given], marks: Sequence[Marks], around: Sequence[Around], space: _Seeds, near: _Near
    ) -> None:
        """Add the topics that a claim's heading or the sentence it leans on names, where the claim itself lies near."""
        heard = self._heard
        wanted: list[tuple[int, int, float, float, str]] = []
        for i, beside in enumerate(around):
            for text, score, floor, mark in (
                (beside.heading, _UNDER, _NEAR_UNDER, "<"),
                (beside.antecedent, _AFTER, _NEAR_AFTER, "<<"),
            ):
                if text not in heard:
                    heard[text] = find(text, self._names).aliases
                for t in heard[text]:
                    if t not in given[i] and t not in marks[i].barred and t in space.listed:
                        wanted.append((i, t, score, floor, f"{mark} {text}"))
        if not wanted or space.unit < _LEAST_UNIT:
            return
        nearest, by = space.nearest(near.of([i for i, *_ in wanted]))
        for row, (i, t, score, floor, evidence) in enumerate(wanted):
            if nearest[row] == t and by[row] >= floor * space.unit and t not in given[i]:
                given[i][t] = (score, (evidence,))


def _named(aliases: dict[int, list[str]], topics: Sequence[Topic]) -> Given:
    """Return what aliases alone say."""
    scores: Given = {}
    for t, words in aliases.items():
        more = len(words) - 1
        score = (
            min(_FOUND_MOST, _FOUND + _FOUND_AGAIN * more)
            if topics[t].discovered
            else min(1.0, _NAMED + _NAMED_AGAIN * more)
        )
        scores[t] = (score, tuple(words))
    return scores


def _lift(given: Given, topics: Sequence[Topic], place: dict[str, int]) -> None:
    """Give a text's topics' parents too, where it does not have them for a reason of its own."""
    for t in list(given):
        child = topics[t]
        while child.parent is not None and child.parent in place:
            above = place[child.parent]
            if above not in given:
                given[above] = (given[t][0], (f"> {child.slug}",))
            child = topics[above]


class _Near:
    """The vectors of texts, made once for those that are asked for."""

    def __init__(self, texts: Sequence[str], encoder: Encoder) -> None:
        self._texts, self._encoder = texts, encoder
        self._made: dict[int, npt.NDArray[np.float32]] = {}

    def of(self, places: Sequence[int]) -> Vectors:
        """Return a vector a place (places x dim)."""
        missing = sorted(set(places) - self._made.keys())
        if missing:
            self._made.update(zip(missing, self._encoder.encode([self._texts[i] for i in missing]), strict=True))
        return np.array([self._made[i] for i in places])


class _Seeds:
    """The seeds and the names of the curated topics as vectors."""

    def __init__(self, topics: Sequence[Topic], encoder: Encoder) -> None:
        self.listed = {t for t, topic in enumerate(topics) if topic.seeds and topic.aliases and not topic.discovered}
        self.owners = np.array([t for t, topic in enumerate(topics) for _ in topic.seeds], dtype=np.intp)
        self.texts = [seed for topic in topics for seed in topic.seeds]
        self.order = np.array(sorted(self.listed), dtype=np.intp)
        self.unit = 0.0
        if not self.texts:
            return
        self.vectors = encoder.encode(self.texts)
        self.floor = floor(self.vectors, self.owners)
        if len(self.listed) > 1:
            self.labels = encoder.encode(["、".join(topics[t].aliases) for t in self.order])
            self.unit = self._unit()

    def nearest(self, vectors: Vectors) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Return of each vector the topic it lies nearest to, and how much nearer than to the average one."""
        by = self._contrast(vectors, None)
        return self.order[by.argmax(axis=1)], by.max(axis=1)

    def _contrast(self, vectors: Vectors, hidden: npt.NDArray[np.intp] | None) -> npt.NDArray[np.float64]:
        """Return how much nearer vectors lie to each topic than to all (vectors x topics).

        The nearest seed of a topic against the mean of all seeds, plus the same
        of its aliases; `hidden` is a seed that each vector must not be compared with.
        """
        cosines = (vectors @ self.vectors.T).astype(np.float64)
        mean = cosines.mean(axis=1, keepdims=True)
        if hidden is not None:
            cosines[np.arange(len(vectors)), hidden] = -1
        seeds = np.stack([cosines[:, self.owners == t].max(axis=1) for t in self.order], axis=1) - mean
        labels = (vectors @ self.labels.T).astype(np.float64)
        contrast: npt.NDArray[np.float64] = seeds + labels - labels.mean(axis=1, keepdims=True)
        return contrast

    def _unit(self) -> float:
        """Return how near a seed lies to the rest of its own topic, on average: what "near" means under this model."""
        own = [i for i, t in enumerate(self.owners) if t in self.listed and (self.owners == t).sum() > 1]
        if not own:
            return 0.0
        by = self._contrast(self.vectors[own], np.array(own, dtype=np.intp))
        columns = np.searchsorted(self.order, self.owners[own])
        return float(np.median(by[np.arange(len(own)), columns]))

    def closest(self, places: Sequence[int], near: _Near) -> Iterator[tuple[int, int, float, str]]:
        """Yield (text, topic, cosine, seed) where a text is near enough to a seed: of its nearest topic only."""
        if not self.texts or not places:
            return
        cosines = near.of(places) @ self.vectors.T
        best = cosines.argmax(axis=1)
        for row in np.flatnonzero(cosines[np.arange(len(places)), best] >= self.floor):
            seed = int(best[row])
            yield places[int(row)], int(self.owners[seed]), float(cosines[row, seed]), self.texts[seed]


def floor(vectors: Vectors, owners: npt.NDArray[np.intp]) -> float:
    """Return the cosine from which on a text counts as near a seed, from how near seeds of different topics lie."""
    apart = (vectors @ vectors.T)[owners[:, None] != owners[None, :]]
    usual = float(np.quantile(apart, 0.99)) if apart.size else 0.0
    return min(max(_SEED_FLOOR, usual + _SEED_MARGIN), 0.9)
