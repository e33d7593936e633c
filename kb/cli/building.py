"""`kb build` and `kb verify`: bring a database up to date, and check it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from kb.cli.common import clean, db_option, json_option, one_line, print_json, print_table, progress_bar
from kb.config import Settings

_SHOWN_PROBLEMS = 50
# The counts of a build in the order they are shown, and what they are called; others follow under their own names.
_COUNTS = {
    "posts": "posts",
    "new_posts": "  new",
    "changed_posts": "  changed",
    "unchanged_posts": "  unchanged",
    "removed_posts": "  removed",
    "faults": "  with a fault",
    "drafts": "drafts",
    "sentences": "sentences",
    "repeats": "repeats removed",
    "claims": "claims",
    "occurrences": "  places where they are said",
    "new_embeddings": "new embeddings",
    "topics": "topics",
    "links": "links",
    "links_made": "  made",
    "merged": "claims merged",
}


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
@click.option(
    "--separator",
    "separators",
    multiple=True,
    metavar="LINE",
    help="A line that stands between two drafts; may be given several times.  [default: ---END---]",
)
@click.option(
    "--topics",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file of curated topics, remembered for later builds.  [default: $KB_TOPICS, the last one, or kb's own]",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Reading processes.  [default: one a core]")
@db_option
@json_option
def build(
    sources: tuple[Path, ...],
    separators: tuple[str, ...],
    topics: Path | None,
    workers: int | None,
    db: Path,
    as_json: bool,
) -> int:
    """Read posts and bring the database up to date.

    SOURCE is a folder or a file. New, changed and deleted files only. What
    cannot be read is named and skipped; the exit status is then 1.
    """
    from kb import pipeline

    settings = Settings(separators=separators) if separators else Settings()
    with progress_bar() as progress:
        report = pipeline.build(list(sources), db, settings=settings, progress=progress, workers=workers, topics=topics)
    for note in report.notes:
        click.echo(f"kb: {one_line(note)}", err=True)
    for fault in report.faults:
        click.echo(f"kb: {one_line(f'{fault.path}: {fault.reason}')}", err=True)
    if not report.counts["posts"]:
        named = ", ".join(one_line(str(source)) for source in sources)
        click.echo(f"kb: no Markdown posts (.md) in {named}", err=True)
    if as_json:
        print_json(report.to_dict())
    else:
        print_table(count_rows(report.counts) + _second_rows(report.seconds))
        if report.encoder:
            click.echo(f"encoder {report.encoder}")
    return 1 if report.faults else 0


def count_rows(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the counts of a build as rows of a table."""
    order = [name for name in _COUNTS if name in counts] + [name for name in counts if name not in _COUNTS]
    return [(_COUNTS.get(name, name.replace("_", " ")), f"{counts[name]:,}") for name in order]


def _second_rows(seconds: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return the times of a build as rows of a table, the total first."""
    stages = [(f"  {stage}", f"{took:.1f}") for stage, took in seconds.items() if stage != "total"]
    return [("seconds", f"{seconds.get('total', 0.0):.1f}"), *stages]


@click.command()
@click.option(
    "--export",
    "exports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Check an exported file or folder against the database instead; may be given several times.",
)
@db_option
@json_option
def verify(exports: tuple[Path, ...], db: Path, as_json: bool) -> int:
    """Check every quote, count, key, index and vector.

    With --export, check each quote of an export: its words, its claim and its
    place in the posts. The exit status is 1 if anything is wrong.
    """
    from kb import verify as checks

    problems, counts = checks.exported(db, exports) if exports else checks.run(db)
    if as_json:
        print_json({"problems": problems, "counts": counts})
    else:
        for problem in problems[:_SHOWN_PROBLEMS]:
            click.echo(clean(problem))
        if len(problems) > _SHOWN_PROBLEMS:
            click.echo(f"... and {len(problems) - _SHOWN_PROBLEMS} more")
        print_table([(name, f"{count:,}") for name, count in counts.items()])
        click.echo({0: "no problems", 1: "1 problem"}.get(len(problems), f"{len(problems)} problems"))
    return 1 if problems else 0
