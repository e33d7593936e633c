"""Text of posts made safe for Markdown: shown as it is, never read as mark-up."""

from __future__ import annotations

import html
import re

from kb.export.words import shown

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])|(?<=([%=]))\2|([%=])(?=\3)")
_LIQUID = re.compile(r"\\\{(?=%)")  # Jekyll looks for {% before it looks at Markdown
_BLOCK = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=])")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp)://|\b(www)\.")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|(&(?:#\d{1,7}|\w{1,31});)")


def markdown_text(text: str) -> str:
    """Return `text` so that Markdown shows it as it is: one line, no mark-up, nothing that turns the line around."""
    safe = _MARKUP.sub(r"\\\g<0>", shown(text).replace("&", "&amp;"))
    safe = _LIQUID.sub("&#123;", safe)
    safe = _AUTOLINK.sub(lambda m: f"{m[1]}&#58;//" if m[1] else f"{m[2]}&#46;", safe)
    return _BLOCK.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", safe)


def unescaped(markdown: str) -> str:
    """Return the text that `markdown_text` was given, white space and what is not shown aside."""
    return _ESCAPED.sub(lambda m: m[1] or html.unescape(m[2]), markdown)


def code(text: str) -> str:
    """Return `text` as a code span, whatever back-quotes it holds (CommonMark 0.31, 6.1)."""
    flat = shown(text)
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat[:1] == "`" or flat[-1:] == "`" or (flat[:1] == " " and flat[-1:] == " ") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"
