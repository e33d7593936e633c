"""What every encoder is, and the two steps that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from kb.errors import UsageError

TextKind = Literal["similarity", "document", "query"]
Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into vectors whose dot product says how near their meanings are.

    `name` is what it was loaded by; `revision` changes whenever the vectors of
    some text would; `dim` is the number of columns.
    """

    @property
    def name(self) -> str:
        """What `kb.embeddings.load` was given."""

    @property
    def revision(self) -> str:
        """A string that changes when vectors would: vectors are stored under it."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def encode(self, texts: str | Sequence[str], *, kind: TextKind = "similarity") -> Vectors:
        """Return one vector a text: (n, dim) float32, each of length 1, or 0 where a text holds no word.

        The vector of a text does not depend on the texts beside it. "similarity"
        is for texts compared with each other: do they say the same? "document"
        and "query" are for finding: what is a text about? Vectors of the first
        kind go with their own kind, those of the other two with each other.
        """


def as_batch(texts: str | Sequence[str], kind: TextKind) -> list[str]:
    """Return `texts` as a list.

    Raises:
        UsageError: there is no such `kind`, or a text is not a string.
    """
    if kind not in get_args(TextKind):
        raise UsageError(f"kind={kind!r}: must be one of {', '.join(get_args(TextKind))}")
    batch = [texts] if isinstance(texts, str) else list(texts)
    given: list[object] = [*batch]  # callers without a type checker may hand in anything
    wrong = [type(text).__name__ for text in given if not isinstance(text, str)]
    if wrong:
        raise UsageError(f"texts: only strings can be encoded, not {wrong[0]}")
    return batch


def unit(vectors: Vectors) -> Vectors:
    """Return the rows of `vectors` (n, dim) scaled to length 1; rows of zeros stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths[:, None], dtype=np.float32)
