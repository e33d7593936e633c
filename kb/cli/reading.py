"""`kb annotate` and `kb relate`: how a file is read, and how two sentences relate. No database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.cli.common import heading, json_option, one_line, print_json
from kb.errors import KbError, SourceError, UsageError

if TYPE_CHECKING:
    from kb.records import Annotation, Relation, Sentence


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--explain", is_flag=True, help="Show the words that decided each label.")
@json_option
def annotate(file: Path, explain: bool, as_json: bool) -> None:
    """Show how one file is read: sentences, kinds, what is dropped.

    FILE may be - for standard input. Needs no database.
    """
    import kb
    from kb.posts.files import decode, load

    piped = str(file) == "-"
    source = decode(sys.stdin.buffer, "standard input") if piped else load(file, str(file))
    notes = kb.annotate(source.text)
    if as_json:
        print_json(notes.to_dict())
    else:
        _print_annotation(notes, explain)


def _print_annotation(notes: Annotation, explain: bool) -> None:
    """Print each draft with its sentences in order, then what the ledger says."""
    if notes.fault:
        click.echo(one_line(notes.fault), err=True)
    for number, draft in enumerate(notes.drafts):
        marks = [word for word, holds in (("continues", draft.continues), ("cut off", draft.truncated)) if holds]
        tail = f" ({', '.join(marks)})" if marks else ""
        click.echo(heading(f"draft {number + 1} [{draft.start}-{draft.end}]{tail}"))
        for sentence in notes.sentences:
            if sentence.draft == number:
                _print_sentence(sentence, explain)
    if notes.ledger:
        click.echo(heading("left out"))
    for row in notes.ledger:
        target = f" (see {row.target[0]}-{row.target[1]})" if row.target else ""
        click.echo(f"  [{row.start}-{row.end}] {row.action}: {one_line(row.reason)}{target}")


def _print_sentence(sentence: Sentence, explain: bool) -> None:
    """Print one sentence with its labels, on request with the cues."""
    label = sentence.label
    holder = "" if label.holder == "author" else f", {one_line(label.holder)}"
    repeat = " = {}-{}".format(*sentence.duplicate_of) if sentence.duplicate_of else ""
    kind = f"{label.kind}, {label.certainty}{holder}"
    click.echo(f"  [{sentence.start}-{sentence.end}] {kind}{repeat}: {one_line(sentence.plain)}")
    if explain:
        if sentence.reason:
            click.echo(f"      left out: {one_line(sentence.reason)}")
        for cue in label.cues:
            click.echo(f"      {cue.label} by {cue.rule}: {one_line(cue.text)}")


@click.command()
@click.argument("sentences", nargs=-1, metavar="[A B]")
@click.option(
    "--jsonl",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='Read pairs from a file, a record {"id", "a", "b"} a line; "-" is standard input.',
)
@json_option
def relate(sentences: tuple[str, ...], jsonl: Path | None, as_json: bool) -> None:
    """Tell whether two sentences would be merged, and why (not).

    Needs no database.
    """
    import kb

    if (jsonl is None) == (not sentences) or (sentences and len(sentences) != 2):
        raise UsageError("give two sentences A and B, or --jsonl FILE")
    if jsonl is None:
        blank = [name for name, sentence in zip("AB", sentences, strict=True) if not sentence.strip()]
        if blank:
            raise KbError(f"{' and '.join(blank)} must say something: there is nothing to compare in an empty sentence")
        relation = kb.relate(*sentences)
        if as_json:
            print_json({"id": None, **relation.to_dict()})
        else:
            _print_relation("", relation)
        return
    for name, first, second in _pairs(jsonl):
        relation = kb.relate(first, second)
        if as_json:
            click.echo(json.dumps({"id": name, **relation.to_dict()}, ensure_ascii=False))
        else:
            _print_relation(f"{one_line(str(name))}: ", relation)


def _print_relation(prefix: str, relation: Relation) -> None:
    """Print one relation on a line."""
    evidence = f"  ({'; '.join(one_line(e) for e in relation.evidence)})" if relation.evidence else ""
    click.echo(f"{prefix}{relation.relation} {relation.score:.2f}{evidence}")


def _pairs(path: Path) -> Iterator[tuple[object, str, str]]:
    """Yield (id, a, b) of each record; a bad line is named by its number."""
    with click.open_file(str(path), encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                    name, first, second = record.get("id", number), record["a"], record["b"]
                except (ValueError, KeyError, AttributeError, TypeError) as error:
                    raise SourceError(path, f'line {number} is not a record {{"id", "a", "b"}}') from error
                if not isinstance(first, str) or not isinstance(second, str):
                    raise SourceError(path, f'line {number}: "a" and "b" must be strings')
                if not first.strip() or not second.strip():
                    raise SourceError(path, f'line {number}: "a" and "b" must say something')
                yield name, first, second
        except UnicodeDecodeError as error:
            raise SourceError(path, f"not UTF-8 (byte {error.start}); save it as UTF-8") from error
