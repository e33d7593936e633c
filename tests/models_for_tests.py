"""Real models, small and untrained, for the tests of embedding and re-ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "query",
    ":",
    *"電力人材施設送工冷却水年月計算大二三四五0123456789",
)


def tokenizer() -> Any:
    """Return a tokeniser that reads the characters of `WORDS`, each by itself."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel

    made = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return made


def static(folder: Path, *, seed: int = 7, dim: int = 16) -> Path:
    """Write a sentence-transformers model of one table, with a query prompt, and return its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    weights = torch.randn((len(WORDS), dim), generator=torch.Generator().manual_seed(seed))
    table = StaticEmbedding(tokenizer(), embedding_weights=weights)
    SentenceTransformer(modules=[table], prompts={"query": "query: "}, device="cpu").save(
        str(folder), create_model_card=False
    )
    return folder


def cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """Write a BERT of one layer that scores pairs, and return its folder."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=128,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    special = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), WORDS, strict=False))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer(), model_max_length=128, **special).save_pretrained(folder)
    return folder
