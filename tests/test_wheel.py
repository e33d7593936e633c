"""The wheel carries what it needs: installed outside the checkout, `kb demo` runs from it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("kb-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the scripts' folder of an environment that holds the wheel.

    The libraries are those of this environment, by a .pth file: pip does not
    fetch them again, and this checkout, although installed here, stays out of
    reach, because .pth files are not followed further.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    venv.create(folder, with_pip=False)
    paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(paths["purelib"], "libraries.pth").write_text("".join(f"{p}\n" for p in libraries), "utf-8")
    python = Path(paths["scripts"], "python")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", "--ignore-installed", wheel, cwd=folder)
    return Path(paths["scripts"])


def test_wheel_holds_the_package_and_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"kb", next(top for top in tops if top.endswith(".dist-info"))}
    for wanted in ("kb/py.typed", "kb/_share/data/topics.yml", "kb/_share/migrations/env.py"):
        assert wanted in names
    assert sum(name.startswith("kb/_share/data/posts/") for name in names) >= 15
    assert not [name for name in names if "__pycache__" in name or name.endswith((".db", ".pyc"))]


def test_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "python", "-c", "import kb, kb.config; print(kb.__file__, kb.config.resource())", cwd=tmp_path
    )
    assert str(ROOT) not in where
    assert "_share" in where
    out = run(installed / "kb", "demo", "first", cwd=tmp_path)
    assert (tmp_path / "first" / "kb.db").is_file()
    assert " serve --db" in out
    assert "http://127.0.0.1:8001" in out


def test_version_is_that_of_the_source(installed: Path, tmp_path: Path) -> None:
    from kb.config import VERSION

    assert run(installed / "kb", "--version", cwd=tmp_path).split()[-1] == VERSION
