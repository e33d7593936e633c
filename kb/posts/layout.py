"""From a body to drafts, passages and sentences, nothing yet left out as a repeat."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kb.config import Settings
from kb.posts.blocks import Block, blocks
from kb.posts.inline import Plain, strip_markup
from kb.posts.sentences import rules, split
from kb.posts.tables import without_tables
from kb.records import Draft, LedgerRow, Passage, PassageKind, Sentence
from kb.text import fold

_BOLD_LINE = re.compile(r"\s*(?:\*\*|__)(?P<bold>[^*\n]{1,120}?)(?:\*\*|__)[ \t]*[:：]?\s*$")
_LEAD = re.compile(r"(?:\*\*|__)(?:[^*\n]{1,100}?[:：][ \t]*(?:\*\*|__)|[^*\n]{1,100}?(?:\*\*|__)[ \t]*[:：])[ \t]*")
# Inside a line that was flattened: a list or heading marker before bold text, a bold lead or a
# bold heading after the end of a sentence.
_FLATTENED = re.compile(
    r"(?<=\s)(?:(?:[*+•-]|\d{1,2}[.)])[ \t]+(?=\*\*[^*\n]{1,100}\*\*)|#{1,6}[ \t]+)"
    r"|(?<=[。！？!?）」』])[ \t]+(?=\*\*[^*\n]{1,100}?(?:[:：][ \t]*\*\*|\*\*[ \t]*[:：])[ \t])"
    r"|(?:^|(?<=[。！？!?）」』]))[ \t]*(?=\*\*[^*\n]{1,100}\*\*[ \t])"
)
_BOLD_HEAD = re.compile(r"\*\*[^*\n]{1,100}\*\*(?=[ \t]+\S)")
_NUMBER = re.compile(r"(?:^|\s)(\d{1,9}[.)])[ \t]+$")  # the number of a list item is a part of what is said
_CLOSING = re.compile(
    r"(?:\*{1,3}|_{1,3}|~~|`+|\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)|\]\[[^\]\n]*\]|</[A-Za-z][^<>]{0,100}>)+"
)
# Possessive: a run of marks is taken one way only, or its time doubles with every mark.
_OPENING = re.compile(r"(?:\*++|_++|~~|`++|\[|<(?!br\b)[A-Za-z][^<>]{0,1000}>)++$", re.IGNORECASE)
_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
_DEFINITION = re.compile(r"\[(?!\^)[^\]\n]{1,200}\]:[ \t]*<?(?:[A-Za-z][A-Za-z0-9+.-]*:|/|\.|#|www\.)\S*")
_LABEL_WIDEST = 100  # characters; headings and labels are short


@dataclass(frozen=True, slots=True)
class Layout:
    """Drafts, passages and sentences of one body in order, and what is no prose."""

    drafts: tuple[Draft, ...]
    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]
    ledger: tuple[LedgerRow, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines that belong together: a paragraph, a heading, a bold lead."""

    kind: PassageKind
    level: int
    draft: int
    pieces: list[tuple[int, int]]
    lead: str = ""


def layout(text: str, body_start: int, *, title: str = "", settings: Settings | None = None) -> Layout:
    """Divide the body of `text` into drafts, passages and sentences.

    Args:
        text: the whole file as decoded; offsets point into it.
        body_start: where the front matter ends.
        title: the post's title; a flattened draft often has it glued to its first sentence.
        settings: what separates drafts.
    """
    stretches, ledger = _drafts(text, body_start, settings or Settings())
    parts: list[_Part] = []
    drafts: list[Draft] = []
    for start, end in stretches:
        found: list[_Part] = []
        for block in blocks(text, start, end):
            if block.kind == "dropped":
                assert block.action is not None  # dropped blocks say why
                ledger.append(LedgerRow(block.start, block.end, block.action, block.reason))
            else:
                ledger.extend(_definitions(text, block))
                prose, tables = without_tables(text, block)
                ledger.extend(tables)
                found.extend(part for piece in prose for part in _parts(text, piece, len(drafts)))
        parts.extend(found)
        drafts.append(Draft(_visible(text, start, end), end))
    return _assemble(text, drafts, parts, _labels(text, parts, title), ledger)


def _drafts(text: str, body_start: int, settings: Settings) -> tuple[list[tuple[int, int]], list[LedgerRow]]:
    """Cut the body at separators; stretches without a visible character are left out."""
    ledger = []
    stretches = []
    marks = "|".join(re.escape(mark) for mark in settings.separators if mark.strip())
    separator = re.compile(rf"(?:^|(?<=\s))(?:{marks})(?=\s|$)") if marks else None
    start = body_start
    for match in separator.finditer(text, body_start) if separator else ():
        ledger.append(LedgerRow(match.start(), match.end(), "separator", "a line between two drafts"))
        stretches.append((start, match.start()))
        start = match.end()
    stretches.append((start, len(text)))
    return [s for s in stretches if text[s[0] : s[1]].strip()] or stretches[-1:], ledger


def _definitions(text: str, block: Block) -> list[LedgerRow]:
    """Take the lines that only say where a link leads (`[name]: address`) out of a block; return their rows."""
    rows = [LedgerRow(a, b, "unread", "a link definition") for a, b in block.pieces if _DEFINITION.match(text, a, b)]
    if rows:
        block.pieces[:] = [piece for piece in block.pieces if not _DEFINITION.match(text, *piece)]
    return rows


def _visible(text: str, start: int, end: int) -> int:
    """Return the place of the first visible character of a stretch."""
    return next((i for i in range(start, end) if not text[i].isspace()), start)


def _parts(text: str, block: Block, draft: int) -> Iterator[_Part]:
    """Divide a block at bold lines, bold leads, bullet lines and flattened markers."""
    if block.kind == "heading":
        yield _Part("heading", block.level, draft, block.pieces)
        return
    kind: PassageKind = "paragraph" if block.kind == "dropped" else block.kind
    group: list[tuple[int, int]] = []
    whole = set(block.pieces)
    for a, b in _stretches(text, block.pieces):
        line = text[a:b]
        bold = _BOLD_LINE.match(line)
        if bold and bold["bold"].rstrip()[-1:] not in ("。", "！", "!"):
            if group:
                yield from _with_lead(text, kind, block.level, draft, group)
            yield _Part("label", 7, draft, [(a, b)])
            group = []
            continue
        if group and (_LEAD.match(line) or rules().bullet.match(line.lstrip()) or (a, b) not in whole):
            yield from _with_lead(text, kind, block.level, draft, group)
            group = []
        group.append((a, b))
    if group:
        yield from _with_lead(text, kind, block.level, draft, group)


def _stretches(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield lines, cut where a flattened list item, lead or bold heading begins or ends."""
    for a, b in pieces:
        if "**" not in text[a:b] and "# " not in text[a:b]:
            yield a, b
            continue
        begin = a
        for match in _FLATTENED.finditer(text, a, b):
            if match.start() > begin:
                yield begin, match.start()
            begin = match.end()
            head = _BOLD_HEAD.match(text, begin, b)
            if head:
                yield begin, head.end()
                begin = head.end()
        if begin < b:
            yield begin, b


def _with_lead(text: str, kind: PassageKind, level: int, draft: int, group: list[tuple[int, int]]) -> Iterator[_Part]:
    """Yield a group of lines, its bold lead (`**lead:** text`) apart."""
    a, b = group[0]
    match = _LEAD.match(text, a, b)
    if match and (match.end() < b or len(group) > 1):
        yield _Part("label", 8, draft, [(a, match.end())])
        lead = strip_markup(text, [(a, match.end())]).text.rstrip(":： ")
        rest = [(match.end(), b), *group[1:]] if match.end() < b else group[1:]
        yield _Part(kind, level, draft, rest, lead)
    else:
        yield _Part(kind, level, draft, group)


def _labels(text: str, parts: Iterable[_Part], title: str) -> frozenset[str]:
    """Return the folded title, headings and labels: what a flattened draft glues to sentences."""
    known = {fold(title)}
    for part in parts:
        if part.kind in ("heading", "label"):
            known.add(fold(strip_markup(text, part.pieces).text))
    return frozenset(k for k in known if k)


def _assemble(
    text: str, drafts: list[Draft], parts: Sequence[_Part], labels: frozenset[str], ledger: list[LedgerRow]
) -> Layout:
    """Turn parts into passages with heading paths, and their sentences."""
    passages: list[Passage] = []
    sentences: list[Sentence] = []
    path: list[tuple[int, str]] = []
    draft = -1
    for part in parts:
        if part.draft != draft:
            path, draft = [], part.draft
        plain = strip_markup(text, part.pieces)
        if not plain.text:
            continue
        if part.kind in ("heading", "label"):
            level = min(part.level, 8)
            path = [step for step in path if step[0] < level]
        headings = tuple(name for rank, name in path if rank < 8)
        index = len(passages)
        made = _sentences(text, plain, part, index, labels)
        start, end = made[0].start, made[-1].end
        passages.append(Passage(start, end, part.kind, part.draft, part.level, headings, part.lead))
        sentences.extend(made)
        if part.kind in ("heading", "label"):
            path.append((min(part.level, 8), plain.text[:_LABEL_WIDEST]))
    return Layout(tuple(drafts), tuple(passages), tuple(sentences), tuple(ledger))


def _sentences(text: str, plain: Plain, part: _Part, passage: int, labels: frozenset[str]) -> list[Sentence]:
    """Return the sentences of one part; a heading or label is one sentence."""
    if part.kind in ("heading", "label"):
        ranges = [(0, len(plain.text))]
    else:
        broken = _at_breaks(text, plain, part.pieces, split(plain.text))
        ranges = [piece for a, b in broken for piece in _unglue(plain.text, a, b, labels)]
    edges = _edges(text, plain, ranges, part.pieces)
    made = []
    for (a, b), (start, end) in zip(ranges, edges, strict=True):
        words = plain.text[a:b]
        made.append(Sentence(start, end, ((start, end),), text[start:end], words, fold(words), part.draft, passage))
    return made


def _at_breaks(
    text: str, plain: Plain, pieces: Sequence[tuple[int, int]], ranges: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Cut ranges of `plain` where a `<br>` stands in the source; after a comma the sentence goes on."""
    breaks = [bisect_left(plain.at, m.start()) for a, b in pieces for m in _BREAK.finditer(text, a, b)]
    if not breaks:
        return ranges
    cuts = {i for i in breaks if 0 < i < len(plain.at) and not plain.text[:i].rstrip().endswith(("、", ",", "，"))}
    found = []
    for a, b in ranges:
        for start, end in pairwise([a, *sorted(i for i in cuts if a < i < b), b]):
            words = plain.text[start:end]
            if words.strip():
                found.append((start + len(words) - len(words.lstrip()), start + len(words.rstrip())))
    return found


def _unglue(words: str, a: int, b: int, labels: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Cut a known title, heading or label off the front of a sentence it was glued to by a space."""
    while True:
        at = a
        for _ in range(12):
            at = words.find(" ", at + 1, min(b, a + _LABEL_WIDEST))
            if at < 0 or fold(words[a:at]) in labels:
                break
        else:
            at = -1
        if at < 0:
            yield a, b
            return
        yield a, at
        a = at + 1


def _edges(
    text: str, plain: Plain, ranges: Sequence[tuple[int, int]], pieces: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the source span of each range, mark-up at its edges included.

    Mark-up between two sentences goes to the one it touches; where it touches
    both, a closing mark to the first and an opening one to the second.
    """
    spans = [[plain.at[a], plain.at[b - 1] + 1] for a, b in ranges]
    before = _OPENING.search(text[pieces[0][0] : spans[0][0]])
    spans[0][0] -= len(before[0]) if before else 0
    number = _NUMBER.search(text, max(0, spans[0][0] - 12), spans[0][0])
    spans[0][0] = number.start(1) if number else spans[0][0]
    for i, (start, end) in enumerate(spans[:-1]):
        gap = text[end : spans[i + 1][0]]
        closing = _CLOSING.match(gap)
        stop = closing.end() if closing else 0
        if closing and stop == len(gap) and not text[start:end].count("**") % 2 and not gap.startswith(("]", ")")):
            stop = 0  # it opens the next sentence
        opening = _OPENING.search(gap[stop:])
        spans[i][1] += stop
        spans[i + 1][0] -= len(opening[0]) if opening else 0
    last = _CLOSING.match(text[spans[-1][1] : pieces[-1][1]])
    spans[-1][1] += last.end() if last else 0
    return [(a, b) for a, b in spans]
