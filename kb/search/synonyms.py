"""Names that stand for each other, as a query needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

from kb import synonyms
from kb.fts import Query, terms
from kb.search.wording import glossary
from kb.synonyms import TERM, bounded, fold_name
from kb.text import is_japanese

_ASKED = 64  # queries whose names are remembered


@dataclass(frozen=True)
class Synonyms:
    """Names that stand for each other, in groups, folded.

    `single` are those that name one thing in the world, a company or a person:
    such a name is one word, whatever the dictionary takes it for. `glossary`
    are English words and the Japanese ones that say the same: these stand in
    for those, and only so, for 売上 and 収益 may both be revenue.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    single: frozenset[str] = frozenset()
    glossary: tuple[tuple[str, ...], ...] = field(default=())

    @cached_property
    def _sides(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """Return, of each group, the names that are looked for in a query, and those that may stand for them."""
        english = tuple(
            (tuple(n for n in group if n.isascii()), tuple(n for n in group if not n.isascii()))
            for group in self.glossary
        )
        return tuple((group, group) for group in self.groups) + english

    @cached_property
    def _found(self) -> Callable[[str], list[tuple[list[str], list[str]]]]:
        """Return what tells the names that stand in a query: asked several times for each, it looks once."""
        return lru_cache(maxsize=_ASKED)(self._look)

    def _look(self, query: str) -> list[tuple[list[str], list[str]]]:
        """Return the names that stand in a query, and those that may stand for them, by group."""
        text = fold_name(query)
        found = []
        for asked, others in self._sides:
            present = [name for name in asked if name in text and bounded(name).search(text)]
            if present:
                found.append((present, [name for name in others if name not in present]))
        return found

    def joined(self, query: Query) -> Query:
        """Return `query` with each name of one thing as one word, a phrase: ディープシーク is no ディープ."""
        text = fold_name(query.text)
        words, labels, names = list(query.words), dict(query.labels), set(query.names)
        for name in self.single:
            units = terms(name)[0].split() if name in text else []
            if len(units) < 2 or not bounded(name).search(text):
                continue
            places = [at for at in range(len(words)) if words[at : at + len(units)] == units]
            if places:
                phrase = " ".join(units)
                words[places[0] : places[0] + len(units)] = [phrase]
                labels[phrase] = name
                names.add(phrase)
        return replace(query, words=tuple(words), labels=tuple(labels.items()), names=frozenset(names))

    def alternatives(self, query: Query) -> dict[str, tuple[str, ...]]:
        """Return, for each word of a name in `query`, FTS5 expressions of the other names of its group."""
        found: dict[str, tuple[str, ...]] = {}
        for present, others in self._found(query.text):
            expressions = [f'words : "{reading}"' for name in others for reading in _readings(name)]
            for name in present:
                readings = _readings(name)
                whole = next((reading for reading in readings if reading in query.words), "")
                for word in [whole] if whole else dict.fromkeys(" ".join(readings).split()):
                    if word in query.words:
                        found[word] = tuple(dict.fromkeys((*found.get(word, ()), *expressions)))
        return found

    def others(self, query: Query) -> tuple[str, ...]:
        """Return the names, folded, that stand for a name in `query` and are not in it themselves."""
        text = fold_name(query.text)
        return tuple(dict.fromkeys(n for _, others in self._found(query.text) for n in others if n not in text))

    def same(self, name: str) -> tuple[str, ...]:
        """Return the other names, folded, of what is called `name`."""
        folded = fold_name(name)
        return tuple(dict.fromkeys(n for group in self.groups if folded in group for n in group if n != folded))

    def meant(self, query: Query) -> str:
        """Return what the semantic arm reads: an English query with the Japanese words that say the same."""
        if is_japanese(query.text):
            return query.text
        japanese = [
            names[0] for _, others in self._found(query.text) if (names := [n for n in others if not n.isascii()])
        ]
        return " ".join((query.text, *japanese))


def load(path: Path) -> Synonyms:
    """Read a file of names that stand for each other; raises as `kb.synonyms.groups` and `wording.glossary` do."""
    groups = synonyms.groups(path)
    folded = tuple(tuple(dict.fromkeys(map(fold_name, group.names))) for group in groups)
    single = frozenset(
        name for group, names in zip(groups, folded, strict=True) if group.kind != TERM for name in names
    )
    return Synonyms(folded, single, glossary())


def used(names: tuple[str, ...], text: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """Return those of `names` (folded) that `text` holds, and where; nowhere if folding moves its characters."""
    folded = fold_name(text)
    held = tuple(name for name in names if name in folded and bounded(name).search(folded))
    if not held:
        return (), []
    level = "".join(one if len(one) == 1 else char for char in text for one in [fold_name(char) or char])
    return held, [match.span() for name in held for match in bounded(name).finditer(level)]


def _readings(name: str) -> tuple[str, ...]:
    """Return the words of a name, read whole and part by part: the dictionary knows "artificial intelligence" as one.

    A query is read part by part, and so is a text where another word stands beside.
    """
    apart = " ".join(filter(None, (terms(part)[0] for part in name.split())))
    return tuple(dict.fromkeys(filter(None, (terms(name)[0], apart))))
