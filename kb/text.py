"""Words and folding: what every stage needs to know about Japanese text.

Words come from Sudachi (https://github.com/WorksApplications/SudachiPy).
Folding follows Unicode NFKC (UAX #15) and case folding, so that full- and
half-width forms compare equal. White space never separates words here.
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache, partial
from operator import methodcaller
from typing import Any

from kb.records import Token

_CHUNK = 10_000  # Sudachi refuses inputs of more than 49,149 bytes
_SHORT = 1_000  # characters; what is longer is no sentence and not worth remembering
_MADE_UP = 0x0FFFFFFF  # numbers from here on are of words that stand in no dictionary, or were joined from several
_Entry = tuple[tuple[str, ...], str, str, tuple[str, ...]]  # part of speech, dictionary form, normalised form, units
_entries: dict[int, _Entry] = {}  # by the dictionary's number: asking Sudachi for all of it costs more than reading
_local = threading.local()
_lock = threading.Lock()
_dictionary: Any = None

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_MARKUP = re.compile(r"[\s*_#>|`~\\]+")
_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uff66-\uff9f]+")
_end, _number = methodcaller("end"), methodcaller("word_id")
_token = partial(tuple.__new__, Token)  # half the cost of the class's own constructor


def sudachi(mode: str = "C") -> Any:
    """Return this thread's Sudachi tokeniser of a split mode ("A", "B" or "C"); the dictionary is shared."""
    global _dictionary
    made: dict[str, Any] = _local.__dict__
    if mode not in made:
        from sudachipy import dictionary

        with _lock:
            if _dictionary is None:
                _dictionary = dictionary.Dictionary(dict="core")
        made[mode] = _dictionary.create(mode=mode)
    return made[mode]


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, piece) that Sudachi accepts, cut at line or sentence ends if it can be."""
    start = 0
    while len(text) - start > _CHUNK:
        window = text[start : start + _CHUNK]
        cut = max(window.rfind(mark) for mark in "\n。！？ 、") + 1
        cut = cut if cut > _CHUNK // 2 else _CHUNK
        yield start, text[start : start + cut]
        start += cut
    if start < len(text):
        yield start, text[start:]


def tokens(text: str) -> tuple[Token, ...]:
    """Return the words of `text` (Sudachi mode C), white space left out.

    The last sentences are remembered: a claim is labelled, indexed and searched
    for names one right after the other.
    """
    return _remembered(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> tuple[Token, ...]:
    """Return the words of `text`."""
    tokenizer = sudachi()
    found: list[Token] = []
    text = _SURROGATE.sub("\ufffd", text)  # a lone half of a pair cannot be given to Sudachi
    for offset, piece in _chunks(text):
        words = list(tokenizer.tokenize(piece))
        # One sweep a question, all in C: in a loop over the words this would take as long as Sudachi itself.
        ends = list(map(_end, words))
        known = list(map(_entries.get, map(_number, words)))
        entries = [entry or _entry(word) for entry, word in zip(known, words, strict=True)]
        begin = 0
        for end, (pos, lemma, norm, units) in zip(ends, entries, strict=True):  # words follow without a gap
            if pos[0] != "空白":
                found.append(_token((piece[begin:end], begin + offset, end + offset, pos, lemma, norm, units)))
            begin = end
    return tuple(found)


def _entry(word: Any) -> _Entry:
    """Return what the dictionary says of a word, or what Sudachi made up where it holds no such word.

    The former is remembered.
    """
    pos = word.part_of_speech()
    norm = word.normalized_form()
    units: tuple[str, ...] = (norm,)
    if word.end() - word.begin() > 1 and pos[0] == "名詞":
        parts = word.split("A")
        if len(parts) > 1:
            units = tuple(p.normalized_form() for p in parts)
    entry = pos, word.dictionary_form(), norm, units
    number = word.word_id()
    if number < _MADE_UP:
        _entries[number] = entry
    return entry


_remembered = lru_cache(maxsize=1024)(_read)


def normal_forms(text: str) -> list[str]:
    """Return the normalised forms of the words of `text`: `tokens` without the rest, in half the time."""
    tokenizer = sudachi()
    found: list[str] = []
    for _, piece in _chunks(_SURROGATE.sub("\ufffd", text)):
        found += [m.normalized_form() for m in tokenizer.tokenize(piece)]
    return [word for word in found if not word.isspace()]


def short_units(word: str) -> list[str]:
    """Return the normalised short units (mode A) that the dictionary divides `word` into, [] where it does not."""
    found = sudachi().tokenize(_SURROGATE.sub("\ufffd", word)[:_CHUNK])
    if len(found) != 1:
        return []
    parts = found[0].split("A")
    return [part.normalized_form() for part in parts] if len(parts) > 1 else []


def fold(text: str) -> str:
    """Return `text` as compared: NFKC, case folded, without mark-up and white space."""
    return _MARKUP.sub("", unicodedata.normalize("NFKC", text)).casefold()


def text_hash(text: str) -> str:
    """Return a 128-bit hex hash of `text`, the key of stored vectors."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def short_key(*parts: str) -> str:
    """Return a 60-bit base-32 key of `parts`: the same on every machine and in every build."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    value = int.from_bytes(digest, "big") >> 4
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(alphabet[(value >> shift) & 31] for shift in range(55, -1, -5))


def is_japanese(text: str) -> bool:
    """Tell whether `text` is to be read as Japanese: one letter in ten is enough."""
    japanese = sum(map(len, _JAPANESE.findall(text))) * 10
    if japanese >= len(text):  # of which the letters are a part
        return any(map(str.isalpha, text))
    return 0 < sum(map(str.isalpha, text)) <= japanese


def reading(text: str) -> str:
    """Return how `text` is read aloud, in katakana where Sudachi knows it; Latin letters and digits as they stand."""
    tokenizer = sudachi()
    found = []
    for _, piece in _chunks(_SURROGATE.sub("\ufffd", text)):
        for m in tokenizer.tokenize(piece):
            found.append(m.surface() if m.surface().isascii() else m.reading_form())
    return "".join(found)
