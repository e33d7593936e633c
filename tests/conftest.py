"""What several test files share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Kb = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kb_run(tmp_path: Path) -> Kb:
    """Return a function that runs `kb` as a command in an empty folder, in a pipe."""

    def run(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kb", *map(str, words)],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )

    return run
