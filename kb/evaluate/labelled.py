"""Labelled records: JSON Lines, one record a line, checked as they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from kb.errors import SourceError
from kb.records import KINDS, RELATIONS, Certainty, Kind, RelationName

_CERTAINTIES: tuple[Certainty, ...] = get_args(Certainty)


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A sentence span of a post (code points, end exclusive) and what it is.

    `post` is the file, relative to the folder of posts; `line` is where the
    record stands, for messages. Where `text` is given it is the sentence, read
    by itself, and `post` is empty.
    """

    id: str
    post: str
    start: int
    end: int
    kind: Kind
    certainty: Certainty
    holder: str
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two sentences and how they relate."""

    id: str
    a: str
    b: str
    relation: RelationName


@dataclass(frozen=True, slots=True)
class LabelledDrafts:
    """Where each draft of a post truly begins (code points), the first one included."""

    id: str
    post: str
    starts: tuple[int, ...]
    line: int


def read_claims(path: Path) -> list[LabelledClaim]:
    """Read records {"post", "start", "end", "kind"} with optional "certainty", "holder" and "id".

    A record without "post" names its sentence in "text".

    Raises:
        SourceError: the file cannot be read, or a record breaks the rules; names its line.
    """
    return _read(path, _claim)


def read_pairs(path: Path) -> list[LabelledPair]:
    """Read records {"a", "b", "relation"} with an optional "id".

    Raises:
        SourceError: the file cannot be read, or a record breaks the rules; names its line.
    """
    return _read(path, _pair)


def read_drafts(path: Path) -> list[LabelledDrafts]:
    """Read records {"post", "starts"} with an optional "id".

    Raises:
        SourceError: the file cannot be read, or a record breaks the rules; names its line.
    """
    return _read(path, _drafts)


def read_sentences(path: Path) -> list[str]:
    """Read records {"text"}, each one sentence.

    Raises:
        SourceError: the file cannot be read, or a record breaks the rules; names its line.
    """
    return _read(path, _sentence)


class _RecordError(Exception):
    """What is wrong with a record; the reader adds file and line."""


_Record = TypeVar("_Record")


def _read(path: Path, parse: Callable[[Mapping[str, Any], int], _Record]) -> list[_Record]:
    found = []
    for number, record in _lines(path):
        try:
            found.append(parse(record, number))
        except _RecordError as error:
            raise SourceError(path, f"line {number}: {error}") from error
    if not found:
        raise SourceError(path, "holds no record; give a JSON object a line")
    return found


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line number from 1, object) of each line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise SourceError(path, f"line {number}: not JSON; give a JSON object a line") from error
                if not isinstance(record, Mapping):
                    raise SourceError(path, f"line {number}: not a JSON object")
                yield number, record
    except UnicodeDecodeError as error:
        raise SourceError(path, f"not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise SourceError(path, f"cannot be read: {error.strerror}") from error


def _claim(record: Mapping[str, Any], number: int) -> LabelledClaim:
    text = "" if "post" in record or "text" not in record else _sentence(record, number)
    start, end = (0, len(text)) if text else (_offset(record, "start"), _offset(record, "end"))
    if start >= end:
        raise _RecordError(f'"start" {start} is not before "end" {end}')
    post = "" if text else _string(record, "post")
    kind: Kind = _one_of(record, "kind", KINDS)
    certainty: Certainty = _one_of(record, "certainty", _CERTAINTIES, "asserted")
    holder = _string(record, "holder", "author")
    return LabelledClaim(_id(record, number), post, start, end, kind, certainty, holder, number, text)


def _pair(record: Mapping[str, Any], number: int) -> LabelledPair:
    relation: RelationName = _one_of(record, "relation", RELATIONS)
    return LabelledPair(_id(record, number), _string(record, "a"), _string(record, "b"), relation)


def _drafts(record: Mapping[str, Any], number: int) -> LabelledDrafts:
    starts = record.get("starts")
    if not isinstance(starts, list) or not starts or not all(type(s) is int and s >= 0 for s in starts):
        raise _RecordError('"starts" must be a list of offsets')
    return LabelledDrafts(_id(record, number), _string(record, "post"), tuple(sorted(starts)), number)


def _sentence(record: Mapping[str, Any], _number: int) -> str:
    text = _string(record, "text").strip()
    if not text:
        raise _RecordError('"text" is blank')
    return text


def _id(record: Mapping[str, Any], number: int) -> str:
    return str(record.get("id", f"line {number}"))


def _string(record: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = record.get(key, default)
    if not isinstance(value, str):
        raise _RecordError(f'"{key}" must be a string')
    return value


def _offset(record: Mapping[str, Any], key: str) -> int:
    value = record.get(key)
    if type(value) is not int or value < 0:  # a bool is an int too
        raise _RecordError(f'"{key}" must be an offset: a whole number from 0')
    return value


_Name = TypeVar("_Name", bound=str)


def _one_of(record: Mapping[str, Any], key: str, known: tuple[_Name, ...], default: str | None = None) -> _Name:
    value = record.get(key, default)
    for name in known:
        if name == value:
            return name
    raise _RecordError(f'"{key}" must be one of {", ".join(known)}')
