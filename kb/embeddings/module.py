"""A static model as a module of sentence-transformers: the only file here that imports torch.

`SentenceTransformer(folder, trust_remote_code=True)` finds the class by the name
in the folder's `modules.json`. The interface is that of custom modules in
sentence-transformers 6 (https://sbert.net/docs/sentence_transformer/usage/custom_models.html).
The table is a parameter, so the model can be trained further and saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.modules import InputModule

from kb.embeddings.folder import read_model, write_model
from kb.embeddings.lexicon import StaticModel
from kb.embeddings.negation import polarity_axis
from kb.embeddings.static import folded, word_counts, word_parts
from kb.errors import ModelError


class StaticWords(InputModule):
    """Sums word vectors and scales to length 1: what `StaticEncoder` does, in torch."""

    def __init__(self, model: StaticModel) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model = model = model.ready()
        self.embedding = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(model.table), freeze=False, mode="sum")

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor | Any]:
        """Return the table rows of all words of `inputs` in one run, where each text begins, and the spellings."""
        rows: list[int] = []
        factors: list[float] = []
        starts: list[int] = []
        denied: list[bool] = []
        written = np.zeros((len(inputs), self.model.dim), np.float32)
        negation = self.model.negation if kwargs.get("task") is None else None  # as for kind="similarity"
        for place, text in enumerate(inputs):
            starts.append(len(rows))
            plain = folded((prompt or "") + text)
            counts = word_counts(plain)
            for word, count in counts.items():
                parts = word_parts(self.model, word)
                rows += [row for row, _ in parts.rows]
                factors += [factor * count**0.5 for _, factor in parts.rows]
                written[place] += parts.written(self.model.dim) * np.float32(count**0.5)
            if negation is not None:
                denied.append(negation.denied(plain, counts))
        features = {
            "input_ids": torch.tensor(rows, dtype=torch.long),
            "offsets": torch.tensor(starts, dtype=torch.long),
            "factors": torch.tensor(factors, dtype=torch.float32),
            "written": torch.from_numpy(written),
        }
        return features if negation is None else {**features, "denied": torch.tensor(denied)}

    def forward(self, features: dict[str, torch.Tensor | Any], **kwargs: Any) -> dict[str, torch.Tensor | Any]:
        """Add `sentence_embedding` (n, dim), each row of length 1 or 0, to what `preprocess` returned."""
        kind = self.embedding.weight.dtype
        known = self.embedding(
            features["input_ids"], features["offsets"], per_sample_weights=features["factors"].to(kind)
        )
        made = torch.nn.functional.normalize(known + features["written"].to(kind), dim=1)
        if "denied" in features:
            made = self._told(made, features["denied"])
        features["sentence_embedding"] = made
        return features

    def _told(self, made: torch.Tensor, denied: torch.Tensor) -> torch.Tensor:
        """Do what `Negation.told` does, so that it can be trained through."""
        share = self.model.negation.share if self.model.negation else 0.0
        axis = torch.from_numpy(polarity_axis(self.model.dim)).to(made)
        plain = torch.nn.functional.normalize(made - (made @ axis)[:, None] * axis, dim=1)
        sides = torch.where(denied, -1.0, 1.0).to(made) * made.any(dim=1)
        mixed: torch.Tensor = (1 - share) ** 0.5 * plain + share**0.5 * sides[:, None] * axis
        return mixed

    def get_embedding_dimension(self) -> int:
        """Return the length of a vector."""
        return self.model.dim

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Write the model, with the table as it is now, below `output_path`."""
        table = self.embedding.weight.detach().cpu().float().numpy()
        write_model(Path(output_path), replace(self.model, table=table))

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        init_defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> StaticWords:
        """Return the module saved below a folder, or in a repository of the Hugging Face Hub.

        Raises:
            ModelError: it is missing or damaged.
        """
        folder = cls.load_dir_path(
            model_name_or_path,
            subfolder=subfolder,
            token=token,
            cache_folder=cache_folder,
            revision=revision,
            local_files_only=local_files_only,
        )
        if folder is None:
            raise ModelError(f"{model_name_or_path}: holds no model of kb; export it again")
        return cls(read_model(Path(folder)))
