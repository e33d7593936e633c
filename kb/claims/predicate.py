"""The predicate of a sentence: what is left at its end once politeness and frames are off.

Japanese says what a sentence is at its end, but seldom in the last word:
〜になるのではないかと私は考えています。 is a forecast (なる) under a tag
(のではないか) under a frame of thought (と考えている). Frames are taken off one
by one, outermost first, as the cue table lists them; each leaves flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kb.claims.patterns import Bounds, Forms, Pattern, match_at
from kb.claims.table import Frame, Index, Table
from kb.records import Token

_CACHE_LIMIT = 60_000
_OPEN = frozenset("（([［")
_CLOSE = frozenset("）)]］")
_STOP = frozenset("。．.!！?？")
_ASK = frozenset("?？")
_NOMINAL = frozenset({"#名詞", "#代名詞", "#名詞的", "#記号"})
_VERBAL = frozenset({"動詞", "形容詞", "助動詞"})


class Word(NamedTuple):
    """What the tables know of a word.

    `forms` it goes by; the `rules` and `frames` whose patterns it may begin;
    `asked` are those of its forms that a condition (`needs`, `unless`) looks up.
    A word is `skipped` (politeness, quotes), a punctuation `mark`, or `verbal`.
    """

    forms: Forms
    rules: tuple[tuple[Any, Pattern], ...]
    frames: tuple[tuple[Any, Pattern], ...]
    asked: Forms
    skipped: bool
    mark: bool
    verbal: bool


class Taken(NamedTuple):
    """A frame that was taken off, and the words it covered."""

    frame: Frame
    start: int
    end: int


@dataclass(slots=True)
class View:
    """A sentence as the rules see it: words without politeness, brackets and end marks."""

    words: list[Word] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    forms: list[Forms] = field(default_factory=list)
    bounds: Bounds = field(default_factory=lambda: Bounds(0, 0, 0))
    flags: set[str] = field(default_factory=set)
    taken: list[Taken] = field(default_factory=list)
    asked: Forms = frozenset()

    def holds(self, when: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether all flags are as `when` wants them."""
        return all((flag in self.flags) is wanted for flag, wanted in when)

    def find(self, pattern: Pattern) -> tuple[int, int] | None:
        """Return the first words that match `pattern`, or None."""
        triggers = pattern.triggers
        if triggers.isdisjoint(self.asked):
            return None
        for i, word in enumerate(self.words):
            if not triggers.isdisjoint(word.asked):
                hit = match_at(pattern, i, self.forms, self.bounds)
                if hit:
                    return hit
        return None


class Lexicon:
    """The words met so far, as one table knows them; a word is looked up once per process."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._words: dict[tuple[str, str, tuple[str, ...]], Word] = {}

    def word(self, token: Token) -> Word:
        """Return what the table knows of a word."""
        key = (token[0], token[4], token[3])
        word = self._words.get(key)
        if word is None:
            if len(self._words) >= _CACHE_LIMIT:
                self._words.clear()
            word = self._words[key] = self._read(token)
        return word

    def _read(self, token: Token) -> Word:
        folded = token.surface.casefold().replace("\u2019", "'")
        forms = {token.surface, folded, token.lemma, token.norm, "=" + token.surface}
        for form in (token.lemma, token.norm, f"{token.lemma}&#{token.pos[1]}"):
            forms.update(self.table.aliases.get(form, ()))
        for part in token.pos:
            if part != "*":
                forms.update(("#" + part, "#" + part.split("-")[0]))
        frozen = frozenset(forms)
        alone = Bounds(0, 1, 1)
        return Word(
            frozen,
            self._begun(forms, self.table.rule_index),
            self._begun(forms, self.table.frame_index),
            frozen & self.table.asked,
            any(match_at(pattern, 0, [frozen], alone) for pattern in self.table.skip),
            token.pos[0] == "補助記号",
            token.pos[0] in _VERBAL,
        )

    @staticmethod
    def _begun(forms: set[str], index: Index) -> tuple[tuple[Any, Pattern], ...]:
        """Return the patterns that a word with these forms may begin, each once, in the order of the table."""
        found = {id(pair[1]): pair for form in forms for pair in index.get(form, ())}
        return tuple(sorted(found.values(), key=lambda pair: pair[1].place))


def _select(tokens: Sequence[Token], lexicon: Lexicon) -> tuple[list[Token], list[Word]]:
    """Return the words that count: no politeness, no brackets, nothing inside round brackets."""
    kept: list[Token] = []
    words: list[Word] = []
    depth = 0
    closes = sum(t[0] in _CLOSE for t in tokens)
    for token in tokens:
        surface = token[0]
        if surface in _OPEN:
            # A bracket that never closes, or that opens the sentence, hides nothing.
            depth += bool(kept) and closes > 0
        elif surface in _CLOSE:
            depth = max(0, depth - 1)
            closes -= 1
        elif not depth:
            word = lexicon.word(token)
            if not word.skipped:
                kept.append(token)
                words.append(word)
    return kept, words


def _end_marks(view: View) -> int:
    """Return where the words end before the marks that close a sentence; set what the marks say."""
    end = len(view.words)
    while end and view.words[end - 1].mark:
        mark = view.tokens[end - 1].surface
        if not _STOP.isdisjoint(mark):
            view.flags.add("stop")
        if not _ASK.isdisjoint(mark):
            view.flags.add("asks")
        end -= 1
    return end


def _peel(view: View, plain_end: int) -> None:
    """Take frames off the end until none fits."""
    bounds = Bounds(0, plain_end, plain_end)
    while bounds.core > 0:
        hit: Taken | None = None
        low = max(0, bounds.core - 12)
        for i in range(bounds.core - 1, low - 1, -1):
            for frame, pattern in view.words[i].frames:
                if not view.holds(frame.when):
                    continue
                found = match_at(pattern, i, view.forms, bounds)
                # A frame needs something to frame; the longest one that fits is taken.
                longer = found is not None and found[0] > 0 and (hit is None or found[0] < hit.start)
                if found and longer and not any(view.find(p) for p in frame.unless):
                    hit = Taken(frame, found[0], found[1])
        if hit is None:
            break
        view.taken.append(hit)
        view.flags.difference_update(hit.frame.clears)
        view.flags.update(hit.frame.sets)
        core = hit.start
        while core and view.words[core - 1].mark:
            core -= 1
        bounds = Bounds(0, core, plain_end)
    view.bounds = bounds


def view(tokens: Sequence[Token], lexicon: Lexicon) -> View:
    """Return a sentence as the rules see it, its frames taken off.

    Flags set here: ``stop`` and ``asks`` (end marks), ``nominal`` (ends in a
    noun without a copula), ``polite`` (ends in a word that was passed over),
    ``predicate`` (has a verb, adjective or copula
    anywhere), ``brief`` (eight words or fewer); frames set those of the table.
    """
    seen = View()
    seen.tokens, seen.words = _select(tokens, lexicon)
    seen.forms = [word.forms for word in seen.words]
    seen.asked = frozenset().union(*[word.asked for word in seen.words])
    end = _end_marks(seen)
    seen.bounds = Bounds(0, end, end)
    _peel(seen, end)
    core = seen.bounds.core
    last_word = next((t for t in reversed(tokens) if t[3][0] != "補助記号"), None)
    if last_word is not None and lexicon.word(last_word).skipped:
        seen.flags.add("polite")
    if any(word.verbal for word in seen.words):
        seen.flags.add("predicate")
    if end <= 8:
        seen.flags.add("brief")
    last = seen.forms[core - 1] if core else frozenset[str]()
    if "=た" in last:
        seen.flags.add("past")
    if "copula" not in seen.flags and not _NOMINAL.isdisjoint(last):
        seen.flags.add("nominal")
    return seen
