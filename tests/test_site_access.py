"""Every page type can be used by all: axe-core finds nothing, pages are light, and fit a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import browser_for_tests as driven
import pytest
import site_for_tests as served
from browser_for_tests import DESKTOP, PHONE, ROOT, Visit, fits
from site_for_tests import PAGES

browser, visit = driven.browser, driven.visit
database, paths = served.database, served.paths
AXE = ROOT / "tests" / "data" / "vendor" / "axe.min.js"
WEIGHT = 150_000  # bytes of a page and all that it loads, before the points of the map and the script that draws them


@pytest.fixture(scope="module")
def address(database: Path) -> Iterator[str]:
    """Serve the database that holds the hostile post too."""
    with driven.serving(database) as found:
        yield found


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit: Visit, paths: dict[str, str], name: str) -> None:
    source = AXE.read_text("utf-8")
    looks = [("light", "ja-JP", DESKTOP), ("dark", "en-US", PHONE)]
    for scheme, locale, size in looks:
        page = visit(paths[name], color_scheme=scheme, locale=locale, viewport=size, expected=name)
        if name == "map":
            page.locator("#map[data-drawn]").wait_for()
        page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a',"
                              " 'wcag21aa', 'wcag22aa', 'best-practice']}})")  # fmt: skip
        told = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]]
        assert told == [], (name, scheme)
        assert len(found["passes"]) > 10
        assert fits(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light(visit: Visit, paths: dict[str, str], name: str) -> None:
    page = visit("/topics", expected=name)
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(page.url.removesuffix("/topics") + paths[name], wait_until="networkidle")
    counted = {url: size for url, size in sizes.items() if not re.search(r"/map\.(js|bin)", url)}
    assert len(counted) >= 3
    assert sum(counted.values()) <= WEIGHT, counted


def test_a_page_with_a_fault_would_be_found(visit: Visit) -> None:
    """The check itself: a button without a name."""
    page = visit("/topics")
    page.evaluate(AXE.read_text("utf-8"))
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [one["id"] for one in page.evaluate("axe.run()")["violations"]] == ["button-name"]


def test_scripts_are_what_their_sources_make() -> None:
    """The list that the build of frontend/ wrote tells when a script, or its source, was changed by hand."""
    import hashlib

    folder = ROOT / "frontend"
    built = json.loads((folder / "built.json").read_text("utf-8"))
    assert {path for path in built if path.startswith("src/")} == {
        f"src/{path.name}" for path in (folder / "src").iterdir()
    }
    for path, was in built.items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == was, f"{path}: run npm run build in frontend"
    lock = json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]
    notices = (ROOT / "datasette" / "static" / "THIRD-PARTY.txt").read_text("utf-8")
    wanted = json.loads((folder / "package.json").read_text("utf-8"))
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert lock[f"node_modules/{name}"]["version"] == version, name
    for name, version in wanted["dependencies"].items():
        assert f"{name} {version} (ISC)" in notices
    for name, package in lock.items():
        assert not name or package["integrity"].startswith("sha512-"), name
    for script in ("site.js", "map.js"):
        text = (ROOT / "datasette" / "static" / script).read_text("utf-8")
        assert not re.search(r"\beval\(|new Function|https?://(?!www\.w3\.org/)", text), script
    for source in (folder / "src").iterdir():
        assert "innerHTML" not in source.read_text("utf-8")
