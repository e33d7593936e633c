"""Writing a topic as an entry of a topics file, and putting it at the end of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kb.errors import DataFileError
from kb.records import Topic
from kb.topics.listed import load

HEAD = "# Curated topics; docs/topics.md says what the fields mean. After an edit: kb topics sync\n\ntopics:\n"


def entry(topic: Topic, notes: Mapping[str, str] | None = None, remarks: Iterable[str] = ()) -> str:
    """Return a topic as YAML that `load` reads, an item of the list under `topics`.

    Args:
        topic: curated or discovered.
        notes: alias -> what is said of it behind a #.
        remarks: lines that follow as comments.
    """
    notes = notes or {}
    lines = [
        f"  - slug: {topic.slug}",
        f"    names: {{ja: {_quoted(topic.names['ja'])}, en: {_quoted(topic.names['en'])}}}",
    ]
    for field, phrases in (("aliases", topic.aliases), ("seeds", topic.seeds), ("exclude", topic.exclude)):
        if phrases:
            lines.append(f"    {field}:")
            lines += [f"      - {_quoted(p)}" + (f"  # {_line(notes[p])}" if p in notes else "") for p in phrases]
    if topic.parent:
        lines.append(f"    parent: {topic.parent}")
    lines += [f"    # {_line(remark)}" for remark in remarks]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a phrase as YAML writes it, quoted always: no phrase is then taken for a number, a list or a comment."""
    import yaml

    written = yaml.safe_dump(_line(text), allow_unicode=True, width=1_000_000, default_style='"')
    return str(written).strip()


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def file_of(topics: Sequence[Topic]) -> str:
    """Return a whole file of topics."""
    return HEAD + "\n".join(entry(topic) for topic in topics)


def append(path: Path, written: str) -> None:
    """Put an entry at the end of a topics file, its indentation fitted to the list that is there.

    The file is left as it was if it could not be read afterwards.

    Raises:
        DataFileError: the file is broken, cannot be written, or its list does not stand at its end.
    """
    before = load(path)
    text = path.read_text("utf-8-sig")
    first = next((line for line in text.splitlines() if line.lstrip().startswith("- ")), "  - ")
    shift = " " * (len(first) - len(first.lstrip()))
    fitted = "".join(shift + line[2:] if line.strip() else line for line in written.splitlines(keepends=True))
    whole = text + ("" if text.endswith("\n") else "\n") + "\n" + fitted
    part = path.with_name(path.name + ".new")
    try:
        part.write_text(whole, "utf-8")
        try:
            after = load(part)
        except DataFileError as error:
            why = str(error).replace(str(part), str(path))
            raise DataFileError(f"{why}; nothing was written: put the entry there by hand") from error
        if len(after) != len(before) + 1:
            raise DataFileError(f"{path}: its list of topics is not at its end; put the entry there by hand")
        part.replace(path)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be written: {error.strerror}; name another with --file") from error
    finally:
        part.unlink(missing_ok=True)
