"""Take the screenshots of the README: `make screenshots`.

    python benchmarks/screenshots.py [--db kb.db] [--out docs/screenshots]

Without --db a database of data/posts is built in a temporary folder. The site is
served on a free port and looked at in Chromium, in Japanese, which takes fonts
(Debian: apt-get install chromium fonts-noto-cjk). Every picture stays below
200 KB: its colours are cut to a palette.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

import kb

ROOT = Path(__file__).resolve().parent.parent
SIZE = {"width": 1200, "height": 800}
MOST = 200_000  # bytes of a picture
QUERY = "韓国のAIハブと再生可能エネルギー"


@contextmanager
def served(db: Path) -> Iterator[str]:
    """Serve a database on a free port and yield the address."""
    command = [sys.executable, "-m", "kb", "serve", "--db", str(db), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise SystemExit(f"the site did not start: {line}")
        try:
            yield found[0]
        finally:
            process.terminate()


def pages(db: Path) -> dict[str, str]:
    """Return by the name of a picture the page that it shows: full ones, found in the database."""
    with kb.open(db) as base:
        topic = max(base.topics(), key=lambda one: one["claims"])["slug"]
        (post,) = base.read(
            lambda conn: conn.execute(
                "SELECT p.key FROM posts p JOIN occurrences o ON o.post_id = p.id JOIN links l"
                " ON o.claim_id IN (l.a_id, l.b_id) GROUP BY p.id ORDER BY count(*) DESC, p.path LIMIT 1"
            ).fetchone()
        )
    return {
        "search": f"/-/search?q={quote(QUERY)}",
        "topic": f"/topic/{topic}",
        "article": f"/article/{post}",
        "map": "/map",
    }


def take(page: Page, address: str, path: str, target: Path) -> None:
    """Save one page as a picture."""
    page.goto(address + path, wait_until="networkidle")
    if path == "/map":
        page.locator("#map[data-drawn]").wait_for()
    page.screenshot(path=target)
    if target.stat().st_size > MOST:
        raise SystemExit(f"{target}: {target.stat().st_size:,} bytes, more than {MOST:,}")


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    given = parser.parse_args()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        raise SystemExit("no Chromium: run: apt-get update && apt-get install -y chromium fonts-noto-cjk")
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        db = given.db or Path(folder) / "kb.db"
        if given.db is None:
            build = [sys.executable, "-m", "kb", "build", str(ROOT / "data" / "posts"), "--db", str(db)]
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        with served(db) as address:
            page = browser.new_page(viewport=SIZE, locale="ja-JP", color_scheme="light")
            for name, path in pages(db).items():
                target = given.out / f"{name}.png"
                take(page, address, path, target)
                print(f"{target}: {target.stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
