"""What an encoder is trained on, and the rows of a trained one."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Select, delete, select

from kb.models import EncoderWord, Model, Passage, Post, Sentence
from kb.store.bulk import insert_rows


def said_in_order() -> Select[int, int, str, str]:
    """Select (post_id, paragraph, plain, passage kind) of every sentence, in an order that content alone decides."""
    return (
        select(Sentence.post_id, Sentence.paragraph, Sentence.plain, Passage.kind)
        .join(Passage, Passage.id == Sentence.passage_id)
        .join(Post, Post.id == Sentence.post_id)
        .order_by(Post.path, Sentence.position)
    )


def encoder_words(source: str) -> Select[str, bytes]:
    """Select (word, little-endian float16) of the trained model of that source, in order of the words."""
    return (
        select(EncoderWord.word, EncoderWord.vector)
        .join(Model, Model.id == EncoderWord.model_id)
        .where(Model.source == source)
        .order_by(EncoderWord.word)
    )


def put_encoder_words(connection: Connection, model_id: int, rows: Iterable[tuple[str, bytes]]) -> int:
    """Write (word, little-endian float16) of a trained model in place of all it had; return how many."""
    connection.execute(delete(EncoderWord).where(EncoderWord.model_id == model_id))
    made = [{"model_id": model_id, "word": word, "vector": vector} for word, vector in rows]
    insert_rows(connection, EncoderWord, made)
    return len(made)
