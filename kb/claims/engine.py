"""Applying a cue table to a sentence: kind, certainty and the words that decided them."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from kb.claims.holder import AUTHOR, find_holder
from kb.claims.patterns import Pattern, match_at
from kb.claims.predicate import Lexicon, View, view
from kb.claims.table import Rule, Table, table
from kb.records import Certainty, Cue, Kind, Label, PassageKind, Token

# Votes that tie go to the kind that the guidelines put first; nothing at all is a fact.
_ORDER: tuple[Kind, ...] = ("question", "advice", "forecast", "opinion", "fact", "other")
_ASIDE: frozenset[PassageKind] = frozenset({"heading", "label", "cell"})


@functools.cache
def lexicon(language: str) -> Lexicon:
    """Return the lexicon of a language, shared by all sentences of this process."""
    return Lexicon(table(language))


def _cue(rule: str, label: str, plain: str, seen: View, words: tuple[int, int]) -> Cue:
    """Return a cue for the words from `words[0]` to `words[1]`, exclusive."""
    if not seen.tokens:
        return Cue(label, rule, plain, 0, len(plain))
    first = min(words[0], len(seen.tokens) - 1)
    last = max(min(words[1], len(seen.tokens)) - 1, first)
    start, end = seen.tokens[first].start, seen.tokens[last].end
    return Cue(label, rule, plain[start:end], start, end)


def _applies(rule: Rule, seen: View, passage: PassageKind) -> bool:
    """Tell whether the conditions of a rule besides its patterns hold."""
    return (
        (not rule.passages or passage in rule.passages)
        and seen.holds(rule.when)
        and all(seen.find(p) for p in rule.needs)
        and not any(seen.find(p) for p in rule.unless)
    )


def _candidates(seen: View, bare: Sequence[Rule]) -> list[tuple[Rule, Pattern | None, int]]:
    """Return the rules that a word may trigger or that ask for flags only; the highest priority first."""
    core = seen.bounds.core
    found: list[tuple[Rule, Pattern | None, int]] = [
        (rule, pattern, i)
        for i, word in enumerate(seen.words)
        for rule, pattern in word.rules
        # Most patterns end where the predicate ends: those begun too far from it cannot fit.
        if not pattern.anchored or pattern.nearest < core - i <= pattern.farthest + 1
    ]
    found.extend((rule, None, 0) for rule in bare)
    found.sort(key=_precedence)
    return found


def _precedence(candidate: tuple[Rule, Pattern | None, int]) -> int:
    return -candidate[0].priority


def _words(rule: Rule, pattern: Pattern | None, i: int, seen: View) -> tuple[int, int] | None:
    """Return the words that a candidate covers, or None if it does not fit."""
    if pattern is not None:
        return match_at(pattern, i, seen.forms, seen.bounds)
    wanted = {flag for flag, on in rule.when if on}
    for taken in seen.taken:
        if not wanted.isdisjoint(taken.frame.sets):
            return taken.start, taken.end
    core = seen.bounds.core
    return (core, max(seen.bounds.end, core + 1)) if "asks" in wanted else (max(core - 1, 0), max(core, 1))


class _Verdict:
    """Gathers what the rules say of one sentence.

    Rules must be handed over in the order of their priority: the first that
    names a kind decides it.
    """

    def __init__(self, plain: str, seen: View, table: Table) -> None:
        self.table = table
        self.plain = plain
        self.seen = seen
        self.kind: Kind | None = None
        self.cues: list[Cue] = []
        self.hedge: Cue | None = None
        self.sure: Cue | None = None
        self.holders: list[tuple[Rule, tuple[int, int]]] = []
        self.votes: dict[Kind, float] = {}
        self.voters: dict[str, tuple[float, Cue]] = {}

    def take(self, rule: Rule, words: tuple[int, int]) -> None:
        """Note that a rule fits."""
        cue = _cue(rule.id, rule.label, self.plain, self.seen, words)
        if rule.label == "hedged":
            self.hedge = self.hedge or cue
        elif rule.label == "asserted":
            self.sure = self.sure or cue
        elif rule.label == "holder":
            self.holders.append((rule, words))
        elif rule.kind and rule.weight:
            if rule.id not in self.voters:
                self.voters[rule.id] = (rule.weight, cue)
                self.votes[rule.kind] = self.votes.get(rule.kind, 0.0) + rule.weight
        elif rule.kind and self.kind is None:
            self.kind = rule.kind
            self.cues.append(cue)

    def _count(self) -> Kind:
        """Return the kind with the most votes, a fact if there are none; its voters become the cues."""
        kind: Kind = max(_ORDER, key=lambda k: (self.votes.get(k, 0.0), -_ORDER.index(k)))
        if not self.votes:
            kind = "fact"
        voters = sorted((v for v in self.voters.values() if v[1].label == kind), key=lambda v: -v[0])
        self.cues.extend(cue for _, cue in voters[:3])
        if not voters:
            core = self.seen.bounds.core
            self.cues.append(_cue("fact.default", "fact", self.plain, self.seen, (max(core - 1, 0), core)))
        return kind

    def settle(self) -> Label:
        """Return the label: a deciding rule, else the votes, else a fact."""
        kind = self.kind or self._count()
        certainty: Certainty = "hedged" if self.hedge and not self.sure else "asserted"
        if self.hedge:
            self.cues.append(self.sure or self.hedge)
        holder, cue = find_holder(self.holders, self.seen, self.plain, self.table) if self.holders else (AUTHOR, None)
        return Label(kind, certainty, holder, (*self.cues, *((cue,) if cue else ())))


def classify(
    plain: str, tokens: Sequence[Token], *, passage: PassageKind = "paragraph", japanese: bool = True
) -> Label:
    """Return kind, certainty, holder and cues of one sentence.

    `plain` is the sentence without mark-up, `tokens` its words as
    `kb.text.tokens` reads them, `passage` what it stands in, `japanese` which
    table to use. Offsets of the cues are code points into `plain`. Raises
    DataFileError when the shipped table is damaged.
    """
    words = lexicon("ja" if japanese else "en")
    seen = view(tokens, words)
    if passage in _ASIDE or not seen.bounds.end:
        name = passage if passage in _ASIDE else "empty"
        return Label("other", cues=(_cue(f"other.{name}", "other", plain, seen, (0, len(seen.tokens))),))
    verdict = _Verdict(plain, seen, words.table)
    fired: set[str] = set()
    for rule, pattern, i in _candidates(seen, words.table.bare):
        if rule.id in fired or (verdict.kind is not None and (rule.priority or rule.weight)):
            continue
        hit = _words(rule, pattern, i, seen)
        if hit and _applies(rule, seen, passage):
            fired.add(rule.id)
            verdict.take(rule, hit)
    return verdict.settle()
