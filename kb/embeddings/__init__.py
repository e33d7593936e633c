"""Texts to vectors: a default encoder that needs no download, and any sentence-transformers model.

Importing this package costs next to nothing. The default encoder imports
NumPy and Sudachi when it is loaded; torch is imported only for a
sentence-transformers model.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kb.embeddings.blobs import from_blobs as from_blobs
    from kb.embeddings.blobs import to_blob as to_blob
    from kb.embeddings.encoder import Encoder as Encoder

__all__ = ["Encoder", "export", "from_blobs", "load", "to_blob"]
_PLACES = {
    "Encoder": "kb.embeddings.encoder",
    "from_blobs": "kb.embeddings.blobs",
    "to_blob": "kb.embeddings.blobs",
}


def load(name: str = "default", *, device: str | None = None) -> Encoder:
    """Return an encoder.

    Args:
        name: "default"; a folder that `export` wrote; or a sentence-transformers
            model, by folder or by its name on the Hugging Face Hub (looked for
            on the disk first).
        device: where a sentence-transformers model runs ("cpu", "cuda", ...);
            None takes a GPU where there is one. The others run on the CPU.

    Raises:
        ModelError: the model is missing, damaged, or cannot be had without a network.
    """
    from kb.embeddings.default import DEFAULT_NAME, load_default
    from kb.embeddings.folder import is_static_folder, load_folder

    name = os.fspath(name)
    if name == DEFAULT_NAME:
        return load_default()
    if is_static_folder(Path(name)):
        return load_folder(Path(name))
    from kb.embeddings.transformer import load_transformer

    return load_transformer(name, device=device)


def export(path: str | os.PathLike[str], *, name: str = "default") -> Path:
    """Write a static encoder as a sentence-transformers model and return its folder.

    `SentenceTransformer(path, trust_remote_code=True)` loads it and gives the
    same vectors wherever `kb` is installed; so does `load(path)`, without torch.

    Args:
        path: the folder to write; it may exist if it is empty or holds an earlier export.
        name: "default", or a folder that `export` wrote.

    Raises:
        ModelError: `path` holds something else, or `name` is no static encoder.
    """
    from kb.embeddings.folder import write_folder
    from kb.embeddings.static import StaticEncoder
    from kb.errors import ModelError

    encoder = load(name)
    if not isinstance(encoder, StaticEncoder):
        raise ModelError(f"{name}: is a sentence-transformers model already; copy its folder instead")
    return write_folder(Path(path), encoder.model)


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module 'kb.embeddings' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value
