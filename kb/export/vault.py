"""Summaries as a folder of linked notes for Obsidian: one a topic, one an article, one a name.

Notes link to each other by `[[folder/note|what is shown]]` and carry properties
in YAML. File names are those of topics, articles and names, without what
Obsidian, Windows or a link do not allow; two that would be one file get their
key behind (https://help.obsidian.md/links).
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kb.export import gather
from kb.export.escape import code, markdown_text
from kb.export.markdown import PER_KIND, Links, Writer
from kb.export.records import Claim, Summary
from kb.export.words import day, shown, title, words

_FORBIDDEN = re.compile(r'[\\/:*?"<>|#^\[\]%]+')
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$")
_BYTES = 120  # of a file's name; file systems end at 255, and links are read by people
_LINKED = re.compile(r"[\[\]|#^\\]+")
_NAMED_OFTEN = 3  # claims from which a name of no known kind gets a note
_RELATED = (
    "SELECT p.path FROM article_links l JOIN posts me ON me.path = ?"
    " JOIN posts p ON p.id = CASE l.a_id WHEN me.id THEN l.b_id ELSE l.a_id END"
    " WHERE me.id IN (l.a_id, l.b_id) ORDER BY l.score DESC, p.path LIMIT 8"
)


class Names:
    """File names that are safe everywhere, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str, key: str) -> str:
        """Return a file name (without suffix) for a name; `key` sets two apart that would be one file."""
        flat = unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", shown(name)))
        flat = _cut(" ".join(flat.split()), _BYTES).strip(" .")
        if not flat or _RESERVED.match(flat):
            flat = f"{flat} {key}".strip()
        if _folded(flat) in self._taken:
            flat = f"{_cut(flat, _BYTES - len(key) - 1).strip(' .')} {key}"
        self._taken.add(_folded(flat))
        return flat


def _folded(name: str) -> str:
    """Return a name as a file system that ignores case compares it."""
    return unicodedata.normalize("NFKC", name).casefold()


def _cut(text: str, size: int) -> str:
    """Return `text`, whole characters of it, in at most so many bytes of UTF-8."""
    return text.encode("utf-8", "ignore")[:size].decode("utf-8", "ignore")


class _Vault(Links):
    """Which note each topic, article and name has."""

    def __init__(self, lang: str) -> None:
        self.word = words(lang)
        self.notes: dict[tuple[str, str], str] = {}
        self._names: dict[str, Names] = defaultdict(Names)

    def add(self, kind: str, key: str, name: str) -> None:
        """Give a note to something."""
        if (kind, key) not in self.notes:
            self.notes[kind, key] = f"{self.word['folders'][kind]}/{self._names[kind].of(name, key)}"

    def link(self, kind: str, key: str, name: str, bar: str = "|") -> str:
        """Return a link to a note, or the name alone where there is none."""
        note = self.notes.get((kind, key))
        if note is None:
            return markdown_text(name)
        label = " ".join(_LINKED.sub(" ", shown(name)).split())
        return f"[[{note}{bar}{label}]]" if label else f"[[{note}]]"

    def post(self, name: str, path: str) -> str:
        """Return the link to an article."""
        return self.link("article", path, name or path)

    def topic(self, name: str, slug: str) -> str:
        """Return the link to a topic; its bar is escaped, for it stands in a table."""
        return self.link("topic", slug, name, "\\|")

    def entity(self, name: str, key: str) -> str:
        """Return the link to a name."""
        return self.link("entity", key, name)


def notes(conn: sqlite3.Connection, summaries: Sequence[Summary], lang: str, *, full: bool = False) -> dict[str, str]:
    """Return the notes of topics, of the articles they cite and of the names in their claims: text by path.

    Args:
        conn: the database, asked for the whole claims of each article.
        summaries: of topics.
        lang: of the frame.
        full: no part is cut.
    """
    vault = _Vault(lang)
    for summary in summaries:
        vault.add("topic", summary.subject.slug, summary.subject.name(lang))
    titles = {source.post: source for summary in summaries for source in summary.sources}
    for path, source in sorted(titles.items()):
        vault.add("article", path, f"{day(source.date)} {source.title or path}".strip())
    named = _named(summaries)
    for key, (name, _, _) in named.items():
        vault.add("entity", key, name)
    made = {f"{vault.word['index']}.md": _index(vault, summaries, lang)}
    topics: dict[str, list[str]] = defaultdict(list)
    for summary in summaries:
        made[f"{vault.notes['topic', summary.subject.slug]}.md"] = _topic(vault, summary, lang, full=full)
        for section in summary.sections:
            for claim in section.claims:
                topics[claim.key].append(vault.link("topic", summary.subject.slug, summary.subject.name(lang)))
    for path in sorted(titles):
        made[f"{vault.notes['article', path]}.md"] = _article(conn, vault, path, topics, lang)
    for key, (name, kind, claims) in named.items():
        made[f"{vault.notes['entity', key]}.md"] = _entity(vault, name, kind, claims, topics, lang, full=full)
    return made


def _named(summaries: Iterable[Summary]) -> dict[str, tuple[str, str, list[Claim]]]:
    """Return the names that get a note: those of a known kind, and others that several claims have."""
    found: dict[str, tuple[str, str, dict[str, Claim]]] = {}
    for summary in summaries:
        for section in summary.sections:
            for claim in section.claims:
                for name in claim.names:
                    found.setdefault(name.key, (name.name, name.kind, {}))[2][claim.key] = claim
    return {
        key: (name, kind, list(claims.values()))
        for key, (name, kind, claims) in sorted(found.items(), key=lambda item: (item[1][0], item[0]))
        if kind != "name" or len(claims) >= _NAMED_OFTEN
    }


def _properties(values: Mapping[str, Any]) -> list[str]:
    """Return YAML front matter, empty values left out."""
    import yaml

    held = {name: value for name, value in values.items() if value not in (None, "", [], ())}
    return ["---", yaml.safe_dump(held, allow_unicode=True, sort_keys=False, width=10_000).rstrip("\n"), "---", ""]


def _topic(vault: _Vault, summary: Summary, lang: str, *, full: bool) -> str:
    subject = summary.subject
    writer = Writer(lang, full=full, links=vault)
    names = dict.fromkeys(shown(name) for name in (*subject.names.values(), subject.slug))
    lines = _properties(
        {
            "type": "topic",
            "slug": subject.slug,
            "aliases": [name for name in names if name],
            "claims": summary.claims,
            "posts": len(summary.sources),
            "first": day(summary.period[0]) if summary.period else "",
            "last": day(summary.period[1]) if summary.period else "",
            "parent": vault.link("topic", subject.parent, subject.parent) if subject.parent else "",
        }
    )
    lines += writer.summary(summary)
    return _text([*lines, *writer.notes.lines()])


def _article(conn: sqlite3.Connection, vault: _Vault, path: str, topics: Mapping[str, Sequence[str]], lang: str) -> str:
    """Return the note of an article: its claims in reading order, and what it is related to."""
    material = gather.post(conn, path)
    own = [(min(p.start for p in claim.places if p.post == path), claim) for claim in material.claims]
    claims = [claim for _, claim in sorted(own, key=lambda pair: (pair[0], pair[1].key))]
    date = next((p.date for claim in claims for p in claim.places if p.post == path), None)
    about = list(dict.fromkeys(link for claim in claims for link in topics.get(claim.key, ())))
    related = [vault.post(_title(conn, other), other) for (other,) in conn.execute(_RELATED, (path,))]
    writer = Writer(lang, full=True, links=vault)
    lines = _properties({"type": "article", "file": path, "date": day(date), "claims": len(claims), "topics": about})
    lines += [f"# {markdown_text(title(material.subject, lang))}", ""]
    lines += [f"{code(path)}{vault.word['comma']}{markdown_text(day(date))}" if date else code(path), ""]
    if related:
        lines += [f"{vault.word['related']}: {vault.word['list'].join(related)}", ""]
    lines += [f"## {vault.word['article_claims']}", ""]
    lines += [line for claim in claims for line in writer.item(claim)]
    return _text([*lines, "", *writer.notes.lines()])


def _title(conn: sqlite3.Connection, path: str) -> str:
    row = conn.execute("SELECT title FROM posts WHERE path = ?", (path,)).fetchone()
    return str(row[0]) if row and row[0] else path


def _entity(
    vault: _Vault, name: str, kind: str, claims: Sequence[Claim], topics: Mapping[str, Sequence[str]], lang: str, *,
    full: bool,
) -> str:  # fmt: skip
    """Return the note of a name: the claims of the exported topics that have it."""
    writer = Writer(lang, full=full, links=vault)
    ordered = sorted(claims, key=lambda claim: (-claim.posts, claim.first_date, claim.key))
    kept = ordered if full else ordered[:PER_KIND]
    about = list(dict.fromkeys(link for claim in ordered for link in topics.get(claim.key, ())))
    lines = _properties({"type": "entity", "kind": kind, "claims": len(ordered), "topics": about})
    lines += [f"# {markdown_text(name)}", "", f"## {vault.word['entity_claims']}", ""]
    lines += [line for claim in kept for line in writer.item(claim, context=False)]
    if len(kept) < len(ordered):
        lines += ["", f"*{vault.word['more'].format(n=len(ordered) - len(kept))}*"]
    return _text([*lines, "", *writer.notes.lines()])


def _index(vault: _Vault, summaries: Sequence[Summary], lang: str) -> str:
    """Return the note that all topics are reached from."""
    rows = [f"# {vault.word['related_columns'][0]}", ""]
    for place, summary in enumerate(summaries, 1):
        subject = summary.subject
        cited = vault.word["counts"].format(claims=summary.claims, posts=len(summary.sources))
        rows.append(f"{place}. {vault.link('topic', subject.slug, subject.name(lang))} — {cited}")
    return _text(rows)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
