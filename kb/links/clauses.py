"""Words in their clauses: which are content, what case they stand in, which are denied.

A shallow reading without a parser: a negation denies the nearest predicate
before it, passing over する, なる, こと, はず and the particles between
(反対しないはずがない denies 反対 twice), and a denial of existence passes through the
noun to its modifier (気づかない者はいなかった).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kb.links.tables import Pole, Tables
from kb.records import Token

_CASES = {
    "は": "subject", "が": "subject", "も": "subject", "を": "object", "に": "dative", "から": "from", "より": "than",
    "と": "with", "で": "by", "へ": "dative",
}  # fmt: skip
_SKIP_PARTICLES = frozenset(("て", "で", "は", "が", "も", "を", "に", "の", "ば", "と", "こそ", "さえ", "しか", "か", "ん"))


@dataclass(slots=True)
class Word:
    """One content word while a sentence is read; `at` is its place among the tokens."""

    name: str
    shown: str
    surface: str
    kind: str
    weight: float
    at: int
    start: int
    poles: tuple[Pole, ...] = ()
    sign: int = 1
    role: str = ""
    denials: int = 0


_KANA = re.compile(r"[ぁ-ん]+")
_WEIGHTS = {"entity": 1.5, "noun": 1.0, "verb": 1.0, "adjective": 1.0, "adverb": 0.4}


def _kind(token: Token) -> str:
    pos = token.pos
    if pos[0] == "名詞":
        return "entity" if pos[1] == "固有名詞" else "noun"
    if pos[0] == "動詞":
        return "verb"
    if pos[0] in ("形容詞", "形状詞"):
        return "adjective"
    if pos[0] == "副詞":
        return "adverb"
    if pos[0] in ("接頭辞", "接尾辞", "代名詞", "連体詞", "感動詞"):
        return "noun" if pos[0] != "感動詞" else ""
    return "noun" if pos[0] == "記号" and token.surface.isalnum() else ""


def read_words(text: str, tokens: Sequence[Token], taken: Sequence[tuple[int, int]], table: Tables) -> list[Word]:
    """Return the content words of `text` with canonical name, weight, case, sign and poles.

    `taken` are stretches that are numbers or dates: compared elsewhere.
    """
    spans = _names(text, table)
    words: list[Word] = []
    done: set[tuple[int, int]] = set()
    for at, token in enumerate(tokens):
        if any(a <= token.start and token.end <= b for a, b in taken):
            continue
        named = next((s for s in spans if s[0] < token.end and token.start < s[1]), None)
        if named is not None:
            if (named[0], named[1]) not in done:
                done.add((named[0], named[1]))
                shown = text[named[0] : named[1]]
                words.append(Word("@" + named[2], shown, shown, "entity", 1.5, at, token.start))
            else:
                words[-1].at = at
            continue
        kind = _kind(token)
        if kind:
            words.extend(_split(token, kind, at, table))
    _anaphors(words, tokens, table)
    _cases(words, tokens)
    _negate(text, words, tokens, table)
    return words


def _names(text: str, table: Tables) -> list[tuple[int, int, str]]:
    """Return (start, end, first name) of each name of `data/synonyms.yml` in `text`, longest first."""
    kept = [(i, c) for i, c in enumerate(text.lower()) if c not in " ・"]
    letters = "".join(c for _, c in kept)
    found = []
    at = 0
    while at < len(kept):
        step = 1
        for length in table.name_lengths.get(letters[at], ()):
            end = at + length
            name = letters[at:end]
            if end <= len(kept) and name in table.names and not _inside_word(text, kept[at][0], kept[end - 1][0] + 1):
                found.append((kept[at][0], kept[end - 1][0] + 1, table.names[name]))
                step = length
                break
        at += step
    return found


def _inside_word(text: str, start: int, end: int) -> bool:
    """Tell whether a name at `start` to `end` is cut out of a longer run of Latin or katakana letters."""
    return any(
        0 < edge < len(text) and _script(text[edge - 1]) == _script(text[edge]) != ""
        for edge in (start, end)
    )


def _script(c: str) -> str:
    return "latin" if c.isascii() and c.isalnum() else "katakana" if "\u30a1" <= c <= "\u30fc" else ""


def _split(token: Token, kind: str, at: int, table: Tables) -> list[Word]:
    """Return the words of one token: a compound noun by its parts."""
    if token.surface in table.ornament or token.lemma in table.ornament:
        return []
    poles = table.axes.get(token.lemma) or table.axes.get(token.norm) or ()
    group = table.groups.get(token.lemma) or table.groups.get(token.norm)
    if kind != "entity" and not poles and not group and len(token.units) > 1:
        parts = []
        for unit in token.units:
            weight = 0.0 if unit in table.light else 0.4 if unit in table.words["faint"] else _WEIGHTS[kind]
            name = table.groups.get(unit, unit)
            parts.append(Word(name, unit, token.surface, kind, weight, at, token.start, table.axes.get(unit, ())))
        return parts
    light = token.lemma in table.light or token.norm in table.light or token.surface in table.light
    if light and _KANA.fullmatch(token.lemma):
        poles = ()  # にとって, について: no taking, no sticking
    weight = 0.0 if light and not poles else _WEIGHTS[kind]
    if weight and (token.lemma in table.words["faint"] or token.norm in table.words["faint"]):
        weight = 0.4
    if kind == "entity" and token.surface.isascii() and token.surface.isalnum() and len(token.surface) <= 3:
        kind, weight = "noun", 1.0
    name = group or stem(token.norm.casefold())
    shown = token.surface if kind in ("entity", "noun") else token.lemma
    return [Word(name, shown, token.surface, kind, weight, at, token.start, poles)]


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


def stem(word: str) -> str:
    """Return a word of two kanji or more without its last kana, so that 見直し and 見直す, 立ち上げる and 立ち上がる meet."""
    bare = word.rstrip("ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもらりるれろわをん")
    return bare if sum("\u4e00" <= c <= "\u9fff" for c in bare) >= 2 else word


def _anaphors(words: list[Word], tokens: Sequence[Token], table: Tables) -> None:
    """Lighten nouns that only point back: この挑戦, 今回の発表."""
    for word in words:
        before = tokens[word.at - 1] if word.at else None
        if before is None or word.kind == "entity":
            continue
        points = before.pos[0] == "連体詞" and before.surface in ("この", "その", "こうした", "そうした", "こんな", "そんな")
        points = points or (before.surface == "の" and word.at > 1 and tokens[word.at - 2].surface in ("今回", "これら", "それら"))
        if points and (word.shown in table.words["anaphors"] or word.surface in table.words["anaphors"]):
            word.weight = min(word.weight, 0.25)


def _cases(words: list[Word], tokens: Sequence[Token]) -> None:
    """Set the case of each noun: that of the particle after its phrase, "of-" before it if の stands between."""
    heads = [_case_after(at, tokens) for at in range(len(tokens))]
    for word in words:
        if word.kind in ("entity", "noun"):
            word.role = heads[word.at]


def _case_after(at: int, tokens: Sequence[Token]) -> str:
    """Return the case in which the noun phrase that the token at `at` belongs to stands, or ""."""
    prefix = ""
    place = at + 1
    while place < len(tokens) and place - at <= 8:
        token = tokens[place]
        kind = token.pos[0]
        if kind == "助詞":
            if token.surface == "の" and token.pos[1] == "格助詞":
                prefix = "of-"
                place += 1
                continue
            if token.surface == "に" and place + 1 < len(tokens) and tokens[place + 1].lemma in ("よる", "因る"):
                return prefix + "agent"
            case = _CASES.get(token.surface, "")
            return prefix + case if case else ""
        if kind == "助動詞" and token.lemma == "だ" and token.surface == "で" and _denied_next(place, tokens):
            return prefix + "not"
        if kind not in ("名詞", "接尾辞", "接頭辞", "記号") and not (prefix and kind in ("形状詞", "補助記号")):
            return ""
        place += 1
    return ""


def _denied_next(place: int, tokens: Sequence[Token]) -> bool:
    """Tell whether ではなく or でなく stands at `place`."""
    following = [t.norm for t in tokens[place + 1 : place + 3]]
    return "無い" in following or "ない" in following


def _negate(text: str, words: list[Word], tokens: Sequence[Token], table: Tables) -> None:
    """Turn the sign of each word a negation denies; set phrases that deny nothing are left alone."""
    idioms = [m.span() for m in table.neutral.finditer(text)]
    by_token: dict[int, list[Word]] = {}
    for word in words:
        by_token.setdefault(word.at, []).append(word)
    for at, token in enumerate(tokens):
        if not _is_negation(token) or any(a <= token.start < b for a, b in idioms):
            continue
        denied = [w for place in _targets(at, tokens, by_token, table) for w in by_token.get(place, ())]
        for word in denied:
            word.sign = -word.sign
            word.denials += 1
            if word.weight == 0 and (word.kind in ("verb", "adjective")):
                word.weight = 0.5
    for index, word in enumerate(words):
        if any(a <= word.start < b for a, b in idioms):
            continue
        if word.shown in table.words["reversers"] and index and words[index - 1].poles and word.at - words[index - 1].at <= 3:
            words[index - 1].sign *= -word.sign
            word.sign, word.weight = 1, 0.0
        elif word.shown in table.words["cancels"] and index and _governed(words[index - 1], word):
            words[index - 1].sign *= -word.sign
            word.sign, word.weight, word.poles = 1, 0.0, ()


def _governed(noun: Word, verb: Word) -> bool:
    """Tell whether `noun` stands right before `verb` as what does not happen: 起訴を見送る, 起訴見送り."""
    return noun.kind == "noun" and noun.weight > 0 and 1 <= verb.at - noun.at <= 3 and noun.role in ("", "object", "subject")


def _is_negation(token: Token) -> bool:
    if token.pos[0] == "助動詞":
        return token.lemma in ("ない", "ぬ", "ず", "まい") or token.norm in ("ず", "ない")
    if token.pos[0] == "接頭辞":
        return token.surface in ("非", "不", "未", "無")
    return token.norm in ("無い", "無し") and token.pos[0] in ("形容詞", "名詞")


def _targets(at: int, tokens: Sequence[Token], by_token: dict[int, list[Word]], table: Tables) -> tuple[int, ...]:
    """Return the places of the tokens that the negation at `at` denies."""
    if tokens[at].pos[0] == "接頭辞":
        return (at + 1,)
    idle = table.words["idle_nouns"]
    existential = tokens[at].pos[0] == "形容詞"
    copular = False
    back = at - 1
    if back >= 0 and tokens[back].lemma in ("言える", "いえる", "思える", "言い切れる", "呼べる", "限る") and tokens[back - 1].surface in ("は", "と"):
        back -= 1
    while back >= 0:
        token = tokens[back]
        kind = token.pos[0]
        copular = copular or (kind == "助動詞" and token.lemma == "だ")
        if kind == "助動詞" or (kind == "助詞" and token.surface in _SKIP_PARTICLES):
            back -= 1
        elif kind == "動詞" and (token.pos[1] == "非自立可能" or token.lemma in ("なる", "できる")) and back > 0:
            existential = existential or token.lemma in ("いる", "ある", "おる")
            back -= 1
        elif token.norm in idle or token.surface in idle or token.pos[1] == "数詞" or token.pos[2] in ("助数詞可能", "助数詞"):
            back -= 1
        elif kind == "副詞" or (kind == "補助記号"):
            back -= 1
        elif back < at - 1 and (token.lemma in table.words["transparent"] or token.norm in table.words["transparent"]):
            back -= 1
        elif token.norm in table.words["existence"]:
            existential = True
            back -= 1
        elif existential and not copular and kind in ("名詞", "接尾辞") and _modified(back, tokens, by_token):
            modifier = _modified(back, tokens, by_token)
            denied = any(w.sign < 0 for w in by_token.get(modifier, ()))
            return (modifier,) if denied else (back, modifier)
        else:
            return (back,)
        if at - back > 14:
            break
    return ()


def _modified(back: int, tokens: Sequence[Token], by_token: dict[int, list[Word]]) -> int:
    """Return the place of the verb that modifies the noun at `back` from before it, or 0."""
    place = back
    while place > 0 and tokens[place].pos[0] in ("名詞", "接尾辞", "接頭辞"):
        place -= 1
    token = tokens[place]
    if token.pos[0] == "助動詞" and token.pos[5].startswith(("連体形", "終止形")) and place > 0:
        while place > 0 and tokens[place].pos[0] in ("助動詞", "助詞"):
            place -= 1
        token = tokens[place]
        return place if token.pos[0] in ("動詞", "名詞") else 0
    return place if token.pos[0] == "動詞" and token.pos[5].startswith("連体形") else 0
