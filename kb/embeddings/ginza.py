"""The files of the ja-ginza package, read with NumPy alone: importing spaCy would cost seconds.

`vocab/vectors` is a NumPy array, one row of 300 numbers a vector. `vocab/key2row`
is a MessagePack map (https://github.com/msgpack/msgpack/blob/master/spec.md)
from the hash of a word to its row, commonest word first. The first words own
the rows in order; every later word was given the row of its nearest neighbour
among them when the package's authors pruned the table.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelError

_PACKAGE = "ja_ginza"
_WIDTHS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}  # MessagePack's unsigned integers


class WordVectors(NamedTuple):
    """`keys` (n,) uint64 hashes by falling frequency, `rows` (n,) int32 of each in `table` (r, dim) float32."""

    keys: NDArray[np.uint64]
    rows: NDArray[np.int32]
    table: NDArray[np.float32]


def find_vocab() -> Path:
    """Return the folder of the installed vectors, without importing anything of the package.

    Raises:
        ModelError: the package is not installed, or holds no vectors.
    """
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        for vocab in sorted(Path(place).glob(f"{_PACKAGE}-*/vocab")):
            if (vocab / "vectors").is_file() and (vocab / "key2row").is_file():
                return vocab
    raise ModelError("the word vectors of the default encoder are not installed; run: pip install ja-ginza")


def package_version(name: str) -> str:
    """Return the version of an installed distribution, or "unknown"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def read_vectors(vocab: Path) -> WordVectors:
    """Read the words and vectors below `vocab`.

    Raises:
        ModelError: a file is missing or damaged.
    """
    try:
        packed = (vocab / "key2row").read_bytes()
        table = np.load(vocab / "vectors", mmap_mode="r", allow_pickle=False)
        keys, rows = unpack_key2row(packed)
    except (OSError, EOFError, ValueError) as error:
        raise ModelError(f"{vocab}: the word vectors are damaged ({error}); reinstall ja-ginza") from error
    if table.ndim != 2 or table.dtype != np.float32 or not len(rows) or int(rows.max()) >= len(table):
        raise ModelError(f"{vocab}: the word vectors do not fit their index; reinstall ja-ginza")
    return WordVectors(keys, rows, table)


def unpack_key2row(packed: bytes) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Return keys (n,) and rows (n,) of a MessagePack map of unsigned integers.

    Nearly all entries are 12 bytes long (a 64-bit key, a 16-bit row); those are
    read a run at a time, the others one by one: 25 ms where a general reader
    needs 170 and an import.

    Raises:
        ValueError: `packed` is something else, or cut off.
    """
    if len(packed) < 5 or packed[0] != 0xDF:
        raise ValueError("key2row is not a MessagePack map")
    size = int.from_bytes(packed[1:5], "big")
    if size > len(packed):
        raise ValueError("key2row is cut off")
    keys, rows = np.empty(size, np.uint64), np.empty(size, np.int32)
    data = np.frombuffer(packed, np.uint8)
    place, done = 5, 0
    while done < size:
        run = _run(data[place:], size - done)
        if len(run):
            keys[done : done + len(run)] = np.ascontiguousarray(run[:, 1:9]).view(">u8")[:, 0]
            rows[done : done + len(run)] = np.ascontiguousarray(run[:, 10:12]).view(">u2")[:, 0]
            place, done = place + 12 * len(run), done + len(run)
            continue
        key, place = _unsigned(packed, place)
        row, place = _unsigned(packed, place)
        if row > np.iinfo(np.int32).max:
            raise ValueError("key2row holds an impossible row")
        keys[done], rows[done] = key, row
        done += 1
    if place != len(packed):
        raise ValueError("key2row goes on after its end")
    return keys, rows


def _run(data: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """Return the longest run (m, 12) of common entries at the start of `data`, looking a little further each time."""
    entries = data[: len(data) // 12 * 12].reshape(-1, 12)[:most]
    checked, step = 0, 64
    while checked < len(entries):
        piece = entries[checked : checked + step]
        common = (piece[:, 0] == 0xCF) & (piece[:, 9] == 0xCD)
        if not common.all():
            return entries[: checked + int(common.argmin())]
        checked, step = checked + len(piece), step * 2
    return entries


def _unsigned(packed: bytes, place: int) -> tuple[int, int]:
    """Return the MessagePack unsigned integer at `place`, and the place after it."""
    if place >= len(packed):
        raise ValueError("key2row is cut off")
    mark = packed[place]
    if mark < 0x80:
        return mark, place + 1
    width = _WIDTHS.get(mark)
    end = place + 1 + (width or 0)
    if width is None or end > len(packed):
        raise ValueError("key2row is cut off or holds something that is not an unsigned integer")
    return int.from_bytes(packed[place + 1 : end], "big"), end
