"""The wording of a sentence without what does not matter: cleaning, and the key of exact merging."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter

from kb.links.tables import Tables, tables
from kb.records import Token
from kb.text import fold
from kb.text import tokens as read_tokens

_MARK = re.compile(r"\*\*|__|`|~~|^\s*(?:[-*+#>]+\s+|\d+[.)]\s+)")
_LEAD = re.compile(r"^\s*(?:[-*+]\s+)?\*\*[^*]{1,40}\*\*\s*[::]\s*|^\s*(?:[-*+]\s+)?\*\*[^*]{1,40}[::]\*\*\s*")
_GLUED = re.compile(r"(?<=[^\x00-\x7f。、,!?」』)]) +(?=[^\x00-\x7f])|(?<=[」』)!?]) +(?=[^\x00-\x7f])")
_GLUED_LATIN = re.compile(r"(?<=[^\x00-\x7f]) +(?=[A-Za-z])")
_PARTICLE_END = re.compile(r"[はがをにでとのもやへいなた、,]$")
_QUOTED = re.compile(r"^[「『\"](.+)[」』\"][。.]?$")
_DIGITS = re.compile(r"[0-9]+")
_start = itemgetter(1)  # of a token
_SPACE = re.compile(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])")


def clean(text: str) -> tuple[str, str]:
    """Return the sentence in NFKC without mark-up, and the heading or bold lead glued before it, or "".

    A heading is glued on where white space parts two stretches of Japanese and
    the later one is a sentence of its own.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    label = ""
    lead = _LEAD.match(plain) if "**" in plain else None
    if lead and len(plain) - lead.end() >= 8:
        label, plain = lead[0], plain[lead.end() :]
    plain = _MARK.sub("", plain).strip() if "*" in plain or plain[:1] in "-+#>0123456789`" else plain
    if " " in plain:
        for space in _GLUED.finditer(plain):
            if space.start() <= 60 and len(plain) - space.end() >= 12 and "。" not in plain[: space.start()]:
                label, plain = plain[: space.start()], plain[space.end() :]
                break
        else:
            spaces = list(_GLUED_LATIN.finditer(plain))
            cut = spaces[0].start() if len(spaces) == 1 else 0
            left, right = plain[:cut], plain[cut:].strip()
            if 8 <= cut <= 60 and len(right) >= 12 and "。" not in left and not _PARTICLE_END.search(left):
                label, plain = left, right
        plain = _SPACE.sub("", plain)
    quoted = _QUOTED.match(plain)
    if quoted and not any(c in quoted[1] for c in "「」『』"):
        plain = quoted[1]
    return plain, label


def strip_opener(text: str, table: Tables) -> str:
    """Return `text` without the openers it starts with; never the empty string."""
    match = table.openers.match(text)
    return text[match.end() :] if match and match.end() < len(text) else text


def merge_key(text: str, tokens: Sequence[Token] | None = None) -> str:
    """Return the key under which sentences are equal that differ only in what never matters.

    Width, white space, mark-up, a leading しかし or また, です for だ, final ね and
    よ, のだ, and words of mere emphasis are taken away; inflection is undone, but
    tense, negation, volition and every particle that bears a role stay. `tokens`
    are those of `text`; what is left of it is not read again where it is the
    end of `text`, in other widths at most.
    """
    table = tables()
    plain, label = clean(text)
    body = strip_opener(plain, table)
    words = None if tokens is None else _end_of(text, tokens, body)
    return key_of(read_tokens(body) if words is None else words) + lead_key(label)


def _end_of(text: str, tokens: Sequence[Token], body: str) -> Sequence[Token] | None:
    """Return the words of `body` out of `tokens`, those of `text`; None where it is not the end of `text`, or cuts one.

    That the tail of a sentence divides into other words when read alone is
    rare: the keys of 4 in 10,000 differ.
    """
    if body == text:
        return tokens
    cut = len(text) - len(body)
    if cut < 0 or unicodedata.normalize("NFKC", text[cut:]) != body:
        return None
    first = bisect_left(tokens, cut, key=_start)
    if first < len(tokens) and tokens[first].start != cut:
        return None
    return [Token(body[t[1] - cut : t[2] - cut], t[1] - cut, t[2] - cut, *t[3:]) for t in tokens[first:]]


def lead_key(label: str) -> str:
    """Return what stands before a sentence and tells it from others: a bold lead with a colon, or a heading's numbers.

    **A社:** and **B社:** speak of two things, and so do 2025年の見通し and 2026年の見通し. What stands before a
    comma, as in 今年度、現場を変える, is no heading but a part of what is said.
    """
    if ":" in label or "、" in label:
        return "|" + fold(label)
    return "".join(["|" + number for number in _DIGITS.findall(label)])


def key_of(words: Sequence[Token]) -> str:
    """Return the merge key of the words of a cleaned sentence without its opener."""
    parts: list[str] = []
    for surface, _, _, pos, lemma, norm, _ in words:
        part = _part(surface, pos, lemma, norm)
        if part is not None and not (part == "だ" and parts and parts[-1] == "ない"):  # ませんでした is なかった
            parts.append(part)
    finals = tables().words["finals"]
    while parts and (parts[-1] in ("だ", "の", "!", "から:", "し:") or parts[-1] in finals):
        parts.pop()
    return "".join(parts)


@lru_cache(maxsize=1 << 16)
def _part(surface: str, pos: tuple[str, ...], lemma: str, norm: str) -> str | None:
    """Return what a word gives to the key, None for what is passed over; a text has few different words."""
    table = tables()
    kind = pos[0]
    if (kind == "補助記号" and surface not in "?!%$〜~-") or surface in table.ornament or lemma in table.ornament:
        return None
    if kind == "助動詞":
        form = pos[5]
        if form.startswith("意志推量形"):
            return "だろう" if lemma in ("だ", "です") else "う"
        if lemma == "ます":
            return "ませ!" if form.startswith("命令形") else ""
        if lemma == "です":
            return "だ"
        if lemma == "ぬ":
            return "ない"
        return lemma
    if kind == "助詞":
        if pos[1] == "終助詞" and surface in table.words["finals"]:
            return ""
        if pos[1] == "接続助詞" and surface in ("から", "し"):
            return surface + ":"
        return "の" if surface == "ん" else surface
    if kind == "接続詞":
        return ""
    if kind in ("動詞", "形容詞", "形状詞"):
        form = pos[5]
        base = lemma
        if form.startswith("命令形"):
            return base + "!"
        if form.startswith("意志推量形"):
            return base + "う"
        return base
    if pos[1] == "数詞":
        return norm
    return surface.casefold()
