"""Which words a sentence denies.

A shallow reading without a parser: a negation denies the nearest predicate
before it, passing over する, なる, こと, はず and the particles between
(反対しないはずがない denies 反対 twice), and a denial of existence passes through the
noun to its modifier (気づかない者はいなかった). Set phrases that deny nothing
(〜だけでなく, 〜に違いない) stand in `data/relate/cues.toml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.links.tables import Pole, Tables
from kb.records import Token

_HELPED = 0.5  # the weight of a verb that says little, once it is denied: 持たない


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
    lead: bool = False
    cancelled: tuple[Pole, ...] = ()
    made: bool = False  # 作らせる: made to
    conditional: bool = False  # 増えれば, 増えない限り: said of a case, not of the world
    attributive: bool = False  # 反対する声: says which noun is meant
    contrasted: bool = False  # 悲観するのではなく: put aside for what follows


def negate(
    words: list[Word], tokens: Sequence[Token], idioms: Sequence[tuple[int, int]], table: Tables
) -> tuple[int, bool]:
    """Turn the sign of each word a negation denies.

    `idioms` are the places of set phrases that deny nothing: they are left alone.
    Returns the number of negations, whether or not the word they deny was found,
    and whether the end of the sentence, after its last weighty word, denies.
    """
    count = len({word.at for word in words if word.denials})  # 未公開, 非上場: denied by their prefix
    final = max((w.at for w in words if w.weight >= 1 and w.shown not in table.words["stances"]), default=-1)
    ending = 0
    by_token: dict[int, list[Word]] = {}
    for word in words:
        by_token.setdefault(word.at, []).append(word)
    for at, token in enumerate(tokens):
        if not is_negation(token, table) or any(a <= token.start < b for a, b in idioms):
            continue
        count += 1
        ending += at > final
        contrast = token.surface in ("なく", "なくて") and tokens[at - 1].surface in ("は", "で")
        places = _targets(at, tokens, by_token, table)
        denied = [w for place in _focus(places, tokens, by_token) for w in by_token.get(place, ())]
        for word in denied:
            word.sign = -word.sign
            word.denials += 1
            word.contrasted = word.contrasted or contrast
            if word.weight < _HELPED and word.kind in ("verb", "adjective"):
                word.weight = _HELPED
    for index, word in enumerate(words):
        if any(a <= word.start < b for a, b in idioms):
            continue
        before = words[index - 1] if index else None
        if before is not None and word.shown in table.words["reversers"] and before.poles and word.at - before.at <= 3:
            before.sign *= -word.sign
            ending += word.at >= final
            word.sign, word.weight = 1, 0.0
            count += 1
        elif word.shown in table.words["cancels"]:
            noun = _governed(words[:index], word, tokens)
            if noun is not None:
                noun.sign *= -word.sign
                ending += word.at >= final
                noun.cancelled = word.poles
                word.sign, word.weight, word.poles = 1, 0.0, ()
                count += 1
    return count, ending % 2 == 1


def _governed(words: Sequence[Word], verb: Word, tokens: Sequence[Token]) -> Word | None:
    """Return the word for what does not happen: 起訴を見送る, 起訴は中止, 起訴見送り, 使うのをやめる."""
    if verb.at > 2 and tokens[verb.at - 1].surface == "を" and tokens[verb.at - 2].pos[1] == "準体助詞":
        return next((w for w in reversed(words) if w.at >= verb.at - 4 and w.at < verb.at - 2), None)
    for i in range(len(words) - 1, 0, -1):  # 認めることを拒む
        if words[i].surface in ("こと", "の") and words[i].role in ("object", "subject") and verb.at - words[i].at <= 8:
            return words[i - 1] if words[i].at - words[i - 1].at <= 4 else None
    near = [w for w in words if verb.at - w.at <= 8 and w.kind == "noun" and w.weight > 0]
    held = [w for w in near if w.role == "object"]
    if held:
        return held[-1]
    bound = [w for w in near if verb.at - w.at == 1 and w.role == ""]
    if bound:  # 起訴見送り
        return bound[-1]
    told = [w for w in near if w.role == "subject"]
    close = told or [w for w in near if 1 <= verb.at - w.at <= 3 and w.role == ""]
    return close[-1] if close else None


def is_negation(token: Token, table: Tables) -> bool:
    """Tell whether a token denies: the ない of an auxiliary or adjective, or a prefix such as 非."""
    if token.pos[0] == "助動詞":
        return token.lemma in ("ない", "ぬ", "ず", "まい") or token.norm in ("ず", "ない")
    if token.pos[0] == "接頭辞":
        return token.surface in table.words["denying_prefixes"]
    return token.norm in ("無い", "無し") and token.pos[0] in ("形容詞", "名詞")


def _targets(at: int, tokens: Sequence[Token], by_token: dict[int, list[Word]], table: Tables) -> tuple[int, ...]:
    """Return the places of the tokens that the negation at `at` denies."""
    if tokens[at].pos[0] == "接頭辞":
        return (at + 1,)
    idle, transparent = (table.words["idle_nouns"] | table.words["leading"], table.words["transparent"])
    existential = tokens[at].pos[0] == "形容詞"
    copular = False
    back = at - 1
    if back > 0 and tokens[back].lemma in transparent and tokens[back - 1].surface in ("は", "と"):
        back -= 1
    while back >= 0:
        token = tokens[back]
        kind = token.pos[0]
        copular = copular or (kind == "助動詞" and token.lemma == "だ")
        if kind == "助動詞" or (kind == "助詞" and token.surface in table.words["passed"]):
            back -= 1
        elif kind == "動詞" and back > 0 and _auxiliary(token, tokens[back - 1], table):
            existential = existential or token.lemma in ("いる", "ある", "おる")
            back -= 1
        elif (
            token.norm in idle
            or token.surface in idle
            or _counts(token)
            or kind in ("副詞", "補助記号")
            or (back < at - 1 and (token.lemma in transparent or token.norm in transparent))
        ):
            back -= 1
        elif back < at - 1 and kind == "形容詞" and token.norm == "無い":
            existential = True  # リスクがないわけではない: denied twice
            back -= 1
        elif token.norm in table.words["existence"]:
            existential = True
            back -= 1
        elif existential and not copular and kind in ("名詞", "接尾辞") and _modified(back, tokens, by_token):
            modifier = _modified(back, tokens, by_token)
            if tokens[modifier].lemma in table.light:
                return (back,)  # 解約に関する条項がない
            denied = any(w.sign < 0 for w in by_token.get(modifier, ()))
            member = tokens[back].norm in table.words["members"] or tokens[back].units[-1] in table.words["members"]
            return (modifier,) if denied or member else (back, modifier)
        else:
            return (back,)
        if at - back > 14:
            break
    return ()


def _focus(places: tuple[int, ...], tokens: Sequence[Token], by_token: dict[int, list[Word]]) -> tuple[int, ...]:
    """Return what is denied where は singles out the manner: 簡単には見つからない denies 簡単, not 見つかる."""
    if len(places) != 1 or places[0] < 2 or tokens[places[0] - 1].surface != "は":
        return places
    manner = places[0] - 2
    if tokens[manner].surface == "に" and tokens[manner].pos[0] == "助動詞":
        manner -= 1
    described = tokens[manner].pos[0] in ("形状詞", "形容詞") and tokens[manner].norm != "無い"
    return (manner,) if described and tokens[places[0]].pos[0] in ("動詞", "名詞") and manner in by_token else places


def _counts(token: Token) -> bool:
    return token.pos[1] == "数詞" or token.pos[2] in ("助数詞可能", "助数詞")


def _helps(place: int, tokens: Sequence[Token]) -> bool:
    """Tell whether the token at `place` only carries the verb before it on: 使っている, 進めてきた."""
    return tokens[place].pos[1] == "非自立可能" and tokens[place - 1].surface in ("て", "で")


def _auxiliary(verb: Token, before: Token, table: Tables) -> bool:
    """Tell whether a verb only helps the one before it: 終わって しまわ ない, but not 終わら ない."""
    if verb.lemma in table.words["auxiliaries"]:
        return True
    return verb.pos[1] == "非自立可能" and (
        before.surface in ("て", "で") or (before.pos[0] == "動詞" and before.pos[5].startswith("連用形"))
    )


def _modified(back: int, tokens: Sequence[Token], by_token: dict[int, list[Word]]) -> int:
    """Return the place of the verb that modifies the noun at `back` from before it, or 0."""
    place = back
    while place > 0 and tokens[place].pos[0] in ("名詞", "接尾辞", "接頭辞"):
        place -= 1
    token = tokens[place]
    if token.pos[0] == "助動詞" and token.pos[5].startswith(("連体形", "終止形")) and place > 0:
        while place > 0 and (tokens[place].pos[0] in ("助動詞", "助詞") or _helps(place, tokens)):
            place -= 1
        if tokens[place].lemma == "する" and place > 0 and tokens[place - 1].pos[0] == "名詞":
            place -= 1  # 反対した: the noun is what is denied
        return place if tokens[place].pos[0] in ("動詞", "名詞") else 0
    if token.norm == "無い" and place > 1 and tokens[place - 1].pos[0] == "助詞":
        return place - 2 if place - 2 in by_token else 0  # パネルのない家はない
    return place if token.pos[0] == "動詞" and token.pos[5].startswith("連体形") else 0
