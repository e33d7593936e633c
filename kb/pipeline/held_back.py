"""What an encoder is trained on, and by what it is told whether that made it better: the posts themselves.

Pairs of sentences that follow each other are learnt from, some are held back
for the check. No pair holds a heading, so what a heading finds was not learnt.
What merging judged is learnt from too: other words for the same, and vetoes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from kb import store
from kb.embeddings.adapt import Pairs, Texts
from kb.embeddings.encoder import Vectors, unit
from kb.pipeline.merge import rules_fingerprint
from kb.store import encoders as rows

_HELD_BACK = 20  # one pair in so many is kept for the check
_MOST_CHECKED = 1_000
_MOST_HEADINGS = 500
_MOST_FOUND = 8_000  # sentences among which a heading is to find its own
_LOOKS_ALIKE = 0.5  # score from which on two sentences that merging kept apart teach something
_VERDICTS = {"same": True, "subsumes": True, "related": False, "conflict": False}


def neighbours(engine: Engine) -> tuple[list[str], Pairs]:
    """Return the distinct sentences of all posts, and which two (m, 2) follow each other in a paragraph."""
    places: dict[str, int] = {}
    found: dict[tuple[int, int], None] = {}
    last: tuple[int, int, int] | None = None
    with engine.connect() as connection:
        for post, paragraph, plain, kind in connection.execute(rows.said_in_order()):
            if kind in ("heading", "label"):
                last = None
                continue
            place = places.setdefault(plain, len(places))
            if last is not None and last[:2] == (post, paragraph) and last[2] != place:
                found[last[2], place] = None
            last = (post, paragraph, place)
    return list(places), np.array(list(found), np.int32).reshape(len(found), 2)


def judged_pairs(engine: Engine, places: Mapping[str, int]) -> tuple[Pairs, Pairs]:
    """Return the pairs of texts, by place, that merging found to say the same, or a part of it, and those it vetoed."""
    alike, unlike = list[tuple[int, int]](), list[tuple[int, int]]()
    with engine.connect() as connection:
        text = {wording.key: wording.text for wording in store.wordings(connection)}
        for (a, b), relation in sorted(store.verdicts(connection, rules_fingerprint()).items()):
            one, other = places.get(text.get(a, ""), -1), places.get(text.get(b, ""), -1)
            same = _VERDICTS.get(relation.relation)
            if one < 0 or other < 0 or same is None:
                continue
            if same:
                alike.append((one, other))
            elif relation.score >= _LOOKS_ALIKE:
                unlike.append((one, other))
    return np.array(alike, np.int32).reshape(-1, 2), np.array(unlike, np.int32).reshape(-1, 2)


def headings(engine: Engine) -> dict[str, list[str]]:
    """Return headings and the sentences under each, at most 500; the same ones for the same posts."""
    sections: dict[tuple[int, int, str], list[str]] = {}
    under: list[str] | None = None
    last = -1
    with engine.connect() as connection:
        for place, (post, _, plain, kind) in enumerate(connection.execute(rows.said_in_order())):
            if post != last:
                under, last = None, post
            if kind == "heading":
                under = sections.setdefault((post, place, plain), [])
            elif kind != "label" and under is not None:
                under.append(plain)
    merged: dict[str, list[str]] = {}
    for (_, _, heading), texts in sections.items():
        merged.setdefault(heading, []).extend(texts)
    filled = {heading: list(dict.fromkeys(texts)) for heading, texts in merged.items() if texts}
    order = sorted(filled, key=lambda one: hashlib.blake2b(one.encode("utf-8", "surrogatepass")).digest())
    return {heading: filled[heading] for heading in order[:_MOST_HEADINGS]}


def parted(pairs: Pairs, texts: list[str], seed: int) -> tuple[Pairs, Pairs]:
    """Return the pairs to learn from and those held back; no text of these is among those."""
    salt = (seed % 2**64).to_bytes(8, "big")
    said = (texts[a].encode("utf-8", "surrogatepass") for a, _ in pairs)
    chosen = [hashlib.blake2b(one, digest_size=2, salt=salt).digest() for one in said]
    held = np.array([int.from_bytes(digest, "big") % _HELD_BACK == 0 for digest in chosen], np.bool_)
    apart = np.isin(pairs, pairs[held]).any(axis=1)
    return pairs[~apart], pairs[held][:_MOST_CHECKED]


def reciprocal_rank(table: Vectors, texts: Texts, pairs: Pairs) -> float:
    """Return the mean of 1 / rank of each text's partner among the partners of all `pairs` (m, 2).

    Among equals it stands last: words that are all alike find nothing.
    """
    a: npt.NDArray[np.float32] = unit(texts[pairs[:, 0]] @ table)
    b: npt.NDArray[np.float32] = unit(texts[pairs[:, 1]] @ table)
    scores = a @ b.T
    ranks = (scores >= np.diag(scores)[:, None]).sum(axis=1)
    return float((1 / ranks).mean())


def found_under(table: Vectors, asked: Texts, texts: Texts, wanted: list[npt.NDArray[np.int32]]) -> float:
    """Return the mean nDCG@10 of what is found by `asked` (n texts) among all that is `wanted`: places in `texts`.

    Järvelin and Kekäläinen 2002, with gains of 0 and 1.
    """
    every = np.unique(np.concatenate(wanted))[:_MOST_FOUND]
    scores = unit(asked @ table) @ unit(texts[every] @ table).T
    gains = 1 / np.log2(np.arange(10) + 2)
    total = 0.0
    for row, own in zip(scores, wanted, strict=True):
        near = np.flatnonzero(row >= np.partition(row, -10)[-10]) if len(row) > 10 else np.arange(len(row))
        best = near[np.argsort(-row[near], kind="stable")][:10]
        right = np.isin(every[best], own)
        total += float(gains[: len(right)] @ right / gains[: min(10, len(own))].sum())
    return total / len(wanted)
