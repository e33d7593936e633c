"""Quotes on a page: without mark-up, and with the characters marked that a query's words matched."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from kb.posts.inline import strip_markup
from kb.records import Token
from kb.text import tokens

_KATAKANA = re.compile(r"[ァ-ヺー]")


def marked(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """Return `text` cut into parts, each with whether it matched one of `words`; joined, they are `text`.

    A word matches where it stands letter by letter, width and case aside; else
    where Sudachi reads the same normalised word (サーバ in サーバー, 二十 in 20).
    """
    return cut(text, list(_merged(_spans(text, words)))) if words else cut(text, ())


def cut(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Return `text` cut into parts, each with whether it lies in one of `spans` (code points, sorted, apart)."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for start, stop in spans:
        if start > end:
            parts.append((text[end:start], False))
        parts.append((text[start:stop], True))
        end = stop
    if end < len(text):
        parts.append((text[end:], False))
    return parts


def _spans(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of `text` that match a word."""
    flat = "".join(folded if len(folded := _flat(c)) == 1 else c for c in text)  # as long as the text
    read: list[tuple[Token, set[str]]] | None = None
    for word in words:
        found = list(_letters(flat, _flat(word)))
        if not found:
            if read is None:
                read = [(token, _names(token)) for token in tokens(text)]
            wanted = _wanted(word)
            found = [(token.start, token.end) for token, names in read if names & wanted]
        if not found and not word.isascii():
            found = list(_letters(flat, _flat(word), within=True))
        yield from found


def _letters(flat: str, wanted: str, *, within: bool = False) -> Iterator[tuple[int, int]]:
    """Yield where a folded word stands in a folded text; part of a Latin or katakana word only if `within`."""
    at = flat.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        if within or not (_goes_on(flat[at - 1 : at], wanted[0]) or _goes_on(wanted[-1], flat[end : end + 1])):
            yield at, end
        at = flat.find(wanted, end)


def _goes_on(left: str, right: str) -> bool:
    """Tell whether two neighbouring characters belong to one run of Latin letters or of katakana."""
    latin = left.isascii() and right.isascii() and left.isalnum() and right.isalnum()
    return latin or bool(_KATAKANA.match(left) and _KATAKANA.match(right))


@lru_cache(maxsize=1024)
def _wanted(word: str) -> frozenset[str]:
    return frozenset().union(*(_names(token) for token in tokens(word)))


def _names(token: Token) -> set[str]:
    return {_flat(name) for name in (token.norm, *token.units)}


def _flat(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans in order, those that touch made one."""
    current: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if current is not None and start <= current[1]:
            current = (current[0], max(current[1], end))
            continue
        if current is not None:
            yield current
        current = (start, end)
    if current is not None:
        yield current


@lru_cache(maxsize=4096)
def readable(text: str) -> str:
    """Return a quote as a browser would show it: without mark-up, on one line."""
    return strip_markup(text, [(0, len(text))]).text


def bibtex(text: str) -> str:
    """Return a text for a field of BibTeX: on one line, what TeX would act on made harmless."""
    flat = " ".join(text.split()).replace("\\", "\\textbackslash ")
    return re.sub(r"([{}#$%&_])", r"\\\1", flat).replace("~", "\\textasciitilde ").replace("^", "\\textasciicircum ")
