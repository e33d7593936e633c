"""An encoder trained on the posts of a database: what it learns, where it is kept, what it leaves alone."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import kb
from kb import embeddings, pipeline, schema, verify
from kb.embeddings import adapt, adapted
from kb.embeddings.adapt import Bags
from kb.errors import DatabaseError, KbError, NotFoundError
from kb.pipeline import encoders
from kb.pipeline.train import FEWEST_PAIRS, export, found_under, reciprocal_rank, train

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
    """Return a database whose encoder was trained on its posts."""
    folder = tmp_path_factory.mktemp("trained")
    pipeline.build([write_posts(folder / "posts", 60)], folder / "kb.db", workers=1)
    assert train(folder / "kb.db").kept
    return folder / "kb.db"


def copied(db: Path, folder: Path) -> Path:
    """Return a whole copy of a database."""
    with closing(sqlite3.connect(db)) as old, closing(sqlite3.connect(folder / "copy.db")) as new:
        old.backup(new)
    return folder / "copy.db"


def read(db: Path) -> embeddings.Encoder:
    source = next(row["source"] for row in encoders.listed(db) if row["active"])
    return adapted.load(source, lambda: closing(schema.connect(db)))


def test_slopes_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(3)
    sums = rng.normal(size=(8, 5)).astype(np.float32)

    def loss(values: np.ndarray) -> float:
        ready = values / np.linalg.norm(values, axis=1, keepdims=True)
        scores = adapt.SCALE * ready[:4] @ ready[4:].T
        rows = np.log(np.exp(scores).sum(1)) - np.diag(scores)
        columns = np.log(np.exp(scores).sum(0)) - np.diag(scores)
        return float((rows + columns).sum() / 8)

    exact = np.zeros_like(sums, dtype=np.float64)
    for place in np.ndindex(*sums.shape):
        step = np.zeros(sums.shape)
        step[place] = 1e-5
        exact[place] = (loss(sums + step) - loss(sums - step)) / 2e-5
    assert np.allclose(adapt._slopes(sums, 4), exact, atol=1e-4)


def test_bags_sum_the_roots_of_counts() -> None:
    bags = Bags.of([Counter("aab"), Counter(), Counter("c")], vocabulary := {})
    table = np.eye(3, dtype=np.float32)
    assert list(vocabulary) == ["a", "b", "c"]
    assert np.allclose(bags.sums(table), [[np.sqrt(2), 1, 0], [0, 0, 0], [0, 0, 1]])
    taken = bags.take(np.array([2, 0], np.int32))
    assert np.allclose(taken.sums(table), [[0, 0, 1], [np.sqrt(2), 1, 0]])
    assert np.allclose(taken.spread(np.array([[1.0], [10.0]], np.float32), 3).ravel(), [10 * np.sqrt(2), 10, 1])


def test_training_draws_partners_together_and_leaves_other_words_alone() -> None:
    rng = np.random.default_rng(5)
    table = rng.normal(size=(21, 16)).astype(np.float32)
    bags = Bags.of([Counter([chr(97 + word)]) for word in range(21)], {})
    pairs = np.array([(word, word + 10) for word in range(10)], np.int32)
    told: list[tuple[int, int]] = []
    after = adapt.fit(
        table, bags, pairs, epochs=60, batch=5, rate=0.02, seed=1, told=lambda done, of: told.append((done, of))
    )
    assert told[0] == (1, 120)
    assert told[-1] == (120, 120)
    assert reciprocal_rank(after, bags, pairs) == 1 > reciprocal_rank(table, bags, pairs)
    assert np.array_equal(after[20], table[20])
    again = adapt.fit(table, bags, pairs, epochs=60, batch=5, rate=0.02, seed=1)
    assert np.array_equal(after, again)


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


def test_the_same_posts_give_the_same_encoder(trained: Path, tmp_path: Path) -> None:
    pipeline.build([write_posts(tmp_path / "posts", 60)], tmp_path / "kb.db", workers=1)
    again = train(tmp_path / "kb.db")
    assert again.revision == read(trained).revision
    before = encoders.listed(tmp_path / "kb.db")
    assert train(tmp_path / "kb.db") == again
    assert encoders.listed(tmp_path / "kb.db") == before


def test_a_build_embeds_new_claims_with_the_trained_words(tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts", 60)
    db = tmp_path / "kb.db"
    pipeline.build([posts], db, workers=1)
    revision = train(db).revision
    (posts / "new.md").write_text("---\ntitle: 新\n---\nサワタリ社は来年、灯台の部品を輸出する計画だ。\n", "utf-8")
    assert pipeline.build([posts], db, workers=1).counts["new_embeddings"] == 2  # one a model
    assert {row["name"]: row["revision"] for row in encoders.listed(db)}["adapted"] == revision
    assert verify.run(db)[0] == []


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
    assert len(encoders.listed(db)) == 2
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


@pytest.mark.parametrize("moment", ["kb.embeddings.adapt._step", "kb.store.put_vectors"])
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
    assert {row["name"] for row in encoders.listed(db)} == {"default", "adapted"}


def test_what_no_longer_finds_what_stands_under_a_heading_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = write_posts(tmp_path / "posts", 60)
    for file in posts.iterdir():
        head, body = file.read_text("utf-8").rsplit("---\n", 1)
        file.write_text(f"{head}---\n## {THINGS[len(body) % len(THINGS)]}と部品\n\n{body}", "utf-8")
    pipeline.build([posts], tmp_path / "kb.db", workers=1)
    told = iter([0.9, 0.8])
    monkeypatch.setattr("kb.pipeline.train.found_under", lambda *_: next(told))
    report = train(tmp_path / "kb.db")
    assert report.after > report.before
    assert (report.found_before, report.found_after, report.kept) == (0.9, 0.8, False)


def test_what_is_found_is_graded_as_worked_out_by_hand() -> None:
    bags = Bags.of([Counter("a"), Counter("b"), Counter("c")], vocabulary := {})
    asked = Bags.of([Counter("a")], vocabulary)
    table = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    wanted = [np.array([1], np.int32)]
    assert found_under(table, asked, bags, wanted) == pytest.approx(1)
    wanted = [np.array([0], np.int32), np.array([1, 2], np.int32)]
    asked = Bags.of([Counter("a"), Counter("a")], vocabulary)
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


def test_what_gets_worse_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.build([write_posts(tmp_path / "posts", 60)], tmp_path / "kb.db", workers=1)
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
