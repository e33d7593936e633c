"""Reading an export again: what it quotes, and where it says that the words stand.

The reverse of `markdown`, `notes`, `page`, `plain`, `sheet` and `feed`; it knows
their marks, not what the words should be. `kb verify --export` compares what it
finds with the database.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.errors import SourceError
from kb.export.escape import unescaped
from kb.export.sheet import BOM, COLUMNS, plain_cell
from kb.records import Span


@dataclass(frozen=True, slots=True)
class Place:
    """Where an export says that words stand; `date` and `quote` are None where it does not tell."""

    post: str
    spans: tuple[Span, ...]
    date: str | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Cited:
    """One quote of an export. `key` is "" for a sentence that is no claim; `text` None where nothing is quoted."""

    line: int
    key: str
    text: str | None
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A line of an export that cannot be read as it should be."""

    line: int
    text: str


Read = Iterator[Cited | Fault]

_MARK = re.compile(r"\[\^(\d+)\]")
_PIECE = re.compile(r"\\.|\[\^\d+\]|(?P<edge>\||\*|`+)", re.DOTALL)
_NOTE = re.compile(r"^\[\^(\d+)\]: (.*)$")
_CODE = re.compile(r"\\.|(?P<fence>`+)(?P<code>.+?)(?<!`)(?P=fence)(?!`)", re.DOTALL)
_SPANS = re.compile(r" (\d+–\d+(?:, \d+–\d+)*)")
_DATED = re.compile(r"(?:^|[ ,])(\d{4}[0-9\\-]*), $")
_NAMED = re.compile(r'"(claim|text)": ("(?:[^"\\]|\\.)*")')
_ITEM = re.compile(r"^\s*- ")


def read(path: Path) -> list[tuple[Path, list[Cited | Fault]]]:
    """Return what an exported file, or every file of an exported folder, quotes.

    Raises:
        SourceError: there is no such file, it cannot be read, or it is no export.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in _READERS and not _hidden(p.relative_to(path)))
        if not files:
            raise SourceError(path, f"holds no exports ({', '.join(sorted(_READERS))})")
        return [(file, _read(file)) for file in files]
    return [(path, _read(path))]


def _hidden(path: Path) -> bool:
    """Tell whether a file is none of ours to check: Obsidian's settings, our own list of files."""
    return any(part.startswith(".") for part in path.parts)


def _read(path: Path) -> list[Cited | Fault]:
    if not path.exists():
        raise SourceError(path, "no such file; name one that kb export wrote")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(path, f"is no export that can be checked; its name must end in {', '.join(sorted(_READERS))}")
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise SourceError(path, error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise SourceError(path, f"is not UTF-8 ({error.reason} at byte {error.start}); export it again") from None
    return list(reader(text))


def markdown(text: str) -> Read:
    """Yield what a Markdown document quotes: every list item and table row must cite."""
    lines = text.split("\n")
    notes: dict[str, tuple[str, tuple[Place, ...]]] = {}
    used: set[str] = set()
    front = _front_matter(lines)
    for line in lines[front:]:
        if found := _NOTE.match(line):
            notes[found[1]] = _footnote(found[2])
    for number, line in enumerate(lines[front:], front + 1):
        if _NOTE.match(line):
            continue
        quotes = list(_quotes(line))
        if not quotes and _ITEM.match(line):
            yield Fault(number, "a list item that cites nothing")
        for mark, quoted in quotes:
            used.add(mark)
            if mark not in notes:
                yield Fault(number, f"there is no footnote [^{mark}]")
                continue
            key, places = notes[mark]
            yield Cited(number, key, None if line.startswith("> ") else quoted, places)
    for number, line in enumerate(lines, 1):
        if (found := _NOTE.match(line)) and found[1] not in used:
            yield Cited(number, notes[found[1]][0], None, notes[found[1]][1])


def _front_matter(lines: Sequence[str]) -> int:
    """Return how many lines a note's YAML properties take."""
    if lines[:1] != ["---"]:
        return 0
    return next((place + 1 for place, line in enumerate(lines[1:], 1) if line == "---"), 0)


def _quotes(line: str) -> Iterator[tuple[str, str]]:
    """Yield (footnote, quote before it) of a line; several footnotes in a row share a quote."""
    item = _ITEM.match(line)
    start = item.end() if item else 0
    quoted = ""
    for piece in _PIECE.finditer(line, start):
        if piece["edge"]:
            start = piece.end()
        elif found := _MARK.fullmatch(piece[0]):
            before = unescaped(line[start : piece.start()]).strip()
            quoted = before or quoted
            yield found[1], quoted
            start = piece.end()


def _footnote(note: str) -> tuple[str, tuple[Place, ...]]:
    """Return (claim's key or "", places) of a footnote."""
    key = ""
    places = []
    last = 0
    for found in _CODE.finditer(note):
        if found["fence"] is None:
            continue
        code = found["code"].removeprefix(" ").removesuffix(" ") if "`" in found["code"] else found["code"]
        spans = _SPANS.match(note, found.end())
        if spans:
            dated = _DATED.search(note[last : found.start()])
            places.append(Place(code, _pairs(spans[1], "–", ", "), unescaped(dated[1]) if dated else ""))
        elif not places and not note[: found.start()].strip():
            key = code
        last = found.end()
    return key, tuple(places)


def _pairs(text: str, dash: str, comma: str) -> tuple[Span, ...]:
    return tuple((int(a), int(b)) for a, b in (pair.split(dash) for pair in text.split(comma)))


class _Page(html.parser.HTMLParser):
    """Gathers the quotes of a page and the sources they number."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sources: list[dict[int, tuple[str, str]]] = []
        self.quotes: list[tuple[int, int, str, str, str | None]] = []  # topic, line, key, places, text
        self._open: tuple[int, str, str] | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "article":
            self.sources.append({})
        elif tag == "li" and "data-post" in values and self.sources:
            self.sources[-1][len(self.sources[-1]) + 1] = (values["data-post"], values.get("data-date", ""))
        elif tag == "q":
            self._open = (self.getpos()[0], values.get("data-claim", ""), values.get("data-at", ""))
            self._text = []
        elif "data-at" in values:
            self.quotes.append(
                (len(self.sources), self.getpos()[0], values.get("data-claim", ""), values["data-at"], None)
            )

    def handle_data(self, data: str) -> None:
        if self._open:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "q" and self._open:
            self.quotes.append((len(self.sources), *self._open, "".join(self._text)))
            self._open = None


def page(text: str) -> Read:
    """Yield what an HTML page quotes."""
    parser = _Page()
    parser.feed(text)
    parser.close()
    if not parser.sources:
        yield Fault(1, "is no page that kb export wrote")
    for topic, line, key, at, quoted in parser.quotes:
        sources = parser.sources[topic - 1] if topic else {}
        try:
            places = [(int(number), _pairs(spans, "-", ",")) for number, spans in _at(at)]
            known = tuple(Place(sources[number][0], spans, sources[number][1]) for number, spans in places)
        except (KeyError, ValueError):
            yield Fault(line, f"its places {at!r} are not those of a source")
            continue
        yield Cited(line, key, quoted, known)


def _at(at: str) -> Iterator[tuple[str, str]]:
    for one in filter(None, at.split(";")):
        number, _, spans = one.partition(":")
        yield number, spans


def plain(text: str) -> Read:
    """Yield what a JSON document quotes; lines are those where the claim's key first stands."""
    try:
        data = json.loads(text)
        whole = [_as_topic(one) for one in data["digests"]] if "digests" in data else data["topics"]
    except (ValueError, KeyError, TypeError) as error:
        yield Fault(getattr(error, "lineno", 1), f"is no JSON that kb export wrote: {error}")
        return
    lines = _Lines(text)
    for topic in whole:
        try:
            yield from _topic(topic, lines)
        except (KeyError, TypeError, ValueError) as error:
            named = topic.get("slug") if isinstance(topic, dict) else topic
            yield Fault(1, f"topic {named!r} is not as the schema says: {error!r}")


def _as_topic(digest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a digest in the shape of a topic, so that both are read alike; what is gone has no places."""
    gone = [{**one, "occurrences": [], "context": None, "figures": [], "dates": []} for one in digest["gone"]]
    parts = dict.fromkeys(("figures", "timeline", "forecasts", "conflicts", "questions", "voices", "others"), ())
    claims = [*digest["new"], *digest["changed"], *gone]
    return {**parts, "abstract": None, "others": [], "lead": digest["lead"], "sections": [{"claims": claims}]}


class _Lines:
    """On which line of a text a claim's key or a sentence is first written."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, str], int] = {}
        line, last = 1, 0
        for found in _NAMED.finditer(text):
            line += text.count("\n", last, found.start())
            last = found.start()
            self._lines.setdefault((found[1], json.loads(found[2])), line)

    def of(self, name: str, value: str) -> int:
        """Return the line, or 1 where the value is written nowhere."""
        return self._lines.get((name, value), 1)


def _topic(topic: Mapping[str, Any], lines: _Lines) -> Read:
    claims = [claim for section in topic["sections"] for claim in section["claims"]] + topic["others"]
    known = {claim["claim"] for claim in claims}
    for claim in claims:
        line = lines.of("claim", claim["claim"])
        yield Cited(line, claim["claim"], claim["text"], tuple(map(_json_place, claim["occurrences"])))
        if claim["context"]:
            yield _json_sentence(claim["context"], line)
        for figure in (*claim["figures"], *claim["dates"]):
            if claim["text"][figure["start"] : figure["end"]] != figure["text"]:
                yield Fault(line, f"claim {claim['claim']} does not have {figure['text']!r} where it is said to stand")
    for asked in topic["questions"]:
        yield _json_sentence(asked, lines.of("text", asked["text"]))
    named = [*topic["lead"], *(key for voice in topic["voices"] for key in voice["claims"])]
    named += [row["claim"] for part in ("figures", "timeline", "forecasts") for row in topic[part]]
    named += [key for row in topic["conflicts"] for key in (row["a"], row["b"])]
    named += [key for sentence in (topic["abstract"] or {"sentences": []})["sentences"] for key in sentence["claims"]]
    for key in sorted(set(named) - known):
        yield Fault(lines.of("claim", key), f"claim {key} is named, and stands in no section")


def _json_sentence(quoted: Mapping[str, Any], line: int) -> Cited:
    return Cited(line, "", quoted["text"], (_json_place(quoted["place"]),))


def _json_place(place: Mapping[str, Any]) -> Place:
    spans = tuple((int(a), int(b)) for a, b in place["spans"])
    return Place(place["post"], spans, (place["date"] or "")[:10], place["quote"])


def sheet(text: str) -> Read:
    """Yield what a CSV file quotes, a row a place; a spreadsheet may have saved it with other line ends."""
    rows = csv.reader(io.StringIO(text.removeprefix(BOM), newline=""), strict=True)
    try:
        header = next(rows, [])
        if not set(COLUMNS) <= set(header):
            yield Fault(1, f"its columns are not {', '.join(COLUMNS)}")
            return
        line = rows.line_num + 1
        for row in rows:
            cells = {name: plain_cell(value) for name, value in zip(header, row, strict=False)}
            try:
                spans = tuple((int(a), int(b)) for a, b in json.loads(cells["spans"]))
                place = Place(cells["post"], spans, cells["date"][:10], cells["quote"])
                yield Cited(line, cells["claim"], cells["text"], (place,))
            except (KeyError, TypeError, ValueError) as error:
                yield Fault(line, f"is not a row of a claim: {error!r}")
            line = rows.line_num + 1
    except csv.Error as error:
        yield Fault(rows.line_num, f"is no CSV: {error}")


def feed(text: str) -> Read:
    """Yield what an Atom feed quotes: the pages inside its entries."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        yield Fault(error.position[0], f"is no XML: {error}")
        return
    atom = "{http://www.w3.org/2005/Atom}"
    for entry in root.iter(f"{atom}entry"):
        ident = entry.findtext(f"{atom}id") or ""
        at = text.find(f"<id>{ident}</id>")
        line = text.count("\n", 0, max(at, 0)) + 1
        for found in page(entry.findtext(f"{atom}content") or ""):
            yield (
                Cited(line, found.key, found.text, found.places)
                if isinstance(found, Cited)
                else Fault(line, found.text)
            )


_READERS = {".md": markdown, ".html": page, ".htm": page, ".json": plain, ".csv": sheet, ".atom": feed, ".xml": feed}
