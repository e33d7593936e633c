"""Inline mark-up: a passage's text without it, and where each character came from."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What disappears whole, and what loses its wrapping only (the group named `keep` stays).
_INLINE = re.compile(
    r"!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)"  # image
    r"|\[(?P<link>(?:[^\[\]\n]|\[[^\[\]\n]{0,200}\]){0,1000})\](?:\([^()\n]{0,2000}(?:\([^()\n]{0,500}\)[^()\n]{0,500})?\)|\[[^\]\n]{0,200}\])"
    r"|\[\^[^\]\n]{1,80}\]:?"  # footnote
    r"|<(?:https?|mailto):[^>\s]{1,2000}>"  # autolink
    r"|<!--.{0,5000}?-->"
    r"|</?[A-Za-z][A-Za-z0-9-]{0,30}(?:\s[^<>]{0,1000})?/?>"  # HTML tag
    r"|\{%.{0,1000}?%\}|\{\{.{0,1000}?\}\}|\{::?[^{}\n]{0,500}\}"  # Liquid and kramdown
    r"|(?<!`)(?P<ticks>`++)(?P<code>[^\n]{0,1000}?[^`\n])(?P=ticks)(?!`)"
    r"|\*{1,3}|(?<![A-Za-z0-9])_{1,3}|_{1,3}(?![A-Za-z0-9])|~~"
    r"|\\(?=[!-/:-@\[-`{-~])",
    re.DOTALL,
)
_SPECIAL = re.compile(
    r"[*_`\[<{~\\!\s\u200b\u2060\ufeff\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPACE = re.compile(r"[\s\u200b\u2060\ufeff]+")
_INK = re.compile(r"[^\s\u200b\u2060\ufeff]+")
_UNMARKED = re.compile(rb"\0+")
_UNSHOWN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Plain:
    """Text without mark-up. `at[i]` is the place in the source of character i."""

    text: str
    at: tuple[int, ...] | range

    def slice(self, start: int, end: int) -> Plain:
        """Return the characters from `start` to `end`, with their places."""
        return Plain(self.text[start:end], self.at[start:end])


def strip_markup(text: str, pieces: list[tuple[int, int]]) -> Plain:
    """Return the plain text of `text` at `pieces`, the content lines of one passage.

    Line breaks between Japanese characters vanish, others become one space, as
    a browser shows them.
    """
    if len(pieces) == 1:
        start, end = pieces[0]
        if not _SPECIAL.search(text, start, end):
            return Plain(text[start:end], range(start, end))
    joined = "\n".join(text[a:b] for a, b in pieces)
    places: list[int] = []
    for a, b in pieces:
        places.extend(range(a, b))
        places.append(b)  # the line break after it
    return _squeeze(joined, places, _marked(joined))


def _marked(joined: str) -> bytearray:
    """Return a flag per character: 1 where it is mark-up."""
    marked = bytearray(len(joined))
    for match in _INLINE.finditer(joined):
        a, b = match.span()
        keep = "link" if match["link"] is not None else "code" if match["code"] is not None else None
        if keep:
            inner_a, inner_b = match.span(keep)
            marked[a:inner_a] = b"\1" * (inner_a - a)
            marked[inner_b:b] = b"\1" * (b - inner_b)
            if keep == "link":
                inner = _marked(joined[inner_a:inner_b])
                marked[inner_a:inner_b] = inner
        else:
            marked[a:b] = b"\1" * (b - a)
    for match in _UNSHOWN.finditer(joined):
        marked[match.start()] = 1
    return marked


def _squeeze(joined: str, places: list[int], marked: bytearray) -> Plain:
    """Drop the marked characters and fold white space."""
    parts: list[str] = []
    at: list[int] = []
    gap = -1  # place of pending white space
    broken = False  # whether that white space holds a line break
    for run in _UNMARKED.finditer(marked):
        here, stop = run.span()
        while here < stop:
            ink = _INK.search(joined, here, stop)
            start, end = ink.span() if ink else (stop, stop)
            if start > here:
                gap = here if gap < 0 else gap
                broken = broken or "\n" in joined[here:start]
            if ink:
                wide = broken and parts and ord(parts[-1][-1]) > 0x2E7F and ord(joined[start]) > 0x2E7F
                if gap >= 0 and parts and not wide:
                    parts.append(" ")
                    at.append(places[gap])
                gap, broken = -1, False
                parts.append(joined[start:end])
                at.extend(places[start:end])
            here = end
    return Plain("".join(parts), tuple(at))
