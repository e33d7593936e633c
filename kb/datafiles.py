"""The word lists below `data/`, read with errors that name the file and say what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from kb.errors import DataFileError


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a shipped TOML file says. Raises DataFileError if it cannot be read or is no TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataFileError(f"{path}: {error.strerror}; reinstall the package") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataFileError(f"{path}: {error}; correct the file") from error
