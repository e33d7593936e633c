"""The interface in Japanese and English: `datasette/strings.toml`, and which of the two a reader wants."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import lru_cache

from kb.config import resource
from kb.errors import DataFileError, UsageError

LANGUAGES = ("ja", "en")
ONE = "_one"
# Names made from values of the database, which may be newer than the words.
_OPEN = ("entity_kind_", "form_", "tie_", "action_", "facet_", "ev_", "kind_")
Words = Callable[..., str]
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, str]]:
    """Return the strings by language and name.

    Raises:
        DataFileError: the file is missing or broken, or a name stands in one language only.
    """
    path = resource("datasette", "strings.toml")
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error}") from error
    counted = {name for name in found.get("en", {}) if name.endswith(ONE)}  # Japanese does not tell one from many
    odd = set(found.get("ja", {})) ^ (set(found.get("en", {})) - counted)
    if set(found) != set(LANGUAGES) or odd:
        raise DataFileError(f"{path}: needs [ja] and [en] with the same names; not in both: {', '.join(sorted(odd))}")
    return found


def words(language: str) -> Words:
    """Return a function from a name, and values for its braces, to the text in a language.

    Where `n` is 1, the name with "_one" behind it is taken if there is one. A
    kind of entity, a format or a relation that a newer part of `kb` brought
    stands for itself.
    """
    strings = table()[language]

    def say(name: str, **values: object) -> str:
        if values.get("n") == 1 and name + ONE in strings:
            name += ONE
        prefix = next((one for one in _OPEN if name.startswith(one)), "")
        text = strings.get(name, name.removeprefix(prefix)) if prefix else strings[name]
        return text.format(**values) if values else text

    return say


def language(asked: str | None, cookie: str | None, accepted: str) -> str:
    """Return the language to answer in.

    Args:
        asked: the parameter `lang`, if it was given.
        cookie: what was chosen before, if anything; ignored where it makes no sense.
        accepted: the header Accept-Language (RFC 9110, 12.5.4), or "".

    Raises:
        UsageError: `asked` is no language of the interface.
    """
    if asked is not None:
        if asked not in LANGUAGES:
            raise UsageError(f"lang {asked!r} is none of {', '.join(LANGUAGES)}")
        return asked
    if cookie in LANGUAGES:
        return str(cookie)
    best, weight = LANGUAGES[0], 0.0
    for part in accepted[:1000].split(","):
        match = _RANGE.fullmatch(part)
        if match and match[1].lower() in LANGUAGES and float(match[2] or 1) > weight:
            best, weight = match[1].lower(), float(match[2] or 1)
    if not weight and accepted.strip() and "*" not in accepted:
        return "en"  # a reader of neither is likelier to read English
    return best
