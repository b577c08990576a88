"""`attnspec ci`: a run or a merge, the report in all its forms, a comparison, and one exit code.

The run is a process of its own, because a kernel may end the process that calls it. What it left is a report all the same,
an incomplete one, and an incomplete report is red, also where the kernel ended with 0.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from ._ci_github import add_output, add_summary, annotate

__all__ = ["run_job"]

FORMS = ("html", "junit", "badge", "markdown")
PAGE, DIFF = "report.md", "diff.md"

HANDED_ON = ("budget", "laws", "laws_file", "baseline", "dtype", "examples", "seed", "jobs", "shard")
"""Options that mean what they mean for `attnspec run`."""


def run_job(given: dict[str, Any]) -> int:
    """Do the job; returns its exit code. Wrong usage is said as all else, and ends with 2."""
    from attnspec.conformance.selection import Mistake

    folder = Path(given["out"])
    earlier = _written(folder)
    try:
        _refuse_itself(given["compare"], folder)
        code = _ended(_command(given, folder))
    except Mistake as mistake:
        annotate("error", str(mistake))
        return _without_report(2)
    if _written(folder) == earlier:
        code = _without_report(code or 2)
        annotate("error", f"red, exit code {code}; the log says why")
        return code
    if earlier:
        (folder / DIFF).unlink(missing_ok=True)  # It compares an earlier report.
    incomplete = _in_all_forms(folder, given["profile"] or "core")
    code = code or incomplete
    add_output("exit-code", code)
    if (folder / PAGE).exists():
        add_summary((folder / PAGE).read_text(encoding="utf-8"))
    if given["compare"]:
        compared = _compare(given["compare"], folder)
        code = code or compared
    if code:
        annotate("error", f"red, exit code {code}; the log and the report in {folder} say why")
    return code


def _refuse_itself(older: str | None, folder: Path) -> None:
    """A report that is compared with itself is green, whatever it says. Raises Mistake."""
    from attnspec.conformance.selection import Mistake
    from attnspec.reports.write import REPORT

    if older and Path(older).resolve() in (folder.resolve(), (folder / REPORT).resolve()):
        raise Mistake(f"{older} is where the new report goes, so the two cannot be compared; name another folder with --out")


def _command(given: dict[str, Any], folder: Path) -> list[str]:
    """The arguments of `attnspec` that make the report. Raises Mistake where nothing, or two things, are asked for."""
    from attnspec.conformance.selection import Mistake

    made = [f"--out={folder}", *(f"--format={form}" for form in FORMS), *_options(given, ["profile"])]
    if given["merge"] and given["implementations"]:
        raise Mistake("give implementations or merge, not both")
    if given["merge"]:
        parts = _parts(Path(given["merge"]))
        if not parts:
            raise Mistake(f"no report of a shard below {given['merge']}, so nothing was checked")
        return ["report", "merge", *made, "--", *parts]
    if not given["implementations"]:
        raise Mistake("no implementation is named, so nothing would be checked")
    return ["run", *made, *_options(given, HANDED_ON), "--", *given["implementations"]]


def _options(given: dict[str, Any], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        values = given[name] if isinstance(given[name], tuple) else [given[name]]
        yield from (f"--{name.replace('_', '-')}={value}" for value in values if value is not None)


def _parts(place: Path) -> list[str]:
    """Folders below one that hold a report, or what is left of a run."""
    from attnspec.reports.write import REPORT, RESULTS

    return sorted({str(file.parent) for name in (REPORT, RESULTS) for file in place.rglob(name)})


def _ended(arguments: list[str]) -> int:
    """Run the kit in a process of its own. One that was killed has the code that a shell gives it."""
    code = subprocess.call([sys.executable, "-P", "-m", "attnspec", *arguments])
    return 128 - code if code < 0 else code


def _written(folder: Path) -> dict[str, int]:
    """When each file of a report was written: that of an earlier job may lie there, and is not of this one."""
    from attnspec.reports.write import PLAN, REPORT, RESULTS

    return {name: (folder / name).stat().st_mtime_ns for name in (PLAN, RESULTS, REPORT) if (folder / name).exists()}


def _without_report(code: int) -> int:
    add_output("exit-code", code)
    add_summary("attnspec wrote no report; the log of the job says why.\n")
    return code


def _in_all_forms(folder: Path, profile: str) -> int:
    """Write the forms that a run did not come to. 0 for a report that is complete, 1 for one that is not, 2 for none."""
    from attnspec.reports.formats import UnknownProfile, write_formats
    from attnspec.reports.reading import ReportError, given_report

    if (folder / PAGE).exists():
        return 0
    try:
        record = given_report(str(folder))
        write_formats(record, FORMS, folder, profile)
    except (ReportError, UnknownProfile) as error:
        annotate("error", str(error))
        return 2
    return 0 if record.report.complete else 1


def _compare(older: str, folder: Path) -> int:
    """Show the comparison, keep it as Markdown, and return its exit code."""
    from attnspec.reports.reading import ReportError

    from ._diff import show_diff

    try:
        code = show_diff(older, str(folder), "text", False, None)
        show_diff(older, str(folder), "markdown", False, str(folder / DIFF))
    except (ReportError, click.ClickException) as error:
        annotate("error", str(error))
        return 2
    add_summary((folder / DIFF).read_text(encoding="utf-8"))
    return code
