"""A static model as a folder: one that sentence-transformers loads, and that `kb` loads without torch.

`vectors.npy` is the table, `words.npz` the lexicon, `kb_encoder.json` what else
decides the vectors; the other files are those that sentence-transformers reads.
Nothing in it points outside the folder.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kb.embeddings.default import tokeniser_revision
from kb.embeddings.lexicon import Lexicon, StaticModel
from kb.embeddings.negation import Negation
from kb.embeddings.static import StaticEncoder
from kb.errors import ModelError

MARKER = "kb_encoder.json"
_TABLE, _WORDS = "vectors.npy", "words.npz"
_FORMAT = 2
_COLUMNS = {"keys": np.uint64, "rows": np.int32, "weights": np.float32, "shared": np.bool_, "whole": np.bool_}
_MODULE = "kb.embeddings.module.StaticWords"
_CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
language: [ja, en]
license: apache-2.0
---
# Static word vectors for Japanese

Written by `kb`. Load it with `SentenceTransformer(folder, trust_remote_code=True)` where `kb` is installed
(sentence-transformers asks for that flag before it runs any module that is not its own), or with
`kb.embeddings.load(folder)`, which needs no torch.

Word vectors: chiVe (Works Applications, Apache-2.0) by way of ja-ginza (Megagon Labs, MIT).
"""


def is_static_folder(path: Path) -> bool:
    """Tell whether `path` is a folder that `write_folder` wrote."""
    return (path / MARKER).is_file()


def write_folder(path: Path, model: StaticModel) -> Path:
    """Write `model` below `path` with all that sentence-transformers needs, and return `path`.

    Raises:
        ModelError: `path` is a file, holds something else, or cannot be written.
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not is_static_folder(path)):
        raise ModelError(f"{path}: is not empty and no earlier export; name a new folder")
    settings = {
        "__version__": {},
        "model_type": "SentenceTransformer",
        "prompts": {"document": "", "query": ""},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_model(path, model)
        (path / "README.md").write_text(_CARD, "utf-8")
        (path / "config_sentence_transformers.json").write_text(json.dumps(settings, indent=2), "utf-8")
        modules = [{"idx": 0, "name": "0", "path": "", "type": _MODULE}]
        (path / "modules.json").write_text(json.dumps(modules, indent=2), "utf-8")
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror or error})") from error
    return path


def write_model(path: Path, model: StaticModel) -> None:
    """Write the files below `path` that decide the vectors; the marker last, so that half a model is none."""
    model = model.ready()
    negation = model.negation
    (path / MARKER).unlink(missing_ok=True)
    np.save(path / _TABLE, model.table, allow_pickle=False)
    np.savez(path / _WORDS, allow_pickle=False, **{name: getattr(model.lexicon, name) for name in _COLUMNS})
    marker = {
        "format": _FORMAT,
        "dim": model.dim,
        "words": len(model.lexicon.keys),
        "spelling": model.spelling,
        "letters": model.letters,
        "negation": negation and {**asdict(negation), "words": sorted(negation.words)},
        "tokeniser": tokeniser_revision(),
    }
    (path / MARKER).write_text(json.dumps(marker, indent=2), "utf-8")


def read_model(path: Path) -> StaticModel:
    """Read what `write_model` wrote below `path`.

    Raises:
        ModelError: a file is missing, damaged, or of a later format.
    """
    try:
        marker = json.loads((path / MARKER).read_text("utf-8"))
        if marker["format"] != _FORMAT:
            age = "a newer kb; upgrade kb" if marker["format"] > _FORMAT else "an older kb; export it again"
            raise ModelError(f"{path}: was written by {age}")
        table = np.load(path / _TABLE, allow_pickle=False)
        with (path / _WORDS).open("rb") as file, np.load(file, allow_pickle=False) as words:
            columns: dict[str, Any] = {name: np.asarray(words[name], dtype=kind) for name, kind in _COLUMNS.items()}
        spelling, letters = float(marker["spelling"]), float(marker["letters"])
        negation = _negation(marker["negation"])
        sizes = {len(column) for column in columns.values()}
        fits = table.ndim == 2 and table.shape[1] == marker["dim"] and sizes == {marker["words"]}
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: the model is damaged ({_first_line(error)}); export it again") from error
    rows = columns["rows"]
    if not fits or not 0 <= spelling <= 1 or (len(rows) and not 0 <= rows.min() <= rows.max() < len(table)):
        raise ModelError(f"{path}: the model is damaged (its files do not fit each other); export it again")
    table = np.asarray(table, dtype=np.float32)
    return StaticModel(Lexicon(**columns), table, spelling, letters=letters, negation=negation)


def _negation(stored: dict[str, Any] | None) -> Negation | None:
    if stored is None:
        return None
    return Negation(float(stored["share"]), frozenset(stored["words"]), tuple(stored["idioms"]))


def load_folder(path: Path) -> StaticEncoder:
    """Return the encoder that `write_folder` wrote to `path`; torch is not needed.

    Raises:
        ModelError: the folder is damaged.
    """
    model = read_model(path)
    digest = hashlib.blake2b(digest_size=8)
    for name in (MARKER, _TABLE, _WORDS):
        digest.update((path / name).read_bytes())
    return StaticEncoder(model, name=str(path), revision=f"{digest.hexdigest()}+{tokeniser_revision()}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
