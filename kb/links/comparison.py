"""What comes out of laying one sentence over another."""

from __future__ import annotations

from dataclasses import dataclass, field

from kb.links.prepare import Term


@dataclass(slots=True)
class Comparison:
    """The outcome of laying one sentence over another.

    `a_cover` and `b_cover` are the shares of each side's weight that the other
    side says too; `shared` is that weight; `clashes` are (kind, words of a, words
    of b); `a_extra` and `b_extra` are the terms only one has, `a_facts` and
    `b_facts` the numbers and dates only one has. Kinds of clashes: number, span
    (a length of time), bound,
    ordinal, date, time (a date that says of when), polarity (denied on one side), reach (each denies something
    else), opposite, contrast (opposites that are attributes), name, role, case,
    voice, order, scope, topic, lead.
    """

    a_cover: float = 0.0
    b_cover: float = 0.0
    shared: float = 0.0
    clashes: list[tuple[str, str, str]] = field(default_factory=list)
    a_extra: list[Term] = field(default_factory=list)
    b_extra: list[Term] = field(default_factory=list)
    turned: int = 0  # words that agree because one denies the opposite: 足りない, 不足する
    a_facts: list[str] = field(default_factory=list)
    b_facts: list[str] = field(default_factory=list)

    def kinds(self) -> set[str]:
        """Return the kinds of clashes found."""
        return {kind for kind, _, _ in self.clashes}
