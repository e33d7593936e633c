"""`kb build` and `kb verify`: bring a database up to date, and check it."""

from __future__ import annotations

from pathlib import Path

import click

from kb.cli.common import clean, db_option, json_option, one_line, print_json, print_table, progress_bar
from kb.config import Settings

_SHOWN_PROBLEMS = 50


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
@click.option(
    "--separator",
    "separators",
    multiple=True,
    metavar="LINE",
    help="A line that stands between two drafts; may be given several times.  [default: ---END---]",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Reading processes.  [default: one a core]")
@db_option
@json_option
def build(sources: tuple[Path, ...], separators: tuple[str, ...], workers: int | None, db: Path, as_json: bool) -> int:
    """Read posts and bring the database up to date.

    SOURCE is a folder or a file. New, changed and deleted files only. What
    cannot be read is named and skipped; the exit status is then 1.
    """
    from kb import pipeline

    settings = Settings(separators=separators) if separators else Settings()
    with progress_bar() as progress:
        report = pipeline.build(list(sources), db, settings=settings, progress=progress, workers=workers)
    for fault in report.faults:
        click.echo(f"kb: {one_line(f'{fault.path}: {fault.reason}')}", err=True)
    if as_json:
        print_json(report.to_dict())
    else:
        rows = [(name.replace("_", " "), f"{count:,}") for name, count in report.counts.items()]
        rows += [(f"seconds: {stage}", f"{seconds:.1f}") for stage, seconds in report.seconds.items()]
        print_table(rows)
    return 1 if report.faults else 0


@click.command()
@db_option
@json_option
def verify(db: Path, as_json: bool) -> int:
    """Check every quote, count, key, index and vector.

    The exit status is 1 if anything is wrong.
    """
    from kb import verify as checks

    problems, counts = checks.run(db)
    if as_json:
        print_json({"problems": problems, "counts": counts})
    else:
        for problem in problems[:_SHOWN_PROBLEMS]:
            click.echo(clean(problem))
        if len(problems) > _SHOWN_PROBLEMS:
            click.echo(f"... and {len(problems) - _SHOWN_PROBLEMS} more")
        print_table([(name, f"{count:,}") for name, count in counts.items()])
        click.echo(f"{len(problems)} problems" if problems else "no problems")
    return 1 if problems else 0
