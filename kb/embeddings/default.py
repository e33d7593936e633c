"""The default encoder: chiVe word vectors from the ja-ginza package. Nothing is downloaded, nothing is trained."""

from __future__ import annotations

import hashlib
import re
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.config import NORMALISER_VERSION, resource
from kb.embeddings import fitting, ginza
from kb.embeddings.fitting import Pulls
from kb.embeddings.lexicon import NO_MIXTURES, Lexicon, Mixtures, StaticModel
from kb.embeddings.murmur import word_key
from kb.embeddings.negation import Negation
from kb.embeddings.static import StaticEncoder
from kb.embeddings.weighting import Whitening, fit_whitening, frequencies, sif_weights
from kb.errors import DataFileError

DEFAULT_NAME = "default"
SCHEME = 2  # raise it when the code here or below makes other vectors of the same data
_ASCII_SIGNS = tuple(chr(c) for c in range(0x21, 0x7F) if not chr(c).isalnum())


class Recipe(NamedTuple):
    """The numbers and words of data/encoder.toml."""

    a: float
    offset: float
    light: float
    spelling: float
    letters: float
    pulls: Pulls
    negation: Negation
    older_forms: dict[str, str]
    digest: str


def read_recipe(path: Path | None = None) -> Recipe:
    """Read data/encoder.toml, or another file of that form.

    Raises:
        DataFileError: it is missing, is not TOML, or lacks or garbles a value.
    """
    path = path or resource("data", "encoder.toml")
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw.decode("utf-8"))
        recipe = Recipe(
            a=float(data["weights"]["a"]),
            offset=float(data["weights"]["offset"]),
            light=float(data["weights"]["light"]),
            spelling=float(data["spelling"]["share"]),
            letters=float(data["spelling"]["letters"]),
            pulls=Pulls(**{name: float(data["pulls"][name]) for name in Pulls._fields}),
            negation=_negation(data["negation"]),
            older_forms={str(new): str(old) for new, old in data["older_forms"].items()},
            digest=hashlib.blake2b(raw.replace(b"\r\n", b"\n"), digest_size=4).hexdigest(),
        )
    except KeyError as error:
        raise DataFileError(f"{path}: the value {error} is missing; restore the file that kb ships") from error
    except (OSError, ValueError, TypeError, AttributeError, re.error) as error:
        raise DataFileError(f"{path}: cannot be read as TOML numbers and words ({error})") from error
    if not (recipe.a > 0 and recipe.offset > 0 and 0 <= recipe.spelling <= 1 and 0 <= recipe.negation.share <= 1):
        raise DataFileError(f"{path}: a and offset must be above 0, shares between 0 and 1")
    return recipe


def _negation(told: dict[str, Any]) -> Negation:
    idioms = tuple(str(one) for one in told["idioms"])
    re.compile("|".join(idioms))
    return Negation(float(told["share"]), frozenset(map(str, told["words"])), idioms)


class Fitted(NamedTuple):
    """What data/encoder.npz holds: the whitening, rows that are sums of rows, and the keys of light verbs."""

    whitening: Whitening
    mixtures: Mixtures
    light: NDArray[np.uint64]


def build_model(found: ginza.WordVectors, recipe: Recipe, fitted: Fitted | None = None) -> StaticModel:
    """Return the model that `recipe` makes of the vectors `found`.

    The rank of a word in the table stands for its frequency. A word beyond the
    table's own rows shares its row; today's normal forms and half-width signs
    become further words with the row of the form that the table knows. Without
    `fitted`, the rows are whitened and no more.
    """
    share = frequencies(len(found.keys), recipe.offset)
    weights = sif_weights(share, recipe.a)
    if fitted is None:
        plain = fit_whitening(found.table, found.rows, share * np.square(weights, dtype=np.float64))
        fitted = Fitted(plain, NO_MIXTURES, np.empty(0, np.uint64))
    shared = np.arange(len(found.keys)) != found.rows
    lexicon = Lexicon.of(found.keys, found.rows, weights, shared).lighter(fitted.light, recipe.light)
    lexicon = _with_other_forms(lexicon, recipe)
    return StaticModel(
        lexicon,
        found.table,
        recipe.spelling,
        fitted.whitening,
        fitted.mixtures,
        letters=recipe.letters,
        negation=recipe.negation,
    )


def _with_other_forms(lexicon: Lexicon, recipe: Recipe) -> Lexicon:
    renamed = {**recipe.older_forms, **{sign: chr(ord(sign) + 0xFEE0) for sign in _ASCII_SIGNS}}
    known = {new: lexicon.find(old) for new, old in renamed.items() if lexicon.find(new) is None}
    extra = {np.uint64(word_key(new)): entry for new, entry in known.items() if entry}
    return lexicon.with_entries(extra) if extra else lexicon


def fit(path: Path | None = None) -> Path:
    """Fit the installed vectors and write data/encoder.npz, or `path`.

    To be run when data/encoder.toml, data/contrasts.toml or the version of
    ja-ginza changes; takes twenty seconds. Without the file, or with one that
    does not fit, each start takes a quarter of a second more, and the vectors
    are whitened only.
    """
    path = path or resource("data", "encoder.npz")
    vocab, recipe = ginza.find_vocab(), read_recipe()
    found = ginza.read_vectors(vocab)
    plain = build_model(found, recipe)
    if plain.whitening is None:
        raise AssertionError("a model built without a fitted file has worked out its whitening")
    words = fitting.read_words(vocab / "strings.json", plain.lexicon)
    sets = fitting.read_contrasts(plain.lexicon)
    whitening, mixtures = fitting.fit_pulls(found.table, plain.whitening, words.groups, sets, recipe.pulls)
    np.savez_compressed(
        path,
        allow_pickle=False,
        fits=_fits(found, recipe),
        mean=whitening.mean,
        root=whitening.root,
        light=words.light,
        rows=mixtures.rows.astype(np.uint16),
        starts=mixtures.starts,
        parts=mixtures.parts.astype(np.uint16),
        factors=mixtures.factors,
    )
    return path


def _fits(found: ginza.WordVectors, recipe: Recipe) -> NDArray[np.float64]:
    """Return the numbers that the file depends on: the recipe's, and checksums of the vectors and the contrasts."""
    some = found.table[:: max(1, len(found.table) // 100)]
    contrasts = resource("data", "contrasts.toml").read_bytes().replace(b"\r\n", b"\n")
    sums = [zlib.crc32(data) for data in (contrasts, *(column.tobytes() for column in (found.keys, found.rows, some)))]
    return np.array([recipe.a, recipe.offset, *recipe.pulls, *sums, *found.table.shape], np.float64)


def read_fitted(path: Path, found: ginza.WordVectors, recipe: Recipe) -> Fitted | None:
    """Return what `fit` wrote to `path`, None if there is nothing, or it was fitted to something else."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if not np.array_equal(stored["fits"], _fits(found, recipe)):
                return None
            rows, parts = (stored[name].astype(np.int32) for name in ("rows", "parts"))
            mixtures = Mixtures(rows, stored["starts"], parts, stored["factors"])
            return Fitted(Whitening(stored["mean"], stored["root"]), mixtures, stored["light"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None


def load_default() -> StaticEncoder:
    """Return the default encoder, in about a tenth of a second.

    Raises:
        ModelError: the vectors are not installed, or damaged.
        DataFileError: data/encoder.toml is missing or broken.
    """
    recipe = read_recipe()
    vocab = ginza.find_vocab()
    found, path = ginza.read_vectors(vocab), resource("data", "encoder.npz")
    fitted = read_fitted(path, found, recipe)
    made = hashlib.blake2b(path.read_bytes(), digest_size=4).hexdigest() if fitted else "plain"
    revision = f"sif{SCHEME}-{recipe.digest}-{made}+{vocab.parent.name}+{tokeniser_revision()}"
    return StaticEncoder(build_model(found, recipe, fitted), name=DEFAULT_NAME, revision=revision)


def tokeniser_revision() -> str:
    """Return what decides the words of a text: the versions of Sudachi, its dictionary and our normalising."""
    sudachi, words = ginza.package_version("sudachipy"), ginza.package_version("sudachidict-core")
    return f"sudachi-{sudachi}+core-{words}+n{NORMALISER_VERSION}"
