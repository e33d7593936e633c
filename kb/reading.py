"""How one text is read: the per-post stages in order, as one pure function.

posts (drafts, passages, sentences) → dedup (cut sentences joined, repeats
marked) → claims (kind, certainty, holder). No database, no file: safe to run
in any `concurrent.futures.Executor`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from kb import claims, context, dedup, links, posts
from kb.config import Settings
from kb.records import CLAIM_KINDS, Annotation, Cue, Label, Passage, Sentence, Span
from kb.text import is_japanese, tokens

_LONGEST = 10_000  # characters; what has no end for so long is no sentence, and its words would fill the memory


_ADDRESS = re.compile(r"[<(（]?(?:https?://|www\.)\S+")  # says nothing by itself


def annotate(text: str, *, title: str | None = None, settings: Settings | None = None) -> Annotation:
    """Read one file's text: drafts, passages, sentences with kinds, and what is left out.

    Args:
        text: the whole file, front matter included; offsets point into it.
        title: the post's title, where the front matter does not say it.
        settings: what separates drafts.

    Returns:
        Every sentence of every draft in order, repeats marked with
        `duplicate_of`; a sentence joined from two drafts stands where its last
        part does.
    """
    front = posts.front_matter(text)
    if title is None:
        title = posts.info("", front, text[front.body_start :]).title
    found = posts.layout(text, front.body_start, title=title, settings=settings or Settings())
    marked, boilerplate = posts.mark_boilerplate(text, found.passages, found.sentences)
    prose = [s for s in marked if not s.reason]
    divided = dedup.divide(found.drafts, found.passages, prose, title=title)
    stitched = dedup.stitch(text, divided.drafts, divided.passages, divided.sentences)
    deduped = dedup.dedupe(stitched, divided.passages)
    deduped = dedup.leave_title(dedup.near(deduped, divided.passages, _same), divided.passages, title)
    aside = _aside(marked, divided.passages)
    titles = frozenset(s.key for s in deduped.sentences if s.reason == dedup.TITLE)
    labelled = _label((*deduped.sentences, *aside), divided.passages, titles)
    rows = [*found.ledger, *boilerplate, *stitched.ledger, *deduped.ledger]
    spans = [span for sentence in labelled for span in sentence.spans]
    rows.extend(dedup.rest(text, front.body_start, [*spans, *((row.start, row.end) for row in rows)]))
    ledger = sorted(rows, key=lambda row: (row.start, row.end))
    sentences = tuple(sorted(labelled, key=lambda s: s.spans[-1]))
    article = dedup.article(sentences, divided.passages)
    return Annotation(
        drafts=stitched.drafts,
        passages=divided.passages,
        sentences=sentences,
        ledger=tuple(ledger),
        article=article,
        antecedents=context.antecedents(article, sentences, divided.passages),
        body_start=front.body_start,
        fault=front.fault,
    )


def _aside(marked: Sequence[Sentence], passages: Sequence[Passage]) -> list[Sentence]:
    """Return the boilerplate of all drafts, what it says again pointing at where it said it first."""
    first: dict[str, Sentence] = {}
    made = []
    for sentence in marked:
        if sentence.reason:
            twin = first.setdefault(sentence.key, sentence)
            target = None if twin is sentence else (twin.start, twin.end)
            made.append(replace(sentence, draft=passages[sentence.passage].draft, duplicate_of=target))
    return made


def _same(a: str, b: str) -> bool:
    """Tell whether two sentences of one post say the same, or one says all that the other says."""
    return links.relate(a, b).relation == "same"


def _label(sentences: tuple[Sentence, ...], passages: tuple[Passage, ...], titles: frozenset[str]) -> list[Sentence]:
    """Give each sentence its label; a repeat has that of the sentence it repeats, a title none."""
    known: dict[tuple[str, str], Sentence] = {}
    made = []
    for sentence in sentences:
        kind = passages[sentence.passage].kind
        twin = known.get((sentence.key, kind))
        if len(sentence.plain) > _LONGEST:
            cue = Cue("other", "too-long", sentence.plain[:8], 0, 8)
            sentence = replace(sentence, label=Label("other", cues=(cue,)), wording=sentence.key)
        elif twin is None:
            words = tokens(sentence.plain)
            label = claims.classify(sentence.plain, words, passage=kind, japanese=is_japanese(sentence.plain))
            wording = links.merge_key(sentence.plain, words) if label.kind in CLAIM_KINDS else ""
            sentence = known[sentence.key, kind] = replace(sentence, label=label, wording=wording or sentence.key)
        else:
            # The cues of another spelling point into that one.
            label = twin.label if twin.plain == sentence.plain else replace(twin.label, cues=())
            sentence = replace(sentence, label=label, wording=twin.wording)
        if _ADDRESS.fullmatch(sentence.plain):
            sentence = replace(sentence, label=Label("other"), wording=sentence.key)
        if sentence.reason.startswith("boilerplate") or sentence.key in titles:
            sentence = replace(sentence, label=Label("other"), wording=sentence.key)
        if sentence.reason == "truncated":
            end = len(sentence.plain)
            cue = Cue("other", "truncated", sentence.plain[-8:], max(0, end - 8), end)
            sentence = replace(sentence, label=Label("other", cues=(cue,)))
        made.append(sentence)
    return made


def uncovered(text: str, annotation: Annotation) -> list[Span]:
    """Return the stretches of a body that are neither sentence, mark-up nor ledger row: none, if all is well."""
    return unaccounted(
        text,
        annotation.body_start,
        [s.spans for s in annotation.sentences],
        [(r.start, r.end) for r in annotation.ledger],
    )


def unaccounted(
    text: str, body_start: int, sentences: list[tuple[Span, ...]], ledger: list[tuple[int, int]]
) -> list[Span]:
    """Return the stretches from `body_start` that no sentence span, ledger row or mark-up explains."""
    spans = [span for sentence in sentences for span in sentence]
    return dedup.uncovered(text, body_start, [*spans, *ledger])
