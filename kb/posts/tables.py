"""Tables that lost their lines: rows within a line of prose, and rows without the line that makes them a table.

A draft that was flattened to one line holds `| a | b | |---|---| | 1 | 2 |`
between its sentences. The row of dashes says how many cells a row has; as many
stand before it (the head) and, row by row, after it. What is left of a row that
was cut off goes with it. Nothing of a table is prose: the ledger takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kb.posts.blocks import Block
from kb.records import LedgerRow

# Possessive and bounded: a line of a million bars is read once.
_RULE = re.compile(r"\|(?:[ \t]*+:?-{1,100}+:?[ \t]*+\|){1,60}+")
_ROW = re.compile(r"[ \t]*+\|[^\n]*\|[ \t]*+$")
_FEWEST_BARS = 3  # of a row that stands alone in its line
_REASON = "a table is not prose"


def without_tables(text: str, block: Block) -> tuple[list[Block], list[LedgerRow]]:
    """Return a block without the rows of tables in it, parted where they stood, and a ledger row for each stretch."""
    if all(text.find("|", a, b) < 0 for a, b in block.pieces):
        return [block], []
    found: list[list[tuple[int, int]]] = [[]]
    rows: list[LedgerRow] = []
    for a, b in block.pieces:
        begin = a
        for start, end in _tables(text, a, b):
            if text[begin:start].strip():
                found[-1].append((begin, start))
            rows.append(LedgerRow(start, end, "table", _REASON))
            found.append([])
            begin = end
        if text[begin:b].strip() or (begin, b) == (a, b):
            found[-1].append((begin, b))
    if not rows:
        return [block], []
    return [replace(block, pieces=pieces) for pieces in found if pieces], rows


def _tables(text: str, a: int, b: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of tables in one line, `text[a:b]`."""
    if _ROW.fullmatch(text, a, b) and text.count("|", a, b) >= _FEWEST_BARS and not _RULE.search(text, a, b):
        yield a, b
        return
    done = a
    for rule in _RULE.finditer(text, a, b):
        if rule.start() < done:
            continue
        cells = rule[0].count("|") - 1
        start = _head(text, done, rule.start(), cells)
        done = _rows(text, rule.end(), b, cells)
        yield start, done


def _head(text: str, a: int, end: int, cells: int) -> int:
    """Return where the row of `cells` cells begins that ends before `end`; `end` if there is none."""
    at = end
    for _ in range(cells + 1):
        at = text.rfind("|", a, at)
        if at < 0:
            return end
    return at if not text[text.rfind("|", a, end) + 1 : end].strip() else end


def _rows(text: str, at: int, b: int, cells: int) -> int:
    """Return where the rows end that follow each other from `at`, one that was cut off included."""
    while True:
        begin = at
        while begin < b and text[begin] in " \t":
            begin += 1
        if begin >= b or text[begin] != "|":
            return at
        bar = begin
        for _ in range(cells):
            bar = text.find("|", bar + 1, b)
            if bar < 0:
                return b
        at = bar + 1
