"""`kb verify --export`: whatever is altered in an export, the line is found."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from export_data import connect, database, enrich

from kb import export, verify
from kb.errors import SourceError
from kb.export import cited, vault, writing

FORMS = ("md", "html", "json", "csv")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return enrich(database(tmp_path_factory.mktemp("exported") / "kb.db"))


def problems(db: Path, path: Path) -> list[str]:
    return verify.exported(db, [path])[0]


def exported(db: Path, path: Path, form: str) -> str:
    with closing(connect(db)) as conn:
        text = export.render(export.read(conn, ["power"]), form)
    path.write_bytes(text.encode())
    return text


# What is altered (a pattern and what stands in its place), and what is told of it.
ALTERED = {
    "a word of a quote": (r"西部に建設する計画", "東部に建設する計画", "is not what claim|does not say"),
    "a claim's key": (r"(?<=[`\"=])[0-9a-z]{12}(?=[`\"])", "000000000000", "is not in the database|in no section"),
    "a post's name": (r"2025-11/grid\.md", "2025-11/grod.md", "there is no post 2025-11/grod.md"),
    "a date": (r"2025-11-05(?!\))(?![^|\n]*\))", "2025-11-06", "is of 2025-11-05, not 2025-11-06"),
}  # fmt: skip
OFFSETS = {
    "md": (r"grid\.md` 0–45", "grid.md` 1–45"),
    "html": (r":0-45\"", ':1-45"'),
    "json": (r"\[\s+0,\s+45\s+\]", "[1, 45]"),
    "csv": (r"\[\[0, 45\]\]", "[[1, 45]]"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", ALTERED)
def test_what_is_altered_is_found_with_its_line(db: Path, tmp_path: Path, form: str, what: str) -> None:
    pattern, put, told = ALTERED[what]
    path = tmp_path / f"x.{form}"
    text = exported(db, path, form)
    assert problems(db, path) == []
    altered, count = re.subn(pattern, put, text)
    assert count, text
    path.write_bytes(altered.encode())
    found = problems(db, path)
    assert found
    assert all(re.match(rf"{re.escape(str(path))}: line \d+: ", one) for one in found)
    assert any(re.search(told, one) for one in found), found


@pytest.mark.parametrize("form", FORMS)
def test_other_offsets_are_found(db: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"x.{form}"
    text = exported(db, path, form)
    altered, count = re.subn(*OFFSETS[form], text)
    assert count
    path.write_bytes(altered.encode())
    assert any("no sentence stands at 2025-11/grid.md 1-45" in one for one in problems(db, path))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("- 電力は足りている。", "a list item that cites nothing"),
        ("- 電力は足りている。[^1]", "is not what claim"),
        ("| 2030 | 予測 | 電力は足りている。[^1] |", "is not what claim"),
        ("- 何か。[^999]", r"there is no footnote \[\^999\]"),
    ],
)
def test_a_line_that_was_added_is_found(db: Path, tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "x.md"
    lines = exported(db, path, "md").splitlines()
    path.write_text("\n".join([*lines[:5], line, *lines[5:]]), "utf-8")
    found = problems(db, path)
    assert len(found) == 1
    assert re.search(f"x.md: line 6: {told}", found[0])


def test_a_quote_must_be_whole(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    text = exported(db, path, "md")
    path.write_text(text.replace("- 電力大手の", "- しかも電力大手の", 1), "utf-8")
    assert len(problems(db, path)) == 1
    path.write_text(text.replace("計画を公表した。[", "計画を公表した。うそだ。[", 1), "utf-8")
    assert len(problems(db, path)) == 1


def test_json_names_only_claims_that_it_holds_and_parts_that_stand_in_them(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    data = json.loads(exported(db, path, "json"))
    data["topics"][0]["lead"].append("nosuchclaim0")
    figures = [claim for part in data["topics"][0]["sections"] for claim in part["claims"] if claim["figures"]]
    figures[0]["figures"][0]["text"] = "4ギガワット"
    path.write_text(json.dumps(data), "utf-8")
    found = " ".join(problems(db, path))
    assert "claim nosuchclaim0 is named, and stands in no section" in found
    assert "does not have '4ギガワット' where it is said to stand" in found


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.json", "{", "line 1: is no JSON that kb export wrote"),
        ("x.json", '{"topics": [{"slug": "a"}]}', "topic 'a' is not as the schema says"),
        ("x.json", "[]", "is no JSON that kb export wrote"),
        ("x.csv", "a,b\n1,2\n", "line 1: its columns are not topic"),
        ("x.html", "<p>x</p>", "line 1: is no page that kb export wrote"),
        ("x.html", '<article><q data-claim="k" data-at="7:1-2">x</q></article>', "'7:1-2' are not those of a source"),
        ("x.atom", "<feed", "line 1: is no XML"),
    ],
)
def test_what_is_no_export_is_told(db: Path, tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert told in " ".join(problems(db, tmp_path / name))


def test_files_that_cannot_be_read_are_named(db: Path, tmp_path: Path) -> None:
    (tmp_path / "x.docx").write_text("x")
    (tmp_path / "x.md").write_bytes(b"\xff")
    (tmp_path / "empty").mkdir()
    for name, told in (
        ("none.md", r"none\.md: no such file; name one that kb export wrote"),
        ("x.docx", "its name must end in .atom"),
        ("x.md", "is not UTF-8"),
        ("empty", "holds no exports"),
    ):
        with pytest.raises(SourceError, match=told):
            problems(db, tmp_path / name)


def test_a_folder_of_notes_is_checked_file_by_file(db: Path, tmp_path: Path) -> None:
    with closing(connect(db)) as conn:
        writing.folder(tmp_path / "vault", vault.notes(conn, export.read(conn, None), "ja"))
    note = tmp_path / "vault" / "話題" / "電力.md"
    note.write_text(note.read_text("utf-8").replace("3ギガワットの", "4ギガワットの"), "utf-8")
    found = problems(db, tmp_path / "vault")
    assert found
    assert {one.split(": line ")[0] for one in found} == {str(note)}


def test_a_sheet_saved_with_other_line_ends_still_holds(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    text = exported(db, path, "csv")
    path.write_bytes(text.replace("\r\n", "\n").removeprefix("\ufeff").encode())
    assert problems(db, path) == []


def test_every_quote_of_a_document_is_seen(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    text = exported(db, path, "md")
    quotes = [one for one in cited.markdown(text) if isinstance(one, cited.Cited) and one.text is not None]
    assert len(quotes) == len(re.findall(r"\[\^\d+\](?!:)", text))
    assert all(one.text for one in quotes)


def test_a_written_lead_is_checked_by_what_it_cites(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    text = exported(db, path, "md")
    path.write_text(text.replace("## 要点", "> 電力は増える。[^1]\n\n## 要点"), "utf-8")
    assert problems(db, path) == []
    path.write_text(text.replace("## 要点", "> 電力は増える。[^777]\n\n## 要点"), "utf-8")
    assert "there is no footnote [^777]" in problems(db, path)[0]
