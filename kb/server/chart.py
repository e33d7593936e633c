"""Counts by month and kind as rectangles: numbers only, the template draws them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kb.records import CLAIM_KINDS

_STEP = 24  # units of the drawing from month to month
_BAR = 18
_HEIGHT = 120
_MOST = 60  # months that are drawn; the last ones


def months(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any] | None:
    """Return a stacked bar chart of counts, or None where no month is known.

    Args:
        counts: by month ("2025-09") and kind.

    Returns:
        `width`, `height`, `most` (claims in the fullest month), `months` with
        `name`, `x`, `total`, `kinds` and `bars` (`kind`, `y`, `height`). Months
        without claims stand in it too, so that distances are times.
    """
    if not counts:
        return None
    names = _every(min(counts), max(counts))[-_MOST:]
    totals = {name: sum(counts.get(name, {}).values()) for name in names}
    most = max(totals.values()) or 1
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
        drawn.append({"name": name, "x": place * _STEP, "total": totals[name], "kinds": kinds, "bars": bars})
    return {"width": len(names) * _STEP, "bar": _BAR, "height": _HEIGHT, "most": most, "months": drawn}


def _every(first: str, last: str) -> list[str]:
    """Return every month from `first` to `last`, both of the form 2025-09."""
    year, month = map(int, first.split("-"))
    found = []
    while (name := f"{year:04d}-{month:02d}") <= last:
        found.append(name)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found
