"""`kb search` and the look-ups: commands that read a database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.common import clean, db_option, heading, json_option, one_line, print_json
from kb.cli.linking import print_related, print_tied
from kb.errors import UsageError
from kb.records import CLAIM_KINDS

if TYPE_CHECKING:
    from kb.records import Hit, Occurrence

_SHOWN_PLACES = 3
_SHOWN_TIES = 10


class _Query(click.Command):
    """A command whose argument may begin with a minus, which the shell's user means for what is to be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; an option that is none may be the beginning of a query."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            hint = "A query with a word that begins with - goes last, behind two of them: kb search -- -word"
            raise click.NoSuchOption(error.option_name, f"{error.message} {hint}", ctx=ctx) from None


@click.command(cls=_Query)
@click.argument("words", nargs=-1, required=True, metavar="QUERY")
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
@click.option("--certainty", type=click.Choice(["asserted", "hedged"]), help="Only claims so sure.")
@click.option("--holder", help="Only claims that this person or body makes, as quoted; 'author' for the rest.")
@click.option("--topic", metavar="SLUG", help="Only claims of this topic.")
@click.option("--entity", metavar="NAME", help="Only claims that name this company, person, place or thing.")
@click.option("--tag", help="Only posts with this tag.")
@click.option("--category", help="Only posts of this category.")
@click.option("--post", metavar="PATH", help="Only this post.")
@click.option("--since", metavar="DATE", help="Only posts of this date or later.")
@click.option("--until", metavar="DATE", help="Only posts of this date or earlier.")
@click.option("--rerank", "reranker", metavar="NAME", help="Read the first results again with this cross-encoder.")
@db_option
@json_option
def search(words: tuple[str, ...], reranker: str | None, db: Path, as_json: bool, **filters: Any) -> None:
    """Find claims by meaning and by word, each with its source."""
    import kb

    query = " ".join(words)
    hits: Any
    with kb.open(db) as base:
        if reranker is None:
            hits = base.search(query, **filters)
            notes = hits.notes
        else:
            from kb import rerank

            hits = base.search(query, **{**filters, "limit": max(filters["limit"], rerank.CANDIDATES)})
            notes = hits.notes
            hits = rerank.rerank(reranker, query, hits)[: filters["limit"]]
    for note in notes:
        click.echo(f"kb: {one_line(note)}", err=True)
    if as_json:
        print_json([hit.to_dict() for hit in hits])
        return
    if not hits:
        click.echo("nothing found", err=True)
    for number, hit in enumerate(hits, 1):
        if filters["group"] == "post":
            day = f", {hit.date[:10]}" if hit.date else ""
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
    synonyms = f"; synonyms: {', '.join(map(one_line, hit.synonyms))}" if hit.synonyms else ""
    click.echo(f"     {hit.kind}, {hit.certainty}; score {hit.score:.3f}; {arms}{matched}{synonyms}; claim {hit.claim}")
    _print_places(hit.occurrences)
    if hit.also:
        click.echo(f"     said in {hit.posts} posts; also:")
    for one in hit.also[:_SHOWN_PLACES]:
        click.echo(f"       {one_line(one.text)} (claim {one.claim})")


def _print_places(occurrences: tuple[Occurrence, ...]) -> None:
    """Print the first places where a claim is said, and how many more there are."""
    for place in occurrences[:_SHOWN_PLACES]:
        _print_place(asdict(place))
    if len(occurrences) > _SHOWN_PLACES:
        click.echo(f"     ... and {len(occurrences) - _SHOWN_PLACES} more places")


@click.command()
@click.argument("ident", metavar="ID")
@click.option("--article", is_flag=True, help="Print a post's text only, repeats removed, as Markdown.")
@click.option("--related", is_flag=True, help="Print what is tied to it only: claims, or for a post articles.")
@db_option
@json_option
def show(ident: str, article: bool, related: bool, db: Path, as_json: bool) -> None:
    """Show a claim or a post.

    A claim comes with every place where it is said, a post with its claims.
    ID is a claim's key, or a post's key, path or file name.
    """
    import kb

    if article and related:
        raise UsageError("--article and --related: give one of them")
    with kb.open(db) as base:
        found = base.show(ident)
        if related:
            print_tied(base, found, as_json=as_json)
            return
    if article and found["type"] != "post":
        raise UsageError(f"--article: {ident} is a claim, not a post")
    if as_json:
        print_json(found)
    elif article:
        click.echo(clean(found["article"]))
    elif found["type"] == "post":
        _print_post(found)
    else:
        _print_claim(found)


def _print_claim(claim: dict[str, Any]) -> None:
    """Print all that is known of a claim."""
    click.echo(heading(claim["text"]))
    click.echo(f"     {claim['kind']}, {claim['certainty']}, {one_line(claim['holder'])}; claim {claim['claim']}")
    for topic in claim["topics"]:
        click.echo(f"     topic {topic['slug']} ({topic['score']:.2f})")
    for place in claim["occurrences"]:
        _print_place(place)
    for name, label in (("entities", "name"), ("figures", "figure"), ("dates", "date")):
        for part in claim["parts"][name]:
            click.echo(f"     {label}: {one_line(part['text'])} ({one_line(part['means'])})")
    context = claim["context"]
    for name, label in (("headings", "under"), ("lead", "lead"), ("antecedent", "speaks of"), ("before", "after")):
        if context[name]:
            shown = context[name] if isinstance(context[name], str) else " > ".join(context[name])
            click.echo(f"     {label}: {one_line(shown)}")
    print_related(claim["links"][:_SHOWN_TIES])
    if len(claim["links"]) > _SHOWN_TIES:
        click.echo(f"     ... and {len(claim['links']) - _SHOWN_TIES} more ties")


def _print_post(post: dict[str, Any]) -> None:
    """Print a post: what its front matter says, its sentences with their labels, what was left out."""
    click.echo(heading(post["title"]))
    facts = [post["post"], post["date"], post["author"], *post["categories"], *post["tags"]]
    click.echo(f"     {'; '.join(one_line(str(fact)) for fact in facts if fact)}")
    for sentence in post["sentences"]:
        claim = f" [{sentence['claim']}]" if sentence["claim"] else ""
        where = f"{sentence['start']}-{sentence['end']}"
        click.echo(f"  {where} {sentence['kind']}: {one_line(sentence['text'])}{claim}")
    for action, count in post["left_out"].items():
        click.echo(f"  left out, {action}: {count}")


def _print_place(place: dict[str, Any]) -> None:
    """Print one place where a claim is said."""
    day = f", {place['date'][:10]}" if place["date"] else ""
    click.echo(f"     {one_line(place['title'])} ({one_line(place['post'])}:{place['start']}-{place['end']}{day})")


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--split", metavar="CLAIM", help="Set apart the wordings that were merged into this claim, for good.")
@click.option("--join", metavar="CLAIM", help="Take back a --split: the next look may merge them again.")
@db_option
@json_option
def duplicates(limit: int, split: str | None, join: str | None, db: Path, as_json: bool) -> None:
    """List claims that are said in more than one place, or in other words.

    With --split, undo a merge that was wrong; later builds respect it.
    """
    import kb

    if split and join:
        raise UsageError("--split and --join: give one of them")
    if split or join:
        with kb.open(db, writable=True) as base:
            changed = base.split(split or join or "", undo=bool(join))
        click.echo(f"{changed} wording{'s' if changed != 1 else ''} {'may be merged again' if join else 'set apart'}")
        return
    with kb.open(db) as base:
        found = base.duplicates(limit=limit)
    if as_json:
        print_json(found)
        return
    for claim in found:
        click.echo(f"{heading(claim['text'])}")
        click.echo(f"     {claim['count']:,} places in {claim['posts']:,} posts; claim {claim['claim']}")
        for wording in claim["wordings"]:
            why = "; ".join(one_line(str(e)) for e in wording["evidence"]) or "the same words"
            click.echo(f"     also: {one_line(wording['text'])} ({wording['score']:.2f}: {why})")
