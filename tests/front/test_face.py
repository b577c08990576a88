"""`import attnspec` and the commands that only talk: fast, and free of frameworks, in a fresh process."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest

import attnspec

pytestmark = pytest.mark.long

HEAVY = ("torch", "jax", "triton", "hypothesis", "rich")

PROBE = """
import json, sys
sys.argv = ["attnspec", *{arguments!r}]
try:
    {what}
except SystemExit as end:
    assert not end.code, end.code
print("\\n" + json.dumps(sorted(set(sys.modules) & set({heavy!r}))))
"""

COMMAND = "from attnspec.cli import main; main()"


def imported(python: Any, what: str, *arguments: str, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    done = python("-c", PROBE.format(what=what, arguments=arguments, heavy=heavy), cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_import_is_free_of_everything(python: Any) -> None:
    assert imported(python, "import attnspec", heavy=(*HEAVY, "numpy", "yaml", "click", "pytest")) == []


def test_the_probe_can_fail(python: Any) -> None:
    assert imported(python, "import attnspec; attnspec.Bounded", heavy=("numpy",)) == ["numpy"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["laws"], ["list"], ["explain", "weights/sum-to-one"], ["run", "--help"], ["ci", "run", "--help"]]
)
def test_talking_imports_no_framework(python: Any, arguments: list[str]) -> None:
    assert imported(python, COMMAND, *arguments) == []


@pytest.mark.parametrize("arguments", [["-c", "import attnspec"], ["-m", "attnspec", "--help"], ["-m", "attnspec", "laws"]])
def test_talking_is_fast(python: Any, arguments: list[str]) -> None:
    """In seconds of the processor, because other processes may be using it too."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert python(*arguments, cwd=Path.cwd()).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if spent[-1] < 1.0:
            return
    pytest.fail(f"the fastest of five took {min(spent):.2f} s")


def test_all_is_sorted_and_there() -> None:
    assert sorted(attnspec.__all__) == attnspec.__all__
    for name in attnspec.__all__:
        assert getattr(attnspec, name) is not None
    assert set(attnspec.__all__) <= set(dir(attnspec))


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = attnspec.chekc  # type: ignore[attr-defined]
