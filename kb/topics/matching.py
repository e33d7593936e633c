"""Finding the names of topics in a text: aliases, and the phrases that bar them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import ahocorasick

from kb import synonyms
from kb.config import resource
from kb.records import Topic
from kb.topics.spelling import fold, parts_of

_LATIN = frozenset("0123456789abcdefghijklmnopqrstuvwxyz")
_BY_PLACE = itemgetter(0, 1)
_KATAKANA = re.compile("[ァ-ヺー]")
_KANJI = re.compile("[㐀-䶿一-鿿]")
_ANOTHER = frozenset("化性的式型系製用者")  # behind a short word of kanji these make another word of it
_NUMBER = "(?:[0-9][0-9.,]*|[一二三四五六七八九十百千数]+)"  # what # stands for in an excluded phrase
_PIECES = re.compile("[、,，()「」]")
_CLAUSE = re.compile("[ぁ-ゖ。.!?]$")
_LAST_ITEM = re.compile("(?:そして|および|または|あるいは)?[^ぁ-ゖ。]+(?:の[^ぁ-ゖ。]+)*")
_LONGEST_ITEM = 22  # characters
_LEAST_ITEMS = 3
_LONG = 4  # characters from which on a word that runs on is still that word


class _Phrase(NamedTuple):
    """One folded spelling of one word of an alias, or a phrase that bars (`part` -1)."""

    text: str
    topic: int
    alias: str
    part: int


class _Word(NamedTuple):
    """The phrases of one folded spelling: all, those that count alone, and the aliases that take another word too."""

    text: str
    alike: tuple[_Phrase, ...]
    alone: tuple[_Phrase, ...]
    joined: frozenset[tuple[int, str]]


class Marks(NamedTuple):
    """What a text names: the aliases found, by topic, and the topics of which an excluded phrase was found."""

    aliases: dict[int, list[str]]
    barred: set[int]


@dataclass(frozen=True, slots=True)
class Names:
    """The phrases of all topics, and how many words each alias has.

    `words` finds all phrases in one pass over a text (Aho and Corasick,
    "Efficient string matching", CACM 1975): (last place, the `_Word` that ends
    there); None where there are none. `whole` are topics whose names must not
    run on in a longer word of the same letters; `barring` are excluded phrases
    with a number in them: (topic, what stands beside the number, pattern).
    """

    words: Any
    parts: dict[tuple[int, str], int]
    whole: frozenset[int]
    barring: tuple[tuple[int, str, re.Pattern[str]], ...]


def names_of(topics: Sequence[Topic]) -> Names:
    """Return the phrases of all topics; an alias that holds a name of data/synonyms.yml stands for each variant."""
    groups = synonyms.load(resource("data", "synonyms.yml"))
    phrases: dict[str, list[_Phrase]] = {}
    parts: dict[tuple[int, str], int] = {}
    for number, topic in enumerate(topics):
        known: set[tuple[str, str, int]] = set()
        for alias in topic.aliases:
            words = parts_of(alias)
            parts[number, alias] = len(words)
            for place, word in enumerate(words):
                for variant in variants(word, groups):
                    phrase = fold(variant)
                    # One word twice, in two spellings that fold alike, counts as one alias.
                    key = (phrase, alias if len(words) > 1 else "", place)
                    if len(phrase) > 1 and key not in known:
                        known.add(key)
                        phrases.setdefault(phrase, []).append(_Phrase(phrase, number, alias, place))
        for phrase in filter(lambda p: len(p) > 1 and "#" not in p, map(fold, topic.exclude)):
            phrases.setdefault(phrase, []).append(_Phrase(phrase, number, phrase, -1))
    barring = tuple(
        (
            number,
            max(fold(phrase).split("#"), key=len),
            re.compile(_NUMBER.join(map(re.escape, fold(phrase).split("#")))),
        )
        for number, topic in enumerate(topics)
        for phrase in topic.exclude
        if "#" in phrase
    )
    found = frozenset(n for n, topic in enumerate(topics) if topic.discovered)
    told = [_word(text, alike, parts) for text, alike in phrases.items()]
    return Names(_automaton(told), parts, found, barring)


def _word(text: str, alike: Sequence[_Phrase], parts: Mapping[tuple[int, str], int]) -> _Word:
    """Return the phrases of one spelling, which may be two words of one alias in two variants."""
    times = Counter((p.topic, p.alias) for p in alike)
    alone = [p for p in alike if p.part < 0 or parts[p.topic, p.alias] == 1 or times[p.topic, p.alias] > 1]
    joined = frozenset((p.topic, p.alias) for p in alike if p.part >= 0 and parts[p.topic, p.alias] > 1)
    return _Word(text, tuple(alike), tuple(alone), joined)


def _automaton(words: Sequence[_Word]) -> Any:
    """Return what finds all words at once, or None without any."""
    if not words:
        return None
    made = ahocorasick.Automaton()
    for word in words:
        made.add_word(word.text, word)
    made.make_automaton()
    return made


def variants(alias: str, groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield `alias`, and with one name in it replaced by each of its synonyms; may yield one twice."""
    yield alias
    folded = synonyms.fold_name(alias)
    for group in groups:
        for name in group:
            if name in folded and (match := synonyms.bounded(name).search(folded)):
                for other in group:
                    if other != name:
                        yield folded[: match.start()] + other + folded[match.end() :]


def find(text: str, names: Names) -> Marks:
    """Return which topics a text names.

    An alias inside an excluded phrase of its topic does not count. One of
    several words counts where all of them are found. A topic that is one item
    of a list and named nowhere else is mentioned in passing: that is no claim
    about it.
    """
    flat = fold(text)
    hits: list[tuple[_Phrase, int, int]] = []
    barred: dict[int, list[tuple[int, int]]] = {}
    places = _places(flat, names)
    several = _meet(word for _, _, word in places)
    for at, end, word in places:
        for phrase in word.alike if several else word.alone:
            if phrase.part < 0:
                barred.setdefault(phrase.topic, []).append((at, end))
            elif phrase.topic not in names.whole or _whole(flat, at, end):
                hits.append((phrase, at, end))
    for topic, beside, pattern in names.barring:
        if beside in flat:
            barred.setdefault(topic, []).extend(match.span() for match in pattern.finditer(flat))
    if not hits:
        return Marks({}, {topic for topic, spans in barred.items() if spans})
    held: dict[tuple[int, str], dict[int, list[tuple[int, int]]]] = {}
    for phrase, at, end in hits:
        if not any(a <= at and end <= b for a, b in barred.get(phrase.topic, ())):
            held.setdefault((phrase.topic, phrase.alias), {}).setdefault(phrase.part, []).append((at, end))
    listed = _lists(flat) if held else []
    found: dict[int, list[str]] = {}
    items: dict[int, set[tuple[int, int] | None]] = {}
    for (topic, alias), seen in held.items():
        if len(seen) == names.parts[topic, alias]:
            found.setdefault(topic, []).append(alias)
            items.setdefault(topic, set()).add(_item(list(seen.values()), listed))
    for topic, stands in items.items():
        if len(stands) == 1 and None not in stands:
            del found[topic]
    return Marks(found, {topic for topic, spans in barred.items() if spans})


def _meet(words: Iterable[_Word]) -> bool:
    """Tell whether two of these words belong to one alias, which seldom is so: most share some word with many."""
    seen: set[tuple[int, str]] = set()
    for word in {word.text: word for word in words}.values():
        if not seen.isdisjoint(word.joined):
            return True
        seen |= word.joined
    return False


def _places(flat: str, names: Names) -> list[tuple[int, int, _Word]]:
    """Return (start, end, word) of every word that stands alone in a folded text, from left to right."""
    if names.words is None:
        return []
    ends = ((last + 1, word) for last, word in names.words.iter(flat))
    spans = ((end - len(word.text), end, word) for end, word in ends)
    return sorted((span for span in spans if _stands_alone(flat, span[0], span[1])), key=_BY_PLACE)


def _stands_alone(flat: str, start: int, end: int) -> bool:
    """Tell whether no Latin letter or digit runs on at either end; a plural's s may."""
    if start and flat[start] in _LATIN and flat[start - 1] in _LATIN:
        return False
    if end < len(flat) and flat[end - 1] in _LATIN and flat[end] in _LATIN:
        return flat[end] == "s" and flat[end - 1].isalpha() and flat[end + 1 : end + 2] not in _LATIN
    return True


def _whole(flat: str, start: int, end: int) -> bool:
    """Tell whether a word stands for itself, not for a piece of another: メタ not of メタバース, 量子 not of 量子化.

    Nobody has read these names over, as a curated alias was; a long one may run on.
    """
    if end - start >= _LONG:
        return True
    before, after = flat[start - 1 : start], flat[end : end + 1]
    for edge, beyond in ((flat[start], before), (flat[end - 1], after)):
        if _KATAKANA.match(edge) and _KATAKANA.match(beyond):
            return False
    return not (_KANJI.match(flat[end - 1]) and after in _ANOTHER and after)


def _lists(flat: str) -> list[list[tuple[int, int]]]:
    """Return the lists of three nouns or more in a folded text, each as the (start, end) of its items.

    IoT、ブロックチェーン、ロボットなど: commas between pieces that end in no
    hiragana, as clauses do, and are short; the last piece is an item up to
    など, といった or the particle behind it.
    """
    found: list[list[tuple[int, int]]] = []
    run: list[tuple[int, int]] = []
    at = 0
    for piece in _PIECES.split(flat):
        end = at + len(piece)
        if piece and len(piece) <= _LONGEST_ITEM and not _CLAUSE.search(piece):
            run.append((at, end))
        else:
            last = _LAST_ITEM.match(piece)
            if last and last.end() <= _LONGEST_ITEM:
                run.append((at, at + last.end()))
            found.append(run)
            run = []
        at = end + 1
    return [items for items in (*found, run) if len(items) >= _LEAST_ITEMS]


def _item(parts: Sequence[Sequence[tuple[int, int]]], listed: Sequence[Sequence[tuple[int, int]]]) -> Any:
    """Return the item of a list in which a word of an alias stands, if it stands in no other place; else None."""
    for places in parts:
        inside = [item for a, b in places for items in listed for item in items if item[0] <= a and b <= item[1]]
        if len(inside) == len(places) and len(set(inside)) == 1:
            return inside[0]
    return None
