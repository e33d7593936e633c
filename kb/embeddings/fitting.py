"""What data/encoder.npz holds: word vectors fitted to be summed and compared. Made once, read at every start.

Word vectors know in which surroundings a word stands. So they take words that
exclude one another (red and white, man and woman) for near, and lay apart what
differs in style alone. Two sources know better, and no labelled text is needed:
the synonym groups of Sudachi's dictionary, and the sets of data/contrasts.toml.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.config import resource
from kb.embeddings.encoder import Vectors
from kb.embeddings.lexicon import Lexicon, Mixtures
from kb.embeddings.murmur import word_key
from kb.embeddings.weighting import Whitening
from kb.errors import DataFileError

Groups = list[list[int]]  # rows that may stand for one another, a list a group
Sets = list[list[list[int]]]  # a list of values a set, a list of rows a value
_LIGHT = ("動詞", "非自立可能")  # する, ある, いる, 乗る: verbs that also serve as auxiliaries
_LONG = 100  # characters; no word of a dictionary


class Pulls(NamedTuple):
    """How far words are moved; see data/encoder.toml."""

    synonyms: float
    noise: float
    power: float
    alike: float
    apart: float


class Words(NamedTuple):
    """What a dictionary says of the words of a table: synonym groups of rows, and the keys of light verbs."""

    groups: Groups
    light: NDArray[np.uint64]


def read_words(strings: Path, lexicon: Lexicon) -> Words:
    """Read the words of the table in `strings` (spaCy's strings.json) with Sudachi; takes ten seconds.

    A word in several groups counts for each of them; words in Latin letters do
    not: most of those are abbreviations of many things.

    Raises:
        DataFileError: `strings` is missing or damaged.
    """
    from sudachipy import SplitMode, dictionary

    try:
        words = json.loads(strings.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataFileError(f"{strings}: cannot be read ({error}); reinstall ja-ginza") from error
    tokenizer = dictionary.Dictionary(dict="core").create(mode=SplitMode.C)
    groups: dict[int, dict[int, None]] = {}
    light: set[int] = set()
    for word in words:
        entry = lexicon.find(word)
        found = list(tokenizer.tokenize(word)) if entry is not None and len(word) < _LONG else []
        if entry is None or len(found) != 1:
            continue
        if tuple(found[0].part_of_speech()[:2]) == _LIGHT:
            light.add(word_key(found[0].normalized_form()))
        if not entry.shared and not word.isascii():
            for group in found[0].synonym_group_ids():
                groups.setdefault(group, {})[entry.row] = None
    several = [list(rows) for _, rows in sorted(groups.items()) if len(rows) > 1]
    return Words(several, np.array(sorted(light), np.uint64))


def read_contrasts(lexicon: Lexicon, path: Path | None = None) -> Sets:
    """Return the sets of data/contrasts.toml, or another file of that form, as rows; words without one are left out.

    Raises:
        DataFileError: it is missing, is not TOML, or holds something else than lists of words.
    """
    from kb.text import normal_forms

    path = path or resource("data", "contrasts.toml")
    try:
        listed = tomllib.loads(path.read_text("utf-8"))["sets"]
        spelt = [[str(value).split() for value in values] for values in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFileError(f"{path}: cannot be read as sets of words ({error!r})") from error

    def row(word: str) -> int | None:
        forms = normal_forms(word)
        entry = lexicon.find(forms[0]) if len(forms) == 1 else None
        return entry.row if entry and not entry.shared else None

    sets = [[sorted({r for word in value if (r := row(word)) is not None}) for value in values] for values in spelt]
    filled = [[value for value in values if value] for values in sets]
    return [values for values in filled if len(values) > 1]


def fit_pulls(
    table: Vectors, whitening: Whitening, groups: Groups, sets: Sets, pulls: Pulls
) -> tuple[Whitening, Mixtures]:
    """Return a whitening and mixtures that make the rows of `table` (r, dim) fit to be compared.

    Three steps. Synonyms are drawn to their middle (retrofitting: Faruqui et
    al., "Retrofitting word vectors to semantic lexicons", 2015). Directions in
    which synonyms differ are made smaller (within-class covariance
    normalisation: Hatch, Kajarekar and Stolcke 2006). Words that exclude one
    another lose what their set has in common (after Mrkšić et al.,
    "Counter-fitting word vectors to linguistic constraints", 2016, here in
    closed form). All are linear, so a moved row is a weighted sum of whitened
    rows, and the table itself need not be stored.
    """
    ready = whitening.table(table)
    drawn = _drawn(ready, groups, pulls.synonyms)
    quiet = _quieting(ready, groups, pulls)
    moved = drawn.table(ready) @ quiet
    scale = np.float32(np.sqrt(np.einsum("ij,ij->i", moved, moved).mean()))
    fitted = Whitening(whitening.mean, np.asarray(whitening.root @ quiet / scale, dtype=np.float32))
    return fitted, _contrasted(moved / scale, drawn, sets, pulls)


def _drawn(ready: Vectors, groups: Groups, pull: float) -> Mixtures:
    """Return the mixtures that draw each row by `pull` to the middle of its groups, its length unchanged."""
    shares: dict[int, dict[int, float]] = {}
    memberships: dict[int, int] = {}
    for rows in groups:
        for row in rows:
            memberships[row] = memberships.get(row, 0) + 1
    for rows in groups:
        for row in rows:
            share = shares.setdefault(row, {row: 1 - pull})
            for part in rows:
                share[part] = share.get(part, 0.0) + pull / (memberships[row] * len(rows))
    for row, share in shares.items():
        made = np.array(list(share.values()), np.float32) @ ready[list(share)]
        factor = float(np.linalg.norm(ready[row]) / np.linalg.norm(made))
        shares[row] = {part: factor * own for part, own in share.items()}
    return _mixtures(shares)


def _quieting(ready: Vectors, groups: Groups, pulls: Pulls) -> Vectors:
    """Return the map (dim, dim) that makes small the directions in which the words of a group differ."""
    apart = [(ready[rows] - ready[rows].mean(axis=0)) / np.sqrt(len(rows) - 1) for rows in groups]
    noise = np.concatenate([np.zeros((1, ready.shape[1]), np.float32), *apart]).astype(np.float64)
    values, axes = np.linalg.eigh(noise.T @ noise)
    level = float(values.mean()) or 1.0
    kept = (np.maximum(values, 0) / level + pulls.noise) ** -pulls.power
    return np.asarray((axes * kept) @ axes.T, dtype=np.float32)


def _contrasted(moved: Vectors, drawn: Mixtures, sets: Sets, pulls: Pulls) -> Mixtures:
    """Return `drawn`, with the words of `sets` drawn to the others of their value and pushed from the other values.

    Of what a word of several sets is moved, the mean counts. Lengths stay.
    """
    steps: dict[int, list[dict[int, float]]] = {}
    for values in sets:
        common = {row: 1 / (len(values) * len(value)) for value in values for row in value}
        for value in values:
            for row in value:
                step = {part: -pulls.apart * share for part, share in common.items()}
                for part in value:
                    step[part] += pulls.alike / len(value)
                step[row] -= pulls.alike
                steps.setdefault(row, []).append(step)
    lengths = np.sqrt(np.einsum("ij,ij->i", moved, moved))
    shares = {row: _shares(drawn, row) for row in drawn.rows.tolist()}
    found: dict[int, dict[int, float]] = {}
    for row, several in steps.items():
        whole = {row: 1.0}
        for step in several:
            for part, share in step.items():
                whole[part] = whole.get(part, 0.0) + share / len(several)
        made = np.array([share / lengths[part] for part, share in whole.items()], np.float32) @ moved[list(whole)]
        factor = float(lengths[row] / np.linalg.norm(made))
        mixed: dict[int, float] = {}
        for part, share in whole.items():
            for source, own in shares.get(part, {part: 1.0}).items():
                mixed[source] = mixed.get(source, 0.0) + factor * share / float(lengths[part]) * own
        found[row] = mixed
    return _mixtures({**shares, **found})


def _shares(mixtures: Mixtures, row: int) -> dict[int, float]:
    parts, factors = mixtures.of(row) or (np.array([row], np.int32), np.ones(1, np.float32))
    return dict(zip(parts.tolist(), factors.tolist(), strict=True))


def _mixtures(shares: dict[int, dict[int, float]]) -> Mixtures:
    rows = sorted(shares)
    sizes: Sequence[int] = [len(shares[row]) for row in rows]
    parts: Iterable[int] = (part for row in rows for part in shares[row])
    factors: Iterable[float] = (factor for row in rows for factor in shares[row].values())
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return Mixtures(np.array(rows, np.int32), starts, np.fromiter(parts, np.int32), np.fromiter(factors, np.float32))
