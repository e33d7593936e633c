"""The records that stages pass to each other: frozen, picklable, free of behaviour.

The words are those of the design document. Offsets are Unicode code points into
the decoded text of the file as it is on disk, front matter included; an end is
exclusive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

Span = tuple[int, int]
Kind = Literal["fact", "forecast", "opinion", "advice", "question", "other"]
Certainty = Literal["asserted", "hedged"]
RelationName = Literal["same", "subsumes", "conflict", "related", "unrelated"]
PassageKind = Literal["paragraph", "heading", "item", "label", "cell", "quote"]
LedgerAction = Literal[
    "repeat",  # said before in this post, word for word after normalisation
    "near-repeat",  # said before in this post in nearly the same words
    "overlap",  # the end of a cut-off draft that the next draft says again
    "truncated",  # a sentence that stays cut off
    "boilerplate",  # navigation, calls to action, share links, template tags
    "title",  # the title of the post again
    "separator",  # a line between two drafts
    "code",
    "table",
    "html",
    "image",
    "comment",
    "unread",  # what no rule reads as prose, such as link definitions and blocks nested too deeply
]

KINDS: tuple[Kind, ...] = ("fact", "forecast", "opinion", "advice", "question", "other")
CLAIM_KINDS: tuple[Kind, ...] = ("fact", "forecast", "opinion", "advice")
RELATIONS: tuple[RelationName, ...] = ("same", "subsumes", "conflict", "related", "unrelated")


class Token(NamedTuple):
    """One word as Sudachi reads it (mode C).

    `start` and `end` are code points into the text given to the tokeniser;
    `pos` is Sudachi's six-part part of speech; `lemma` the dictionary form;
    `norm` the normalised form; `units` the normalised forms of its short units
    (mode A), a tuple of one where the word does not divide.
    """

    surface: str
    start: int
    end: int
    pos: tuple[str, ...]
    lemma: str
    norm: str
    units: tuple[str, ...]


class Cue(NamedTuple):
    """Why a label was given: the rule and the words, by place in the plain text."""

    label: str
    rule: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Label:
    """What a sentence is: see GUIDELINES for the meaning of each value."""

    kind: Kind
    certainty: Certainty = "asserted"
    holder: str = "author"
    cues: tuple[Cue, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A stretch of a body between separators (or between edges without one)."""

    start: int
    end: int
    continues: bool = False
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, list item or heading, with its span in the source."""

    start: int
    end: int
    kind: PassageKind
    draft: int
    level: int = 0
    headings: tuple[str, ...] = ()
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The smallest span; `text` is the source at `spans`, joined.

    `plain` is the text without mark-up and line breaks; `key` is `plain`
    folded for comparison, `wording` its words without what never matters
    (politeness, openers); `draft` and `passage` are positions in the lists of
    the same reading. `duplicate_of` is the span of the sentence that this one
    repeats, `reason` says why it is left out, or "".
    """

    start: int
    end: int
    spans: tuple[Span, ...]
    text: str
    plain: str
    key: str
    draft: int
    passage: int
    label: Label = Label("other")
    wording: str = ""
    duplicate_of: Span | None = None
    reason: str = ""

    def of_draft(self, draft: int) -> Sentence:
        """Return this sentence as one of `draft`, a position."""
        return self._with(draft, self.duplicate_of, self.reason)

    def repeating(self, other: Span, reason: str) -> Sentence:
        """Return this sentence marked as a repeat of the one that stands at `other`."""
        return self._with(self.draft, other, reason)

    def _with(self, draft: int, duplicate_of: Span | None, reason: str) -> Sentence:
        """Return a copy with other marks: `dataclasses.replace` would take four times as long, for every sentence."""
        return Sentence(
            self.start, self.end, self.spans, self.text, self.plain, self.key, draft, self.passage,
            self.label, self.wording, duplicate_of, reason,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One stretch of a body that is left out or merged, and why."""

    start: int
    end: int
    action: LedgerAction
    reason: str
    target: Span | None = None


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands above a body. `fault` names what could not be read, or is ""."""

    values: Mapping[str, Any]
    body_start: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One file as read from disk: decoded text, and how it was decoded."""

    path: str
    text: str
    encoding: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class PostInfo:
    """What the front matter and the file name say of a post."""

    title: str
    date: str | None
    author: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    front_matter: Mapping[str, Any]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """How one text is read: what `kb.annotate` returns.

    `article` lists paragraphs, each the places in `sentences` of those that stay;
    `antecedents` leads from one that begins with これ or 同社 to the one it leans on.
    """

    drafts: tuple[Draft, ...]
    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]
    ledger: tuple[LedgerRow, ...]
    article: tuple[tuple[int, ...], ...] = ()
    antecedents: Mapping[int, int] = field(default_factory=dict)
    body_start: int = 0
    fault: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape that the design document fixes, and more keys."""
        return {
            "drafts": [asdict(d) for d in self.drafts],
            "sentences": [
                {
                    "start": s.start,
                    "end": s.end,
                    "spans": [list(span) for span in s.spans],
                    "text": s.text,
                    "plain": s.plain,
                    "draft": s.draft,
                    "passage": s.passage,
                    "kind": s.label.kind,
                    "certainty": s.label.certainty,
                    "holder": s.label.holder,
                    "cues": [c._asdict() for c in s.label.cues],
                    "duplicate_of": list(s.duplicate_of) if s.duplicate_of else None,
                    "reason": s.reason,
                }
                for s in self.sentences
            ],
            "passages": [asdict(p) for p in self.passages],
            "ledger": [asdict(row) for row in self.ledger],
            "article": [list(paragraph) for paragraph in self.article],
            "antecedents": [list(pair) for pair in sorted(self.antecedents.items())],
            "body_start": self.body_start,
            "fault": self.fault,
        }


@dataclass(frozen=True, slots=True)
class Relation:
    """How two sentences relate, how surely (0 to 1), and the words that decided."""

    relation: RelationName
    score: float
    evidence: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape that the design document fixes."""
        return {"relation": self.relation, "score": self.score, "evidence": list(self.evidence)}


@dataclass(frozen=True, slots=True)
class Topic:
    """A named subject: curated in data/topics.yml, or discovered."""

    slug: str
    names: Mapping[str, str]
    aliases: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parent: str | None = None
    discovered: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """Place (1 is first) and score of a hit in one ranking."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place where a claim is said. `post` is the path relative to its source folder."""

    post: str
    title: str
    date: str | None
    start: int
    end: int
    spans: tuple[Span, ...]
    quote: str = ""
    post_key: str = ""


@dataclass(frozen=True, slots=True)
class Also:
    """A claim that says nearly what a hit says, or a part of it, and was found with it."""

    claim: str
    text: str
    posts: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One claim that a search found, and why.

    `matched` are words of the query as typed, `synonyms` other names for them
    that the claim holds, `marks` where both stand, in code points of `text`.
    `also` are claims of the same family that would have come later, `posts`
    counts the posts that say one of them.
    """

    claim: str
    text: str
    kind: Kind
    certainty: Certainty
    holder: str
    score: float
    arms: Mapping[str, Arm]
    matched: tuple[str, ...]
    occurrences: tuple[Occurrence, ...]
    synonyms: tuple[str, ...] = ()
    marks: tuple[Span, ...] = ()
    also: tuple[Also, ...] = ()
    posts: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape that the design document fixes, and more keys."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PostHit:
    """One post that a search found, with the claims that put it there."""

    post: str
    title: str
    date: str | None
    score: float
    claims: tuple[Hit, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape that the design document fixes, and more keys."""
        return asdict(self)
