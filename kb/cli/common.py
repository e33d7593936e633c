"""What all commands share: errors and exit status, options, and ways of printing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from kb.config import DEFAULT_DB
from kb.errors import KbError

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
PIPE_CLOSED = 141  # 128 + SIGPIPE

_Command = TypeVar("_Command", bound=Callable[..., Any])
# Control characters and bidirectional overrides would let a post's text write over the terminal.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Program(click.Group):
    """The root group: turns whatever ends a command into one line and an exit status.

    0 done, 1 bad input, 2 bad usage, 130 interrupted, 141 the reader of our
    output went away. Commands may return a status of their own.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order one meets them, not by name."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a closed pipe is caught here because click would make it status 1."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _discard_output()
            return PIPE_CLOSED
        return result

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run and exit, as `click.Group.main` does in its standalone mode."""
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            _complain("interrupted")
            sys.exit(INTERRUPTED)
        except KbError as error:
            _complain(str(error))
            sys.exit(error.exit_code)
        except OSError as error:
            where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
            _complain(f"{where}{error.strerror or error}")
            sys.exit(1)
        sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> None:
    """Print one line to stderr, whatever the message holds."""
    click.echo(f"kb: {clean(' '.join(message.split()))}", err=True)


def _discard_output() -> None:
    """Point stdout at the null device, so that flushing it at exit cannot fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def db_option(command: _Command) -> _Command:
    """Add `--db PATH`."""
    return click.option(
        "--db",
        type=click.Path(path_type=Path),
        envvar="KB_DB",
        default=DEFAULT_DB,
        show_default=True,
        show_envvar=True,
        metavar="PATH",
        help="The database file.",
    )(command)


def json_option(command: _Command) -> _Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


def print_json(value: Any) -> None:
    """Print `value` as indented JSON, Japanese unescaped."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def clean(text: str) -> str:
    """Return `text` with characters that could confuse a terminal shown as U+FFFD."""
    return _UNSAFE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Return `text` cleaned, with line breaks and runs of white space made one blank."""
    return clean(" ".join(text.split()))


def heading(text: str) -> str:
    """Return `text` in bold; click leaves the colour out when the output is no terminal."""
    return click.style(one_line(text), bold=True)


def print_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print two columns, the second flush right, names of any script lined up."""
    from rich.cells import cell_len

    left = max((cell_len(name) for name, _ in rows), default=0)
    right = max((cell_len(value) for _, value in rows), default=0)
    for name, value in rows:
        click.echo(f"{name}{' ' * (left - cell_len(name))}  {' ' * (right - cell_len(value))}{value}")


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield a `(stage, done, total)` callback that draws bars on stderr, or None in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield advance
