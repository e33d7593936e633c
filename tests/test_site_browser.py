"""The site in a real browser, as its readers use it: by mouse and by keyboard, on a phone and at a desk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import browser_for_tests as driven
import pytest
from browser_for_tests import DESKTOP, PHONE, Visit, fits
from playwright.sync_api import expect

address, browser, visit = driven.address, driven.browser, driven.visit


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
    assert page.locator(".places li").count() >= 1
    place = page.locator(".places > li > a").last
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
    page.locator(".parts a[href*='/topic/']").first.click()
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
        quote = sides.nth(number).locator(".quote").inner_text()
        sides.nth(number).locator(".src a").click()
        expect(page.locator(":target")).to_be_in_viewport()
        expect(page.locator(":target")).to_have_text(quote)
        page.go_back()


def test_from_a_claim_to_the_same_in_another_article_and_back_to_its_topic(visit: Visit) -> None:
    page = visit("/duplicates")
    shown = page.locator("ol.hits > li", has_text=re.compile("本の記事に記載")).first
    said = shown.locator(".quote a").inner_text()
    shown.locator(".quote a").click()
    places = page.locator(".places > li > a")
    assert places.count() > 1
    title = places.nth(1).inner_text()
    places.nth(1).click()
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator(":target")).to_be_in_viewport()
    margin = page.locator(".margin.same", has_text=said[:20]).first
    expect(margin).to_be_visible()
    margin.locator(".src a").click()
    expect(page.locator("h1")).not_to_have_text(title)
    expect(page.locator(":target")).to_be_in_viewport()


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_article_with_drafts_leads_to_its_original(visit: Visit, size: dict[str, int]) -> None:
    page = visit("/article/2025-09-24-1-korea-ai-hub.md", viewport=size)
    page.locator(".toolbar a.button").click()
    expect(page).to_have_url(re.compile("original=1"))
    struck = page.locator(".source del a").first
    words = struck.inner_text()
    assert words
    assert fits(page)
    struck.click()
    expect(page.locator(":target")).to_be_in_viewport()
    page.locator(".toolbar a.button").click()
    expect(page.locator("del")).to_have_count(0)


def test_results_come_while_one_types_and_can_be_gone_back_to(visit: Visit) -> None:
    page = visit("/-/search")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    page.evaluate("window.here = 1")  # a page that is loaded anew forgets it
    box.press_sequentially("電力と人材", delay=25)
    expect(page.locator("#results h2").first).to_contain_text("「電力と人材」")
    expect(page).to_have_url(re.compile(rf"q={quote('電力と人材')}"))
    expect(page).to_have_title(re.compile("電力と人材"))
    page.get_by_role("radio", name="単語", exact=True).check()
    expect(page).to_have_url(re.compile("mode=keyword"))
    facet = page.locator(".facets section").first.locator("a").first
    facet.click()
    expect(page).to_have_url(re.compile("kind="))
    expect(page.locator(".chosen a.chip")).to_have_count(1)
    expect(page.locator("#hidden input[name=kind]")).to_have_count(1)
    page.go_back()
    expect(page.locator(".chosen a.chip")).to_have_count(0)
    expect(page).to_have_url(re.compile("mode=keyword"))
    page.go_back()
    expect(page.locator("input[name=mode][value=hybrid]")).to_be_checked()
    assert page.evaluate("window.here") == 1
    page.reload()
    expect(box).to_have_value("電力と人材")
    expect(page.locator("ol.hits > li").first).to_be_visible()


def test_a_newer_request_ends_an_older_one(visit: Visit) -> None:
    page = visit("/-/search")
    held: list[Any] = []
    page.route(re.compile(rf"q={quote('電')}&"), lambda route: held.append(route))  # never answered in time
    box = page.get_by_role("searchbox")
    with page.expect_request(re.compile(rf"q={quote('電')}&")):
        box.fill("電")
    box.fill("電力")
    expect(page.locator("#results h2").first).to_contain_text("「電力」")
    for route in held:
        route.abort()
    expect(page.locator("#results h2").first).to_contain_text("「電力」")
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")


def test_a_chosen_facet_leaves_without_a_script(visit: Visit) -> None:
    page = visit(f"/-/search?q={quote('電力')}", java_script_enabled=False)
    page.locator(".facets section").first.locator("a").first.click()
    chip = page.locator(".chosen a.chip")
    expect(chip).to_have_count(1)
    page.get_by_role("searchbox").fill("人材")
    page.get_by_role("button", name="検索").click()
    expect(page).to_have_url(re.compile("kind="))
    chip.click()
    expect(chip).to_have_count(0)


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
    page.wait_for_load_state("load")  # keys work once the page's script has run, and the address changes before
    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    page.keyboard.press("ArrowDown")
    links = page.locator(".hits .quote a")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Escape")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/claim/"))


def test_map_tells_of_its_points(visit: Visit) -> None:
    page = visit("/map")
    chart = page.locator("#map[data-drawn]")
    expect(chart).to_be_visible()
    canvas = chart.locator("canvas")
    before = canvas.screenshot()
    bounds = canvas.bounding_box()
    assert bounds is not None
    card = page.locator(".card")
    expect(card).to_be_hidden()
    for x in range(0, int(bounds["width"]), 18):  # along the middle, until a point is near
        page.mouse.move(bounds["x"] + x, bounds["y"] + bounds["height"] / 2)
        page.wait_for_timeout(70)
        if card.is_visible():
            break
    link = card.locator("a")
    expect(link).to_be_visible()
    page.get_by_role("button", name="拡大").click()
    page.locator("button.show").first.click()
    expect(page.locator("button.show").first).to_have_attribute("aria-pressed", "true")
    assert canvas.screenshot() != before
    page.get_by_role("button", name="全体").click()
    canvas.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    said = link.inner_text()
    link.click()
    expect(page.locator("h1")).to_have_text(said)


def test_map_without_a_script_is_a_list_of_topics(visit: Visit) -> None:
    page = visit("/map", java_script_enabled=False)
    for _ in range(20):  # laid out at the first visit; the server answers within seconds, ready or not
        if page.locator(".legend-list").count():
            break
        page.reload()
    expect(page.locator("canvas")).to_be_hidden()
    page.locator(".legend-list a").first.click()
    expect(page).to_have_url(re.compile("/topic/"))


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


@pytest.mark.parametrize(
    "path", ["/", "/-/search?q=電力", "/-/search?q=電力&group=post", "/conflicts", "/duplicates", "/topics", "/map"]
)
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
