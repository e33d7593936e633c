"""Front matter: what stands above a body, in YAML or TOML.

python-frontmatter (https://python-frontmatter.readthedocs.io) finds and parses
it; this module adds the offset of the body, tolerance for broken YAML, and the
meaning of the keys that Jekyll (https://jekyllrb.com/docs/front-matter/) and
Hugo (https://gohugo.io/content-management/front-matter/) use.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import yaml
from dateutil import parser as dateparser
from frontmatter.default_handlers import BaseHandler, YAMLHandler

from kb.records import FrontMatter, PostInfo


class _TomlHandler(BaseHandler):
    """TOML between `+++` lines; the library's own handler wants a package that Python no longer needs."""

    FM_BOUNDARY = re.compile(r"^\+{3,}\s*$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"

    def load(self, fm: str) -> dict[str, Any]:
        return tomllib.loads(fm)


_HANDLERS = (YAMLHandler(), _TomlHandler())
_KEY_LINE = re.compile(r"^([A-Za-z_][\w-]*)\s*:\s*(\S.*)$")
_KEY = re.compile(r"[A-Za-z_][\w .-]*")  # Jekyll's and Hugo's keys; 注意: … is prose
_JAPANESE_DAY = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")
_EMPTY_LINE = re.compile(r"^[ \t]*\r?$", re.MULTILINE)
_MARKS = re.compile(r"^#{1,6}\s+|\*\*|__|`")  # a title is shown as text
_DATED_NAME = re.compile(r"^(\d{4}-\d{2}-\d{2})-(.+)$")
_FIRST_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)")
_MOST_VALUES = 10_000
_DEEPEST = 40  # lists and mappings within each other
_WIDEST = 200_000  # characters; a longer "front matter" is a body between two rules


def front_matter(text: str) -> FrontMatter:
    """Split the front matter off `text` and parse it.

    A block that cannot be parsed still ends where it ends: the body is read,
    the key lines that make sense by themselves are kept, `fault` says what is wrong.
    """
    bom = 1 if text.startswith("\ufeff") else 0
    shown = text[bom : bom + _WIDEST]
    for handler in _HANDLERS:
        if not handler.detect(shown):
            continue
        edges = list(islice(handler.FM_BOUNDARY.finditer(shown), 2))
        if len(edges) < 2:
            return _unclosed(shown, bom, edges)
        block = shown[edges[0].end() : edges[1].start()]
        last = _LINE.match(shown, edges[1].start())
        body_start = bom + (last or edges[1]).end()
        values, fault = _parse(handler, block)
        if values is None:
            break
        return FrontMatter(values, body_start, fault)
    return FrontMatter({}, bom)


def _unclosed(shown: str, bom: int, edges: list[re.Match[str]]) -> FrontMatter:
    """Read front matter that no line ends: its key lines up to the first empty line. A lone rule is body."""
    start = shown.find("\n", edges[0].start()) + 1 if edges else 0
    stop = _EMPTY_LINE.search(shown, start) if start else None
    block = shown[start : stop.start()] if stop else shown[start:]
    values = _salvage(block) if start else {}
    if not values:
        return FrontMatter({}, bom)
    return FrontMatter(values, bom + start + len(block), "front matter is not closed: the line that ends it is missing")


def _parse(handler: Any, block: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return (values, fault); values is None where the block is no mapping at all."""
    try:
        values = handler.load(block)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        # Without one line of the form `key: value` it is no front matter, but prose between two rules.
        return _salvage(
            block
        ) or None, f"front matter is not valid YAML{where}: {getattr(error, 'problem', None) or error}"
    except ValueError as error:
        kind = "TOML" if isinstance(handler, _TomlHandler) else "YAML"
        salvaged = _salvage(block.replace(" = ", ": "))
        return salvaged, f"front matter is not valid {kind}: {str(error).splitlines()[0]}"
    except RecursionError:
        return _salvage(block), "front matter is nested too deeply"
    if not _bounded(values):
        return _salvage(block), "front matter holds too many values, or values that hold themselves"
    if values is None:
        return {}, ""
    keyed = isinstance(values, Mapping) and (not values or any(_KEY.fullmatch(str(key)) for key in values))
    return (values, "") if keyed else (None, "")


def _salvage(block: str) -> dict[str, Any]:
    """Return the top-level `key: value` lines of a broken block that parse by themselves."""
    values: dict[str, Any] = {}
    for line in block.splitlines():
        match = _KEY_LINE.match(line)
        if not match:
            continue
        try:
            value = yaml.safe_load(match[2])
        except (yaml.YAMLError, ValueError, RecursionError):
            value = match[2].strip().strip("\"'")
        values[match[1]] = value if _bounded(value) else None
    return values


def _bounded(value: Any) -> bool:
    """Tell whether a value is of a size and depth that people write; a YAML alias can hold itself, or millions."""
    level = [value]
    count = 0
    for _ in range(_DEEPEST):
        below = (inner for item in level for inner in _parts_of(item))
        level = list(islice(below, _MOST_VALUES - count + 1))
        count += len(level)
        if not level or count > _MOST_VALUES:
            break
    return not level


def _parts_of(value: Any) -> Iterable[Any]:
    """Return what a list or mapping holds."""
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple, set)) else ()


def info(path: str, front: FrontMatter, body: str = "") -> PostInfo:
    """Return title, date, author, categories and tags of a post.

    What the front matter lacks comes from the file name (`2025-09-07-name.md`)
    and from the first top heading of `body`.
    """
    values = {str(k).strip().lower(): v for k, v in front.values.items()}
    name = PurePosixPath(path).stem
    dated = _DATED_NAME.match(name)
    title = _MARKS.sub("", _text(values.get("title"))).strip()
    if not title:
        heading = _FIRST_HEADING.search(body)
        title = heading[1].strip() if heading else (dated[2] if dated else name)
    date = _date(values.get("date") or values.get("publishdate") or values.get("pubdate"))
    return PostInfo(
        title=title,
        date=date or (dated[1] if dated and _date(dated[1]) else None),
        author=", ".join(_names(values.get("author", values.get("authors")))),
        categories=tuple(_words(values.get("categories")) or _names(values.get("category"))),
        tags=tuple(_words(values.get("tags")) or _names(values.get("tag"))),
        front_matter=_plain(front.values),
        fault=front.fault,
    )


def _text(value: Any) -> str:
    """Return a scalar as one line of text."""
    if value is None or isinstance(value, (list, dict)):
        return ""
    return " ".join(str(value).split())


def _names(value: Any) -> list[str]:
    """Return a name, a list of names, or `{name: …}` mappings as a list of names."""
    if isinstance(value, (list, tuple)):
        return [name for item in value for name in _names(item)]
    if isinstance(value, Mapping):
        return _names(value.get("name") or value.get("full_name"))
    text = _text(value)
    return [text] if text else []


def _words(value: Any) -> list[str]:
    """Return a list of tags; one string is divided as Jekyll does, at commas or spaces."""
    if isinstance(value, str):
        return [word for word in re.split(r"\s*,\s*" if "," in value else r"\s+", value.strip()) if word]
    return _names(value)


def _date(value: Any) -> str | None:
    """Return an ISO 8601 date or date-time, or None where the value is none."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    text = _JAPANESE_DAY.sub(r"\1-\2-\3", unicodedata.normalize("NFKC", _text(value)))
    if not re.search(r"\d{4}", text):
        return None
    try:
        parsed: dt.datetime = dateparser.parse(text, default=dt.datetime(1970, 1, 1))
    except (ValueError, OverflowError):
        return None
    short = re.fullmatch(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", text)
    return parsed.date().isoformat() if short else parsed.isoformat()


def _plain(value: Any) -> Any:
    """Return front matter as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(v) for v in value]
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such number
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
