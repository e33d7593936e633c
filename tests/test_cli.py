"""The command line as users and scripts meet it: output, messages, exit status."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kb.cli import cli
from kb.cli.common import clean

POST = """---
title: 離島の風力発電
date: 2026-02-03
tags: [風力, 離島]
---

# 離島の風力発電

北の島では、風力発電の設備容量が2025年に40メガワットへ増えた。
島の電力は、2030年までにすべて再生可能エネルギーで賄われる見通しだ。
送電線を早く太くするべきである。
"""

Kb = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "2026-02-03-wind.md").write_text(POST, "utf-8")
    return folder


def invoke(*words: str | Path, **options: Any) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words], **options)


def one_line(text: str) -> str:
    assert text.endswith("\n")
    assert text.count("\n") == 1, text
    return text


# ---- usage


def test_no_command_is_bad_usage() -> None:
    result = invoke()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sarch", "x"),
        ("search",),
        ("search", "x", "--limit", "0"),
        ("search", "x", "--mode", "magic"),
        ("build",),
        ("relate", "一文だけ"),
        ("relate", "甲", "乙", "--jsonl", "pairs.jsonl"),
        ("export",),
        ("export", "ai-talent", "--all"),
        ("serve", "--port", "70000"),
    ],
)
def test_bad_usage_is_status_2_and_prints_nothing_on_stdout(words: tuple[str, ...]) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_a_query_of_several_words_needs_no_quotes(sample: Path) -> None:
    quoted, bare = invoke("search", "電力 需要", "--db", sample), invoke("search", "電力", "需要", "--db", sample)
    assert bare.exit_code == 0
    assert bare.stdout == quoted.stdout != ""
    assert invoke("search", "--db", sample, "--", "電力", "-冷却").exit_code == 0
    assert "QUERY" in invoke("search", "--db", sample).stderr


def test_the_synonyms_that_were_found_are_told(sample: Path) -> None:
    found = invoke("search", "electric power", "--db", sample)
    assert "synonyms: " in found.stdout, found.stdout


def test_a_query_that_begins_with_a_minus_is_told_where_to_stand(sample: Path) -> None:
    refused = invoke("search", "-電力", "--db", sample)
    assert refused.exit_code == 2
    assert "kb search -- -word" in refused.stderr
    assert invoke("search", "--db", sample, "--", "-電力 冷却").exit_code == 0
    assert "kb search --" not in invoke("search", "--lmit", "3", "電力").stderr


@pytest.mark.parametrize("words", [("--help",), ("search", "--help"), ("model", "add", "-h")])
def test_help_goes_to_stdout(words: tuple[str, ...]) -> None:
    result = invoke(*words)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['kb', '--help']\n"
        "from kb.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "torch",
        "spacy",
        "datasette",
        "sentence_transformers",
        "numpy",
        "sqlalchemy",
        "alembic",
        "sudachipy",
        "rich",
    }
    assert [name for name in heavy if f"'{name}'" in done.stderr] == []
    assert "'click'" in done.stderr


# ---- a database and back


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the one post above."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "2026-02-03-wind.md").write_text(POST, "utf-8")
    result = invoke("build", folder, "--db", folder / "kb.db")
    assert result.exit_code == 0, result.output
    return folder / "kb.db"


def test_build_ends_with_a_table_and_is_silent_in_a_pipe(kb_run: Kb, posts: Path) -> None:
    done = kb_run("build", posts, "--db", "a.db")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("posts", "drafts", "sentences", "repeats", "claims", "embeddings", "seconds"):
        assert word in done.stdout
    again = kb_run("build", posts, "--db", "a.db", "--json")
    counts = json.loads(again.stdout)["counts"]
    assert counts["changed_posts"] == 0
    assert counts["new_embeddings"] == 0


def test_database_comes_from_the_environment(sample: Path) -> None:
    with_option = invoke("search", "風力", "--db", sample)
    with_variable = invoke("search", "風力", env={"KB_DB": str(sample)})
    assert with_option.exit_code == 0
    assert with_option.stdout == with_variable.stdout


def test_search_json_has_the_published_shape(sample: Path) -> None:
    hits = json.loads(invoke("search", "風力発電", "--db", sample, "--json").stdout)
    assert hits
    assert {"claim", "text", "kind", "certainty", "score", "arms", "matched", "occurrences"} <= set(hits[0])
    place = hits[0]["occurrences"][0]
    assert {"post", "title", "date", "start", "end", "spans"} <= set(place)
    assert place["post"] == "2026-02-03-wind.md"
    assert "".join(POST[a:b] for a, b in place["spans"]) == place["quote"]
    for arm in hits[0]["arms"].values():
        assert {"rank", "score"} <= set(arm)


def test_search_by_post(sample: Path) -> None:
    hits = json.loads(invoke("search", "風力発電", "--db", sample, "--json", "--group", "post").stdout)
    assert hits[0]["post"] == "2026-02-03-wind.md"
    assert hits[0]["claims"]
    assert "離島の風力発電" in invoke("search", "風力発電", "--db", sample, "--group", "post").stdout


def test_search_shows_where_a_claim_is_said(sample: Path) -> None:
    text = invoke("search", "風力発電の設備容量", "--db", sample).stdout
    assert "40メガワット" in text
    assert "2026-02-03-wind.md:" in text


def test_search_imports_neither_torch_nor_spacy(sample: Path) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['kb', 'search', '電力', '--db', {str(sample)!r}]\n"
        "from kb.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print({'torch', 'spacy', 'sentence_transformers', 'datasette'} & set(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stderr.strip() == "set()"
    assert "再生可能エネルギー" in done.stdout


@pytest.mark.parametrize("command", ["topics", "duplicates", "conflicts"])
def test_look_ups_print_a_list(sample: Path, command: str) -> None:
    assert isinstance(json.loads(invoke(command, "--db", sample, "--json").stdout), list)
    assert invoke(command, "--db", sample).exit_code == 0


def test_topics_json_has_the_published_shape(sample: Path) -> None:
    topics = json.loads(invoke("topics", "--db", sample, "--json").stdout)
    assert {"slug", "names", "claims", "posts", "discovered"} <= set(topics[0])
    assert {"ja", "en"} <= set(topics[0]["names"])


def test_show_takes_what_search_prints(sample: Path) -> None:
    claim = json.loads(invoke("search", "送電線", "--db", sample, "--json").stdout)[0]
    assert claim["text"] in invoke("show", claim["claim"], "--db", sample).stdout
    assert "離島の風力発電" in invoke("show", "2026-02-03-wind.md", "--db", sample).stdout
    assert (
        "送電線を早く太くするべきである。" in invoke("show", "2026-02-03-wind.md", "--article", "--db", sample).stdout
    )
    assert invoke("show", claim["claim"], "--article", "--db", sample).exit_code == 2


def test_export_cites_and_writes_a_file(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "power.md"
    result = invoke("export", "renewable-power", "--db", sample, "-o", out)
    assert result.exit_code == 0
    assert "再生可能エネルギー" in out.read_text("utf-8")
    assert "2026-02-03" in out.read_text("utf-8")
    assert json.loads(invoke("export", "--all", "--db", sample, "--format", "json").stdout)


def test_verify_finds_nothing_wrong_and_then_something(sample: Path, tmp_path: Path) -> None:
    assert invoke("verify", "--db", sample).exit_code == 0
    bent = tmp_path / "bent.db"
    with sqlite3.connect(sample) as source, sqlite3.connect(bent) as target:
        source.backup(target)
    source.close()
    with target:
        target.execute("UPDATE sentences SET text = text || '!'")
    target.close()
    result = invoke("verify", "--db", bent, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"]


def test_model_list_marks_the_one_in_use(sample: Path) -> None:
    models = json.loads(invoke("model", "list", "--db", sample, "--json").stdout)
    assert [one["active"] for one in models] == [True]
    assert invoke("model", "list", "--db", sample).stdout.startswith("* ")


def test_model_that_is_not_there(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    for words in (("model", "use", "hollow"), ("model", "add", str(tmp_path / "hollow"))):
        result = invoke(*words, "--db", sample)
        assert result.exit_code == 1
        assert "hollow" in one_line(result.stderr)


# ---- without a database


def test_annotate_shows_sentences_and_why(posts: Path) -> None:
    file = posts / "2026-02-03-wind.md"
    notes = json.loads(invoke("annotate", file, "--json").stdout)
    assert [s["text"] for s in notes["sentences"] if s["kind"] == "advice"] == ["送電線を早く太くするべきである。"]
    for sentence in notes["sentences"]:
        assert "".join(POST[a:b] for a, b in sentence["spans"]) == sentence["text"]
    assert len(invoke("annotate", file, "--explain").stdout) > len(invoke("annotate", file).stdout)


def test_annotate_reads_standard_input() -> None:
    command = [sys.executable, "-m", "kb", "annotate", "-", "--json"]
    done = subprocess.run(command, input="港は静かだ。船が来た。".encode("euc_jp"), capture_output=True, check=True)
    assert [s["text"] for s in json.loads(done.stdout)["sentences"]] == ["港は静かだ。", "船が来た。"]
    done = subprocess.run(command, input=b"\x81\xff\xfe\x80", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("kb: standard input: not UTF-8")


def test_relate_two_sentences() -> None:
    result = invoke("relate", "投資額は300億円だった。", "投資額は500億円だった。", "--json")
    found = json.loads(result.stdout)
    assert found["relation"] == "conflict"
    assert found["evidence"]


@pytest.mark.parametrize(
    ("a", "b", "named"), [("", "", "A and B"), ("港が開く。", " \n", "B"), ("\u3000", "港が開く。", "A")]
)
def test_relate_refuses_to_compare_nothing(a: str, b: str, named: str) -> None:
    result = invoke("relate", a, b)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{named} must say something" in result.stderr


def test_relate_jsonl_answers_a_line_a_pair_in_order(tmp_path: Path) -> None:
    pairs = [{"id": n, "a": "雪が降った。", "b": "雪が降った。"} for n in ("三", "一", "二")]
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n\n".join(json.dumps(pair, ensure_ascii=False) for pair in pairs), "utf-8")
    answers = [json.loads(line) for line in invoke("relate", "--jsonl", file, "--json").stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["三", "一", "二"]
    assert {answer["relation"] for answer in answers} == {"same"}
    from_pipe = invoke("relate", "--jsonl", "-", input=file.read_text("utf-8"))
    assert from_pipe.stdout.startswith("三: same")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2 is not a record"),
        ("[1]", "line 2 is not a record"),
        ('{"id": 1, "a": "x"}', "line 2 is not a record"),
        ('{"id": 1, "a": "x", "b": 3}', "must be strings"),
    ],
)
def test_relate_names_the_bad_line(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(f'{{"a": "x", "b": "y"}}\n{line}\n', "utf-8")
    result = invoke("relate", "--jsonl", file)
    assert result.exit_code == 1
    assert f"{file}: " in result.stderr
    assert reason in result.stderr


# ---- bad input: one line that names the file, status 1, no traceback


def test_missing_folder(kb_run: Kb, tmp_path: Path) -> None:
    done = kb_run("build", "nowhere", "--db", "a.db")
    assert done.returncode == 1
    assert "nowhere" in one_line(done.stderr)
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize(
    "command", [("search", "電力"), ("topics",), ("verify",), ("serve",), ("export", "--all"), ("model", "list")]
)
def test_missing_database(kb_run: Kb, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = kb_run(*command, "--db", "none.db")
    assert done.returncode == 1
    assert "none.db" in one_line(done.stderr)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("command", [("search", "電力"), ("verify",), ("build", "posts"), ("serve",)])
def test_file_that_is_no_database(kb_run: Kb, posts: Path, command: tuple[str, ...]) -> None:
    file = posts.parent / "notes.db"
    file.write_text("just notes\n" * 100, "utf-8")
    done = kb_run(*command, "--db", file)
    assert done.returncode == 1
    assert "notes.db" in one_line(done.stderr)
    assert file.read_text("utf-8") == "just notes\n" * 100


@pytest.mark.parametrize("command", [("search", "電力"), ("verify",), ("build", "posts"), ("serve",)])
def test_database_of_another_program(kb_run: Kb, posts: Path, command: tuple[str, ...]) -> None:
    file = posts.parent / "shop.db"
    shop = sqlite3.connect(file)
    shop.execute("CREATE TABLE orders (id INTEGER)")
    shop.commit()
    shop.close()
    before = file.read_bytes()
    done = kb_run(*command, "--db", file)
    assert done.returncode == 1
    assert "shop.db" in one_line(done.stderr)
    assert file.read_bytes() == before


def binary(posts: Path) -> Path:
    file = posts / "bad-bytes.md"
    file.write_bytes(b"\xff\x00\xfa\x81" * 50)
    return file


def broken_front_matter(posts: Path) -> Path:
    file = posts / "bad-front.md"
    file.write_text("---\ntitle: [閉じない\n---\n\n海底送電線の工事が2027年に始まる。\n", "utf-8")
    return file


def empty(posts: Path) -> Path:
    file = posts / "bad-empty.md"
    file.write_bytes(b"")
    return file


def folder(posts: Path) -> Path:
    file = posts / "bad-folder.md"
    file.mkdir()
    return file


@pytest.mark.parametrize("make", [binary, broken_front_matter, empty, folder])
def test_bad_file_is_named_and_the_rest_is_built(kb_run: Kb, posts: Path, make: Callable[[Path], Path]) -> None:
    name = make(posts).name
    done = kb_run("build", posts, "--db", "a.db")
    assert done.returncode == 1
    assert name in one_line(done.stderr)
    assert "風力発電" in kb_run("search", "風力", "--db", "a.db").stdout
    assert kb_run("verify", "--db", "a.db").returncode == 0


def test_body_below_broken_front_matter_is_read(kb_run: Kb, posts: Path) -> None:
    broken_front_matter(posts)
    kb_run("build", posts, "--db", "a.db")
    assert "海底送電線" in kb_run("search", "海底送電線", "--db", "a.db").stdout


@pytest.mark.parametrize("make", [binary, folder])
def test_annotate_names_a_file_it_cannot_read(kb_run: Kb, posts: Path, make: Callable[[Path], Path]) -> None:
    file = make(posts)
    done = kb_run("annotate", file)
    assert done.returncode == 1
    assert file.name in one_line(done.stderr)


def test_unknown_topic_and_claim(sample: Path) -> None:
    for words in (("export", "no-such-topic"), ("show", "nosuchclaim")):
        result = invoke(*words, "--db", sample)
        assert result.exit_code == 1
        assert words[1] in one_line(result.stderr)


def test_output_that_cannot_be_written(sample: Path, tmp_path: Path) -> None:
    result = invoke("export", "--all", "--db", sample, "-o", tmp_path / "no" / "out.md")
    assert result.exit_code == 1
    assert "out.md" in one_line(result.stderr)


# ---- pipes, signals, encodings, terminals


def test_output_is_utf8_whatever_the_environment_says(sample: Path) -> None:
    command = [sys.executable, "-m", "kb", "search", "電力", "--db", str(sample)]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=plain, capture_output=True, check=True)
    assert "再生可能エネルギー" in done.stdout.decode("utf-8")


def test_reader_that_goes_away_gets_no_traceback(posts: Path) -> None:
    long = posts / "long.md"
    long.write_text("\n\n".join(f"第{n}区の電力需要は{n}万キロワットだった。" for n in range(1, 200)), "utf-8")
    command = [sys.executable, "-m", "kb", "annotate", str(long), "--json"]
    # Unbuffered, Python itself takes a write that was cut short for a whole one.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_site_is_served_and_ctrl_c_ends_it(sample: Path) -> None:
    command = [sys.executable, "-m", "kb", "serve", "--port", "0", "--db", str(sample)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
            with urllib.request.urlopen(f"{address}/kb/posts.json?_shape=array", timeout=60) as answer:
                assert [row["path"] for row in json.load(answer)] == ["2026-02-03-wind.md"]
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_taken_port_is_said(kb_run: Kb, sample: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = kb_run("serve", "--db", sample, "--port", str(port))
    assert done.returncode == 1
    assert str(port) in one_line(done.stderr)


def test_text_cannot_drive_the_terminal() -> None:
    assert clean("赤\x1b[31m字\x07\u202e逆") == "赤\ufffd[31m字\ufffd\ufffd逆"
    assert clean("行\n二\t三") == "行\n二\t三"


def test_demo_says_what_to_try_next(kb_run: Kb, tmp_path: Path) -> None:
    done = kb_run("demo", "look")
    assert (done.returncode, done.stderr) == (0, "")
    assert " serve --db" in done.stdout
    assert "http://127.0.0.1:8001" in done.stdout
    assert (tmp_path / "look" / "kb.db").is_file()
    assert len(list((tmp_path / "look").glob("*.md"))) == 1
