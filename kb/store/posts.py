"""Writing posts: a post is replaced whole, in one transaction with the claims it touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from kb.models import Draft, LedgerRow, Occurrence, Passage, Post, Sentence, SourceText
from kb.records import CLAIM_KINDS, Annotation, PostInfo, Source
from kb.records import LedgerRow as LedgerRecord
from kb.records import Sentence as SentenceRecord
from kb.store.bulk import insert_rows
from kb.store.claims import Changes, claim_row, in_list, language, put_claims, refresh
from kb.store.parts import Along
from kb.store.wordings import merged_into
from kb.text import short_key

Row = dict[str, Any]
_CHILDREN = (Occurrence, Sentence, Passage, Draft, LedgerRow, SourceText)  # children before parents


@dataclass(frozen=True, slots=True)
class PostRows:
    """One post as table rows without ids: what a reading process hands to the one that writes.

    `draft` of a passage and `passage` of a sentence are positions; `claim` of a
    sentence is a row of `claims`, or None. `said` holds the words of the
    sentences by the hash of their text: they are not stored.
    """

    post: Row
    text: str
    drafts: tuple[Row, ...]
    passages: tuple[Row, ...]
    sentences: tuple[Row, ...]
    ledger: tuple[Row, ...]
    along: tuple[Along, ...] = ()
    said: tuple[tuple[str, tuple[str, ...]], ...] = ()


def rows(source: Source, info: PostInfo, notes: Annotation, *, root: str, reading: str) -> PostRows:
    """Return the rows of a post: its sentences without those left out, and the passages they stand in.

    Args:
        source: the file; its path is the post's.
        info: what front matter and file name say.
        notes: how the text was read.
        root: the folder the post was found in.
        reading: fingerprint of the settings it was read with.
    """
    kept = [(notes.sentences[i], number) for number, group in enumerate(notes.article) for i in group]
    used = {s.passage for s, _ in kept}
    post = {
        "key": short_key("post", source.path),
        "path": source.path,
        "root": root,
        "title": _storable(info.title),
        "date": info.date,
        "author": _storable(info.author),
        "categories": _storable(info.categories),
        "tags": _storable(info.tags),
        "language": language(source.text[notes.body_start :]),
        "content_hash": source.content_hash,
        "reading": reading,
        "encoding": source.encoding,
        "body_start": notes.body_start,
        "front_matter": _storable(info.front_matter),
        "fault": _storable("; ".join(dict.fromkeys(f for f in (info.fault, notes.fault) if f))),
    }
    drafts = [
        {"position": i, "start": d.start, "end": d.end, "continues": d.continues, "truncated": d.truncated}
        for i, d in enumerate(notes.drafts)
    ]
    passages = [
        {
            "position": i,
            "draft": p.draft,
            "kind": p.kind,
            "level": p.level,
            "start": p.start,
            "end": p.end,
            "headings": list(p.headings),
            "lead": p.lead,
        }
        for i, p in enumerate(notes.passages)
        if i in used
    ]
    ledger = [_ledger(row) for row in notes.ledger]
    positions = {i: position for position, i in enumerate(i for group in notes.article for i in group)}
    leans = {positions[a]: positions[b] for a, b in notes.antecedents.items()}
    sentences = [_sentence(position, number, leans.get(position), s) for position, (s, number) in enumerate(kept)]
    return PostRows(post, source.text, tuple(drafts), tuple(passages), tuple(sentences), tuple(ledger))


def _ledger(row: LedgerRecord) -> Row:
    target = row.target or (None, None)
    return {
        "start": row.start,
        "end": row.end,
        "action": row.action,
        "reason": row.reason,
        "target_start": target[0],
        "target_end": target[1],
    }


def _storable(value: Any) -> Any:
    """Return front matter without lone surrogates, which YAML can spell but no database can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_storable(k): _storable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(v) for v in value]
    return value


def _sentence(position: int, paragraph: int, antecedent: int | None, s: SentenceRecord) -> Row:
    """Return a sentence's row; one that claims something carries that of the claim its wording makes."""
    label = s.label
    claim = None
    if label.kind in CLAIM_KINDS and s.wording:
        key = short_key("claim", s.wording)
        claim = claim_row(key, s.plain, label.kind, label.certainty, label.holder, language(s.plain))
    return {
        "position": position,
        "paragraph": paragraph,
        "antecedent": antecedent,
        "passage": s.passage,
        "start": s.start,
        "end": s.end,
        "spans": [list(span) for span in s.spans],
        "text": s.text,
        "plain": s.plain,
        "kind": label.kind,
        "certainty": label.certainty,
        "holder": label.holder,
        "cues": [cue._asdict() for cue in label.cues],
        "claim": claim,
    }


def replace(connection: Connection, batch: Sequence[PostRows]) -> Changes:
    """Write posts in place of what the database holds of them, and refresh the claims they touch."""
    if not batch:
        return Changes()
    paths = [post.post["path"] for post in batch]
    known = {p: i for i, p in connection.execute(select(Post.id, Post.path).where(in_list(Post.path, paths)))}
    touched = _clear(connection, list(known.values()))
    ids = _post_ids(connection, batch, known)
    connection.execute(insert(SourceText), [{"post_id": ids[p.post["path"]], "text": p.text} for p in batch])
    sentence_claims: list[tuple[Row, Row]] = []
    for model, made in _children(connection, batch, ids, sentence_claims).items():
        insert_rows(connection, model, made)
    # A wording that was merged before makes the claim it was merged into; the merge stage has the last word.
    into = merged_into(connection, {claim["key"] for _, claim in sentence_claims})
    heads = [str(into.get(claim["key"], claim["key"])) for _, claim in sentence_claims]
    wanted = [{**claim, "key": head} for (_, claim), head in zip(sentence_claims, heads, strict=True)]
    claim_ids = put_claims(connection, wanted)
    places = [
        {
            "sentence_id": s["id"],
            "wording": claim["key"],
            "claim_id": claim_ids[head],
            "post_id": s["post_id"],
            "start": s["start"],
            "end": s["end"],
            "spans": s["spans"],
        }
        for (s, claim), head in zip(sentence_claims, heads, strict=True)
    ]
    insert_rows(connection, Occurrence, places)
    return refresh(connection, touched | set(claim_ids.values()))


def _post_ids(connection: Connection, batch: Sequence[PostRows], known: Mapping[str, int]) -> dict[str, int]:
    """Insert new posts, update known ones; return the id of each path."""
    following = _next_id(connection, Post)
    ids = dict(known)
    new = []
    for post in batch:
        if post.post["path"] not in ids:
            ids[post.post["path"]] = following
            new.append({"id": following, **post.post})
            following += 1
    old = [{"b_id": known[p.post["path"]], **p.post} for p in batch if p.post["path"] in known]
    if new:
        connection.execute(insert(Post), new)
    if old:
        columns: dict[str, Any] = {name: bindparam(name) for name in batch[0].post}
        connection.execute(update(Post).where(Post.id == bindparam("b_id")).values(columns), old)
    return ids


def _children(
    connection: Connection, batch: Sequence[PostRows], ids: Mapping[str, int], claims: list[tuple[Row, Row]]
) -> dict[type[Draft | Passage | Sentence | LedgerRow], list[Row]]:
    """Return the rows below the posts, with ids, parents first; add (sentence, claim) rows to `claims`.

    The caller holds the only writing transaction, so ids are counted on here
    and no row has to be asked for after it was written.
    """
    draft_id, passage_id, sentence_id = (_next_id(connection, model) for model in (Draft, Passage, Sentence))
    made: dict[type[Draft | Passage | Sentence | LedgerRow], list[Row]] = {
        Draft: [],
        Passage: [],
        Sentence: [],
        LedgerRow: [],
    }
    for post in batch:
        post_id = ids[post.post["path"]]
        for offset, draft in enumerate(post.drafts):
            made[Draft].append({"id": draft_id + offset, "post_id": post_id, **draft})
        places = {}
        for passage in post.passages:
            row = {"id": passage_id, "post_id": post_id, "draft_id": draft_id + passage["draft"], **passage}
            del row["draft"]
            made[Passage].append(row)
            places[passage["position"]] = passage_id
            passage_id += 1
        for sentence in post.sentences:
            row = {"id": sentence_id, "post_id": post_id, "passage_id": places[sentence["passage"]], **sentence}
            del row["passage"]
            claim = row.pop("claim")
            made[Sentence].append(row)
            if claim is not None:
                claims.append((row, claim))
            sentence_id += 1
        made[LedgerRow].extend({"post_id": post_id, **row} for row in post.ledger)
        draft_id += len(post.drafts)
    return made


def _next_id(connection: Connection, model: type[Post | Draft | Passage | Sentence]) -> int:
    return int(connection.execute(select(func.coalesce(func.max(model.id), 0))).scalar_one()) + 1


def _clear(connection: Connection, post_ids: list[int]) -> set[int]:
    """Delete all that hangs below the posts; return the ids of the claims they made."""
    if not post_ids:
        return set()
    claims = select(Occurrence.claim_id).distinct().where(in_list(Occurrence.post_id, post_ids))
    touched = set(connection.execute(claims).scalars())
    for model in _CHILDREN:
        connection.execute(delete(model).where(in_list(model.post_id, post_ids)))
    return touched


def remove(connection: Connection, post_ids: Iterable[int]) -> Changes:
    """Delete posts, and the claims that nobody makes any more."""
    ids = list(post_ids)
    touched = _clear(connection, ids)
    connection.execute(delete(Post).where(in_list(Post.id, ids)))
    return refresh(connection, touched)


def move(connection: Connection, post_ids: Iterable[int], root: str) -> None:
    """Note that the folder of some posts is now at `root`; paths, keys and claims stay."""
    connection.execute(update(Post).where(in_list(Post.id, list(post_ids))).values(root=root))
