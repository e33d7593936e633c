"""A static model as a module of sentence-transformers: the only file here that imports torch.

`SentenceTransformer(folder, trust_remote_code=True)` finds the class by the name
in the folder's `modules.json`. The interface is that of custom modules in
sentence-transformers 6 (https://sbert.net/docs/sentence_transformer/usage/custom_models.html).
The table is a parameter, so the model can be trained further and saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.modules import InputModule

from kb.embeddings.encoder import Vectors
from kb.embeddings.folder import read_model, write_model
from kb.embeddings.lexicon import StaticModel
from kb.embeddings.spelling import spelling_vector
from kb.embeddings.static import word_counts, word_parts
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
        spelt = np.zeros((len(inputs), self.model.dim), np.float32)
        for place, text in enumerate(inputs):
            starts.append(len(rows))
            for word, count in word_counts((prompt or "") + text).items():
                parts = word_parts(self.model, word)
                rows += [row for row, _ in parts.rows]
                factors += [factor * count**0.5 for _, factor in parts.rows]
                spelt[place] += self._spelt(parts.spellings) * np.float32(count**0.5)
        return {
            "input_ids": torch.tensor(rows, dtype=torch.long),
            "offsets": torch.tensor(starts, dtype=torch.long),
            "factors": torch.tensor(factors, dtype=torch.float32),
            "spellings": torch.from_numpy(spelt),
        }

    def _spelt(self, spellings: tuple[tuple[str, float], ...]) -> Vectors:
        vector = np.zeros(self.model.dim, np.float32)
        for word, factor in spellings:
            vector += np.float32(factor) * spelling_vector(word, self.model.dim)
        return vector

    def forward(self, features: dict[str, torch.Tensor | Any], **kwargs: Any) -> dict[str, torch.Tensor | Any]:
        """Add `sentence_embedding` (n, dim), each row of length 1 or 0, to what `preprocess` returned."""
        kind = self.embedding.weight.dtype
        known = self.embedding(
            features["input_ids"], features["offsets"], per_sample_weights=features["factors"].to(kind)
        )
        features["sentence_embedding"] = torch.nn.functional.normalize(known + features["spellings"].to(kind), dim=1)
        return features

    def get_embedding_dimension(self) -> int:
        """Return the length of a vector."""
        return self.model.dim

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Write the model, with the table as it is now, below `output_path`."""
        table = self.embedding.weight.detach().cpu().float().numpy()
        write_model(Path(output_path), StaticModel(self.model.lexicon, table, self.model.spelling))

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
