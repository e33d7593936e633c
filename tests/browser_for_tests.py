"""A served site and a browser for the tests: `kb serve` as a process, Chromium as a reader.

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
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

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


@contextmanager
def serving(db: Path) -> Iterator[str]:
    """Serve a database on a free port, and yield the address."""
    command = [sys.executable, "-m", "kb", "serve", "--db", db, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found is not None, line
        try:
            yield found[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build a database of the sample posts, serve it, and return the address."""
    db = tmp_path_factory.mktemp("browser") / "kb.db"
    command = [sys.executable, "-m", "kb", "build", ROOT / "data" / "posts", "--db", db]
    subprocess.run(command, check=True, capture_output=True)
    with serving(db) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Return a function that opens a path; no error may stand in a console, no request leave the host.

    A page that is `expected` to be refused or missing may say so in the console.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(path: str = "/", *, expected: str = "", **settings: Any) -> Page:
        status = {"search-refused": "status of 400", "missing": "status of 404"}.get(expected, "\0")
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "ja-JP", **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on(
            "console",
            lambda told: faults.append(told.text) if told.type != "log" and status not in told.text else None,
        )
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
