"""Summaries as CSV for a spreadsheet: a row for every place where a claim is said.

UTF-8 with a byte order mark (Excel takes it for something else without one),
every cell quoted, lines ended by CR LF (RFC 4180). A cell that a spreadsheet
would take for a formula begins with an apostrophe (OWASP, "CSV Injection";
full-width signs count, for Excel in Japanese takes them for the others); one
that begins with an apostrophe of its own gets another, so that nothing is
ambiguous: `plain_cell` takes it off again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

from kb.export.records import Summary
from kb.export.words import kept

BOM = "\ufeff"
COLUMNS = (
    "topic", "kind", "claim", "text", "certainty", "holder", "post", "title", "date", "start", "end", "spans", "quote",
    "score",
)  # fmt: skip
_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "'", " ", "\u3000")


def render_csv(summaries: Sequence[Summary], lang: str = "", *, full: bool = True) -> str:
    """Return summaries as CSV; always all of it."""
    made = io.StringIO(newline="")
    made.write(BOM)
    writer = csv.writer(made, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for summary in summaries:
        writer.writerows([cell(value) for value in row] for row in _rows(summary))
    return made.getvalue()


def cell(value: str) -> str:
    """Return a cell that no spreadsheet runs, without what is not shown."""
    text = kept(value)
    return f"'{text}" if text.startswith(_STARTS) else text


def plain_cell(value: str) -> str:
    """Return what `cell` was given."""
    return value[1:] if value.startswith("'") else value


def _rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    for section in summary.sections:
        for claim in section.claims:
            for place in claim.places:
                yield (
                    summary.subject.slug, claim.kind, claim.key, claim.text, claim.certainty, claim.holder, place.post,
                    place.title, place.date or "", str(place.start), str(place.end),
                    json.dumps([list(span) for span in place.spans]), place.quote, f"{claim.score:.4f}",
                )  # fmt: skip
