"""A post as it was on disk, cut into what was kept and what was left out: the original beside the result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Kept = tuple[int, int, int]  # start and end of a stretch, and the start of the sentence it belongs to
LeftOut = tuple[int, int, str, str, int | None]  # start, end, action, reason, start of the sentence kept instead


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a source: of a kept sentence (`sentence`), left out (`action`), or mark-up (neither).

    `target` is the start of the sentence that says it instead.
    """

    text: str
    sentence: int | None = None
    action: str = ""
    reason: str = ""
    target: int | None = None


def pieces(text: str, kept: Iterable[Kept], left_out: Sequence[LeftOut]) -> list[Piece]:
    """Return `text` cut into pieces; joined, they are `text`. What was left out wins where both claim a stretch.

    A separator between drafts is a piece with the action "separator".
    """
    marks: list[tuple[int, int, int, Piece]] = [
        (start, 0, end, Piece("", action=action, reason=reason, target=target))
        for start, end, action, reason, target in left_out
    ]
    marks += [(start, 1, end, Piece("", sentence=sentence)) for start, end, sentence in kept]
    found: list[Piece] = []
    at = 0
    for start, _, end, piece in sorted(marks, key=lambda mark: mark[:3]):
        start, end = max(start, at), min(end, len(text))
        if start >= end:
            continue
        if start > at:
            found.append(Piece(text[at:start]))
        found.append(Piece(text[start:end], piece.sentence, piece.action, piece.reason, piece.target))
        at = end
    if at < len(text):
        found.append(Piece(text[at:]))
    return found
