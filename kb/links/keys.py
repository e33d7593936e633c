"""The wording of a sentence without what does not matter: cleaning, and the key of exact merging."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

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
    are those of `text`, used where cleaning leaves it as it is.
    """
    table = tables()
    plain, label = clean(text)
    body = strip_opener(plain, table)
    words = tokens if tokens is not None and body == text else read_tokens(body)
    return key_of(words, table) + lead_key(label)


def lead_key(label: str) -> str:
    """Return what stands before a sentence and tells it from others: a bold lead with a colon, or a heading's numbers.

    **A社:** and **B社:** speak of two things, and so do 2025年の見通し and 2026年の見通し. What stands before a
    comma, as in 今年度、現場を変える, is no heading but a part of what is said.
    """
    if ":" in label or "、" in label:
        return "|" + fold(label)
    return "".join(["|" + number for number in _DIGITS.findall(label)])


def key_of(words: Sequence[Token], table: Tables) -> str:
    """Return the merge key of the words of a cleaned sentence without its opener."""
    parts: list[str] = []
    for token in words:
        kind = token.pos[0]
        if kind == "補助記号" and token.surface not in "?!%$〜~-":
            continue
        if token.surface in table.ornament or token.lemma in table.ornament:
            continue
        part = _part(token, kind, table)
        if part == "だ" and parts and parts[-1] == "ない":
            continue  # ませんでした is なかった
        parts.append(part)
    while parts and (parts[-1] in ("だ", "の", "!", "から:", "し:") or parts[-1] in table.words["finals"]):
        parts.pop()
    return "".join(p for p in parts if p)


def _part(token: Token, kind: str, table: Tables) -> str:
    """Return what a token gives to the key."""
    if kind == "助動詞":
        form = token.pos[5]
        if form.startswith("意志推量形"):
            return "だろう" if token.lemma in ("だ", "です") else "う"
        if token.lemma == "ます":
            return "ませ!" if form.startswith("命令形") else ""
        if token.lemma == "です":
            return "だ"
        if token.lemma == "ぬ":
            return "ない"
        return token.lemma
    if kind == "助詞":
        if token.pos[1] == "終助詞" and token.surface in table.words["finals"]:
            return ""
        if token.pos[1] == "接続助詞" and token.surface in ("から", "し"):
            return token.surface + ":"
        return "の" if token.surface == "ん" else token.surface
    if kind == "接続詞":
        return ""
    if kind in ("動詞", "形容詞", "形状詞"):
        form = token.pos[5]
        base = token.lemma
        if form.startswith("命令形"):
            return base + "!"
        if form.startswith("意志推量形"):
            return base + "う"
        return base
    if token.pos[1] == "数詞":
        return token.norm
    return token.surface.casefold()
