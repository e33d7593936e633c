"""The quantities of a claim, in base units and as they are shown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from kb.config import resource
from kb.datafiles import read_toml
from kb.errors import DataFileError
from kb.parts.nfkc import normalised
from kb.quantities import quantities

_BOUNDLESS = 1e90  # "or more": the table writes it as an absurd number


@dataclass(frozen=True, slots=True)
class Figure:
    """A quantity: the words, their place, `low` to `high` in `unit`; `high` is None for "or more"."""

    text: str
    start: int
    end: int
    dimension: str
    unit: str
    low: float
    high: float | None
    bound: str


@cache
def _table() -> tuple[dict[str, str], dict[str, float], frozenset[str]]:
    """Load `data/figures.toml`."""
    path = resource("data", "figures.toml")
    data = read_toml(path)
    try:
        return dict(data["dimensions"]), dict(data["factors"]), frozenset(data["ignored"]["dimensions"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error


def figures(text: str, dates: Iterable[tuple[int, int]]) -> list[Figure]:
    """Return the figures of `text`, without those that are parts of dates.

    Args:
        text: the words of a claim.
        dates: places in `text` that are dates.
    """
    units, factors, ignored = _table()
    plain, places = normalised(text)
    taken = list(dates)
    made = []
    for q in quantities(plain):
        start, end = places[q.start], places[q.end - 1] + 1
        end -= len(text[start:end]) - len(text[start:end].rstrip())
        if q.dimension in ignored or any(start < b and a < end for a, b in taken):
            continue
        factor = factors.get(q.dimension, 1.0)
        low, high = _round(q.low * factor), _round(q.high * factor)
        made.append(
            Figure(
                text[start:end],
                start,
                end,
                q.dimension,
                units.get(q.dimension, q.dimension),
                low,
                None if high > _BOUNDLESS or not math.isfinite(high) else high,
                q.bound,
            )
        )
    return made


def _round(value: float) -> float:
    """Return `value` without the dust of binary fractions."""
    return float(f"{value:.12g}") if math.isfinite(value) else value
