"""From vectors to places on a map: landmarks by t-SNE, every other point between its nearest landmarks.

t-SNE (van der Maaten and Hinton 2008) of every claim would take minutes at
50,000 and hours at 350,000; of a thousand landmarks it takes seconds. Placing
the rest by their nearest landmarks is the idea of Landmark MDS (de Silva and
Tenenbaum 2004). Seeds are fixed: the same vectors give the same map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
LANDMARKS = 1000
SPREAD = 0.35  # how far a point may stand from its landmarks' mean, in distances between landmarks
_DIMENSIONS = 48
_SAMPLE = 30_000  # rows that landmarks are chosen by
_NEAREST = 6
_BATCH = 8192
_SMALL = 12  # vectors to a landmark, at least


def positions(vectors: Floats, landmarks: int = LANDMARKS) -> Floats:
    """Return where each vector stands on a map, both coordinates from 0 to 1.

    Args:
        vectors: (n, dim) float32, unit length.
        landmarks: at most so many points are laid out by t-SNE.

    Returns:
        (n, 2) float32; near vectors stand near each other.
    """
    count = len(vectors)
    if count < 4:
        return np.stack([np.linspace(0.3, 0.7, count), np.full(count, 0.5)], axis=1).astype(np.float32)
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    # One thread: the same places on every machine, and no spinning threads where other programs want the cores.
    with threadpool_limits(1):
        return _placed(vectors, landmarks, PCA)


def _placed(vectors: Floats, landmarks: int, pca: Any) -> Floats:
    count = len(vectors)
    dimensions = min(_DIMENSIONS, vectors.shape[1], count - 1)
    chosen = np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.intp)
    reduce = pca(dimensions, svd_solver="full" if count < 2 * vectors.shape[1] else "covariance_eigh", random_state=0)
    sample = reduce.fit_transform(vectors[chosen]).astype(np.float32)
    if count < 2 * _SMALL:
        flat: Floats = sample[:, :2] if sample.shape[1] > 1 else np.repeat(sample, 2, axis=1)
        return _unit(flat)
    places, marks = _landmarks(sample, min(landmarks, count // _SMALL))
    found = np.empty((count, 2), dtype=np.float32)
    for first in range(0, count, _BATCH):
        batch = reduce.transform(vectors[first : first + _BATCH]).astype(np.float32)
        found[first : first + _BATCH] = _between(batch, places, marks)
    return _unit(found)


def _landmarks(sample: Floats, count: int) -> tuple[Floats, Floats]:
    """Return landmarks among the sample (count, dim), and where they stand (count, 2)."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.manifold import TSNE

    groups = MiniBatchKMeans(
        max(2, count), random_state=0, n_init=1, batch_size=4096, max_iter=20, reassignment_ratio=0
    ).fit(sample)
    places: Floats = groups.cluster_centers_.astype(np.float32)
    perplexity = min(30.0, max(1.0, (len(places) - 1) / 3))
    shown = TSNE(2, init="pca", perplexity=perplexity, random_state=0, metric="cosine").fit_transform(places)
    return places, shown.astype(np.float32)


def _between(batch: Floats, places: Floats, marks: Floats) -> Floats:
    """Return points between their nearest landmarks' places, each moved aside by what it has of its own."""
    distance = (batch**2).sum(1)[:, None] - 2 * batch @ places.T + (places**2).sum(1)[None, :]
    nearest = min(_NEAREST, len(places))
    near = np.argpartition(distance, nearest - 1, axis=1)[:, :nearest]
    own = np.take_along_axis(distance, near, axis=1)
    least = own.min(axis=1, keepdims=True)
    scale = np.maximum(own.mean(axis=1, keepdims=True) - least, 1e-6)
    weight = np.exp(-(own - least) / scale * 3)
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (marks[near] * weight[:, :, None]).sum(axis=1)
    step = _step(marks)
    closest = near[np.arange(len(near)), own.argmin(axis=1)]
    rest = batch - places[closest]
    length = np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-6)
    aside: Floats = mean + np.float32(SPREAD * step) * rest[:, :2] / length * np.sqrt(rest.shape[1] / 8)
    return aside.astype(np.float32)


def _step(marks: Floats) -> float:
    """Return about how far landmarks stand from each other."""
    area = float(np.prod(np.ptp(marks, axis=0))) or 1.0
    return float(np.sqrt(area / len(marks)))


def _unit(points: Floats) -> Floats:
    """Return points moved and scaled, both ways alike, into the unit square."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max()) or 1.0
    placed: Floats = (((points - (low + high) / 2) / size) * 0.96 + 0.5).astype(np.float32)
    return placed
