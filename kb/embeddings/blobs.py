"""How vectors are stored: little-endian float32, one blob a vector, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb.errors import DatabaseError


def to_blob(vectors: NDArray[np.float32]) -> list[bytes]:
    """Return the rows of `vectors` (n, dim) as n blobs of 4 * dim bytes."""
    rows = np.ascontiguousarray(np.atleast_2d(vectors), dtype="<f4")
    return [row.tobytes() for row in rows]


def from_blobs(blobs: Sequence[bytes], dim: int) -> NDArray[np.float32]:
    """Return the vectors (n, dim) that `to_blob` made `blobs` of.

    Raises:
        DatabaseError: a blob is not of `dim` numbers.
    """
    size = 4 * dim
    wrong = next((place for place, blob in enumerate(blobs) if len(blob) != size), None)
    if wrong is not None:
        raise DatabaseError(
            f"stored vector {wrong} has {len(blobs[wrong])} bytes instead of {size}; run: kb verify, then kb build"
        )
    flat = np.frombuffer(b"".join(blobs), dtype="<f4").astype(np.float32)
    return flat.reshape(len(blobs), dim)
