"""The tables, as SQLAlchemy 2 sees them. Alembic (`migrations/`) owns the schema.

`id` columns are small integers of this file only. `key` columns are derived
from content (a claim's folded text, a post's path) and stay the same when the
database is built again: links, exports and the command line use those.
"""

from kb.models.base import Base
from kb.models.builds import Build, ClaimEvent, StageState
from kb.models.claims import Claim, ClaimDate, ClaimEntity, Entity, Figure, Merge, Occurrence, Split, Verdict
from kb.models.finding import ClaimTerms, Embedding, EncoderWord, Model
from kb.models.links import ArticleLink, Link, Neighbour, Review
from kb.models.posts import Draft, LedgerRow, Passage, Post, Sentence, SourceText
from kb.models.topics import ClaimTopic, Topic, TopicEvent, TopicLink, TopicMemory

__all__ = [
    "ArticleLink",
    "Base",
    "Build",
    "Claim",
    "ClaimDate",
    "ClaimEntity",
    "ClaimEvent",
    "ClaimTerms",
    "ClaimTopic",
    "Draft",
    "Embedding",
    "EncoderWord",
    "Entity",
    "Figure",
    "LedgerRow",
    "Link",
    "Merge",
    "Model",
    "Neighbour",
    "Occurrence",
    "Passage",
    "Post",
    "Review",
    "Sentence",
    "SourceText",
    "Split",
    "StageState",
    "Topic",
    "TopicEvent",
    "TopicLink",
    "TopicMemory",
    "Verdict",
]
