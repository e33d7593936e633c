"""Datasette's own pages of our database: links to ours, its search box, what it does not show, how long it took."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from datasette import hookimpl
from markupsafe import Markup, escape

from kb import server
from kb.server.site import language as language_of
from kb.server.web import address, compressed_and_timed

# Folders of the machine that built the database: of no use to a visitor, and none of his business.
_HIDDEN = {("posts", "root"), ("builds", "sources"), ("builds", "faults"), ("models", "source")}
_LABELS = (("Home 目次", ()), ("Search 検索", ("-", "search")), ("Topics 話題", ("topics",)), ("Map 地図", ("map",)),
           ("Conflicts 食い違い", ("conflicts",)), ("Duplicates 重複", ("duplicates",)))  # fmt: skip
_PAGES = {
    ("claims", "key"): "claim",
    ("posts", "key"): "article",
    ("topics", "slug"): "topic",
    ("entities", "key"): "entity",
}


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:
    """Lead from Datasette's menu to the site."""
    return [{"href": address(datasette, *parts), "label": label} for label, parts in _LABELS]


@hookimpl
def render_cell(value: Any, column: str, table: str | None, database: str, datasette: Any) -> Markup | None:
    """Link keys in Datasette's tables to the pages, and say what a vector is instead of showing its bytes."""
    if database != server.NAME or value is None:
        return None
    kind = _PAGES.get((table or "", column)) or _linked(table, column)
    if kind:
        return Markup('<a href="{}">{}</a>').format(address(datasette, kind, value), value)
    if table in ("embeddings", "encoder_words") and column == "vector" and isinstance(value, bytes):
        width = 4 if table == "embeddings" else 2
        return Markup("<i>{}</i>").format(f"{len(value) // width} × float{8 * width}")
    if column == "text" and table in ("claims", "sentences"):
        return Markup('<span lang="{}">{}</span>').format(language_of(str(value)), escape(value))
    return None


def _linked(table: str | None, column: str) -> str | None:
    """Return the page that a column of a ready-made query leads to: `claim`, `article`, `topic` or `entity`."""
    return column if table is None and column in ("claim", "article", "topic", "entity") else None


@hookimpl(trylast=True)  # after Datasette's own, which it replaces
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Let the search box of a table find words as `kb search` reads them, and keep paths of the machine back."""
    if database == server.NAME:
        conn.create_function("escape_fts", 1, _full_text, deterministic=True)
        conn.set_authorizer(_may_read)


def _may_read(action: int, table: str | None, column: str | None, *_: object) -> int:
    """Let SQLite read a hidden column as NULL (https://www.sqlite.org/c3ref/c_deny.html), and all else as it is."""
    if action == sqlite3.SQLITE_READ and (table, column) in _HIDDEN:
        return sqlite3.SQLITE_IGNORE
    return sqlite3.SQLITE_OK


def _full_text(query: str | None) -> str:
    """Return the FTS5 expression of a query: all of its words must stand in a claim, as typed.

    Narrower than `kb search`, which ranks: a table that is narrowed down should hold nothing else.
    """
    from kb.fts import match_expression, parse

    text = str(query or "")
    if '"' not in text:
        text = " ".join(word if word.startswith("-") else f'"{word}"' for word in text.split())
    return match_expression(parse(text)) or '""'


@hookimpl
def asgi_wrapper() -> Callable[[Any], Any]:
    """Compress every page, Datasette's too, and tell how long the server took for it."""
    return compressed_and_timed
