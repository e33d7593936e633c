"""How a sentence-transformers model is to be used, written into the one string that it is loaded by.

`owner/model@commit?dim=256&query_prompt=query%3A+` is what a database keeps of
a model, so that builds, searches and comparisons all use it in the same way.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from kb.config import NORMALISER_VERSION
from kb.errors import UsageError

_NUMBERS = ("dim", "batch_size")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What may be set about a model.

    `query_prompt` and `document_prompt` stand before each text (None: those of
    the model's own configuration). `dim` keeps only the first so many numbers
    of a vector, for models trained to be cut (Kusupati et al. 2022,
    "Matryoshka representation learning"). `batch_size` is how many texts are
    embedded at once. `content` is the hash that a folder must still have.
    """

    query_prompt: str | None = None
    document_prompt: str | None = None
    dim: int | None = None
    batch_size: int | None = None
    content: str | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} {value}: must be 1 or more")

    def mark(self) -> str:
        """Return what to add to a revision: different wherever the vectors of documents are, "" where nothing is set.

        The query's prompt changes no stored vector and is left out.
        """
        parts = {}
        if self.document_prompt is not None:
            parts["p"] = self.document_prompt
        if self.dim is not None:
            parts["d"] = str(self.dim)
        if NORMALISER_VERSION > 1:  # what is not marked was made by the first
            parts["n"] = str(NORMALISER_VERSION)
        return f"+{urlencode(parts)}" if parts else ""


def join(name: str, options: ModelOptions) -> str:
    """Return what `split` takes apart: `name` alone where nothing is set."""
    given = {key: value for key, value in asdict(options).items() if value is not None}
    return f"{name}?{urlencode(given)}" if given else name


def split(source: str) -> tuple[str, ModelOptions]:
    """Return the folder or name in `source`, and the options that follow it.

    Raises:
        UsageError: an option that there is not, or a value that makes no sense.
    """
    if "?" not in source or Path(source).is_dir():
        return source, ModelOptions()
    name, _, query = source.rpartition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [key for key in given if key not in ModelOptions.__dataclass_fields__]
    if unknown or not given:
        raise UsageError(f"{source}: {unknown[0] if unknown else query!r} is no option of a model")
    wrong = [key for key in _NUMBERS if key in given and not given[key].isdecimal()]
    if wrong:
        raise UsageError(f"{source}: {wrong[0]} must be a number")
    numbers = {key: int(given.pop(key)) for key in _NUMBERS if key in given}
    return name, ModelOptions(**given, **numbers)  # type: ignore[arg-type]  # the keys were checked above
