"""The command line: each command parses, calls one function and prints.

Command modules import only click and what is light; a command imports the
rest when it runs, so that `kb --help` starts at once and `kb search` never
loads torch or spaCy.
"""

from __future__ import annotations

import sys

import click

from kb.cli.building import build, verify
from kb.cli.common import Program
from kb.cli.evaluating import evaluate
from kb.cli.exporting import export
from kb.cli.finding import duplicates, search, show
from kb.cli.linking import conflicts
from kb.cli.models import model
from kb.cli.reading import annotate, relate
from kb.cli.site import demo, publish, serve
from kb.cli.topics import topics
from kb.config import VERSION


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="kb")
def cli() -> None:
    """A knowledge base of claims from Markdown posts, in one SQLite file.

    Start with `kb build FOLDER`, then `kb search "words"` and `kb serve`; `kb demo` shows it on
    posts that come with the program.
    """


for _command in (
    build,
    search,
    annotate,
    relate,
    evaluate,
    topics,
    show,
    duplicates,
    conflicts,
    export,
    serve,
    publish,
    verify,
    model,
    demo,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line on `sys.argv` and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a stream put in their place may lack it
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    cli.main(prog_name="kb")
