"""Names that stand for each other, as a query needs them."""

from __future__ import annotations

from dataclasses import dataclass

from kb.fts import Query, terms
from kb.synonyms import bounded, fold_name


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Groups of names, folded, as `kb.synonyms.load` returns them."""

    groups: tuple[tuple[str, ...], ...] = ()

    def alternatives(self, query: Query) -> dict[str, tuple[str, ...]]:
        """Return, for each word of a name in `query`, FTS5 expressions of the other names of its group."""
        text = fold_name(query.text)
        found: dict[str, tuple[str, ...]] = {}
        for group in self.groups:
            present = [name for name in group if name in text and bounded(name).search(text)]
            if not present:
                continue
            others = [_expression(name) for name in group if name not in present]
            for name in present:
                for word in terms(name)[0].split():
                    if word in query.words:
                        found[word] = tuple(dict.fromkeys((*found.get(word, ()), *filter(None, others))))
        return found

    def others(self, query: Query) -> tuple[str, ...]:
        """Return the names, folded, that stand for a name in `query`."""
        text = fold_name(query.text)
        found: dict[str, None] = {}
        for group in self.groups:
            if any(name in text and bounded(name).search(text) for name in group):
                found.update(dict.fromkeys(name for name in group if name not in text))
        return tuple(found)


def used(names: tuple[str, ...], text: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """Return those of `names` (folded) that `text` holds, and where; nowhere if folding moves its characters."""
    folded = fold_name(text)
    held = tuple(name for name in names if name in folded and bounded(name).search(folded))
    level = "".join(one if len(one) == 1 else char for char in text for one in [fold_name(char) or char])
    return held, [match.span() for name in held for match in bounded(name).finditer(level)]


def _expression(name: str) -> str:
    words = terms(name)[0]
    return f'words : "{words}"' if words else ""
