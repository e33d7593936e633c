"""Entities, the parts and neighbours of a claim, the margin of an article, the original beside it, and the map."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from urllib.parse import quote

import html5lib
import numpy as np
import pytest
import site_for_tests as served
from site_for_tests import EVIL_NAME, PAGES, Reader, changed, rows

import kb
from kb import server
from kb.errors import NotFoundError
from kb.server import chart, layout, marks, scatter, words
from kb.server.original import pieces

database, runner, site, base, paths = served.database, served.runner, served.site, served.base, served.paths
JA = words.words("ja")


def test_entity_page_gathers_what_is_said_with_a_name(site: Reader, database: Path) -> None:
    several = rows(
        database,
        "SELECT e.id, e.key, e.name, count(DISTINCT ce.claim_id) AS n FROM entities e JOIN claim_entities ce"
        " ON ce.entity_id = e.id GROUP BY e.id ORDER BY n DESC LIMIT 4",
    )
    assert several
    for ident, key, name, count in several:
        page = site.page(f"/entity/{key}", **{"accept-language": "ja"})
        assert name in page.words
        assert JA("claims_count", n=count) in page.text
        kinds = rows(
            database,
            "SELECT c.kind, count(*) FROM claims c WHERE c.id IN (SELECT claim_id FROM claim_entities"
            " WHERE entity_id = ?) GROUP BY 1",
            ident,
        )
        for kind, number in kinds:
            own = site.page(f"/entity/{key}?kind={kind}")
            assert len({link for link in own.links if link.startswith("/claim/")}) == min(number, 100)
        claims = rows(
            database, "SELECT c.key FROM claims c JOIN claim_entities ON claim_id = c.id WHERE entity_id = ?", ident
        )
        shown = {link for link in page.links if link.startswith("/claim/")}
        assert {f"/claim/{claim}" for (claim,) in claims} & shown
        assert [link for link in page.links if link.startswith("/article/")]
        assert site.page(f"/entity/{quote(name)}").words  # by its name too
    site.page("/entity/no-such-name", status=404)
    site.page("/entity/" + quote("<script>"), status=404)
    site.page(f"/entity/{several[0][1]}?kind=rumour", status=400)


def test_claim_page_shows_the_parts_of_a_claim(site: Reader, base: kb.KnowledgeBase, database: Path) -> None:
    found = rows(
        database,
        "SELECT key FROM claims c WHERE EXISTS (SELECT 1 FROM figures WHERE claim_id = c.id)"
        " AND EXISTS (SELECT 1 FROM claim_entities WHERE claim_id = c.id) LIMIT 3",
    ) + rows(
        database, "SELECT key FROM claims c WHERE EXISTS (SELECT 1 FROM claim_dates WHERE claim_id = c.id) LIMIT 2"
    )
    assert found
    for (key,) in found:
        page, parts = site.page(f"/claim/{key}"), base.show(key)["parts"]
        for one in parts["figures"]:
            assert one["means"] in page.text
        for one in parts["entities"]:
            assert f"/entity/{one['entity']}" in page.links
        for one in parts["dates"]:
            assert one["text"] in page.text
        assert f"@misc{{kb-{key}," in page.text


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_html_is_valid(site: Reader, paths: dict[str, str], name: str, lang: str) -> None:
    text = site.get(paths[name], **{"accept-language": lang}).text
    html5lib.HTMLParser(strict=True).parse(text)  # raises at the first error of HTML's own parsing rules


def test_html_of_a_hostile_post_is_valid(site: Reader, database: Path) -> None:
    ((key,),) = rows(database, "SELECT key FROM posts WHERE path = ?", EVIL_NAME)
    for path in (f"/article/{key}", f"/article/{key}?original=1", f"/-/search?q={quote('危険な電力')}"):
        html5lib.HTMLParser(strict=True).parse(site.get(path).text)


def test_a_tag_left_open_would_be_found() -> None:
    with pytest.raises(html5lib.html5parser.ParseError):
        html5lib.HTMLParser(strict=True).parse("<!DOCTYPE html><title>x</title><p><b>y</p>")


def test_bibtex_takes_any_text() -> None:
    assert marks.bibtex("50% {of} a_b\\ & #1") == r"50\% \{of\} a\_b\textbackslash  \& \#1"


@pytest.fixture(scope="module")
def tied(database: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Return a database with a neighbour and a tie of articles, and the keys of the two claims."""
    (one, mine, post), (other, theirs, elsewhere) = (
        rows(database, "SELECT c.id, c.key, o.post_id FROM claims c JOIN occurrences o ON o.claim_id = c.id"
                       " WHERE c.post_count = 1 AND NOT EXISTS (SELECT 1 FROM links WHERE c.id IN (a_id, b_id))"
                       " AND o.post_id = (SELECT id FROM posts WHERE path LIKE ?) LIMIT 1", path)[0]
        for path in ("%korea-ai-hub%", "%2025%ce%")
    )  # fmt: skip
    path = changed(
        database,
        tmp_path_factory.mktemp("tied") / "kb.db",
        "DELETE FROM neighbours",
        "DELETE FROM article_links",
        f"INSERT INTO neighbours(claim_id, other_id, score) VALUES ({one}, {other}, 0.93)",
        "INSERT INTO article_links(a_id, b_id, score, shared, ties) VALUES"
        f" ({min(post, elsewhere)}, {max(post, elsewhere)}, 1.5, 3, '[[{one}, {other}]]')",
    )
    return path, mine, theirs


def test_neighbours_stand_beside_claims_and_articles(tied: tuple[Path, str, str], runner: asyncio.Runner) -> None:
    path, mine, theirs = tied
    site = Reader(server.site(path), runner)
    ja = {"accept-language": "ja"}
    page = site.page(f"/claim/{mine}", **ja)
    assert JA("near_in_meaning") in page.words
    assert f"/claim/{theirs}" in page.links
    place = kb.open(path).show(mine)["occurrences"][0]
    article = site.page(f"/article/{place['post_key']}", **ja)
    assert ("div", {"class": "margin near", "role": "note", "lang": "ja"}) in article.tags
    assert f"/claim/{theirs}" in article.links
    assert JA("related_articles") in article.words
    assert JA("ties", n=3) in article.words


def test_links_of_claims_stand_in_the_margin(site: Reader, database: Path) -> None:
    found = rows(
        database,
        "SELECT a.key, b.key, p.key FROM links l JOIN claims a ON a.id = l.a_id JOIN claims b ON b.id = l.b_id"
        " JOIN occurrences o ON o.claim_id = a.id JOIN posts p ON p.id = o.post_id"
        " JOIN occurrences u ON u.claim_id = b.id WHERE u.post_id <> o.post_id AND l.relation = 'conflict'",
    )
    assert found
    for _, other, post in found[:3]:
        page = site.page(f"/article/{post}", **{"accept-language": "ja"})
        assert f"/claim/{other}" in page.links
        assert JA("tie_conflict") in page.words
        assert JA("related_articles") in page.words


def test_the_original_stands_beside_the_result_character_by_character(site: Reader, database: Path) -> None:
    for key, text in rows(database, "SELECT key, text FROM posts JOIN sources ON post_id = id"):
        cut = server.of(site.application).original(key)
        assert "".join(piece.text for piece in cut) == text
        page = site.page(f"/article/{key}?original=1")
        assert "".join(text.split()) in "".join(page.text.split())
        left_out = rows(database, "SELECT count(*) FROM ledger JOIN posts ON posts.id = post_id WHERE key = ?", key)[0][
            0
        ]
        struck = [tag for tag, _ in page.tags if tag == "del"]
        assert bool(struck) == bool(left_out)
        for link in page.links:
            if link.startswith("#s"):
                assert link[1:] in page.ids
    assert f"/article/{key}" in page.links


def test_pieces_join_to_the_text_whatever_overlaps() -> None:
    text = "abcdefghij"
    cut = pieces(text, [(1, 4, 1), (3, 6, 3), (20, 30, 20)], [(2, 5, "repeat", "said", 1), (9, 99, "code", "", None)])
    assert "".join(piece.text for piece in cut) == text
    assert [(piece.text, piece.sentence, piece.action) for piece in cut] == [
        ("a", None, ""),
        ("bcd", 1, ""),
        ("e", None, "repeat"),
        ("f", 3, ""),
        ("ghi", None, ""),
        ("j", None, "code"),
    ]


def test_map_has_every_claim_with_a_vector(site: Reader, database: Path) -> None:
    answer = site.get("/-/map.bin")
    data = answer.content
    (count,) = struct.unpack_from("<I", data)
    ids = np.frombuffer(data, "<u4", count, 4)
    assert len(data) == 4 + 10 * count
    assert sorted(ids.tolist()) == [ident for (ident,) in rows(database, "SELECT id FROM claims ORDER BY id")]
    page = site.page("/map")  # laid out by now
    topics = [given for tag, given in page.tags if tag == "li" and "data-number" in given]
    assert topics
    groups = np.frombuffer(data, np.uint8, count, 4 + 8 * count)
    assert set(groups.tolist()) <= set(range(len(topics) + 1))
    told = site.get(f"/-/map/{ids[0]}.json").json()
    ((key, text),) = rows(database, "SELECT key, text FROM claims WHERE id = ?", int(ids[0]))
    assert (told["claim"], told["text"], told["url"]) == (key, text, f"/claim/{key}")
    assert site.get("/-/map/999999999.json").status_code == 404
    assert site.get("/-/map/" + "9" * 400 + ".json").status_code == 404
    assert site.get("/-/map/x.json").status_code == 404
    again = scatter.Map(server.Site(database)).drawn()
    assert again.data == data  # the same vectors give the same map


def test_a_page_does_not_wait_for_a_map_that_takes_long(
    database: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(server.site(database), runner)
    monkeypatch.setattr(scatter, "PATIENCE", 0.0)
    held = server.of(reader.application).map
    with held._lock:  # as if another thread were laying it out
        page = reader.page("/map", **{"accept-language": "ja"})
    assert JA("map_pending") in page.words
    assert held._drawing is not None
    held._drawing.join(120)
    assert [tag for tag, _ in reader.page("/map").tags if tag == "canvas"]


def test_a_saved_map_is_used_while_the_database_is_as_it_was(database: Path, tmp_path: Path) -> None:
    path = changed(database, tmp_path / "kb.db")
    own = server.Site(path)
    own.map.save(path)
    saved = path.with_name("kb.db.map")
    flat = saved.read_bytes()[:16] + bytes(len(saved.read_bytes()) - 16)
    saved.write_bytes(flat)
    drawn = server.Site(path).map.drawn()
    assert drawn.data[4 + 4 * drawn.points :][: 4 * drawn.points] == bytes(4 * drawn.points)
    saved.write_bytes(b"\0" * 16 + flat[16:])  # of another state
    assert server.Site(path).map.drawn().data != drawn.data
    own.close()
    with pytest.raises(NotFoundError):
        server.Site(path).map.point(10**9)


def test_without_embeddings_the_map_is_a_list(database: Path, tmp_path: Path, runner: asyncio.Runner) -> None:
    bare = changed(database, tmp_path / "bare.db", "DELETE FROM embeddings", "DELETE FROM models")
    reader = Reader(server.site(bare), runner)
    reader.get("/-/map.bin")
    page = reader.page("/map", **{"accept-language": "ja"})
    assert JA("map_empty") in page.words
    assert "canvas" not in [tag for tag, _ in page.tags]


@pytest.mark.parametrize("count", [0, 1, 3, 5, 23, 40, 900])
def test_layout_of_any_number_of_points(count: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(count, 16)).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    found = layout.positions(vectors)
    assert found.shape == (count, 2)
    assert np.isfinite(found).all()
    assert count == 0 or (found.min() >= 0 and found.max() <= 1)
    assert np.array_equal(found, layout.positions(vectors))


def test_layout_puts_like_beside_like() -> None:
    chance = np.random.default_rng(1)
    centres = chance.normal(size=(4, 24))
    vectors = np.repeat(centres, 100, axis=0) + 0.2 * chance.normal(size=(400, 24))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = layout.positions(vectors).reshape(4, 100, 2)
    middles = np.median(found, axis=1)
    inside = np.linalg.norm(found - middles[:, None], axis=2).mean()
    between = np.linalg.norm(middles[:, None] - middles[None], axis=2)[np.triu_indices(4, 1)].min()
    assert between > 2 * inside


def test_charts_of_lines_and_bars() -> None:
    topics = [{"months": {"2025-01": 2, "2025-03": 4}}, {"months": {}}, {"months": {"2025-02": 1}}]
    drawn = chart.sparks(topics)
    assert drawn[0]["spark"] == "0.0,11.0 48.0,21.0 96.0,1.0"
    assert drawn[1]["spark"] == ""
    assert [row["share"] for row in chart.bars([{"claims": 4}, {"claims": 1}])] == [1.0, 0.25]
    assert chart.bars([]) == []
    assert chart.sparks([{"months": {"2025-01": 9}}])[0]["spark"] == ""


def test_tables_keep_folders_of_the_machine_back(site: Reader, database: Path) -> None:
    ((root,),) = rows(database, "SELECT DISTINCT root FROM posts")
    assert str(Path(root)).startswith("/")
    for path in (
        "/kb/posts.json?_shape=array",
        "/kb/builds.json?_shape=array",
        "/kb/models.json?_shape=array",
        "/kb/posts",
        "/kb/builds",
        "/kb.json?sql=" + quote("SELECT root, sources FROM posts, builds"),
        "/kb.json?sql=" + quote("SELECT hex(root) AS x FROM posts"),
        "/kb/posts.json?_facet=root",
        "/kb/posts.csv",
    ):
        answer = site.get(path)
        assert answer.status_code == 200, path
        assert str(Path(root)) not in answer.text
        assert str(root).encode().hex().upper() not in answer.text
    assert [row["title"] for row in site.get("/kb/posts.json?_shape=array").json()]
    assert json.loads(rows(database, "SELECT sources FROM builds LIMIT 1")[0][0])  # the database itself keeps them


def test_a_hostile_post_stays_dead_on_the_new_pages(site: Reader, database: Path) -> None:
    ((key,),) = rows(database, "SELECT key FROM posts WHERE path = ?", EVIL_NAME)
    paths = [f"/article/{key}?original=1", "/topics", "/map", f"/-/search?q=危険な電力&post={key}"]
    paths += [f"/entity/{entity}" for (entity,) in rows(database, "SELECT key FROM entities")]
    for path in paths:
        page = site.page(path)
        assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "embed", "base")]
        assert {given["src"].split("?")[0] for tag, given in page.tags if tag == "script"} <= {
            "/kb-static/site.js",
            "/kb-static/map.js",
        }
