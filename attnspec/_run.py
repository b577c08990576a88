"""`attnspec run`: pytest, driven from inside, in a place of its own.

The user's pytest.ini, conftest files, plugins and PYTEST_ADDOPTS belong to the user's tests and may not change what a run
of laws means, so pytest gets its own configuration file, root folder and list of plugins. Its output goes to a log; what
the user sees is the display and the summary.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._display import Display
from ._targets import targets_of

if TYPE_CHECKING:
    from attnspec.reports.record import Record

__all__ = ["run_laws"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""One thread a worker: the workers share the processors, and sums in a fixed order can be replayed."""

FOREIGN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_TIMEOUT", "PYTEST_XDIST_AUTO_NUM_WORKERS")


def run_laws(given: dict[str, Any]) -> int:
    """Run, show, summarise; returns the exit code.

    Raises ContractError, SpecError, Mistake, BaselineError, FolderError before it starts.
    """
    from attnspec.adapters.device import VARIABLE
    from attnspec.adapters.finding import called_how
    from attnspec.conformance.remembered import a_run
    from attnspec.conformance.selection import Mistake
    from attnspec.reports.baseline import load_baseline

    given["implementations"] = called_how(given["implementations"], given["signature"], given["arrays"])
    if given["form"] and not given["out"]:
        raise Mistake("--format writes files beside report.json; say where with --out DIR")
    for file in given["baseline"]:
        load_baseline(Path(file))
    if given["device"]:
        os.environ[VARIABLE] = given["device"]
    with a_run():
        return _run(given)


def _run(given: dict[str, Any]) -> int:
    """The run itself; what it remembers of implementations its end forgets."""
    from attnspec.conformance.selection import make_plan
    from attnspec.reports.record import Record
    from attnspec.reports.summary import print_summary
    from attnspec.reports.write import free, read_report

    plan = make_plan(
        targets_of(given["implementations"], given["timeout"], hosted=not given["in_process"]),
        **{name: given[name] for name in ("laws", "profile", "dtype", "budget", "examples", "timeout", "seed", "shard")},
        laws_files=given["laws_file"],
    )
    with tempfile.TemporaryDirectory(prefix="attnspec-run-") as place:
        out = free(Path(given["out"] or Path(place) / "out"))
        display = Display(list(plan.cases()), plan.budget, given["quiet"])
        code = _pytest(_arguments(given, Path(place), out), Path(place) / "pytest.log", display)
        if display.unwritten and display.record is not None:
            record, written = display.record, []
        elif not (out / "report.json").exists():
            return _broken(code, Path(place) / "pytest.log", display)
        else:
            record = Record.of(read_report(out))
            written = _written(record, given, out, display)
    status = print_summary(record.report, display.console, folder=f"{out}/" if given["out"] else None)
    for defect in display.defects:
        click.echo(f"attnspec: a defect of the kit, not of the implementation:\n{defect}", err=True)
    if display.unrecorded:
        click.echo(f"attnspec: {display.unrecorded}", err=True)
    if display.unwritten:
        click.echo(f"attnspec: {display.unwritten}", err=True)
    elif given["out"] and not given["quiet"]:
        for file in (out / "report.json", *written):
            display.console.print(f"report: {file}", markup=False, highlight=False, soft_wrap=True)
    return 130 if code == 2 else 2 if display.unwritten else status


def _written(record: Record, given: dict[str, Any], out: Path, display: Display) -> list[Path]:
    """The other forms of a report, which stand beside it."""
    from attnspec.reports.formats import write_formats

    try:
        return write_formats(record, given["form"], out, given["profile"] or "core")
    except OSError as error:
        display.unwritten = f"{out}: report.json is there, and its other forms cannot be written: {error.strerror}"
        return []


def _arguments(given: dict[str, Any], place: Path, out: Path) -> list[str]:
    """What pytest is called with."""
    from attnspec.conformance.language.loading import spec_folder

    ini = place / "attnspec.ini"
    ini.write_text("[pytest]\n", encoding="utf-8")
    arguments = ["-c", str(ini), "--rootdir", str(place), "--noconftest", "-s", "-q", "--tb=short"]
    arguments += ["-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "xdist", "-p", "timeout"]
    arguments += ["-p", "attnspec.conformance.plugin", "-p", "attnspec.conformance.plugin.quiet"]
    arguments += ["-n", str(given["jobs"]), "--dist", "loadgroup" if given["jobs"] else "no"]
    arguments += [f"--attnspec-impl={address}" for address in given["implementations"]]
    arguments += [f"--attnspec-laws={pattern}" for pattern in given["laws"]]
    arguments += [f"--attnspec-laws-file={Path(file).resolve()}" for file in given["laws_file"]]
    arguments += [f"--attnspec-baseline={file}" for file in given["baseline"]]
    arguments += [f"--attnspec-dtype={dtype}" for dtype in given["dtype"]]
    for name in ("budget", "profile", "device", "examples", "timeout", "seed", "shard"):
        if given[name] is not None:
            arguments.append(f"--attnspec-{name}={given[name]}")
    arguments += [f"--attnspec-{flag}" for flag in ("first", "certificate", "strict") if given[flag]]
    arguments += ["--attnspec-in-process"] if given["in_process"] else []
    return [*arguments, f"--attnspec-out={out}", str(spec_folder())]


def _pytest(arguments: list[str], log: Path, display: Display) -> int:
    import pytest

    with log.open("w", encoding="utf-8") as text, _clean_environment(), display, contextlib.redirect_stdout(text):
        return int(pytest.main(arguments, plugins=[display]))


@contextlib.contextmanager
def _clean_environment() -> Iterator[None]:
    """The environment that pytest and its workers see."""
    before = dict(os.environ)
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in THREADS:
        os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _broken(code: int, log: Path, display: Display) -> int:
    """pytest ended without a report: its log is all there is to say why, unless somebody stopped it."""
    if code == 2:
        click.echo("attnspec: interrupted before the first law", err=True)
        return 130
    for defect in display.defects:
        print(defect, file=sys.stderr)
    print(log.read_text(encoding="utf-8")[-4000:], file=sys.stderr)
    print(f"attnspec: pytest ended with code {code} and no report; what it said is above", file=sys.stderr)
    return 2
