"""What is new, changed or gone: the log of builds, digests of it, and their feed."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import feedparser
import jsonschema
import pytest
from export_data import NASTY, connect, database, nasty
from search_data import Post, Said

from kb import config, export, pipeline, verify
from kb.errors import NotFoundError, UsageError
from kb.export import digest
from kb.export.words import shown

FORMS = ("md", "html", "json", "atom")
POWER = "東部の変電所は二〇二三年に完成した。"
WATER = "西部の浄水場は毎日二万トンの水を送る。"
WIND = "北部の風車は去年の冬に止まったままだ。"
SOLAR = "南部の太陽光発電所は来月から電力を売り始める。"
Write = Callable[..., None]


class Corpus:
    """A folder of posts and its database, built again after each change."""

    def __init__(self, folder: Path) -> None:
        self.posts = folder / "posts"
        self.posts.mkdir()
        self.db = folder / "kb.db"

    def write(self, name: str, *said: str, date: str = "2025-01-01") -> Corpus:
        (self.posts / name).write_text(f"---\ntitle: {name}\ndate: {date}\n---\n\n" + "\n\n".join(said) + "\n", "utf-8")
        return self

    def build(self) -> int:
        """Build, and return the number of the build."""
        pipeline.build([self.posts], self.db, workers=1)
        (number,) = self.ask("SELECT max(id) FROM builds")[0]
        return int(number)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.db)) as conn:
            return conn.execute(query).fetchall()

    def events(self, build: int) -> list[tuple[str, str]]:
        rows = self.ask(f"SELECT event, json_extract(detail, '$.text') FROM claim_events WHERE build_id = {build}")
        return sorted(rows)

    def since(self, build: int, **more: Any) -> export.Digest:
        with closing(connect(self.db)) as conn:
            return digest.since_build(conn, build, **more)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Return two claims in a post; vectors and topics, which the log does not look at, are left out for speed."""
    monkeypatch.setattr("kb.pipeline.derive.vectors", lambda *_, **__: None)
    monkeypatch.setattr("kb.pipeline.subjects.timed", lambda *_, **__: None)
    return Corpus(tmp_path).write("a.md", POWER, WATER)


# The log


def test_a_first_build_finds_all_new_and_the_next_nothing(corpus: Corpus) -> None:
    first = corpus.build()
    assert corpus.events(first) == [("new", POWER), ("new", WATER)]
    second = corpus.build()
    assert corpus.events(second) == []
    told = corpus.since(first)
    assert (told.new, told.changed, told.gone) == ((), (), ())


def test_new_and_gone_claims_are_logged_with_their_words(corpus: Corpus) -> None:
    corpus.build()
    build = corpus.write("a.md", POWER, WIND).build()
    assert corpus.events(build) == [("gone", WATER), ("new", WIND)]
    ((detail,),) = corpus.ask(f"SELECT detail FROM claim_events WHERE build_id = {build} AND event = 'gone'")
    assert json.loads(detail)["posts"] == ["a.md"]


def test_a_claim_said_in_another_post_has_changed_and_one_that_moved_has_not(corpus: Corpus) -> None:
    corpus.build()
    build = corpus.write("a.md", WATER, POWER).write("b.md", WATER, date="2025-02-02").build()
    assert corpus.events(build) == [("changed", WATER)]
    told = corpus.since(build - 1)
    assert [(c.claim.text, c.added, c.removed) for c in told.changed] == [(WATER, ("b.md",), ())]
    (corpus.posts / "b.md").unlink()
    again = corpus.since(corpus.build() - 1)
    assert [(c.added, c.removed) for c in again.changed] == [((), ("b.md",))]


def test_an_earlier_wording_that_takes_over_is_a_change_not_a_loss(corpus: Corpus) -> None:
    corpus.write("b.md", "今日のデータセンターは大量の電力を消費する。", date="2025-03-01").build()
    old = "今日のデータセンターは大量の電力を消費します。"
    build = corpus.write("c.md", old, date="2024-03-01").build()
    events = dict((text, event) for event, text in corpus.events(build))  # noqa: C402 - two columns, turned around
    merged = corpus.ask("SELECT count(*) FROM merges")[0][0]
    if not merged:
        (keys,) = corpus.ask("SELECT count(*) FROM claims WHERE text LIKE '今日の%'")[0]
        assert keys == 1, "the two wordings fold to one claim"
    assert "new" not in events.values()
    assert not corpus.since(build - 1).gone


def test_a_killed_build_is_told_of_by_the_next(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    first = corpus.build()
    corpus.write("a.md", POWER, WIND)
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("kb.pipeline.events.record", killed)
        with pytest.raises(KeyboardInterrupt):
            corpus.build()
    last = corpus.build()
    assert last == first + 2
    assert corpus.events(last) == [("gone", WATER), ("new", WIND)]


def test_a_relabelled_claim_has_changed(corpus: Corpus) -> None:
    first = corpus.build()
    with closing(sqlite3.connect(corpus.db)) as conn:
        conn.execute("UPDATE claims SET kind = 'opinion' WHERE text = ?", (POWER,))
        conn.execute("DELETE FROM stage_states WHERE stage = 'events'")
        conn.commit()
    corpus.build()
    (change,) = corpus.since(first).changed
    assert change.before == {"kind": "fact"}


# Digests of builds


def test_events_fold_into_what_they_come_to(corpus: Corpus) -> None:
    first = corpus.build()
    corpus.write("b.md", SOLAR).write("a.md", POWER).build()  # WATER goes, SOLAR comes
    (corpus.posts / "b.md").unlink()
    corpus.write("a.md", POWER, WATER, WIND).build()  # SOLAR goes, WATER is back, WIND comes
    told = corpus.since(first)
    assert [claim.text for claim in told.new] == [WIND]
    assert (told.changed, told.gone) == ((), ())
    assert [one.text for one in corpus.since(first + 1).gone] == [SOLAR]


def test_builds_that_are_not_there_or_logged_nothing_are_refused(corpus: Corpus) -> None:
    corpus.build()
    with pytest.raises(NotFoundError, match="no build 7 in this database; there are builds 1 to 1"):
        corpus.since(7)
    with closing(sqlite3.connect(corpus.db)) as conn:
        conn.execute("DELETE FROM claim_events")
        conn.commit()
    with pytest.raises(NotFoundError, match="no build has logged changes yet; build again, or give --since DATE"):
        corpus.since(1)


@pytest.mark.parametrize("form", FORMS)
def test_a_digest_can_be_checked_gone_claims_too(corpus: Corpus, tmp_path: Path, form: str) -> None:
    first = corpus.build()
    corpus.write("a.md", POWER, WIND).write("b.md", POWER, SOLAR, date="2025-05-05").build()
    text = export.DIGESTS[form]([corpus.since(first)])
    for words in (POWER, WATER, WIND, SOLAR):
        assert words in text
    path = tmp_path / f"x.{form}"
    path.write_bytes(text.encode())
    assert verify.exported(corpus.db, [path])[0] == []
    for words in (WATER, WIND):
        path.write_bytes(text.replace(words, words.replace("の", "は")).encode())
        assert verify.exported(corpus.db, [path])[0] != []


# Digests of days


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    old = Post("old.md", [Said(POWER, topics=("power",)), WATER], date="2025-01-10")
    new = Post("new.md", [Said(POWER, topics=("power",)), Said(WIND, topics=("power",))], date="2025-06-10", title="新")
    return database(tmp_path_factory.mktemp("dated") / "kb.db", [old, new, Post("undated.md", [SOLAR], date=None)])


def days(db: Path, since: str, topic: str | None = None) -> export.Digest:
    with closing(connect(db)) as conn:
        return digest.since_date(conn, since, topic)


def test_a_day_parts_new_claims_from_those_said_again(dated: Path) -> None:
    told = days(dated, "2025-06-01")
    assert [claim.text for claim in told.new] == [WIND]
    assert [(c.claim.text, c.added) for c in told.changed] == [(POWER, ("new.md",))]
    assert told.updated == "2025-06-10"
    assert [c.text for c in days(dated, "2025").new] == [POWER, WATER, WIND]
    assert days(dated, "2026-01").new == ()


def test_a_digest_may_be_of_one_topic(dated: Path) -> None:
    assert [claim.text for claim in days(dated, "2025-01-01", "power").new] == [POWER, WIND]
    with pytest.raises(NotFoundError, match="no topic 'pwer' in this database; near names: power"):
        days(dated, "2025-01-01", "pwer")


@pytest.mark.parametrize("given", ["", "gestern", "2025-13", "2025-02-30", "20250101", "２０２５"])
def test_what_is_no_day_is_refused(dated: Path, given: str) -> None:
    with pytest.raises(UsageError, match=f"since '{given}' is no date; write it as 2025-09-30, 2025-09 or 2025"):
        days(dated, given)


def test_nothing_new_is_said_so(dated: Path) -> None:
    told = [days(dated, "2031-01-01")]
    assert "この間に変わったことはありません。" in export.DIGESTS["md"](told)
    assert "この間に変わったことはありません。" in export.DIGESTS["html"](told)
    assert feedparser.parse(export.DIGESTS["atom"](told)).entries == []


@pytest.mark.parametrize("form", FORMS)
def test_two_digests_are_the_same_bytes(dated: Path, form: str) -> None:
    assert export.DIGESTS[form]([days(dated, "2025")]) == export.DIGESTS[form]([days(dated, "2025")])


def test_digests_in_json_follow_their_schema(dated: Path, corpus: Corpus) -> None:
    schema = json.loads(config.resource("data", "export", "digest.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    first = corpus.build()
    corpus.write("a.md", POWER, WIND).build()
    for told in (days(dated, "2025-06"), days(dated, "2025", "power"), corpus.since(first)):
        jsonschema.validate(json.loads(export.DIGESTS["json"]([told])), schema)


# The feed


def test_a_feed_is_valid_atom_with_ids_that_stay(dated: Path) -> None:
    text = export.DIGESTS["atom"]([days(dated, "2025")])
    feed = feedparser.parse(text)
    assert feed.bozo == 0
    assert feed.version == "atom10"
    assert (feed.feed.title, feed.feed.updated, feed.feed.author) == ("知識ベースの変化", "2025-06-10T00:00:00Z", "kb")
    assert [entry.title for entry in feed.entries] == ["新", "題"]
    assert all(re.fullmatch(r"tag:kb\.invalid,2025:all/article/[0-9a-z]{12}", entry.id) for entry in feed.entries)
    later = feedparser.parse(export.DIGESTS["atom"]([days(dated, "2025-02")]))
    assert later.feed.id == feed.feed.id
    assert {entry.id for entry in later.entries if entry.title == "新"} <= {entry.id for entry in feed.entries}
    assert WIND in feed.entries[0].content[0].value


def test_a_feed_holds_any_words(tmp_path: Path) -> None:
    db = nasty(tmp_path / "kb.db")
    text = export.DIGESTS["atom"]([days(db, "2025")])
    feed = feedparser.parse(text)
    assert feed.bozo == 0
    assert len(feed.entries) == len(NASTY)
    assert "<script>alert" not in "".join(entry.content[0].value for entry in feed.entries)
    assert "\u202e" not in text
    path = tmp_path / "x.atom"
    path.write_text(text, "utf-8")
    assert verify.exported(db, [path])[0] == []
    for form in ("md", "html"):
        path = tmp_path / f"x.{form}"
        path.write_bytes(export.DIGESTS[form]([days(db, "2025")], full=True).encode())
        problems, counts = verify.exported(db, [path])
        assert problems == []
        assert counts["quotes"] >= 2 * len(NASTY)
    assert {shown(text) for text in NASTY} >= {"---", "a [^1] b"}
