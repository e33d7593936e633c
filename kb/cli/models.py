"""`kb model`: embedding models side by side."""

from __future__ import annotations

from pathlib import Path

import click

from kb.cli.common import db_option, heading, json_option, one_line, print_json, progress_bar


@click.group()
def model() -> None:
    """List, add and switch embedding models."""


@model.command("list")
@db_option
@json_option
def list_(db: Path, as_json: bool) -> None:
    """List the models that the database holds vectors of."""
    from kb.pipeline import encoders

    found = encoders.listed(db)
    if as_json:
        print_json(found)
        return
    for one in found:
        mark = "*" if one["active"] else " "
        click.echo(f"{mark} {heading(one['name'])}: {one['dim']} dimensions, {one['vectors']:,} vectors")


@model.command()
@click.argument("name")
@db_option
@json_option
def add(name: str, db: Path, as_json: bool) -> None:
    """Embed all claims with another model.

    NAME is a folder or a name that sentence-transformers knows. The model in
    use stays in use until `kb model use`.
    """
    from kb.pipeline import encoders

    with progress_bar() as progress:
        added = encoders.add(db, name, progress=progress)
    if as_json:
        print_json(added)
    else:
        click.echo(f"added {one_line(name)}: {added['vectors']:,} vectors; 'kb model use {one_line(name)}' switches")


@model.command()
@click.argument("name")
@db_option
def use(name: str, db: Path) -> None:
    """Make an added model the one that search uses; `default` goes back."""
    from kb.pipeline import encoders

    encoders.use(db, name)
    click.echo(f"search now uses {one_line(name)}")
