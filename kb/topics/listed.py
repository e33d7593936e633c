"""The curated list of topics: reading it, and the rules it has to keep."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kb.errors import DataFileError
from kb.records import Topic
from kb.topics.spelling import fold

_FIELDS = ("slug", "names", "aliases", "seeds", "exclude", "parent")
_LANGUAGES = ("ja", "en")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def load(path: Path) -> tuple[Topic, ...]:
    """Read a file of topics, its own rules checked.

    Raises:
        DataFileError: names the file, the line and the field that breaks a rule.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(path.read_text("utf-8"), loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataFileError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    top = dict(_mapping(path, root, "file", ("topics",))) if root is not None else {}
    if "topics" not in top or not isinstance(top["topics"], yaml.SequenceNode):
        raise DataFileError(f"{path}:1: topics: expected a list of topics under this key")
    lines: dict[str, int] = {}
    found: list[Topic] = []
    for node in top["topics"].value:
        topic = _topic(path, node)
        line = node.start_mark.line + 1
        if topic.slug in lines:
            raise DataFileError(f"{path}:{line}: slug: {topic.slug} is taken by the topic of line {lines[topic.slug]}")
        lines[topic.slug] = line
        found.append(topic)
    _check_parents(path, found, lines)
    return tuple(found)


def _fault(path: Path, node: Any, field: str, reason: str) -> DataFileError:
    return DataFileError(f"{path}:{node.start_mark.line + 1}: {field}: {reason}")


def _mapping(path: Path, node: Any, field: str, allowed: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the keys and value nodes of a mapping; an unknown or repeated key is a fault."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise _fault(path, node, field, f"expected the keys {', '.join(allowed)}")
    seen = set()
    for key, value in node.value:
        if key.value not in allowed:
            raise _fault(path, key, str(key.value), f"unknown key; there are: {', '.join(allowed)}")
        if key.value in seen:
            raise _fault(path, key, key.value, "stands here twice")
        seen.add(key.value)
        yield key.value, value


def _scalar(path: Path, node: Any, field: str) -> str:
    import yaml

    text = unicodedata.normalize("NFC", node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
    if not text or node.tag.endswith(":null"):
        raise _fault(path, node, field, "expected a word or phrase")
    return text


def _phrases(path: Path, node: Any, field: str) -> tuple[str, ...]:
    import yaml

    if not isinstance(node, yaml.SequenceNode):
        raise _fault(path, node, field, "expected a list; write each entry on a line of its own after '- '")
    return tuple(dict.fromkeys(_scalar(path, item, field) for item in node.value))


def _topic(path: Path, node: Any) -> Topic:
    """Read one topic."""
    fields = dict(_mapping(path, node, "topic", _FIELDS))
    for needed in ("slug", "names"):
        if needed not in fields:
            raise _fault(path, node, needed, "is missing")
    slug = _scalar(path, fields["slug"], "slug")
    if not _SLUG.fullmatch(slug):
        raise _fault(path, fields["slug"], "slug", f"{slug!r} must be lower-case Latin letters, digits and hyphens")
    given = _mapping(path, fields["names"], "names", _LANGUAGES)
    names = {language: _scalar(path, value, f"names.{language}") for language, value in given}
    for language in _LANGUAGES:
        if language not in names:
            raise _fault(path, fields["names"], f"names.{language}", "is missing")
    lists = {f: _phrases(path, fields[f], f) if f in fields else () for f in ("aliases", "seeds", "exclude")}
    if not lists["aliases"] and not lists["seeds"]:
        raise _fault(path, node, "aliases", "a topic needs aliases or seeds, or no claim can belong to it")
    for name in ("aliases", "exclude"):
        for phrase in lists[name]:
            if len(fold(phrase)) < 2:
                raise _fault(path, fields[name], name, f"{phrase!r} is too short to name anything")
    parent = _scalar(path, fields["parent"], "parent") if "parent" in fields else None
    return Topic(slug, names, lists["aliases"], lists["seeds"], lists["exclude"], parent)


def _check_parents(path: Path, topics: Sequence[Topic], lines: dict[str, int]) -> None:
    """See that parents exist and that no topic stands above itself."""
    above = {topic.slug: topic.parent for topic in topics}
    for topic in topics:
        if topic.parent is not None and topic.parent not in above:
            raise DataFileError(f"{path}:{lines[topic.slug]}: parent: there is no topic {topic.parent}")
        chain = [topic.slug]
        while (parent := above[chain[-1]]) is not None:
            if parent in chain:
                ring = " > ".join([*chain[chain.index(parent) :], parent])
                raise DataFileError(f"{path}:{lines[topic.slug]}: parent: goes round in a ring: {ring}")
            chain.append(parent)
