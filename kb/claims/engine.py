"""Applying a cue table to a sentence: kind, certainty and the words that decided them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from operator import itemgetter

from kb.claims.clauses import parse
from kb.claims.holder import AUTHOR, find_holder
from kb.claims.patterns import Pattern, match_at
from kb.claims.predicate import NOBODY, REACH, Begun, Lexicon, View, view
from kb.claims.table import Rule, Table, table
from kb.records import Certainty, Cue, Kind, Label, PassageKind, Token

# Votes that tie go to the kind that the guidelines put first; nothing at all is a fact.
_ORDER: tuple[Kind, ...] = ("question", "advice", "forecast", "opinion", "fact", "other")
_ASIDE: frozenset[PassageKind] = frozenset({"heading", "label", "cell"})
_LAST = 1 << 30
_precedence = itemgetter(0, 1, 2)
# What orders it (priority, word, place in the table), the rule, the pattern that a word triggers.
_Candidate = tuple[int, int, int, Rule, Pattern | None]


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


def _candidates(seen: View, known: Lexicon) -> list[_Candidate]:
    """Return the rules that a word may trigger or that ask for flags only; the highest priority first.

    Those that cannot fit, for a word that they need is not there, are left out.
    """
    _, core, end = seen.bounds
    absent = ~seen.mask
    met = [*seen.met, NOBODY]  # so that the neighbours of the first and the last word are none
    found: list[_Candidate] = []

    def keep(pairs: Begun, i: int) -> None:
        right, left = met[i + 1], met[i - 1]
        for rule, pattern in pairs:
            if not pattern.required & absent and pattern.right in right and pattern.left in left:
                found.append((-rule.priority, i, pattern.place, rule, pattern))

    words = seen.words
    for i, word in enumerate(words):
        if word.rules:
            keep(word.rules, i)
    # Most patterns are bound to an edge: only those whose words are as far from it as this one can fit.
    for i in range(max(0, core - REACH), core):
        if core - i in words[i].late:
            keep(words[i].late[core - i], i)
    for i in range(max(0, end - REACH), end):
        if end - i in words[i].last:
            keep(words[i].last[end - i], i)
    for i in range(min(end, REACH)):
        if i + 1 in words[i].first:
            keep(words[i].first[i + 1], i)
    found.extend([(-rule.priority, _LAST, place, rule, None) for place, rule in known.bare(seen.flags)])
    found.sort(key=_precedence)
    return found


def _words(rule: Rule, pattern: Pattern | None, i: int, seen: View) -> tuple[int, int] | None:
    """Return the words that a candidate covers, or None if it does not fit."""
    if pattern is not None:
        return match_at(pattern, i, seen.met, seen.bounds)
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
    `kb.text.tokens` reads them (English words are read by `clauses.parse`),
    `passage` what it stands in, `japanese` which table to use. Offsets of the cues are code points into `plain`. Raises
    DataFileError when the shipped table is damaged.
    """
    words = lexicon("ja" if japanese else "en")
    tokens, flags = (tokens, None) if japanese else parse(plain)
    seen = view(tokens, words)
    if flags:
        seen.flags |= flags
    if passage in _ASIDE or not seen.bounds.end:
        name = passage if passage in _ASIDE else "empty"
        return Label("other", cues=(_cue(f"other.{name}", "other", plain, seen, (0, len(seen.tokens))),))
    verdict = _Verdict(plain, seen, words.table)
    fired: set[str] = set()
    for _, i, _, rule, pattern in _candidates(seen, words):
        if rule.id in fired or (verdict.kind is not None and (rule.priority or rule.weight)):
            continue
        hit = _words(rule, pattern, i, seen)
        if hit and _applies(rule, seen, passage):
            fired.add(rule.id)
            verdict.take(rule, hit)
    return verdict.settle()
