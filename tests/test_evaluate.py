"""The measures say what they should on records whose figures are known by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import Kb

from kb import evaluate
from kb.cli import cli
from kb.config import resource
from kb.errors import SourceError
from kb.evaluate.labelled import LabelledClaim, LabelledDrafts, LabelledPair
from kb.evaluate.report import Counts, bare, count, macro_f1
from kb.reading import annotate

FACT = "港の倉庫は去年、三棟から五棟に増えた。"
ADVICE = "荷主は契約を見直すべきだ。"
QUESTION = "次はどこに建つのだろうか？"


def jsonl(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")
    return path


def claim(post: str, text: str, said: str, kind: str, **more: str) -> dict[str, Any]:
    start = text.index(said)
    return {"post": post, "start": start, "end": start + len(said), "kind": kind, **more}


def test_counts_of_a_class() -> None:
    counts = count([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b"), ("b", "b")], "a")
    assert counts == Counts(right=1, wrong=1, missed=1)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.5, 0.5)
    assert Counts().f1 == 0.0


def test_macro_f1_leaves_out_classes_without_a_label() -> None:
    assert macro_f1([("a", "a"), ("b", "a")], ["a", "b", "c"]) == pytest.approx((2 / 3 + 0) / 2)
    assert macro_f1([], ["a"]) == 0.0


def test_bare_text_has_no_width_case_or_mark_up() -> None:
    assert bare("**ＡＩ** と\n`GPU`") == "aiとgpu"


def test_claims_are_counted_by_kind(tmp_path: Path) -> None:
    text = f"---\ntitle: 港\n---\n{FACT}{ADVICE}{QUESTION}\n"
    (tmp_path / "p.md").write_text(text, "utf-8")
    records = evaluate.read_claims(
        jsonl(
            tmp_path / "claims.jsonl",
            claim("p.md", text, FACT, "fact"),
            claim("p.md", text, ADVICE, "fact", certainty="hedged"),
            claim("p.md", text, QUESTION, "advice", holder="港湾局"),
        )
    )
    report = evaluate.claims(records, tmp_path)
    found = report.figures
    assert (found.items, found.sentences, found.misquoted) == (3, 3, 0)
    assert (found.claim_precision, found.claim_recall) == (1.0, pytest.approx(2 / 3))
    assert found.nonclaim_f1 == 0.0
    assert found.kind_accuracy == pytest.approx(1 / 3)
    assert found.certainty_accuracy == 0.5
    assert (found.holders_found, found.holders) == (0, 1)
    assert {group for group, _ in report.classes()} == {
        "fact read as advice",
        "advice read as question",
        "hedged read as asserted",
        "holder not found",
    }
    assert all(miss.why for miss in report.misses)
    assert sum(rule.items for rule in report.rules) == sum(
        len(sentence.label.cues) for sentence in annotate(text).sentences
    )


def test_a_record_with_a_text_is_read_alone(tmp_path: Path) -> None:
    file = jsonl(
        tmp_path / "claims.jsonl", {"id": "t1", "text": f" {FACT}", "kind": "fact"}, {"text": QUESTION, "kind": "fact"}
    )
    report = evaluate.claims(evaluate.read_claims(file), tmp_path)
    assert (report.figures.items, report.figures.kind_accuracy) == (2, 0.5)
    assert [(miss.item, miss.text) for miss in report.misses] == [("line 2", QUESTION)]


def test_a_span_that_no_sentence_covers_counts_as_other(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text(f"{FACT}\n\n```\ncode\n```\n", "utf-8")
    at = len(FACT) + 6
    report = evaluate.claims([LabelledClaim("x", "p.md", at, at + 4, "fact", "asserted", "author", 1)], tmp_path)
    assert report.figures.claim_recall == 0.0
    assert report.misses[0].group == "fact read as other"


def test_a_span_past_the_end_of_its_post_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text(FACT, "utf-8")
    with pytest.raises(SourceError, match=r"p\.md: has 19 characters; record c9 ends at 400"):
        evaluate.claims([LabelledClaim("c9", "p.md", 0, 400, "fact", "asserted", "author", 1)], tmp_path)


def test_pairs_are_counted_by_relation() -> None:
    twice, thrice = "電力の需要は五年で2倍になった。", "電力の需要は五年で3倍になった。"
    report = evaluate.pairs(
        [
            LabelledPair("1", twice, twice, "same"),
            LabelledPair("2", twice, thrice, "conflict"),
            LabelledPair("3", twice, thrice, "same"),
            LabelledPair("4", twice, "猫は窓辺で眠る。", "related"),
            LabelledPair("5", twice, twice, "conflict"),
        ]
    )
    found = report.figures
    assert (found.merge_precision, found.merge_recall) == (0.5, 0.5)
    assert (found.conflict_precision, found.conflict_recall) == (0.5, 0.5)
    assert found.merged_conflicts == 1
    assert found.relation_macro_f1 == pytest.approx((0.5 + 0.5 + 1.0) / 3)  # unrelated read for related is right
    assert [miss.item for miss in report.misses] == ["5", "3"]  # a merged conflict is the worst error
    assert "number" in report.misses[1].why


def test_drafts_lost_repeated_and_missed_are_counted(tmp_path: Path) -> None:
    text = f"{FACT}{ADVICE}\n\n---END---\n\n{FACT}{QUESTION}\n"
    (tmp_path / "p.md").write_text(text, "utf-8")
    second = text.rindex(FACT)
    report = evaluate.drafts([LabelledDrafts("x", "p.md", (0, second - 30, second), 1)], tmp_path)
    found = report.figures
    assert (found.posts, found.distinct, found.kept) == (1, 3, 3)
    assert (found.lost, found.repeated_after, found.near_repeats_left) == (0.0, 0.0, 0.0)
    assert (found.edges, found.draft_edges_found) == (2, 0.5)
    assert [miss.group for miss in report.misses] == ["edge not found"]


def test_a_sentence_in_a_table_is_lost_and_said_so(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text(f"{FACT}\n\n| a |\n|---|\n| 倉庫の屋根は青く塗られている。 |\n", "utf-8")
    report = evaluate.drafts([LabelledDrafts("x", "p.md", (0,), 1)], tmp_path)
    assert report.figures.lost == 0.5
    assert report.misses[0].group == "lost"
    assert "屋根" in report.misses[0].text


def test_boundaries_are_the_places_between_sentences() -> None:
    report = evaluate.boundaries([FACT, ADVICE, "「来年だ。」と港湾局は述べた。"], join=10)
    assert (report.figures.boundaries, report.figures.f1) == (2, 1.0)
    assert report.misses == ()


def test_boundaries_missed_and_extra_are_shown() -> None:
    report = evaluate.boundaries(["港は", "静かだ。"], join=2)
    assert report.figures.recall == 0.0
    assert [miss.group for miss in report.misses] == ["boundary missed"]
    report = evaluate.boundaries([f"{FACT}{ADVICE}", QUESTION], join=2)
    assert (report.figures.precision, report.figures.recall) == (0.5, 1.0)
    assert [miss.group for miss in report.misses] == ["boundary where none is"]


def test_english_sentences_are_joined_with_a_blank() -> None:
    report = evaluate.boundaries(["The plant opened.", "It closed again."], join=2)
    assert report.figures.f1 == 1.0


@pytest.mark.parametrize(
    ("measure", "line", "reason"),
    [
        ("claims", "[1]", "not a JSON object"),
        ("claims", "{", "not JSON; give a JSON object a line"),
        ("claims", '{"post": "p.md", "start": 3, "end": 2, "kind": "fact"}', '"start" 3 is not before "end" 2'),
        ("claims", '{"post": "p.md", "start": true, "end": 2, "kind": "fact"}', '"start" must be an offset'),
        ("claims", '{"post": "p.md", "start": 0, "end": 2, "kind": "rumour"}', '"kind" must be one of fact, forecast'),
        ("claims", '{"start": 0, "end": 2, "kind": "fact"}', '"post" must be a string'),
        ("pairs", '{"a": "x", "relation": "same"}', '"b" must be a string'),
        ("pairs", '{"a": "x", "b": "y", "relation": "alike"}', '"relation" must be one of same'),
        ("drafts", '{"post": "p.md", "starts": []}', '"starts" must be a list of offsets'),
        ("drafts", '{"post": "p.md", "starts": ["0"]}', '"starts" must be a list of offsets'),
        ("boundaries", '{"text": "  "}', '"text" is blank'),
    ],
)
def test_a_bad_record_is_named_by_file_and_line(
    kb_run: Kb, tmp_path: Path, measure: str, line: str, reason: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f"\n{line}\n", "utf-8")
    done = kb_run("eval", measure, path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"kb: {path}: line 2: {reason}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    empty, latin, missing = tmp_path / "empty.jsonl", tmp_path / "latin.jsonl", tmp_path / "none.jsonl"
    empty.write_text("\n", "utf-8")
    latin.write_bytes(b'{"text": "\xe9"}\n')
    for path, reason in ((empty, "holds no record"), (latin, "not UTF-8"), (missing, "cannot be read")):
        with pytest.raises(SourceError, match=reason):
            evaluate.read_sentences(path)
    records = evaluate.read_drafts(jsonl(tmp_path / "d.jsonl", {"post": "gone.md", "starts": [0]}))
    with pytest.raises(SourceError, match=r"gone\.md: cannot be read"):
        evaluate.drafts(records, tmp_path)


def run(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["eval", *map(str, words)])
    return done.exit_code, done.output


def test_without_a_file_the_shipped_set_is_measured() -> None:
    status, output = run("boundaries", "--json")
    assert status == 0
    found = json.loads(output)
    sentences = resource("data", "eval", "boundaries.jsonl").read_text("utf-8").splitlines()
    assert (found["measure"], found["items"]) == ("boundaries", len(sentences))


def test_errors_and_rules_are_printed_on_request(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "pairs.jsonl", {"id": "w1", "a": FACT, "b": FACT, "relation": "conflict"})
    status, plain = run("pairs", file)
    assert (status, "w1" in plain) == (0, False)
    status, full = run("pairs", file, "--errors", "3", "--rules")
    assert status == 0
    assert "conflict read as same: 1" in full
    assert f"w1: {FACT} / {FACT}" in full
    assert "same wording" in full
    found = json.loads(run("pairs", file, "--json", "--errors", "3", "--rules")[1])
    assert found["errors"][0]["items"][0]["item"] == "w1"
    assert found["rules"] == [{"rule": "same wording", "items": 1, "right": 0}]


def test_join_changes_the_paragraphs(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "b.jsonl", *({"text": text} for text in (FACT, ADVICE, QUESTION, FACT)))
    assert json.loads(run("boundaries", file, "--json", "--join", "2")[1])["boundaries"] == 2
    assert json.loads(run("boundaries", file, "--json")[1])["boundaries"] == 3


def test_posts_are_those_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text(FACT, "utf-8")
    file = jsonl(tmp_path / "claims.jsonl", claim("p.md", FACT, FACT, "fact"))
    assert json.loads(run("claims", file, "--json")[1])["kind_accuracy"] == 1.0
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert json.loads(run("claims", file.rename(other / file.name), "--posts", tmp_path, "--json")[1])["items"] == 1


def test_posts_are_refused_where_none_are_read(kb_run: Kb, tmp_path: Path) -> None:
    done = kb_run("eval", "pairs", "--posts", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "kb: --posts: pairs reads no posts\n"
