"""An encoder trained on the posts of a database: what it learns, where it is kept, what it leaves alone."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import kb
from kb import embeddings, pipeline, schema, verify
from kb.embeddings import adapt, adapted, judged
from kb.embeddings.static import StaticEncoder, words_of
from kb.errors import DatabaseError, KbError, ModelError, NotFoundError
from kb.pipeline import encoders
from kb.pipeline.compare import compare
from kb.pipeline.heard import Heard, along
from kb.pipeline.held_back import judged_pairs, neighbours
from kb.pipeline.pool import Workers
from kb.pipeline.train import FEWEST_PAIRS, NEXT, export, found_under, reciprocal_rank, train
from kb.text import text_hash

THINGS = ["風車", "蓄電池", "港湾", "温室", "酵母", "磁石", "砂糖", "望遠鏡", "羊毛", "活字", "花粉", "灯台"]
MAKERS = ["ミナトベ", "クラハシ", "トキワノ", "ヒノデラ", "サワタリ", "ヤマブネ", "ツキオカ", "ハナムロ"]
QUALITIES = ["軽い", "安い", "丈夫な", "静かな", "小さな", "新しい", "珍しい", "確かな"]


def write_posts(folder: Path, many: int, first: int = 0) -> Path:
    """Write posts whose neighbouring sentences share a subject that only this corpus ties together."""
    folder.mkdir()
    for number in range(first, first + many):
        maker, thing = MAKERS[number % len(MAKERS)], THINGS[number % len(THINGS)]
        lines = [f"---\ntitle: 第{number}号\ndate: 2025-01-{number % 28 + 1:02d}\n---"]
        for place, quality in enumerate(QUALITIES):
            count = number * 10 + place
            lines.append(
                f"{maker}社は{count}番目の工場で{quality}部品を{count + 3}個つくった。"
                f"{thing}の在庫は倉庫{count}号で{count + 7}箱に増えた。\n"
            )
        (folder / f"post-{number:03d}.md").write_text("\n".join(lines), "utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database whose encoder was trained on its posts, by the build itself."""
    folder = tmp_path_factory.mktemp("trained")
    report = pipeline.build([write_posts(folder / "posts", 60)], folder / "kb.db", workers=1)
    assert report.encoder.startswith("trained on the posts: ")
    assert report.counts["new_embeddings"] == report.counts["claims"]
    return folder / "kb.db"


def copied(db: Path, folder: Path) -> Path:
    """Return a whole copy of a database."""
    with closing(sqlite3.connect(db)) as old, closing(sqlite3.connect(folder / "copy.db")) as new:
        old.backup(new)
    return folder / "copy.db"


def vectors(db: Path) -> dict[str, bytes]:
    """Return the vectors of the model in use by the hash of their text."""
    with closing(schema.connect(db)) as connection:
        return dict(
            connection.execute(
                "SELECT text_hash, vector FROM embeddings e JOIN models m ON m.id = e.model_id WHERE m.active"
            )
        )


def read(db: Path) -> embeddings.Encoder:
    source = next(row["source"] for row in encoders.listed(db) if row["active"])
    return adapted.load(source, lambda: closing(schema.connect(db)))


def test_texts_are_counted_by_the_roots_of_their_words() -> None:
    texts = adapt.counted([["a", "a", "b"], [], ["c"]], vocabulary := {})
    assert list(vocabulary) == ["a", "b", "c"]
    assert np.allclose(texts @ np.eye(3, dtype=np.float32), [[np.sqrt(2), 1, 0], [0, 0, 0], [0, 0, 1]])


def test_words_move_to_what_stands_around_them_and_what_all_texts_share_is_made_smaller() -> None:
    rng = np.random.default_rng(5)
    table = rng.normal(size=(41, 16)).astype(np.float32)
    table[40] *= 4  # a word that every text holds
    texts = adapt.counted([[str(word), "all"] for word in range(40)], {str(word): word for word in range(40)})
    pairs = np.array([(word, word + 20) for word in range(20)], np.int32)
    told: list[tuple[int, int]] = []
    after = adapt.fit(table, texts, pairs, lambda done, of: told.append((done, of)))
    assert told == [(40, 40)]
    assert reciprocal_rank(after, texts, pairs) > reciprocal_rank(table, texts, pairs)
    before = np.linalg.norm(table, axis=1)
    share = np.linalg.norm(after, axis=1) / before
    assert share[40] < share[:40].min()
    assert np.array_equal(after, adapt.fit(table, texts, pairs))


def test_what_is_fitted_in_pieces_is_what_is_fitted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    table = rng.normal(size=(30, 8)).astype(np.float32)
    said = [[str(word) for word in rng.integers(0, 30, 5)] for _ in range(50)]
    texts = adapt.counted(said, {str(word): word for word in range(30)})
    pairs = np.array([(text, text + 1) for text in range(49)], np.int32)
    whole = adapt.fit(table, texts, pairs)
    monkeypatch.setattr(adapt, "_AT_ONCE", 7)
    assert np.allclose(adapt.fit(table, texts, pairs), whole, atol=1e-5)


def test_words_without_meaning_do_no_harm() -> None:
    texts = adapt.counted([["a"], ["b"]], {})
    assert np.array_equal(
        adapt.fit(np.zeros((2, 4), np.float32), texts, np.array([(0, 1)], np.int32)), np.zeros((2, 4))
    )


def test_words_that_say_the_same_come_nearer_and_those_that_were_vetoed_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    table = rng.normal(size=(6, 16)).astype(np.float32)
    texts = adapt.counted([["a", "x"], ["b", "x"], ["c", "x"], ["d", "x"], ["e", "x"]], vocabulary := {})
    assert list(vocabulary) == ["a", "x", "b", "c", "d", "e"]
    a, shared, b, c, d, other = range(6)
    alike, unlike = np.array([(0, 1)], np.int32), np.array([(2, 3)], np.int32)
    after = judged.taught(table, texts, alike, unlike)

    def cosine(rows: np.ndarray, one: int, two: int) -> float:
        return float(rows[one] @ rows[two] / np.linalg.norm(rows[one]) / np.linalg.norm(rows[two]))

    assert cosine(after, a, b) > cosine(table, a, b)
    assert cosine(after, c, d) < cosine(table, c, d)
    assert np.array_equal(after[[shared, other]], table[[shared, other]])  # what both hold is not judged
    none = np.empty((0, 2), np.int32)
    assert np.array_equal(judged.taught(table, texts, none, none), table)
    monkeypatch.setattr(judged, "_AT_ONCE", 1)
    many = np.array([(0, 1), (2, 3), (1, 4)], np.int32)
    in_pieces = judged.taught(table, texts, many, many)
    monkeypatch.undo()
    assert np.allclose(judged.taught(table, texts, many, many), in_pieces, atol=1e-6)


def test_merged_wordings_and_vetoes_are_what_is_taught(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", 2)
    said = {
        "one": "白浜発電所の風車は年間の発電量を大きく増やした。",
        "same": "白浜発電所の風車は年間の発電量を大きく増やしました。",
        "less": "白浜発電所の風車は、年間の発電量を大きく増やした、という。",
        "number": "白浜発電所の風車は年間の発電量を3割増やした。",
        "vetoed": "白浜発電所の風車は年間の発電量を4割増やした。",
    }
    for name, text in said.items():
        (folder / f"{name}.md").write_text(f"---\ntitle: {name}\n---\n\n{text}\n", "utf-8")
    pipeline.build([folder], tmp_path / "kb.db", workers=1)
    engine = schema.engine(tmp_path / "kb.db")
    texts, _ = neighbours(engine)
    alike, unlike = judged_pairs(engine, {text: place for place, text in enumerate(texts)})
    engine.dispose()
    named = [{(texts[a], texts[b]) for a, b in pairs} for pairs in (alike, unlike)]
    assert {frozenset(pair) for pair in named[1]} >= {frozenset((said["number"], said["vetoed"]))}
    assert not named[0] & named[1]
    assert any(said["one"] in pair or said["less"] in pair for pair in named[0])


def test_words_heard_while_reading_are_those_that_the_encoder_reads() -> None:
    texts = [
        "風車は回る。",
        "ＡＩ　と ｻｰﾊﾞｰ",
        "AI at 3.5 GHz",
        "",
        "\ud800半分",
        "第1回:始まり",
        "全角（かっこ）！",
        "風車は回る。",
    ]
    said = dict(along(texts))
    assert [list(said[text_hash(text)]) for text in texts] == [words_of(text) for text in texts]
    heard = Heard()
    heard.put(list(said.items())[:3])
    keys = [(text_hash(text), text) for text in [*texts, "新しい文"]]
    got = list(heard.each([keys[:4], keys[4:]], Workers(1)))
    assert [list(words) for batch in got for words in batch] == [words_of(text) for _, text in keys]
    encoder = embeddings.load()
    assert isinstance(encoder, StaticEncoder)
    assert np.array_equal(encoder.encode_words(map(words_of, texts)), encoder.encode(texts, kind="document"))


def test_texts_are_heard_once_in_whatever_batch_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.pipeline.heard._BATCH", 2)
    texts = ["一つ目", "二つ目", "一つ目", "三つ目", "二つ目", "四つ目"]
    heard = Heard()
    keys = heard.hear(texts, Workers(1))
    assert [heard.words(key) for key in keys] == [words_of(text) for text in texts]


def test_a_trained_database_is_searched_and_verifies(trained: Path) -> None:
    assert verify.run(trained)[0] == []
    (active,) = [row for row in encoders.listed(trained) if row["active"]]
    assert active["name"] == "adapted"
    with kb.open(trained) as base:
        hit = base.search("ミナトベ社の部品", mode="semantic", limit=1)[0]
        assert "ミナトベ" in hit.text
    query = read(trained).encode(hit.text, kind="document")[0]
    with closing(schema.connect(trained)) as connection:
        (blob,) = connection.execute(
            "SELECT vector FROM embeddings e JOIN claims c USING (text_hash) JOIN models m ON m.id = e.model_id"
            " WHERE c.text = ? AND m.active",
            (hit.text,),
        ).fetchone()
    assert np.allclose(np.frombuffer(blob, "<f4"), query, atol=1e-6)


def test_words_that_no_post_holds_keep_their_vectors(trained: Path) -> None:
    assert np.array_equal(read(trained).encode("鯨"), embeddings.load().encode("鯨"))


def test_the_same_posts_give_the_same_encoder_in_any_processes(trained: Path, tmp_path: Path) -> None:
    pipeline.build([write_posts(tmp_path / "posts", 60)], tmp_path / "kb.db", workers=2)
    assert read(tmp_path / "kb.db").revision == read(trained).revision
    assert vectors(tmp_path / "kb.db") == vectors(trained)
    before = encoders.listed(tmp_path / "kb.db")
    assert train(tmp_path / "kb.db").revision == read(trained).revision  # words that the build had not heard
    assert encoders.listed(tmp_path / "kb.db") == before


def test_a_build_embeds_new_claims_with_the_trained_words(trained: Path, tmp_path: Path) -> None:
    db = copied(trained, tmp_path)
    posts = tmp_path / "posts"
    posts.mkdir()
    (posts / "new.md").write_text("---\ntitle: 新\n---\nサワタリ社は来年、灯台の部品を輸出する計画だ。\n", "utf-8")
    report = pipeline.build([posts], db, workers=1)
    assert (report.counts["new_embeddings"], report.encoder) == (1, "")
    assert read(db).revision == read(trained).revision
    assert vectors(trained).items() <= vectors(db).items()
    assert verify.run(db)[0] == []
    assert pipeline.build([posts], db, workers=1).counts["new_embeddings"] == 0


def test_who_goes_back_to_the_default_stays_there(trained: Path, tmp_path: Path) -> None:
    db = copied(trained, tmp_path)
    assert [row["name"] for row in encoders.listed(db)] == ["adapted"]
    encoders.use(db, "default")
    pipeline.build([write_posts(tmp_path / "many", 40, first=60)], db, workers=1)
    assert {row["name"]: (row["active"], row["missing"]) for row in encoders.listed(db)} == {
        "adapted": (False, 0),
        "default": (True, 0),
    }
    encoders.drop(db, "adapted")
    report = pipeline.build([write_posts(tmp_path / "more", 80, first=100)], db, workers=1)
    assert report.encoder == ""
    assert [(row["name"], row["active"]) for row in encoders.listed(db)] == [("default", True)]
    encoders.add(db, "default")
    assert encoders.listed(db)[0]["settings"]["chosen"]
    assert train(db).kept
    assert [(row["name"], row["active"]) for row in encoders.listed(db)] == [("default", False), ("adapted", True)]


def test_too_few_posts_are_tried_again_when_there_are_more(tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    report = pipeline.build([write_posts(tmp_path / "few", 5)], db, workers=1)
    assert report.encoder == (
        f"not trained on the posts: 40 pairs of neighbouring sentences are too few to train on,"
        f" {FEWEST_PAIRS} are needed"
    )
    assert pipeline.build([write_posts(tmp_path / "one", 1, first=5)], db, workers=1).encoder == ""
    assert [row["name"] for row in encoders.listed(db)] == ["default"]
    report = pipeline.build([write_posts(tmp_path / "many", 54, first=6)], db, workers=1)
    assert report.encoder.startswith("trained on the posts: ")
    assert [(row["name"], row["active"], row["missing"]) for row in encoders.listed(db)] == [("adapted", True, 0)]


def test_posts_that_grew_by_half_are_trained_on_again(trained: Path, tmp_path: Path) -> None:
    db = copied(trained, tmp_path)
    few = write_posts(tmp_path / "few", 2)
    pipeline.build([few], db, workers=1)
    assert [row["source"] for row in encoders.listed(db)] == [row["source"] for row in encoders.listed(trained)]
    pipeline.build([write_posts(tmp_path / "many", 40, first=60)], db, workers=1)
    (before,) = [row for row in encoders.listed(trained) if row["active"]]
    (after,) = [row for row in encoders.listed(db) if row["active"]]
    assert after["name"] == before["name"] == "adapted"
    assert after["source"] != before["source"]
    assert after["missing"] == 0
    assert len(encoders.listed(db)) == 1
    assert verify.run(db)[0] == []


def test_words_trained_upon_another_default_are_trained_anew(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = copied(trained, tmp_path)
    monkeypatch.setattr("kb.embeddings.default.SCHEME", 99)
    pipeline.build([write_posts(tmp_path / "few", 1)], db, workers=1)
    (active,) = [row for row in encoders.listed(db) if row["active"]]
    assert active["name"] == "adapted"
    assert "+sif99-" in active["revision"]
    monkeypatch.setattr("kb.embeddings.default.SCHEME", 100)
    monkeypatch.setattr("kb.pipeline.train.reciprocal_rank", lambda *_: 0.5)
    pipeline.build([write_posts(tmp_path / "fewer", 1)], db, workers=1)
    assert [(row["name"], row["active"]) for row in encoders.listed(db)] == [("default", True)]


@pytest.mark.parametrize("moment", ["kb.pipeline.train.reciprocal_rank", "kb.store.put_vectors"])
def test_killed_while_it_is_trained_or_embedded_the_old_model_serves(
    trained: Path, tmp_path: Path, moment: str
) -> None:
    db = copied(trained, tmp_path)
    script = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from kb.pipeline.train import train
module, name = sys.argv[2].rsplit(".", 1)
done = []
plain = getattr(import_module(module), name)
def killed(*given):
    if done or name == "put_vectors":
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(1)
    return plain(*given)
setattr(import_module(module), name, killed)
train(Path(sys.argv[1]), seed=2)
"""
    run = subprocess.run([sys.executable, "-c", script, str(db), moment], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    (before,), (after,) = ([r for r in encoders.listed(one) if r["active"]] for one in (trained, db))
    assert (after["revision"], after["missing"]) == (before["revision"], 0)
    with kb.open(trained) as old, kb.open(db) as new:
        texts = [[hit.text for hit in base.search("ヒノデラ社の風車", mode="semantic")] for base in (old, new)]
    assert texts[0] == texts[1]
    pipeline.build([write_posts(tmp_path / "one", 1)], db, workers=1)
    (finished,) = [r for r in encoders.listed(db) if r["active"]]
    assert (finished["name"], finished["missing"]) == ("adapted", 0)
    assert (finished["source"] != before["source"]) == (moment == "kb.store.put_vectors")
    assert [row["name"] for row in encoders.listed(db)] == ["adapted"]


@pytest.mark.parametrize("moment", ["kb.pipeline.train.reciprocal_rank", "kb.store.put_vectors"])
def test_a_first_build_that_was_killed_is_finished_by_the_next(trained: Path, tmp_path: Path, moment: str) -> None:
    script = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from kb import pipeline
module, name = sys.argv[3].rsplit(".", 1)
def killed(*given):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(import_module(module), name, killed)
pipeline.build([Path(sys.argv[1])], Path(sys.argv[2]), workers=1)
"""
    posts, db = write_posts(tmp_path / "posts", 60), tmp_path / "kb.db"
    run = subprocess.run([sys.executable, "-c", script, str(posts), str(db), moment], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    pipeline.build([posts], db, workers=1)
    assert [(row["name"], row["missing"]) for row in encoders.listed(db)] == [("adapted", 0)]
    assert vectors(db) == vectors(trained)


def test_who_switches_while_a_training_lies_unfinished_has_the_last_word(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = copied(trained, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("kb.pipeline.derive.vectors", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(db, seed=2)
    assert NEXT in {row["name"] for row in encoders.listed(db)}
    with pytest.raises(ModelError, match="is not finished"):
        encoders.use(db, NEXT)
    encoders.use(db, "default")
    pipeline.build([write_posts(tmp_path / "one", 1)], db, workers=1)
    assert {row["name"]: row["active"] for row in encoders.listed(db)} == {"adapted": False, "default": True}


def test_the_trained_encoder_is_compared_with_the_default(trained: Path, tmp_path: Path) -> None:
    db = copied(trained, tmp_path)
    encoders.add(db, "default")
    (tmp_path / "q.jsonl").write_text('{"qid": "a", "q": "風車"}', "utf-8")
    told = compare(db, "adapted", "default", queries=tmp_path / "q.jsonl")
    assert {name: model["dim"] for name, model in told["models"].items()} == {"adapted": 300, "default": 300}
    assert 0 < told["overlap"] <= 1


def interrupted(*given: object) -> None:
    raise KeyboardInterrupt


def test_what_no_longer_finds_what_stands_under_a_heading_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = write_posts(tmp_path / "posts", 60)
    for file in posts.iterdir():
        head, body = file.read_text("utf-8").rsplit("---\n", 1)
        file.write_text(f"{head}---\n## {THINGS[len(body) % len(THINGS)]}と部品\n\n{body}", "utf-8")
    told = iter([0.9, 0.8, 0.9, 0.8])
    monkeypatch.setattr("kb.pipeline.train.found_under", lambda *_: next(told))
    built = pipeline.build([posts], tmp_path / "kb.db", workers=1)
    assert built.encoder.startswith("not trained on the posts, which made it no better: ")
    report = train(tmp_path / "kb.db")
    assert report.after > report.before
    assert (report.found_before, report.found_after, report.kept) == (0.9, 0.8, False)


def test_what_is_found_is_graded_as_worked_out_by_hand() -> None:
    bags = adapt.counted("abc", vocabulary := {})
    asked = adapt.counted("a", vocabulary)
    table = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    wanted = [np.array([1], np.int32)]
    assert found_under(table, asked, bags, wanted) == pytest.approx(1)
    wanted = [np.array([0], np.int32), np.array([1, 2], np.int32)]
    asked = adapt.counted("aa", vocabulary)
    second = (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert found_under(table, asked, bags, wanted) == pytest.approx((1 + second) / 2)


def test_reading_it_needs_no_torch(trained: Path) -> None:
    code = (
        "import sys, kb; kb.open(sys.argv[1]).search('風車の在庫', mode='semantic');"
        "print(sorted({'torch', 'spacy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(trained)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_export_gives_the_same_vectors(trained: Path, tmp_path: Path) -> None:
    texts = ["ミナトベ社の工場", "鯨の望遠鏡", "Alpha 社"]
    folder = export(trained, tmp_path / "model")
    assert np.allclose(embeddings.load(str(folder)).encode(texts), read(trained).encode(texts), atol=1e-5)


def test_too_few_posts_are_not_trained_on(tmp_path: Path) -> None:
    pipeline.build([write_posts(tmp_path / "posts", 3)], tmp_path / "kb.db", workers=1)
    before = encoders.listed(tmp_path / "kb.db")
    with pytest.raises(KbError, match="too few to train on"):
        train(tmp_path / "kb.db")
    assert encoders.listed(tmp_path / "kb.db") == before
    with pytest.raises(NotFoundError, match="kb model train"):
        export(tmp_path / "kb.db", tmp_path / "model")
    assert len(QUALITIES) * 3 < FEWEST_PAIRS


def test_what_gets_worse_is_not_kept(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(trained, tmp_path).rename(tmp_path / "kb.db")
    monkeypatch.setattr(adapt, "fit", lambda table, *given, **named: np.zeros_like(table) + 1)
    before = encoders.listed(tmp_path / "kb.db")
    report = train(tmp_path / "kb.db")
    assert not report.kept
    assert report.after <= report.before
    assert encoders.listed(tmp_path / "kb.db") == before


def test_a_damaged_row_is_named(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "kb.db"
    with closing(sqlite3.connect(trained)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
        new.execute("UPDATE encoder_words SET vector = x'00' WHERE word = '風車'")
        new.commit()
    with pytest.raises(DatabaseError, match="'風車' is damaged"):
        read(copy).encode("風車")
