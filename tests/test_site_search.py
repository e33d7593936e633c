"""The search page: facets, what is narrowed, nothing close, and the same results for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
import site_for_tests as served
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from site_for_tests import Reader, rows

import kb
from kb.export import FORMATS
from kb.server import params, words
from kb.server.choices import choices
from kb.server.web import TYPES

database, runner, site, base = served.database, served.runner, served.site, served.base
JA = {"accept-language": "ja"}


def narrowing(links: list[str], name: str) -> list[dict[str, str]]:
    """Return the parameters of the links that narrow a search by `name`."""
    asked = [dict(parse_qsl(urlsplit(link).query)) for link in links if link.startswith("?q=")]
    return [one for one in asked if name in one and "limit" not in one]


def test_facets_count_the_best_claims(site: Reader, base: kb.KnowledgeBase) -> None:
    found = site.get("/-/search?q=電力").text
    page = site.page("/-/search?q=電力", **JA)
    results = base.search("電力", limit=20)
    assert words.words("ja")("among", n=len(results.pool)) in page.text
    for name in ("kind", "topic", "entity", "since", "post"):
        assert narrowing(page.links, name), name
    assert len(narrowing(page.links, "kind")) <= 4
    counted = base.read(
        lambda conn: conn.execute(
            "SELECT kind, count(*) FROM claims WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 1",
            (json.dumps(results.pool),),
        ).fetchall()
    )
    for kind, count in counted:
        assert f"{words.words('ja')('kind_' + kind)}</a> <small>{count}</small>" in found.replace(",", "")


@pytest.mark.parametrize("name", ["kind", "topic", "entity", "since", "post"])
def test_a_facet_narrows_and_can_be_taken_away(site: Reader, name: str) -> None:
    asked = narrowing(site.page("/-/search?q=電力").links, name)[0]
    query = "&".join(f"{key}={quote(value)}" for key, value in asked.items())
    page = site.page(f"/-/search?{query}")
    hits = site.get(f"/-/search.json?{query}").json()
    assert hits
    if name == "kind":
        assert {hit["kind"] for hit in hits} == {asked["kind"]}
    if name == "since":
        assert asked["since"] == asked["until"]
        assert {place["date"][:7] for hit in hits for place in hit["occurrences"]} == {asked["since"]}
    if name == "post":
        assert {place["post_key"] for hit in hits for place in hit["occurrences"]} == {asked["post"]}
    assert "?q=%E9%9B%BB%E5%8A%9B" in page.links  # the way back
    hidden = [given for tag, given in page.tags if tag == "input" and given.get("type") == "hidden"]
    assert {"type": "hidden", "name": name, "value": asked[name]} in hidden


def test_choices_are_addresses() -> None:
    found: dict[str, Any] = {
        "count": 2,
        "facets": {
            "kind": [{"value": "fact", "name": "fact", "count": 2}, {"value": "advice", "name": "advice", "count": 1}],
            "topic": [{"value": "t", "name": {"ja": "話", "en": "T"}, "count": 1}],
            "entity": [],
            "month": [{"value": "2025-09", "name": "2025-09", "count": 1}],
            "post": [],
        },
    }
    topics = [{"slug": "t", "names": {"ja": "話", "en": "T"}}]
    open_to, taken = choices(found, [("q", "a&b"), ("kind", "fact")], topics, {})
    assert [one["link"] for one in open_to["kind"]] == ["?q=a%26b&kind=fact&kind=advice"]
    assert open_to["month"][0]["link"] == "?q=a%26b&kind=fact&since=2025-09&until=2025-09"
    assert [(one["facet"], one["link"]) for one in taken] == [("kind", "?q=a%26b")]
    month = [("q", "x"), ("since", "2025-09"), ("until", "2025-09"), ("topic", "t")]
    open_to, taken = choices(found, month, topics, {})
    assert "month" not in open_to
    assert "topic" not in open_to
    assert [(one["facet"], one["link"]) for one in taken] == [
        ("month", "?q=x&topic=t"),
        ("topic", "?q=x&since=2025-09&until=2025-09"),
    ]
    assert taken[1]["name"] == {"ja": "話", "en": "T"}
    assert choices(None, [], topics, {}) == ({}, [])


def test_nothing_close_is_said_with_somewhere_to_go(site: Reader) -> None:
    for query in ("ペンギンの繁殖地", "qwertzuiop"):
        page = site.page(f"/-/search?q={quote(query)}", **JA)
        assert words.words("ja")("nothing_hint") in page.text
        assert [link for link in page.links if link.startswith("/topic/")]


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "json"])
@pytest.mark.parametrize("group", ["claim", "post"])
def test_results_in_every_format_of_an_export(site: Reader, base: kb.KnowledgeBase, form: str, group: str) -> None:
    answer = site.get(f"/-/search.{form}?q=電力&limit=7&group={group}")
    assert answer.status_code == 200
    assert f"search.{form}" in answer.headers["content-disposition"]
    assert answer.headers["content-type"].partition(";")[0] == TYPES[form].partition(";")[0]
    hits = base.search("電力", limit=7)
    shown = [hit.claim for hit in hits] if group == "claim" else []
    assert [key for key in shown if key not in answer.text] == []
    assert "電力" in answer.text
    page = site.page(f"/-/search?q=電力&group={group}")
    (link,) = [link for link in page.links if link.startswith(f"/-/search.{form}?")]
    assert site.get(link).status_code == 200


def test_results_in_no_other_format(site: Reader) -> None:
    assert site.get("/-/search.csv?q=電力&mode=best").status_code == 400
    assert site.get("/-/search.xml?q=電力").status_code == 404


def test_the_description_for_programs_is_valid_and_true(site: Reader) -> None:
    answer = site.get("/-/openapi.json")
    described = answer.json()
    validate(described)
    operation = described["paths"]["/-/search.json"]["get"]
    named = {one["name"] for one in operation["parameters"]}
    assert named == {"q", "mode", "group", "limit", *(field for field in params.Filters.__dataclass_fields__)}
    for path in (
        "q=電力",
        "q=電力&group=post",
        "q=電力&mode=keyword&kind=fact&kind=advice&limit=3",
        "q=!!!",
        "q=a&mode=x",
    ):
        given = site.get(f"/-/search.json?{path}")
        schema = operation["responses"][str(given.status_code)]["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        Draft202012Validator(whole).validate(given.json())


def test_every_page_tells_how_long_it_took(site: Reader, database: Path) -> None:
    ((claim,),) = rows(database, "SELECT key FROM claims LIMIT 1")
    for path in (
        "/",
        "/-/search?q=電力",
        f"/claim/{claim}",
        "/map",
        "/nothing",
        "/kb",
        "/kb/claims.json",
        "/-/openapi.json",
    ):
        given = site.get(path).headers.get_list("server-timing")
        assert len(given) == 1, path
        assert given[0].startswith("app;dur="), path


def test_pages_are_compressed_for_those_who_take_it(site: Reader) -> None:
    for path in ("/", "/kb/claims.json", "/-/map.bin"):
        answer = site.get(path, **{"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip", path
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "content-encoding" not in site.get(path, **{"accept-encoding": "identity"}).headers


def test_parameters_given_twice_or_huge_are_answered(site: Reader) -> None:
    for query in (
        "q=a&q=b",
        "q=電力&topic=a&topic=b",
        "q=電力&entity=" + "x" * 5000,
        "q=電力&since=9999-99",
        "q=電力&post=%00",
    ):
        assert site.page(f"/-/search?{query}", status=400).text
    assert site.get("/-/search?" + "&".join(f"x{n}={n}" for n in range(900)) + "&q=電力").status_code in (200, 400)
    many = site.page("/-/search?q=電力&kind=fact&kind=fact&kind=advice")
    assert [unquote(link) for link in many.links if link.startswith("/-/search.csv")]
