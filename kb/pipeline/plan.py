"""What a build has to do: which files are new, changed, unchanged or gone, and what they are called.

A post is the file at `root/path`, always. Its path is relative to the folder
it was found in. Where another folder's post bears that name already, the
newcomer takes the name of its own folder in front (`notes/x.md`; its root is
then the folder above), and more of the way up if need be: names once given
stay, for links and citations use them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kb import posts
from kb.errors import SourceError
from kb.posts import Fault

_MANY = 5  # posts that do not all go between two builds, unless the folder is not what it was


class Known(NamedTuple):
    """A post as the database has it."""

    id: int
    root: str
    path: str
    content_hash: str
    reading: str
    fault: str

    @property
    def file(self) -> Path:
        """Return where the post's file was."""
        return Path(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Job:
    """A file to read, and the root and path to store it under."""

    file: Path
    root: str
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build has to do. `read` are new and changed files, `new` is how many of them are new."""

    read: tuple[Job, ...]
    new: int
    unchanged: int
    remove: tuple[int, ...]
    move: tuple[tuple[int, str], ...]
    faults: tuple[Fault, ...]


def make(
    sources: Sequence[Path],
    known: Iterable[Known],
    reading: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Plan:
    """Compare the files under `sources` with what the database knows.

    A post under one of the folders whose file is gone is removed; a file that
    is there and cannot be read keeps the reading it had. Posts of other folders
    are left alone.

    Args:
        sources: folders and files.
        known: the posts of the database.
        reading: fingerprint of the settings; posts read under another are read again.
        progress: told after each file: (done, total).

    Raises:
        SourceError: none of the sources exists.
    """
    found, folders, faults = _find(sources)
    known = list(known)
    moves = _moved(found, folders, known)
    new_roots = dict(moves)
    placed = [post._replace(root=new_roots.get(post.id, post.root)) for post in known]
    stored = {post.file: post for post in placed}
    unread = [Path(fault.path).resolve() for fault in faults if fault.reason.startswith(posts.UNLISTED)]
    for folder, held in _emptied(folders, found, stored):
        unread.append(folder)
        kept = f"holds no Markdown post any more; the {held} that were read from it are kept: is it mounted?"
        faults.append(Fault(_shown(str(folder)), f"{kept} To start anew, delete the database"))
    gone = [p for file, p in stored.items() if file not in found and _is_gone(file, folders, unread)]
    taken = {p.path for p in stored.values()} - {p.path for p in gone}
    jobs, new, unchanged = [], 0, 0
    for done, (file, item) in enumerate(found.items(), 1):
        old = stored.get(file)
        root, path = (old.root, old.path) if old else _name(file, item, taken)
        taken.add(path)
        try:
            content_hash = _content_hash(file, root, path)
        except SourceError as error:
            kept = "; its last good reading is kept" if old else ""
            faults.append(Fault(_shown(path), error.reason + kept))
        else:
            if old is not None and (old.content_hash, old.reading) == (content_hash, reading):
                unchanged += 1
                if old.fault:
                    faults.append(Fault(path, old.fault))
            else:
                jobs.append(Job(file, root, path))
                new += old is None
        progress(done, len(found))
    return Plan(tuple(jobs), new, unchanged, tuple(p.id for p in gone), moves, tuple(faults))


def _content_hash(file: Path, root: str, path: str) -> str:
    """Return the hash of a file's bytes.

    Raises:
        SourceError: it cannot be read, decoded, or named in the database.
    """
    if file.exists() and not file.is_file():
        raise SourceError(path, "is no regular file")  # reading a pipe would wait for ever
    try:
        Path(root, path).as_posix().encode("utf-8")
    except UnicodeEncodeError:
        raise SourceError(path, "its name is not UTF-8; rename it") from None
    return posts.load(file, path).content_hash


def _find(sources: Sequence[Path]) -> tuple[dict[Path, Path], list[Path], list[Fault]]:
    """Return {file: the folder it was found in}, the folders that were searched, and what stands in the way."""
    found: dict[Path, Path] = {}
    folders: list[Path] = []
    faults: list[Fault] = []
    seen: set[Path] = set()
    missing: SourceError | None = None
    reached = 0
    for source in sources:
        try:
            items, troubles = posts.find([source])
        except SourceError as error:
            missing = error
            faults.append(Fault(error.path, error.reason))
            continue
        reached += 1
        faults.extend(troubles)
        if source.is_dir():
            folders.append(source.resolve())
        for item in items:
            if item.file.resolve() not in seen:
                seen.add(item.file.resolve())
                root = item.root.resolve()
                found.setdefault(root / item.path, root)
    if missing is not None and not reached:
        raise missing
    return found, folders, faults


def _emptied(folders: Sequence[Path], found: Mapping[Path, Path], stored: Iterable[Path]) -> list[tuple[Path, int]]:
    """Return the folders in which there is nothing to read where many posts were read before, and how many.

    A disk that is not mounted, or a checkout of the wrong branch, looks like that; one by one posts may all go.
    """
    emptied = []
    for folder in folders:
        held = sum(file.is_relative_to(folder) for file in stored)
        if held >= _MANY and not any(file.is_relative_to(folder) for file in found):
            emptied.append((folder, held))
    return emptied


def _shown(path: str) -> str:
    """Return a path as it can be printed: bytes that are no text become question marks."""
    return path.encode("utf-8", "replace").decode("utf-8")


def _is_gone(file: Path, folders: Sequence[Path], unread: Sequence[Path]) -> bool:
    """Tell whether a post that was not found is one that was searched for and is no longer there.

    Below a folder that could not be listed (`unread`) nobody knows.
    """
    if not any(file.is_relative_to(folder) for folder in folders):
        return False
    if any(file.is_relative_to(folder) for folder in unread):
        return False
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return True


def _name(file: Path, root: Path, taken: set[str]) -> tuple[str, str]:
    """Return (root, path) of a new post: relative to its folder, or to one further up if that name is taken."""
    while True:
        path = file.relative_to(root).as_posix()
        if path not in taken or root == root.parent:
            return str(root), path
        root = root.parent


def _moved(found: dict[Path, Path], folders: Sequence[Path], stored: Sequence[Known]) -> tuple[tuple[int, str], ...]:
    """Return (post id, new root) of the posts whose folder was moved or renamed as a whole.

    That is a folder that is no longer there, at least half of whose posts are
    found at the same place under a folder that the database does not know.
    """
    moves: list[tuple[int, str]] = []
    roots = {post.root for post in stored}
    fresh = [folder for folder in folders if str(folder) not in roots]
    for root in sorted(roots):
        if Path(root).is_dir():
            continue
        members = [post for post in stored if post.root == root]
        for folder in fresh:
            if 2 * sum(folder / post.path in found for post in members) >= len(members):
                moves.extend((post.id, str(folder)) for post in members)
                fresh.remove(folder)
                break
    return tuple(moves)
