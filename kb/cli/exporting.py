"""`kb export`: summaries, digests and notes, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.cli.common import clean, db_option
from kb.errors import UsageError

if TYPE_CHECKING:
    import sqlite3

    from kb.base import KnowledgeBase
    from kb.export import Digest, Summary

_SUFFIXES = {
    ".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".json": "json", ".csv": "csv", ".atom": "atom",
    ".xml": "atom",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, as the options say it."""

    slugs: tuple[str, ...]
    everything: bool
    query: str | None
    limit: int
    post: str | None
    form: str | None
    output: Path | None
    obsidian: Path | None
    lang: str | None
    full: bool
    force: bool
    since: str | None
    since_build: int | None
    model: str | None

    @property
    def digest(self) -> bool:
        """Whether changes are asked for, not what is known."""
        return self.since is not None or self.since_build is not None


@click.command()
@click.argument("slugs", nargs=-1, metavar="[TOPIC]...")
@click.option("--all", "everything", is_flag=True, help="Every topic that has claims.")
@click.option("--search", "query", metavar="QUERY", help="What a search finds.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Claims of a --search.")
@click.option("--post", metavar="PATH", help="One post.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "html", "json", "csv", "atom"]),
    help="Markdown, a page, data, a spreadsheet, or a feed of a digest.  [default: by the suffix of -o, else md]",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="Write to a file or folder.")
@click.option("--obsidian", type=click.Path(path_type=Path), metavar="DIR", help="Write a folder of linked notes.")
@click.option("--lang", type=click.Choice(["ja", "en"]), help="Of the frame.  [default: that of the posts]")
@click.option("--full", is_flag=True, help="Cut no part of Markdown, page or notes.")
@click.option("--force", is_flag=True, help="Replace what is at -o or --obsidian.")
@click.option("--since", metavar="DATE", help="What is new, changed or gone since a day.")
@click.option("--since-build", type=click.IntRange(min=0), metavar="ID", help="The same since a build.")
@click.option("--llm", "model", metavar="MODEL", help="Let a model of the llm package write the lead, citing claims.")
@db_option
def export(db: Path, **given: object) -> None:
    """Write summaries in which every line cites its source.

    TOPIC is a slug or a name. `kb verify --export FILE` checks what was written.
    """
    import kb

    asked = _Asked(**given)  # type: ignore[arg-type]  # click has checked the types
    _check(asked)
    with kb.open(db) as base:
        write = _digests if asked.digest else _notes if asked.obsidian else _summaries
        write(base, asked)


def _check(asked: _Asked) -> None:
    """Refuse what makes no sense together, and what cannot be written, before anything is read."""
    from kb.export import writing

    if asked.everything and asked.slugs:
        raise UsageError("--all: name topics, or give --all")
    if not (asked.slugs or asked.everything or asked.query or asked.post or asked.digest):
        raise UsageError("name one or more topics, or give --all, --search, --post or --since; kb topics lists topics")
    if asked.since is not None and asked.since_build is not None:
        raise UsageError("--since and --since-build: give one of them")
    if asked.digest and (asked.query or asked.post or asked.obsidian or asked.model):
        raise UsageError("--since: a digest is of topics, or of all; --search, --post, --obsidian and --llm are not")
    if asked.obsidian and (asked.output or asked.form or asked.query or asked.post):
        raise UsageError("--obsidian: writes notes of topics; leave out -o, --format, --search and --post")
    if _form(asked) == ("csv" if asked.digest else "atom"):
        told = "a digest is md, html, json or atom" if asked.digest else "a feed tells changes; give --since as well"
        raise UsageError(f"--format {_form(asked)}: {told}")
    target = asked.obsidian or asked.output
    if target is not None:
        writing.may_write(target, folder=asked.obsidian is not None or _many(asked), force=asked.force)


def _form(asked: _Asked) -> str:
    """Return the format: as given, or by the suffix of the file."""
    if asked.form:
        return asked.form
    return _SUFFIXES.get(asked.output.suffix.lower(), "md") if asked.output else "md"


def _many(asked: _Asked) -> bool:
    """Tell whether -o names a folder: it is one, or has no suffix and several summaries are asked for."""
    if asked.output is None:
        return False
    several = asked.everything or len(asked.slugs) > 1
    return several and (asked.output.is_dir() or not asked.output.suffix)


def _read(base: KnowledgeBase, asked: _Asked) -> list[Summary]:
    """Gather what is asked for; with a model, its lead as well."""
    from kb import export as exports
    from kb.search import post_path

    found = None
    if asked.query is not None:
        found = (asked.query, [(hit.claim, hit.score) for hit in base.search(asked.query, asked.limit)])
    topics = None if asked.everything else asked.slugs

    def read(conn: sqlite3.Connection) -> list[Summary]:
        post = post_path(conn, asked.post) if asked.post is not None else None
        return exports.read(conn, topics, post=post, found=found)

    summaries = base.read(read)
    if asked.model:
        model = asked.model
        summaries = [exports.abstract.written(one, model, asked.lang or "") for one in summaries]
        for one in summaries:
            if one.abstract and one.abstract.removed:
                n = one.abstract.removed
                click.echo(f"kb: {one.subject.slug}: {n} sentences of {model} cited nothing sound; removed", err=True)
    return summaries


def _summaries(base: KnowledgeBase, asked: _Asked) -> None:
    """Write summaries as text, one file or one a topic."""
    from kb import export as exports

    form = _form(asked)
    summaries = _read(base, asked)
    if _many(asked):
        files = {
            f"{s.subject.slug}.{form}": exports.render([s], form, asked.lang or "", full=asked.full) for s in summaries
        }
        _put_folder(asked, asked.output or Path(), files)
    else:
        _put(asked, exports.render(summaries, form, asked.lang or "", full=asked.full), csv=form == "csv")


def _digests(base: KnowledgeBase, asked: _Asked) -> None:
    """Write what has changed."""
    from kb import export as exports

    topics = asked.slugs or None
    form = _form(asked)

    def read(conn: sqlite3.Connection) -> list[Digest]:
        with exports.transaction(conn):
            return exports.digest.read(conn, topics, date=asked.since, build=asked.since_build)

    digests = base.read(read)
    render: Callable[..., str] = exports.DIGESTS[form]
    if _many(asked) and topics:
        files = {
            f"{d.subject.slug}.{form}": render([d], asked.lang or "", full=asked.full) for d in digests if d.subject
        }
        _put_folder(asked, asked.output or Path(), files)
    else:
        _put(asked, render(digests, asked.lang or "", full=asked.full), csv=False)


def _notes(base: KnowledgeBase, asked: _Asked) -> None:
    """Write a folder of linked notes."""
    from kb.export import gather, vault

    summaries = _read(base, asked)
    lang = asked.lang or base.read(gather.language)
    files = base.read(lambda conn: vault.notes(conn, summaries, lang, full=asked.full))
    _put_folder(asked, asked.obsidian or Path(), files)


def _put(asked: _Asked, text: str, *, csv: bool) -> None:
    """Write one text to its file, or to standard output; a CSV has its own line ends and mark."""
    from kb.export import writing

    if asked.output is not None:
        writing.file(asked.output, text, force=asked.force)
        click.echo(f"wrote {asked.output}", err=True)
    elif csv:
        click.echo(text.encode("utf-8"), nl=False)
    else:
        click.echo(clean(text), nl=not text.endswith("\n"))


def _put_folder(asked: _Asked, folder: Path, files: dict[str, str]) -> None:
    from kb.export import writing

    writing.folder(folder, files, force=asked.force)
    click.echo(f"wrote {len(files)} files below {folder}", err=True)
