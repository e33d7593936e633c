"""`kb serve`, `kb publish` and `kb demo`: the site, the site elsewhere, and a first look."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from kb.cli.building import count_rows
from kb.cli.common import clean, db_option, json_option, one_line, print_json, print_table, progress_bar

_EXCERPT_WIDTH = 100  # code points; a line of a summary carries its whole citation


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one.")
@click.option("--port", type=click.IntRange(0, 65535), default=8001, show_default=True, help="0 takes a free one.")
@click.option("--immutable", is_flag=True, help="The file will not change while it is served: faster, without locks.")
@click.option(
    "--base-url", default="/", show_default=True, help="Path below which a proxy serves it, such as /claims/."
)
@db_option
def serve(host: str, port: int, immutable: bool, base_url: str, db: Path) -> None:
    """Open the database as a site, in Datasette."""
    from kb import server

    server.serve(db, host, port, announce=click.echo, immutable=immutable, base_url=base_url)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--force", is_flag=True, help="Replace a bundle that is there already.")
@db_option
def publish(folder: Path, force: bool, db: Path) -> None:
    """Write the database and its site into DIR, to be run elsewhere for reading only.

    DIR holds a compacted copy without folder names of this machine, the
    program, requirements.txt, a Dockerfile and start.sh.
    """
    from kb.server import publish as bundles

    made = bundles.publish(db, folder, force=force)
    for note in made.notes:
        click.echo(f"kb: {note}", err=True)
    click.echo(
        f"Wrote {made.folder} ({made.size / 1e6:,.1f} MB). Start it with: {made.folder / 'start.sh'} --port 8001"
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="demo", metavar="[DIR]")
@json_option
def demo(folder: Path, as_json: bool) -> None:
    """Build a database from sample posts and show what to try.

    Writes kb.db and the summary of one topic into DIR (default: demo).
    """
    from kb import demo as first_look

    with progress_bar() as progress:
        shown = first_look.run(folder, progress=progress)
    if as_json:
        print_json(shown.to_dict())
        return
    click.echo(f"Built {shown.db} from {shown.posts}:")
    print_table(count_rows(shown.counts))
    click.echo(f'\nkb search "{shown.query}" finds:')
    for number, hit in enumerate(shown.hits, 1):
        where = hit.occurrences[0]
        click.echo(
            f"{number}. {one_line(hit.text)}\n     {one_line(where.title)} ({where.post}:{where.start}-{where.end})"
        )
    click.echo(f"\nkb export {shown.topic} is in {shown.export}; it begins:")
    for line in shown.excerpt:
        click.echo(f"  {clean(line if len(line) <= _EXCERPT_WIDTH else line[: _EXCERPT_WIDTH - 1] + '…')}")
    me = "kb" if shutil.which("kb") else sys.argv[0]  # run as .venv/bin/kb, the shell may know no other name
    click.echo(f"\nOpen the site:  {me} serve --db {shown.db}  then look at http://127.0.0.1:8001")
    click.echo(f"Then your own:  {me} build FOLDER && {me} serve")
