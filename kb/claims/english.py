"""English words and what each is in its sentence: noun, verb, tense, by lists, endings and neighbours.

Sudachi gives English words no part of speech. `data/cues/en_words.toml` lists
the closed classes, the common verbs with their forms, and telling endings; its
rows of ``[[reading]]`` choose between the readings of a word by the word before
and the word after. The rest is a noun.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kb.config import resource
from kb.errors import DataFileError

_CUT = re.compile(
    r"(?:https?://|www\.)\S+"  # an address
    r"|\]\([^()\s]*\)|(?<=.)\([^()]*\)"  # where a link leads; an aside
    r"|(?:[A-Za-z]\.){2,}"  # U.S.
    r"|[^\W\d]\w*(?:[._]\w+)+(?:\(\))?|\w+\(\)"  # a name in a program, an address without its beginning
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*(?:-\w+(?:['’][^\W\d_]+)?)*"  # a word, with apostrophes and hyphens
    r"|\d+(?:[.,:/]\d+)*(?:-?[A-Za-z]+)*"  # a number, with what is written to it
    r"|\S"
)
_SHORT = re.compile(r"(?i)(.+?)(n['’]t|['’](?:s|re|ve|ll|d|m))$")
_TRUE_FORM = {
    "'ll": "will", "wo": "will", "'d": "would", "ca": "can", "n't": "not", "'m": "be", "'re": "be", "'ve": "have",
    "cannot": "can",
}  # fmt: skip
_BE = ("am", "is", "are", "was", "were", "been", "being", "'s")
_COMMA, _MARKS = frozenset(",，、"), frozenset(";:–—…|")
_REMEMBERED = 20_000
_LONGEST = 4_000  # characters; what is longer is no sentence
_HYPHEN = frozenset("-‐")
_VOWELS = frozenset("aeiou")
_NOMINAL = frozenset({"noun", "nouns", "adj", "det", "poss", "num", "prep"})
_OF_VERBS = frozenset({"base", "s", "past", "pp", "ing", "noun", "nouns"})
_GRAMMAR = frozenset({"det", "poss", "prep", "pron", "and", "be", "have", "do", "not", "sub", "soft", "to", "rel"})
ADVERBIAL = frozenset({"adv", "not"})


class Item(NamedTuple):
    """A word: its place, its lower-case form, the reading chosen, its base form, the reading it follows."""

    surface: str
    start: int
    end: int
    form: str
    tag: str
    lemma: str
    lead: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One row of ``[[reading]]``: for `words` (any, if empty) between such neighbours, the first of `take`."""

    words: frozenset[str]
    after: frozenset[str]
    before: frozenset[str]
    take: tuple[str, ...]


def _row(row: Mapping[str, Any]) -> Reading:
    """Return a row of the file as a record."""
    words, after, before = (frozenset(row.get(key, ())) for key in ("words", "after", "before"))
    return Reading(words, after, before, tuple(row["take"]))


def _doubled(base: str) -> bool:
    """Tell whether a verb doubles its last letter: plan, planned."""
    return (len(base) > 2 and base[-1] not in "aeiouwxyh" and base[-2] in _VOWELS and base[-3] not in _VOWELS) and (
        len(base) < 5 or base.endswith(("fer", "mit", "cur", "gin", "get", "trol", "ban", "pel", "net", "bel", "cel"))
    )


def _regular(base: str) -> Iterator[tuple[str, str]]:
    """Yield (form, reading) of the regular forms of a verb."""
    stem = base[:-1] if base.endswith("e") else base
    third = base + "es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else base + "s"
    past, ing = stem + "ed", (base if base.endswith("ee") else stem) + "ing"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        third, past = base[:-1] + "ies", base[:-1] + "ied"
    yield third, "s"
    for form, reading in ((past, "past"), (past, "pp"), (ing, "ing")):
        yield form, reading
        if _doubled(base):
            yield form.replace(base, base + base[-1], 1), reading


class EnglishWords:
    """The lexicon: the readings of a word, and the choice between them."""

    def __init__(self, data: Mapping[str, Any], path: str = "") -> None:
        """Read the parts of the file; raise DataFileError where one is missing."""
        self._known: dict[str, list[str]] = {}
        self._lemma: dict[tuple[str, str], str] = {}
        try:
            self._classes(data["class"])
            self._verbs(data["verb"])
            self.clause = frozenset(data["verb"]["clause"])
            self.link = frozenset(data["verb"]["link"])
            self._prefixes = tuple(data["verb"]["prefix"])
            self._endings = {str(k): tuple(v) for k, v in data["ending"].items()}
            rows = [_row(row) for row in data["reading"]]
        except (KeyError, AttributeError, TypeError) as error:
            raise DataFileError(f"{path}: the part {error} is missing or damaged") from error
        self._by_word: dict[str, list[Reading]] = {}
        self._by_lead: dict[str, list[Reading]] = {}
        for row in rows:
            for word in row.words:
                self._by_word.setdefault(word, []).append(row)
            for lead in () if row.words else row.after:
                self._by_lead.setdefault(lead, []).append(row)
        self.readings = functools.lru_cache(maxsize=_REMEMBERED)(self._readings)
        self.lemma = functools.lru_cache(maxsize=_REMEMBERED)(self._base)
        self._usual = functools.lru_cache(maxsize=_REMEMBERED)(self._by_neighbours)
        self._may_name = functools.lru_cache(maxsize=_REMEMBERED)(self._is_no_grammar)

    def _add(self, form: str, reading: str, lemma: str) -> None:
        known = self._known.setdefault(form, [])
        if reading not in known:
            known.append(reading)
        self._lemma.setdefault((form, reading), lemma)

    def _classes(self, classes: Mapping[str, list[str]]) -> None:
        for reading, words in classes.items():
            for word in words:
                self._add(word, reading, _TRUE_FORM.get(word, word))
        for form in _BE:
            self._lemma[form, "be"] = self._lemma[form, "been"] = "be"
        for form, lemma in (("has", "have"), ("had", "have"), ("does", "do"), ("did", "do")):
            self._lemma[form, lemma] = lemma

    def _verbs(self, verbs: Mapping[str, Any]) -> None:
        irregular: dict[str, tuple[str, str]] = {}
        for row in verbs["irregular"].split(";"):
            base, past, pp = row.split()
            irregular[base] = (past, pp)
        for name in ("noun", "plain"):
            for base in (*verbs[name].split(), *(irregular if name == "plain" else ())):
                if base in ("be", "have", "do"):
                    continue
                if name == "noun":
                    self._add(base, "noun", base)
                self._add(base, "base", base)
                for form, reading in _regular(base):
                    if reading == "s" and name == "noun":
                        self._add(form, "nouns", form)
                    if reading in ("s", "ing") or base not in irregular:
                        self._add(form, reading, base)
                for form, reading in zip(irregular.get(base, ()), ("past", "pp"), strict=False):
                    self._add(form, reading, base)
        for form, reading in (("having", "ing"), ("doing", "ing"), ("had", "pp"), ("done", "pp")):
            self._add(form, reading, "have" if form.startswith("ha") else "do")

    def _readings(self, form: str) -> tuple[str, ...]:
        known = self._known.get(form)
        if known:
            return tuple(known)
        if len(form) > 1 and ("_" in form or "." in form or form.endswith(")")):
            return ("noun",)
        if form[:1].isdigit():
            return ("num",)
        if not form[:1].isalpha():
            return ("comma",) if form in _COMMA else ("mark",) if form in _MARKS else ("sign",)
        if "-" in form:
            last = self.readings(form.rpartition("-")[2])[0]
            return (last, "adj") if last in ("noun", "nouns") else ("adj", "noun")
        for prefix in self._prefixes:
            rest = self._known.get(form[len(prefix) :], ()) if form.startswith(prefix) else ()
            if any(reading in _OF_VERBS for reading in rest):
                return tuple(reading for reading in rest if reading in _OF_VERBS)
        for length in range(5, 0, -1):
            if len(form) > length + 2 and form[-length:] in self._endings:
                return self._endings[form[-length:]]
        return ("noun",)

    def _base(self, form: str, tag: str) -> str:
        """Return the base form of a word in one of its readings."""
        known = self._lemma.get((form, tag))
        if known is None and tag in ("past", "pp") and form.endswith("ed"):
            return form[:-2]
        return known or _TRUE_FORM.get(form, form)

    def choose(self, form: str, lead: str, following: str, last: str, coming: str) -> str:
        """Return the reading of a word after the reading `lead` and before a word that is likely `following`.

        `last` and `coming` are the words before and after it.
        """
        for row in self._by_word.get(form, ()):
            if not row.after.isdisjoint((lead, "*", "=" + last)) and (
                not row.before or not row.before.isdisjoint((following, "=" + coming))
            ):
                return row.take[0]
        return self._usual(form, lead, following)

    def _by_neighbours(self, form: str, lead: str, following: str) -> str:
        """Return the reading of a word that no row names."""
        can = self.readings(form)
        if len(can) == 1 and can[0] not in ("base", "s", "past"):
            # After "they" an unknown word is a verb.
            return "base" if lead == "pron" and can[0] == "noun" and form not in self._known else can[0]
        for row in self._by_lead.get(lead, ()):
            if not row.before or following in row.before:
                for tag in row.take:
                    wanted, _, read_as = tag.partition(":")
                    if (read_as or wanted) in can:
                        return wanted
        return can[0]

    def read(self, plain: str) -> list[Item]:
        """Return the words of a sentence, each with its reading."""
        cut = [(*piece, piece[0].casefold().replace("’", "'")) for piece in _pieces(plain[:_LONGEST])]
        likely = [self.readings(form)[0] for _, _, _, form in cut]
        found: list[Item] = []
        lead, joined = "start", False
        for i, (surface, start, end, form) in enumerate(cut):
            following = likely[i + 1] if i + 1 < len(cut) else "end"
            if following == "adv" and i + 2 < len(cut):
                following = likely[i + 2]
            named = found and lead != "start" and surface[:1].isupper() and form != "i" and likely[i] not in ("pron",)
            near = (cut[i - 1][3] if i else "", cut[i + 1][3] if i + 1 < len(cut) else "")
            tag = "noun" if named and self._may_name(form) else self.choose(form, lead, following, *near)
            found.append(Item(surface, start, end, form, tag, self.lemma(form, tag), lead))
            if tag in ADVERBIAL or tag == "sign":
                continue
            # "Sweden and Norway share": what is joined is more than one.
            joined = lead in _NOMINAL if tag == "and" else joined and tag in _NOMINAL
            lead = ("nouns" if joined else "noun") if tag in ("time", "noun") else tag
        return found

    def _is_no_grammar(self, form: str) -> bool:
        """Tell whether a word that is written with a capital within a sentence is a name: no word of grammar is."""
        return _GRAMMAR.isdisjoint(self.readings(form))


def _pieces(plain: str) -> Iterator[tuple[str, int, int]]:
    """Yield (word, start, end), contractions parted: do|n't, it|'s."""
    for match in _CUT.finditer(plain):
        text, at = match[0], match.start()
        if (len(text) > 1 and text[0] in "](") or (text == "[" and "](" in plain):
            continue
        short = _SHORT.match(text) if "'" in text or "’" in text else None
        if short:
            middle = at + len(short[1])
            yield short[1], at, middle
            yield short[2], middle, match.end()
        elif text not in _HYPHEN or plain[at - 1 : at] == " ":
            yield ("—" if text in _HYPHEN else text), at, match.end()


@functools.cache
def english_words() -> EnglishWords:
    """Return the shipped lexicon. Raises DataFileError when its file cannot be read."""
    path = resource("data", "cues", "en_words.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataFileError(f"{path}: cannot be read as TOML: {error}") from error
    return EnglishWords(data, str(path))
