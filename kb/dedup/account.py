"""The account of a body: every character belongs to a sentence, to mark-up, or to a ledger row."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.records import LedgerAction, LedgerRow, Span

# Mark-up holds no letters: what does needs a row that says what it is.
_MARKUP_ONLY = re.compile(
    r"(?>\d{1,9}[.)](?!\w)|[^\w]|_)*+",
    re.DOTALL,
)
_KINDS: tuple[tuple[re.Pattern[str], LedgerAction, str], ...] = (
    (re.compile(r"<!--"), "comment", "a comment"),
    (re.compile(r"!\["), "image", "an image and what stands for it"),
    (re.compile(r"</?[A-Za-z]"), "html", "an HTML tag"),
    (re.compile(r"\{[%{:]"), "boilerplate", "a template tag"),
    (re.compile(r"\[\^|\]\(|\]\["), "unread", "the address of a link, or a footnote's mark"),
)


def uncovered(text: str, start: int, covered: Sequence[Span]) -> list[Span]:
    """Return the stretches of `text` from `start` that hold letters or digits and are in no span.

    White space, signs and the numbers of list items are mark-up: they need no account.
    """
    gaps: list[Span] = []
    at = start
    for a, b in [*sorted(covered), (len(text), len(text))]:
        if a > at and not _MARKUP_ONLY.fullmatch(text, at, a):
            gaps.append((at, a))
        at = max(at, b)
    return gaps


def rest(text: str, start: int, covered: Sequence[Span]) -> list[LedgerRow]:
    """Return ledger rows for what no sentence and no row accounts for, each with what it is."""
    rows = []
    for a, b in uncovered(text, start, covered):
        piece = text[a:b]
        found = [
            (match.start(), action, reason) for pattern, action, reason in _KINDS if (match := pattern.search(piece))
        ]
        _, action, reason = min(found, default=(0, "unread", "not read as prose"), key=lambda item: item[0])
        rows.append(LedgerRow(a, b, action, reason))
    return rows
