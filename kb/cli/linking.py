"""Commands about ties between claims: what contradicts what, and what readers say of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.common import db_option, heading, json_option, one_line, print_json
from kb.errors import UsageError

if TYPE_CHECKING:
    from kb import KnowledgeBase


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="Those that were dismissed, too.")
@click.option("--review", metavar="ID", help="Mark a conflict as looked at: it is one, and stays in the list.")
@click.option("--dismiss", metavar="ID", help="Mark it as none: it is listed with --all only.")
@click.option("--reopen", metavar="ID", help="Take a --review or --dismiss back.")
@click.option("--note", metavar="TEXT", default="", help="Why, with --review or --dismiss.")
@db_option
@json_option
def conflicts(
    limit: int,
    everything: bool,
    review: str | None,
    dismiss: str | None,
    reopen: str | None,
    note: str,
    db: Path,
    as_json: bool,
) -> None:
    """List pairs of claims that contradict each other, with both quotes.

    With --review or --dismiss, say what you think of one: it stays so in later builds.
    """
    import kb

    asked = [(name, ident) for name, ident in (("reviewed", review), ("dismissed", dismiss), ("open", reopen)) if ident]
    if len(asked) > 1:
        raise UsageError("--review, --dismiss and --reopen: give one of them")
    if note and not asked:
        raise UsageError("--note: say of which conflict, with --review ID or --dismiss ID")
    if asked:
        with kb.open(db, writable=True) as base:
            state, ident = asked[0]
            said = base.review(ident, state, note)
        if as_json:
            print_json(said)
        else:
            click.echo(f"{said['id']}: {said['state']}")
        return
    with kb.open(db) as base:
        found = base.conflicts(limit=limit, include_dismissed=everything)
    if as_json:
        print_json(found)
        return
    for pair in found:
        _print_conflict(pair)


def _print_conflict(pair: dict[str, Any]) -> None:
    """Print two claims that contradict each other: who says each, where and when, and what differs."""
    state = (
        "" if pair["state"] == "open" else f" [{pair['state']}{': ' + one_line(pair['note']) if pair['note'] else ''}]"
    )
    why = "; ".join(one_line(str(entry)) for entry in pair["evidence"])
    click.echo(f"{pair['id']}  {pair['score']:.2f}: {why}{state}")
    for claim in (pair["a"], pair["b"]):
        place = claim["occurrences"][0]
        day = f", {place['date'][:10]}" if place["date"] else ""
        holder = "" if claim["holder"] == "author" else f"{one_line(claim['holder'])}; "
        more = f", and {claim['count'] - 1} more places" if claim["count"] > 1 else ""
        click.echo(f"     {heading(place['quote'])}")
        where = f"{one_line(place['post'])}:{place['start']}-{place['end']}"
        click.echo(f"       {holder}{one_line(place['title'])} ({where}{day}){more}; claim {claim['claim']}")


def print_tied(base: KnowledgeBase, found: dict[str, Any], *, as_json: bool) -> None:
    """Print what is tied to a claim or a post that was looked up."""
    post = found["type"] == "post"
    tied = base.related_posts(found["post"]) if post else base.related(found["claim"])
    if as_json:
        print_json(tied)
    elif post:
        print_related_posts(tied)
    else:
        print_related(tied)


def print_related(found: list[dict[str, Any]]) -> None:
    """Print the ties of a claim."""
    for tie in found:
        where = f"; {one_line(tie['place']['title'])}" if tie["place"] else ""
        click.echo(f"     {tie['relation']} ({tie['score']:.2f}): {one_line(tie['text'])} [{tie['claim']}]{where}")
        if tie["evidence"]:
            click.echo(f"       {'; '.join(one_line(str(entry)) for entry in tie['evidence'])}")


def print_related_posts(found: list[dict[str, Any]]) -> None:
    """Print the articles tied to a post, each with the claims that tie them."""
    for post in found:
        day = f", {post['date'][:10]}" if post["date"] else ""
        click.echo(f"{heading(post['title'])} ({one_line(post['post'])}{day})")
        reasons = f": {'・'.join(map(one_line, post['reasons']))}" if post["reasons"] else ""
        click.echo(f"     {post['score']:.3f}, {post['shared']} pairs of claims{reasons}")
        for tie in post["ties"]:
            click.echo(f"       {tie['relation']} ({tie['score']:.2f}): {one_line(tie['a']['text'])}")
            if tie["a"]["claim"] != tie["b"]["claim"]:
                click.echo(f"         {one_line(tie['b']['text'])}")
