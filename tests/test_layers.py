"""Imports go downward only, heavy libraries are loaded late, and what is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kb"

# From the top down. A module may import what stands below it, and its own package.
LAYERS: list[set[str]] = [
    {"__main__"},
    {"cli"},
    {"demo", "server"},
    {"kb"},
    {"base", "verify", "rerank"},
    {"evaluate"},
    {"pipeline"},
    {"reading"},
    {"posts", "dedup", "claims", "context", "parts", "links", "embeddings", "topics", "search", "export"},
    {"store", "fts", "schema", "lock"},
    {"models"},
    {"records", "text", "quantities", "names", "synonyms", "datafiles", "config", "errors"},
]
# Layers whose members may also import each other; stages, above all, may not.
OPEN = {frozenset({"store", "fts", "schema", "lock"}), frozenset(LAYERS[-1])}
RANK = {name: len(LAYERS) - place for place, layer in enumerate(LAYERS) for name in layer}

HEAVY = {"torch", "spacy", "ginza", "ja_ginza", "transformers", "sentence_transformers", "datasette", "uvicorn"}
# Loaded by sentence-transformers itself, as a part of a model: torch is there already.
TORCH_MODULES = {"kb.embeddings.module"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text("utf-8"), str(path))


def part(module: str) -> str:
    """Return the member of a layer that a dotted module name belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "kb"


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports in full"
            for alias in node.names:
                of_package = node.module == "kb" and alias.name in RANK
                yield node.lineno, f"kb.{alias.name}" if of_package else str(node.module)


def type_checking_only(tree: ast.Module) -> set[int]:
    """Return the lines under `if TYPE_CHECKING:`, which never run."""
    return {
        inner.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
        if isinstance(inner, ast.stmt)
    }


def test_every_module_has_a_layer() -> None:
    assert {part(name) for name, _ in modules()} <= set(RANK)


def test_imports_go_downward() -> None:
    wrong = []
    for name, tree in modules():
        here = part(name)
        for line, target in imported(tree):
            if target.split(".")[0] != "kb":
                continue
            there = part(target)
            peers = any({here, there} <= layer for layer in OPEN)
            if here != there and RANK[there] >= RANK[here] and not peers:
                wrong.append(f"{name}:{line} imports {target}")
    assert wrong == []


def test_heavy_libraries_are_imported_inside_functions() -> None:
    wrong = []
    for name, tree in modules():
        if name in TORCH_MODULES:
            continue
        never_run = type_checking_only(tree)
        inside = {
            n.lineno
            for f in ast.walk(tree)
            if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
            for n in ast.walk(f)
            if isinstance(n, ast.stmt)
        }
        for line, target in imported(tree):
            if target.split(".")[0] in HEAVY and line not in inside | never_run:
                wrong.append(f"{name}:{line} imports {target}")
    assert wrong == []


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "dev" for line in lines]
    declared = {_canonical(re.split(r"[<>=!~\[; ]", line)[0]) for line in (*project["dependencies"], *extras)}
    owners = packages_distributions()
    missing = []
    used = set()
    for name, tree in modules():
        for line, target in imported(tree):
            top = target.split(".")[0]
            if top in sys.stdlib_module_names or top == "kb":
                continue
            found = {_canonical(owner) for owner in owners.get(top, [top])}
            used |= found
            if not found & declared:
                missing.append(f"{name}:{line} imports {target}")
    assert missing == []
    # Read as data or through another library, never by an import statement of ours.
    assert declared - used <= {"ja-ginza", "sudachidict-core"}


def test_constraints_pin_every_dependency_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {_canonical(re.split(r"[<>=!~\[; ]", line)[0]) for line in wanted}
    pins = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert names <= {_canonical(pin.split("==")[0]) for pin in pins}
    assert "torch==2.13.0" in pins


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
