"""Models of a database: what is embedded again and what is not, kills, switching, comparing, re-ranking."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import models_for_tests
import numpy as np
import posts_for_tests
import pytest

import kb
from kb import embeddings, pipeline, rerank
from kb.embeddings.options import ModelOptions, join, split
from kb.errors import KbError, LockedError, ModelError, NotFoundError, SourceError, UsageError
from kb.lock import exclusive
from kb.pipeline import encoders
from kb.pipeline.compare import compare
from kb.records import Arm, Hit, PostHit


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_for_tests.static(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_for_tests.static(tmp_path_factory.mktemp("other") / "model", seed=8)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_for_tests.cross_encoder(tmp_path_factory.mktemp("reader") / "model")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with posts and the database made of them."""
    folder = tmp_path_factory.mktemp("built")
    posts_for_tests.write(folder / "posts", 8)
    pipeline.build([folder / "posts"], folder / "kb.db")
    return folder


@pytest.fixture
def db(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built / "posts", tmp_path / "posts")
    with closing(sqlite3.connect(built / "kb.db")) as source, closing(sqlite3.connect(tmp_path / "kb.db")) as copy:
        source.backup(copy)
    with closing(sqlite3.connect(tmp_path / "kb.db")) as copy:
        copy.execute("PRAGMA journal_mode = WAL")
    return tmp_path / "kb.db"


def row(db: Path, name: str) -> dict[str, Any]:
    return next(one for one in encoders.listed(db) if one["name"] == name)


def vectors(db: Path, name: str) -> dict[str, bytes]:
    with closing(sqlite3.connect(db)) as connection:
        ask = "SELECT text_hash, vector FROM embeddings JOIN models ON id = model_id WHERE name = ?"
        return dict(connection.execute(ask, (name,)).fetchall())


# ---- options


def test_options_come_back_from_the_string_that_holds_them() -> None:
    options = ModelOptions(query_prompt="query: ", document_prompt="", dim=256, batch_size=4, content="ab+c")
    assert split(join("owner/model@abc", options)) == ("owner/model@abc", options)
    assert join("owner/model", ModelOptions()) == "owner/model"
    assert split("owner/model") == ("owner/model", ModelOptions())


@pytest.mark.parametrize("source", ["a/b?", "a/b?colour=red", "a/b?dim=many", "a/b?dim=0", "a/b?dim=-1"])
def test_an_option_that_makes_no_sense_is_bad_usage(source: str) -> None:
    with pytest.raises(UsageError):
        embeddings.load(source)


def test_a_folder_with_a_question_mark_is_a_folder(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "what?dim=3")
    assert embeddings.load(str(tmp_path / "what?dim=3")).dim == 16


def test_prompts_and_dimensions_are_used(tiny: Path) -> None:
    plain = embeddings.load(str(tiny))
    other = embeddings.load(join(str(tiny), ModelOptions(query_prompt="", document_prompt="電: ", dim=4)))
    texts = ["電力と人材", "冷却水"]
    assert np.allclose(other.encode(texts, kind="query"), _cut(plain.encode(texts), 4), atol=1e-6)
    assert np.allclose(other.encode(texts), _cut(plain.encode([f"電: {t}" for t in texts]), 4), atol=1e-6)
    assert np.allclose(plain.encode(texts, kind="query"), plain.encode([f"query: {t}" for t in texts]), atol=1e-6)
    assert other.dim == 4


def _cut(matrix: np.ndarray[Any, Any], dim: int) -> np.ndarray[Any, Any]:
    kept = matrix[:, :dim]
    return kept / np.linalg.norm(kept, axis=1, keepdims=True)


def test_the_revision_tells_what_changes_the_vectors_of_documents(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def revision(**options: Any) -> str:
        return embeddings.load(join(str(tiny), ModelOptions(**options))).revision

    assert len({revision(), revision(dim=4), revision(dim=8), revision(document_prompt="a")}) == 4
    assert revision(query_prompt="a") == revision(batch_size=2) == revision()
    before = revision()
    monkeypatch.setattr("kb.embeddings.options.NORMALISER_VERSION", 99)
    assert revision() != before


def test_more_dimensions_than_there_are(tiny: Path) -> None:
    with pytest.raises(ModelError, match="16 numbers"):
        embeddings.load(f"{tiny}?dim=17")


def test_weights_that_make_no_numbers_are_told(tiny: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    shutil.copytree(tiny, tmp_path / "broken")
    weights = load_file(tmp_path / "broken" / "model.safetensors")
    save_file(
        {name: np.full_like(held, np.nan) for name, held in weights.items()}, tmp_path / "broken/model.safetensors"
    )
    with pytest.raises(ModelError, match="no numbers"):
        embeddings.load(str(tmp_path / "broken")).encode("電力")


# ---- adding


def test_add_embeds_all_beside_the_one_in_use(db: Path, tiny: Path) -> None:
    before = vectors(db, "default")
    told: list[tuple[str, int, int]] = []
    added = encoders.add(db, str(tiny), lambda *step: told.append(step), label="tiny")
    assert (added["missing"], added["active"], added["dim"]) == (0, False, 16)
    assert added["vectors"] == added["new"] == len(before)
    assert told[-1] == ("embed", len(before), len(before))
    assert row(db, "default")["active"]
    assert vectors(db, "default") == before
    assert row(db, "tiny")["settings"]["prompts"] == {"query": "query: ", "document": ""}


def test_what_is_there_is_not_embedded_again(db: Path, tiny: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    before = vectors(db, "tiny")
    assert encoders.add(db, str(tiny), label="tiny")["new"] == 0
    assert encoders.add(db, "tiny")["new"] == 0
    assert encoders.add(db, str(tiny), label="tiny", options=ModelOptions(query_prompt="冷: "))["new"] == 0
    assert row(db, "tiny")["settings"]["prompts"]["query"] == "冷: "
    assert vectors(db, "tiny") == before


def test_an_unchanged_corpus_and_an_edit_of_metadata_embed_nothing(
    db: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoders.add(db, str(tiny), label="tiny")
    before = vectors(db, "tiny"), vectors(db, "default")
    assert pipeline.build([db.parent / "posts"], db).counts.get("new_embeddings", 0) == 0
    post = db.parent / "posts" / "2025-post-00.md"
    post.write_text(post.read_text("utf-8").replace("tags: [電力", "tags: [送電", 1), "utf-8")
    report = pipeline.build([db.parent / "posts"], db)
    assert report.counts.get("new_embeddings", 0) == 0
    assert (vectors(db, "tiny"), vectors(db, "default")) == before


def test_a_new_sentence_is_embedded_by_every_model(db: Path, tiny: Path) -> None:
    encoders.add(db, str(tiny), label="tiny", options=ModelOptions(dim=4))
    before = vectors(db, "tiny")
    extra = "水素で動く予備の発電機は、7分で全出力に達した。"
    (db.parent / "posts" / "new.md").write_text(f"---\ntitle: 予備\n---\n\n{extra}\n", "utf-8")
    pipeline.build([db.parent / "posts"], db)
    assert row(db, "tiny")["missing"] == 0
    new = vectors(db, "tiny")
    assert {key: new[key] for key in before} == before
    made = embeddings.load(f"{tiny}?dim=4").encode(extra).astype("<f4").tobytes()
    assert made in [vector for key, vector in new.items() if key not in before]


_KILLED = """
import os, signal, sys
from pathlib import Path
from kb.pipeline import encoders
encoders._BATCH = 8

def stop(stage, done, total):
    if done >= 16:
        os.kill(os.getpid(), signal.SIGKILL)

encoders.add(Path(sys.argv[1]), sys.argv[2], stop, label="tiny")
"""


def test_a_killed_add_goes_on_where_it_was(db: Path, tiny: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(db), str(tiny)],
        check=False,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(Path(kb.__file__).parent.parent)},
    )
    assert killed.returncode == -signal.SIGKILL
    half = vectors(db, "tiny")
    assert len(half) == 16
    with pytest.raises(ModelError, match=r"have no vector yet; go on with: kb model add tiny"):
        encoders.use(db, "tiny")
    assert row(db, "default")["active"]
    with kb.open(db) as base:
        assert base.search("電力", mode="semantic")
    whole = len(vectors(db, "default"))
    assert encoders.add(db, "tiny")["new"] == whole - 16
    made = vectors(db, "tiny")
    assert {key: made[key] for key in half} == half
    encoders.use(db, "tiny")


def test_settings_of_the_model_in_use_are_not_changed_under_it(db: Path, tiny: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    encoders.use(db, "tiny")
    before = vectors(db, "tiny")
    with pytest.raises(ModelError, match="--as"):
        encoders.add(db, str(tiny), label="tiny", options=ModelOptions(dim=4))
    assert vectors(db, "tiny") == before
    assert encoders.add(db, str(tiny), label="small", options=ModelOptions(dim=4))["dim"] == 4
    again = encoders.add(db, str(tiny), label="small")  # goes on as it was begun
    assert (again["dim"], again["new"]) == (4, 0)


def test_a_folder_that_has_changed_is_not_searched_with(db: Path, tiny: Path, other: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "mine")
    encoders.add(db, str(tmp_path / "mine"), label="mine")
    encoders.use(db, "mine")
    shutil.copy(other / "model.safetensors", tmp_path / "mine" / "model.safetensors")
    with kb.open(db) as base:
        with pytest.raises(ModelError, match="has changed since it was added"):
            base.search("電力", mode="semantic")
        assert "has changed" in base.search("電力").notes[0]
    shutil.rmtree(tmp_path / "mine")
    with kb.open(db) as base, pytest.raises(ModelError, match="is gone"):
        base.search("電力", mode="semantic")


def test_a_commit_of_the_hub_is_pinned(db: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit = "89abcdef0123456789abcdef0123456789abcdef"
    repository = tmp_path / "cache" / "models--someone--tiny"
    shutil.copytree(tiny, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, "utf-8")
    added = encoders.add(db, "someone/tiny", options=ModelOptions(dim=8))
    assert (added["source"], added["revision"]) == (f"someone/tiny@{commit}?dim=8", f"{commit}+d=8")
    (repository / "refs" / "main").write_text("f" * 40, "utf-8")  # the name has moved on
    assert encoders.add(db, "someone/tiny")["revision"] == added["revision"]


def test_options_are_not_for_the_default(db: Path) -> None:
    with pytest.raises(UsageError, match="other models only"):
        encoders.add(db, "default", options=ModelOptions(dim=100))


def test_a_running_build_is_not_disturbed(db: Path, tiny: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    with exclusive(db):
        for change in (encoders.use, encoders.drop):
            with pytest.raises(LockedError):
                change(db, "tiny")


# ---- switching and dropping


def test_use_switches_an_open_knowledge_base(db: Path, tiny: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    with kb.open(db) as base:
        first = base.search("電力と冷却水", mode="semantic", limit=5)
        encoders.use(db, "tiny")
        second = base.search("電力と冷却水", mode="semantic", limit=5)
        assert [hit.text for hit in first] != [hit.text for hit in second]
        encoders.use(db, "default")
        assert [hit.text for hit in base.search("電力と冷却水", mode="semantic", limit=5)] == [h.text for h in first]


def test_an_unknown_name_is_told_with_near_ones(db: Path) -> None:
    for change in (encoders.use, encoders.drop):
        with pytest.raises(NotFoundError, match="near names: default"):
            change(db, "defualt")


def test_drop_frees_the_space_and_keeps_the_rest(db: Path, tiny: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE embeddings SET vector = zeroblob(40000) WHERE model_id = 2")
    before = vectors(db, "default")
    with pytest.raises(ModelError, match="in use"):
        encoders.drop(db, "default")
    size = sum(path.stat().st_size for path in db.parent.glob("kb.db*"))
    freed = encoders.drop(db, "tiny")
    assert freed > 0
    assert sum(path.stat().st_size for path in db.parent.glob("kb.db*")) < size - 40_000 * len(before) / 2
    assert [one["name"] for one in encoders.listed(db)] == ["default"]
    assert vectors(db, "default") == before
    with kb.open(db) as base:
        assert base.search("電力")


# ---- comparing


def test_a_model_agrees_with_itself(db: Path, tiny: Path, other: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    encoders.add(db, str(tiny), label="twin")
    encoders.add(db, str(other), label="other")
    same = compare(db, "tiny", "twin")
    assert same["overlap"] == 1
    assert {one["q"] for one in same["each"]} == {"現状", "見通し"}
    differs = compare(db, "tiny", "other")
    assert differs["overlap"] < 1
    assert set(differs["models"]) == {"tiny", "other"}


def test_overlap_and_ndcg_are_those_worked_out_by_hand(db: Path, tiny: Path, tmp_path: Path) -> None:
    encoders.add(db, str(tiny), label="tiny")
    query = "電力と人材"
    with closing(sqlite3.connect(db)) as connection:
        texts = dict(connection.execute("SELECT text_hash, text FROM claims WHERE NOT stock"))
    order = {}
    for name, encoder in (("default", embeddings.load()), ("tiny", embeddings.load(str(tiny)))):
        held = vectors(db, name)
        asked = encoder.encode(query, kind="query")[0]
        scores = {key: float(np.frombuffer(held[key], "<f4") @ asked) for key in texts}
        order[name] = sorted(texts, key=lambda key: -scores[key])
    third = texts[order["default"][2]]
    (tmp_path / "q.jsonl").write_text(json.dumps({"qid": 1, "q": query}) + "\n\n", "utf-8")
    judged = [(third, 3), (texts[order["default"][0]], 0), ("どこにもない文が一つだけ書かれている。", 1)]
    lines = [json.dumps({"qid": "1", "text": text, "grade": grade}) for text, grade in judged]
    (tmp_path / "r.jsonl").write_text("\n".join(lines), "utf-8")
    found = compare(db, "default", "tiny", queries=tmp_path / "q.jsonl", qrels=tmp_path / "r.jsonl")
    shared = len(set(order["default"][:10]) & set(order["tiny"][:10]))
    assert found["overlap"] == pytest.approx(shared / 10)
    ideal = 7 + 1 / math.log2(3)
    assert found["models"]["default"]["ndcg10"] == pytest.approx(7 / math.log2(3) / ideal)
    assert found["models"]["default"]["unjudged"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "line 1 is no JSON"), (b"[1]", "line 1 has no 'q'"), (b"\xff\xfe", "UTF-8"), (b'{"q": "a"}\n{}', "line 2")],
)
def test_a_bad_file_of_queries_is_named(db: Path, tiny: Path, tmp_path: Path, content: bytes, message: str) -> None:
    encoders.add(db, str(tiny), label="tiny")
    (tmp_path / "q.jsonl").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        compare(db, "default", "tiny", queries=tmp_path / "q.jsonl")


def test_nothing_to_compare(db: Path, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("", "utf-8")
    with pytest.raises(NotFoundError):
        compare(db, "default", "nothing-like-it")
    with pytest.raises(UsageError, match="nothing to ask"):
        compare(db, "default", "default", queries=tmp_path / "q.jsonl")
    with pytest.raises(UsageError, match="--queries"):
        compare(db, "default", "default", qrels=tmp_path / "q.jsonl")


# ---- re-ranking


def hit(text: str) -> Hit:
    return Hit(text, text, "fact", "asserted", "author", 1.0, {"keyword": Arm(1, 2.0)}, (), ())


def test_a_cross_encoder_sets_the_order(reader: Path) -> None:
    from sentence_transformers import CrossEncoder

    texts = ["電力は年に3回、人材は4回。", "冷却水の施設。", "大二三四五", "送電の工事は月5回。"]
    found = rerank.rerank(str(reader), "電力の施設", [hit(text) for text in texts], device="cpu")
    scores = CrossEncoder(str(reader), device="cpu").predict([("電力の施設", text) for text in texts])
    assert [one.text for one in found] == [texts[at] for at in np.argsort(-scores)]
    assert [one.arms["rerank"].rank for one in found] == [1, 2, 3, 4]
    assert found[0].arms["keyword"] == Arm(1, 2.0)
    assert all(0 <= one.score <= 1 for one in found)
    assert len({one.score for one in found}) == 4


def test_posts_are_reranked_too(reader: Path) -> None:
    posts = [PostHit(str(n), title, None, 1.0, (hit(title),)) for n, title in enumerate(["電力", "冷却水", "人材"])]
    found = rerank.rerank(str(reader), "施設", posts)
    assert {post.post for post in found} == {"0", "1", "2"}
    assert [post.score for post in found] == sorted((post.score for post in found), reverse=True)
    assert rerank.rerank(str(reader), "施設", []) == []


def test_a_model_without_a_head_cannot_rerank(reader: Path, tmp_path: Path) -> None:
    from transformers import BertModel

    shutil.copytree(reader, tmp_path / "headless")
    BertModel.from_pretrained(str(reader)).save_pretrained(tmp_path / "headless")
    with pytest.raises(ModelError, match="no cross-encoder"):
        rerank.rerank(str(tmp_path / "headless"), "電力", [hit("電力"), hit("人材")])


def test_models_that_cannot_rerank(tmp_path: Path) -> None:
    models_for_tests.cross_encoder(tmp_path / "three", labels=3)
    (tmp_path / "empty").mkdir()
    for name in ("three", "empty", "gone"):
        with pytest.raises(KbError) as caught:
            rerank.rerank(str(tmp_path / name), "電力", [hit("電力"), hit("人材")])
        assert "\n" not in str(caught.value)
