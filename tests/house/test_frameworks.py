"""A test of a framework that is not installed is skipped by name, and is a failure where CI is set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]

CONFTEST = """
import tests.frameworks as frameworks

frameworks.FRAMEWORKS = frameworks.LACKING = ("nosuch",)

def pytest_configure(config):
    config.pluginmanager.register(frameworks.Frameworks(), "frameworks")
"""
TESTS = {
    "test_whole.py": "import nosuch.inside\n\ndef test_one():\n    assert False\n",
    "test_part.py": (
        "from attnspec.adapters.contract import ContractError\n\n"
        'def test_found():\n    raise ContractError("nosuch/fast: nosuch is not installed; install it")\n\n'
        "def test_other():\n    pass\n"
    ),
    "test_wrong.py": "def test_wrong():\n    import another_one\n",
}


def run(folder: Path, *files: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    for name in files:
        (folder / name).write_text(TESTS[name], encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist", "."],
        cwd=folder, env={**kept, "CI": ci, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)])
def test_what_is_lacking_is_named_and_counted(tmp_path: Path, ci: str, code: int) -> None:
    done = run(tmp_path, "test_whole.py", "test_part.py", ci=ci)
    assert "1 passed, 2 skipped" in done.stdout and done.returncode == code, done.stdout
    assert "nosuch is not installed: 2 modules and tests were skipped" in done.stdout


def test_what_is_no_framework_still_fails(tmp_path: Path) -> None:
    assert run(tmp_path, "test_wrong.py").returncode == 1
