"""Who says it: the person or body that a sentence reports, else the author."""

from __future__ import annotations

from kb.claims.predicate import View
from kb.claims.table import Rule
from kb.records import Cue

AUTHOR = "author"
_LONGEST = 40


def find_holder(found: list[tuple[Rule, tuple[int, int]]], seen: View, plain: str) -> tuple[str, Cue | None]:
    """Return the holder that the best rule names, and its cue."""
    return AUTHOR, None
