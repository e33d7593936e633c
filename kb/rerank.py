"""Re-ranking: the first results of a search read again, each together with the query, by a cross-encoder.

A cross-encoder (Nogueira and Cho 2019, "Passage re-ranking with BERT") is far
slower than vectors and often better: it is given some dozens of results only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from kb.errors import ModelError
from kb.records import Arm, Hit, PostHit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

CANDIDATES = 50  # results that are worth reading again
ARM = "rerank"
_Found = TypeVar("_Found", Hit, PostHit)


def rerank(name: str, query: str, hits: Sequence[_Found], *, device: str | None = None) -> list[_Found]:
    """Return `hits` in the order of a cross-encoder's scores, which become theirs.

    Args:
        name: a folder, or a name on the Hugging Face Hub, as `kb.embeddings.load` takes it.
        query: what was searched for.
        hits: claims or posts, as `KnowledgeBase.search` returns them.
        device: where the model runs; None takes a GPU where there is one.

    Returns:
        As many hits, best first. `score` is from 0 to 1; a claim's `arms`
        gain "rerank" with the new rank, those of the search stay as they were.

    Raises:
        ModelError: no such model, a damaged one, or one with more than one score a pair.
    """
    model = _model(name, device)
    if not hits:
        return []
    made = model.predict([(query, _text(hit)) for hit in hits], show_progress_bar=False, convert_to_numpy=True)
    raw = np.asarray(made, dtype=np.float64)
    if raw.ndim != 1:
        raise ModelError(f"{name}: gives {raw.shape[-1]} scores a pair; a model for ranking gives one")
    if not np.isfinite(raw).all():
        raise ModelError(f"{name}: gives scores that are no numbers; its weights may be damaged")
    # A model that ends in a logistic function, as most do, scores from 0 to 1 already.
    scores = raw if raw.min() >= 0 and raw.max() <= 1 else 0.5 * (1 + np.tanh(raw / 2))
    order = np.argsort(-raw, kind="stable")
    return [_placed(hits[at], rank, float(scores[at])) for rank, at in enumerate(order, 1)]


@lru_cache(maxsize=1)
def _model(name: str, device: str | None) -> CrossEncoder:
    """Return a model, the last one from memory."""
    from kb.embeddings.transformer import load_cross_encoder

    return load_cross_encoder(name, device=device)


def _text(hit: Hit | PostHit) -> str:
    """Return what a model reads of a hit: a claim, or a post's title and the claims that put it there."""
    return hit.text if isinstance(hit, Hit) else "\n".join([hit.title, *(claim.text for claim in hit.claims)])


def _placed(hit: _Found, rank: int, score: float) -> _Found:
    """Return `hit` with its new score, and for a claim its rank."""
    changed: dict[str, Any] = {"score": score}
    if isinstance(hit, Hit):
        arms: Mapping[str, Arm] = {**hit.arms, ARM: Arm(rank, score)}
        changed["arms"] = arms
    return replace(hit, **changed)
