"""From the parameters of an address to what is asked for; `UsageError` for what makes no sense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kb.errors import UsageError
from kb.records import CLAIM_KINDS
from kb.search import LIMIT, Filters, Options

SHOWN = 20  # results on a page of the site
ANSWERED = 10  # results in JSON
_MOST_DIGITS = 6


class Arguments(Protocol):
    """The parameters of a request: Datasette's `request.args`."""

    def getlist(self, name: str) -> Sequence[str]:
        """Return every value given under a name."""
        ...


def single(args: Arguments, name: str) -> str | None:
    """Return a parameter, None where it is missing or blank; `UsageError` where two values differ."""
    values = [value for value in args.getlist(name) or () if value.strip()]
    if len(set(values)) > 1:
        raise UsageError(f"{name} is given more than once; one value, please")
    return values[0] if values else None


def number(args: Arguments, name: str, default: int, most: int) -> int:
    """Return a parameter from 1 to `most`."""
    value = single(args, name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS and 1 <= int(value) <= most):
        raise UsageError(f"{name} {value[:20]!r} is no number from 1 to {most}")
    return int(value)


def options(args: Arguments, limit: int = SHOWN) -> Options:
    """Return how to search; every filter of `kb search` is a parameter of the same name, `kind` may be repeated."""
    kinds = [kind for kind in args.getlist("kind") or () if kind.strip()]
    return Options(
        limit=number(args, "limit", limit, LIMIT),
        mode=single(args, "mode") or "hybrid",
        group=single(args, "group") or "claim",
        filters=Filters(
            kind=kinds or None,
            topic=single(args, "topic"),
            entity=single(args, "entity"),
            tag=single(args, "tag"),
            since=single(args, "since"),
            until=single(args, "until"),
            certainty=single(args, "certainty"),
            holder=single(args, "holder"),
            category=single(args, "category"),
            post=single(args, "post"),
        ),
    )


def kind(args: Arguments) -> str | None:
    """Return the parameter `kind` of a topic page."""
    found = single(args, "kind")
    if found is not None and found not in CLAIM_KINDS:
        raise UsageError(f"kind {found[:20]!r} is none of {', '.join(CLAIM_KINDS)}")
    return found
