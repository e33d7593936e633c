"""What the documents say is what the program does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kb.cli import cli
from kb.config import VERSION

ROOT = Path(__file__).resolve().parent.parent


def commands(group: click.Group = cli, prefix: str = "kb") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


ALL = dict(commands())


def section(name: str) -> str:
    """Return the part of docs/commands.md under the heading of a command."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    found = re.search(rf"^##+ `{re.escape(name)}\b[^`]*`\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/commands.md has no heading for {name}"
    return found[0]


@pytest.mark.parametrize("name", ALL)
def test_every_command_is_documented_with_its_options(name: str) -> None:
    text = section(name)
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option):
            assert [o for o in parameter.opts if o not in text] == []


@pytest.mark.parametrize("name", ALL)
def test_documents_name_no_option_that_is_gone(name: str) -> None:
    known = {option for parameter in ALL[name].params for option in parameter.opts} | {"--help"}
    if isinstance(ALL[name], click.Group):
        return
    own_words = "\n".join(line for line in section(name).splitlines() if line.startswith("- `--"))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", own_words)) <= known


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_has_help(name: str) -> None:
    command = ALL[name]
    assert command.get_short_help_str()
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in ALL if name.count(" ") == 1 and f"`{name}" not in text] == []


def test_readme_begins_with_the_two_commands() -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / "README.md").read_text("utf-8").splitlines()]
    code = [line for line in lines if line.startswith(("make ", "pip ", "git ", "python", "kb "))]
    assert code[:2] == ["make demo", "make test"]


def test_readme_gives_a_reason_for_every_dependency() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[<>=!~\[; ]", line)[0] for line in project["dependencies"]]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not target.startswith(("http://", "https://")) and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_changelog_names_this_version() -> None:
    assert f"## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_make_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert targets is not None
    assert [t for t in targets[1].split() if t != "help" and f'"make {t} ' not in text] == []
