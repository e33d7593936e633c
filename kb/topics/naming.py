"""What a discovered topic is called: names in Japanese and English, and a slug."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from kb.config import resource
from kb.records import Topic
from kb.text import reading
from kb.topics.discover import Cluster, Term
from kb.topics.spelling import fold

_LONGEST = 48  # characters of a slug
_NOT_LATIN = re.compile(r"[^a-z0-9]+")
_LONG_O = re.compile(r"(?<=[ou])u|(?<=o)o")
_SECOND = 0.35  # a second term that says less than this share of the first's is left out of a name


def names(cluster: Cluster, taken: Collection[str]) -> dict[str, str]:
    """Return {"ja", "en"} names of a cluster, none of them folded alike to one of `taken`.

    The first term where it is specific (a proper name, a compound); a single
    common noun is joined by the next term that is not part of it. English where
    the term is Latin or data/synonyms.yml knows it so; else the Japanese name.
    """
    first, *rest = cluster.terms
    others = [t for t in rest if t.key not in first.key and first.key not in t.key]
    chosen = [first]
    if not first.specific and others:
        chosen.append(next((t for t in others if t.specific and t.weight >= _SECOND * first.weight), others[0]))
    while fold(_joined(chosen)) in taken and (more := [t for t in others if t not in chosen]):
        chosen.append(more[0])
    english = [_english(term) for term in chosen]
    ja = _joined(chosen)
    return {"ja": ja, "en": " / ".join(filter(None, english)) if all(english) else ja}


def settle(clusters: Sequence[Cluster], known: Sequence[Topic | None], listed: Sequence[Topic]) -> list[dict[str, str]]:
    """Return the names of clusters, no two alike and none like a curated topic's.

    One that was there before keeps its name as long as the words of it are still
    among its terms: readers know it so.
    """
    taken = {fold(name) for topic in listed for name in topic.names.values()}
    made: list[dict[str, str]] = []
    for cluster, old in zip(clusters, known, strict=True):
        terms = {term.key for term in cluster.terms}
        stays = old is not None and all(fold(word) in terms for word in old.names["ja"].split("・"))
        given = dict(old.names) if old is not None and stays else names(cluster, taken)
        if fold(given["ja"]) in taken:
            given = names(cluster, taken)
        taken.add(fold(given["ja"]))
        made.append(given)
    return made


def slugs(given: Sequence[Mapping[str, str]], kept: Sequence[str | None], taken: Collection[str]) -> list[str]:
    """Return a slug a topic: the one it had, or a new one that nothing has or had."""
    used = set(taken)
    made = []
    for name, old in zip(given, kept, strict=True):
        latin = name["en"] if name["en"].isascii() else ""
        found = old if old is not None else slug(name["ja"], used, latin=latin)
        used.add(found)
        made.append(found)
    return made


def _joined(terms: Sequence[Term]) -> str:
    return "・".join(term.text for term in terms)


def _english(term: Term) -> str:
    """Return a term in Latin letters, or "" where nobody knows it so."""
    if term.text.isascii():
        return term.text
    return _latin_names().get(fold(term.text), "")


@cache
def _latin_names() -> dict[str, str]:
    """Return the first Latin name of each group of data/synonyms.yml, by its other names."""
    import yaml

    groups = yaml.safe_load(resource("data", "synonyms.yml").read_text("utf-8"))["groups"]
    found: dict[str, str] = {}
    for group in groups:
        given = [str(name) for name in (group["names"] if isinstance(group, dict) else group)]
        latin = next((name for name in given if name.isascii()), "")
        if latin:
            found.update((fold(name), latin) for name in given)
    return found


def title_of(latin: str) -> str:
    """Return a Latin name as a title: renewable energy as Renewable energy."""
    return latin[:1].upper() + latin[1:]


def slug(title: str, taken: Collection[str], *, latin: str = "") -> str:
    """Return a slug for a title: its Latin name or its reading in Hepburn's romaji, and a number where it is taken.

    Args:
        title: in any script.
        taken: slugs that are in use or were once.
        latin: a name in Latin letters, if there is one.
    """
    base = _slugged(latin) or _slugged(romaji(title)) or "topic"
    base = base[:_LONGEST].strip("-")
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    return found


def _slugged(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return _NOT_LATIN.sub("-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-")


def romaji(text: str) -> str:
    """Return how `text` is read, in Latin letters; kana by `jaconv`, long vowels written short."""
    import jaconv

    words = []
    for word in re.split(r"[・\s]+", unicodedata.normalize("NFKC", text)):
        spelt = word if word.isascii() else jaconv.kana2alphabet(jaconv.kata2hira(reading(word)))
        words.append(spelt if word.isascii() else _LONG_O.sub("", spelt.replace("-", "").replace("ー", "")))
    return "-".join(filter(None, words))
