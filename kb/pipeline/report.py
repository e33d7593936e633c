"""What a build did: counts, times, and what was skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from kb.posts import Fault

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What one build did.

    `counts` says how much the database holds and what changed, `seconds` what
    each stage took, `faults` what was skipped or only partly read, `notes` what
    is odd and was done all the same, `encoder` whether it was trained on the
    posts, "" where that was not tried.
    """

    db: str
    counts: Mapping[str, int]
    seconds: Mapping[str, float]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()
    encoder: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return {
            "db": self.db,
            "counts": dict(self.counts),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "faults": [asdict(fault) for fault in self.faults],
            "notes": list(self.notes),
            "encoder": self.encoder,
        }


@dataclass(slots=True)
class Tally:
    """What a build has done so far; `progress` is told of every step."""

    progress: Progress | None = None
    build_id: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encoder: str = ""

    def add(self, **counts: int) -> None:
        """Add to counts."""
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def told(self, stage: str, done: int, total: int) -> None:
        """Tell that `done` of `total` are done in a stage."""
        if self.progress is not None:
            self.progress(stage, done, total)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage's."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
