"""What stands around a word in its sentence: its predicate, its clause, what it is compared with, what it is of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kb.links.negation import Word
from kb.records import Token

_JOINTS = ("、", "や", "と", "・", "および", "及び", "ならびに", "も")


def arguments(words: Sequence[Word], tokens: Sequence[Token]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words of the phrase before the first は or が, and of the one before the last を."""
    subject: frozenset[str] = frozenset()
    objective: frozenset[str] = frozenset()
    edge = 0
    for at, token in enumerate(tokens):
        mark = token.surface if token.pos[0] == "助詞" and token.pos[1] in ("格助詞", "係助詞") else ""
        if mark in ("は", "が", "を"):
            phrase = frozenset(w.name for w in words if edge <= w.at < at and w.weight > 0)
            if mark == "を":
                objective = phrase
            elif not subject:
                subject = phrase
        if mark in ("は", "が", "を") or token.surface == "、":
            edge = at + 1
    return subject, objective


def governors(words: Sequence[Word]) -> dict[str, str]:
    """Return for each noun in a case the next word that is in none: the predicate it most likely belongs to."""
    found: dict[str, str] = {}
    following = ""
    for word in reversed(words):
        if word.role in ("", "of-noun"):
            following = word.name
        else:
            found[word.name] = following
    return found


def doers(words: Sequence[Word], tokens: Sequence[Token]) -> dict[str, frozenset[str]]:
    """Return for each word marked by は or が the words of its clause after it: who does what."""
    subjects = [w for w in words if w.role == "subject" and w.weight >= 1 and w.kind in ("entity", "noun")]
    subjects += [  # 男性の多くが
        w
        for w, head in pairwise(words)
        if w.role == "of-subject" and head.role == "subject" and head.weight < 1 <= w.weight
    ]
    if len(subjects) < 2:
        return {}
    commas = [at for at, token in enumerate(tokens) if token.surface == "、"]
    found: dict[str, frozenset[str]] = {}
    for word in subjects:
        rest: set[str] = set()
        comma = next((at for at in commas if at > word.at), len(tokens))
        for other in words:
            if other.at > word.at and other.weight > 0:
                if other.at > comma and (rest or other.role == "subject"):
                    break
                rest.add(other.name)
        found[word.name] = frozenset(rest)
    return found if len(found) > 1 else {}


def weighed(words: Sequence[Word], tokens: Sequence[Token]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words of what is compared with (自前で持つより), and of what comes out on top (借りるほうが)."""
    sides: dict[str, frozenset[str]] = {}
    edge = 0
    for at, token in enumerate(tokens):
        side = "than" if token.surface in ("より", "ほど") and token.pos[0] == "助詞" else ""
        if token.surface in ("ほう", "方") and tokens[at + 1 : at + 2] and tokens[at + 1].pos[0] == "助詞":
            side = "top"
        if side:
            sides[side] = frozenset(w.name for w in words if edge <= w.at < at and w.weight > 0)
        if (
            side
            or token.surface in ("、", "は")
            or (token.surface == "が" and tokens[at - 1].surface in ("ほう", "方"))
        ):
            edge = at + 1
    return sides.get("than", frozenset()), sides.get("top", frozenset())


def described(words: Sequence[Word], tokens: Sequence[Token]) -> dict[str, frozenset[str]]:
    """Return for each name the words of its clause that stand before it and say who that is: 材料科学が専門の早瀬氏."""
    found: dict[str, frozenset[str]] = {}
    edges = [at for at, token in enumerate(tokens) if token.surface in ("、", "は")]
    before: list[str] = []
    passed = 0
    for word in words:
        while passed < len(edges) and edges[passed] < word.at:
            passed += 1
            before.clear()
        if word.kind == "entity":
            found[word.name] = frozenset(before)
        before.append(word.name)
    return found


def holdings(words: Sequence[Word], tokens: Sequence[Token]) -> dict[str, str]:
    """Return for each name, and each noun before の, the word that comes next: whose is what (甲社の窯と乙社の船).

    In a list of names all of them have the word after the list.
    """
    found: dict[str, str] = {}
    following: Word | None = None
    for word in reversed(words):
        if word.weight <= 0:
            continue
        after = tokens[word.at + 1].surface if word.at + 1 < len(tokens) else ""
        if following is not None and (word.kind == "entity" or (word.kind == "noun" and after == "の")):
            listed = after in _JOINTS and following.kind == word.kind and following.name in found
            found[word.name] = found[following.name] if listed else following.name
        following = word
    return found
