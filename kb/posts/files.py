"""Find Markdown files and decode them.

Text is decoded, never changed: line ends, a byte order mark and control
characters stay, so that offsets are those of the file as it is on disk.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kb.errors import SourceError
from kb.records import Source

LARGEST = 5_000_000  # bytes; fifty times a long post. A larger file is a dump, and reading it would take the machine
UNLISTED = "folder cannot be read"  # how the reason of such a fault begins
SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HALF_KANA = re.compile(r"[\uff61-\uff9f]")
_KANA = re.compile(r"[\u3041-\u30fe]")


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: the folder it was found under, its place, and its path within."""

    root: Path
    file: Path
    path: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was skipped or only partly read, and why."""

    path: str
    reason: str


def find(sources: Sequence[Path]) -> tuple[list[Found], list[Fault]]:
    """Return the Markdown files under `sources`, sorted by path, and what stands in the way.

    A source is a folder, searched to any depth, or one file. Hidden folders are
    passed over, symbolic links to folders are not followed (they can loop).

    Raises:
        SourceError: a source does not exist.
    """
    found: dict[Path, Found] = {}
    faults: list[Fault] = []
    for source in sources:
        if source.is_file():
            found.setdefault(source.resolve(), Found(source.parent, source, source.name))
            continue
        if not source.is_dir():
            raise SourceError(source, "no such file or folder; name a folder of Markdown posts")
        for file in _walk(source, faults):
            path = file.relative_to(source).as_posix()
            found.setdefault(file.resolve(), Found(source, file, path))
    return sorted(found.values(), key=lambda f: (f.path, str(f.root))), faults


def _walk(folder: Path, faults: list[Fault]) -> Iterator[Path]:
    """Yield the Markdown files below `folder`; note folders that look like posts or cannot be read."""

    def unreadable(error: OSError) -> None:
        faults.append(Fault(str(error.filename), f"{UNLISTED}: {error.strerror}"))

    for here, folders, names in os.walk(folder, onerror=unreadable):
        for name in folders:
            if name.lower().endswith(SUFFIXES):
                faults.append(Fault((Path(here) / name).relative_to(folder).as_posix(), "is a folder, not a file"))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here) / name for name in sorted(names) if name.lower().endswith(SUFFIXES))


def load(file: Path, path: str) -> Source:
    """Read one file and decode it, as `decode` does; `path` is what messages and the database call it.

    Raises:
        SourceError: the file cannot be read, or `decode` refuses it.
    """
    try:
        with file.open("rb") as stream:
            return decode(stream, path)
    except OSError as error:
        raise SourceError(path, f"cannot be read: {error.strerror}") from error


def decode(stream: BinaryIO, path: str) -> Source:
    """Read an open file and decode it; `path` is what messages call it.

    UTF-8 is expected; UTF-16 and UTF-32 with a byte order mark, ISO-2022-JP,
    EUC-JP and Shift_JIS (Windows code page 932) are recognised.

    Raises:
        SourceError: there is more than `LARGEST`, or it decodes as none of these.
    """
    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise SourceError(path, f"larger than {LARGEST // 1_000_000} MB, no post; split it")
    text, encoding = _decode(data, path)
    return Source(path, text, encoding, hashlib.blake2b(data, digest_size=16).hexdigest())


def _decode(data: bytes, path: str) -> tuple[str, str]:
    """Return the text and the encoding it was read in; the byte order mark stays in the text."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise SourceError(path, f"begins as {encoding} but breaks at byte {error.start}") from error
    if b"\x1b$" in data or b"\x1b(" in data:
        try:
            return data.decode("iso2022_jp"), "iso2022_jp"
        except UnicodeDecodeError:
            pass  # an escape character in a file of another encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        guess = _japanese_legacy(data)
        if guess is None:
            reason = f"not UTF-8 (byte {error.start}) nor Shift_JIS, EUC-JP or UTF-16; save it as UTF-8"
            raise SourceError(path, reason) from error
        return guess


def _japanese_legacy(data: bytes) -> tuple[str, str] | None:
    """Return `data` as EUC-JP or Shift_JIS, whichever reads as Japanese, or None.

    The wrong one of the two mostly fails; where it does not, it shows as
    half-width katakana, which people hardly write.
    """
    best: tuple[float, str, str] | None = None
    for encoding in ("euc_jp", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        letters = max(1, sum(ord(c) > 127 for c in text))
        score = (len(_KANA.findall(text)) - 2 * len(_HALF_KANA.findall(text))) / letters
        if score > 0.1 and (best is None or score > best[0]):
            best = (score, text, encoding)
    return best[1:] if best else None
