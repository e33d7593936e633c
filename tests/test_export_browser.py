"""Exported pages in a real browser: on a phone and on paper, light and dark, without a fault that axe finds.

axe-core comes with axe-playwright-python; Chromium is the system's, as in
test_site_browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from export_data import connect, database, enrich, nasty
from playwright.sync_api import Browser, Page, sync_playwright

from kb import export
from kb.export import digest

PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = (os.environ.get("KB_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("no Chromium: run: apt-get update && apt-get install -y chromium fonts-noto-cjk", pytrace=False)
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write a topic, all topics, a digest and one of nasty words; links of topics make the graph."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for name, db in (("told", enrich(database(folder / "told.db"))), ("nasty", nasty(folder / "nasty.db"))):
        with closing(connect(db)) as conn:
            all_topics = export.read(conn, None)
            texts = {
                name: export.render(all_topics, "html", full=True),
                f"{name}-topic": export.render(export.read(conn, ["power"]), "html", "en"),
                f"{name}-digest": export.DIGESTS["html"](digest.read(conn, None, date="2025-01-01")),
            }
        for key, text in texts.items():
            made[key] = folder / f"{key}.html"
            made[key].write_text(text, "utf-8")
    return made


def opened(browser: Browser, path: Path, **settings: Any) -> tuple[Page, list[str]]:
    """Open a page; the list gathers what it complains of and what it asks the network for."""
    page = browser.new_context(**settings).new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["told", "told-topic", "told-digest", "nasty", "nasty-digest"])
def test_axe_finds_nothing_and_nothing_is_fetched_or_run(
    browser: Browser, pages: dict[str, Path], name: str, scheme: Any
) -> None:
    page, faults = opened(browser, pages[name], viewport=DESKTOP, color_scheme=scheme)
    found = Axe().run(page)
    told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]]
    assert told == []
    assert faults == []
    page.context.close()


@pytest.mark.parametrize("name", ["told", "nasty"])
def test_a_phone_needs_no_scrolling_sideways(browser: Browser, pages: dict[str, Path], name: str) -> None:
    page, _ = opened(browser, pages[name], viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("getComputedStyle(document.querySelector('q')).fontSize") == "16px"
    page.context.close()


def test_words_of_pictures_are_words_and_follow_the_scheme(browser: Browser, pages: dict[str, Path]) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page, _ = opened(browser, pages["told"], viewport=PHONE, color_scheme=scheme)
        label = page.locator("figure svg text").first
        assert label.text_content() == "2027"
        colours.append(label.evaluate("e => getComputedStyle(e).fill"))
        page.context.close()
    assert len(set(colours)) == 2


def test_paper_is_white_in_the_dark_too(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = opened(browser, pages["told"], viewport=DESKTOP, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.pdf().startswith(b"%PDF")
    page.context.close()


def test_a_citation_leads_to_its_source(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = opened(browser, pages["told-topic"], viewport=PHONE)
    link = page.locator(".lead .cites a").first
    href = link.get_attribute("href")
    link.click()
    assert href is not None
    target = page.locator(f"[id='{href[1:]}']")
    assert target.get_attribute("data-post")
    assert page.url.endswith(href)
    page.context.close()
