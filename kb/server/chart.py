"""Counts as rectangles, lines and bars: numbers only, the templates draw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kb.records import CLAIM_KINDS

_WIDTH = 720  # units of the drawing
_WIDEST = 72  # from month to month, where there are few
_HEIGHT = 150
_MOST = 60  # months that are drawn; the last ones
SPARK_WIDTH = 96  # units of a sparkline's drawing
SPARK_HEIGHT = 22


def months(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any] | None:
    """Return a stacked bar chart of counts, or None where no month is known.

    Args:
        counts: by month ("2025-09") and kind.

    Returns:
        `width`, `height`, `bar` (its width), `most` (claims in the fullest month),
        `months` with `name`, `x`, `total`, `kinds` and `bars` (`kind`, `y`, `height`). Months
        without claims stand in it too, so that distances are times.
    """
    if not counts:
        return None
    names = _every(min(counts), max(counts))[-_MOST:]
    totals = {name: sum(counts.get(name, {}).values()) for name in names}
    most = max(totals.values()) or 1
    step = min(_WIDEST, _WIDTH // len(names))
    drawn = []
    for place, name in enumerate(names):
        bars, floor = [], float(_HEIGHT)
        for kind in CLAIM_KINDS:
            count = counts.get(name, {}).get(kind, 0)
            if count:
                height = round(count * _HEIGHT / most, 2)
                floor = round(floor - height, 2)
                bars.append({"kind": kind, "y": floor, "height": height})
        kinds = dict(counts.get(name, {}))
        drawn.append({"name": name, "x": place * step, "total": totals[name], "kinds": kinds, "bars": bars})
    return {"width": _WIDTH, "bar": step * 3 // 4, "height": _HEIGHT, "most": most, "months": drawn}


def _every(first: str, last: str) -> list[str]:
    """Return every month from `first` to `last`, both of the form 2025-09."""
    year, month = map(int, first.split("-"))
    found = []
    while (name := f"{year:04d}-{month:02d}") <= last:
        found.append(name)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def sparks(topics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give every topic a sparkline, `spark`: the points of an SVG polyline, or "" where less than two months are known.

    All of them run over the same months, those in which any topic has claims, so
    that they can be compared along the time; each is as high as its own fullest month.
    """
    known = sorted({month for topic in topics for month in topic["months"]})
    names = _every(known[0], known[-1])[-_MOST:] if known else []
    for topic in topics:
        counts = [topic["months"].get(name, 0) for name in names]
        topic["spark"] = _line(counts) if len(names) > 1 and any(counts) else ""
    return topics


def _line(counts: list[int]) -> str:
    """Return the points of a line over counts."""
    most = max(counts)
    step = SPARK_WIDTH / (len(counts) - 1)
    floor = SPARK_HEIGHT - 1
    return " ".join(
        f"{place * step:.1f},{floor - count * (floor - 1) / most:.1f}" for place, count in enumerate(counts)
    )


def bars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with `share`, their `claims` as a part of the most, 0 to 1."""
    most = max((row["claims"] for row in rows), default=0) or 1
    return [{**row, "share": round(row["claims"] / most, 3)} for row in rows]
