"""Summaries as JSON to work with, by the schema in `data/export/summary.schema.json`.

The parts that digest a topic name claims by key; the claims themselves, all of
them and whole, stand in `sections` (and in `others`, where one that the topic
does not hold contradicts one that it does).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from kb.export.records import Abstract, Claim, Figure, Quoted, Summary, When
from kb.records import Occurrence

SCHEMA = "kb-summary/1"
# What turns a line around or cannot be seen is written by its number, so that the file shows all that it holds.
_HIDDEN = re.compile(
    r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def render_json(summaries: Sequence[Summary], lang: str = "", *, full: bool = True) -> str:
    """Return summaries as JSON; always all of it, in no language but that of the posts."""
    return dump({"schema": SCHEMA, "topics": [_summary(one) for one in summaries]})


def dump(data: Any) -> str:
    """Return indented JSON, Japanese unescaped, characters that hide escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return _HIDDEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text) + "\n"


def _summary(summary: Summary) -> dict[str, Any]:
    subject = summary.subject
    held = {claim.key for section in summary.sections for claim in section.claims}
    others = [claim for key, claim in sorted(summary.every().items()) if key not in held]
    return {
        "slug": subject.slug,
        "names": dict(subject.names),
        "kind": subject.kind,
        "parent": subject.parent,
        "discovered": subject.discovered,
        "language": summary.language,
        "claims": summary.claims,
        "posts": len(summary.sources),
        "period": {"first": summary.period[0], "last": summary.period[1]} if summary.period else None,
        "abstract": _abstract(summary.abstract) if summary.abstract else None,
        "lead": [claim.key for claim in summary.lead],
        "figures": [{"claim": row.claim.key, "figures": [_figure(f) for f in row.figures]} for row in summary.figures],
        "timeline": [{"claim": row.claim.key, **_when(row.when)} for row in summary.timeline],
        "forecasts": [
            {"claim": row.claim.key, "horizon": _when(row.horizon) if row.horizon else None}
            for row in summary.forecasts
        ],
        "voices": [
            {
                "name": voice.name,
                "kind": voice.kind,
                "entity": voice.key or None,
                "says": voice.says,
                "total": voice.total,
                "claims": [claim.key for claim in voice.claims],
            }
            for voice in summary.voices
        ],
        "conflicts": [
            {"a": c.a.key, "b": c.b.key, "score": c.score, "evidence": list(c.evidence), "state": c.state}
            for c in summary.conflicts
        ],
        "questions": [_quoted(asked) for asked in summary.questions],
        "related": [
            {"slug": r.slug, "names": dict(r.names), "claims": r.claims, "posts": r.posts, "tie": r.tie}
            for r in summary.related
        ],
        "sections": [
            {"kind": section.kind, "claims": [claim_json(claim) for claim in section.claims]}
            for section in summary.sections
        ],
        "others": [claim_json(claim) for claim in others],
        "sources": [
            {"post": s.post, "post_key": s.key, "title": s.title, "date": s.date, "claims": s.claims}
            for s in summary.sources
        ],
    }


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return all that is known of a claim."""
    return {
        "claim": claim.key,
        "text": claim.text,
        "kind": claim.kind,
        "certainty": claim.certainty,
        "holder": claim.holder,
        "language": claim.language,
        "score": claim.score,
        "evidence": list(claim.evidence),
        "occurrences": [place_json(place) for place in claim.places],
        "context": _quoted(claim.context) if claim.context else None,
        "figures": [_figure(figure) for figure in claim.figures],
        "dates": [{**_when(when), "relative": when.relative} for when in claim.dates],
        "names": [{"entity": name.key, "name": name.name, "kind": name.kind} for name in claim.names],
    }


def place_json(place: Occurrence) -> dict[str, Any]:
    """Return one place where something is said."""
    return {
        "post": place.post,
        "post_key": place.post_key,
        "title": place.title,
        "date": place.date,
        "start": place.start,
        "end": place.end,
        "spans": [list(span) for span in place.spans],
        "quote": place.quote,
    }


def _quoted(quoted: Quoted) -> dict[str, Any]:
    return {"text": quoted.text, "place": place_json(quoted.place)}


def _abstract(abstract: Abstract) -> dict[str, Any]:
    return {
        "model": abstract.model,
        "removed": abstract.removed,
        "sentences": [{"text": s.text, "claims": [claim.key for claim in s.claims]} for s in abstract.sentences],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "text": figure.text,
        "start": figure.start,
        "end": figure.end,
        "dimension": figure.dimension,
        "unit": figure.unit,
        "low": figure.low,
        "high": figure.high,
    }


def _when(when: When) -> dict[str, Any]:
    return {"text": when.text, "start": when.start, "end": when.end, "first": when.first, "last": when.last}
