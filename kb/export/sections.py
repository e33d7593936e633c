"""The parts of a summary, made from what is known of a subject: pure functions over its claims."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from kb.config import resource
from kb.errors import DataFileError
from kb.export import lead
from kb.export.records import (
    Claim,
    Conflict,
    Figure,
    FigureRow,
    ForecastRow,
    Material,
    Quoted,
    Section,
    SourcePost,
    Summary,
    TimeRow,
    Voice,
    When,
)
from kb.records import CLAIM_KINDS, Occurrence

VOICES = 10
PER_VOICE = 3
_FORM = 0.6  # what the form of a claim counts for beside its substance, where it is one of many
# The dimensions of figures in the order of their table: money, power, data and computing, shares, then the rest.
_ORDER = {
    name: place
    for place, names in enumerate(
        (
            ("dollar", "yen", "euro", "pound", "won", "yuan", "rupee", "twd"),
            ("power", "energy", "volt"),
            ("flops", "bytes", "bitrate", "hertz", "parameter", "token", "core", "length"),
            ("ratio", "times", "rate"),
            ("person", "company", "machine", "unit", "household", "case", "count", "number"),
        )
    )
    for name in names
}


@cache
def _rules() -> Mapping[str, Any]:
    """Load `data/export/parts.toml`, its patterns compiled."""
    path = resource("data", "export", "parts.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        return {
            "always": frozenset(data["figures"]["always"]),
            "from": dict(data["figures"]["from"]),
            "speech": re.compile("|".join(data["figures"]["never"])),
            "years": (str(data["timeline"]["first"]), str(data["timeline"]["last"])),
            "vague": re.compile(data["voices"]["vague"], re.IGNORECASE),
            "kinds": frozenset(data["voices"]["kinds"]),
            "sizes": (data["questions"]["fewest"], data["questions"]["most"]),
            "idle": re.compile("|".join(data["questions"]["never"]), re.IGNORECASE),
        }
    except (OSError, KeyError, TypeError, re.error, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error!r}; see the comments in the file") from error


def summarise(material: Material) -> Summary:
    """Return the summary of a subject; the same material in any order gives the same one."""
    best = sorted(material.claims, key=worth)
    rows = sorted(best, key=lambda c: -c.posts)
    sections = tuple(
        Section(kind, chosen) for kind in CLAIM_KINDS if (chosen := tuple(c for c in rows if c.kind == kind))
    )
    conflicts = _conflicts(material)
    sources = _sources([*rows, *(side for c in conflicts for side in (c.a, c.b))])
    dates = sorted(source.date for source in sources if source.date)
    return Summary(
        material.subject,
        len(rows),
        (dates[0], dates[-1]) if dates else None,
        material.language,
        lead=lead.choose(rows, material.vectors),
        figures=_figures(best),
        timeline=_timeline(best),
        forecasts=_forecasts(best),
        voices=_voices(best),
        conflicts=conflicts,
        questions=_questions(material),
        related=material.related,
        ties=material.ties,
        sections=sections,
        sources=sources,
    )


def worth(claim: Claim) -> tuple[float, int, str]:
    """Return what sorts claims, those that tell most and stand alone first."""
    return (-round(lead.substance(claim) + _FORM * lead.form(claim), 9), -claim.posts, claim.key)


def _figures(claims: Iterable[Claim]) -> tuple[FigureRow, ...]:
    """Return the claims that tell quantities, by what is measured, those that tell most first."""
    rows = [
        FigureRow(claim, told)
        for claim in claims
        if not claim.stock and (told := tuple(filter(_telling, claim.figures)))
    ]
    return tuple(sorted(rows, key=lambda row: _ORDER.get(row.figures[0].dimension, len(_ORDER))))


def _telling(figure: Figure) -> bool:
    """Tell whether a quantity is worth a line: not 一つ or 二の足."""
    rules = _rules()
    if rules["speech"].search(figure.text):
        return False
    least = rules["from"].get(figure.dimension)
    return figure.dimension in rules["always"] or (least is not None and figure.low >= least)


def _timeline(claims: Iterable[Claim]) -> tuple[TimeRow, ...]:
    """Return dated claims in the order of time; a forecast stands where it looks to, others where they begin."""
    rows = []
    for claim in claims:
        dated = sorted(filter(_shown, claim.dates), key=lambda when: (when.first or "", when.start))
        if dated and not claim.stock:
            rows.append(TimeRow(claim, dated[-1] if claim.kind == "forecast" else dated[0]))
    return tuple(sorted(rows, key=lambda row: (row.when.first or "", row.when.last or "")))


def _shown(when: When) -> bool:
    first, last = _rules()["years"]
    return not when.relative and bool(when.first) and first <= str(when.first)[:4] <= last


def _forecasts(claims: Iterable[Claim]) -> tuple[ForecastRow, ...]:
    """Return forecasts, those with a horizon first and in its order."""
    rows = []
    for claim in claims:
        if claim.kind != "forecast" or claim.stock:
            continue
        said = claim.places[0].date if claim.places else None
        ahead = [
            w for w in claim.dates if w.last and (not said or w.last > said[:10]) and w.last[:4] <= _rules()["years"][1]
        ]
        far = [w for w in ahead if not w.relative or w.first != w.last]  # 明日 is a figure of speech
        rows.append(ForecastRow(claim, max(far, key=lambda w: (w.last or "", -w.start), default=None)))
    return tuple(sorted(rows, key=lambda row: (row.horizon is None, row.horizon.last or "" if row.horizon else "")))


def _voices(claims: Sequence[Claim]) -> tuple[Voice, ...]:
    """Return who says what, then whom claims name most, each with the claims that tell most."""
    said: dict[str, list[Claim]] = defaultdict(list)
    named: dict[tuple[str, str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.stock:
            continue
        if not _rules()["vague"].match(claim.holder):
            said[claim.holder].append(claim)
        for name in claim.names:
            if name.kind in _rules()["kinds"]:
                named[name.name, name.kind, name.key].append(claim)
    holders = [Voice(holder, "", True, len(own), tuple(own[:PER_VOICE])) for holder, own in said.items()]
    actors = [
        Voice(name, kind, False, len(own), tuple(own[:PER_VOICE]), key)
        for (name, kind, key), own in named.items()
        if len(own) > 1
    ]
    ranked = sorted(actors, key=lambda voice: (-voice.total, voice.name))[:VOICES]
    return (*sorted(holders, key=lambda voice: (-voice.total, voice.name)), *ranked)


def _conflicts(material: Material) -> tuple[Conflict, ...]:
    known = {claim.id: claim for claim in (*material.claims, *material.others)}

    def older_first(a: Claim, b: Claim) -> tuple[Claim, Claim]:
        return (a, b) if (a.first_date, a.key) <= (b.first_date, b.key) else (b, a)

    made = [
        Conflict(*older_first(known[a], known[b]), score, evidence, state)
        for a, b, score, evidence, state in material.conflicts
        if a in known and b in known
    ]
    return tuple(sorted(made, key=lambda c: (-c.score, c.a.key, c.b.key)))


def _questions(material: Material) -> tuple[Quoted, ...]:
    """Return what the articles ask near claims of the subject; what names the subject first."""
    rules = _rules()
    low, high = rules["sizes"]
    names = [alias.casefold() for alias in material.subject.aliases if len(alias) > 1]
    seen: dict[str, Quoted] = {}
    for asked in material.questions:
        text = asked.text.strip()
        if low <= len(text) <= high and not rules["idle"].search(text):
            seen.setdefault(text, asked)
    ranked: Callable[[Quoted], tuple[bool, str, str, int]] = lambda q: (  # noqa: E731 - a key, used once
        not any(name in q.text.casefold() for name in names), q.place.date or "9999", q.place.post, q.place.start
    )  # fmt: skip
    return tuple(sorted(seen.values(), key=ranked))


def _sources(claims: Iterable[Claim]) -> tuple[SourcePost, ...]:
    cited: dict[str, set[str]] = {}
    posts: dict[str, Occurrence] = {}
    for claim in claims:
        for place in claim.places:
            posts[place.post] = place
            cited.setdefault(place.post, set()).add(claim.key)
    return tuple(
        SourcePost(place.post, place.post_key, place.title, place.date, len(cited[place.post]))
        for place in sorted(posts.values(), key=lambda o: (o.date is None, o.date or "", o.post))
    )
