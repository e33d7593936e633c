"""Summaries as Markdown to read: quotes first, citations short, and every one of them can be checked.

A quote is followed by a footnote, `[^3]`; the footnote at the end of the
document has the claim's key, and the title, date, path and offsets of every
place where it is said:

    - 韓国政府は計画を発表した。[^3] (2025-09-10)
    ...
    [^3]: `k0c3…` — 韓国のAI拠点, 2025-09-10, `2025-09/korea.md` 34–78

What stands between the beginning of the line (or table cell) and the footnote
is the quote and nothing else, which is what `kb verify --export` relies on.
Footnotes of questions and of context have no key: they are no claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kb.export.escape import code, markdown_text
from kb.export.records import Abstract, Claim, Quoted, Related, Section, SourcePost, Summary, Voice
from kb.export.words import Words, day, period, title, value, words
from kb.records import Occurrence

PER_KIND = 50
PER_PART = 25
FORECASTS = 15
QUESTIONS = 12


class Links:
    """How a document refers to posts, topics and names: by their names alone."""

    def post(self, name: str, path: str) -> str:
        """Return the title of a post, or its path where it has none."""
        return markdown_text(name) or code(path)

    def topic(self, name: str, slug: str) -> str:
        """Return the name of another topic."""
        return markdown_text(name) or code(slug)

    def entity(self, name: str, key: str) -> str:
        """Return the name of an entity."""
        return markdown_text(name)


class Notes:
    """The footnotes of one document, numbered as they are first used."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._numbers: dict[str, int] = {}
        self._lines: list[str] = []

    def claim(self, claim: Claim) -> str:
        """Return the mark of a claim's footnote."""
        places = "; ".join(map(self._place, claim.places)) or "—"
        return self._mark(claim.key, f"{code(claim.key)} — {places}")

    def sentence(self, quoted: Quoted) -> str:
        """Return the mark of a footnote of a sentence that is no claim."""
        place = quoted.place
        return self._mark(f"{place.post}\0{place.spans}", self._place(place))

    def gone(self, key: str, last: str) -> str:
        """Return the mark of a footnote of a claim that nobody makes any more; `last` says where it was."""
        return self._mark(key, f"{code(key)} — {last}")

    def lines(self) -> list[str]:
        """Return the footnotes."""
        return list(self._lines)

    def _mark(self, key: str, line: str) -> str:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers) + 1
            self._lines.append(f"[^{number}]: {line}")
        return f"[^{number}]"

    def _place(self, place: Occurrence) -> str:
        spans = ", ".join(f"{a}–{b}" for a, b in place.spans)
        when = f", {markdown_text(day(place.date))}" if place.date else ""
        return f"{self._links.post(place.title, place.post)}{when}, {code(place.post)} {spans}"


class Writer:
    """Writes the parts of summaries as lines of Markdown; footnotes gather until the end of the document."""

    def __init__(self, lang: str, *, full: bool = False, links: Links | None = None) -> None:
        self.words: Words = words(lang)
        self.links = links or Links()
        self.notes = Notes(self.links)
        self._lang = lang
        self._full = full

    def summary(self, summary: Summary) -> list[str]:
        """Return a summary without its footnotes."""
        word = self.words
        lines = [f"# {markdown_text(title(summary.subject, self._lang))}", ""]
        if not summary.claims:
            empty = {"search": "empty_search", "post": "empty_post"}.get(summary.subject.kind, "empty")
            return [*lines, word[empty], ""]
        lines += [self._counts(summary), ""]
        lines += self._abstract(summary.abstract) if summary.abstract else []
        if summary.lead:
            lines += [f"## {word['lead']}", "", *self._items(summary.lead), ""]
        lines += self._figures(summary)
        lines += self._timeline(summary)
        lines += self._forecasts(summary)
        lines += self._voices(summary.voices)
        lines += self._conflicts(summary)
        lines += self._questions(summary.questions)
        lines += self._related(summary.related)
        lines += self._everything(summary.sections)
        return lines + self._sources(summary.sources)

    def _counts(self, summary: Summary) -> str:
        word = self.words
        counts = word["counts"].format(claims=summary.claims, posts=len(summary.sources))
        if not summary.period:
            return str(counts)
        first, last = map(day, summary.period)
        return f"{counts}{word['comma']}{word['period'].format(first=markdown_text(first), last=markdown_text(last))}"

    def _abstract(self, abstract: Abstract) -> list[str]:
        """Return sentences of a language model: block quotes, for they are quoted from no post."""
        word = self.words
        note = word["abstract_note"].format(model=code(abstract.model), n=abstract.removed)
        lines = [f"## {word['abstract']}", "", f"*{note}*", ""]
        return [*lines, *self._written(abstract), ""]

    def _written(self, abstract: Abstract) -> list[str]:
        lines: list[str] = []
        for sentence in abstract.sentences:
            marks = "".join(self.notes.claim(claim) for claim in sentence.claims)
            lines += ["> " + markdown_text(sentence.text) + marks, ">"]
        return lines[:-1]

    def item(self, claim: Claim, *, context: bool = True) -> list[str]:
        """Return the line of a claim, and beneath it what it leans on."""
        lines = [f"- {self.quote(claim)}{self._aside(claim)}"]
        if context and claim.context is not None:
            leans = claim.context
            lines.append(f"    - *{self.words['context']}* {markdown_text(leans.text)}{self.notes.sentence(leans)}")
        return lines

    def quote(self, claim: Claim) -> str:
        """Return a claim's words and the mark of its footnote."""
        return f"{markdown_text(claim.text)}{self.notes.claim(claim)}"

    def _items(self, claims: Iterable[Claim]) -> list[str]:
        return [line for claim in claims for line in self.item(claim)]

    def _aside(self, claim: Claim) -> str:
        """Return what qualifies a claim: date, holder, certainty, support."""
        notes = [markdown_text(day(claim.places[0].date))] if claim.places and claim.places[0].date else []
        if claim.holder != "author":
            notes.append(markdown_text(claim.holder))
        if claim.certainty in self.words["certainty"] and claim.kind != "forecast":
            notes.append(self.words["certainty"][claim.certainty])
        if claim.posts > 1:
            notes.append(self.words["in_posts"].format(n=claim.posts))
        return f" ({'; '.join(notes)})" if notes else ""

    def cut(self, rows: Sequence[Any], most: int) -> tuple[Sequence[Any], list[str]]:
        """Return the rows to show, and a line that says how many more there are."""
        if self._full or len(rows) <= most:
            return rows, []
        return rows[:most], ["", f"*{self.words['more'].format(n=len(rows) - most)}*"]

    def _table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
        return [_row(columns), _row(["---"] * len(columns)), *map(_row, rows)]

    def _figures(self, summary: Summary) -> list[str]:
        rows, more = self.cut(summary.figures, PER_PART)
        if not rows:
            return []
        word = self.words
        cells = [
            (
                word["list"].join(markdown_text(figure.text) for figure in row.figures),
                word["list"].join(markdown_text(value(figure, word)) for figure in row.figures),
                word["list"].join(dict.fromkeys(period(when) for when in row.claim.dates if when.first)) or "—",
                markdown_text(row.claim.holder) if row.claim.holder != "author" else word["author"],
                self.quote(row.claim),
            )
            for row in rows
        ]
        return [f"## {word['figures']}", "", *self._table(word["figures_columns"], cells), *more, ""]

    def _timeline(self, summary: Summary) -> list[str]:
        rows, more = self.cut(summary.timeline, PER_PART)
        if not rows:
            return []
        word = self.words
        cells = [(period(row.when), word["kinds"][row.claim.kind], self.quote(row.claim)) for row in rows]
        return [f"## {word['timeline']}", "", *self._table(word["timeline_columns"], cells), *more, ""]

    def _forecasts(self, summary: Summary) -> list[str]:
        rows, more = self.cut(summary.forecasts, FORECASTS)
        if not rows:
            return []
        lines = [f"## {self.words['forecasts']}", ""]
        last: str | None = None
        for row in rows:
            horizon = period(row.horizon) if row.horizon else self.words["no_horizon"]
            if horizon != last:
                lines += ["", f"### {horizon}", ""] if last is not None else [f"### {horizon}", ""]
                last = horizon
            lines += self.item(row.claim)
        return [*lines, *more, ""]

    def _voices(self, voices: Sequence[Voice]) -> list[str]:
        if not voices:
            return []
        word = self.words
        lines = [f"## {word['voices']}", ""]
        for voice in voices:
            if voice.says:
                name = word["says"].format(name=markdown_text(voice.name), n=voice.total)
            else:
                kind = word["entity_kinds"].get(voice.kind, markdown_text(voice.kind))
                linked = self.links.entity(voice.name, voice.key)
                name = word["named"].format(name=linked, kind=kind, n=voice.total)
            lines += [f"### {name}", "", *self._items(voice.claims), ""]
        return lines

    def _conflicts(self, summary: Summary) -> list[str]:
        rows, more = self.cut(summary.conflicts, PER_PART)
        if not rows:
            return []
        word = self.words
        cells = []
        for row in rows:
            why = [word["conflict_reviewed"]] if row.state == "reviewed" else []
            why += [markdown_text(one) for one in row.evidence]
            sides = [f"{self.quote(side)}{self._aside(side)}" for side in (row.a, row.b)]
            cells.append((*sides, word["list"].join(why)))
        return [f"## {word['conflicts']}", "", *self._table(word["conflict_columns"], cells), *more, ""]

    def _questions(self, questions: Sequence[Quoted]) -> list[str]:
        rows, more = self.cut(questions, QUESTIONS)
        if not rows:
            return []
        lines = [f"- {markdown_text(asked.text)}{self.notes.sentence(asked)}" for asked in rows]
        return [f"## {self.words['questions']}", "", *lines, *more, ""]

    def _related(self, related: Sequence[Related]) -> list[str]:
        if not related:
            return []
        word = self.words
        cells = []
        for row in related:
            name = row.names.get(self._lang) or row.slug
            tie = f" ({word['ties'][row.tie]})" if row.tie else ""
            cells.append((f"{self.links.topic(name, row.slug)}{tie}", str(row.claims), str(row.posts)))
        return [f"## {word['related']}", "", *self._table(word["related_columns"], cells), ""]

    def _everything(self, sections: Sequence[Section]) -> list[str]:
        lines = [f"## {self.words['everything']}", ""]
        for section in sections:
            rows, more = self.cut(section.claims, PER_KIND)
            lines += [f"### {self.words['kinds'][section.kind]} ({len(section.claims)})", ""]
            lines += [line for claim in rows for line in self.item(claim, context=False)]
            lines += [*more, ""]
        return lines

    def _sources(self, sources: Sequence[SourcePost]) -> list[str]:
        word = self.words
        lines = [f"## {word['sources']}", ""]
        for place, source in enumerate(sources, 1):
            when = f", {markdown_text(day(source.date))}" if source.date else ""
            cited = word["cited"].format(n=source.claims)
            name = self.links.post(source.title, source.post)
            lines.append(f"{place}. {name} — {code(source.post)}{when}: {cited}")
        return [*lines, ""]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render_md(summaries: Sequence[Summary], lang: str = "", *, full: bool = False) -> str:
    """Return summaries as one Markdown document; its language is that of the corpus where none is given."""
    writer = Writer(lang or (summaries[0].language if summaries else "ja"), full=full)
    lines: list[str] = []
    for place, summary in enumerate(summaries):
        lines += ["---", ""] if place else []
        lines += writer.summary(summary)
    return "\n".join([*lines, *writer.notes.lines(), ""]).rstrip("\n") + "\n"
