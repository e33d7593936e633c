"""What an encoder is trained on, and the rows of a trained one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from kb.models import EncoderWord, Model, Passage, Post, Sentence
from kb.store.bulk import insert_rows

CHOSEN = "chosen"  # in the settings of a model that a user switched to: a build leaves that alone
SENTENCES = "sentences"  # in those of a model that was trained, or tried in vain: how many there were then


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


def trained(name: str) -> Select[int, str, str, str, dict[str, Any], bool]:
    """Select (id, name, source, revision, settings, active) of the model of that name."""
    columns = (Model.id, Model.name, Model.source, Model.revision, Model.settings, Model.active)
    return select(*columns).where(Model.name == name)


def sentence_count() -> Select[int]:
    """Select how many sentences all posts hold."""
    return select(func.count()).select_from(Sentence)


def set_trained(connection: Connection, name: str, settings: Mapping[str, Any]) -> None:
    """Write what is noted about the model of that name."""
    connection.execute(update(Model).where(Model.name == name).values(settings=dict(settings)))


def rename_trained(connection: Connection, name: str, to: str) -> None:
    """Call a model by another name, its vectors and words staying its own."""
    connection.execute(update(Model).where(Model.name == name).values(name=to))


def drop_trained(connection: Connection, name: str) -> None:
    """Delete a model with its words and vectors."""
    connection.execute(delete(Model).where(Model.name == name))
