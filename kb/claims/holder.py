"""Who says it: the person or body that a sentence reports, else the author.

A rule labelled ``holder`` finds the words of reporting (〜によると, 〜と述べた,
"according to"); its `take` says where the name stands: ``left`` of the words
found, ``right`` of them (``named``: right, and capitalised), or in the ``topic`` of the sentence (NP は), which the
words found may show to be a ``speaker``, whatever its name. Lists of the cue
table bound a name: `holder_stop`, words at which it ends; words that name
nobody, wherever they stand in it (`holder_none`: pronouns, これ, it), as its
last word (`holder_thing`: 記録) or alone (`holder_alone`: 調査); and
`holder_source`, what is passed over on the way to its maker ("research from").
A topic must be able to speak: its last word is in `person`, a proper noun or
a Latin name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.claims.predicate import View
from kb.claims.table import Rule, Table
from kb.records import Cue, Token

AUTHOR = "author"
_LONGEST = 60
_NAME = frozenset({"名詞", "接尾辞", "接頭辞", "形状詞", "補助記号", "記号"})
_JOINS = frozenset({"の", "・", "&", "＆", "-", "."})
_ASIDE = re.compile(r"[（(][^）)]*[）)]")
_TOPIC = frozenset({"は", "が"})
_CONTRAST = "一方"  # what follows it has a topic of its own
_FROM = frozenset({"from", "by", "of"})
_ARTICLES = frozenset({"the", "a", "an"})
_APPOSED = 25  # words between the two commas of "Dana Alder, a carpenter, said"


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


def _rightward(tokens: Sequence[Token], start: int, stops: frozenset[str], sources: frozenset[str]) -> tuple[int, int]:
    """Return the span of words of the name that begins at word `start`, without articles and what it published."""
    folded = [token.surface.casefold() for token in tokens[start : start + 6]]
    skipped = 0
    for i, word in enumerate(folded):
        if word in _ARTICLES or (word in _FROM and i and folded[i - 1] in sources):
            skipped = i + 1
        elif word not in sources:
            break
    start += skipped
    end = start
    while end < len(tokens) and _is_name(tokens[end], stops):
        end += 1
    return start, end


def _apposed(tokens: Sequence[Token], end: int, stops: frozenset[str]) -> tuple[int, int]:
    """Return the span of a capitalised name before two commas: "Dana Alder, a carpenter, said"."""
    if end and tokens[end - 1].surface == ",":
        for i in range(end - 2, max(0, end - 2 - _APPOSED), -1):
            if tokens[i].surface == ",":
                start, last = _leftward(tokens, i, stops)
                if start < last and tokens[start].surface[:1].isupper():
                    return start, last
    return end, end


def _topic(tokens: Sequence[Token], end: int, stops: frozenset[str]) -> tuple[int, int]:
    """Return the span of the first name before word `end`, and after a contrast, that は or が marks."""
    begin = 1 + max((i for i in range(end) if tokens[i].surface == _CONTRAST), default=0)
    for marks in ({"は"}, _TOPIC):
        for i in range(begin, end):
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


def _is_nobody(words: Sequence[Token], table: Table) -> bool:
    """Tell whether what looks like a name is a number, a pronoun or a thing."""
    forms = [{word.surface.casefold(), word.lemma} for word in words]
    return (
        all(word.pos[1] == "数詞" for word in words)
        or any(not form.isdisjoint(table.words.get("holder_none", ())) for form in forms)
        or not forms[-1].isdisjoint(table.words.get("holder_thing", ()))
        or (len(forms) == 1 and not forms[0].isdisjoint(table.words.get("holder_alone", ())))
    )


def find_holder(
    found: list[tuple[Rule, tuple[int, int]]], seen: View, plain: str, table: Table
) -> tuple[str, Cue | None]:
    """Return the holder that the first fitting rule names, and its cue; else the author.

    `found` are the holder rules that hold, each with the words it covers.
    """
    stops = frozenset(table.words.get("holder_stop", ()))
    speakers = frozenset(table.words.get("person", ()))
    sources = frozenset(table.words.get("holder_source", ()))
    for rule, (first, last) in found:
        if rule.take in ("right", "named"):
            start, end = _rightward(seen.tokens, last, stops, sources)
            if rule.take == "named" and start < end and not seen.tokens[start].surface[:1].isupper():
                continue
        elif rule.take in ("topic", "speaker"):
            start, end = _topic(seen.tokens, last, stops)
        else:
            start, end = _leftward(seen.tokens, first, stops)
            if start >= end:
                start, end = _apposed(seen.tokens, first, stops)
        if start >= end:
            continue
        words = seen.tokens[start:end]
        if rule.take == "topic" and not _can_speak(words, speakers):
            continue
        if _is_nobody(words, table):
            continue
        a, b = words[0].start, words[-1].end
        name = " ".join(_ASIDE.sub("", plain[a:b]).split()).strip('「」『』“”"・*.,:;[] ')
        if name and len(name) <= _LONGEST:
            return name, Cue("holder", rule.id, plain[a:b], a, b)
    return AUTHOR, None
