"""Summaries as Markdown to read and as JSON to work with. The same summary gives the same bytes.

JSON, by `schema` "kb-summary/1":

    {"schema": "kb-summary/1", "topics": [{
      "slug", "names": {"ja", "en"}, "parent": slug or null, "discovered": bool,
      "claims": n, "posts": n, "period": {"first", "last"} or null,
      "sections": [{"kind", "claims": [{
        "claim": key, "text", "certainty", "holder", "score", "evidence": [strings],
        "occurrences": [{"post", "post_key", "title", "date", "start", "end", "spans", "quote"}]}]}],
      "sources": [{"post", "post_key", "title", "date", "claims": n}]}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from kb.export.summary import ClaimRow, Summary
from kb.records import Occurrence

SCHEMA = "kb-summary/1"
_KINDS = {"fact": "事実 Facts", "forecast": "予測 Forecasts", "opinion": "見解 Opinions", "advice": "提言 Advice"}
_NOTES = {"hedged": "断定を避けた文 hedged"}

_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_BLOCK = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=])")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp)://|\b(www)\.")


def markdown_text(text: str) -> str:
    """Return `text` so that Markdown shows it as it is: one line, no mark-up, nothing that turns the line around."""
    flat = _UNSHOWN.sub("", " ".join(text.split()))
    safe = _MARKUP.sub(r"\\\1", flat.replace("&", "&amp;"))
    safe = _AUTOLINK.sub(lambda m: f"{m[1]}&#58;//" if m[1] else f"{m[2]}&#46;", safe)
    return _BLOCK.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", safe)


def render_md(summaries: Sequence[Summary]) -> str:
    """Return summaries as one Markdown document: a claim a line, its sources behind it."""
    return "\n---\n\n".join(_document(one) for one in summaries)


def render_json(summaries: Sequence[Summary]) -> str:
    """Return summaries as JSON of the shape above."""
    data = {"schema": SCHEMA, "topics": [_plain(one) for one in summaries]}
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _document(summary: Summary) -> str:
    names = summary.topic.names
    title = " / ".join(markdown_text(name) for name in dict.fromkeys((names["ja"], names["en"])) if name)
    lines = [f"# {title}", ""]
    if not summary.claims:
        return "\n".join([*lines, "この話題の主張はまだありません。 No claim is assigned to this topic yet.", ""])
    when = f", {_day(summary.period[0])} – {_day(summary.period[1])}" if summary.period else ""
    lines += [f"{summary.claims} claims, {len(summary.sources)} posts{when}", ""]
    for section in summary.sections:
        lines += [f"## {_KINDS[section.kind]} ({len(section.lines)})", ""]
        for claim in section.lines:
            lines += _claim(claim)
        lines.append("")
    lines += ["## 出典 Sources", ""]
    for source in summary.sources:
        day = f", {_day(source.date)}" if source.date else ""
        lines.append(f"- {_link(source.title, source.post)} — {_code(source.post)}{day}: {source.claims} claims")
    return "\n".join([*lines, ""])


def _claim(claim: ClaimRow) -> list[str]:
    """Return the line of a claim: its first place behind it, the others beneath."""
    notes = [_NOTES[claim.certainty]] if claim.certainty in _NOTES else []
    if claim.holder != "author":
        notes.append(markdown_text(claim.holder))
    aside = f" ({'; '.join(notes)})" if notes else ""
    key = f"claim {_code(claim.key)}"
    first, *others = [_source(place) for place in claim.occurrences] or ["no source"]
    return [f"- {markdown_text(claim.text)}{aside} — {first}, {key}", *(f"    - {other}" for other in others)]


def _source(place: Occurrence) -> str:
    day = f", {_day(place.date)}" if place.date else ""
    spans = ", ".join(f"{a}–{b}" for a, b in place.spans)
    return f"{_link(place.title, place.post)} ({_code(place.post)}{day}, {spans})"


def _link(title: str, path: str) -> str:
    return f"[{markdown_text(title) or _code(path)}]({quote(path, safe='/')})"


def _code(text: str) -> str:
    """Return `text` as a code span, whatever back-quotes it holds (CommonMark 0.31, 6.1)."""
    flat = _UNSHOWN.sub("", " ".join(text.split()))
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat[:1] == "`" or flat[-1:] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _day(date: str) -> str:
    return markdown_text(date[:10])


def _plain(summary: Summary) -> dict[str, Any]:
    topic = summary.topic
    return {
        "slug": topic.slug,
        "names": dict(topic.names),
        "parent": topic.parent,
        "discovered": topic.discovered,
        "claims": summary.claims,
        "posts": len(summary.sources),
        "period": {"first": summary.period[0], "last": summary.period[1]} if summary.period else None,
        "sections": [
            {"kind": section.kind, "claims": [_plain_claim(claim) for claim in section.lines]}
            for section in summary.sections
        ],
        "sources": [
            {"post": s.post, "post_key": s.key, "title": s.title, "date": s.date, "claims": s.claims}
            for s in summary.sources
        ],
    }


def _plain_claim(claim: ClaimRow) -> dict[str, Any]:
    return {
        "claim": claim.key,
        "text": claim.text,
        "certainty": claim.certainty,
        "holder": claim.holder,
        "score": claim.score,
        "evidence": list(claim.evidence),
        "occurrences": [_plain_place(place) for place in claim.occurrences],
    }


def _plain_place(place: Occurrence) -> dict[str, Any]:
    whole = asdict(place)
    order = ("post", "post_key", "title", "date", "start", "end", "spans", "quote")
    return {name: whole[name] for name in order}
