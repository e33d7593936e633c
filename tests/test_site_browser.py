"""The site in a real browser: `kb serve` as a process, Chromium as a reader.

Chromium is the system's (Debian: apt-get install chromium fonts-noto-cjk); the
tests fail without it, they are not skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}

Visit = Callable[..., Page]


def chromium() -> str:
    """Return the path of the browser."""
    for name in (os.environ.get("KB_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    pytest.fail("no Chromium: run: apt-get update && apt-get install -y chromium fonts-noto-cjk", pytrace=False)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build a database of the sample posts, serve it on a free port, and return the address."""
    db = tmp_path_factory.mktemp("browser") / "kb.db"
    command = [sys.executable, "-m", "kb"]
    subprocess.run([*command, "build", ROOT / "data" / "posts", "--db", db], check=True, capture_output=True)
    with subprocess.Popen(
        [*command, "serve", "--db", db, "--port", "0"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found is not None, line
        try:
            yield found[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Return a function that opens a path; no error may stand in a console, no request leave the host."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(path: str = "/", **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "ja-JP", **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: faults.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: None if _aborted(request) else faults.append(f"failed: {request.url}"))
        page.on(
            "request",
            lambda request: None if _own(request.url, address) else faults.append(f"left the host: {request.url}"),
        )
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _own(url: str, address: str) -> bool:
    return urlsplit(url).netloc == urlsplit(address).netloc


def _aborted(request: Request) -> bool:
    """Tell whether a request ended because it became a download, or because the page was left."""
    return "ERR_ABORTED" in (request.failure or "")


def fits(page: Page) -> bool:
    """Tell whether a page, once its style is there, is no wider than the window."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize(("size", "script"), [(DESKTOP, True), (PHONE, True), (DESKTOP, False)])
def test_from_search_to_claim_to_article_to_topic(visit: Visit, size: dict[str, int], script: bool) -> None:
    page = visit("/", viewport=size, java_script_enabled=script)
    width = fits if script else lambda _: True
    assert width(page)
    box = page.get_by_role("searchbox").first
    box.fill("韓国のAIハブと再生可能エネルギー")
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"/-/search\?q="))
    hit = page.locator("ol.hits > li").first
    expect(hit.locator("mark").first).to_be_visible()
    quote = hit.locator(".quote a")
    said = quote.inner_text()
    hit.locator("summary").click()
    expect(hit.locator(".why p")).to_be_visible()
    assert width(page)
    quote.click()
    expect(page).to_have_url(re.compile("/claim/"))
    expect(page.locator("h1")).to_have_text(said)
    assert width(page)
    place = page.locator(".places a").first
    title = place.inner_text()
    place.click()
    expect(page).to_have_url(re.compile(r"/article/\w+#s\d+$"))
    expect(page.locator("h1")).to_have_text(title)
    here = page.locator(":target")
    expect(here).to_be_in_viewport()
    expect(here).to_have_class(re.compile(r"\bc\b"))
    assert width(page)
    here.click()
    expect(page.locator("h1")).to_have_text(said)
    page.locator("ul.topics a").first.click()
    expect(page).to_have_url(re.compile("/topic/"))
    expect(page.locator("svg.chart")).to_be_visible()
    assert width(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown", exact=True).click()
    assert Path(download.value.path()).read_text("utf-8").startswith("# ")


def test_article_shows_what_was_left_out(visit: Visit) -> None:
    page = visit("/article/2025-09-24-1-korea-ai-hub.md", viewport=PHONE)
    ledger = page.locator("details.ledger").first
    expect(ledger.locator("table")).not_to_be_visible()
    ledger.locator("summary").click()
    expect(ledger.locator("table")).to_be_visible()
    assert fits(page)
    ledger.get_by_role("link").first.click()
    expect(page.locator(":target")).to_be_in_viewport()


def test_conflict_leads_to_both_sources(visit: Visit) -> None:
    page = visit("/conflicts")
    sides = page.locator(".pairs > li").first.locator(".side")
    expect(sides).to_have_count(2)
    for number in (0, 1):
        sides.nth(number).locator(".src a").click()
        expect(page.locator(":target")).to_be_in_viewport()
        page.go_back()


def test_keyboard_alone(visit: Visit) -> None:
    page = visit("/conflicts")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    box = page.get_by_role("searchbox").first
    expect(box).to_be_focused()
    page.keyboard.type("電力/人材")
    expect(box).to_have_value("電力/人材")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("search"))
    page.locator("main").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.quote a')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/claim/"))


def test_language_by_browser_and_by_choice(visit: Visit) -> None:
    page = visit("/", locale="en-US")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    page.locator("ul.topics a").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_url(re.compile("/topic/"))


def test_dark_mode_and_japanese_lines(visit: Visit) -> None:
    page = visit("/", color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = visit("/", color_scheme="light").evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    style = page.evaluate("(({lineBreak, lineHeight, fontSize}) => [lineBreak, parseFloat(lineHeight) /"
                          " parseFloat(fontSize)])(getComputedStyle(document.body))")  # fmt: skip
    assert style == ["strict", pytest.approx(1.8)]


@pytest.mark.parametrize("path", ["/", "/-/search?q=電力", "/-/search?q=電力&group=post", "/conflicts", "/duplicates"])
def test_phone_needs_no_sideways_scrolling(visit: Visit, path: str) -> None:
    page = visit(path, viewport={"width": 320, "height": 640})
    assert fits(page)
    for box in page.get_by_role("searchbox").all():
        bounds = box.bounding_box()
        assert bounds is not None
        assert bounds["height"] >= 24  # WCAG 2.2, 2.5.8


def test_datasettes_own_pages_lead_back(visit: Visit) -> None:
    page = visit("/kb/claims?_search=電力")
    page.locator("table.rows-and-columns a[href^='/claim/']").first.click()
    expect(page).to_have_url(re.compile("/claim/"))
