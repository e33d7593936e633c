"""Drafting an entry of the topics file from what the posts say about a phrase."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kb import synonyms
from kb.config import resource
from kb.errors import NotFoundError, UsageError, near
from kb.records import Topic
from kb.text import is_japanese
from kb.topics.entry import entry
from kb.topics.lookups import places
from kb.topics.matching import find, names_of, variants
from kb.topics.naming import slug, title_of
from kb.topics.phrases import phrases
from kb.topics.records import Drawn
from kb.topics.spelling import fold

_MOST = 3_000  # claims that are read
_BEHIND = 3_000  # claims that tell what is usual
_ALIASES, _NEAR, _EXCLUDE, _SEEDS, _SHOWN = 12, 15, 8, 3, 6
_COMMON = 0.1  # of all posts: a common noun that stands in more is said in passing, too
_LEAST_ODD = 3  # claims with a phrase, from which on the company it keeps says something
_LEAST_LIFT = 3.0  # how much more often than elsewhere a phrase must stand beside the given one to be near it


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A draft: the topic, how many claims hold each alias, and what helps to decide.

    `near` are phrases that stand beside it, `wider` those that hold it, both
    with counts; `doubtful` are wider ones that keep other company, to exclude
    if they mean something else; the topic's seeds are quotes, to be written anew.
    """

    topic: Topic
    claims: int
    counts: dict[str, int]
    near: dict[str, int]
    wider: dict[str, int]
    doubtful: tuple[str, ...]
    examples: tuple[Drawn, ...]
    plain: bool

    def to_yaml(self) -> str:
        """Return the draft as an entry to be put into a topics file."""
        remarks = []
        if self.plain:
            remarks.append(
                f"{self.topic.names['ja']} alone is one common noun: the aliases are phrases that hold it; "
                "add it if every claim with it belongs"
            )
        if self.doubtful:
            remarks.append("exclude, if they mean something else: " + ", ".join(self.doubtful))
        if self.near:
            remarks.append("near: " + ", ".join(f"{phrase} ({count})" for phrase, count in self.near.items()))
        for one in self.examples:
            day = f", {one.date[:10]}" if one.date else ""
            remarks.append(f"{one.text} ({one.post}:{one.start}-{one.end}{day})")
        # Quotes as seeds would draw in what is said in the same words of something else: a reader writes them.
        if self.topic.seeds:
            remarks.append("seeds: two to four sentences that posts on it would say, in words of your own, such as")
            remarks += [f"  - {seed}" for seed in self.topic.seeds]
        bare = replace(self.topic, seeds=())
        return entry(bare, {alias: f"{n} claims" for alias, n in self.counts.items()}, remarks)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        whole = asdict(self)
        topic = whole.pop("topic")
        return {
            "slug": topic["slug"],
            "names": topic["names"],
            "aliases": list(topic["aliases"]),
            "seeds": list(topic["seeds"]),
            **whole,
            "yaml": self.to_yaml(),
        }


def suggest(conn: sqlite3.Connection, phrase: str) -> Suggestion:
    """Draft a topic from the claims that say a phrase.

    Raises:
        UsageError: the phrase is empty, or too short to name anything.
        NotFoundError: no claim says it.
    """
    phrase = " ".join(phrase.split())
    if len(fold(phrase)) < 2:
        raise UsageError(f"phrase {phrase!r} is too short to name a topic")
    spelt = list(dict.fromkeys(variants(phrase, synonyms.load(resource("data", "synonyms.yml")))))
    topic = Topic("draft", {"ja": phrase, "en": phrase}, (phrase,))
    names = names_of([topic])
    rows = [row for row in _claims(conn, spelt) if find(row[2], names)[0]]
    if not rows:
        raise NotFoundError(f"no claim says {phrase!r}{_near_names(conn, phrase)}; kb search finds what is like it")
    said = [{p.key: p for p in phrases(row[2])} for row in rows]
    inside = Counter(key for one in said for key in one)
    written = _written(said)
    plain = is_japanese(phrase) and not any(p.specific for p in phrases(phrase)) and _is_common(conn, rows)
    wider = {key: n for key, n in inside.most_common() if fold(phrase) in key and key != fold(phrase)}
    aliases = _aliases(phrase, spelt, rows, {written[k]: n for k, n in wider.items()}, plain=plain)
    beside = _near(conn, inside, len(rows), [fold(one) for one in spelt])
    odd = (k for k, n in wider.items() if n >= _LEAST_ODD and not _keeps_company(k, said, set(beside)))
    doubtful = tuple(written[k] for k in odd)[:_EXCLUDE]
    chosen = _examples(conn, rows)
    latin = next((one for one in spelt if one.isascii()), "")
    taken = {row[0] for row in conn.execute("SELECT slug FROM topics")}
    names_shown = {"ja": next((one for one in spelt if not one.isascii()), phrase), "en": title_of(latin) or phrase}
    draft = Topic(
        slug(phrase, taken, latin=latin), names_shown, tuple(aliases), tuple(one.text for one in chosen[:_SEEDS])
    )
    return Suggestion(
        draft,
        len(rows),
        aliases,
        {written[k]: inside[k] for k in beside},
        {written[k]: n for k, n in list(wider.items())[:_ALIASES]},
        doubtful,
        tuple(chosen),
        plain,
    )


def _claims(conn: sqlite3.Connection, spelt: Sequence[str]) -> list[tuple[int, str, str, str, str]]:
    """Return (id, key, text, kind, text hash) of claims that hold one of the spellings, in the order of their keys."""
    where = " OR ".join(["text LIKE ? ESCAPE '!'"] * len(spelt))
    values = [f"%{one.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%" for one in spelt]
    rows = conn.execute(
        f"SELECT id, key, text, kind, text_hash FROM claims WHERE NOT stock AND ({where}) ORDER BY key LIMIT ?",
        (*values, _MOST),
    )
    return rows.fetchall()


def _near_names(conn: sqlite3.Connection, phrase: str) -> str:
    """Return the end of a message that names things spelt like `phrase`."""
    return near(phrase, {str(row[0]) for row in conn.execute("SELECT name FROM entities")})


def _written(said: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return how each phrase is written most often."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for one in said:
        for key, phrase in one.items():
            spelt[key][phrase.text] += 1
    return {key: min(forms.items(), key=lambda item: (-item[1], item[0]))[0] for key, forms in spelt.items()}


def _aliases(
    phrase: str, spelt: Sequence[str], rows: Sequence[Any], wider: dict[str, int], *, plain: bool
) -> dict[str, int]:
    """Return aliases with the number of claims that hold them: the phrase, its synonyms, or what holds it."""
    found: dict[str, int] = {}
    folded = [fold(row[2]) for row in rows]
    for one in spelt:
        count = sum(fold(one) in text for text in folded)
        if count and fold(one) not in {fold(other) for other in found}:
            found[one] = count
    if not plain or not wider:
        return found
    kept: dict[str, int] = {}
    for one, count in wider.items():  # those said most come first: what holds one of them adds nothing
        if not any(fold(other) in fold(one) for other in kept):
            kept[one] = count
    return dict(list(kept.items())[:_ALIASES])


def _is_common(conn: sqlite3.Connection, rows: Sequence[Any]) -> bool:
    """Tell whether claims stand in so many posts that what they share can hardly be one subject."""
    ids = ",".join(str(int(row[0])) for row in rows)
    (posts,) = conn.execute(f"SELECT count(DISTINCT post_id) FROM occurrences WHERE claim_id IN ({ids})").fetchone()
    (everything,) = conn.execute("SELECT count(*) FROM posts").fetchone()
    return bool(posts > _COMMON * everything)


def _near(conn: sqlite3.Connection, inside: Counter[str], size: int, given: Sequence[str]) -> list[str]:
    """Return the phrases that stand beside the given one far more often than elsewhere."""
    behind = conn.execute("SELECT text FROM claims WHERE NOT stock ORDER BY key LIMIT ?", (_BEHIND,)).fetchall()
    usual = Counter(key for (text,) in behind for key in {p.key for p in phrases(text)})
    lifts = {
        key: (n / size) / ((usual[key] + 1) / (len(behind) + 1))
        for key, n in inside.items()
        if n > 1 and not any(one in key or key in one for one in given)
    }
    kept = [key for key, lift in lifts.items() if lift >= _LEAST_LIFT]
    return sorted(kept, key=lambda key: (-inside[key], key))[:_NEAR]


def _keeps_company(key: str, said: Sequence[dict[str, Any]], company: set[str]) -> bool:
    """Tell whether some claim with a phrase holds a near phrase, too."""
    return any(company & one.keys() for one in said if key in one)


def _examples(conn: sqlite3.Connection, rows: Sequence[Any]) -> list[Drawn]:
    """Return the claims that stand for all, with the place where each is said first."""
    from kb.topics.counting import examples

    vectors = _vectors(conn, rows)
    by_key = {row[1]: row for row in rows}
    keys = examples(list(by_key), [row[2] for row in rows], vectors, _SHOWN) if vectors is not None else list(by_key)
    return [
        Drawn(row[1], row[2], row[3], 0.0, (), *places(conn, row[0])) for row in (by_key[key] for key in keys[:_SHOWN])
    ]


def _vectors(conn: sqlite3.Connection, rows: Sequence[Any]) -> Any:
    """Return the vectors of claims under the active model (claims x dim), or None where one is missing."""
    model = conn.execute("SELECT id FROM models WHERE active").fetchone()
    if model is None:
        return None
    made = []
    for row in rows:
        blob = conn.execute(
            "SELECT vector FROM embeddings WHERE model_id = ? AND text_hash = ?", (model[0], row[4])
        ).fetchone()
        if blob is None:
            return None
        made.append(np.frombuffer(blob[0], dtype="<f4"))
    return np.stack(made)
