"""Taking a topic away: its claims by kind, every line with the place where it was said.

`summary` orders what is known, `render_md` and `render_json` write it; other
formats are further functions from a list of summaries to text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from kb.errors import UsageError
from kb.export.render import SCHEMA, markdown_text, render_json, render_md
from kb.export.summary import ClaimRow, Heading, Section, SourcePost, Summary, read, slugs, summary

FORMATS: dict[str, Callable[[Sequence[Summary]], str]] = {"md": render_md, "json": render_json}

__all__ = [
    "FORMATS",
    "SCHEMA",
    "ClaimRow",
    "Heading",
    "Section",
    "SourcePost",
    "Summary",
    "export",
    "markdown_text",
    "read",
    "render_json",
    "render_md",
    "slugs",
    "summary",
]


def export(conn: sqlite3.Connection, topics: Sequence[str] | None, form: str = "md") -> str:
    """Return the summaries of `topics` (of all that have claims, for None) in one of `FORMATS`.

    All of it is read in one transaction, so that a build running meanwhile does
    not show. Raises `UsageError` for another format or no topic, `NotFoundError`
    for a topic that the database does not hold.
    """
    if form not in FORMATS:
        raise UsageError(f"format {form!r} is none of {', '.join(FORMATS)}")
    if topics is not None and not topics:
        raise UsageError("name one or more topics; kb topics lists them")
    conn.execute("BEGIN")
    try:
        wanted = slugs(conn) if topics is None else list(dict.fromkeys(topics))
        summaries = [read(conn, slug) for slug in wanted]
    finally:
        conn.execute("COMMIT")
    return FORMATS[form](summaries)
