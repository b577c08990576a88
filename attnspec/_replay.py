"""`attnspec replay`: one case again, in a process of its own, because the case may be one that crashes or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._targets import targets_of

if TYPE_CHECKING:
    from attnspec.conformance.language import Law

__all__ = ["BRIEF", "FAILS", "HERE", "died", "late", "replay_case"]

HERE = "ATTNSPEC_REPLAY_HERE"
"""Set in the child process, and by whoever wants a debugger in the same process; to BRIEF where one line is enough."""

BRIEF = "brief"

FAILS = "STILL FAILS"
"""With which the line begins that says so."""


def replay_case(case: str | None, address: str | None, laws_files: Sequence[str]) -> int:
    """0 where the case holds now, 1 where it does not. Raises Mistake for a case that names no law or is not decided.

    case: as a finding prints it, the script of a finding, which knows its implementation, or none for all that is recorded
    (then it may also be an implementation, of which all that is recorded is meant).
    """
    from attnspec.conformance.selection import Mistake, choose_laws

    if case is None:
        from ._recorded import replay_recorded

        return replay_recorded(None, laws_files)
    if case.endswith(".py") and Path(case).is_file() and _is_script(Path(case)):
        return subprocess.run([sys.executable, case, *([address] if address else [])], check=False).returncode
    if "?" not in case and address is None:
        from ._recorded import replay_recorded

        targets_of([case])
        return replay_recorded(case, laws_files)
    if address is None:
        raise Mistake("a case needs the implementation beside it: attnspec replay CASE IMPL")

    case = "".join(case.split())  # As a finding prints it, a case may go over several lines.
    identifier, mark, query = case.partition("?")
    if not mark:
        raise Mistake(f"a case looks like law?dtype=…&…, as a finding prints it (quote it for the shell), not {case!r}")
    targets_of([address])  # It may bring an operation, and the laws of that.
    laws = choose_laws([identifier], files=laws_files)
    _check_whole(query, laws[0])
    if HERE not in os.environ:
        code, out, complaint = _in_a_child(case, address, laws_files)
        click.echo(out, nl=False)
        click.echo(complaint, nl=False, err=True)
        return code
    return _replay_here(case, address, laws[0])


def _check_whole(query: str, law: Law) -> None:
    """Raises Mistake for a case that was cut short: with the defaults for what is missing it would be another case."""
    from attnspec.conformance.problems.structure import required
    from attnspec.conformance.selection import Mistake

    given = {part.partition("=")[0] for part in query.split("&")}
    lacking = [name for name in required(law.operation) if name not in given]
    if lacking:
        raise Mistake(f"the case lacks {', '.join(lacking)}; give it whole, as a finding prints it, in quotes for the shell")


def _is_script(file: Path) -> bool:
    """Whether a file is the script of a finding, not a kernel."""
    text = file.read_text(encoding="utf-8", errors="replace")
    return "\nADDRESS = " in text and "\nDATA = " in text


def _replay_here(case: str, address: str, law: Law) -> int:
    from attnspec.conformance.describe import told
    from attnspec.conformance.explained import replay
    from attnspec.conformance.selection import Mistake, find_targets
    from attnspec.conformance.survey import surveyed
    from attnspec.reports.diagnosis import diagnosis_lines
    from attnspec.reports.findings import skip_reason
    from attnspec.reports.visible import visible

    worst = 0
    for target in find_targets([address]):
        try:
            result = replay(surveyed(target.implementation), case, law, explain=os.environ.get(HERE) != BRIEF)
        except ValueError as error:
            raise Mistake(f"the case cannot be read: {error}") from None
        name = target.implementation.name
        if result.verdict in ("fail", "error"):
            worst = 1
            click.echo(f"{FAILS} ({result.verdict}) on {name}: {visible(result.message)}")
            for line in (*(f"  {line}" for line in result.details), *diagnosis_lines(told(result).diagnosis)):
                click.echo(visible(line))
        elif result.verdict == "pass":
            click.echo(f"FIXED: {law.id} holds on {name}" + _ratio(result.worst_ratio))
        else:
            raise Mistake(f"{name} did not decide this case: {skip_reason(told(result))}")
    return worst


def _in_a_child(case: str, address: str, laws_files: Sequence[str]) -> tuple[int, str, str]:
    """Replay a case in a process of its own: the exit code, and what it prints on both streams."""
    from attnspec.conformance.engine.budget import BUDGETS

    extra = [f"--laws-file={file}" for file in laws_files]
    command = [sys.executable, "-m", "attnspec", "replay", *extra, "--", case, address]
    timeout = BUDGETS["quick"].timeout
    try:
        done = subprocess.run(
            command, env={**os.environ, HERE: "1"}, timeout=timeout, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, f"{late(address)}\n", ""
    if done.returncode in (0, 1, 2):
        return done.returncode, done.stdout, done.stderr
    return 1, f"{died(address, done.returncode)}\n", done.stderr


def late(address: str) -> str:
    """What is said of a case that hangs."""
    from attnspec.conformance.engine.budget import BUDGETS

    return f"{FAILS} (error) on {address}: no answer after {BUDGETS['quick'].timeout:g} s"


def died(address: str, code: int) -> str:
    """What is said of a case of which the process died."""
    return f"{FAILS} (error) on {address}: the process died of {_cause(code)}"


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _ratio(worst: float | None) -> str:
    return "" if worst is None else f"; the error is {worst:.2f} of its bound"
