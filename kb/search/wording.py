"""How a query is worded: which of its words say what is asked, and how much each counts. Lists: data/search.toml.

A proper name decides what a query is about (Croft, Metzler and Strohman, Search
Engines, 2010, section 6.2, on the words that matter in long queries); a word
that asks names nothing. How much a name counts was measured on judged queries
(docs/search.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from kb.config import resource
from kb.datafiles import read_toml
from kb.errors import DataFileError
from kb.fts import Query, decode
from kb.synonyms import fold_name
from kb.text import is_japanese

NAME = 1.6  # what a proper name counts beside a common word as rare as it
LATIN = 1.3  # the same for a word in Latin letters amid Japanese: mostly a name that the dictionary does not know
_LATIN = re.compile(r"[a-z][a-z0-9.+#\-&']*[a-z0-9+#]")
_HIRAGANA = re.compile("[ぁ-ゖー]+")
_SHAPE = "asking and stop must be lists of words, glossary a list of lists of two words or more"


@dataclass(frozen=True, slots=True)
class _Lists:
    asking: frozenset[str]
    stop: frozenset[str]
    glossary: tuple[tuple[str, ...], ...]


@cache
def _lists() -> _Lists:
    """Load `data/search.toml`."""
    path = resource("data", "search.toml")
    data = read_toml(path)
    asking, stop, glossary = (data.get(key) for key in ("asking", "stop", "glossary"))
    if not (_words(asking) and _words(stop) and isinstance(glossary, list)):
        raise DataFileError(f"{path}: {_SHAPE}")
    for number, group in enumerate(glossary, 1):
        if not _words(group) or len(group) < 2:
            raise DataFileError(f"{path}: glossary, entry {number}: {_SHAPE}")
    folded = tuple(tuple(dict.fromkeys(map(fold_name, group))) for group in glossary)
    return _Lists(frozenset(asking or ()), frozenset(stop or ()), folded)


def _words(listed: object) -> bool:
    return isinstance(listed, list) and all(isinstance(word, str) and word.strip() for word in listed)


def glossary() -> tuple[tuple[str, ...], ...]:
    """Return the groups of English words and the Japanese ones that say the same, folded.

    Raises `DataFileError` where data/search.toml breaks its rules.
    """
    return _lists().glossary


def asked(query: Query) -> Query:
    """Return `query` without the words that name nothing, or as it is where it has no others."""
    lists = _lists()
    typed = {word: fold_name(label) for word, label in query.labels}
    words = tuple(w for w in query.words if decode(w) not in lists.asking and typed.get(w) not in lists.stop)
    grams = tuple(gram for gram in query.grams if decode(gram) not in lists.stop)
    return replace(query, words=words, grams=grams) if words else query


def bare(query: Query) -> bool:
    """Tell whether a query holds nothing but particles and endings, which stand in every claim."""
    return not query.words and not query.required and all(_HIRAGANA.fullmatch(gram) for gram in query.grams)


def factors(query: Query) -> dict[str, float]:
    """Return how much words of `query` count, where that is not 1."""
    found = {}
    mixed = is_japanese(query.text)
    for word in query.words:
        if word in query.names:
            found[word] = NAME
        elif mixed and _LATIN.fullmatch(decode(word)):
            found[word] = LATIN
    return found
