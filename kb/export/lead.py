"""The claims that say most about a subject: a lead that can be read first and alone.

Each claim is weighed by

* **centrality**: continuous LexRank, the stationary distribution of a walk over
  claims by their similarity (Erkan & Radev 2004, "LexRank: Graph-based Lexical
  Centrality as Salience in Text Summarization", JAIR 22), on the vectors that
  the database holds;
* **support**: in how many posts it, or a claim much like it, is said;
* **recency**: when it was last said;
* **substance**: quantities, absolute dates and names in it, and how surely it is of the topic;
* **form**: whether it stands alone; `data/export/lead.toml` lists what does not.

Claims are then taken one by one by Maximal Marginal Relevance (Carbonell &
Goldstein 1998, "The use of MMR, diversity-based reranking", SIGIR), so that each
adds something, with a quota a kind; and are read facts first, then forecasts,
opinions and advice.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from kb.config import resource
from kb.errors import DataFileError
from kb.export.records import Claim
from kb.records import CLAIM_KINDS

Matrix = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float64]

MOST = 8
_QUOTA = {"fact": 4, "forecast": 2, "opinion": 2, "advice": 1}
_KIND = {"fact": 1.0, "forecast": 0.85, "opinion": 0.7, "advice": 0.65}
_CANDIDATES = 1_000  # the matrix of similarities is of so many rows at most: 4 MB
_WALK = 0.85  # chance of going on along a tie, LexRank's 1 - d
_STEPS = 60
_TIE = 0.2  # similarity below which two claims are not tied
_ALIKE = 0.75  # similarity from which another post's claim supports one
_DIVERSITY = 0.4  # MMR's 1 - lambda
_SAME = 0.85  # similarity from which a claim says what one already taken says
_WORST = 0.2  # form below which a claim is no candidate
_POOL = 20  # candidates of a kind that are compared one with another
_FIGURES = frozenset({"count", "number", "occasion", "ordinal", "sort", "person", "long", "sheet", "place"})


@cache
def _rules() -> tuple[Mapping[str, Mapping[str, re.Pattern[str]]], Mapping[str, Any]]:
    """Load `data/export/lead.toml`: patterns by list and language, and lengths."""
    path = resource("data", "export", "lead.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        patterns = {
            name: {lang: re.compile("|".join(data[name][lang]), re.IGNORECASE) for lang in ("ja", "en")}
            for name in ("never", "leans", "opens", "talks")
        }
        length = {name: data["length"][name] for name in ("fewest", "best", "most")}
    except (OSError, KeyError, TypeError, re.error, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    return patterns, length


def form(claim: Claim) -> float:
    """Return how well a claim stands alone, 0 to 1; 0 is never shown in a lead."""
    patterns, length = _rules()
    lang = "en" if claim.language == "en" else "ja"
    text = claim.text.strip()
    size = len(text) / (2 if lang == "en" else 1)
    ends = text.endswith(("。", "」", "）")) if lang == "ja" else text.endswith((".", '."', ".)"))
    if not ends or not length["fewest"] <= size <= length["most"] or patterns["never"][lang].search(text):
        return 0.0
    low, high = length["best"]
    made = 1.0 if low <= size <= high else 0.75
    made *= 0.3 if claim.context is not None else 1.0
    made *= 0.15 if patterns["leans"][lang].search(text) else 1.0
    made *= 0.6 if patterns["opens"][lang].search(text) else 1.0
    return made * (0.45 if patterns["talks"][lang].search(text) else 1.0)


def substance(claim: Claim) -> float:
    """Return how much of a claim can be checked, 0 to 1: quantities, absolute dates, names, surety of the topic."""
    figures = sum(f.dimension not in _FIGURES or f.low >= 100 for f in claim.figures)
    dates = sum(not when.relative for when in claim.dates)
    names = sum(name.kind != "name" for name in claim.names)
    told = 0.35 * min(figures, 2) / 2 + 0.25 * min(dates, 1) + 0.25 * min(names, 2) / 2
    return told + 0.15 * claim.score * (claim.certainty == "asserted" or claim.kind == "forecast")


def lexrank(similarity: Matrix) -> Weights:
    """Return the LexRank centrality of each claim, the highest being 1.

    Args:
        similarity: (claims x claims) cosines; those below 0.2 do not tie.
    """
    count = len(similarity)
    ties = np.where(similarity >= _TIE, similarity, 0.0).astype(np.float64)
    np.fill_diagonal(ties, 0.0)
    sums = ties.sum(axis=1, keepdims=True)
    walk = np.divide(ties, sums, out=np.full_like(ties, 1.0 / count), where=sums > 0)
    rank = np.full(count, 1.0 / count)
    for _ in range(_STEPS):
        rank = (1 - _WALK) / count + _WALK * (rank @ walk)
    made: Weights = rank / rank.max()
    return made


def similarities(claims: Sequence[Claim], vectors: Mapping[int, bytes]) -> Matrix:
    """Return the cosines of claims (claims x claims); a claim without a vector is like no other."""
    rows = [np.frombuffer(vectors[claim.id], dtype="<f4") if claim.id in vectors else None for claim in claims]
    dim = next((len(row) for row in rows if row is not None), 1)
    matrix = np.array([np.zeros(dim, np.float32) if row is None else row for row in rows], np.float32)
    made: Matrix = np.clip(matrix @ matrix.T, 0.0, 1.0)
    return made


def choose(claims: Sequence[Claim], vectors: Mapping[int, bytes], most: int = MOST) -> tuple[Claim, ...]:
    """Return at most `most` claims that say most; fewer where the others do not stand alone.

    The same claims in any order give the same lead.
    """
    fit = {claim.key: form(claim) for claim in claims if not claim.stock}
    ranked = sorted(
        (claim for claim in claims if fit.get(claim.key, 0.0) >= _WORST),
        key=lambda claim: (-fit[claim.key] * (0.3 + substance(claim)), -claim.posts, claim.key),
    )[:_CANDIDATES]
    if not ranked:
        return ()
    alike = similarities(ranked, vectors)
    worth = _worth(ranked, alike, [fit[claim.key] for claim in ranked])
    order = sorted(range(len(ranked)), key=lambda i: (-round(float(worth[i]), 9), ranked[i].key))
    best = [[i for i in order if ranked[i].kind == kind][:_POOL] for kind in CLAIM_KINDS]
    pool = sorted((i for own in best for i in own), key=order.index)
    taken = _diverse(ranked, pool, worth, alike, most)
    kinds: dict[str, int] = {kind: place for place, kind in enumerate(CLAIM_KINDS)}
    return tuple(
        ranked[i]
        for i in sorted(taken, key=lambda i: (kinds[ranked[i].kind], -round(float(worth[i]), 9), ranked[i].key))
    )


def _worth(claims: Sequence[Claim], alike: Matrix, fit: Sequence[float]) -> Weights:
    """Return what each claim is worth on its own, 0 to about 1."""
    central = lexrank(alike)
    posts = [frozenset(place.post for place in claim.places) for claim in claims]
    support = np.array(
        [
            len(frozenset().union(own, *(posts[j] for j in np.flatnonzero(row >= _ALIKE))))
            for own, row in zip(posts, alike, strict=True)
        ]
    )
    days = sorted({claim.last_date for claim in claims})
    recent = np.array([(days.index(claim.last_date) + 1) / len(days) for claim in claims])
    told = np.array([substance(claim) for claim in claims])
    kinds = np.array([_KIND[claim.kind] for claim in claims])
    spread = np.minimum(np.log2(support) / math.log2(8), 1.0)
    made: Weights = (0.35 * central + 0.15 * spread + 0.1 * recent + 0.4 * told) * kinds * np.array(fit)
    return made


def _diverse(claims: Sequence[Claim], pool: Sequence[int], worth: Weights, alike: Matrix, most: int) -> list[int]:
    """Take claims by MMR within the quota of each kind, at most two of a post."""
    top = max(float(worth[pool[0]]), 1e-9)
    taken: list[int] = []
    kinds: dict[str, int] = {}
    posts: dict[str, int] = {}
    left = list(pool)
    while left and len(taken) < most:
        gain = {
            i: (1 - _DIVERSITY) * worth[i] / top - _DIVERSITY * max((float(alike[i, j]) for j in taken), default=0.0)
            for i in left
        }
        best = max(left, key=lambda i: (round(gain[i], 9), claims[i].key))
        left.remove(best)
        claim = claims[best]
        post = claim.places[0].post if claim.places else ""
        said = any(alike[best, j] >= _SAME for j in taken)
        if said or kinds.get(claim.kind, 0) >= _QUOTA[claim.kind] or posts.get(post, 0) >= 2:
            continue
        taken.append(best)
        kinds[claim.kind] = kinds.get(claim.kind, 0) + 1
        posts[post] = posts.get(post, 0) + 1
    return taken
