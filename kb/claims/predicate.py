"""The predicate of a sentence: what is left at its end once politeness and frames are off.

Japanese says what a sentence is at its end, but seldom in the last word:
〜になるのではないかと私は考えています。 is a forecast (なる) under a tag
(のではないか) under a frame of thought (と考えている). Frames are taken off one
by one, outermost first, as the cue table lists them; each leaves flags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from kb.claims.patterns import CORE_END, END, START, Bounds, Forms, Met, Pattern, match_at
from kb.claims.table import Frame, Index, Rule, Table
from kb.records import Token

_CACHE_LIMIT = 60_000
_OPEN = frozenset("（([［")
_CLOSE = frozenset("）)]］")
_BRACKETS = _OPEN | _CLOSE
_STOP = frozenset("。．.!！?？")
_ASK = frozenset("?？")
_NOMINAL = frozenset({"#名詞", "#代名詞", "#名詞的", "#記号"})
_VERBAL = frozenset({"動詞", "形容詞", "助動詞"})
REACH = 12  # words from an edge within which a pattern bound to it is looked up by its distance
_NOTHING: Forms = frozenset()
NOBODY: Met = frozenset({0})
Begun = tuple[tuple[Any, Pattern], ...]
_surface = itemgetter(0)


class Word(NamedTuple):
    """What the tables know of a word.

    `forms` it goes by; the conditions it has `met`, also as bits (`mask`); the
    `rules` whose patterns it triggers anywhere; those that it triggers only so
    many words from the start (`first`), the end of the predicate (`late`), the
    end (`last`), and so many before the end of what is left, `frames`. A word is
    `skipped` (politeness, quotes), a punctuation `mark`, `verbal`.
    """

    forms: Forms
    met: Met
    mask: int
    rules: Begun
    first: Mapping[int, Begun]
    late: Mapping[int, Begun]
    last: Mapping[int, Begun]
    frames: Mapping[int, Begun]
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
    """A sentence as the rules see it: words without politeness, brackets and end marks.

    `met` are the conditions each word meets, `mask` those that any word meets, as bits.
    """

    words: list[Word] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    met: list[Met] = field(default_factory=list)
    mask: int = 0
    bounds: Bounds = field(default_factory=lambda: Bounds(0, 0, 0))
    flags: set[str] = field(default_factory=set)
    taken: list[Taken] = field(default_factory=list)

    def holds(self, when: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether all flags are as `when` wants them."""
        flags = self.flags
        # A loop: a generator would double the cost of what is asked for every candidate.
        for flag, wanted in when:  # noqa: SIM110
            if (flag in flags) is not wanted:
                return False
        return True

    def find(self, pattern: Pattern) -> tuple[int, int] | None:
        """Return the first words that match `pattern`, or None."""
        if pattern.required & ~self.mask:
            return None
        trigger = pattern.trigger
        for i, met in enumerate(self.met):
            if trigger in met:
                hit = match_at(pattern, i, self.met, self.bounds)
                if hit:
                    return hit
        return None


class Lexicon:
    """The words met so far, as one table knows them; a word is looked up once per process."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._words: dict[tuple[str, str, tuple[str, ...]], Word] = {}
        self._usual: dict[str, tuple[tuple[str, ...], str, Word]] = {}
        self._bare: dict[frozenset[str], tuple[tuple[int, Rule], ...]] = {}

    def bare(self, flags: set[str]) -> tuple[tuple[int, Rule], ...]:
        """Return the rules without patterns whose flags are as they want them, each with its place among these."""
        key = frozenset(flags)
        found = self._bare.get(key)
        if found is None:
            seen = View(flags=flags)
            rows = enumerate(self.table.bare)
            found = self._bare[key] = tuple((place, rule) for place, rule in rows if seen.holds(rule.when))
        return found

    def read(self, tokens: Sequence[Token]) -> list[Word]:
        """Return what the table knows of words."""
        usual = self._usual
        found = []
        for token in tokens:
            surface, pos = token[0], token[3]  # by place: names and unpacking of a token take twice as long
            # Most spellings stand for one word, and its part of speech is one object: no need to hash all of it.
            last = usual.get(surface)
            if last is not None and last[0] is pos and last[1] == token[4]:
                found.append(last[2])
            else:
                word = self._word(token)
                usual[surface] = (pos, token[4], word)
                found.append(word)
        return found

    def _word(self, token: Token) -> Word:
        """Return what the table knows of a word, looked up once."""
        key = (token.surface, token.lemma, token.pos)
        word = self._words.get(key)
        if word is None:
            if len(self._words) >= _CACHE_LIMIT:
                self._words.clear()
                self._usual.clear()
            word = self._words[key] = self._look_up(token)
        return word

    def _look_up(self, token: Token) -> Word:
        folded = token.surface.casefold().replace("\u2019", "'")
        forms = {token.surface, folded, token.lemma, token.norm, "=" + token.surface}
        for form in (token.lemma, token.norm, f"{token.lemma}&#{token.pos[1]}"):
            forms.update(self.table.aliases.get(form, ()))
        for part in token.pos:
            if part != "*":
                forms.update(("#" + part, "#" + part.split("-")[0]))
        met = self.table.conditions.met(forms)
        rules = self._triggered(forms, met, self.table.rule_index)
        alone = Bounds(0, 1, 1)
        return Word(
            frozenset(forms),
            met,
            sum(1 << number for number in met),
            tuple(pair for pair in rules if pair[1].farthest > REACH),
            _by_distance(rules, START),
            _by_distance(rules, CORE_END),
            _by_distance(rules, END),
            _by_distance(self._triggered(forms, met, self.table.frame_index), CORE_END),
            any(match_at(pattern, 0, [met], alone) for pattern in self.table.skip),
            token.pos[0] == "補助記号",
            token.pos[0] in _VERBAL,
        )

    @staticmethod
    def _triggered(forms: set[str], met: Met, index: Index) -> Begun:
        """Return the patterns that such a word triggers, each once, in the order of the table."""
        found = {id(pair[1]): pair for form in forms for pair in index.get(form, ()) if pair[1].trigger in met}
        return tuple(sorted(found.values(), key=lambda pair: pair[1].place))


def _by_distance(pairs: Begun, edge: int) -> Mapping[int, Begun]:
    """Return the patterns bound to an edge within reach, by the distances at which their trigger may be from it."""
    found: dict[int, list[tuple[Any, Pattern]]] = {}
    for pair in pairs:
        if pair[1].edge == edge and pair[1].farthest <= REACH:
            for distance in range(pair[1].nearest, pair[1].farthest + 1):
                found.setdefault(distance, []).append(pair)
    return {distance: tuple(begun) for distance, begun in found.items()}


def _select(tokens: Sequence[Token], words: Sequence[Word]) -> list[tuple[Token, Word]]:
    """Return the words that count: no politeness, no brackets, nothing inside round brackets."""
    kept: list[tuple[Token, Word]] = []
    depth = 0
    closes = sum(t[0] in _CLOSE for t in tokens)
    for token, word in zip(tokens, words, strict=True):
        if token[0] in _OPEN:
            # A bracket that never closes, or that opens the sentence, hides nothing.
            depth += bool(kept) and closes > 0
        elif token[0] in _CLOSE:
            depth = max(0, depth - 1)
            closes -= 1
        elif not depth and not word.skipped:
            kept.append((token, word))
    return kept


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
    absent = ~view.mask
    while bounds.core > 0:
        hit: Taken | None = None
        core = bounds.core
        for i in range(core - 1, max(0, core - REACH) - 1, -1):
            frames = view.words[i].frames
            for frame, pattern in frames.get(core - i, ()) if frames else ():
                if pattern.required & absent or not view.holds(frame.when):
                    continue
                found = match_at(pattern, i, view.met, bounds)
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
    words = lexicon.read(tokens)
    seen = View()
    if not _BRACKETS.isdisjoint(map(_surface, tokens)):
        kept = _select(tokens, words)
    else:
        kept = [pair for pair in zip(tokens, words, strict=True) if not pair[1].skipped]
    seen.tokens = [pair[0] for pair in kept]
    seen.words = [pair[1] for pair in kept]
    seen.met = [word.met for word in seen.words]
    mask = 0
    for word in seen.words:
        mask |= word.mask
    seen.mask = mask
    end = _end_marks(seen)
    seen.bounds = Bounds(0, end, end)
    _peel(seen, end)
    core = seen.bounds.core
    last_word = next((word for word in reversed(words) if not word.mark), None)
    if last_word is not None and last_word.skipped:
        seen.flags.add("polite")
    if any(word.verbal for word in reversed(seen.words)):
        seen.flags.add("predicate")
    if end <= 8:
        seen.flags.add("brief")
    last = seen.words[core - 1].forms if core else _NOTHING
    if "=た" in last:
        seen.flags.add("past")
    if "copula" not in seen.flags and not _NOMINAL.isdisjoint(last):
        seen.flags.add("nominal")
    return seen
