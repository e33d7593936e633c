"""The first look: build from the shipped posts, search once, export one topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kb import base, pipeline
from kb.config import resource
from kb.errors import SourceError
from kb.records import Hit

QUERY = "韓国のAIハブと再生可能エネルギー"
_HITS = 3
_EXCERPT_LINES = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """What the first look made and found; paths are as the user would type them."""

    db: str
    posts: str
    counts: Mapping[str, int]
    query: str
    hits: tuple[Hit, ...]
    topic: str
    export: str
    excerpt: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values for JSON."""
        return asdict(self)


def run(folder: Path, progress: Callable[[str, int, int], None] | None = None) -> Shown:
    """Build `folder`/kb.db from the shipped posts, search it and export its largest topic beside it.

    Args:
        folder: made when missing; a kb.db in it is brought up to date.
        progress: called with (stage, done, total).

    Raises:
        SourceError: the shipped posts could not be read as they should be.
        DatabaseError: there is a kb.db that is not ours, or it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    posts, db = resource("data", "posts"), folder / "kb.db"
    report = pipeline.build([posts], db, progress=progress)
    if report.faults:
        fault = report.faults[0]
        raise SourceError(fault.path, fault.reason)
    with base.open(db) as opened:
        hits = opened.search(QUERY, limit=_HITS)
        topic = max(opened.topics(), key=lambda one: int(one["claims"]))["slug"]
        text = opened.export([topic], format="md")
    export = folder / f"{topic}.md"
    export.write_text(text, "utf-8")
    excerpt = tuple(text.splitlines()[:_EXCERPT_LINES])
    return Shown(str(db), str(posts), report.counts, QUERY, tuple(hits), topic, str(export), excerpt)
