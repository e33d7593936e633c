"""The facets of a search as links: each adds a value to the address, or takes it away again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from kb.records import CLAIM_KINDS

Pairs = Sequence[tuple[str, str]]
FACETS = ("kind", "topic", "entity", "month", "post")
_OTHERS = ("tag", "category", "certainty", "holder", "since", "until")


def choices(
    found: Mapping[str, Any] | None, given: Pairs, topics: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Return what a result can be narrowed by, and by what it is narrowed.

    Args:
        found: what `Site.search` returns, None where nothing was asked.
        given: the parameters of the address, `limit` and the like left out.
        topics: every topic, for its names.
        names: of the entity and post that are chosen; see `Site.named`.

    Returns:
        By facet (kind, topic, entity, month, post) the values that are not
        chosen: `name` (of a topic by language), `count` and `link`, the address
        with it. And those chosen: `facet`, `name` and `link`, the address without.
    """
    once = dict(given)
    whole_month = (
        once.get("since") if once.get("since") == once.get("until") and len(once.get("since", "")) == 7 else None
    )
    called: dict[str, Any] = {topic["slug"]: topic["names"] for topic in topics}
    taken: list[dict[str, Any]] = []
    for name, value in dict.fromkeys(given):
        if whole_month and name in ("since", "until"):
            if name == "since":
                taken.append({"facet": "month", "name": value, "link": _without(given, ("since", "until"))})
        elif name in ("kind", "topic", "entity", "post") or name in _OTHERS:
            label = called.get(value, value) if name == "topic" else names.get(name, value)
            taken.append({"facet": name, "name": label, "value": value, "link": _without(given, (name,), value)})
    open_to: dict[str, list[dict[str, Any]]] = {}
    for facet in FACETS if found and found["count"] else ():
        values = [
            {**one, "link": _with(given, facet, one["value"])}
            for one in found["facets"][facet]  # type: ignore[index]
            if not _is_chosen(given, facet, one["value"], whole_month)
        ]
        single = (facet in ("topic", "entity", "post") and facet in once) or (facet == "month" and whole_month)
        if values and not single and (facet != "kind" or len(values) < len(CLAIM_KINDS) or not once.get("kind")):
            open_to[facet] = values
    return open_to, taken


def _is_chosen(given: Pairs, facet: str, value: str, month: str | None) -> bool:
    return value == month if facet == "month" else (facet, value) in given


def _with(given: Pairs, facet: str, value: str) -> str:
    """Return the parameters with one more value; a month is its first and last day's filters."""
    if facet == "month":
        rest = [pair for pair in given if pair[0] not in ("since", "until")]
        return "?" + urlencode([*rest, ("since", value), ("until", value)])
    rest = [pair for pair in given if facet == "kind" or pair[0] != facet]
    return "?" + urlencode([*rest, (facet, value)])


def _without(given: Pairs, names: Sequence[str], value: str | None = None) -> str:
    return "?" + urlencode([pair for pair in given if not (pair[0] in names and value in (None, pair[1]))])
