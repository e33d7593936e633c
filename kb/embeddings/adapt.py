"""Own vectors for the words of a corpus, in closed form, from nothing but its own sentences.

Two steps, both linear. What all texts of the corpus share tells none of them
from the others, so its directions are made smaller: the word vectors are
whitened in part, by the second moment of the corpus' own texts (Su et al.,
"Whitening sentence representations", 2021; in part, as full whitening blows up
what is rare). Then each word moves a little towards what stands around it: the
mean of the texts beside those that hold it (Khodak et al., "A la carte
embedding", 2018), the less the fewer they are. Nothing is random and nothing
goes round: tens of thousands of texts take less than a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.embeddings.encoder import Vectors, unit

Pairs = NDArray[np.int32]
Texts = Any  # scipy.sparse.csr_matrix (texts x words), the root of how often each word is said

_WHITE = 0.25  # power of the inverse second moment: 0.5 would whiten wholly
_RIDGE = 0.1  # of the mean variance, added to each direction's
_PULL = 0.125  # how far a usual word moves to its surroundings, by its own length
_DOUBT = 2.0  # surroundings of nothing that each word has besides its own
_AT_ONCE = 8_192  # texts whose vectors are held at once
_TINY = 1e-12


def counted(said: Iterable[Sequence[str]], vocabulary: dict[str, int]) -> Texts:
    """Return the texts of which `said` holds the words; `vocabulary` grows by those that it lacks."""
    from scipy.sparse import csr_matrix

    starts, words, counts = [0], list[int](), list[int]()
    for one in said:
        found = Counter(one)
        words += [vocabulary.setdefault(word, len(vocabulary)) for word in found]
        counts += found.values()
        starts.append(len(words))
    shape = (len(starts) - 1, len(vocabulary))
    return csr_matrix((np.sqrt(np.array(counts, np.float32)), words, starts), shape=shape, dtype=np.float32)


def fit(table: Vectors, texts: Texts, pairs: Pairs, told: Callable[[int, int], None] | None = None) -> Vectors:
    """Return `table` (words, dim) fitted to a corpus: whitened in part, and moved to what stands around each word.

    The same input gives the same table on the same machine, if products of
    matrices are left to one thread; another linear algebra library may round
    otherwise.

    Args:
        table: the vectors to start from.
        texts: the texts of the corpus.
        pairs: which two texts (m, 2) stand beside each other.
        told: called with (texts done, texts in all).
    """
    size, dim = texts.shape[0], table.shape[1]
    held = (texts > 0).astype(np.float32)
    around = _beside(pairs, size) @ held  # texts x words: how many texts that hold the word it stands beside
    moment = np.zeros((dim, dim))
    middle = np.zeros(dim, np.float64)
    surroundings = np.zeros(table.shape, np.float32)
    for start in range(0, size, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        ready = unit(texts[some] @ table)
        moment += ready.T @ ready
        middle += ready.sum(axis=0)
        surroundings += around[some].T @ ready
        if told is not None:
            told(min(size, start + _AT_ONCE), size)
    turn = _whitening(moment / max(1, size))
    surroundings -= np.outer(_sums(around), middle / max(1, size)).astype(np.float32)
    times = _sums(held)
    moves = surroundings @ turn / (times + np.float32(_DOUBT))[:, None]
    lengths = np.sqrt(np.einsum("ij,ij->i", moves, moves))
    usual = np.sqrt(times @ lengths**2 / max(float(times.sum()), 1.0))
    made = table @ turn
    own = np.sqrt(np.einsum("ij,ij->i", made, made))
    return np.asarray(made + np.float32(_PULL / (usual or 1.0)) * own[:, None] * moves, dtype=np.float32)


def _beside(pairs: Pairs, size: int) -> Texts:
    """Return (texts x texts) how often two texts stand beside each other."""
    from scipy.sparse import csr_matrix

    a, b = np.concatenate([pairs, pairs[:, ::-1]]).T
    return csr_matrix((np.ones(len(a), np.float32), (a, b)), shape=(size, size))


def _sums(matrix: Texts) -> NDArray[np.float32]:
    """Return the sum of each column."""
    return np.asarray(matrix.sum(axis=0), dtype=np.float32).ravel()


def _whitening(moment: NDArray[np.float64]) -> Vectors:
    """Return the symmetric map (dim, dim) that whitens in part, and leaves lengths about as they were."""
    level = max(float(np.trace(moment)) / len(moment), _TINY)
    values, axes = np.linalg.eigh(moment + _RIDGE * level * np.eye(len(moment)))
    turn = (axes * values**-_WHITE) @ axes.T
    return np.asarray(turn * np.sqrt(len(turn) / (turn * turn).sum()), dtype=np.float32)
