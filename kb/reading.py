"""How one text is read: the per-post stages in order, as one pure function.

posts (drafts, passages, sentences) → dedup (cut sentences joined, repeats
marked) → claims (kind, certainty, holder). No database, no file: safe to run
in any `concurrent.futures.Executor`.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from kb import claims, context, dedup, links, posts
from kb.config import Settings
from kb.records import CLAIM_KINDS, Annotation, Cue, Label, Passage, PassageKind, Sentence, Span
from kb.text import is_japanese, tokens

_LONGEST = 10_000  # characters; what has no end for so long is no sentence, and its words would fill the memory
_BATCH = 256  # sentences
_Judged = tuple[str, Label, str]  # a sentence without mark-up, its label and its wording
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
    with _uncollected():
        return _annotate(text, title, settings or Settings())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Put off the search for reference cycles: reading makes none, and the words of a post are many to look through.

    What is left of them afterwards is handed to the oldest generation as it is:
    to freeze and unfreeze moves lists and looks at nothing, while the search
    that is due would take as long as reading a tenth of the post.
    """
    pausing = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if pausing:
            if not gc.get_freeze_count():  # else somebody froze what is to stay frozen
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _annotate(text: str, title: str | None, settings: Settings) -> Annotation:
    front = posts.front_matter(text)
    if title is None:
        title = posts.info("", front, text[front.body_start :]).title
    found = posts.layout(text, front.body_start, title=title, settings=settings)
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


def _label(sentences: Sequence[Sentence], passages: Sequence[Passage], titles: frozenset[str]) -> list[Sentence]:
    """Give each sentence its label; a repeat has that of the sentence it repeats, a title none."""
    known: dict[tuple[str, PassageKind], _Judged] = {}
    made = []
    for at in range(0, len(sentences), _BATCH):
        batch = [(sentence, passages[sentence.passage].kind) for sentence in sentences[at : at + _BATCH]]
        _judge(batch, known)
        made += [
            _labelled(sentence, *_verdict(sentence, known.get((sentence.key, kind)), titles))
            for sentence, kind in batch
        ]
    return made


def _judge(batch: Sequence[tuple[Sentence, PassageKind]], known: dict[tuple[str, PassageKind], _Judged]) -> None:
    """Add to `known` what is said of the sentences of a batch that are not in it yet.

    One step for all, then the next: words, cues and keys each need tables that
    drive those of the others out of the processor's cache.
    """
    fresh: dict[tuple[str, PassageKind], str] = {}
    for sentence, kind in batch:
        place = (sentence.key, kind)
        if place not in known and len(sentence.plain) <= _LONGEST:
            fresh.setdefault(place, sentence.plain)
    words = [tokens(plain) for plain in fresh.values()]
    labels = [
        claims.classify(plain, read, passage=kind, japanese=is_japanese(plain))
        for ((_, kind), plain), read in zip(fresh.items(), words, strict=True)
    ]
    for (place, plain), read, label in zip(fresh.items(), words, labels, strict=True):
        wording = links.merge_key(plain, read) if label.kind in CLAIM_KINDS else ""
        known[place] = plain, label, wording or place[0]


def _verdict(sentence: Sentence, judged: _Judged | None, titles: frozenset[str]) -> tuple[Label, str]:
    """Return the label and the wording of a sentence, given those of the first one of its key and kind of passage."""
    plain, wording = sentence.plain, sentence.key
    if judged is None or len(plain) > _LONGEST:
        label = Label("other", cues=(Cue("other", "too-long", plain[:8], 0, 8),))
    else:
        spelt, label, wording = judged
        if spelt != plain:
            label = replace(label, cues=())  # the cues of another spelling point into that one
    if sentence.key in titles or sentence.reason.startswith("boilerplate") or _ADDRESS.fullmatch(plain):
        label, wording = Label("other"), sentence.key
    if sentence.reason == "truncated":
        end = len(plain)
        label = Label("other", cues=(Cue("other", "truncated", plain[-8:], max(0, end - 8), end),))
    return label, wording


def _labelled(s: Sentence, label: Label, wording: str) -> Sentence:
    """Return a sentence with its label: `replace` would take four times as long, for every sentence."""
    return Sentence(
        s.start, s.end, s.spans, s.text, s.plain, s.key, s.draft, s.passage,
        label=label, wording=wording, duplicate_of=s.duplicate_of, reason=s.reason,
    )  # fmt: skip


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
