"""What a site puts around its posts: navigation, calls to action, affiliate blocks, leaked prompts."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from kb.config import resource
from kb.errors import DataFileError
from kb.records import LedgerRow, Passage, Sentence

_LINK = re.compile(r"(?<!!)\[([^\[\]]*)\](?:\([^)]{0,2000}\)|\[[^\]]{0,2000}\])|<https?://[^>\s]{1,2000}>|https?://\S+")
_END = re.compile(r"[。！？!?.]$")
_BETWEEN = re.compile(r"[\s*_|・:/-]+")  # what stands between links
_TITLES = ("heading", "label")
_LEAST_LINK = 0.8  # of a passage's visible characters


@dataclass(frozen=True, slots=True)
class _Table:
    headings: re.Pattern[str]
    passages: re.Pattern[str]
    leaks: re.Pattern[str]


@cache
def _table() -> _Table:
    """Load `data/boilerplate.toml`."""
    path = resource("data", "boilerplate.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        made = {
            name: re.compile("|".join(f"(?:{entry})" for entry in data[name]), re.IGNORECASE)
            for name in ("headings", "passages", "leaks")
        }
    except (OSError, KeyError, TypeError, re.error, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error
    return _Table(**made)


def mark_boilerplate(
    text: str, passages: Sequence[Passage], sentences: Sequence[Sentence]
) -> tuple[list[Sentence], list[LedgerRow]]:
    """Return the sentences, those that are boilerplate with a reason, and the ledger's rows of them.

    Args:
        text: the whole file.
        passages: of one body, in order.
        sentences: of the same body.
    """
    why: dict[int, str] = {}
    level = 0  # rank of the heading that made boilerplate of what follows; 0 for none
    plain: dict[int, list[str]] = defaultdict(list)
    for sentence in sentences:
        plain[sentence.passage].append(sentence.plain)
    spoken: dict[str, str] = {}  # the drafts of a post repeat whole passages
    draft = -1
    for i, passage in enumerate(passages):
        words = unicodedata.normalize("NFKC", "".join(plain[i]))
        if passage.draft != draft:
            level, draft = 0, passage.draft
        if passage.kind in _TITLES:
            if _table().headings.search(words):
                level = passage.level
                why[i] = "navigation"
            elif level and passage.kind == "heading" and passage.level <= level:
                level = 0
        if level:
            why.setdefault(i, "below a heading of navigation")
        if words not in spoken:
            spoken[words] = _by_words(words)
        reason = spoken[words] or _by_links(text, passage, words)
        if reason:
            why.setdefault(i, reason)
    made = [replace(s, reason=f"boilerplate: {why[s.passage]}") if s.passage in why else s for s in sentences]
    rows = [LedgerRow(s.start, s.end, "boilerplate", why[s.passage]) for s in sentences if s.passage in why]
    return made, rows


def _by_words(words: str) -> str:
    """Return why the words of a passage make it boilerplate whatever stands above it, or ""."""
    if _table().passages.search(words):
        return "a call to action or a notice"
    return "a language model speaking of its work" if _table().leaks.search(words) else ""


def _by_links(text: str, passage: Passage, words: str) -> str:
    """Return why the links of a passage make it boilerplate, or ""."""
    source = text[passage.start : passage.end]
    if passage.kind in _TITLES or ("[" not in source and "http" not in source):
        return ""
    linked = sum(len(_BETWEEN.sub("", m[1] or m[0])) for m in _LINK.finditer(source))
    shown = len(_BETWEEN.sub("", _LINK.sub(lambda m: m[1] or m[0], source)))
    if linked >= _LEAST_LINK * max(1, shown) and not _END.search(words):
        return "nothing but links"
    return ""
