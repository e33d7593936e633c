"""What a reader needs to understand a claim that is read alone.

A sentence that begins with a word that points back (これ, 同社, They) leans on
the one before it in the article: the nearest earlier sentence of the same
paragraph that does not itself point back, or else the last one of the
paragraph before. A rule of distance is all that is claimed; the sentence found
is shown beside the quote, never in its place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache

from kb.config import resource
from kb.errors import DataFileError
from kb.records import Passage, Sentence

_FARTHEST = 4  # sentences back within a paragraph


@cache
def _pointer() -> re.Pattern[str]:
    """Load `data/anaphora.toml`."""
    path = resource("data", "anaphora.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        ja, en = data["ja"], data["en"]
        japanese = rf"(?:(?:{'|'.join(ja['openers'])})[、,]?\s*)?(?:{'|'.join(ja['pointers'])})"
        english = rf"(?:(?:{'|'.join(en['openers'])}),?\s+)?(?:{'|'.join(en['pointers'])})\b"
        return re.compile(rf"{japanese}|{english}", re.IGNORECASE)
    except (OSError, KeyError, TypeError, re.error, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error


def points_back(plain: str) -> bool:
    """Tell whether a sentence begins with a word that stands for something said before."""
    return bool(_pointer().match(plain.lstrip('「『（("“ ')))


def antecedents(
    article: Sequence[Sequence[int]], sentences: Sequence[Sentence], passages: Sequence[Passage]
) -> dict[int, int]:
    """Return, of each sentence that points back, the sentence that tells what it speaks of.

    Args:
        article: paragraphs of places in `sentences`, in reading order.
        sentences: of one reading.
        passages: of the same reading.

    Returns:
        place -> place, both in `sentences`.
    """
    found: dict[int, int] = {}
    before: int | None = None  # last sentence of the paragraph before, headings aside
    for paragraph in article:
        if passages[sentences[paragraph[0]].passage].kind in ("heading", "label"):
            continue
        for n, place in enumerate(paragraph):
            if not points_back(sentences[place].plain):
                continue
            near = [p for p in reversed(paragraph[max(0, n - _FARTHEST) : n]) if not points_back(sentences[p].plain)]
            target = near[0] if near else (paragraph[n - 1] if n else before)
            if target is not None:
                found[place] = target
        before = paragraph[-1]
    return found
