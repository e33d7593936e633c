"""Posts replaced whole; claims that come out the same whatever the order of writing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select

from kb import schema, store
from kb.models import Claim, ClaimTerms, ClaimTopic, Embedding, Model, Post, Topic
from kb.records import Annotation, Draft, Kind, Label, LedgerRow, Passage, PostInfo, Sentence, Source
from kb.records import Topic as TopicRecord
from kb.text import fold, text_hash


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    schema.prepare(tmp_path / "kb.db")
    made = schema.engine(tmp_path / "kb.db", writable=True)
    yield made
    made.dispose()


def post(
    path: str, *lines: str | tuple[str, Kind], date: str | None = "2025-05-01", holder: str = "author"
) -> store.PostRows:
    """Return rows of a post of one draft, a sentence a line; a line said before becomes a ledger row."""
    sentences, ledger, seen, text = [], [], {}, ""
    for line in lines:
        words, kind = line if isinstance(line, tuple) else (line, "fact")
        start, end = len(text), len(text) + len(words)
        text += words + "\n"
        first = seen.setdefault(fold(words), (start, end))
        again = first if first != (start, end) else None
        if again:
            ledger.append(LedgerRow(start, end, "repeat", "said before", again))
        label = Label(kind, holder=holder)
        plain = words.replace("**", "")
        key, reason = fold(words), "repeat" if again else ""
        sentences.append(Sentence(start, end, ((start, end),), words, plain, key, 0, 0, label, key, again, reason))
    whole = (0, len(text))
    notes = Annotation(
        (Draft(*whole),),
        (Passage(*whole, "paragraph", 0),),
        tuple(sentences),
        tuple(ledger),
        (tuple(i for i, sentence in enumerate(sentences) if not sentence.reason),),
    )
    info = PostInfo(title=path, date=date, author="", categories=(), tags=("電力",), front_matter={"title": path})
    return store.rows(Source(path, text, "utf-8", text_hash(text)), info, notes, root="/posts", reading="r1")


def claims(engine: Engine) -> dict[str, tuple[object, ...]]:
    columns = (Claim.text, Claim.kind, Claim.holder, Claim.occurrence_count, Claim.post_count)
    dates = (Claim.first_date, Claim.last_date, Claim.text_hash)
    with engine.connect() as connection:
        return {row.key: tuple(row)[1:] for row in connection.execute(select(Claim.key, *columns, *dates))}


def write(engine: Engine, *batch: store.PostRows) -> store.Changes:
    with engine.begin() as connection:
        return store.replace(connection, batch)


def test_a_claim_has_the_words_of_its_earliest_occurrence_in_any_order(engine: Engine) -> None:
    versions = [
        post("c.md", "**電力**は足りる。", date=None),
        post("b.md", "電力は足りる。", date="2025-03-01", holder="担当者"),
        post("a.md", "電力は 足りる。", date="2025-03-01"),
        post("d.md", "電力は足りる 。", date="2025-09-09"),
    ]
    expected = [("電力は 足りる。", "fact", "author", 4, 4, "2025-03-01", "2025-09-09", text_hash("電力は 足りる。"))]
    for order in itertools.permutations(versions):
        for item in order:
            write(engine, item)
        assert list(claims(engine).values()) == expected
        with engine.begin() as connection:
            store.remove(connection, connection.execute(select(Post.id)).scalars().all())
        assert claims(engine) == {}


def test_replacing_a_post_drops_what_only_it_said(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。", "雨が降る。"), post("b.md", "雨が降る。", date="2025-01-01"))
    changes = write(engine, post("a.md", "雪が積もる。"))
    assert changes == store.Changes(new=1, changed=1, removed=1)
    assert sorted((c[0], c[3]) for c in claims(engine).values()) == [("雨が降る。", 1), ("雪が積もる。", 1)]


def test_a_post_keeps_its_number_when_it_is_replaced(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。"), post("b.md", "雨が降る。"))
    with engine.connect() as connection:
        before = dict(connection.execute(select(Post.path, Post.id)).all())
    write(engine, post("b.md", "雨が止む。"), post("c.md", "雲が出る。"))
    with engine.connect() as connection:
        after = dict(connection.execute(select(Post.path, Post.id)).all())
    assert before.items() < after.items()


def test_removing_posts_removes_all_that_hung_below_them(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。", "風は強い。"), post("b.md", "雨が降る。"))
    with engine.begin() as connection:
        ids = connection.execute(select(Post.id)).scalars().all()
        store.remove(connection, ids)
        held = store.counts(connection)
        left = [connection.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in ("sources", "passages")]
    assert set(held.values()) == {0}
    assert left == [0, 0]


def test_repeats_questions_and_wordless_lines_make_no_claim(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。", "風は強い。", ("なぜか？", "question"), "***"))
    with engine.connect() as connection:
        held = store.counts(connection)
    assert (held["sentences"], held["claims"], held["repeats"]) == (3, 1, 1)


def test_a_claim_whose_words_change_waits_for_terms_vector_and_topics(engine: Engine) -> None:
    write(engine, post("b.md", "電力 は足りる。", date="2025-06-01"))
    with engine.begin() as connection:
        (claim,) = connection.execute(store.claims_without_terms(1)).all()
        store.put_terms(connection, [(claim.id, "電力", "電力")], 1)
        topics = store.put_topics(connection, [TopicRecord("power", {"ja": "電力", "en": "Power"})])
        store.put_topic_links(connection, [claim.id], [(claim.id, topics["power"], 0.9, ["電力"])], "s1")
        model = store.put_model(connection, "default", "default", "1", 2)
        store.put_vectors(connection, model, [(text_hash(claim.text), np.zeros(2, "<f4").tobytes())])
        assert connection.execute(store.claims_without_terms(1)).all() == []
        assert connection.execute(store.claims_without_topics("s1")).all() == []
        assert connection.execute(store.texts_without_vector(model)).all() == []
    write(engine, post("a.md", "電力は足りる。", date="2025-01-01"))
    with engine.begin() as connection:
        assert connection.execute(store.claims_without_terms(1)).all() == [(claim.id, "電力は足りる。")]
        assert connection.execute(store.claims_without_topics("s1")).all() == [(claim.id, "電力は足りる。")]
        missing = connection.execute(store.texts_without_vector(model)).all()
        assert missing == [(text_hash("電力は足りる。"), "電力は足りる。")]
        assert store.drop_orphan_vectors(connection) == 1


def test_another_date_changes_dates_and_nothing_else(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。", date="2025-01-01"))
    with engine.begin() as connection:
        store.put_terms(connection, [(1, "風", "風は")], 1)
    write(engine, post("a.md", "風は強い。", date="2025-02-02"))
    assert [c[5:7] for c in claims(engine).values()] == [("2025-02-02", "2025-02-02")]
    with engine.connect() as connection:
        assert connection.execute(select(ClaimTerms.claim_id)).scalars().all() == [1]


def test_terms_of_an_older_normaliser_are_made_again(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。"))
    with engine.begin() as connection:
        store.put_terms(connection, [(1, "風", "風は")], 1)
        assert len(connection.execute(store.claims_without_terms(2)).all()) == 1
        store.put_terms(connection, [(1, "かぜ", "かぜ")], 2)
        assert connection.execute(select(ClaimTerms.words)).scalars().all() == ["かぜ"]
        found = "SELECT rowid FROM claim_terms_fts WHERE claim_terms_fts MATCH ?"
        assert connection.exec_driver_sql(found, ("かぜ",)).all() == [(1,)]
        assert connection.exec_driver_sql(found, ("風",)).all() == []


def test_topics_follow_their_list_and_discovered_ones_stay(engine: Engine) -> None:
    with engine.begin() as connection:
        first = [
            TopicRecord("a", {"ja": "甲", "en": "A"}),
            TopicRecord("b", {"ja": "乙", "en": "B"}, aliases=("乙種",)),
        ]
        store.put_topics(connection, [*first, TopicRecord("found", {"ja": "丙", "en": "C"}, discovered=True)])
        ids = store.put_topics(connection, [TopicRecord("b", {"ja": "新しい乙", "en": "B"})])
        rows = connection.execute(select(Topic.slug, Topic.name_ja, Topic.position).order_by(Topic.slug)).all()
    assert set(ids) == {"b", "found"}
    assert rows == [("b", "新しい乙", 0), ("found", "丙", 2)]


def test_assigning_again_replaces(engine: Engine) -> None:
    write(engine, post("a.md", "風は強い。"))
    with engine.begin() as connection:
        ids = store.put_topics(connection, [TopicRecord("a", {}), TopicRecord("b", {})])
        store.put_topic_links(connection, [1], [(1, ids["a"], 0.5, [])], "s1")
        store.put_topic_links(connection, [1], [(1, ids["b"], 0.7, ["風"])], "s2")
        assert connection.execute(select(ClaimTopic.topic_id, ClaimTopic.evidence)).all() == [(ids["b"], ["風"])]
        assert connection.execute(store.claims_without_topics("s2")).all() == []
        (row,) = connection.execute(store.topics().where(Topic.slug == "b")).all()
        assert (row.claims, row.posts) == (1, 1)


def test_the_first_model_is_active_and_another_revision_empties_it(engine: Engine) -> None:
    with engine.begin() as connection:
        first = store.put_model(connection, "default", "default", "1", 2)
        second = store.put_model(connection, "other", "org/other", "7", 4)
        store.put_vectors(connection, first, [("h", b"12345678")])
        store.put_vectors(connection, second, [("h", b"1234567812345678")])
        assert store.put_model(connection, "default", "default", "1", 2) == first
        assert connection.execute(select(Embedding.model_id).order_by(Embedding.model_id)).scalars().all() == [1, 2]
        store.put_model(connection, "default", "default", "2", 3)
        assert connection.execute(select(Embedding.model_id)).scalars().all() == [second]
        store.activate(connection, "other")
        assert connection.execute(select(Model.name).where(Model.active)).scalars().all() == ["other"]


def test_more_posts_than_sqlite_has_parameters(engine: Engine) -> None:
    write(engine, *(post(f"{n}.md", f"施設{n}は動く。") for n in range(1_200)))
    with engine.begin() as connection:
        ids = connection.execute(select(Post.id)).scalars().all()
        assert len(ids) == 1_200
        store.remove(connection, ids * 40)
        assert store.counts(connection)["claims"] == 0


def test_what_yaml_can_spell_and_sqlite_cannot_hold(engine: Engine) -> None:
    info = PostInfo("\ud800題", None, "", (), ("\udfff",), {"\ud800": ["\ud800"]})
    source = Source("a.md", "本文", "utf-8", "h")
    notes = Annotation((Draft(0, 2),), (), (), ())
    write(engine, store.rows(source, info, notes, root="/", reading="r"))
    with engine.connect() as connection:
        row = connection.execute(select(Post.title, Post.tags, Post.front_matter)).one()
    assert tuple(row) == ("?題", ["?"], {"?": ["?"]})


def test_an_article_reads_in_order_with_its_claims(engine: Engine) -> None:
    write(engine, post("a.md", "雨が降る。", ("なぜか？", "question"), "風は強い。"))
    with engine.connect() as connection:
        rows = connection.execute(store.article(1)).all()
        assert [(r.text, r.claim is not None) for r in rows] == [
            ("雨が降る。", True),
            ("なぜか？", False),
            ("風は強い。", True),
        ]
        places = connection.execute(store.occurrences([1, 2])).all()
    assert [(p.claim_id, p.post, p.quote, p.spans) for p in places] == [
        (1, "a.md", "雨が降る。", [[0, 5]]),
        (2, "a.md", "風は強い。", [[11, 16]]),
    ]
