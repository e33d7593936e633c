"""Summaries as one self-contained HTML page: style and pictures inside, nothing fetched, nothing run.

Every quote is a `<q>` with the claim's key (`data-claim`; questions and context
have none) and its places (`data-at`: numbers of the list of sources, with
offsets), which `kb verify --export` reads again. Jinja escapes all that comes
from posts; the template is `data/export/page.html`, the style `page.css`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from kb.config import resource
from kb.export import chart
from kb.export.markdown import FORECASTS, PER_KIND, PER_PART, QUESTIONS
from kb.export.records import Claim, Quoted, Summary
from kb.export.words import Words, day, period, shown, title, value, words
from kb.records import Occurrence

if TYPE_CHECKING:
    from jinja2 import Environment

_ID = re.compile(r"[^a-zA-Z0-9_-]+")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(resource("data", "export")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"shown": shown, "day": day, "period": period}
    return made


def render_html(summaries: Sequence[Summary], lang: str = "", *, full: bool = False) -> str:
    """Return summaries as one page in a language, that of the corpus where none is given."""
    lang = lang or (summaries[0].language if summaries else "ja")
    word = words(lang)
    topics = [_Topic(summary, place, lang, full=full) for place, summary in enumerate(summaries, 1)]
    heading = topics[0].title if len(topics) == 1 else word["feed_all"]
    return page("page.html", lang, heading, topics=topics)


def page(template: str, lang: str, heading: str, **values: Any) -> str:
    """Return a page of a template below `data/export`, with the style inside."""
    style = resource("data", "export", "page.css").read_text("utf-8")
    made = (
        _environment().get_template(template).render(lang=lang, word=words(lang), title=heading, style=style, **values)
    )
    return "\n".join(line.rstrip() for line in made.splitlines() if line.strip()) + "\n"


def fragment(template: str, lang: str, **values: Any) -> str:
    """Return a part of a page, as a feed carries it."""
    environment = _environment()
    macros = environment.get_template("macros.html").module
    made = environment.get_template(template).render(lang=lang, word=words(lang), m=macros, **values)
    return "\n".join(line.rstrip() for line in made.splitlines() if line.strip()) + "\n"


class Places:
    """The sources of a page by number; the numbers and offsets of a quote's places."""

    def __init__(self, sources: Sequence[str], prefix: str) -> None:
        self._numbers = {post: place for place, post in enumerate(sources, 1)}
        self._prefix = prefix

    def numbers(self, places: Sequence[Occurrence]) -> list[int]:
        """Return the numbers of the posts that say it, each once."""
        return list(dict.fromkeys(self._numbers[place.post] for place in places if place.post in self._numbers))

    def at(self, places: Sequence[Occurrence]) -> str:
        """Return where it is said: `3:34-78;7:0-30,42-60`."""
        return ";".join(
            f"{self._numbers[place.post]}:{','.join(f'{a}-{b}' for a, b in place.spans)}"
            for place in places
            if place.post in self._numbers
        )

    def anchor(self, number: int) -> str:
        """Return the id of a source."""
        return f"{self._prefix}-s{number}"


class _Topic:
    """A summary as the template sees it: what is shown, and how much is left out of each part."""

    def __init__(self, summary: Summary, place: int, lang: str, *, full: bool) -> None:
        self.summary = summary
        self.id = f"t{place}-{_ID.sub('-', summary.subject.slug)}"
        self.title = title(summary.subject, lang)
        word = words(lang)
        self.empty = word[{"search": "empty_search", "post": "empty_post"}.get(summary.subject.kind, "empty")]
        posts = {source.post: source for source in summary.sources}
        leaning = [claim.context.place for claim in summary.every().values() if claim.context]
        extra = {o.post: o for o in (*leaning, *(q.place for q in summary.questions)) if o.post not in posts}
        self.sources = [
            *({"post": s.post, "title": s.title, "date": s.date, "claims": s.claims} for s in summary.sources),
            *({"post": o.post, "title": o.title, "date": o.date, "claims": 0} for _, o in sorted(extra.items())),
        ]
        self.places = Places([str(source["post"]) for source in self.sources], self.id)
        self.figures, self.more_figures = _cut(summary.figures, PER_PART, full)
        self.timeline, self.more_timeline = _cut(summary.timeline, PER_PART, full)
        self.conflicts, self.more_conflicts = _cut(summary.conflicts, PER_PART, full)
        self.questions, self.more_questions = _cut(summary.questions, QUESTIONS, full)
        forecasts, self.more_forecasts = _cut(summary.forecasts, FORECASTS, full)
        self.forecasts: dict[str, list[Claim]] = {}
        for row in forecasts:
            self.forecasts.setdefault(period(row.horizon) if row.horizon else word["no_horizon"], []).append(row.claim)
        self.sections = [(section, *_cut(section.claims, PER_KIND, full)) for section in summary.sections]
        self.charts = [
            {"title": made[0], "svg": made[1], "kinds": draw is chart.timeline}
            for draw, name in ((chart.timeline, "years"), (chart.graph, "ties"))
            if summary.claims and (made := draw(summary, lang, f"{self.id}-{name}"))
        ]
        self.value = partial(_value, word=word)

    def quoted(self, said: Claim | Quoted) -> dict[str, Any]:
        """Return a quote as the template writes it."""
        return quote(said, self.places)


def quote(said: Claim | Quoted, places: Places) -> dict[str, Any]:
    """Return a claim or a sentence with its key (or "") and its places, numbered."""
    own = said.places if isinstance(said, Claim) else (said.place,)
    return {
        "text": shown(said.text),
        "key": said.key if isinstance(said, Claim) else "",
        "at": places.at(own),
        "numbers": [(number, places.anchor(number)) for number in places.numbers(own)],
    }


def _value(figure: Any, word: Words) -> str:
    return value(figure, word)


def _cut(rows: Sequence[Any], most: int, full: bool) -> tuple[Sequence[Any], int]:
    return (rows, 0) if full else (rows[:most], max(0, len(rows) - most))
