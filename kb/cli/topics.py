"""`kb topics`: the list of topics, and working on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.common import clean, db_option, heading, json_option, one_line, print_json, progress_bar

if TYPE_CHECKING:
    from kb.pipeline.curate import Synced
    from kb.topics.records import TopicPage

_BAR = 30  # blocks of the longest month
_SHOWN_NAMES = 10
_SHOWN_MOVED = 40
_file_option = click.option(
    "--file", type=click.Path(path_type=Path), metavar="PATH", help="The topics file.  [default: the one in use]"
)


@click.group(invoke_without_command=True)
@db_option
@json_option
@click.pass_context
def topics(context: click.Context, db: Path, as_json: bool) -> None:
    """List the topics, or work on them.

    Without a command: every topic with how many claims and posts it has.
    """
    if context.invoked_subcommand is not None:
        for name, option in (("db", "--db"), ("as_json", "--json")):
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(f"write {option} behind {context.invoked_subcommand}", context)
        return
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


@topics.command()
@click.argument("topic", metavar="TOPIC")
@db_option
@json_option
def show(topic: str, db: Path, as_json: bool) -> None:
    """Show what is counted of one topic.

    TOPIC is a slug or a name. Kinds, months, trend, who and what is named, related topics, history.
    """
    import kb

    with kb.open(db) as base:
        found = base.topic(topic)
    if as_json:
        print_json(found.to_dict())
    else:
        _print_page(found)


def _print_page(page: TopicPage) -> None:
    """Print one topic."""
    mark = " (discovered)" if page.discovered else ""
    click.echo(f"{heading(page.slug)}{mark}: {one_line(page.names['ja'])} / {one_line(page.names['en'])}")
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in page.kinds.items())
    click.echo(f"     {page.claims:,} claims ({kinds or 'none'}) in {page.posts:,} posts, {page.share:.0%} of all")
    if page.parent:
        click.echo(f"     part of {page.parent}")
    if page.children:
        click.echo(f"     wider than {', '.join(page.children)}")
    if page.aliases:
        click.echo(f"     {'terms' if page.discovered else 'aliases'}: {one_line(', '.join(page.aliases))}")
    trend = page.trend
    if trend.direction != "unknown":
        click.echo(f"     {trend.direction}: {trend.before:.1%} of claims before, {trend.recent:.1%} of late")
    most = max((month.claims for month in page.months), default=0)
    for month in page.months:
        click.echo(f"     {month.month} {month.claims:6,} {'█' * round(_BAR * month.claims / most) if most else ''}")
    for name, values in (
        ("names", [f"{one.name} ({one.claims})" for one in page.entities[:_SHOWN_NAMES]]),
        ("related", [f"{one.slug} ({one.claims})" for one in page.related]),
    ):
        if values:
            click.echo(f"     {name}: {one_line(', '.join(values))}")
    for example in page.examples:
        click.echo(f"     - {one_line(example.text)} [{example.claim}]")
    for change in page.history:
        click.echo(f"     build {change.build}, {change.date[:10]}: {change.event}{_detail(change.detail)}")


@topics.command()
@click.argument("topic", metavar="TOPIC")
@click.option("-n", "--number", type=click.IntRange(min=1), default=30, show_default=True, help="How many.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws others.")
@db_option
@json_option
def sample(topic: str, number: int, seed: int, db: Path, as_json: bool) -> None:
    """Draw claims of a topic at random, to read whether they belong."""
    import kb

    with kb.open(db) as base:
        found = base.topic_sample(topic, number, seed)
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    for place, one in enumerate(found, 1):
        click.echo(f"{place}. {one_line(one.text)}")
        why = "; ".join(map(one_line, one.evidence))
        click.echo(f"     {one.score:.2f}: {why}; {one_line(one.post)}:{one.start}-{one.end}; claim {one.claim}")


@topics.command()
@click.argument("phrase")
@db_option
@json_option
def suggest(phrase: str, db: Path, as_json: bool) -> None:
    """Draft an entry for the topics file from the posts.

    PHRASE is what the topic is called. The YAML can be put into the file as it is; comments give
    counts, near phrases, candidates to exclude and claims with their sources.
    """
    import kb

    with kb.open(db) as base:
        found = base.suggest_topic(phrase)
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(clean(found.to_yaml()), nl=False)


@topics.command()
@_file_option
@db_option
@json_option
def sync(file: Path | None, db: Path, as_json: bool) -> None:
    """Apply an edited topics file, without a build.

    PATH is remembered for later builds; "default" goes back to the list that comes with the program.
    """
    from kb.pipeline import curate

    with progress_bar() as progress:
        done = curate.sync(db, file, progress)
    _print_synced(done, as_json=as_json)


@topics.command()
@db_option
@json_option
def discover(db: Path, as_json: bool) -> None:
    """Look for topics anew among the claims that no curated topic explains.

    Builds do so when these have grown by a quarter. Topics that are found again keep address and history.
    """
    from kb.pipeline import curate

    with progress_bar() as progress:
        done = curate.discover(db, progress)
    _print_synced(done, as_json=as_json)


def _print_synced(done: Synced, *, as_json: bool) -> None:
    """Print what applying a list did."""
    for note in done.notes:
        click.echo(f"kb: {one_line(note)}", err=True)
    if as_json:
        print_json(done.to_dict())
        return
    click.echo(f"list: {one_line(done.path)}")
    for name, slugs in (("added", done.added), ("changed", done.changed), ("removed", done.removed)):
        if slugs:
            click.echo(f"{name}: {', '.join(slugs)}")
    for one in done.moved[:_SHOWN_MOVED]:
        click.echo(f"  {one.slug}: {one.claims:,} claims (+{one.gained:,} -{one.lost:,})")
    if len(done.moved) > _SHOWN_MOVED:
        click.echo(f"  ... and {len(done.moved) - _SHOWN_MOVED} more")
    if not (done.added or done.changed or done.removed or done.moved):
        click.echo("nothing has changed")


@topics.command()
@click.option("--since", type=int, metavar="BUILD", help="In the builds after this one.  [default: the last change]")
@db_option
@json_option
def diff(since: int | None, db: Path, as_json: bool) -> None:
    """Tell which discovered topics were born, died, split, merged, were renamed or adopted."""
    import kb

    with kb.open(db) as base:
        found = base.topic_changes(since)
    if as_json:
        print_json([change.to_dict() for change in found])
        return
    for change in found:
        click.echo(f"build {change.build}, {change.date[:10]}: {change.slug} {change.event}{_detail(change.detail)}")
    if not found:
        click.echo("no topic has changed", err=True)


def _detail(detail: Any) -> str:
    """Return what an event tells besides, in one line."""
    parts = []
    for name, value in detail.items():
        if isinstance(value, dict):
            shown = " / ".join(map(str, value.values()))
        else:
            shown = (
                ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
            )
        parts.append(f"{name} {one_line(shown)}")
    return f" ({'; '.join(parts)})" if parts else ""


@topics.command()
@click.argument("topic", metavar="TOPIC")
@_file_option
@db_option
def adopt(topic: str, file: Path | None, db: Path) -> None:
    """Make a discovered topic a curated one.

    Its entry is put at the end of the topics file, which is then applied; slug and history stay. A
    PATH that is not there yet is begun with the topics now in use. Where the list that comes with
    the program is in use and no --file is given, the entry is only printed.
    """
    from kb.pipeline import curate

    entry, path = curate.adopt(db, topic, file)
    click.echo(clean(entry), nl=False)
    if path is None:
        click.echo(
            "kb: nothing was written: the list that comes with the program is in use; "
            "--file PATH begins one of your own with this entry",
            err=True,
        )
    else:
        click.echo(f"kb: written to {one_line(path)} and applied", err=True)
