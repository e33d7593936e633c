"""The pages of the site: a real Datasette over a database that is really built, read through its test client."""

from __future__ import annotations

import json
import re
from collections import deque
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
import site_for_tests as served
from site_for_tests import EVIL_NAME, Page, Reader, rows

import kb
from kb.search import MODES
from kb.server import marks, words

database, runner, site, base = served.database, served.runner, served.site, served.base


def test_every_link_leads_somewhere(site: Reader) -> None:
    """Walk the site from its first page; every page is whole, every address answers, every anchor exists."""
    waiting = deque(["/", "/-/search?q=電力", "/-/search?q=電力&group=post", "/?lang=en"])
    seen: dict[str, Page | None] = {}
    anchors: set[tuple[str, str]] = set()
    while waiting:
        path = waiting.popleft()
        if path in seen:
            continue
        own = urlsplit(path).path == "/" or re.match(
            r"/(article|claim|topics?|entity|map|conflicts|duplicates|-/search)\b", path
        )
        plain = re.search(r"\.(txt|md|json|csv|html|bib)$", urlsplit(path).path)
        if urlsplit(path).query.count("&") > 1:  # narrowed more than once: there is no end of those
            continue
        if own and not plain:
            page = seen[path] = site.page(path)
            for link in page.links:
                parts = urlsplit(link)
                if parts.hostname not in (None, "localhost"):
                    assert link == "https://datasette.io/"
                    continue
                target = parts.path or urlsplit(path).path
                if parts.fragment:
                    anchors.add((target, parts.fragment))
                if "lang=" not in parts.query:
                    waiting.append(target + (f"?{parts.query}" if parts.query else ""))
        else:
            seen[path] = None
            assert site.get(path).status_code == 200, path
    for target, fragment in anchors:
        assert fragment in seen[target].ids, (target, fragment)  # type: ignore[union-attr]
    kinds = {urlsplit(path).path.split("/")[1] for path in seen}
    pages = {"article", "claim", "topic", "topics", "entity", "map", "conflicts", "duplicates"}
    assert {"", *pages, "kb", "kb-static", "-"} <= kinds


def test_first_page_tells_the_numbers(site: Reader, base: kb.KnowledgeBase) -> None:
    page = site.page("/")
    counts = base.stats()["counts"]
    assert f"{counts['posts']:,}" in page.words
    assert f"{counts['claims']:,}" in page.words
    assert f"{counts['sentences']:,}" in page.words
    build = json.loads(rows(base.path, "SELECT counts FROM builds ORDER BY id DESC LIMIT 1")[0][0])
    for name in ("posts", "sentences", "repeats", "claims"):  # the numbers of the build's own table
        assert f"{build[name]:,}" in page.words, name
    best = sorted(base.topics(), key=lambda topic: -topic["claims"])[:5]
    assert {f"/topic/{topic['slug']}" for topic in best} <= set(page.links)
    assert [given for tag, given in page.tags if tag == "polyline" and given["points"]]
    newest = rows(base.path, "SELECT key FROM posts ORDER BY date DESC LIMIT 1")[0][0]
    assert f"/article/{newest}" in page.links


def test_topics_page_lists_every_topic(site: Reader, base: kb.KnowledgeBase) -> None:
    page = site.page("/topics")
    for topic in base.topics():
        assert f"/topic/{topic['slug']}" in page.links


@pytest.mark.parametrize("query", ["電力", "人材", "韓国のAIハブと再生可能エネルギー", "SMR", "サーバ"])
@pytest.mark.parametrize("mode", MODES)
def test_search_shows_what_the_library_finds(site: Reader, base: kb.KnowledgeBase, query: str, mode: str) -> None:
    page = site.page(f"/-/search?q={quote(query)}&mode={mode}")
    hits = base.search(query, limit=20, mode=mode)  # type: ignore[call-overload]
    assert hits
    shown = [unquote(link).removeprefix("/claim/") for link in page.links if link.startswith("/claim/")]
    leading = {hit.claim for hit in hits}
    assert list(dict.fromkeys(one for one in shown if one in leading)) == [hit.claim for hit in hits]
    assert set(shown) - leading <= {one.claim for hit in hits for one in hit.also}
    for hit in hits:
        place = hit.occurrences[0]
        assert f"/article/{place.post_key}#s{place.start}" in page.links
        assert marks.readable(hit.text) in page.text
        assert hit.posts == 1 or words.words("ja")("said_in", n=hit.posts) in page.text
    said = [word for hit in hits for word in hit.matched if word in marks.readable(hit.text)]
    assert bool(said) <= ("mark" in [tag for tag, _ in page.tags])


def test_search_json_is_that_of_the_command(site: Reader, base: kb.KnowledgeBase) -> None:
    answer = site.get("/-/search.json?q=電力&limit=5&kind=fact")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == json.loads(json.dumps([hit.to_dict() for hit in base.search("電力", 5, kind="fact")]))
    assert {"claim", "text", "kind", "certainty", "score", "arms", "matched", "occurrences"} <= set(answer.json()[0])
    assert set(answer.json()[0]["arms"]["keyword"]) == {"rank", "score"}
    by_post = site.get("/-/search.json?q=電力&group=post").json()
    assert {"post", "title", "score", "claims"} <= set(by_post[0])
    assert "app;dur=" in answer.headers["server-timing"]


def test_search_narrows(site: Reader, base: kb.KnowledgeBase) -> None:
    for hit in site.get("/-/search.json?q=電力&kind=forecast&kind=advice").json():
        assert hit["kind"] in ("forecast", "advice")
    topic = next(one["slug"] for one in base.topics() if one["claims"])
    page = site.page(f"/-/search?q=電力&topic={topic}&since=2025-10")
    for name, value in (("topic", topic), ("since", "2025-10")):
        assert ("input", {"type": "hidden", "name": name, "value": value}) in page.tags
    without = [unquote(link) for link in page.links if link.startswith("?q=") and "topic=" not in link]
    assert "?q=電力&since=2025-10" in without


def test_search_goes_on_to_more_with_the_same_filters(site: Reader) -> None:
    page = site.page("/-/search?q=電力&kind=fact&kind=opinion&until=2026&limit=3&lang=en")
    (more,) = [link for link in page.links if link.startswith("?") and "limit=6" in link]
    assert "lang" not in more
    assert [given["value"] for tag, given in page.tags if tag == "input" and given.get("name") == "kind"] == [
        "fact",
        "opinion",
    ]
    (as_json,) = [link for link in page.links if link.startswith("/-/search.json")]
    shown = [link for link in page.links if link.startswith("/claim/")]
    assert [f"/claim/{hit['claim']}" for hit in site.get(as_json).json()] == shown
    grown = [link for link in site.page(f"/-/search{more}").links if link.startswith("/claim/")]
    assert (grown[:3], len(grown)) == (shown, 6)


def test_search_without_a_query_is_a_form(site: Reader) -> None:
    page = site.page("/-/search")
    assert "ol" not in [tag for tag, _ in page.tags]
    assert "q" in [given.get("name") for tag, given in page.tags if tag == "input"]


@pytest.mark.parametrize(
    "asked",
    [
        "mode=best",
        "kind=truth",
        "group=word",
        "topic=no-such-topic",
        "limit=0",
        "limit=99999999",
        "limit=%EF%BC%91",
        "since=yesterday",
        "tag=<script>",
        "post=../../etc/passwd",
        "mode=keyword&mode=semantic",
        "certainty=1%27%20OR%201=1",
        "q=%21%21%21",
        "q=-%E9%9B%BB%E5%8A%9B",
    ],
)
def test_bad_parameters_are_refused_with_a_page(site: Reader, asked: str) -> None:
    query = asked if asked.startswith("q=") else f"q=電力&{asked}"
    page = site.page(f"/-/search?{query}", status=400)
    assert ("p", {"class": "notice", "role": "alert"}) in page.tags
    answer = site.get(f"/-/search.json?{query}")
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


@pytest.mark.parametrize(
    "query",
    [
        "'; DROP TABLE posts; --",
        "NEAR(電力 人材)",
        "words:電力 AND *",
        '"',
        "電力\0力",
        "%ff%fe電力",
        "<b>電力</b>",
        "電力" * 900,
        "^電力*",
        "a OR",
    ],
)
def test_any_query_is_answered(site: Reader, query: str) -> None:
    path = query if query.startswith("%") else quote(query)
    answer = site.get(f"/-/search?q={path}")
    assert answer.status_code in (200, 400)
    assert Page(answer.text).faults == []
    assert "<b>電力" not in answer.text


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/topic/korea-ai-hb", "/topic/korea-ai-hub"),
        ("/topic/korea-ai-hub.xml", "/topic/korea-ai-hub"),
        ("/article/2025-09-24-1-korea-ai-hab.md", "/article/"),
        ("/korea-ai-hub", "/topic/korea-ai-hub"),
        ("/claim/%3Cscript%3E", ""),
        ("/article/%ff%00%E3", ""),
        ("/no/such/page", ""),
        ("/topic/" + "x" * 3000, ""),
    ],
)
def test_unknown_addresses_suggest_near_ones(site: Reader, path: str, near: str) -> None:
    page = site.page(path, status=404)
    if near:
        assert [link for link in page.links if link.startswith(near)]
    assert [given for tag, given in page.tags if tag == "input" and given.get("name") == "q"]


def test_shortened_claim_links_name_the_whole_key(site: Reader, database: Path) -> None:
    ((key,),) = rows(database, "SELECT key FROM claims LIMIT 1")
    assert key in site.page(f"/claim/{key[:9]}", status=404).text


def test_bad_values_elsewhere_are_refused(site: Reader, base: kb.KnowledgeBase) -> None:
    slug = next(one["slug"] for one in base.topics() if one["claims"])
    for path in ("/?lang=fr", "/conflicts?limit=-1", "/duplicates?limit=9999", f"/topic/{slug}?kind=rumour"):
        site.page(path, status=400)
    site.page(f"/topic/{slug}?kind=fact&page=500", status=404)


def test_article_shows_every_sentence_once_and_what_was_left_out(site: Reader, database: Path) -> None:
    for post_id, key, path in rows(database, "SELECT id, key, path FROM posts"):
        page = site.page(f"/article/{key}")
        shown = "".join(page.text.split())
        sentences = rows(database, "SELECT plain, start FROM sentences WHERE post_id = ? ORDER BY position", post_id)
        at = 0
        for plain, start in sentences:
            found = shown.find("".join(plain.split()), at)
            assert found >= 0, (path, plain)
            at = found
            assert f"s{start}" in page.ids
        claims = rows(
            database, "SELECT key FROM claims JOIN occurrences ON claim_id = claims.id WHERE post_id = ?", post_id
        )
        assert {f"/claim/{claim}" for (claim,) in claims} <= set(page.links)
        ((left_out,),) = rows(
            database, "SELECT count(*) FROM ledger WHERE post_id = ? AND action <> 'separator'", post_id
        )
        lines = [tag for tag, _ in page.tags if tag == "tr"]
        assert len(lines) == (left_out + 1 if left_out else 0)


def test_article_by_file_name_leads_to_its_address(site: Reader, database: Path) -> None:
    ((key, path),) = rows(database, "SELECT key, path FROM posts WHERE path LIKE '%korea-ai-hub.md'")
    answer = site.get(f"/article/{quote(path)}")
    assert (answer.status_code, answer.headers["location"]) == (302, f"/article/{key}")


def test_article_files(site: Reader, base: kb.KnowledgeBase, database: Path) -> None:
    ((key, text),) = rows(database, "SELECT key, text FROM posts JOIN sources ON post_id = id LIMIT 1")
    source = site.get(f"/article/{key}.txt")
    assert source.text == text
    assert source.headers["content-type"] == "text/plain; charset=utf-8"
    assert source.headers["x-content-type-options"] == "nosniff"
    assert base.show(key)["article"] in site.get(f"/article/{key}.md").text


def test_claim_page_quotes_its_places(site: Reader, base: kb.KnowledgeBase, database: Path) -> None:
    several = rows(database, "SELECT key FROM claims ORDER BY post_count DESC, key LIMIT 3")
    linked = rows(database, "SELECT key FROM claims WHERE id IN (SELECT a_id FROM links UNION SELECT b_id FROM links)")
    assert linked
    for (key,) in [*several, *linked]:
        claim = base.show(key)
        page = site.page(f"/claim/{key}")
        assert marks.readable(claim["text"]) in page.text
        for place in claim["occurrences"]:
            assert f"/article/{place['post_key']}#s{place['start']}" in page.links
            for start, end in place["spans"]:
                assert f"{start:,}–{end:,}" in page.text
        assert {f"/claim/{link['claim']}" for link in claim["links"]} <= set(page.links)
        assert {f"/topic/{topic['slug']}" for topic in claim["topics"]} <= set(page.links)
        assert f"http://localhost/claim/{key}" in page.links
        assert "mark" in [tag for tag, _ in page.tags]


def test_topic_page_counts_and_downloads(site: Reader, base: kb.KnowledgeBase) -> None:
    for topic in base.topics():
        page = site.page(f"/topic/{topic['slug']}")
        assert f"{topic['claims']:,}" in page.text
        summary = json.loads(base.export(topic["slug"], "json"))["topics"][0]
        for section in summary["sections"]:
            own = site.page(f"/topic/{topic['slug']}?kind={section['kind']}")
            assert {f"/claim/{claim['claim']}" for claim in section["claims"]} <= set(own.links)
        for form in ("md", "json"):
            answer = site.get(f"/topic/{topic['slug']}.{form}")
            assert answer.text == base.export(topic["slug"], form)
            assert topic["slug"] in answer.headers["content-disposition"]


def test_conflicts_show_both_sides(site: Reader, base: kb.KnowledgeBase) -> None:
    pairs = base.conflicts(50)
    assert pairs
    page = site.page("/conflicts")
    for pair in pairs:
        assert {f"/claim/{pair['a']['claim']}", f"/claim/{pair['b']['claim']}"} <= set(page.links)


def test_duplicates_show_claims_and_posts(site: Reader, base: kb.KnowledgeBase) -> None:
    page = site.page("/duplicates")
    assert {f"/claim/{one['claim']}" for one in base.duplicates(50)} <= set(page.links)
    assert "meter" in [tag for tag, _ in page.tags]


def test_nothing_of_a_hostile_post_comes_alive(site: Reader, database: Path) -> None:
    ((key,),) = rows(database, "SELECT key FROM posts WHERE path = ?", EVIL_NAME)
    claims = rows(database, "SELECT c.key FROM claims c JOIN occurrences o ON o.claim_id = c.id JOIN posts p"
                            " ON p.id = o.post_id WHERE p.key = ?", key)  # fmt: skip
    assert claims
    paths = ["/", f"/article/{key}", "/-/search?q=危険な電力", "/-/search?q=危険な電力&group=post", "/duplicates"]
    paths += [f"/claim/{claim}" for (claim,) in claims]
    for path in paths:  # `page` has looked for handlers, styles, scripts and javascript: already
        page = site.page(path)
        assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "embed", "base")]
        assert len([tag for tag, _ in page.tags if tag == "script"]) == 1
        assert "{{" not in page.text.replace("{{ 6 * 7 }}", "").replace("{{ 7 * 7 }}", "")
        assert "49" not in page.text or "{{ 7 * 7 }}" in page.text or path != f"/article/{key}"
    article = site.page(f"/article/{key}")
    assert '"><script>alert("title")</script>' in site.get("/kb/posts.json?_shape=array&_size=max").text.replace(
        '\\"', '"'
    )
    assert "{{ 7 * 7 }}" in article.text
    cells = site.get("/kb/posts").text
    assert "<script>alert(" not in cells
    assert "<img src=x" not in cells
    for form in ("txt", "md"):
        answer = site.get(f"/article/{key}.{form}")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "html" not in answer.headers["content-type"]
