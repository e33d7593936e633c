"""Merging wordings into claims in a real database, and taking merges back."""

from __future__ import annotations

from pathlib import Path

import pytest

import kb
from kb import config, pipeline, verify
from kb.errors import NotFoundError, UsageError
from kb.pipeline.merge import grouped
from kb.records import Relation

FIRST = "---\ntitle: 一\ndate: 2025-01-01\n---\n県は来年から港の桟橋を二百メートル延ばす計画です。\n"
AGAIN = "---\ntitle: 二\ndate: 2025-02-01\n---\nしかし、県は来年から港の桟橋を二百メートル延ばす計画だ。\n"
NEAR = "---\ntitle: 三\ndate: 2025-03-01\n---\n県は、来年から港の桟橋を二百メートル延ばすという計画です。\n"
OTHER = "---\ntitle: 四\ndate: 2025-04-01\n---\n県は来年から港の桟橋を三百メートル延ばす計画です。\n"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "posts"
    folder.mkdir()
    for name, text in (("a", FIRST), ("b", AGAIN), ("c", NEAR), ("d", OTHER)):
        (folder / f"{name}.md").write_text(text, "utf-8")
    return folder


def claims(db: Path) -> dict[str, list[str]]:
    """Return where each claim about the pier is said, by its words."""
    found: dict[str, list[str]] = {}
    with kb.open(db) as base:
        rows = base.read(
            lambda connection: connection.execute(
                "SELECT c.text, p.path FROM claims c JOIN occurrences o ON o.claim_id = c.id"
                " JOIN posts p ON p.id = o.post_id WHERE c.text LIKE '%桟橋%' ORDER BY p.path"
            ).fetchall()
        )
    for text, path in rows:
        found.setdefault(text, []).append(path)
    return found


def build(posts: Path, db: Path) -> None:
    report = pipeline.build([posts], db, workers=1)
    assert report.faults == ()


def test_the_same_in_other_words_is_one_claim_and_another_number_is_not(posts: Path, tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    build(posts, db)
    found = claims(db)
    assert sorted(map(len, found.values())) == [1, 3]
    assert found["県は来年から港の桟橋を二百メートル延ばす計画です。"] == ["a.md", "b.md", "c.md"]
    with kb.open(db) as base:
        (pair,) = base.conflicts()
        assert {pair["a"]["text"], pair["b"]["text"]} == set(found)
        assert pair["evidence"]
    assert verify.run(db)[0] == []


def test_a_split_holds_until_it_is_taken_back(posts: Path, tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    build(posts, db)
    with kb.open(db, writable=True) as base:
        merged = next(c for c in base.duplicates() if c["wordings"])
        assert base.split(merged["claim"]) == len(merged["wordings"]) == 1
    assert sorted(map(len, claims(db).values())) == [1, 1, 2]
    assert verify.run(db)[0] == []
    (posts / "e.md").write_text("港は静かだった。\n", "utf-8")
    build(posts, db)
    assert sorted(map(len, claims(db).values())) == [1, 1, 2]
    with kb.open(db, writable=True) as base:
        assert base.split(merged["claim"], undo=True) == 1
    assert sorted(map(len, claims(db).values())) == [1, 3]
    assert verify.run(db)[0] == []


def test_what_cannot_be_split_is_named(posts: Path, tmp_path: Path) -> None:
    db = tmp_path / "kb.db"
    build(posts, db)
    with kb.open(db) as base, pytest.raises(UsageError, match="writable=True"):
        base.split("x")
    with kb.open(db, writable=True) as base, pytest.raises(NotFoundError, match="no claim x"):
        base.split("x")


def test_claims_are_found_by_the_names_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    text = "エヌビディアは新しい半導体を出した。\n\nNVIDIAの半導体は速い。\n\n港は静かだ。\n"
    (folder / "a.md").write_text(text, "utf-8")
    db = tmp_path / "kb.db"
    build(folder, db)
    with kb.open(db) as base:
        for name in ("NVIDIA", "エヌビディア", "ｎｖｉｄｉａ"):
            assert len(base.search("半導体", entity=name)) == 2
        assert [hit.text for hit in base.search("港", entity="NVIDIA") if "港" in hit.text] == []
        with pytest.raises(NotFoundError, match="near names: NVIDIA"):
            base.search("半導体", entity="NVIDA")


def test_a_claim_goes_on_without_its_first_wording(posts: Path, tmp_path: Path) -> None:
    db, fresh = tmp_path / "kb.db", tmp_path / "fresh.db"
    build(posts, db)
    (posts / "a.md").unlink()
    build(posts, db)
    build(posts, fresh)
    assert claims(db) == claims(fresh)
    assert sorted(map(len, claims(db).values())) == [1, 2]
    assert verify.run(db)[0] == []


def test_a_claim_of_several_wordings_comes_apart_whole(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    wordings = [
        "県は来年から港の桟橋を二百メートル延ばす計画です。",
        "県は、来年から港の桟橋を二百メートル延ばすという計画です。",
        "来年から県は港の桟橋を二百メートル延ばす計画です。",
    ]
    for i, words in enumerate(wordings):
        (folder / f"{i}.md").write_text(f"---\ndate: 2025-0{i + 1}-01\n---\n{words}\n", "utf-8")
    db = tmp_path / "kb.db"
    build(folder, db)
    assert sorted(map(len, claims(db).values())) == [3]
    with kb.open(db, writable=True) as base:
        (merged,) = base.duplicates()
        assert base.split(merged["claim"]) == 2
    assert sorted(map(len, claims(db).values())) == [1, 1, 1]
    with kb.open(db, writable=True) as base:
        assert base.split(merged["claim"], undo=True) == 2
    assert sorted(map(len, claims(db).values())) == [3]


def test_an_edited_table_reads_the_posts_again(posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / "kb.db"
    build(posts, db)
    assert pipeline.build([posts], db, workers=1).counts["unchanged_posts"] == 4
    monkeypatch.setattr(config, "_tables", lambda: ["edited"])
    assert pipeline.build([posts], db, workers=1).counts["changed_posts"] == 4


def test_no_claim_holds_two_wordings_that_contradict_each_other() -> None:
    same, against = Relation("same", 1.0), Relation("conflict", 0.9)
    judged = {("a", "b"): same, ("a", "c"): same, ("b", "c"): against, ("a", "d"): same}
    assert [(m.wording, m.into) for m in grouped("abcd", judged, [])] == [("b", "a"), ("d", "a")]
    assert [(m.wording, m.into) for m in grouped("cabd", judged, [])] == [("a", "c")]
    assert [(m.wording, m.into) for m in grouped("abcd", {("a", "b"): same, ("c", "d"): against}, [])] == [("b", "a")]
