"""What a sentence is: its kind, its certainty, who says it, and the words that tell.

Everything is decided by the tables under `data/cues/`; `docs/claims.md` says
how they are read. No stage is imported here.
"""

from __future__ import annotations

from kb.claims.engine import classify
from kb.claims.table import Rule, table

__all__ = ["Rule", "classify", "rules"]


def rules(language: str = "") -> list[Rule]:
    """Return the rows of the shipped cue tables in the order of their files.

    `language` is ``ja``, ``en`` or, for both, empty. Raises DataFileError when
    a table breaks its own rules.
    """
    return [rule for name in ([language] if language else ["ja", "en"]) for rule in table(name).rules]
