"""The clauses of an English sentence: which verb is its own, and which stand in a clause below it.

A verb group that is finite belongs to the clause that was opened last (by "if",
"which", "that" …) and has no verb yet; the first that finds none open is the
main one. What is found is written into the words' parts of speech, so that the
rows of `en.toml` can ask for it:

==========================  ================================================
``#main`` ``#said``         a word of the main verb group, of one whose clause
``#sub``                    is said or thought, of one in any other clause
``#order``                  the main verb, told to someone ("Keep it short")
``#top`` ``#below``         in the main clause, or below it
``#subject`` ``#complement``  before the main verb; after a main "be", "seem" …
``#passive`` ``#perfect``   how a main verb group is made
``#progressive``
==========================  ================================================

and the reading itself: ``#past``, ``#s``, ``#adj`` …
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from kb.claims.english import ADVERBIAL, EnglishWords, Item, english_words
from kb.records import Token

_FINITE = frozenset({"be", "have", "do", "modal", "s", "past", "base"})
_SURE = frozenset({"be", "have", "do", "modal", "s"})
_LED = frozenset({"base", "been", "pp", "ing", "have", "do"})
_NO_VERB_YET = frozenset({"to", "modal", "do", "det", "poss", "prep", "adj"})
_FRONT = frozenset({"sub", "soft", "prep", "to", "ing", "pp", "past", "wh", "and", *ADVERBIAL})
_STARTS = frozenset({"start", "mark"})
_SUBJECTS = frozenset({"noun", "nouns", "pron", "num", "ing", "time", "adj"})
_BREAKS = frozenset({"comma", "mark", "and", "sub", "soft", "rel", "pron", "wh"})
_ENDS_COMPLEMENT = frozenset({"comma", "mark", "sub", "rel", "wh", "to"})
_OBJECTS = frozenset({"det", "poss", "obj", "pron", "rel", "wh", "sub", "to"})
_WITH_SUBJECT = frozenset({"pron", "noun", "nouns", "rel", "wh"})
_PHRASE = frozenset({"noun", "nouns", "adj", "det", "poss", "num", "ing", "pp", "time"})
_BEGINS = frozenset({"det", "poss", "pron", "sub", "wh"})
_END_MARKS = frozenset(".!。")
_VERBS = frozenset({*_FINITE, "been", "pp", "ing"})


@functools.cache
def _pos(tag: str, role: str, zone: str, made: str) -> tuple[str, ...]:
    """Return a part of speech; the same object for the same parts, as the lexicon of the rules expects."""
    if tag in ("sign", "comma", "mark"):
        return ("補助記号", "読点" if tag == "comma" else "句点", "*", "*", "*", "*")
    first = "動詞" if tag in _VERBS else "名詞"
    return (first, "数詞" if tag == "num" else "普通名詞", tag, role, zone, made)


class _Parse:
    """One walk over the words of a sentence, from left to right."""

    def __init__(self, items: Sequence[Item], words: EnglishWords, nouns: frozenset[int] = frozenset()) -> None:
        self.items = items
        self.words = words
        n = len(items)
        self.tags = [item.tag for item in items]
        for i in nouns:  # what a former walk showed to be no verb
            self.tags[i] = "noun"
        self.tags += ["end", "end"]
        self.role, self.zone, self.made = ["*"] * n, ["top"] * n, ["*"] * n
        self.open: list[tuple[str, int]] = []
        self.main: tuple[int, int] | None = None
        self.head = ""  # the base form of the main verb
        self.level = "main"
        self.again = False  # a second main clause may begin
        self.asides: dict[str, tuple[int, int]] = {}
        self.orphans = 0
        self.kind = ""  # of the clause whose verb was met last, up to the next comma
        self.last: tuple[int, int] | None = None  # the verb group met last, and how many there are
        self.groups = 0
        self.flags: set[str] = set()

    def tag(self, i: int) -> str:
        """Return the reading of word `i`, "end" after the last."""
        return self.tags[i]

    def next(self, i: int) -> str:
        """Return the reading that follows word `i`, adverbs passed over."""
        i += 1
        while i < len(self.items) and self.tag(i) in ADVERBIAL:
            i += 1
        return self.tag(i)

    def walk(self) -> None:
        """Give every verb group its role and every word its zone."""
        i = 0
        while i < len(self.items):
            tag = self.tags[i]
            if (tag in _FINITE and self._is_finite(i, tag)) or (self.items[i].form == "be" and self._is_order(i)):
                end = self._group(i)
                self._take(i, end)
                i = end
                continue
            self._boundary(i, tag)
            self.zone[i] = "below" if self.open or self.level == "sub" else "top"
            i += 1

    def _boundary(self, i: int, tag: str) -> None:
        """Open and close clauses at a word that is no verb."""
        lead = self.items[i].lead
        if tag == "comma":
            # "When in doubt, ask": a clause without a verb ends here.
            self.open = [o for o in self.open if o[0] == "rel"]
            self.level = "main" if self.level == "sub" else self.level
            self.kind = ""
        elif tag in ("sub", "soft"):
            self.open.append((tag, i))
        elif tag == "prep" and lead == "start":
            self.open.append(("front", i))
        elif self.open and self.open[-1][0] == "front" and self._begins_subject(tag, lead):
            self.open.pop()  # "In 2019 the town banned cars"
        elif tag == "pron" and self.again and lead not in ("and", "mark", "comma"):
            self.again = False  # "and one we like"
        elif tag == "wh" or tag == "rel":
            said = lead in ("be", "been") or (lead in _VERBS and self.head in self.words.clause)
            said = said and self.main is not None and self.items[i].form == "that"
            self.open.append(("said" if said else "rel", i))
        elif tag == "pron" and not self.main and not self.open and lead in ("noun", "nouns"):
            if i and self.items[i - 1].tag != "time":
                self.open.append(("bare", i))  # "the tool we built"
        elif tag == "and" and self.kind and not self.main and not self.open:
            self.open.append((self.kind, i))  # "if it rains and snows"
        elif tag in ("ing", "to"):
            self.again = False
        elif tag == "mark" or (tag == "and" and (self.level == "main" or self.tag(i - 1) == "comma")):
            self.again = self.main is not None and not self.open
            if tag == "mark":
                self.open = []

    def _in_phrase(self, i: int) -> bool:
        """Tell whether what may be a noun ends a phrase that a preposition leads and no subject precedes."""
        if self.main or "nouns" not in self.words.readings(self.items[i].form):
            return False
        k = i - 1
        while k >= 0 and self.tag(k) in _PHRASE:
            k -= 1
        return k >= 0 and self.tag(k) == "prep" and self.items[k].lead not in ("noun", "nouns", "pron", "num")

    @staticmethod
    def _begins_subject(tag: str, lead: str) -> bool:
        """Tell whether a noun phrase begins here that no preposition leads."""
        return tag == "pron" or (tag in ("det", "poss") and lead in ("noun", "nouns", "num", "pron"))

    def _is_finite(self, i: int, tag: str) -> bool:
        """Tell whether a word that can be a finite verb is one here."""
        lead = self.items[i].lead
        if tag == "base":
            if lead == "do" and self.items[i - 1].tag in ADVERBIAL and self._starts(i - 1):
                return True
            return (
                lead not in _NO_VERB_YET
                and lead not in _VERBS - {"be"}
                and (lead in _WITH_SUBJECT - {"noun"} or self._is_order(i))
            )
        if tag in ("s", "past") and self._in_phrase(i):
            return False
        if tag == "past" and not self.open:
            return not self._is_participle(i, lead)
        return lead != "to"

    def _starts(self, i: int) -> bool:
        """Tell whether nothing but adverbs stands before word `i`."""
        return all(self.tag(k) in (*ADVERBIAL, "sign", "do", "and") for k in range(i))

    def _is_order(self, i: int) -> bool:
        """Tell whether a base form tells someone to do something: no subject before it, no clause around it."""
        lead = self.items[i].lead
        if self.open or (self.main and not self.again) or self.next(i) in ("be", "modal", "have"):
            return False
        if self.main and lead == "mark":
            return False
        if lead == "comma" and self.next(i) in ("comma", "and", "mark"):
            return False
        if lead in _STARTS or (
            lead == "and" and (self._starts(i) or "order" in self.flags or self.items[i - 1].form == "so")
        ):
            return True
        return lead == "comma" and (self.tag(0) in _FRONT or "order" in self.flags)

    def _is_participle(self, i: int, lead: str) -> bool:
        """Tell whether a form in -ed describes a noun: a sure verb of its clause is yet to come."""
        form = self.items[i].form
        if "pp" not in self.words.readings(form):
            return False
        if self.main:
            return lead not in ("pron", "comma", "and", "mark")
        apart = lead in ("comma", "start")
        comma = False
        if lead == "mark":
            return True
        if lead == "comma" and self.tag(0) not in _FRONT and sum(self.tag(k) == "comma" for k in range(i)) == 1:
            return self.items[i].form != "said"  # "a team, recruited from both firms"
        for k in range(i + 1, len(self.items)):
            tag = self.tag(k)
            if tag in _SURE or (tag == "past" and lead != "pron"):
                if lead == "start":
                    return comma
                return not (self.items[i].lemma in self.words.clause and self.tag(i + 1) != "prep")
            if lead == "start" and tag == "comma":
                comma = True
            elif tag in _BREAKS and not apart:
                return False
        return False

    def _group(self, i: int) -> int:
        """Return where the verb group that begins at word `i` ends."""
        end = i + 1
        if self.tag(i) in ("s", "past", "base"):
            return end
        k = end
        while k < len(self.items) and (self.tag(k) in _LED or self.tag(k) in ADVERBIAL):
            k += 1
            if self.tag(k - 1) in _LED:
                end = k
                if self.tag(k - 1) in ("base", "pp", "ing"):
                    break
        return end

    def _take(self, i: int, end: int) -> None:
        """Give a finite verb group to the clause that waits for it."""
        role = "sub"
        self.last, self.groups = (i, end), self.groups + 1
        if self.open:
            kind, _ = self.open.pop()
            self.kind = kind
            role = "said" if kind == "said" else "sub"
            if not self.main:
                self.asides.setdefault(kind, (i, end))
        elif self.main is None or self.again:
            role = "main"
        elif self.head in self.words.clause and self.level == "main":
            role = "said"
        else:
            can = self.words.readings(self.items[i].form)
            self.orphans += not {"pp", "noun", "nouns"}.intersection(can) or self.tag(i) in ("be", "have", "modal")
        below = bool(self.open)
        self._mark(i, end, role, below)
        self.level = role
        self.again = False

    def _mark(self, i: int, end: int, role: str, below: bool) -> None:
        """Write down what a verb group is."""
        tags = [self.tag(k) for k in range(i, end)]
        last = next((k for k in range(end - 1, i - 1, -1) if self.tag(k) not in ADVERBIAL), i)
        if role == "main":
            if self.main is None:
                self.main, self.head = (i, end), self.items[last].lemma
                if self.items[i].tag in ("s", "base", "past") and self.tag(0) not in _BEGINS:
                    self.flags.add("unsure")
                self._subject(i)
            ordered = self.items[i].tag in ("base", "been") and self.items[i].lead not in _WITH_SUBJECT
            told = self.items[i].form == "do" and self.items[i].lead not in _WITH_SUBJECT and tags[-1] == "base"
            if ordered or told:
                self.flags.add("order")
                self.flags.discard("unsure")
                role = "order"
        made = "*"
        if tags[-1] == "pp":
            made = "passive" if any(self.items[k].lemma == "be" for k in range(i, last)) else "perfect"
        elif tags[-1] == "ing" and len(tags) > 1:
            made = "progressive"
        for k in range(i, end):
            self.role[k], self.made[k] = role, made
            self.zone[k] = "below" if role == "sub" or below else "top"
        copular = self.items[last].lemma == "be" or (self.items[last].lemma in self.words.link and made != "passive")
        if role in ("main", "order") and copular:
            self._complement(end)

    def _subject(self, verb: int) -> None:
        """Mark the words before the main verb that stand in no clause and behind no comma."""
        k = verb - 1
        found = False
        while k >= 0 and self.tag(k) != "mark":
            if self.tag(k) == "comma" and found and self.tag(0) in _FRONT:
                break
            if self.zone[k] == "top" and self.tag(k) not in ("comma", "sign"):
                self.made[k] = "subject"
                found = found or self.tag(k) in _SUBJECTS
            k -= 1
        if not found and self.items[verb].tag in ("s", "past"):
            self.flags.add("subjectless")
            self.flags.discard("unsure")

    def _complement(self, k: int) -> None:
        """Mark what a verb of being says of its subject."""
        while k < len(self.items) and self.tag(k) not in _ENDS_COMPLEMENT and self.tag(k) not in _FINITE - {"base"}:
            if self.made[k] == "*":
                self.made[k] = "complement"
            k += 1

    def settle(self) -> None:
        """Find the main verb among the asides where the walk found none."""
        if self.main is None:
            aside = next((self.asides[kind] for kind in ("front", "bare", "soft") if kind in self.asides), None)
            if aside is None and self.groups > 1:
                aside = self.last
            if aside is not None:
                self._mark(*aside, "main", below=False)
            elif any(item.form in _END_MARKS for item in self.items[-2:]):
                self._last_resort()
        if self.main is not None:
            self.flags.add("main")
        if self.items and self.items[-1].form in (":", "："):
            self.flags.add("colon")

    def _last_resort(self) -> None:
        """Take a word that stood as a noun for the main verb: "Visitors to the garden enter through the gate"."""
        for i, item in enumerate(self.items):
            if item.tag not in ("noun", "nouns", "base", "s") or self.zone[i] == "below":
                continue
            can = self.words.readings(item.form)
            told = (
                item.lead in ("start", "comma")
                and self.next(i) in ("det", "poss", "obj", "pron")
                and "nouns" not in can
            )
            ends = self.next(i) == "sign" and not (item.lead == "noun" and "s" in can)
            verb = "s" in can or ("base" in can and item.lead != "comma")
            closes = item.lead == "ing" and "s" in can and self.next(i) in ("det", "poss", "pron")
            if told or closes or (item.lead in ("noun", "nouns", "comma") and verb and not ends):
                self._mark(i, i + 1, "main", below=False)
                if told:
                    self.flags.add("order")
                    self.role[i] = "order"
                return


def _parsed(items: Sequence[Item], words: EnglishWords) -> _Parse:
    """Return the walk that leaves no verb over: "Use cases are rare" tells nobody to use anything."""
    parse = _Parse(items, words)
    parse.walk()
    first = next((k for k, item in enumerate(items) if item.tag not in (*ADVERBIAL, "sign")), 0)
    if parse.main and "order" in parse.flags:
        first = parse.main[0]
    doubtful = parse.main == (first, first + 1) and not {"noun", "nouns"}.isdisjoint(words.readings(items[first].form))
    if doubtful and parse.orphans and parse.next(first) not in _OBJECTS:
        second = _Parse(items, words, frozenset({first}))
        second.walk()
        if second.main:
            parse = second
    parse.settle()
    return parse


def parse(plain: str) -> tuple[list[Token], set[str]]:
    """Return the words of an English sentence with their roles, and flags.

    The flags: ``main`` (there is a main verb), ``order`` (it tells someone what
    to do), ``subjectless`` (it has no subject: "Added a dark theme"), ``colon``
    (it ends in one), ``unsure`` (the verb may be none where nothing ends the
    sentence). Raises
    DataFileError when the shipped lexicon is damaged.
    """
    words = english_words()
    items = words.read(plain)
    found = _parsed(items, words)
    tokens = []
    for k, item in enumerate(items):
        pos = _pos(found.tag(k), found.role[k], found.zone[k], found.made[k])
        tokens.append(Token(item.surface, item.start, item.end, pos, item.lemma, item.form, (item.form,)))
    return tokens, found.flags
