"""What a summary is made of: claims with all that is known of them, and the parts that digest them.

The same rows in any order give the same summary; every part of it points to
claims, and every claim to the places where it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kb.records import Occurrence

SubjectKind = Literal["topic", "search", "post"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a summary is of: a topic, a search or a post; `names` by language, `slug` for file names."""

    slug: str
    names: Mapping[str, str]
    kind: SubjectKind = "topic"
    parent: str | None = None
    discovered: bool = False
    aliases: tuple[str, ...] = ()

    def name(self, lang: str) -> str:
        """Return its name in a language, or in the other one, or its slug."""
        other = "en" if lang == "ja" else "ja"
        return self.names.get(lang) or self.names.get(other) or self.slug


@dataclass(frozen=True, slots=True)
class Figure:
    """A quantity as written, and its value in the base unit; no `high` means "or more"."""

    text: str
    start: int
    end: int
    dimension: str
    unit: str
    low: float
    high: float | None


@dataclass(frozen=True, slots=True)
class When:
    """A date or period as written, and its first and last day; `relative` ones were counted from the post's date."""

    text: str
    start: int
    end: int
    first: str | None
    last: str | None
    relative: bool


@dataclass(frozen=True, slots=True)
class Name:
    """An entity that a claim names."""

    key: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """A sentence and its place: a question, or what a claim leans on."""

    text: str
    place: Occurrence


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with the places where it is said, its parts, and the sentence it leans on, if any."""

    id: int
    key: str
    text: str
    kind: str
    certainty: str = "asserted"
    holder: str = "author"
    language: str = "ja"
    score: float = 1.0
    evidence: tuple[str, ...] = ()
    places: tuple[Occurrence, ...] = ()
    stock: bool = False
    context: Quoted | None = None
    figures: tuple[Figure, ...] = ()
    dates: tuple[When, ...] = ()
    names: tuple[Name, ...] = ()

    @property
    def posts(self) -> int:
        """In how many posts it is said."""
        return len({place.post for place in self.places})

    @property
    def first_date(self) -> str:
        """The date of the first post that says it, after all others where none is dated."""
        return min((place.date for place in self.places if place.date), default="9999")

    @property
    def last_date(self) -> str:
        """The date of the last post that says it, or ""."""
        return max((place.date for place in self.places if place.date), default="")


@dataclass(frozen=True, slots=True)
class Section:
    """All claims of one kind, those said in most posts first."""

    kind: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A claim that tells quantities."""

    claim: Claim
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class TimeRow:
    """A claim and the date in it that it is about."""

    claim: Claim
    when: When


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """A forecast and the date it looks to, if it names one."""

    claim: Claim
    horizon: When | None


@dataclass(frozen=True, slots=True)
class Voice:
    """Who says something (`says`), or whom claims name, with the claims that tell most; `total` counts all."""

    name: str
    kind: str
    says: bool
    total: int
    claims: tuple[Claim, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two claims that cannot both hold; `state` is "reviewed" where a reader has confirmed it, or ""."""

    a: Claim
    b: Claim
    score: float
    evidence: tuple[str, ...]
    state: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """Another topic, how many claims and posts of this subject belong to it, and which topics it shares them with."""

    slug: str
    names: Mapping[str, str]
    claims: int
    posts: int
    tie: str = ""  # "parent", "child" or ""


@dataclass(frozen=True, slots=True)
class SourcePost:
    """A post that a summary cites, and how many of its claims it says."""

    post: str
    key: str
    title: str
    date: str | None
    claims: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that a language model wrote, and the claims it cites."""

    text: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Abstract:
    """A lead that a language model wrote over selected claims; `removed` counts sentences that cited wrongly."""

    model: str
    sentences: tuple[Sentence, ...]
    removed: int


@dataclass(frozen=True, slots=True)
class Material:
    """What the database knows of a subject, before anything is chosen or ordered.

    `others` are claims that conflict with one of `claims` but are not of the
    subject; `ties` are pairs of topics (slugs) that share claims, with their number.
    """

    subject: Subject
    claims: tuple[Claim, ...]
    conflicts: tuple[tuple[int, int, float, tuple[str, ...], str], ...] = ()
    others: tuple[Claim, ...] = ()
    questions: tuple[Quoted, ...] = ()
    related: tuple[Related, ...] = ()
    ties: tuple[tuple[str, str, int], ...] = ()
    vectors: Mapping[int, bytes] = field(default_factory=dict)
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class Summary:
    """A subject digested, and all its claims by kind.

    `sections` stand in the order fact, forecast, opinion, advice, without empty
    ones; `period` is the first and last date of a post, where any has one;
    `language` is that of most posts cited.
    """

    subject: Subject
    claims: int
    period: tuple[str, str] | None
    language: str = "ja"
    lead: tuple[Claim, ...] = ()
    figures: tuple[FigureRow, ...] = ()
    timeline: tuple[TimeRow, ...] = ()
    forecasts: tuple[ForecastRow, ...] = ()
    voices: tuple[Voice, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    questions: tuple[Quoted, ...] = ()
    related: tuple[Related, ...] = ()
    ties: tuple[tuple[str, str, int], ...] = ()
    sections: tuple[Section, ...] = ()
    sources: tuple[SourcePost, ...] = ()
    abstract: Abstract | None = None

    def every(self) -> dict[str, Claim]:
        """Return all claims cited, by key: those of the sections, and the other sides of conflicts."""
        found = {claim.key: claim for section in self.sections for claim in section.claims}
        for conflict in self.conflicts:
            found |= {conflict.a.key: conflict.a, conflict.b.key: conflict.b}
        return found
