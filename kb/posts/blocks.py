"""Markdown blocks with their places, read by markdown-it-py's block parser.

https://markdown-it-py.readthedocs.io; only the block rules run, for the inline
ones keep no offsets (see `inline`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb.records import LedgerAction

BlockKind = Literal["paragraph", "heading", "item", "quote", "dropped"]
_LINE_END = re.compile(r"\r\n?|\n")
_DROPPED: dict[str, LedgerAction] = {"fence": "code", "code_block": "code", "html_block": "html", "table_open": "table"}
_REASONS: dict[LedgerAction, str] = {
    "code": "a code block is not prose",
    "html": "raw HTML is not prose",
    "table": "a table is not prose",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of source lines. `pieces` are the content's places, a pair a line.

    `action` says why a dropped block is dropped; `level` is a heading's rank or
    the depth of a list item.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    pieces: list[tuple[int, int]] = field(default_factory=list)
    action: LedgerAction | None = None
    reason: str = ""


@cache
def _parser() -> MarkdownIt:
    """Return a CommonMark block parser with tables, without inline rules and reference look-up."""
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table")
    parser.disable("reference")  # it takes definitions away without a token; footnotes are prose
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def blocks(text: str, start: int, end: int) -> Iterator[Block]:
    """Yield the blocks of `text[start:end]` (one draft) in order."""
    part = text[start:end]
    starts = [start]
    starts.extend(start + m.end() for m in _LINE_END.finditer(part))
    ends = [*(start + m.start() for m in _LINE_END.finditer(part)), end]
    tokens = _parser().parse(part)
    depth: list[str] = []
    skip_to = -1
    for i, token in enumerate(tokens):
        if token.type in ("list_item_open", "blockquote_open"):
            depth.append(token.type)
        elif token.type in ("list_item_close", "blockquote_close"):
            depth.pop()
        if token.map is None or token.map[0] < skip_to:
            continue
        action = _DROPPED.get(token.type)
        if action:
            first, after = token.map
            skip_to = after
            yield Block(
                "dropped", starts[first], ends[min(after, len(ends)) - 1], 0, [], action, _reason(token, action)
            )
        elif token.type == "inline":
            yield _content_block(text, token, tokens[i - 1], depth, starts, ends)


def _reason(token: Token, action: LedgerAction) -> str:
    """Say what a dropped block is."""
    if token.type == "fence" and token.info.strip():
        return f"a code block ({token.info.split()[0]}) is not prose"
    return _REASONS[action]


def _content_block(
    text: str, token: Token, opener: Token, depth: list[str], starts: list[int], ends: list[int]
) -> Block:
    """Return the block of one inline token, with the place of each content line."""
    assert token.map is not None  # the caller looked
    first, after = token.map
    lines = token.content.split("\n")
    pieces = []
    for row, content in zip(range(first, min(after, len(starts))), lines, strict=False):
        pieces.append(_locate(text, content, starts[row], ends[row]))
    kind: BlockKind = "paragraph"
    level = 0
    if opener.type == "heading_open":
        kind, level = "heading", int(opener.tag[1:])
    elif "list_item_open" in depth:
        kind, level = "item", depth.count("list_item_open")
    elif "blockquote_open" in depth:
        kind = "quote"
    return Block(kind, starts[first], ends[min(after, len(ends)) - 1], level, pieces)


def _locate(text: str, content: str, start: int, end: int) -> tuple[int, int]:
    """Return where `content`, a line without its block prefix, stands in the source line."""
    content = content.strip()
    at = text.find(content, start, end) if content else end
    if at < 0:  # tabs expanded or a NUL replaced: take the line without its white space
        line = text[start:end]
        return start + len(line) - len(line.lstrip()), start + len(line.rstrip())
    last = text.rfind(content, start, end) if content else end
    # A prefix such as "1. " may hold the same characters as a short content: the last place is the content.
    return (last, last + len(content)) if len(content) < 4 else (at, at + len(content))
