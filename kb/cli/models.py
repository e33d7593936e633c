"""`kb model`: embedding models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kb.cli.common import db_option, heading, json_option, one_line, print_json, progress_bar

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def model() -> None:
    """List, add, switch, compare and drop embedding models."""


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
        short = f", {one['missing']:,} missing" if one["missing"] else ""
        click.echo(f"{mark} {heading(one['name'])}: {one['dim']} dimensions, {one['vectors']:,} vectors{short}")
        click.echo(f"     revision {one_line(one['revision'])}")


@model.command()
@click.argument("name")
@click.option("--as", "label", metavar="NAME", help="What to call it in the database.  [default: NAME as given]")
@click.option("--query-prompt", metavar="TEXT", help="What to put before a query, instead of the model's own prompt.")
@click.option(
    "--document-prompt", metavar="TEXT", help="What to put before a claim, instead of the model's own prompt."
)
@click.option("--dim", type=click.IntRange(min=1), metavar="N", help="Keep the first N numbers of a vector only.")
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Texts embedded at once.  [default: 32]")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where the model runs: auto takes a GPU where there is one; or cpu, cuda, cuda:1, mps.",
)
@db_option
@json_option
def add(name: str, label: str | None, device: str, db: Path, as_json: bool, **options: Any) -> None:
    """Embed all claims with another model.

    NAME is a folder or a name that sentence-transformers knows
    (owner/model@commit for one revision). The model in use stays in use until
    `kb model use`. What was interrupted goes on when the same is given again.
    """
    from kb.embeddings.options import ModelOptions
    from kb.pipeline import encoders

    where = None if device == "auto" else device
    with progress_bar() as progress:
        added = encoders.add(db, name, progress, label=label, options=ModelOptions(**options), device=where)
    if as_json:
        print_json(added)
        return
    called = one_line(added["name"])
    click.echo(f"added {called}: {added['vectors']:,} vectors, {added['new']:,} of them new")
    if not added["active"]:
        click.echo(f"'kb model use {called}' switches to it", err=True)


@model.command()
@click.argument("name")
@db_option
def use(name: str, db: Path) -> None:
    """Make an added model the one that search uses; `default` goes back."""
    from kb.pipeline import encoders

    with progress_bar() as progress:
        encoders.use(db, name, progress)
    click.echo(f"search now uses {one_line(name)}")


@model.command()
@click.argument("name")
@db_option
def drop(name: str, db: Path) -> None:
    """Delete a model's vectors and free their space; the one in use stays."""
    from kb.pipeline import encoders

    freed = encoders.drop(db, name)
    click.echo(f"dropped {one_line(name)}: {freed / 1e6:,.1f} MB freed")


@model.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed holds other pairs back.")
@db_option
@json_option
def train(seed: int, db: Path, as_json: bool) -> None:
    """Train the default encoder on the posts; switch to the result if held-back sentences say it is better."""
    from kb.pipeline import train as training

    with progress_bar() as progress:
        report = training.train(db, seed=seed, progress=progress)
    if as_json:
        print_json(report.to_dict())
        return
    click.echo(
        f"{report.pairs:,} pairs, {report.words:,} words; held-back MRR {report.before:.3f} -> {report.after:.3f}"
    )
    if report.found_before is not None:
        click.echo(f"found under headings, nDCG@10 {report.found_before:.3f} -> {report.found_after:.3f}")
    click.echo("in use now; back with: kb model use default" if report.kept else "no better: the old one stays in use")


@model.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@db_option
def export(folder: Path, db: Path) -> None:
    """Write the trained encoder as a folder that other programs load as a sentence-transformers model."""
    from kb.pipeline import train as training

    click.echo(f"written to {one_line(str(training.export(db, folder)))}")


@model.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--queries", type=_FILE, metavar="FILE", help='Queries, {"q", "qid"} a line; else headings of the posts.')
@click.option("--qrels", type=_FILE, metavar="FILE", help='Judgements of them, {"qid", "text", "grade"} a line.')
@click.option(
    "--sample", type=click.IntRange(min=1), default=100, show_default=True, help="So many headings, without --queries."
)
@db_option
@json_option
def compare(
    first: str, second: str, queries: Path | None, qrels: Path | None, sample: int, db: Path, as_json: bool
) -> None:
    """Tell how far two models find the same claims, and which finds the better ones."""
    from kb.pipeline.compare import compare as side_by_side

    found = side_by_side(db, first, second, queries=queries, qrels=qrels, sample=sample)
    if as_json:
        print_json(found)
        return
    for name, told in found["models"].items():
        quality = ""
        if "ndcg10" in told:
            quality = ", no judgement of these queries"
        if told.get("ndcg10") is not None:
            quality = f", nDCG@10 {told['ndcg10']:.3f} ({told['unjudged']:.0%} not judged)"
        click.echo(f"{heading(name)}: {told['dim']} dimensions, {told['ms_per_query']:.1f} ms a query{quality}")
    click.echo(f"overlap of the first ten, {found['queries']:,} queries: {found['overlap']:.0%}")
