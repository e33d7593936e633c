"""Two pictures of a summary as inline SVG: when it happens, and which topics it is tied to.

Drawn by matplotlib (Hunter 2007, "Matplotlib: A 2D graphics environment").
Colours are written as CSS variables of the page, so that they follow its light
and dark scheme; words are written as text, in the fonts
of whoever reads it: matplotlib draws placeholders, which measure the same on
every machine, and they are replaced by the words. No dates, no random ids: the
same summary gives the same bytes.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kb.export.records import Summary
from kb.export.words import shown, words
from kb.records import CLAIM_KINDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {
    "#010101": "var(--fact)",
    "#020202": "var(--forecast)",
    "#030303": "var(--opinion)",
    "#040404": "var(--advice)",
    "#050505": "var(--ink)",
    "#060606": "var(--rule)",
    "#070707": "var(--tie)",
    "#080808": "var(--node)",
    "#090909": "var(--accent)",
}
_FACT, _FORECAST, _OPINION, _ADVICE, _INK, _RULE, _TIE, _NODE, _CENTRE = _COLOURS
_KINDS = dict(zip(CLAIM_KINDS, (_FACT, _FORECAST, _OPINION, _ADVICE), strict=True))
_AROUND = 8
_YEARS = 30
_NAME = 13  # characters of a topic's name that fit beside its circle
_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_DROPPED = re.compile(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*|<title>.*?</title>\s*", re.DOTALL)
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)
_FONT = re.compile(r"font: ([0-9.]+)px [^;\"]+")


class Chart:
    """One picture; `words` are what its placeholders stand for."""

    def __init__(self, width: float, height: float) -> None:
        """Make an empty picture of so many inches (72 units each)."""
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure as Drawn

        self.figure: Figure = Drawn(figsize=(width, height))
        FigureCanvasSVG(self.figure)
        self._words: list[str] = []

    def word(self, text: str) -> str:
        """Return the placeholder of a text."""
        self._words.append(text)
        return f"L{len(self._words) - 1:03}L"

    def svg(self, ident: str, title: str) -> str:
        """Return the picture as an element of a page in which `ident` is no other's id."""
        import matplotlib as mpl

        made = io.StringIO()
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "kb", "path.simplify": False}):
            self.figure.savefig(made, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        text = _DROPPED.sub("", _HEAD.sub("", made.getvalue()))
        text = re.sub(r'\bid="', f'id="{ident}-', text)
        text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{ident}-", text)
        text = _FONT.sub(r"font-size: \1px", text)
        for colour, name in _COLOURS.items():
            text = text.replace(colour, name)
        label = html.escape(shown(title))
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="\\1"'
            f' role="img" aria-labelledby="{ident}-title">\n<title id="{ident}-title">'
        )
        text = _SIZE.sub(lambda m: head.replace("\\1", m[1]) + label + "</title>", text, count=1)
        text = re.sub(r"L(\d{3})L", lambda m: html.escape(self._words[int(m[1])]), text)
        return "\n".join(line.rstrip() for line in text.strip().splitlines())


def timeline(summary: Summary, lang: str, ident: str) -> tuple[str, str] | None:
    """Return (title, SVG) of the years that dated claims speak of; of the months of posts, where few are dated."""
    dated = [(row.when.first or "", row.claim.kind) for row in summary.timeline]
    title, size = words(lang)["chart_timeline"], 4
    if len(dated) < 3:
        claims = [claim for section in summary.sections for claim in section.claims]
        dated = [(claim.first_date, claim.kind) for claim in claims if claim.last_date]
        title, size = words(lang)["chart_months"], 7
    steps = _steps([date[:size] for date, _ in dated])
    if len(steps) < 2:
        return None
    # What lies before the first step is counted with it; its label says so.
    early = any(date[:size] < steps[0] for date, _ in dated)
    counts = {kind: Counter(max(date[:size], steps[0]) for date, own in dated if own == kind) for kind in CLAIM_KINDS}
    labels = [f"–{steps[0]}" if early else steps[0], *steps[1:]]
    chart = Chart(5.2, 2.3)
    axes = chart.figure.add_axes((0.08, 0.2, 0.9, 0.74))
    bottom = [0] * len(steps)
    for kind, tally in counts.items():
        heights = [tally[step] for step in steps]
        axes.bar(range(len(steps)), heights, 0.72, bottom, color=_KINDS[kind])
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    every = -(-len(steps) // 8)
    places = range(0, len(steps), every)
    axes.set_xticks(list(places), [chart.word(labels[place]) for place in places])
    axes.set_yticks([0, max(bottom)], ["0", str(max(bottom))])
    axes.tick_params(length=0, labelsize=10, labelcolor=_INK)
    axes.margins(x=0.02)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_RULE)
    return title, chart.svg(ident, title)


def _steps(dates: Sequence[str]) -> list[str]:
    """Return every year or month of the span that most dates are of, at most thirty of them."""
    if not dates:
        return []
    if len(dates[0]) == 4:
        low, high = _main([int(date) for date in dates])
        return [str(year) for year in range(low, high + 1)]
    first, last = ((int(date[:4]) * 12 + int(date[5:7]) - 1) for date in (min(dates), max(dates)))
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(max(first, last - _YEARS + 1), last + 1)]


def _main(years: Sequence[int]) -> tuple[int, int]:
    """Return the first and last year without the few far out: one in ten at the early end, at most, is cut off."""
    ranked = sorted(years)
    high = ranked[-1]
    low = max(ranked[len(ranked) // 10], high - _YEARS + 1)
    return low, high


def graph(summary: Summary, lang: str, ident: str) -> tuple[str, str] | None:
    """Return (title, SVG) of the topics that share most claims with this one, and of their own ties."""
    around = summary.related[:_AROUND]
    if summary.subject.kind != "topic" or len(around) < 2:
        return None
    slug = summary.subject.slug
    names = {slug: summary.subject.name(lang), **{r.slug: r.names.get(lang) or r.slug for r in around}}
    sizes = {slug: summary.claims, **{r.slug: r.claims for r in around}}
    spots = {slug: (0.0, 0.0)}
    for place, related in enumerate(around):
        angle = math.tau * (0.25 - place / len(around))
        spots[related.slug] = (math.cos(angle), math.sin(angle))
    ties = sorted((a, b, count) for a, b, count in summary.ties if a in names and b in names)
    chart = Chart(5.2, 4.2)
    axes = chart.figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set(xlim=(-1.6, 1.6), ylim=(-1.3, 1.22))
    most = max((count for *_, count in ties), default=1)
    for a, b, count in ties:
        (x1, y1), (x2, y2) = spots[a], spots[b]
        axes.plot([x1, x2], [y1, y2], color=_TIE, linewidth=0.8 + 6 * count / most, zorder=1)
    for name in names:
        x, y = spots[name]
        radius = 0.06 + 0.1 * (sizes[name] / max(sizes.values())) ** 0.5
        area = (radius * 2 * 5.2 * 72 / 3.2) ** 2
        axes.scatter([x], [y], s=area, color=_CENTRE if name == slug else _NODE, zorder=2)
        label = shown(names[name])
        cut = label if len(label) <= _NAME * (2 if label.isascii() else 1) else label[:_NAME] + "…"
        axes.text(x, y - radius - 0.11, chart.word(cut), ha="center", va="center", size=10, color=_INK, zorder=3)
    title = words(lang)["chart_graph"]
    return title, chart.svg(ident, title)
