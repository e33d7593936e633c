"""Results of a search to take away: Markdown to read, CSV for a spreadsheet. Every line cites its source."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kb.export import markdown_text
from kb.records import Hit, PostHit
from kb.server.marks import readable

_COLUMNS = ("claim", "text", "kind", "certainty", "holder", "score", "posts", "post", "title", "date", "start", "end",
            "link")  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def markdown(query: str, results: Iterable[Any], base: str) -> str:
    """Return results as Markdown: a claim a line, its first source behind it; posts, if asked for, as headings.

    Args:
        query: what was looked for.
        results: hits, or posts with hits.
        base: the address of a claim's page, without its key.
    """
    lines = [f"# {markdown_text(query)}", ""]
    for one in results:
        if isinstance(one, PostHit):
            day = f" ({markdown_text(one.date[:10])})" if one.date else ""
            lines += [f"## {markdown_text(one.title or one.post)}{day}", ""]
            lines += [_line(hit, base) for hit in one.claims] + [""]
        else:
            lines.append(_line(one, base))
    return "\n".join([*lines, ""])


def _line(hit: Hit, base: str) -> str:
    source = ""
    if hit.occurrences:
        place = hit.occurrences[0]
        day = f", {markdown_text(place.date[:10])}" if place.date else ""
        source = f" — {markdown_text(place.title or place.post)}{day} ({place.start}–{place.end})"
    return f"- {markdown_text(readable(hit.text))} [{hit.kind}]({base}{hit.claim}){source}"


def table(query: str, results: Iterable[Any], base: str) -> str:
    """Return results as CSV (RFC 4180), a line for each place where a claim is said; see `markdown` for the arguments.

    A cell that a spreadsheet would take for a formula is kept a text by an
    apostrophe (OWASP, CSV Injection). A byte order mark tells Excel that it is UTF-8.
    """
    held = io.StringIO(newline="")
    writer = csv.writer(held)
    writer.writerow(_COLUMNS)
    for hit in _hits(results):
        for place in hit.occurrences:
            row = (hit.claim, readable(hit.text), hit.kind, hit.certainty, hit.holder, hit.score, hit.posts, place.post,
                   place.title, place.date or "", place.start, place.end, f"{base}{hit.claim}")  # fmt: skip
            writer.writerow([_cell(value) for value in row])
    return "\ufeff" + held.getvalue()


def _hits(results: Iterable[Any]) -> Iterator[Hit]:
    for one in results:
        if isinstance(one, PostHit):
            yield from one.claims
        else:
            yield one


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


RENDERERS: dict[str, Callable[[str, Iterable[Any], str], str]] = {"md": markdown, "csv": table}
