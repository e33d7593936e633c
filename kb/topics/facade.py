"""What an open knowledge base answers about topics."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from kb.topics import lookups

if TYPE_CHECKING:
    from kb.topics.records import Change, Drawn, TopicPage
    from kb.topics.suggest import Suggestion

_T = TypeVar("_T")


class _Reader(Protocol):
    """What lends a connection for reading: `kb.KnowledgeBase`."""

    def read(self, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what `ask` finds."""
        ...


class TopicLookups:
    """The part of `kb.KnowledgeBase` that looks up topics."""

    def topic(self: _Reader, given: str) -> TopicPage:
        """Return all that is counted of one topic, by slug or name: kinds, months, trend, names, related, history.

        Raises:
            NotFoundError: there is none; near ones are named.
        """
        return self.read(lambda connection: lookups.page(connection, given))

    def topic_changes(self: _Reader, since: int | None = None) -> tuple[Change, ...]:
        """Return what became of discovered topics in the builds after number `since`; None for the last change."""

        def ask(connection: sqlite3.Connection) -> tuple[Change, ...]:
            after = lookups.last_change(connection) if since is None else since
            return lookups.changes(connection, since=after)

        return self.read(ask)

    def topic_sample(self: _Reader, given: str, number: int = 30, seed: int = 0) -> list[Drawn]:
        """Return claims of a topic drawn at random, to be read: do they belong?

        Raises:
            NotFoundError: no such topic; near ones are named.
            UsageError: a number below 1.
        """
        return self.read(lambda connection: lookups.draw(connection, given, number, seed))

    def suggest_topic(self: _Reader, phrase: str) -> Suggestion:
        """Draft an entry of the topics file from what the posts say about a phrase: see `Suggestion.to_yaml`.

        Raises:
            NotFoundError: no claim says it.
            UsageError: too short to name a topic.
        """
        from kb.topics.suggest import suggest

        return self.read(lambda connection: suggest(connection, phrase))
