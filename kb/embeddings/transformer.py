"""Any sentence-transformers model, by folder or by its name on the Hugging Face Hub.

torch is imported when one is loaded, not before.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.embeddings.encoder import TextKind, Vectors, as_batch, unit
from kb.embeddings.options import ModelOptions, split
from kb.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

_BATCH = 32
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the order in which sentence-transformers takes them
_HUB_SECONDS = 5.0
_HUB_ORGANIZATION = "sentence-transformers"  # where sentence-transformers looks for a name without an owner
_UNSTORED = {".git", ".cache"}  # not part of a model's content
_SIGNS_OF_LIFE = ("modules.json", "config.json")
# What sentence-transformers, transformers and torch raise for a file that is missing, cut off or of another kind.
_FAULTS = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ImportError, RuntimeError)


class TransformerEncoder:
    """Wraps a `SentenceTransformer`. Vectors have length 1; prompts are the model's own, or those of `options`."""

    def __init__(
        self, model: SentenceTransformer, *, name: str, revision: str, options: ModelOptions | None = None
    ) -> None:
        """Wrap `model`; raises ModelError if it makes fewer numbers than `options.dim` asks for."""
        self.model = model
        self.name = name
        options = options or ModelOptions()
        self.revision = revision + options.mark()
        dim = model.get_embedding_dimension()
        whole = int(dim) if dim else int(np.shape(model.encode("a", show_progress_bar=False))[-1])
        if options.dim is not None and options.dim > whole:
            raise ModelError(f"{name}: makes vectors of {whole} numbers, which cannot be cut to {options.dim}")
        self.dim = options.dim or whole
        self._batch = options.batch_size or _BATCH
        given = {"query": options.query_prompt, "document": options.document_prompt}
        model.prompts = {**model.prompts, **{kind: prompt for kind, prompt in given.items() if prompt is not None}}

    def __repr__(self) -> str:
        return f"<TransformerEncoder {self.name!r} {self.revision} dim={self.dim}>"

    @property
    def prompts(self) -> dict[str, str]:
        """What stands before a query and before a document, by kind; "" where nothing does."""
        held = self.model.prompts
        plain = held.get(self.model.default_prompt_name or "")
        documents = (held[name] for name in _DOCUMENT_PROMPTS if name in held)
        return {"query": held.get("query", plain) or "", "document": next(documents, plain) or ""}

    def encode(self, texts: str | Sequence[str], *, kind: TextKind = "similarity") -> Vectors:
        """Return one vector a text: (n, dim) float32, length 1; the empty text's is whatever the model makes of it.

        Only queries are told apart: texts to be compared get the document's prompt.

        Raises:
            UsageError: anything but strings.
            ModelError: the model makes something that is not a number, as one with damaged weights does.
        """
        batch = as_batch(texts, kind)
        if not batch:
            return np.zeros((0, self.dim), np.float32)
        encode = self.model.encode_query if kind == "query" else self.model.encode_document
        vectors = encode(batch, batch_size=self._batch, show_progress_bar=False, convert_to_numpy=True)
        found = np.asarray(vectors, dtype=np.float32)[:, : self.dim]
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name}: makes vectors with values that are no numbers; its weights may be damaged")
        return unit(found)


def load_transformer(name: str, *, device: str | None = None) -> TransformerEncoder:
    """Return the model in the folder `name`, or of that name on the Hugging Face Hub.

    `owner/model@revision` names a revision (a commit, a tag); `?dim=256` and
    the other options of `kb.embeddings.options` may follow either. A model of
    the Hub is taken from the disk if it is there, else downloaded; the commit
    is recorded either way. Code that comes with a model is never run.

    Raises:
        ModelError: no such model, no network and nothing on the disk, or a damaged folder.
        UsageError: an option that there is not.
    """
    from sentence_transformers import SentenceTransformer

    place, options = split(name)
    model, revision = _load(SentenceTransformer, place, device, options.content)
    return TransformerEncoder(model, name=name, revision=revision, options=options)


def load_cross_encoder(name: str, *, device: str | None = None) -> CrossEncoder:
    """Return a cross-encoder: a model that reads a query and a text together and says how well they go together.

    `name` is as for `load_transformer`, without options, and so are the errors.
    """
    from sentence_transformers import CrossEncoder

    model: CrossEncoder = _load(CrossEncoder, name, device, None)[0]
    made = getattr(model.config, "architectures", None) or ()
    if made and all(one.endswith("Model") for one in made):  # without a head: the scores would be random
        raise ModelError(f"{name}: is no cross-encoder but a model of another kind ({', '.join(made)})")
    return model


def _load(kind: Any, name: str, device: str | None, content: str | None) -> tuple[Any, str]:
    """Return a model of the class `kind`, and its revision. A folder must have the hash `content`, if one is given."""
    folder = Path(name)
    if name and folder.is_dir():
        revision = _content_revision(folder)
        if content is not None and revision != content:
            raise ModelError(f"{name}: has changed since it was added; add it again with 'kb model add', or drop it")
        return _open(kind, str(folder), name, device=device, local=True), revision
    if content is not None:
        raise ModelError(f"{name}: the folder of this model is gone; put it back, or drop it with 'kb model drop'")
    repository, _, wanted = name.partition("@")
    if repository and "/" not in repository:
        repository = f"{_HUB_ORGANIZATION}/{repository}"
    commit = _commit_on_disk(repository, name, wanted or None)
    if commit:
        try:
            return _open(kind, repository, name, commit, device=device, local=True), commit
        except ModelError as fault:  # perhaps a download that was cut off: the Hub, if it answers, completes it
            try:
                commit = _commit_on_hub(repository, name, wanted or None)
            except ModelError:
                raise fault from None
    else:
        commit = _commit_on_hub(repository, name, wanted or None)
    return _open(kind, repository, name, commit, device=device, local=False), commit


def _open(kind: Any, source: str, name: str, revision: str | None = None, *, device: str | None, local: bool) -> Any:
    """Return the model at `source`, a folder or a repository; with `local` the network is not asked."""
    from transformers.utils import logging

    progress: Any = logging  # has no types
    bars = progress.is_progress_bar_enabled()
    progress.disable_progress_bar()  # it writes to standard error, in pipes too
    loggers = [(logger, logger.level) for logger in map(getLogger, ("transformers", "sentence_transformers"))]
    for logger, _ in loggers:  # what is wrong is told in one line, by us
        logger.setLevel(ERROR)
    try:
        model = kind(source, revision=revision, device=device, local_files_only=local)
        model.eval()
    except Exception as error:
        # tokenizers and safetensors, written in Rust, raise Exception itself or a direct child of it.
        if not isinstance(error, _FAULTS) and Exception not in type(error).__mro__[:2]:
            raise
        raise ModelError(f"{name}: cannot be loaded as a model: {_reason(error)}") from error
    finally:
        for logger, level in loggers:
            logger.setLevel(level)
        if bars:
            progress.enable_progress_bar()
    return model


def _commit_on_disk(repository: str, name: str, wanted: str | None) -> str | None:
    """Return the commit of the copy of `repository` in the Hub's cache, None where there is no copy.

    Raises:
        ModelError: `repository` cannot be a name, a path with a slip in it for instance.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    cache = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    for sign in _SIGNS_OF_LIFE:
        try:
            found = try_to_load_from_cache(repository, sign, cache_dir=cache, revision=wanted)
        except HFValidationError as error:
            raise ModelError(
                f"{name!r}: is no folder of a model; give a folder, or a name such as owner/model"
            ) from error
        if isinstance(found, str):
            return Path(found).parent.name
    return None


def _commit_on_hub(repository: str, name: str, wanted: str | None) -> str:
    """Return the commit of `repository` on the Hub, asked once and not for long.

    Raises:
        ModelError: the Hub cannot be reached, or does not have it.
    """
    from huggingface_hub import HfApi, constants, errors

    unreachable: type[Exception] = getattr(errors, "HTTPError", OSError)  # of the HTTP library that the client uses

    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"{name}: is not on the disk, and HF_HUB_OFFLINE forbids to download it")
    try:
        commit = HfApi().model_info(repository, revision=wanted, timeout=_HUB_SECONDS).sha
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(f"{name}: is not on the disk, and HF_HUB_OFFLINE forbids to download it") from error
    except errors.HfHubHTTPError as error:
        raise ModelError(f"{name}: cannot be had from the Hugging Face Hub: {_reason(error)}") from error
    except (OSError, unreachable) as error:
        raise ModelError(
            f"{name}: is not on the disk, and the Hugging Face Hub cannot be reached ({_reason(error)}); "
            "connect once, or give the folder of a model"
        ) from error
    if commit is None:
        raise ModelError(f"{name}: the Hugging Face Hub names no revision of it; give the folder of a model")
    return commit


def _content_revision(folder: Path) -> str:
    """Return a hash of all files of a model, so that an edit in place is noticed. Reads a gigabyte a second."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_file() and path.suffix != ".md" and not _UNSTORED & set(inner.parts):
            digest.update(f"{inner.as_posix()}\0{path.stat().st_size}\0".encode("utf-8", "surrogatepass"))
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _reason(error: BaseException) -> str:
    """Return the first line of an error's message."""
    text = str(error).strip()
    return text.splitlines()[0].strip() if text else type(error).__name__
