"""Words in their clauses: which are content, what weight they have, what case they stand in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.links.negation import Word, is_negation, negate
from kb.links.tables import Tables
from kb.records import Token

_CASES = {
    "は": "subject", "が": "subject", "も": "subject", "を": "object", "に": "dative", "から": "from", "より": "than",
    "と": "with", "で": "by", "へ": "dative",
}  # fmt: skip


_OKURIGANA = re.compile(r"[ぁ-ん]+$")
_KANA = re.compile(r"[ぁ-ん]+")
_FAINT = 0.4  # the weight of words that add little
_WEIGHTS = {"entity": 1.5, "noun": 1.0, "verb": 1.0, "adjective": 1.0, "adverb": _FAINT}


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


def read_words(
    text: str, tokens: Sequence[Token], taken: Sequence[tuple[int, int]], table: Tables
) -> tuple[list[Word], int, bool]:
    """Return the content words of `text` with canonical name, weight, case, sign and poles, and what `negate` returns.

    `taken` are stretches that are numbers or dates: compared elsewhere.
    """
    spans = _names(text, tokens, table)
    words: list[Word] = []
    done: set[tuple[int, int]] = set()
    for at, token in enumerate(tokens):
        if taken and any(a <= token.start and token.end <= b for a, b in taken):
            continue
        named = next((s for s in spans if s[0] < token.end and token.start < s[1]), None) if spans else None
        if named is not None:
            if (named[0], named[1]) not in done:
                done.add((named[0], named[1]))
                shown = text[named[0] : named[1]]
                kind = "entity" if named[2] in table.things else "noun"
                words.append(Word("@" + named[2], shown, shown, kind, _WEIGHTS[kind], at, token.start))
            else:
                words[-1].at = at
            continue
        kind = _kind(token)
        if kind:
            words.extend(_split(token, kind, at, table))
    _anaphors(words, tokens, table)
    _reaching(words, tokens, {end for _, end in taken}, table)
    _carrying(words, tokens, table)
    _cases(words, tokens)
    _causatives(words, tokens)
    bent = any(t.surface in table.words["conditions"] or is_negation(t, table) for t in tokens)
    idioms = [m.span() for m in table.neutral.finditer(text)] if bent else []
    _places(words, tokens, idioms, table)
    return (words, *negate(words, tokens, idioms, table))


def _names(text: str, tokens: Sequence[Token], table: Tables) -> list[tuple[int, int, str]]:
    """Return (start, end, first name) of each listed name in `text` that is made of whole words."""
    edges: list[set[int]] = []

    def whole(start: int, end: int) -> bool:
        if not edges:  # most sentences hold no name
            edges.extend(({t.start for t in tokens}, {t.end for t in tokens}))
        return start in edges[0] and end in edges[1]

    return list(table.names.find(text, whole))


def _split(token: Token, kind: str, at: int, table: Tables) -> list[Word]:
    """Return the words of one token: a compound noun by its parts."""
    poles = table.axes.get(token.lemma) or table.axes.get(token.norm) or ()
    if not poles and (token.surface in table.ornament or token.lemma in table.ornament):
        return []
    group = table.groups.get(token.lemma) or table.groups.get(token.norm)
    if kind != "entity" and not poles and not group and len(token.units) > 1:
        parts = []
        denied = token.units[0] in table.words["denying_prefixes"]
        for unit in token.units[denied:]:
            weight = 0.0 if unit in table.light else _FAINT if unit in table.words["faint"] else _WEIGHTS[kind]
            name = table.groups.get(unit, unit)
            part = Word(name, unit, token.surface, kind, weight, at, token.start, table.axes.get(unit, ()))
            part.sign, part.denials = (-1, 1) if denied else (1, 0)
            parts.append(part)
        return parts
    light = token.lemma in table.light or token.norm in table.light or token.surface in table.light
    if light and _KANA.fullmatch(token.lemma):
        poles = ()  # にとって, について: no taking, no sticking
    weight = 0.0 if light and not poles else _WEIGHTS[kind]
    if weight and (token.lemma in table.words["faint"] or token.norm in table.words["faint"]):
        weight = _FAINT
    if kind == "entity" and token.surface.isascii() and token.surface.isalnum() and len(token.surface) <= 3:
        kind, weight = "noun", 1.0
    name = group or stem(token.norm.casefold())
    shown = token.surface if kind in ("entity", "noun") else token.lemma
    return [Word(name, shown, token.surface, kind, weight, at, token.start, poles)]


def _places(words: list[Word], tokens: Sequence[Token], idioms: Sequence[tuple[int, int]], table: Tables) -> None:
    """Mark words in a condition (増えれば, 増えない限り) and predicates that say which noun is meant (反対する声)."""
    conditions, passing = table.words["conditions"], ("助動詞", "助詞")
    for word in words:
        verbal = word.kind in ("verb", "adjective")
        for place in range(word.at + 1, min(word.at + 7, len(tokens))):
            token = tokens[place]
            if any(a <= token.start < b for a, b in idioms):
                break  # 飲まなければならない is no condition
            likened = token.surface == "よう" and tokens[place - 1].surface == "の"  # 夢のように
            if likened or token.surface in conditions:
                word.conditional = True
                break
            if token.lemma in table.words["auxiliaries"] or token.norm == "無い":
                verbal = True
                continue
            if token.pos[0] not in passing:
                content = token.pos[0] == "名詞" and token.surface not in table.light
                word.attributive = verbal and content and tokens[place - 1].pos[0] != "助詞"
                break


def _causatives(words: list[Word], tokens: Sequence[Token]) -> None:
    for word in words:
        following = [t.lemma for t in tokens[word.at + 1 : word.at + 3]]
        word.made = word.kind in ("verb", "noun") and bool({"せる", "させる"} & set(following))


def stem(word: str) -> str:
    """Return a word of two kanji or more without its last kana: 見直し and 見直す, 立ち上げる and 立ち上がる meet."""
    bare = _OKURIGANA.sub("", word)
    return bare if sum("\u4e00" <= c <= "\u9fff" for c in bare) >= 2 else word


_DESCRIBING = frozenset(("形状詞", "形容詞", "助動詞"))


def _anaphors(words: list[Word], tokens: Sequence[Token], table: Tables) -> None:
    """Lighten nouns that only point back: この挑戦, 今回の発表."""
    for word in words:
        place = word.at - 1
        while place > 0 and (tokens[place].pos[0] in _DESCRIBING or tokens[place + 1].surface == "な"):  # この静かな旅
            place -= 1
        before = tokens[place] if word.at else None
        if before is None or word.kind == "entity":
            continue
        pointers = table.words["pointers"]
        points = before.surface in pointers and before.pos[0] == "連体詞"
        points = points or (before.surface == "の" and place > 0 and tokens[place - 1].surface in pointers)
        if points and (word.shown in table.words["anaphors"] or word.surface in table.words["anaphors"]):
            word.weight = min(word.weight, 0.25)


def _reaching(words: list[Word], tokens: Sequence[Token], ends: set[int], table: Tables) -> None:
    """Lighten verbs that only say that the number before them is one: 5割に達した, 4万人にのぼる."""
    for word in words:
        if word.kind == "verb" and word.at > 0 and word.shown in table.words["reaching"]:
            before = tokens[word.at - 1]
            if before.surface in ("に", "を", "と") and before.start in ends:
                word.weight = min(word.weight, _FAINT)


def _carrying(words: list[Word], tokens: Sequence[Token], table: Tables) -> None:
    """Lighten verbs that only carry the noun of an act before them: 調査を進める, 失敗に終わる."""
    for word in words:
        if word.kind != "verb" or word.at < 2 or word.weight < _FAINT:
            continue
        noun = tokens[word.at - 2]
        act = noun.pos[2] == "サ変可能" or (noun.pos[0] == "名詞" and _OKURIGANA.search(noun.surface))
        if act and tokens[word.at - 1].surface + word.shown in table.words["carrying"]:
            word.weight = _FAINT


def _cases(words: list[Word], tokens: Sequence[Token]) -> None:
    """Set the case of each noun: that of the particle after its phrase, "of-" before it if の stands between."""
    topic = next((i for i, t in enumerate(tokens) if t.surface == "は" and t.pos[1] == "係助詞"), 0)
    comma = max((i for i in range(topic) if tokens[i].surface == "、"), default=-1)
    for word in words:
        word.lead = comma < word.at < topic
        if word.kind == "adjective" and _attributive(word.at, tokens):
            word.role = "of-noun"
        if word.kind in ("entity", "noun"):
            described = tokens[word.at + 1 : word.at + 2]
            of_noun = described and described[0].surface == "な" and _attributive(word.at, tokens)
            word.role = "of-noun" if of_noun else _case_after(word.at, tokens)


def _attributive(at: int, tokens: Sequence[Token]) -> bool:
    """Tell whether the adjective at `at` stands before its noun: 重い病気, 簡単な手続き."""
    following = tokens[at + 1 : at + 3]
    if following and following[0].surface == "な":
        following = following[1:]
    return bool(following) and following[0].pos[0] in ("名詞", "接頭辞")


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
            if token.surface == "に" and place + 1 < len(tokens) and tokens[place + 1].surface == "は":
                return prefix + "topic"  # AIには力がある is said of AI as AIは is
            case = _CASES.get(token.surface, "")
            return prefix + case if case else ""
        if kind == "助動詞" and token.lemma == "だ" and token.surface == "で" and _denied_next(place, tokens):
            return prefix + "not"
        if kind == "助動詞" and prefix and token.lemma in ("だ", "です"):
            return prefix + "is"  # 甲は乙の子会社だ
        if kind not in ("名詞", "接尾辞", "接頭辞", "記号") and not (prefix and kind in ("形状詞", "補助記号")):
            return ""
        place += 1
    return ""


def _denied_next(place: int, tokens: Sequence[Token]) -> bool:
    """Tell whether ではなく or でなく stands at `place`."""
    following = [t.norm for t in tokens[place + 1 : place + 3]]
    return "無い" in following or "ない" in following
