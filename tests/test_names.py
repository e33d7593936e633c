"""Listed names in running text: the longest at each place, never a piece of a longer word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kb.datafiles import read_toml
from kb.errors import DataFileError
from kb.names import NameIndex, bare, runs_on
from kb.synonyms import groups

NAMES = {"みなと": 1, "みなと電機": 2, "メタ": 3, "harborlight": 4, "北港テクノロジー": 5}
INDEX = NameIndex({bare(name): number for name, number in NAMES.items()})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("みなと電機とみなとが組む。", [("みなと電機", 2), ("みなと", 1)]),
        ("メタはメタノールを作らない。", [("メタ", 3)]),
        ("メタ・HARBORLIGHT", [("メタ", 3), ("HARBORLIGHT", 4)]),
        ("Harborlight2 opened.", []),
        ("北港・テクノロジーが勝った。", [("北港・テクノロジー", 5)]),
        ("İnegöl and みなと", []),  # its small form has two letters: places would not hold
        ("", []),
    ],
)
def test_the_longest_name_at_each_place(text: str, found: list[tuple[str, int]]) -> None:
    assert [(text[start:end], thing) for start, end, thing in INDEX.find(text)] == found


def test_where_a_name_does_not_fit_a_shorter_one_is_tried() -> None:
    text = "みなと電機が動く。"
    assert [thing for _, _, thing in INDEX.find(text, lambda start, end: end - start < 4)] == [1]


def test_nothing_runs_on_at_the_edges_of_a_text() -> None:
    assert not runs_on("ab", 0)
    assert not runs_on("ab", 2)
    assert runs_on("ab", 1)
    assert runs_on("アイ", 1)
    assert not runs_on("ア・", 1)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("groups: 3", "expected a list under the key groups"),
        ("groups: [[]]", "group 1: names must be a list of words"),
        ("groups: [[甲, 乙], {names: 丙}]", "group 2: names must be a list of words"),
        ("groups: [", "cannot be read"),
    ],
)
def test_a_broken_list_of_names_is_named(tmp_path: Path, written: str, complaint: str) -> None:
    path = tmp_path / "synonyms.yml"
    path.write_text(written, "utf-8")
    with pytest.raises(DataFileError, match=re.escape(str(path)) + ".*" + complaint):
        groups(path)


def test_groups_keep_their_kind_and_spelling(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.yml"
    path.write_text("groups: [{kind: place, names: [北港, Hokko]}, [甲, 乙]]", "utf-8")
    assert [(g.names, g.kind) for g in groups(path)] == [(("北港", "Hokko"), "place"), (("甲", "乙"), "term")]


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name in ("missing.toml", "bytes.toml"):
        with pytest.raises(DataFileError, match=re.escape(name)):
            read_toml(tmp_path / name)
