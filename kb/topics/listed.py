"""The curated list of topics: reading it, the rules it has to keep, and what is odd about it.

The file is YAML 1.1 (https://yaml.org/spec/1.1/), read node by node: a fault is
told with the line and the field it stands in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kb.errors import DataFileError
from kb.records import Topic
from kb.topics.spelling import fold, parts_of

_FIELDS = ("slug", "names", "aliases", "seeds", "exclude", "parent")
_LANGUAGES = ("ja", "en")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_SLUG = 80
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # controls, bidirectional marks, halves of pairs: nothing to read


def load(path: Path) -> tuple[Topic, ...]:
    """Read a file of topics, its own rules checked.

    Raises:
        DataFileError: names the file, the line and the field that breaks a rule.
    """
    return read(path)[0]


def read(path: Path) -> tuple[tuple[Topic, ...], tuple[str, ...]]:
    """Read a file of topics; return them and notes on what is allowed and odd, a line each.

    Raises:
        DataFileError: names the file, the line and the field that breaks a rule.
    """
    import yaml

    root = _root(path)
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
    return tuple(found), tuple(_shared(path, found, lines))


def _root(path: Path) -> Any:
    """Return the root node of a file, or None where the file is empty."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(path.read_text("utf-8-sig"), loader)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataFileError(f"{path}:{line}: cannot be read: not UTF-8; save it as UTF-8") from error
    except RecursionError:
        raise DataFileError(f"{path}: cannot be read: lists nested too deeply; it holds one list of topics") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise DataFileError(f"{path}{where}: cannot be read: not YAML: {what}") from error


def _fault(path: Path, node: Any, field: str, reason: str) -> DataFileError:
    return DataFileError(f"{path}:{node.start_mark.line + 1}: {field}: {reason}")


def _mapping(path: Path, node: Any, field: str, allowed: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the keys and value nodes of a mapping; an unknown or repeated key is a fault."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise _fault(path, node, field, f"expected the keys {', '.join(allowed)}")
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value not in allowed:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else field
            raise _fault(path, key, name, f"unknown key; there are: {', '.join(allowed)}")
        if key.value in seen:
            raise _fault(path, key, key.value, "stands here twice")
        seen.add(key.value)
        yield key.value, value


def _scalar(path: Path, node: Any, field: str) -> str:
    """Read a word or phrase; on one line, and of characters that can be seen."""
    import yaml

    given = unicodedata.normalize("NFC", node.value) if isinstance(node, yaml.ScalarNode) else ""
    text = " ".join(given.split())
    if not text or node.tag.endswith(":null"):
        raise _fault(path, node, field, "expected a word or phrase")
    hidden = next((c for c in text if unicodedata.category(c) in _HIDDEN), None)
    if hidden is not None:
        raise _fault(path, node, field, f"holds U+{ord(hidden):04X}, a character that cannot be seen; take it out")
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
    if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST_SLUG:
        rule = f"must be lower-case Latin letters, digits and hyphens, {_LONGEST_SLUG} at most"
        raise _fault(path, fields["slug"], "slug", f"{slug!r} {rule}")
    given = _mapping(path, fields["names"], "names", _LANGUAGES)
    names = {language: _scalar(path, value, f"names.{language}") for language, value in given}
    for language in _LANGUAGES:
        if language not in names:
            raise _fault(path, fields["names"], f"names.{language}", "is missing")
    lists = {f: _phrases(path, fields[f], f) if f in fields else () for f in ("aliases", "seeds", "exclude")}
    if not lists["aliases"] and not lists["seeds"]:
        raise _fault(path, node, "aliases", "a topic needs aliases or seeds, or no claim can belong to it")
    for name in ("aliases", "exclude"):
        for item, phrase in zip(fields[name].value if name in fields else (), lists[name], strict=False):
            short = [part for part in (parts_of(phrase) if name == "aliases" else (phrase,)) if len(fold(part)) < 2]
            if short:
                raise _fault(path, item, name, f"{short[0]!r} is too short to name anything")
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


def _shared(path: Path, topics: Sequence[Topic], lines: dict[str, int]) -> Iterator[str]:
    """Yield a note for each name that two topics share: an alias, or what a reader sees.

    A claim may be about several topics, so that an alias of two is allowed; mostly it is a slip.
    """
    owners: dict[tuple[str, str], str] = {}
    for topic in topics:
        shown = [(f"names.{language}", name) for language, name in topic.names.items()]
        for field, phrase in [*(("aliases", alias) for alias in topic.aliases), *shown]:
            other = owners.setdefault((field, fold(phrase)), topic.slug)
            if other != topic.slug:
                line = lines[topic.slug]
                yield f"{path}:{line}: {field}: {phrase!r} of {topic.slug} is one of {other} too; claims go to both"
