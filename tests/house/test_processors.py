"""`make processors` tells which kernels of a BLAS it ran and which it could not, and is red where a test rests on one."""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
DIES = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("processors", ROOT / "tests" / "processors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["processors"] = module
    spec.loader.exec_module(module)
    return module


def test_what_is_run_and_what_is_left_out_of_it_exists(script: ModuleType) -> None:
    assert all((ROOT / path).is_dir() for path in script.TESTS)
    assert all((ROOT / path).exists() and path.startswith(script.TESTS) for path in script.EXACT)


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (DIES, "SkylakeX, 2 threads: not run, this processor lacks its instructions"),
        ("raise SystemExit('no OpenBLAS')", "SkylakeX, 2 threads: not run, no OpenBLAS"),
        ("print('SkylakeX', 1)", "SkylakeX, 2 threads: not run, OpenBLAS takes 1 here"),
        ("print('SkylakeX', 2)", "SkylakeX, 2 threads"),
        ("print('Haswell', 2)", "SkylakeX, 2 threads, which runs as Haswell"),
        ("import os; print(os.environ['OPENBLAS_CORETYPE'], os.environ['OPENBLAS_NUM_THREADS'])", "SkylakeX, 2 threads"),
    ],
)
def test_each_kernel_is_tried_and_what_came_is_said(script: ModuleType, monkeypatch: Any, probe: str, said: str) -> None:
    monkeypatch.setattr(script, "PROBE", probe)
    assert str(script.tried("SkylakeX", 2)) == said


def test_the_kernel_that_is_asked_for_is_the_one_that_runs(script: ModuleType) -> None:
    """Every x86 processor on which NumPy runs has what Nehalem's kernel needs. Elsewhere OpenBLAS ignores the name."""
    found = script.tried("Nehalem", 1)
    assert (found.ran == "Nehalem") == (platform.machine() in ("x86_64", "AMD64")) or "no OpenBLAS" in found.why


def test_a_kernel_that_runs_as_another_is_not_run_twice(script: ModuleType) -> None:
    found = [script.Tried("Haswell", 1, "Haswell"), script.Tried("Zen", 1, "Haswell"), script.Tried("Zen", 2, "Haswell")]
    run, left = script.sorted_out([*found, script.Tried("SkylakeX", 1, why="of a reason")])
    assert [str(each) for each in run] == ["Haswell, 1 thread", "Zen, 2 threads, which runs as Haswell"]
    assert [each.why for each in left] == ["OpenBLAS runs it as Haswell, like Haswell", "of a reason"]


def test_a_failing_test_is_named_and_no_test_is_no_success(script: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "test_made.py"
    file.write_text("def test_holds(): assert 1\ndef test_fails(): assert 0\n", encoding="utf-8")
    last, failed = script.tests_with("Haswell", 1, [str(file)])
    assert "1 failed, 1 passed" in last and [name.split("::")[-1] for name in failed] == ["test_fails"]
    assert script.tests_with("Haswell", 1, [str(file), "-k", "nothing"])[1] == {"pytest itself: exit code 5"}


@pytest.mark.parametrize(
    ("runs", "fails", "code", "said"),
    [
        (("Nehalem", "Haswell"), "", 0, "Nehalem, 1 thread: all passed"),
        (("Nehalem", "Haswell"), "Nehalem", 1, "    tests/test_x.py::test_y\n"),
        (("Haswell",), "", 1, "fewer than two kernels run here"),
    ],
)
def test_the_end_says_it_all(
    script: ModuleType, monkeypatch: Any, capsys: Any, runs: tuple[str, ...], fails: str, code: int, said: str
) -> None:
    def tried(kernel: str, threads: int) -> Any:
        return script.Tried(kernel, threads, *([kernel] if kernel in runs else [None, "no such thing"]))

    def tests_with(kernel: str, threads: int, options: list[str]) -> tuple[str, set[str]]:
        assert options[: len(script.TESTS)] == [*script.TESTS] and options[-3:] == ["-n", "2", "-x"]
        return ("all passed", set()) if kernel != fails else ("1 failed", {"tests/test_x.py::test_y"})

    monkeypatch.setattr(script, "tried", tried)
    monkeypatch.setattr(script, "tests_with", tests_with)
    assert script.main(["--threads", "1", "--kernels", "Nehalem", "Haswell", "SkylakeX", "-n", "2", "-x"]) == code
    end = capsys.readouterr().out
    assert said in end and end.count("SkylakeX, 1 thread: not run, no such thing") == 2
