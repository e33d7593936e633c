"""`kb topics` and its commands, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from topics_for_tests import write

from kb import pipeline
from kb.cli import cli
from kb.topics import load

Kb = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("topics")
    pipeline.build([write(folder / "posts")], folder / "kb.db", workers=1)
    return folder / "kb.db"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)


def printed(*words: str | Path) -> Any:
    result = run(*words, "--json")
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


def test_the_bare_command_still_lists(db: Path) -> None:
    found = printed("topics", "--db", db)
    assert {"slug", "names", "claims", "posts", "discovered"} <= set(found[0])
    assert {"ja", "en"} == set(found[0]["names"])
    assert any(topic["discovered"] and topic["claims"] == 64 for topic in found)
    assert "beacon-fleet (discovered): Beacon Fleet" in run("topics", "--db", db).stdout


def test_an_option_of_the_list_before_a_command_is_bad_usage(kb_run: Kb, db: Path) -> None:
    done = kb_run("topics", "--db", db, "show", "hbm")
    assert (done.returncode, "write --db behind show" in done.stderr) == (2, True)


def test_show_prints_counts_and_history(db: Path) -> None:
    text = run("topics", "show", "beacon-fleet", "--db", db).stdout
    for words in ("64 claims", "in 4 posts, 25% of all", "terms: Beacon Fleet", "2025-", "born (claims 64)"):
        assert words in text
    shown = printed("topics", "show", "Beacon Fleet", "--db", db)
    assert (shown["slug"], shown["claims"], shown["trend"]["months"] > 0) == ("beacon-fleet", 64, True)
    assert "     0 claims (none) in 0 posts" in run("topics", "show", "hbm", "--db", db).stdout


def test_an_unknown_topic_is_one_line_with_near_names(kb_run: Kb, db: Path) -> None:
    done = kb_run("topics", "show", "becon-fleet", "--db", db)
    assert done.returncode == 1
    assert done.stderr == (
        "kb: no topic 'becon-fleet' in this database; near names: beacon-fleet; kb topics lists them\n"
    )


def test_sample_prints_evidence_and_place(db: Path) -> None:
    text = run("topics", "sample", "beacon-fleet", "-n", "3", "--db", db).stdout
    assert text.count("Beacon Fleet; 2025-Beacon-Fleet-") == 3
    drawn = printed("topics", "sample", "beacon-fleet", "-n", "3", "--seed", "4", "--db", db)
    assert len(drawn) == 3
    assert {"claim", "text", "score", "evidence", "post", "start", "end"} <= set(drawn[0])


def test_a_suggestion_is_an_entry_that_can_be_used_as_it_is(db: Path, tmp_path: Path) -> None:
    text = run("topics", "suggest", "海藻養殖", "--db", db).stdout
    (tmp_path / "mine.yml").write_text("topics:\n" + text, "utf-8")
    (topic,) = load(tmp_path / "mine.yml")
    assert (topic.slug, topic.aliases) == ("kaisoyoshoku-2", ("海藻養殖",))
    assert topic.seeds == ()
    assert "# seeds: two to four sentences" in text
    assert '- "海藻養殖"  # 64 claims' in text
    assert "(2025-海藻養殖-" in text
    told = printed("topics", "suggest", "海藻養殖", "--db", db)
    assert told["counts"] == {"海藻養殖": 64}
    assert yaml.safe_load(told["yaml"])[0]["slug"] == told["slug"]


@pytest.mark.parametrize(
    ("phrase", "words", "status"),
    [
        ("火山灰", "no claim says", 1),
        ("", "too short", 2),
        ("海", "too short", 2),
        ("%' OR 1=1 --", "no claim says", 1),
    ],
)
def test_a_phrase_that_no_claim_says_is_told(kb_run: Kb, db: Path, phrase: str, words: str, status: int) -> None:
    done = kb_run("topics", "suggest", phrase, "--db", db)
    assert (done.returncode, words in done.stderr, done.stderr.count("\n")) == (status, True, 1)


def test_a_common_noun_is_drafted_as_the_phrases_that_hold_it(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    kinds = ["冷却水", "冷却塔", "冷却油"]
    for number in range(30):
        lines = [
            f"工場{number}は{kinds[(number + k) % 3]}を{10 + number * 7 + k}本ほど倉庫に置いた。" for k in range(3)
        ]
        (folder / f"2025-{number}.md").write_text(f"# 記録 {number}\n\n" + "\n\n".join(lines) + "\n", "utf-8")
    pipeline.build([folder], tmp_path / "kb.db", workers=1)
    told = printed("topics", "suggest", "冷却", "--db", tmp_path / "kb.db")
    assert set(told["aliases"]) == set(kinds)
    assert "冷却 alone is one common noun" in told["yaml"]


def test_sync_diff_and_adopt_end_to_end(kb_run: Kb, tmp_path: Path) -> None:
    assert kb_run("build", write(tmp_path / "posts"), "--workers", "1").returncode == 0
    draft = kb_run("topics", "suggest", "海藻養殖").stdout
    (tmp_path / "mine.yml").write_text("topics:\n" + draft, "utf-8")
    synced = kb_run("topics", "sync", "--file", "mine.yml")
    assert synced.returncode == 0
    assert "added: kaisoyoshoku-2" in synced.stdout
    assert "  kaisoyoshoku-2: 64 claims (+64 -0)" in synced.stdout
    assert "nothing has changed" in kb_run("topics", "sync").stdout
    adopted = kb_run("topics", "adopt", "beacon-fleet")
    assert adopted.returncode == 0
    assert "and applied" in adopted.stderr
    assert "- slug: beacon-fleet" in (tmp_path / "mine.yml").read_text("utf-8")
    assert "beacon-fleet adopted" in kb_run("topics", "diff").stdout
    assert "born (claims 64)" in kb_run("topics", "diff", "--since", "0").stdout
    assert "kaisoyoshoku: 0 claims" in kb_run("topics", "discover").stdout
    assert kb_run("verify").returncode == 0


def test_adopting_without_a_list_of_ones_own_prints_and_writes_nothing(kb_run: Kb, db: Path) -> None:
    done = kb_run("topics", "adopt", "beacon-fleet", "--db", db)
    assert done.returncode == 0
    assert done.stdout.startswith("  - slug: beacon-fleet\n")
    assert "nothing was written" in done.stderr


def test_a_fault_in_a_list_is_one_line_and_exit_1(kb_run: Kb, db: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("topics:\n  - slug: a\n    names: {ja: 甲, en: A}\n    aliases: 甲社\n", "utf-8")
    for command in (("topics", "sync", "--file"), ("build", str(db.parent / "posts"), "--topics")):
        done = kb_run(*command, "bad.yml", "--db", db)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "bad.yml:4: aliases: expected a list" in done.stderr
    assert "none.yml: cannot be read" in kb_run("topics", "sync", "--file", "none.yml", "--db", db).stderr


@pytest.mark.parametrize("command", ["show", "sample", "suggest", "diff", "sync", "discover", "adopt"])
def test_every_command_tells_that_there_is_no_database(kb_run: Kb, command: str) -> None:
    words = [] if command in ("diff", "sync", "discover") else ["x1"]
    done = kb_run("topics", command, *words)
    assert (done.returncode, done.stderr.count("\n"), "no such database" in done.stderr) == (1, 1, True)
