"""What is known of a topic, as records: counts, trend, neighbours, history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Direction = Literal["rising", "falling", "steady", "unknown"]


@dataclass(frozen=True, slots=True)
class Month:
    """How many claims a month's posts make about a topic (each once), and how many posts do; `kinds` by kind."""

    month: str
    claims: int
    posts: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether a topic takes a growing part of what is said.

    `slope` is in shares of a month's claims per month, between `low` and `high`
    with a confidence of 90 %; `recent` and `before` are its share of the claims
    of the last months and of the months before them.
    """

    direction: Direction
    slope: float
    low: float
    high: float
    recent: float
    before: float
    months: int


@dataclass(frozen=True, slots=True)
class Named:
    """A company, person, place or thing that a topic's claims name."""

    key: str
    name: str
    kind: str
    claims: int


@dataclass(frozen=True, slots=True)
class Related:
    """A topic that shares claims or posts with another.

    `lift` is how many times more claims they share than they would by chance.
    """

    slug: str
    names: Mapping[str, str]
    claims: int
    posts: int
    lift: float
    discovered: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A claim that stands for a topic."""

    claim: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a topic in a build."""

    build: int
    date: str
    slug: str
    event: str
    detail: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TopicPage:
    """All that is counted of one topic.

    `share` is the part of all posts that say something about it; `aliases` are
    those listed, or of a discovered topic its terms, the best first.
    """

    slug: str
    names: Mapping[str, str]
    discovered: bool
    aliases: tuple[str, ...]
    parent: str | None
    children: tuple[str, ...]
    claims: int
    posts: int
    share: float
    kinds: Mapping[str, int]
    months: tuple[Month, ...]
    trend: Trend
    entities: tuple[Named, ...]
    related: tuple[Related, ...]
    examples: tuple[Example, ...]
    history: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A claim drawn from a topic, with what says that it belongs, and where it is said first."""

    claim: str
    text: str
    kind: str
    score: float
    evidence: tuple[str, ...]
    post: str
    title: str
    date: str | None
    start: int
    end: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return asdict(self)
