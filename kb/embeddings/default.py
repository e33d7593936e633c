"""The default encoder: chiVe word vectors from the ja-ginza package. Nothing is downloaded, nothing is trained."""

from __future__ import annotations

import hashlib
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.config import NORMALISER_VERSION, resource
from kb.embeddings import ginza
from kb.embeddings.lexicon import Lexicon, StaticModel
from kb.embeddings.murmur import word_key
from kb.embeddings.static import StaticEncoder
from kb.embeddings.weighting import Whitening, fit_whitening, frequencies, sif_weights
from kb.errors import DataFileError

DEFAULT_NAME = "default"
SCHEME = 1  # raise it when the code here or below makes other vectors of the same data
_ASCII_SIGNS = tuple(chr(c) for c in range(0x21, 0x7F) if not chr(c).isalnum())


class Recipe(NamedTuple):
    """The numbers and words of data/encoder.toml."""

    a: float
    offset: float
    spelling: float
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
            spelling=float(data["spelling"]["share"]),
            older_forms={str(new): str(old) for new, old in data["older_forms"].items()},
            digest=hashlib.blake2b(raw.replace(b"\r\n", b"\n"), digest_size=4).hexdigest(),
        )
    except KeyError as error:
        raise DataFileError(f"{path}: the value {error} is missing; restore the file that kb ships") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataFileError(f"{path}: cannot be read as TOML numbers and words ({error})") from error
    if not (recipe.a > 0 and recipe.offset > 0 and 0 <= recipe.spelling <= 1):
        raise DataFileError(f"{path}: a and offset must be above 0, share between 0 and 1")
    return recipe


def build_model(found: ginza.WordVectors, recipe: Recipe, fitted: Path | None = None) -> StaticModel:
    """Return the model that `recipe` makes of the vectors `found`.

    The rank of a word in the table stands for its frequency. A word beyond the
    table's own rows shares its row; today's normal forms and half-width signs
    become further words with the row of the form that the table knows. The
    whitening is read from `fitted` if it was fitted to these vectors, and is
    worked out if not.
    """
    share = frequencies(len(found.keys), recipe.offset)
    weights = sif_weights(share, recipe.a)
    whitening = _read_whitening(fitted, found, recipe) if fitted else None
    if whitening is None:
        whitening = fit_whitening(found.table, found.rows, share * np.square(weights, dtype=np.float64))
    shared = np.arange(len(found.keys)) != found.rows
    lexicon = _with_other_forms(Lexicon.of(found.keys, found.rows, weights, shared), recipe)
    return StaticModel(lexicon, found.table, recipe.spelling, whitening)


def _with_other_forms(lexicon: Lexicon, recipe: Recipe) -> Lexicon:
    renamed = {**recipe.older_forms, **{sign: chr(ord(sign) + 0xFEE0) for sign in _ASCII_SIGNS}}
    known = {new: lexicon.find(old) for new, old in renamed.items() if lexicon.find(new) is None}
    extra = [(word_key(new), *entry) for new, entry in known.items() if entry]
    if not extra:
        return lexicon
    keys, rows, weights, shared = zip(*extra, strict=True)
    return Lexicon.of(
        np.concatenate([lexicon.keys, np.array(keys, np.uint64)]),
        np.concatenate([lexicon.rows, np.array(rows, np.int32)]),
        np.concatenate([lexicon.weights, np.array(weights, np.float32)]),
        np.concatenate([lexicon.shared, np.array(shared, np.bool_)]),
    )


def fit(path: Path | None = None) -> Path:
    """Work out the whitening of the installed vectors and write it to data/encoder.npz, or to `path`.

    To be run when data/encoder.toml or the version of ja-ginza changes. Without
    the file, or with one that does not fit, everything works, but each start
    takes a quarter of a second more, and many times that on a busy machine,
    where the threads of a linear algebra library wait for each other.
    """
    path = path or resource("data", "encoder.npz")
    found, recipe = ginza.read_vectors(ginza.find_vocab()), read_recipe()
    whitening = build_model(found, recipe).whitening
    if whitening is None:
        raise AssertionError("a model built without a fitted file has worked out its whitening")
    np.savez(path, allow_pickle=False, fits=_fits(found, recipe), mean=whitening.mean, root=whitening.root)
    return path


def _fits(found: ginza.WordVectors, recipe: Recipe) -> NDArray[np.float64]:
    """Return the numbers that a whitening depends on: the recipe's, and checksums of the vectors."""
    some = found.table[:: max(1, len(found.table) // 100)]
    sums = [zlib.crc32(column.tobytes()) for column in (found.keys, found.rows, some)]
    return np.array([recipe.a, recipe.offset, *sums, *found.table.shape], np.float64)


def _read_whitening(path: Path, found: ginza.WordVectors, recipe: Recipe) -> Whitening | None:
    """Return the whitening in `path`, None if there is none or it was fitted to something else."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if np.array_equal(stored["fits"], _fits(found, recipe)):
                return Whitening(stored["mean"], stored["root"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # it only saves time
    return None


def load_default() -> StaticEncoder:
    """Return the default encoder, in about a tenth of a second.

    Raises:
        ModelError: the vectors are not installed, or damaged.
        DataFileError: data/encoder.toml is missing or broken.
    """
    recipe = read_recipe()
    vocab = ginza.find_vocab()
    revision = f"sif{SCHEME}-{recipe.digest}+{vocab.parent.name}+{tokeniser_revision()}"
    model = build_model(ginza.read_vectors(vocab), recipe, resource("data", "encoder.npz"))
    return StaticEncoder(model, name=DEFAULT_NAME, revision=revision)


def tokeniser_revision() -> str:
    """Return what decides the words of a text: the versions of Sudachi, its dictionary and our normalising."""
    sudachi, words = ginza.package_version("sudachipy"), ginza.package_version("sudachidict-core")
    return f"sudachi-{sudachi}+core-{words}+n{NORMALISER_VERSION}"
