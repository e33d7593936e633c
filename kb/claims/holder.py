"""Who says it: the person or body that a sentence reports, else the author.

A rule labelled ``holder`` finds the words of reporting (〜によると, 〜と述べた,
"according to"); its `take` says where the name stands: ``left`` of the words
found, ``right`` of them, or in the ``topic`` of the sentence (NP は), which the
words found may show to be a ``speaker``, whatever its name. Two lists
of the cue table bound a name: `holder_stop`, words at which it ends, and
`holder_none`, words that name nobody (pronouns, これ, it). A topic must be able
to speak: its last word is in `person`, a proper noun or a Latin name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.claims.predicate import View
from kb.claims.table import Rule, Table
from kb.records import Cue, Token

AUTHOR = "author"
_LONGEST = 40
_NAME = frozenset({"名詞", "接尾辞", "接頭辞", "形状詞", "補助記号", "記号"})
_JOINS = frozenset({"の", "・", "&", "＆", "-", "."})
_ASIDE = re.compile(r"[（(][^）)]*[）)]")
_TOPIC = frozenset({"は", "が"})


def _is_name(token: Token, stops: frozenset[str]) -> bool:
    """Tell whether a word may be part of a name."""
    if token.surface.casefold() in stops or token.lemma in stops:
        return False
    if token.surface in _JOINS:
        return True
    return token.pos[0] in _NAME and token.pos[1] not in {"読点", "句点"}


def _leftward(tokens: Sequence[Token], end: int, stops: frozenset[str]) -> tuple[int, int]:
    """Return the span of words of the name that ends before word `end`."""
    start = end
    while start and _is_name(tokens[start - 1], stops):
        start -= 1
    while start < end and tokens[start].surface in _JOINS:
        start += 1
    return start, end


def _rightward(tokens: Sequence[Token], start: int, stops: frozenset[str]) -> tuple[int, int]:
    """Return the span of words of the name that begins at word `start`."""
    while start < len(tokens) and tokens[start].surface.casefold() in {"the", "a", "an"}:
        start += 1
    end = start
    while end < len(tokens) and _is_name(tokens[end], stops):
        end += 1
    return start, end


def _topic(tokens: Sequence[Token], end: int, stops: frozenset[str]) -> tuple[int, int]:
    """Return the span of the first name before word `end` that は, が or も marks."""
    for marks in ({"は"}, _TOPIC):
        for i in range(1, end):
            if tokens[i].surface in marks and tokens[i].pos[0] == "助詞":
                span = _leftward(tokens, i, stops)
                if span[0] < span[1]:
                    return span
    return end, end


def _can_speak(words: Sequence[Token], speakers: frozenset[str]) -> bool:
    """Tell whether a name is that of a person or body: by its last word, or as a proper or Latin name."""
    last = words[-1]
    if last.surface in speakers or last.pos[1] == "固有名詞":
        return True
    return last.surface.isascii() and last.surface[:1].isupper()


def find_holder(
    found: list[tuple[Rule, tuple[int, int]]], seen: View, plain: str, table: Table
) -> tuple[str, Cue | None]:
    """Return the holder that the first fitting rule names, and its cue; else the author.

    `found` are the holder rules that hold, each with the words it covers.
    """
    stops = frozenset(table.words.get("holder_stop", ()))
    speakers = frozenset(table.words.get("person", ()))
    nobody = frozenset(table.words.get("holder_none", ()))
    for rule, (first, last) in found:
        if rule.take == "right":
            start, end = _rightward(seen.tokens, last, stops)
        elif rule.take in ("topic", "speaker"):
            start, end = _topic(seen.tokens, last, stops)
        else:
            start, end = _leftward(seen.tokens, first, stops)
        if start >= end:
            continue
        words = seen.tokens[start:end]
        if rule.take == "topic" and not _can_speak(words, speakers):
            continue
        if all(w.pos[1] == "数詞" for w in words) or any(
            w.surface.casefold() in nobody or w.lemma in nobody for w in words
        ):
            continue
        a, b = words[0].start, words[-1].end
        name = " ".join(_ASIDE.sub("", plain[a:b]).split()).strip('「」『』“”"・*.,:; ')
        if name and len(name) <= _LONGEST:
            return name, Cue("holder", rule.id, plain[a:b], a, b)
    return AUTHOR, None
