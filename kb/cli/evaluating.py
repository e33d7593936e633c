"""`kb eval`: how well posts are read, measured on labelled records. No database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.common import heading, json_option, one_line, print_json, print_table
from kb.config import resource
from kb.errors import UsageError

if TYPE_CHECKING:
    from kb.evaluate import Report

_SHIPPED = ("data", "eval")


@click.command(name="eval")
@click.argument("measure", type=click.Choice(["claims", "pairs", "drafts", "boundaries"]))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--posts",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the posts that FILE names. Default: the folder of FILE.",
)
@click.option(
    "--join",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="For boundaries: make a paragraph of so many sentences.",
)
@click.option(
    "--errors",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="List the errors by class, N of each, with what decided them.",
)
@click.option("--rules", is_flag=True, help="Count the items that each rule decided.")
@json_option
def evaluate(
    measure: str, file: Path | None, posts: Path | None, join: int, errors: int, rules: bool, as_json: bool
) -> None:
    """Measure the reading of posts on labelled records.

    MEASURE is claims, pairs, drafts or boundaries; FILE holds a record a line
    (JSON Lines). Without FILE: the labelled set that comes with the program.
    """
    if posts is not None and measure not in ("claims", "drafts"):
        raise UsageError(f"--posts: {measure} reads no posts")
    if file is None:
        file = resource(*_SHIPPED, f"{measure}.jsonl")
        posts = posts or resource("data", "posts")
    report = _measures()[measure](file, posts or file.parent, join)
    if as_json:
        print_json({"measure": measure, **report.to_dict(errors=errors, rules=rules)})
        return
    print_table([(name, _number(value)) for name, value in asdict(report.figures).items()])
    if errors:
        _print_errors(report, errors)
    if rules:
        click.echo(heading("rules: items decided, rightly"))
        for rule in report.rules:
            click.echo(f"  {rule.items:5} {rule.right:5}  {one_line(rule.rule)}")


def _measures() -> dict[str, Callable[[Path, Path, int], Report[Any]]]:
    """Return what each measure runs: (records, folder of posts, sentences to join) to a report."""
    from kb import evaluate as measured

    return {
        "claims": lambda file, posts, _: measured.claims(measured.read_claims(file), posts),
        "pairs": lambda file, _, __: measured.pairs(measured.read_pairs(file)),
        "drafts": lambda file, posts, _: measured.drafts(measured.read_drafts(file), posts),
        "boundaries": lambda file, _, join: measured.boundaries(measured.read_sentences(file), join),
    }


def _number(value: int | float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _print_errors(report: Report[Any], most: int) -> None:
    """Print each class of error with its first items."""
    for name, misses in report.classes():
        click.echo(heading(f"{name}: {len(misses)}"))
        for miss in misses[:most]:
            click.echo(f"  {one_line(miss.item)}: {one_line(miss.text)}")
            if miss.why:
                click.echo(f"      {one_line(miss.why)}")
