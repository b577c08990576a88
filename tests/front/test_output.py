"""Where output goes: to a reader who leaves, to nobody, or with less of it and without colours."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
TRIED = ("numpy/naive", "--laws=weights/sum-to-one", "--dtype=float32", "--examples=1", "-j0", "--strict")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What bash says of a line in which $A is the command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "ATTNSPEC"))}
    command = f"set -o pipefail; A='{sys.executable} -m attnspec'; {line}"
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**kept, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )


RUN = ("run", *TRIED, "--out=out")


@pytest.mark.parametrize(
    ("command", "end"),
    [
        (RUN, "| head -1"),
        (RUN, ">&-"),
        (("laws",), "| head -1"),
        (("laws",), "| true"),
        (("laws",), ">&-"),
        (("laws",), ">&- 2>&-"),
    ],
)
def test_a_reader_who_leaves_is_no_error(command: tuple[str, ...], end: str, tmp_path: Path) -> None:
    done = shell(f"$A {shlex.join(command)} {end}", tmp_path)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("\n") == ("head" in end), done
    assert (tmp_path / "out" / "report.json").exists() == (command[0] == "run")


def test_quiet_shows_the_summary_alone(attnspec: Any, tmp_path: Path) -> None:
    loud = attnspec("run", *TRIED, "--out=out", cwd=tmp_path).stdout
    quiet = attnspec("run", *TRIED, "--out=out", "--quiet", cwd=tmp_path).stdout
    assert "results to come" not in quiet and "report: " not in quiet
    assert loud.replace("report: out/report.json\n", "").endswith(quiet) and quiet.endswith("every claimed must-law holds\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("without", ["--no-color", "NO_COLOR"])
def test_colours_can_be_switched_off(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnspec._display import made_console
    from attnspec.cli import cli

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = []
    for switched_off in (False, True):
        monkeypatch.setattr(sys, "stdout", Terminal())
        if switched_off and without == "NO_COLOR":
            monkeypatch.setenv("NO_COLOR", "1")
        elif switched_off:
            command = cli.commands["run"]
            command.make_context("run", ["numpy/naive", "--no-color"])
        made_console().print("pass", style="green")
        shown.append(sys.stdout.getvalue())  # type: ignore[attr-defined]
    assert "\x1b[32m" in shown[0] and "\x1b[3" not in shown[1] and "pass" in shown[1]
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_cannot_be_written_is_one_sentence_and_no_success(tmp_path: Path) -> None:
    done = shell("$A laws > /dev/full", tmp_path)
    assert done.returncode == 2 and done.stderr == "attnspec: the output cannot be written: No space left on device\n"
