"""Ties in real databases: they follow edits and kills, contradictions are found, and readers' reviews stay."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from contents import contents

import kb
from kb import pipeline, schema, store, verify
from kb.cli import cli
from kb.errors import NotFoundError, UsageError
from kb.links import neighbours, ties
from kb.links.limits import Limit, limits
from kb.pipeline import link_corpus
from kb.pipeline import links as stage
from kb.text import fold

TABLES = ("claims", "neighbours", "links", "article_links", "verdicts", "reviews")
SUBJECTS = (
    "北港の風力発電所", "山麓の貯水池", "県立の植物園", "沿岸の定期船", "旧市街の路面電車", "高原の天文台",
    "南町の製材所", "湖畔の養殖場", "大学の加速器", "空港の除雪隊",
)  # fmt: skip
SAYINGS = (
    "{s}は、利用者が{n}万人に増えた。",
    "{s}の改修費は、およそ{n}億円と見積もられている。",
    "{s}は、地元の高校生を毎年{n}人受け入れるべきだ。",
    "{s}では、古い設備の点検に{n}日かかった。",
    "{s}の職員は、夜間の警備を機械に任せている。",
    "{s}は、{n}年後に新しい棟を開く予定である。",
    "{s}を訪れる人の多くは、隣の県から来る。",
    "{s}は、停電に備えて蓄電池を{n}台置いた。",
)

# What contradicts what, and what only looks so: two companies, this and that, before and after.
CONFLICTING = {
    "a": ("電力の見通し", "2025-01-10", "電力需要は、2030年までに2倍に増える。送電線の工事は、2026年に完了する。"),
    "b": ("需要の予測", "2025-05-02", "電力需要は、2030年までに3倍に増える。送電線の工事は、2028年に完了する。"),
    "c": ("家計", "2025-06-02", "家庭の電気料金は来年から上がる。夜間の充電は、家庭の電池を長持ちさせる。"),
    "d": ("家計その後", "2025-07-02", "家庭の電気料金は来年から下がる。夜間の充電は、家庭の電池を長持ちさせない。"),
    "e": ("トヨタの決算", "2025-08-02", "売上高は前の年より20%増えた。この計画は順調だ。同社の従業員は3千人である。"),
    "f": (
        "ホンダの決算",
        "2025-08-03",
        "売上高は前の年より30%増えた。この計画は順調ではない。同社の従業員は5千人である。",
    ),
}
FOUND = {
    frozenset(("電力需要は、2030年までに2倍に増える。", "電力需要は、2030年までに3倍に増える。")),
    frozenset(("送電線の工事は、2026年に完了する。", "送電線の工事は、2028年に完了する。")),
    frozenset(("家庭の電気料金は来年から上がる。", "家庭の電気料金は来年から下がる。")),
    frozenset(("夜間の充電は、家庭の電池を長持ちさせる。", "夜間の充電は、家庭の電池を長持ちさせない。")),
}


def post(folder: Path, name: str, title: str, date: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(f"---\ntitle: {title}\ndate: {date}\n---\n\n{body}\n", "utf-8")


def random_post(folder: Path, name: str, dice: random.Random) -> None:
    """Write a post of six sentences, some of which other posts say too, or nearly."""
    pairs = dice.sample([(s, t) for s in SUBJECTS for t in SAYINGS], 6)
    body = "".join(template.format(s=subject, n=dice.randint(2, 5)) for subject, template in pairs)
    post(folder, name, f"町の話題{name}", f"2025-{dice.randint(1, 9):02}-{dice.randint(10, 28)}", body)


def library(folder: Path, count: int, dice: random.Random) -> Path:
    for number in range(count):
        random_post(folder, f"p{number:02}", dice)
    return folder


def build(posts: Path, db: Path) -> pipeline.BuildReport:
    report = pipeline.build([posts], db, workers=1)
    assert report.faults == ()
    return report


def ask(db: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(schema.connect(db)) as connection:
        return connection.execute(sql, values).fetchall()


def tied(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the stage wrote, ids replaced by what they stand for."""
    held = contents(db)
    return {name: held[name] for name in TABLES}


@pytest.fixture(scope="module")
def conflicting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return posts that contradict each other, or seem to, and a database of them, for tests that only look."""
    folder = tmp_path_factory.mktemp("conflicting")
    for name, (title, date, body) in CONFLICTING.items():
        post(folder / "posts", name, title, date, body)
    build(folder / "posts", folder / "kb.db")
    return folder / "posts", folder / "kb.db"


@pytest.fixture
def copy(conflicting: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(conflicting[0], tmp_path / "posts")
    build(tmp_path / "posts", tmp_path / "kb.db")
    return tmp_path / "posts", tmp_path / "kb.db"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return fourteen posts about one town and a database of them, for tests that only look."""
    folder = tmp_path_factory.mktemp("town")
    posts = library(folder / "posts", 14, random.Random(5))
    build(posts, folder / "kb.db")
    return posts, folder / "kb.db"


@pytest.fixture
def own_town(town: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(town[0], tmp_path / "posts")
    build(tmp_path / "posts", tmp_path / "kb.db")
    return tmp_path / "posts", tmp_path / "kb.db"


def test_a_build_ties_claims_and_articles_and_verifies(town: tuple[Path, Path]) -> None:
    held = tied(town[1])
    assert all(held[name] for name in ("neighbours", "links", "article_links"))
    assert {row[0] for row in ask(town[1], "SELECT relation FROM links")} <= {"same", "subsumes", "conflict", "related"}
    assert verify.run(town[1])[0] == []
    most = "SELECT max(n) FROM (SELECT count(*) AS n FROM neighbours GROUP BY claim_id)"
    assert ask(town[1], most)[0][0] <= neighbours.TOP


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_ties_are_those_of_a_fresh_build(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:  # by cells, as among very many claims
        monkeypatch.setattr(neighbours, "EXACT", 20)
        monkeypatch.setattr(neighbours, "CELL_SIZE", 8)
        monkeypatch.setattr(neighbours, "CELLS_EACH", 3)
    dice = random.Random(seed)
    posts, db = library(tmp_path / "posts", 9, dice), tmp_path / "kb.db"
    build(posts, db)
    for step in range(5):
        names = sorted(file.stem for file in posts.iterdir())
        for _ in range(dice.randint(1, 2)):
            action, name = dice.choice(("add", "change", "delete", "rename", "title")), dice.choice(names)
            file = posts / f"{name}.md"
            if action == "add":
                random_post(posts, f"q{step}{dice.randint(0, 99)}", dice)
            elif action == "change":
                random_post(posts, name, dice)
            elif action == "delete" and len(names) > 4:
                file.unlink(missing_ok=True)
            elif action == "rename" and file.exists():
                file.rename(posts / f"r{step}{name}.md")
            elif file.exists():
                file.write_text(file.read_text("utf-8").replace("町の話題", "村の話題"), "utf-8")
        build(posts, db)
        fresh = tmp_path / f"fresh{step}.db"
        build(posts, fresh)
        one, two = tied(db), tied(fresh)
        for name in TABLES:
            assert one[name] == two[name], f"{name} after step {step}"
        assert verify.run(db)[0] == []


def test_what_an_edit_does_not_touch_is_not_written_again(own_town: tuple[Path, Path]) -> None:
    posts, db = own_town
    rows = "SELECT l.id, a.key, b.key FROM links l JOIN claims a ON a.id = l.a_id JOIN claims b ON b.id = l.b_id"
    before = {(a, b): id_ for id_, a, b in ask(db, rows)}
    said = {key for (key,) in ask(db, "SELECT c.key FROM claims c JOIN occurrences o ON o.claim_id = c.id"
                                      " JOIN posts p ON p.id = o.post_id WHERE p.path = 'p03.md'")}  # fmt: skip
    (posts / "p03.md").unlink()
    build(posts, db)
    after = {(a, b): id_ for id_, a, b in ask(db, rows)}
    alone = {pair: id_ for pair, id_ in before.items() if not set(pair) & said}
    assert alone
    kept = {pair for pair in alone if after.get(pair) == alone[pair]}
    assert len(kept) > 0.8 * len(alone)


def test_an_unchanged_folder_leaves_the_stage_nothing_to_do(
    own_town: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("claims are read again")

    monkeypatch.setattr(link_corpus, "read", read)
    assert "links_made" not in build(*own_town).counts
    (own_town[0] / "p01.md").write_text("県は港を広げる。\n", "utf-8")
    with pytest.raises(AssertionError, match="read again"):
        build(*own_town)


def test_a_killed_stage_is_finished_by_the_next_build(town: tuple[Path, Path], tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from kb import pipeline, store\n"
        "from kb.pipeline import links\n"
        "from kb.store import links as stored\n"
        "links._BATCH = 4\n"
        "source, db, name, calls = sys.argv[1:]\n"
        "module = store if hasattr(store, name) else stored\n"
        "whole, left = getattr(module, name), [int(calls)]\n"
        "def deadly(*given):\n"
        "    found = whole(*given)\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return found\n"
        "setattr(module, name, deadly)\n"
        "if __name__ == '__main__':\n"
        "    pipeline.build([Path(source)], Path(db), workers=1)\n",
        "utf-8",
    )
    posts, expected = town[0], tied(town[1])
    moments = (("neighbours", 1), ("put_neighbours", 1), ("change_links", 1), ("change_article_links", 1))
    for name, calls in (*moments, ("claim_texts", 2)):
        db = tmp_path / f"{name}.db"
        done = subprocess.run([sys.executable, str(script), str(posts), str(db), name, str(calls)], check=False)
        assert done.returncode == -signal.SIGKILL, name
        assert ask(db, "SELECT count(*) FROM neighbours") == [(0,)]
        build(posts, db)
        assert tied(db) == expected, name
        assert verify.run(db)[0] == []


def test_another_model_and_other_limits_tie_anew(own_town: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    posts, db = own_town
    before = tied(db)
    engine = schema.engine(db, writable=True)
    try:
        with engine.begin() as connection:  # another model, whose vectors are those of claims turned about
            model = store.put_model(connection, "other", str(posts), "1", 300)
            rows = connection.exec_driver_sql("SELECT text_hash, vector FROM embeddings ORDER BY text_hash").fetchall()
            turned = [rows[-1], *rows[:-1]]
            store.put_vectors(connection, model, ((a[0], b[1]) for a, b in zip(rows, turned, strict=True)))
            store.activate(connection, "other")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE models SET source = 'default' WHERE name = 'other'")
        assert verify.run(db)[0] == []  # until the next build nobody takes the old ties for the other model's
        stage.tie(engine, pipeline.report.Tally(None), pipeline.pool.Workers(1))
        other = tied(db)
        assert other["neighbours"] != before["neighbours"]
        with engine.begin() as connection:
            store.activate(connection, "default")
        stage.tie(engine, pipeline.report.Tally(None), pipeline.pool.Workers(1))
        assert tied(db)["neighbours"] == before["neighbours"]
        tighter = dataclasses.replace(
            limits(), neighbour=Limit(9.0, 0.0), shared=(Limit(9.0, 0.0),), fingerprint="other"
        )
        monkeypatch.setattr(stage, "limits", lambda: tighter)
        stage.tie(engine, pipeline.report.Tally(None), pipeline.pool.Workers(1))
        assert len(tied(db)["neighbours"]) < len(before["neighbours"])
    finally:
        engine.dispose()


def test_contradictions_between_articles_are_found_and_look_alikes_are_not(conflicting: tuple[Path, Path]) -> None:
    with kb.open(conflicting[1]) as base:
        found = base.conflicts()
        assert {frozenset((pair["a"]["text"], pair["b"]["text"])) for pair in found} == FOUND
        for pair in found:
            assert pair["state"] == "open"
            assert pair["evidence"]
            assert pair["a"]["first_date"] <= pair["b"]["first_date"]


def conflict(db: Path, words: str) -> dict[str, Any]:
    with kb.open(db) as base:
        return next(c for c in base.conflicts(include_dismissed=True) if words in c["a"]["text"])


def test_reviews_stay_after_rebuilds_and_when_a_post_goes_and_comes_back(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    with kb.open(db, writable=True) as base:
        seen, none = conflict(db, "電力需要"), conflict(db, "電気料金")
        assert base.review(seen["id"], "reviewed", "出典が違う") == {
            "id": seen["id"], "state": "reviewed", "note": "出典が違う",
        }  # fmt: skip
        base.review(none["id"], "dismissed")
        assert len(base.conflicts()) == len(FOUND) - 1
        assert len(base.conflicts(include_dismissed=True)) == len(FOUND)
    away = (posts / "b.md").read_text("utf-8")
    (posts / "b.md").unlink()
    build(posts, db)
    with kb.open(db) as base:
        assert not any("電力需要" in c["a"]["text"] for c in base.conflicts())
    (posts / "b.md").write_text(away, "utf-8")
    build(posts, db)
    again = conflict(db, "電力需要")
    assert (again["id"], again["state"], again["note"]) == (seen["id"], "reviewed", "出典が違う")
    assert conflict(db, "電気料金")["state"] == "dismissed"
    # An earlier post in other words makes the claim known by another wording; the review is of the old one.
    post(
        posts,
        "0",
        "先に",
        "2024-01-01",
        "なお、電力需要は、2030年までに2倍に増えるのです。\n\n電力需要は2030年までには2倍に増える。",
    )
    build(posts, db)
    assert conflict(db, "電力需要")["state"] == "reviewed"
    assert verify.run(db)[0] == []


def test_a_review_is_taken_back_also_of_what_is_no_conflict_any_more(copy: tuple[Path, Path]) -> None:
    posts, db = copy
    ident = conflict(db, "電気料金")["id"]
    with kb.open(db, writable=True) as base:
        base.review(ident, "dismissed", "別の話")
        assert base.review(ident, "reviewed")["note"] == "別の話"
        (posts / "d.md").unlink()
        build(posts, db)
        assert base.review(ident, "open") == {"id": ident, "state": "open", "note": ""}
    assert ask(db, "SELECT count(*) FROM reviews") == [(0,)]


def test_bad_reviews_are_told_in_one_line(copy: tuple[Path, Path]) -> None:
    db = copy[1]
    ident = conflict(db, "電気料金")["id"]
    with kb.open(db) as base, pytest.raises(UsageError, match="writable=True"):
        base.review(ident, "dismissed")
    with kb.open(db, writable=True) as base:
        with pytest.raises(NotFoundError, match=f"no conflict '{ident[:-1]}x'; near names: .*{ident}"):
            base.review(ident[:-1] + "x", "dismissed")
        with pytest.raises(UsageError, match="none of reviewed, dismissed, open"):
            base.review(ident, "wrong")
        with pytest.raises(UsageError, match="opened again"):
            base.review(ident, "open", "why")
        with pytest.raises(UsageError, match="2,000"):
            base.review(ident, "dismissed", "長" * 2_001)


def run(*words: str) -> Any:
    return CliRunner().invoke(cli, words)


def test_conflicts_on_the_command_line(copy: tuple[Path, Path]) -> None:
    db = str(copy[1])
    shown = run("conflicts", "--db", db)
    assert shown.exit_code == 0
    for words in ("2倍 / 3倍", "電力の見通し (a.md:", ", 2025-05-02)", "2026年 / 2028年"):
        assert words in shown.output
    found = json.loads(run("conflicts", "--db", db, "--json").output)
    assert {"id", "state", "note", "score", "evidence", "a", "b"} <= set(found[0])
    ident = found[0]["id"]
    assert run("conflicts", "--db", db, "--dismiss", ident, "--note", "別の話").output == f"{ident}: dismissed\n"
    assert ident not in run("conflicts", "--db", db).output
    assert "[dismissed: 別の話]" in run("conflicts", "--db", db, "--all").output
    assert json.loads(run("conflicts", "--db", db, "--reopen", ident, "--json").output)["state"] == "open"
    assert ident in run("conflicts", "--db", db).output
    for words in (("--review", ident, "--dismiss", ident), ("--note", "何")):
        assert run("conflicts", "--db", db, *words).exit_code == 2
    assert run("conflicts", "--db", db, "--review", "nonesuch").exit_code == 1


def test_what_is_related_is_told_with_the_reason(town: tuple[Path, Path]) -> None:
    with kb.open(town[1]) as base:
        key = base.read(
            lambda c: c.execute(
                "SELECT a.key FROM links l JOIN claims a ON a.id = l.a_id WHERE relation = 'related' ORDER BY a.key"
            ).fetchone()[0]
        )
        found = base.related(key)
        assert found
        assert [tie["relation"] for tie in found] == sorted(
            (tie["relation"] for tie in found), key=list(ties.GRAVITY).index
        )
        assert all(tie["evidence"] and tie["place"]["quote"] and tie["across"] for tie in found)
        assert len(base.related(key, limit=1)) == 1
        assert [link["claim"] for link in base.show(key)["links"]][: len(found)] == [tie["claim"] for tie in found]
        with pytest.raises(NotFoundError, match="no claim 'x'"):
            base.related("x")
        articles = base.related_posts("p00.md")
        assert articles == sorted(articles, key=lambda p: (-p["score"], p["post"]))
        mine = {s["claim"] for s in base.show("p00.md")["sentences"]}
        for article in articles:
            assert article["shared"] >= len(article["ties"]) >= 1
            assert {tie["a"]["claim"] for tie in article["ties"]} <= mine
            theirs = {s["claim"] for s in base.show(article["post"])["sentences"]}
            assert {tie["b"]["claim"] for tie in article["ties"]} <= theirs
        assert any(article["reasons"] for article in articles)
        with pytest.raises(NotFoundError, match="nowhere"):
            base.related_posts("nowhere.md")
    shown = run("show", "p00.md", "--related", "--db", str(town[1])).output
    assert articles[0]["title"] in shown
    assert "pairs of claims" in shown
    assert json.loads(run("show", "p00.md", "--related", "--db", str(town[1]), "--json").output) == articles
    assert found[0]["text"] in run("show", key, "--related", "--db", str(town[1])).output
    assert run("show", "p00.md", "--related", "--article", "--db", str(town[1])).exit_code == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE neighbours SET score = score - 0.1 WHERE rowid = (SELECT min(rowid) FROM neighbours)", "cosine"),
        ("DELETE FROM neighbours WHERE rowid = (SELECT min(rowid) FROM neighbours)", "its state says"),
        ("INSERT INTO neighbours SELECT o.claim_id, p.claim_id, 0.5 FROM occurrences o JOIN occurrences p"
         " ON p.post_id = o.post_id AND p.claim_id <> o.claim_id LIMIT 1", "of the same post"),
        ("UPDATE article_links SET ties = '[[1, 1]]' WHERE rowid = 1", "do not"),
        ("UPDATE article_links SET ties = '[]' WHERE rowid = 1", "names 0 of"),
    ],
)  # fmt: skip
def test_verify_names_what_is_wrong_with_ties(change: str, told: str, own_town: tuple[Path, Path]) -> None:
    db = own_town[1]
    with closing(schema.connect(db, writable=True)) as connection, connection:
        connection.execute(change)
    assert any(told in problem for problem in verify.run(db)[0])


def test_stock_phrases_and_empty_words_have_no_neighbours(tmp_path: Path) -> None:
    posts = tmp_path / "posts"
    for number in range(7):
        words = f"これは大きな変化です。しかし、課題も残ります。{SUBJECTS[number]}は、市民に親しまれている。"
        post(posts, str(number), f"題{number}", f"2025-01-1{number}", words)
    build(posts, tmp_path / "kb.db")
    with kb.open(tmp_path / "kb.db") as base:
        held = base.read(
            lambda c: c.execute(
                "SELECT DISTINCT c.text FROM claims c JOIN neighbours n ON c.id IN (n.claim_id, n.other_id)"
            ).fetchall()
        )
    assert not any("変化" in text or "課題" in text for (text,) in held)
    assert fold("親しまれている") in fold(" ".join(text for (text,) in held))
    assert np.isfinite([score for (score,) in ask(tmp_path / "kb.db", "SELECT score FROM neighbours")]).all()
