"""The topics stage on real databases: discovered topics, lists of one's own, sync, adopt, small and large changes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from contents import contents
from topics_for_tests import SUBJECTS, post, write

import kb
from kb import pipeline, schema, verify
from kb.errors import DataFileError, NotFoundError, UsageError
from kb.pipeline import curate
from kb.pipeline import topics as stage
from kb.topics import load

LIST = """topics:
  - slug: seaweed
    names: {ja: 海藻, en: Seaweed}
    aliases: [海藻養殖]
    seeds: [海藻を育てる筏を入り江に並べる。, 若布の種を縄に付けて沈める。]
  - slug: rain
    names: {ja: 雨の日, en: Rainy days}
    aliases: [雨の日, 夕方の市場 + 売られ]
    seeds: [雨が続くと屋内で過ごす人が増える。, 傘の売れ行きは空模様で決まる。]
"""


def ask(db: Path, question: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(question, values).fetchall()


def discovered(db: Path) -> dict[str, list[str]]:
    return {s: json.loads(t) for s, t in ask(db, "SELECT slug, terms FROM topics WHERE discovered ORDER BY slug")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("topics")
    pipeline.build([write(folder / "posts")], folder / "kb.db", workers=1)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "kb.db")) as connection:
        connection.execute("UPDATE posts SET root = ?", (str((tmp_path / "copy" / "posts").resolve()),))
        connection.commit()
    return tmp_path / "copy"


def test_subjects_that_fill_a_few_posts_become_topics_and_common_talk_does_not(made: Path) -> None:
    found = discovered(made / "kb.db")
    terms = [term for each in found.values() for term in each]
    assert set(SUBJECTS) <= set(terms)
    assert not {"図書館", "時計", "犬"} & set(terms)
    assert "beacon-fleet" in found


def test_a_discovered_topic_holds_the_claims_with_its_terms_and_says_so(made: Path) -> None:
    rows = ask(
        made / "kb.db",
        "SELECT c.text, ct.score, ct.evidence FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id"
        " JOIN claims c ON c.id = ct.claim_id WHERE t.slug = 'beacon-fleet'",
    )
    assert len(rows) == 64
    assert all("Beacon Fleet" in text and score < 0.9 and "Beacon Fleet" in evidence for text, score, evidence in rows)


def test_names_are_distinct_and_english_where_the_phrase_is(made: Path) -> None:
    names = ask(made / "kb.db", "SELECT name_ja, name_en FROM topics WHERE discovered")
    assert len({ja for ja, _ in names}) == len(names)
    assert ("Beacon Fleet", "Beacon Fleet") in names


def test_a_second_build_changes_nothing_and_verify_finds_no_fault(made: Path) -> None:
    db = made / "kb.db"
    before = contents(db)
    pipeline.build([made / "posts"], db, workers=1)
    assert contents(db) == before
    assert verify.run(db)[0] == []


def test_two_databases_of_the_same_posts_discover_the_same(made: Path, tmp_path: Path) -> None:
    pipeline.build([made / "posts"], tmp_path / "again.db", workers=1)
    assert contents(tmp_path / "again.db")["topics"] == contents(made / "kb.db")["topics"]


def test_a_small_change_keeps_topics_and_gives_new_claims_to_them(copy: Path) -> None:
    db, before = copy / "kb.db", discovered(copy / "kb.db")
    (copy / "posts" / "2026-more.md").write_text(post("灯台修復", 40, said=4), "utf-8")
    pipeline.build([copy / "posts"], db, workers=1)
    assert discovered(db) == before
    (claims,) = ask(db, "SELECT json_extract(stats, '$.claims') FROM topics WHERE terms LIKE '%灯台修復%'")[0]
    assert claims == 68
    assert [event for (event,) in ask(db, "SELECT event FROM topic_events WHERE build_id > 1")] == []
    assert verify.run(db)[0] == []


def test_a_large_change_clusters_anew_and_what_stays_keeps_its_slug(copy: Path) -> None:
    db, before = copy / "kb.db", discovered(copy / "kb.db")
    write(copy / "posts", ("石畳保存", "蜜蜂保護"), each=7)
    for path in (copy / "posts").glob("*木造校舎*"):
        path.unlink()
    pipeline.build([copy / "posts"], db, workers=1)
    after = discovered(db)
    assert {"石畳保存", "蜜蜂保護"} <= {term for terms in after.values() for term in terms}
    kept = [slug for slug, terms in before.items() if "灯台修復" in terms]
    assert [slug for slug, terms in after.items() if "灯台修復" in terms] == kept
    gone = next(slug for slug, terms in before.items() if "木造校舎" in terms)
    with kb.open(db) as base:
        told = {(change.slug, change.event) for change in base.topic_changes(since=1)}
        assert base.topic_changes() == base.topic_changes(since=1)
    assert (gone, "died") in told
    assert {event for _, event in told} == {"born", "died"}
    assert verify.run(db)[0] == []


def test_a_topic_whose_last_claim_is_gone_dies_at_once(copy: Path) -> None:
    db = copy / "kb.db"
    for path in (copy / "posts").glob("*Beacon*"):
        path.unlink()
    pipeline.build([copy / "posts"], db, workers=1)
    assert "beacon-fleet" not in discovered(db)
    with kb.open(db) as base:
        assert [(change.slug, change.event) for change in base.topic_changes()] == [("beacon-fleet", "died")]
    assert verify.run(db)[0] == []
    before = contents(db)
    pipeline.build([copy / "posts"], db, workers=1)
    assert contents(db) == before


def test_incremental_and_fresh_agree_on_curated_topics(copy: Path, tmp_path: Path) -> None:
    (copy / "mine.yml").write_text(LIST, "utf-8")
    db, posts = copy / "kb.db", copy / "posts"
    pipeline.build([posts], db, workers=1, topics=copy / "mine.yml")
    (posts / "2025-灯台修復-1.md").unlink()
    changed = posts / "2025-海藻養殖-2.md"
    changed.write_text(changed.read_text("utf-8") + "\n## 海藻養殖の費用\n\nそれは町の誇りである。\n", "utf-8")
    pipeline.build([posts], db, workers=1)
    pipeline.build([posts], tmp_path / "fresh.db", workers=1, topics=copy / "mine.yml")
    assert curated(db) == curated(tmp_path / "fresh.db")
    assert len(curated(db)) > 60


def curated(db: Path) -> list[Any]:
    return sorted(
        ask(
            db,
            "SELECT t.slug, c.key, ct.score, ct.evidence FROM claim_topics ct JOIN topics t ON t.id = ct.topic_id"
            " JOIN claims c ON c.id = ct.claim_id WHERE NOT t.discovered",
        )
    )


def test_an_edited_heading_assigns_the_claims_below_it_afresh(copy: Path) -> None:
    path = copy / "posts" / "2025-灯台修復-0.md"
    path.write_text(path.read_text("utf-8") + "\n## 見出し\n\nここには別の話を書く。\n", "utf-8")
    pipeline.build([copy / "posts"], copy / "kb.db", workers=1)
    (states,) = ask(copy / "kb.db", "SELECT count(DISTINCT topic_state) FROM claims WHERE NOT stock")[0]
    assert states == 1


@pytest.mark.parametrize("where", ["put_topic_links", "put_discovered_links", "put_counted"])
def test_a_stage_that_was_killed_is_finished_by_the_next_build(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    db = tmp_path / "kb.db"
    with monkeypatch.context() as patch:
        patch.setattr(f"kb.store.{where}", die)
        with pytest.raises(Killed):
            pipeline.build([made / "posts"], db, workers=1)
    pipeline.build([made / "posts"], db, workers=1)
    assert discovered(db) == discovered(made / "kb.db")
    assert curated(db) == curated(made / "kb.db")
    assert verify.run(db)[0] == []


def test_a_list_of_ones_own_is_remembered_until_another_is_named(copy: Path) -> None:
    db, mine = copy / "kb.db", copy / "mine.yml"
    mine.write_text(LIST, "utf-8")
    pipeline.build([copy / "posts"], db, workers=1, topics=mine)
    slugs = "SELECT slug FROM topics WHERE NOT discovered ORDER BY position"
    assert ask(db, slugs) == [("seaweed",), ("rain",)]
    pipeline.build([copy / "posts"], db, workers=1)
    assert ask(db, slugs) == [("seaweed",), ("rain",)]
    pipeline.build([copy / "posts"], db, workers=1, topics=Path("default"))
    assert len(ask(db, slugs)) > 12
    pipeline.build([copy / "posts"], db, workers=1)
    assert len(ask(db, slugs)) > 12


def test_the_environment_names_a_list(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "mine.yml").write_text(LIST, "utf-8")
    monkeypatch.setenv("KB_TOPICS", str(copy / "mine.yml"))
    assert curate.sync(copy / "kb.db").added == ("seaweed", "rain")


def test_a_list_that_is_gone_is_told_and_its_topics_stay(copy: Path) -> None:
    mine = copy / "mine.yml"
    mine.write_text(LIST, "utf-8")
    curate.sync(copy / "kb.db", mine)
    mine.unlink()
    report = pipeline.build([copy / "posts"], copy / "kb.db", workers=1)
    assert [(fault.path, "is gone" in fault.reason) for fault in report.faults] == [(str(mine), True)]
    assert ask(copy / "kb.db", "SELECT count(*) FROM topics WHERE NOT discovered") == [(2,)]
    with pytest.raises(DataFileError, match=r"mine\.yml: .*gone"):
        curate.sync(copy / "kb.db")


def test_a_broken_list_ends_a_build_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("topics:\n  - slug: A\n", "utf-8")
    with pytest.raises(DataFileError, match=r"bad\.yml:2: names: is missing"):
        pipeline.build([write(tmp_path / "posts", each=1)], tmp_path / "kb.db", workers=1, topics=tmp_path / "bad.yml")
    assert ask(tmp_path / "kb.db", "SELECT count(*) FROM posts") == [(0,)]


def test_notes_on_a_list_are_told_and_no_fault(copy: Path) -> None:
    (copy / "odd.yml").write_text(LIST.replace("[雨の日,", "[海藻養殖, 雨の日,"), "utf-8")
    report = pipeline.build([copy / "posts"], copy / "kb.db", workers=1, topics=copy / "odd.yml")
    assert report.faults == ()
    assert ["海藻養殖" in note and "rain" in note for note in report.notes] == [True]


def test_sync_tells_what_it_changed(copy: Path) -> None:
    db, mine = copy / "kb.db", copy / "mine.yml"
    mine.write_text(LIST, "utf-8")
    first = curate.sync(db, mine)
    assert first.added == ("seaweed", "rain")
    assert "power-demand" in first.removed
    assert {one.slug: one.claims for one in first.moved}["seaweed"] == 64
    again = curate.sync(db)
    assert (again.added, again.changed, again.removed, again.moved) == ((), (), (), ())
    mine.write_text(LIST.replace("[海藻養殖]", "[海藻養殖の費用]"), "utf-8")
    second = curate.sync(db)
    assert (second.added, second.changed, second.removed) == ((), ("seaweed",), ())
    (moved,) = [one for one in second.moved if one.slug == "seaweed"]
    assert (moved.claims, moved.gained, moved.lost) == (8, 0, 56)
    assert verify.run(db)[0] == []


def test_a_changed_name_needs_no_claim_assigned_anew(copy: Path) -> None:
    db, mine = copy / "kb.db", copy / "mine.yml"
    mine.write_text(LIST, "utf-8")
    curate.sync(db, mine)
    before = ask(db, "SELECT DISTINCT topic_state FROM claims WHERE NOT stock")
    mine.write_text(LIST.replace("ja: 海藻,", "ja: 海の草,"), "utf-8")
    assert curate.sync(db).changed == ("seaweed",)
    assert ask(db, "SELECT DISTINCT topic_state FROM claims WHERE NOT stock") == before
    assert ask(db, "SELECT name_ja FROM topics WHERE slug = 'seaweed'") == [("海の草",)]


def test_a_topic_is_adopted_with_its_slug_and_history(copy: Path) -> None:
    db, mine = copy / "kb.db", copy / "mine.yml"
    mine.write_text(LIST, "utf-8")
    curate.sync(db, mine)
    entry, path = curate.adopt(db, "beacon-fleet")
    assert path == str(mine)
    assert entry in mine.read_text("utf-8")
    assert [topic.slug for topic in load(mine)] == ["seaweed", "rain", "beacon-fleet"]
    with kb.open(db) as base:
        page = base.topic("Beacon Fleet")
    assert (page.discovered, page.claims) == (False, 64)
    assert [change.event for change in page.history] == ["born", "adopted"]
    with pytest.raises(NotFoundError, match="curated already"):
        curate.adopt(db, "beacon-fleet")
    assert verify.run(db)[0] == []


def test_nothing_is_written_to_the_list_that_comes_with_the_program(copy: Path) -> None:
    shipped = kb.config.resource("data", "topics.yml")
    before = shipped.read_bytes()
    entry, path = curate.adopt(copy / "kb.db", "beacon-fleet")
    assert path is None
    assert "slug: beacon-fleet" in entry
    with pytest.raises(UsageError, match="comes with the program"):
        curate.adopt(copy / "kb.db", "beacon-fleet", shipped)
    assert shipped.read_bytes() == before


def test_adopting_into_a_new_file_begins_it_with_the_topics_in_use(copy: Path) -> None:
    curate.adopt(copy / "kb.db", "beacon-fleet", copy / "new.yml")
    slugs = [topic.slug for topic in load(copy / "new.yml")]
    assert slugs[-1] == "beacon-fleet"
    assert slugs[:-1] == [topic.slug for topic in load(kb.config.resource("data", "topics.yml"))]


def test_discover_on_request_keeps_what_is_found_again(copy: Path) -> None:
    before = discovered(copy / "kb.db")
    done = curate.discover(copy / "kb.db")
    assert done.moved == ()
    assert discovered(copy / "kb.db") == before


def test_an_alias_of_a_topic_takes_it_out_of_the_discovered_ones(copy: Path) -> None:
    (copy / "mine.yml").write_text(LIST, "utf-8")
    curate.sync(copy / "kb.db", copy / "mine.yml")
    curate.discover(copy / "kb.db")
    assert "海藻養殖" not in {term for terms in discovered(copy / "kb.db").values() for term in terms}


def test_few_claims_make_no_discovered_topics(tmp_path: Path) -> None:
    pipeline.build([write(tmp_path / "posts", SUBJECTS[:1])], tmp_path / "kb.db", workers=1)
    assert discovered(tmp_path / "kb.db") == {}
    assert ask(tmp_path / "kb.db", "SELECT count(*) FROM topic_memory") == [(0,)]


def test_a_page_counts_kinds_months_names_neighbours_and_trend(made: Path) -> None:
    with kb.open(made / "kb.db") as base:
        page = base.topic("beacon-fleet")
    assert sum(page.kinds.values()) == page.claims == 64
    assert page.posts == 4
    assert page.share == 0.25
    assert sum(month.claims for month in page.months) == 64
    assert [month.month for month in page.months] == sorted(month.month for month in page.months)
    assert page.trend.months >= 4
    assert page.trend.direction in ("rising", "falling", "steady")
    assert {one.name for one in page.entities} >= {"Beacon Fleet"}
    assert all("Beacon Fleet" in example.text for example in page.examples)
    assert json.loads(json.dumps(page.to_dict()))["slug"] == "beacon-fleet"


@pytest.mark.parametrize("given", ["beacon flet", "Beacon", "電力需用", "'; DROP TABLE topics --", "\u202e\x00", ""])
def test_an_unknown_topic_is_told_near_names(made: Path, given: str) -> None:
    with kb.open(made / "kb.db") as base, pytest.raises(NotFoundError, match="no topic") as raised:
        base.topic(given)
    if given.casefold().startswith("beacon"):
        assert "beacon-fleet" in str(raised.value)


def test_a_sample_is_the_same_for_the_same_seed_and_never_more_than_there_is(made: Path) -> None:
    with kb.open(made / "kb.db") as base:
        one, two = base.topic_sample("beacon-fleet", 5), base.topic_sample("beacon-fleet", 5)
        other = base.topic_sample("beacon-fleet", 5, seed=1)
        assert one == two
        assert one != other
        assert len(base.topic_sample("beacon-fleet", 500)) == 64
        assert all(drawn.evidence and drawn.post.endswith(".md") for drawn in one)
        with pytest.raises(UsageError, match="number 0"):
            base.topic_sample("beacon-fleet", 0)


def test_a_listed_topic_without_claims_has_an_empty_page(made: Path) -> None:
    with kb.open(made / "kb.db") as base:
        page = base.topic("hbm")
    assert (page.claims, page.months, page.related, page.examples, page.trend.direction) == (0, (), (), (), "unknown")


FAULTS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "claims are": lambda c: c.execute("DELETE FROM claim_topics WHERE rowid = (SELECT max(rowid) FROM claim_topics)"),
    "parent": lambda c: c.execute("UPDATE topics SET parent = 'nobody' WHERE slug = 'hbm'"),
    "no terms": lambda c: c.execute("UPDATE topics SET terms = '[]' WHERE slug = 'beacon-fleet'"),
    "not assigned": lambda c: c.execute("UPDATE claims SET topic_state = NULL WHERE id = 3"),
    "different lists": lambda c: c.execute("UPDATE claims SET topic_state = 'x' WHERE id = 3"),
    "or no evidence": lambda c: c.execute("UPDATE claim_topics SET score = 2 WHERE claim_id = 1"),
    "share": lambda c: c.execute(
        "INSERT INTO claim_topics SELECT (SELECT id FROM topics WHERE slug = 'hbm'), claim_id, 0.9, '[\"x\"]'"
        " FROM claim_topics LIMIT 1"
    ),
}


@pytest.mark.parametrize("told", FAULTS)
def test_verify_tells_what_does_not_agree(copy: Path, told: str) -> None:
    with closing(schema.connect(copy / "kb.db", writable=True)) as connection:
        FAULTS[told](connection)
    problems, _ = verify.run(copy / "kb.db")
    assert any(told in problem for problem in problems)


def test_the_state_of_claims_depends_on_list_model_and_found_topics_and_not_on_names() -> None:
    from kb.records import Topic

    one = Topic("a", {"ja": "甲", "en": "A"}, ("甲社",))
    base = stage._fingerprint([one], [], "r")
    assert stage._fingerprint([Topic("a", {"ja": "別", "en": "A"}, ("甲社",))], [], "r") == base
    assert stage._fingerprint([Topic("a", {"ja": "甲", "en": "A"}, ("乙社",))], [], "r") != base
    assert stage._fingerprint([one], [Topic("b", {}, ("丙",), discovered=True)], "r") != base
    assert stage._fingerprint([one], [], "s") != base
