"""`kb export` and `kb verify --export` as commands."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from export_data import database, enrich
from search_data import WordEncoder

from kb.cli import cli
from kb.errors import KbError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return enrich(database(tmp_path_factory.mktemp("cli") / "kb.db"))


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.embeddings.load", lambda *_, **__: WordEncoder())


def run(db: Path, *words: object, command: str = "export") -> Result:
    return CliRunner().invoke(cli, [command, *map(str, words), "--db", str(db)], prog_name="kb")


def told(result: Result) -> str:
    """Return the one line of an error."""
    assert result.exit_code in (1, 2), result.output
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()[-1:]
    return line


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [("md", "# 電力"), ("html", "<!doctype html>"), ("json", '{\n  "schema"'), ("csv", "\ufeff"), ("txt", "# 電力")],
)
def test_the_suffix_says_the_format(made: Path, tmp_path: Path, suffix: str, begins: str) -> None:
    out = tmp_path / f"x.{suffix}"
    result = run(made, "power", "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert out.read_bytes().decode().startswith(begins)
    assert f"wrote {out}" in result.stderr


def test_a_format_that_is_given_wins(made: Path, tmp_path: Path) -> None:
    run(made, "power", "-o", tmp_path / "x.txt", "--format", "json")
    assert json.loads((tmp_path / "x.txt").read_text("utf-8"))["topics"]


def test_a_sheet_on_standard_output_keeps_its_mark_and_line_ends(made: Path) -> None:
    out = run(made, "power", "--format", "csv").stdout_bytes
    assert out.startswith(b"\xef\xbb\xbf")
    assert len(list(csv.DictReader(io.StringIO(out.decode("utf-8-sig"), newline="")))) == 7


def test_several_topics_go_to_one_file_or_to_a_folder(made: Path, tmp_path: Path) -> None:
    assert run(made, "power", "korea", "-o", tmp_path / "both.md").exit_code == 0
    assert (tmp_path / "both.md").read_text("utf-8").count("\n# ") == 1
    assert run(made, "--all", "-o", tmp_path / "each", "--format", "html").exit_code == 0
    assert sorted(p.name for p in (tmp_path / "each").glob("*.html")) == ["korea.html", "power.html"]
    assert "is not empty" in told(run(made, "--all", "-o", tmp_path / "each"))
    assert run(made, "--all", "-o", tmp_path / "each", "--force").exit_code == 0
    assert sorted(p.suffix for p in (tmp_path / "each").glob("[a-z]*")) == [".md", ".md"]


def test_what_exists_is_kept_unless_forced(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.md"
    out.write_text("mine")
    assert "x.md: exists; name another file, or give --force to replace it" in told(run(made, "power", "-o", out))
    assert out.read_text() == "mine"
    assert run(made, "power", "-o", out, "--force").exit_code == 0
    assert out.read_text("utf-8").startswith("# 電力")


def test_a_search_and_a_post_are_exported(made: Path, tmp_path: Path) -> None:
    assert run(made, "--search", "電力 需要", "-o", tmp_path / "s.md", "--limit", "3").exit_code == 0
    assert (tmp_path / "s.md").read_text("utf-8").startswith("# 検索：電力 需要\n\n主張3件")
    assert run(made, "--post", "grid.md", "-o", tmp_path / "p.json").exit_code == 0
    assert json.loads((tmp_path / "p.json").read_text("utf-8"))["topics"][0]["kind"] == "post"
    assert "no post 'nowhere.md'" in told(run(made, "--post", "nowhere.md"))


def test_notes_are_written_checked_and_written_again(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    assert run(made, "--all", "--obsidian", folder, "--lang", "en").exit_code == 0
    assert (folder / "Topics" / "Power.md").is_file()
    assert run(made, "--export", folder, command="verify").exit_code == 0
    assert run(made, "power", "--obsidian", folder, "--force").exit_code == 0
    assert not (folder / "Topics" / "Power.md").exists()
    assert (folder / "話題" / "電力.md").is_file()


def test_verify_counts_and_fails_with_the_line(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.md"
    run(made, "power", "-o", out)
    done = run(made, "--export", out, "--json", command="verify")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["counts"]["quotes"] > 10
    out.write_text(out.read_text("utf-8").replace("3ギガワットの蓄電", "30ギガワットの蓄電", 1), "utf-8")
    bad = run(made, "--export", out, command="verify")
    assert bad.exit_code == 1
    assert f"{out}: line " in bad.stdout
    assert "1 problem\n" in bad.stdout
    assert "no such file" in told(run(made, "--export", tmp_path / "none.md", command="verify"))


def test_a_digest_since_a_day_and_since_a_build(made: Path, tmp_path: Path) -> None:
    text = run(made, "--since", "2025-11").stdout
    assert text.startswith("# 知識ベースの変化\n\n2025-11 からの変化: 新しい主張6件")
    assert "# Power" in run(made, "power", "--since", "2025-11", "--lang", "en").stdout.replace("What changed: ", "")
    assert run(made, "--since", "2025-11", "-o", tmp_path / "x.atom").exit_code == 0
    assert run(made, "--export", tmp_path / "x.atom", command="verify").exit_code == 0
    assert "no build has logged changes yet" in told(run(made, "--since-build", "0"))
    several = run(made, "power", "korea", "--since", "2025", "-o", tmp_path / "d", "--format", "html")
    assert several.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "d").glob("*.html")) == ["korea.html", "power.html"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "name one or more topics, or give --all, --search, --post or --since"),
        (("power", "--all"), "--all: name topics, or give --all"),
        (("--since", "2025", "--since-build", "1"), "--since and --since-build: give one of them"),
        (("--since", "2025", "--search", "x"), "--since: a digest is of topics, or of all"),
        (("--since", "2025", "--format", "csv"), "--format csv: a digest is md, html, json or atom"),
        (("power", "--format", "atom"), "--format atom: a feed tells changes; give --since as well"),
        (("power", "--obsidian", "d", "-o", "x.md"), "--obsidian: writes notes of topics; leave out -o"),
        (("--since", "soon"), "since 'soon' is no date; write it as 2025-09-30, 2025-09 or 2025"),
    ],
)
def test_what_makes_no_sense_together_is_status_2(made: Path, words: tuple[str, ...], line: str) -> None:
    result = run(made, *words)
    assert isinstance(result.exception, KbError) or result.exit_code == 2
    assert result.exit_code == 2
    assert line in told(result)


def test_an_unknown_topic_is_told_with_near_names(made: Path) -> None:
    assert "no topic 'powr' in this database; near names: power" in told(run(made, "powr"))


def test_nothing_is_written_where_it_cannot_be(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no folder" in told(run(made, "power", "-o", tmp_path / "no" / "x.md"))
    assert "is a folder; name a file in it" in told(run(made, "power", "-o", tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert "x.md: cannot be written; change the permissions" in told(run(made, "power", "-o", tmp_path / "x.md"))


def test_a_model_that_nobody_knows_is_told(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    assert "--llm: no model 'nosuchmodel' is known to llm" in told(run(made, "power", "--llm", "nosuchmodel"))


def test_a_terminal_is_not_written_over(tmp_path: Path) -> None:
    db = database(tmp_path / "kb.db")
    with closing(sqlite3.connect(db)) as conn:
        conn.execute("UPDATE posts SET title = '題\u202e\u0007逆'")
        conn.commit()
    assert not set("\u202e\u0007") & set(run(db, "power").stdout)


def test_a_written_lead_is_put_above_and_what_was_removed_is_counted(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(name: str, prompt: str, system: str) -> str:
        key = prompt.split("[")[2].split("]")[0]
        return f"蓄電の設備が増える[{key}]。根拠のない文。"

    monkeypatch.setattr("kb.export.abstract._answer", answer)
    result = run(made, "power", "--llm", "writer")
    assert result.exit_code == 0
    assert "> 蓄電の設備が増える。[^1]\n" in result.stdout
    assert result.stdout.index("## AIによる要約") < result.stdout.index("## 要点")
    assert "kb: power: 1 sentences of writer cited nothing sound; removed" in result.stderr
