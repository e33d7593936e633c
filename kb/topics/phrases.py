"""The noun phrases of a text: what a topic may be called by.

A Japanese one is a run of nouns as Sudachi divides them (複合名詞), an English
one a run of words with capitals. Words that name nothing
(data/phrases.toml) are left out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from kb.config import resource
from kb.errors import DataFileError
from kb.records import Token
from kb.text import tokens
from kb.topics.spelling import fold

_LONGEST = 24  # characters; a longer run of nouns is a heading, not a name
_MOST_WORDS = 5


_folded = lru_cache(maxsize=65_536)(fold)  # the same few thousand words come again and again


class Phrase(NamedTuple):
    """A noun phrase: as written, folded, and whether it is specific: a proper name, or more than one word."""

    text: str
    key: str
    specific: bool


@dataclass(frozen=True, slots=True)
class _Table:
    whole: frozenset[str]
    ends: frozenset[str]
    begins: frozenset[str]


@cache
def _table() -> _Table:
    """Load `data/phrases.toml`."""
    path = resource("data", "phrases.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        whole, ends, begins = (frozenset(map(fold, data[name])) for name in ("whole", "ends", "begins"))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    return _Table(whole, ends, begins)


def phrases(text: str) -> list[Phrase]:
    """Return the noun phrases of `text`, in order."""
    found: list[Phrase] = []
    run: list[Token] = []
    for token in tokens(text):
        if run and (not _goes_on(text, run[-1], token) or not _of_name(token, run)):
            _add(text, run, found)
            run = []
        if _of_name(token, run):
            run.append(token)
    _add(text, run, found)
    return found


def phrases_of_all(texts: Sequence[str]) -> list[list[Phrase]]:
    """Return the noun phrases of each text. Runs in any process."""
    return [phrases(text) for text in texts]


def _goes_on(text: str, before: Token, token: Token) -> bool:
    """Tell whether two words stand together: side by side, or both Latin with one blank between."""
    gap = text[before.end : token.start]
    return not gap or (gap == " " and before.surface.isascii() and token.surface.isascii())


def _of_name(token: Token, run: Sequence[Token]) -> bool:
    """Tell whether a word may stand in a name, behind the words of `run`."""
    kind = token.pos
    if token.surface.isascii():
        # Sudachi takes every Latin word for a noun: only what is written like a name is one.
        return any(c.isupper() for c in token.surface) or (bool(run) and token.surface.isdigit())
    if kind[0] == "名詞":
        return kind[1] == "固有名詞" or (kind[1] == "普通名詞" and kind[2] not in ("副詞可能", "助数詞可能"))
    if kind[0] == "接尾辞":
        return bool(run) and kind[1] == "名詞的" and kind[2] != "助数詞"
    return kind[0] == "接頭辞" or (kind[0] == "形状詞" and kind[1] == "一般")


def _add(text: str, run: Sequence[Token], found: list[Phrase]) -> None:
    """Add the phrase that a run of words makes, its empty words cut off, if it names something."""
    table = _table()
    words = list(run)
    while words and (_folded(words[-1].surface) in table.ends or words[-1].pos[0] in ("接頭辞", "形状詞")):
        words.pop()
    while words and (_folded(words[0].surface) in table.begins or words[0].pos[0] == "接尾辞"):
        words.pop(0)
    if not words or len(words) > _MOST_WORDS:
        return
    written = text[words[0].start : words[-1].end]
    key = _folded(written)
    if not 1 < len(key) <= _LONGEST or key in table.whole or key.isdigit() or key.endswith("的"):
        return
    contents = [word for word in words if _folded(word.surface) not in table.whole]
    if not contents:
        return
    proper = any(
        word.pos[1] == "固有名詞" or (word.surface.isascii() and word.surface[0].isupper()) for word in contents
    )
    compound = len(words) > 1 or len(words[0].units) > 1
    found.append(Phrase(written, key, proper or compound))
