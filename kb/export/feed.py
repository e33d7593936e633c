"""A digest as an Atom feed (RFC 4287): an entry an article with new claims, one a build with changed or gone ones.

Ids are tag: URIs (RFC 4151) made of keys, which stay the same when the database
is built again; dates are those of posts and builds, never of the export.
"""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

from kb.export.digest import Digest
from kb.export.news import View, heading, span
from kb.export.page import fragment
from kb.export.records import Claim
from kb.export.words import day, shown, words
from kb.records import Occurrence
from kb.text import short_key

ATOM = "http://www.w3.org/2005/Atom"
# A name of RFC 2606 that nobody can own: the ids of databases that no domain stands for.
AUTHORITY = "tag:kb.invalid,2025"
# What a document of XML 1.0 cannot hold (section 2.2).
_NO_XML = re.compile(r"[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEVER = "1970-01-01T00:00:00Z"


def digests_atom(digests: Sequence[Digest], lang: str = "", *, full: bool = False) -> str:
    """Return digests as one feed; its entries are quoted and checked as a page's are."""
    lang = lang or (digests[0].language if digests else "ja")
    entries = [entry for digest in digests for entry in _entries(digest, lang, full=full)]
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": lang})
    slugs = "+".join(digest.subject.slug if digest.subject else "all" for digest in digests)
    _put(feed, "id", f"{AUTHORITY}:feed/{short_key('feed', slugs)}")
    _put(feed, "title", "; ".join(heading(digest, lang) for digest in digests) or words(lang)["feed_all"])
    _put(feed, "subtitle", "; ".join(dict.fromkeys(span(digest, lang) for digest in digests)))
    _put(feed, "updated", max([_time(digest.updated) for digest in digests], default=_NEVER))
    _put(ET.SubElement(feed, "author"), "name", "kb")
    for ident, title, updated, content in sorted(entries, key=lambda entry: (entry[2], entry[0]), reverse=True):
        entry = ET.SubElement(feed, "entry")
        _put(entry, "id", ident)
        _put(entry, "title", title)
        _put(entry, "updated", updated)
        _put(entry, "content", content).set("type", "html")
    ET.indent(feed, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode") + "\n"


def _entries(digest: Digest, lang: str, *, full: bool) -> list[tuple[str, str, str, str]]:
    """Return (id, title, updated, HTML) of each entry of a digest."""
    name = digest.subject.slug if digest.subject else "all"
    articles: dict[str, tuple[Occurrence, list[Claim]]] = {}
    for claim in digest.new:
        place = claim.places[0]
        articles.setdefault(place.post, (place, []))[1].append(claim)
    bare = replace(digest, lead=(), changed=(), gone=())
    made = []
    for place, claims in articles.values():
        view = View(replace(bare, new=tuple(claims)), 1, lang, full=True)
        ident = f"{AUTHORITY}:{name}/article/{place.post_key}"
        made.append(
            (
                ident,
                shown(place.title) or shown(place.post),
                _time(place.date),
                fragment("digest-body.html", lang, d=view),
            )
        )
    if digest.changed or digest.gone:
        view = View(replace(digest, new=(), lead=()), 1, lang, full=full)
        ident = f"{AUTHORITY}:{name}/changes/{short_key('since', digest.since)}"
        title = f"{words(lang)['changed']}{words(lang)['comma']}{words(lang)['gone']}"
        made.append((ident, title, _time(digest.updated), fragment("digest-body.html", lang, d=view)))
    return made


def _put(parent: ET.Element, name: str, text: str) -> ET.Element:
    """Add an element with text that XML allows."""
    made = ET.SubElement(parent, name)
    made.text = "".join(
        c for c in text if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
    return made


def _time(date: str | None) -> str:
    """Return a date as RFC 3339 has it, in UTC; what is no date, as long ago."""
    try:
        when = dt.datetime.fromisoformat(date or "")
    except ValueError:
        try:
            when = dt.datetime.fromisoformat(day(date))
        except ValueError:
            return _NEVER
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    return when.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
