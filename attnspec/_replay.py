"""`attnspec replay`: one case again, in a process of its own, because the case may be one that crashes or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

__all__ = ["replay_case"]

HERE = "ATTNSPEC_REPLAY_HERE"
"""Set in the child process, and by whoever wants a debugger in the same process."""


def replay_case(case: str, address: str | None, laws_files: Sequence[str]) -> int:
    """0 where the case holds now, 1 where it does not. Raises Mistake for a case that names no law or is not decided.

    case: as a finding prints it, or the script of a finding, which knows its implementation.
    """
    from attnspec.conformance.selection import Mistake, choose_laws, find_targets

    if case.endswith(".py") and Path(case).is_file():
        return subprocess.run([sys.executable, case, *([address] if address else [])], check=False).returncode
    if address is None:
        raise Mistake("a case needs the implementation beside it: attnspec replay CASE IMPL")

    case = "".join(case.split())  # As a finding prints it, a case may go over several lines.
    identifier, mark, _ = case.partition("?")
    if not mark:
        raise Mistake(f"a case looks like law?dtype=…&…, as a finding prints it (quote it for the shell), not {case!r}")
    laws = choose_laws([identifier], files=laws_files)
    targets = find_targets([address])
    if HERE not in os.environ:
        return _in_a_child(case, address, laws_files)
    from attnspec.conformance.engine.verify import replay
    from attnspec.conformance.survey import surveyed
    from attnspec.reports.diagnosis import diagnosis_lines
    from attnspec.reports.findings import skip_reason
    from attnspec.reports.visible import visible

    worst = 0
    for target in targets:
        try:
            result = replay(surveyed(target.implementation), case, laws[0], explain=True)
        except ValueError as error:
            raise Mistake(f"the case cannot be read: {error}") from None
        name = target.implementation.name
        if result.verdict in ("fail", "error"):
            worst = 1
            click.echo(f"STILL FAILS ({result.verdict}) on {name}: {visible(result.message)}")
            for line in (*(f"  {line}" for line in result.details), *diagnosis_lines(result.diagnosis)):
                click.echo(visible(line))
        elif result.verdict == "pass":
            click.echo(f"FIXED: {laws[0].id} holds on {name}" + _ratio(result.worst_ratio))
        else:
            raise Mistake(f"{name} did not decide this case: {skip_reason(result.as_dict())}")
    return worst


def _in_a_child(case: str, address: str, laws_files: Sequence[str]) -> int:
    from attnspec.conformance.engine.budget import BUDGETS

    extra = [f"--laws-file={file}" for file in laws_files]
    timeout = BUDGETS["quick"].timeout
    child = subprocess.Popen(
        [sys.executable, "-m", "attnspec", "replay", *extra, "--", case, address], env={**os.environ, HERE: "1"}
    )
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        click.echo(f"STILL FAILS (error) on {address}: no answer after {timeout:g} s")
        return 1
    except BaseException:
        child.kill()
        raise
    if code in (0, 1, 2):
        return code
    click.echo(f"STILL FAILS (error) on {address}: the process died of {_cause(code)}")
    return 1


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _ratio(worst: float | None) -> str:
    return "" if worst is None else f"; the error is {worst:.2f} of its bound"
