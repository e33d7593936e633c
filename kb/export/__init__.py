"""Taking what is known away: summaries in which every line can be checked.

`gather` asks the database, `sections` (with `lead`) digests what it says,
`markdown`, `page` (HTML), `plain` (JSON), `sheet` (CSV) and `notes` (Obsidian)
write it, `digest` and `feed` (Atom) tell what has changed, `cited` reads all of
these again for `kb verify --export`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kb.errors import UsageError
from kb.export import abstract, digest, gather
from kb.export.digest import Digest
from kb.export.escape import markdown_text
from kb.export.feed import digests_atom
from kb.export.markdown import render_md
from kb.export.news import digests_html, digests_json, digests_md
from kb.export.page import render_html
from kb.export.plain import SCHEMA, render_json
from kb.export.records import Abstract, Claim, Material, Subject, Summary
from kb.export.sections import summarise
from kb.export.sheet import render_csv

Render = Callable[..., str]
FORMATS: dict[str, Render] = {"md": render_md, "html": render_html, "json": render_json, "csv": render_csv}
DIGESTS: dict[str, Render] = {"md": digests_md, "html": digests_html, "json": digests_json, "atom": digests_atom}

__all__ = [
    "DIGESTS",
    "FORMATS",
    "SCHEMA",
    "Abstract",
    "Claim",
    "Digest",
    "Material",
    "Subject",
    "Summary",
    "abstract",
    "digest",
    "export",
    "markdown_text",
    "read",
    "render",
    "summarise",
    "transaction",
]


def read(
    conn: sqlite3.Connection,
    topics: Sequence[str] | None = (),
    *,
    post: str | None = None,
    found: tuple[str, Sequence[tuple[str, float]]] | None = None,
) -> list[Summary]:
    """Return the summaries of topics (of all that have claims, for None), of a post, or of what a search found.

    All of it is read in one transaction, so that a build running meanwhile does not show.

    Args:
        conn: the database.
        topics: slugs or names.
        post: path of a post.
        found: a query, and the keys of the claims it found with their scores.

    Raises:
        NotFoundError: the database holds no such topic or post; near ones are named.
    """
    with transaction(conn):
        wanted = gather.slugs(conn) if topics is None else list(dict.fromkeys(topics))
        material = [gather.topic(conn, slug) for slug in wanted]
        if post is not None:
            material.append(gather.post(conn, post))
        if found is not None:
            material.append(gather.found(conn, *found))
    return [summarise(one) for one in {one.subject.slug: one for one in material}.values()]


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """Read all within the block from one state of the database."""
    conn.execute("BEGIN")
    try:
        yield
    finally:
        conn.execute("COMMIT")


def render(summaries: Sequence[Summary], form: str, lang: str = "", *, full: bool = False) -> str:
    """Return summaries in one of `FORMATS`; the same summaries give the same text.

    Raises:
        UsageError: another format or language.
    """
    if form not in FORMATS:
        raise UsageError(f"format {form!r} is none of {', '.join(FORMATS)}")
    return FORMATS[form](summaries, lang, full=full)


def export(
    conn: sqlite3.Connection, topics: Sequence[str] | None, form: str = "md", lang: str = "", *, full: bool = False
) -> str:
    """Return the summaries of topics (of all that have claims, for None) in one of `FORMATS`.

    Raises:
        UsageError: another format or language, or no topic.
        NotFoundError: a topic that the database does not hold.
    """
    if form not in FORMATS:
        raise UsageError(f"format {form!r} is none of {', '.join(FORMATS)}")
    if topics is not None and not topics:
        raise UsageError("name one or more topics; kb topics lists them")
    return render(read(conn, topics), form, lang, full=full)
