"""Digests of what has changed, as Markdown, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kb.export.digest import Change, Digest, Gone
from kb.export.escape import code, markdown_text
from kb.export.markdown import PER_KIND, PER_PART, Writer
from kb.export.page import Places, page, quote
from kb.export.plain import claim_json, dump
from kb.export.records import Claim, Section
from kb.export.sections import worth
from kb.export.words import Words, day, shown, title, words
from kb.records import CLAIM_KINDS

SCHEMA = "kb-digest/1"


def heading(digest: Digest, lang: str) -> str:
    """Return the title of a digest."""
    word = words(lang)
    name = title(digest.subject, lang) if digest.subject else word["feed_all"]
    return str(word["digest"]).format(name=name)


def span(digest: Digest, lang: str) -> str:
    """Return since when a digest tells."""
    key = "digest_since" if digest.build is None else "digest_build"
    return str(words(lang)[key]).format(since=shown(digest.since))


def kinds(claims: Sequence[Claim]) -> list[Section]:
    """Return claims by kind, in the usual order, those that tell most first."""
    ranked = sorted(claims, key=worth)
    return [Section(kind, own) for kind in CLAIM_KINDS if (own := tuple(c for c in ranked if c.kind == kind))]


def differences(change: Change, word: Words) -> list[str]:
    """Return what is otherwise with a claim, a phrase each."""
    told = []
    for field in ("kind", "certainty", "holder"):
        if field in change.before:
            old, new = (_label(field, value, word) for value in (change.before[field], getattr(change.claim, field)))
            told.append(word["change_label"].format(field=word["fields"][field], old=old, new=new))
    if "text" in change.before:
        told.append(word["change_was"].format(text=shown(change.before["text"])))
    if change.added:
        told.append(word["change_posts"].format(posts=word["list"].join(map(shown, change.added))))
    if change.removed:
        told.append(word["change_lost"].format(posts=word["list"].join(map(shown, change.removed))))
    return told


def _label(field: str, value: str, word: Words) -> str:
    if field == "kind":
        return str(word["kinds"].get(value, value))
    if field == "holder" and value == "author":
        return str(word["author"])
    return str(word["certainties"].get(value, shown(value)))


def digests_md(digests: Sequence[Digest], lang: str = "", *, full: bool = False) -> str:
    """Return digests as one Markdown document, in the manner of `markdown.render_md`."""
    writer = Writer(lang or (digests[0].language if digests else "ja"), full=full)
    lines: list[str] = []
    for place, digest in enumerate(digests):
        lines += ["---", ""] if place else []
        lines += _document(writer, digest, lang or digest.language, full=full)
    return "\n".join([*lines, *writer.notes.lines()]).rstrip("\n") + "\n"


def _document(writer: Writer, digest: Digest, lang: str, *, full: bool) -> list[str]:
    word = writer.words
    counts = word["digest_counts"].format(new=len(digest.new), changed=len(digest.changed), gone=len(digest.gone))
    lines = [f"# {markdown_text(heading(digest, lang))}", "", f"{markdown_text(span(digest, lang))}: {counts}", ""]
    if not (digest.new or digest.changed or digest.gone):
        return [*lines, word["digest_none"], ""]
    if digest.lead:
        lines += [f"## {word['lead']}", "", *(line for claim in digest.lead for line in writer.item(claim)), ""]
    if digest.new:
        lines += [f"## {word['new']} ({len(digest.new)})", ""]
        for section in kinds(digest.new):
            rows, more = writer.cut(section.claims, PER_KIND)
            lines += [f"### {word['kinds'][section.kind]} ({len(section.claims)})", ""]
            lines += [line for claim in rows for line in writer.item(claim, context=False)]
            lines += [*more, ""]
    if digest.changed:
        changes, more = writer.cut(digest.changed, PER_PART)
        lines += [f"## {word['changed']} ({len(digest.changed)})", ""]
        for change in changes:
            told = "; ".join(markdown_text(one) for one in differences(change, word))
            lines += [*writer.item(change.claim, context=False), *([f"    ({told})"] if told else [])]
        lines += [*more, ""]
    if digest.gone:
        gone, more = writer.cut(digest.gone, PER_PART)
        lines += [f"## {word['gone']} ({len(digest.gone)})", ""]
        lines += [f"- {markdown_text(one.text)}{writer.notes.gone(one.key, _last(one, word))}" for one in gone]
        lines += [*more, ""]
    return lines


def _last(gone: Gone, word: Words) -> str:
    """Return where a claim was said that nobody makes any more."""
    posts = word["list"].join(code(post) for post in gone.posts)
    return f"{word['gone_note'].format(build=gone.build, date=day(gone.date))}: {posts}"


def digests_html(digests: Sequence[Digest], lang: str = "", *, full: bool = False) -> str:
    """Return digests as one page, in the manner of `page.render_html`."""
    lang = lang or (digests[0].language if digests else "ja")
    told = [View(digest, place, lang, full=full) for place, digest in enumerate(digests, 1)]
    return page("digest.html", lang, told[0].title if len(told) == 1 else words(lang)["feed_all"], digests=told)


class View:
    """A digest as the template sees it."""

    def __init__(self, digest: Digest, place: int, lang: str, *, full: bool) -> None:
        """Number the sources; cut what is long unless `full`."""
        word = words(lang)
        self.id = f"d{place}"
        self.digest = digest
        self.title = heading(digest, lang)
        self.span = span(digest, lang)
        cited = {p.post: p for claim in (*digest.new, *(c.claim for c in digest.changed)) for p in claim.places}
        leaning = [claim.context.place for claim in (*digest.lead, *digest.new) if claim.context]
        cited |= {place.post: place for place in leaning if place.post not in cited}
        self.sources = sorted(cited.values(), key=lambda p: (p.date is None, p.date or "", p.post))
        self.places = Places([source.post for source in self.sources], self.id)
        self.lead = digest.lead
        self.new = [
            (section, *((section.claims, 0) if full else (section.claims[:PER_KIND], len(section.claims[PER_KIND:]))))
            for section in kinds(digest.new)
        ]
        most = None if full else PER_PART
        self.changed = [(change.claim, differences(change, word)) for change in digest.changed[:most]]
        self.gone = digest.gone[:most]
        self.more_changed = len(digest.changed) - len(self.changed)
        self.more_gone = len(digest.gone) - len(self.gone)

    def quoted(self, said: Any) -> dict[str, Any]:
        """Return a quote as the template writes it."""
        return quote(said, self.places)


def digests_json(digests: Sequence[Digest], lang: str = "", *, full: bool = True) -> str:
    """Return digests as JSON by `data/export/digest.schema.json`; always all of them."""
    return dump({"schema": SCHEMA, "digests": [_json(digest) for digest in digests]})


def _json(digest: Digest) -> dict[str, Any]:
    subject = digest.subject
    return {
        "slug": subject.slug if subject else None,
        "names": dict(subject.names) if subject else None,
        "since": digest.since,
        "build": digest.build,
        "updated": digest.updated or None,
        "lead": [claim.key for claim in digest.lead],
        "new": [claim_json(claim) for claim in digest.new],
        "changed": [
            {
                **claim_json(change.claim),
                "before": dict(change.before),
                "added": list(change.added),
                "removed": list(change.removed),
            }
            for change in digest.changed
        ],
        "gone": [
            {
                "claim": one.key,
                "text": one.text,
                "kind": one.kind,
                "holder": one.holder,
                "posts": list(one.posts),
                "build": one.build,
                "date": one.date,
            }
            for one in digest.gone
        ],
    }
