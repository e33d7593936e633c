"""What `data/links.toml` sets: how near claims must be to be tied, and words that need care."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from kb.config import resource
from kb.datafiles import read_toml
from kb.errors import DataFileError


class Limit(NamedTuple):
    """A cosine as `neighbours.Scale.at` takes it: spreads above the middle, and the least share of the way to 1."""

    spreads: float
    share: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What `data/links.toml` sets, with a fingerprint of it."""

    neighbour: Limit
    shared: tuple[Limit, ...]
    overlap: float
    frame_overlap: float
    pointing: tuple[str, ...]
    saying: tuple[str, ...]
    idle: tuple[str, ...]
    fingerprint: str


@cache
def limits() -> Limits:
    """Return the limits, read on first use.

    Raises:
        DataFileError: the file breaks its own rules.
    """
    path = resource("data", "links.toml")
    data = read_toml(path)
    try:
        shared = tuple(_limit(pair) for pair in data["limits"]["shared"])
        found = Limits(
            neighbour=_limit(data["limits"]["neighbour"]),
            shared=shared,
            overlap=float(data["judged"]["overlap"]),
            frame_overlap=float(data["judged"]["frame_overlap"]),
            pointing=tuple(sorted(data["subjects"]["pointing"].split(), key=len, reverse=True)),
            saying=tuple(data["subjects"]["saying"].split()),
            idle=tuple(data["words"]["idle"].split()),
            fingerprint=hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest(),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    if not shared or any(found.neighbour[i] > min(limit[i] for limit in shared) for i in range(2)):
        raise DataFileError(f"{path}: limits.shared must name cosines above limits.neighbour, one at least")
    return found


def _limit(pair: list[float]) -> Limit:
    spreads, share = map(float, pair)
    if not 0 <= share < 1:
        raise ValueError(f"{share} is no share")
    return Limit(spreads, share)
