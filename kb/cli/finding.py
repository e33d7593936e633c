"""`kb search`, the look-ups and `kb export`: commands that read a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.common import clean, db_option, heading, json_option, one_line, print_json
from kb.errors import UsageError
from kb.records import CLAIM_KINDS

if TYPE_CHECKING:
    from kb.records import Hit, Occurrence

_SHOWN_PLACES = 3


@click.command()
@click.argument("query")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="At most so many.")
@click.option(
    "--mode",
    type=click.Choice(["hybrid", "semantic", "keyword"]),
    default="hybrid",
    show_default=True,
    help="By meaning, by word, or both.",
)
@click.option(
    "--group",
    type=click.Choice(["claim", "post"]),
    default="claim",
    show_default=True,
    help="Rank claims, or the posts that say them.",
)
@click.option("--kind", type=click.Choice(CLAIM_KINDS), help="Only claims of this kind.")
@click.option("--topic", metavar="SLUG", help="Only claims of this topic.")
@click.option("--tag", help="Only posts with this tag.")
@click.option("--since", metavar="DATE", help="Only posts of this date or later.")
@click.option("--until", metavar="DATE", help="Only posts of this date or earlier.")
@db_option
@json_option
def search(query: str, db: Path, as_json: bool, **filters: Any) -> None:
    """Find claims by meaning and by word, each with its source."""
    import kb

    with kb.open(db) as base:
        hits = base.search(query, **filters)
    if as_json:
        print_json([hit.to_dict() for hit in hits])
        return
    if not hits:
        click.echo("nothing found", err=True)
    for number, hit in enumerate(hits, 1):
        if filters["group"] == "post":
            day = f", {hit.date}" if hit.date else ""
            click.echo(f"{number}. {heading(hit.title)} ({one_line(hit.post)}{day}, {hit.score:.3f})")
            for claim in hit.claims:
                click.echo(f"     {one_line(claim.text)}")
        else:
            _print_hit(number, hit)


def _print_hit(number: int, hit: Hit) -> None:
    """Print a claim, where it is said and what found it."""
    click.echo(f"{number}. {heading(hit.text)}")
    arms = ", ".join(f"{name} {arm.rank} ({arm.score:.2f})" for name, arm in hit.arms.items())
    matched = f"; words: {' '.join(map(one_line, hit.matched))}" if hit.matched else ""
    click.echo(f"     {hit.kind}, {hit.certainty}; score {hit.score:.3f}; {arms}{matched}; claim {hit.claim}")
    _print_places(hit.occurrences)


def _print_places(occurrences: tuple[Occurrence, ...]) -> None:
    """Print the first places where a claim is said, and how many more there are."""
    for place in occurrences[:_SHOWN_PLACES]:
        day = f", {place.date}" if place.date else ""
        click.echo(f"     {one_line(place.title)} ({one_line(place.post)}:{place.start}-{place.end}{day})")
    if len(occurrences) > _SHOWN_PLACES:
        click.echo(f"     ... and {len(occurrences) - _SHOWN_PLACES} more places")


@click.command()
@db_option
@json_option
def topics(db: Path, as_json: bool) -> None:
    """List the topics, with how many claims and posts each has."""
    import kb

    with kb.open(db) as base:
        found = base.topics()
    if as_json:
        print_json(found)
        return
    for topic in found:
        names = topic["names"]
        mark = " (discovered)" if topic["discovered"] else ""
        click.echo(f"{heading(topic['slug'])}{mark}: {one_line(names['ja'])} / {one_line(names['en'])}")
        click.echo(f"     {topic['claims']:,} claims in {topic['posts']:,} posts")


@click.command()
@click.argument("ident", metavar="ID")
@db_option
@json_option
def show(ident: str, db: Path, as_json: bool) -> None:
    """Show a claim or a post.

    A claim comes with every place where it is said, a post with its claims.
    ID is a claim's key, or a post's key or path.
    """
    import kb

    with kb.open(db) as base:
        found = base.show(ident)
    if as_json:
        print_json(found)
    else:
        _print_fields(found)


def _print_fields(record: Any, indent: str = "") -> None:
    """Print a nested record with a name and a value a line."""
    for name, value in record.items():
        if isinstance(value, dict):
            click.echo(f"{indent}{name}:")
            _print_fields(value, indent + "  ")
        elif isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
            click.echo(f"{indent}{name}: {len(value)}")
            for item in value:
                _print_fields(item, indent + "    ")
                click.echo()
        elif isinstance(value, (list, tuple)):
            click.echo(f"{indent}{name}: {one_line(', '.join(map(str, value)))}")
        else:
            click.echo(f"{indent}{name}: {one_line(str(value))}")


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@db_option
@json_option
def duplicates(limit: int, db: Path, as_json: bool) -> None:
    """List claims that are said in more than one place."""
    import kb

    with kb.open(db) as base:
        found = base.duplicates(limit=limit)
    if as_json:
        print_json(found)
        return
    for claim in found:
        click.echo(f"{heading(claim['text'])}")
        click.echo(f"     {len(claim['occurrences'])} places; claim {claim['claim']}")


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@db_option
@json_option
def conflicts(limit: int, db: Path, as_json: bool) -> None:
    """List pairs of claims that contradict each other."""
    import kb

    with kb.open(db) as base:
        found = base.conflicts(limit=limit)
    if as_json:
        print_json(found)
        return
    for pair in found:
        click.echo(f"{heading(pair['a']['text'])}\n{heading(pair['b']['text'])}")
        click.echo(f"     {pair['score']:.2f}: {'; '.join(one_line(str(e)) for e in pair['evidence'])}")


@click.command()
@click.argument("slugs", nargs=-1, metavar="[TOPIC]...")
@click.option("--all", "everything", is_flag=True, help="Every topic that has claims.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "json"]),
    default="md",
    show_default=True,
    help="Markdown to read, JSON to work with.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="Write to a file.")
@db_option
def export(slugs: tuple[str, ...], everything: bool, form: str, output: Path | None, db: Path) -> None:
    """Write summaries of topics; every line cites its source."""
    import kb

    if everything == bool(slugs):
        raise UsageError("name one or more topics, or give --all; 'kb topics' lists them")
    with kb.open(db) as base:
        text = base.export(None if everything else list(slugs), format=form)
    if output is None:
        click.echo(clean(text), nl=not text.endswith("\n"))
    else:
        output.write_text(text, "utf-8")
        click.echo(f"wrote {output}", err=True)
