"""What a run looks like while it runs: a progress bar and a table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING

import pytest
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from attnspec.reports.findings import NOT_RUN
from attnspec.reports.lines import WIDTH, clipped, paragraph
from attnspec.reports.schema import Result, checked
from attnspec.reports.visible import visible
from attnspec.reports.wording import counted

if TYPE_CHECKING:
    from attnspec.conformance.engine.budget import Budget
    from attnspec.conformance.selection import Case
    from attnspec.reports.record import Record

__all__ = ["Display", "made_console"]

STYLES = {"pass": "green", "fail": "bold red", "error": "bold red", "inconclusive": "yellow", "not-claimed": "dim"}


def made_console() -> Console:
    """The terminal, or plain text of a fixed width where output goes to a file or a pipe."""
    out = sys.stdout
    return Console(file=out) if out.isatty() else Console(file=out, width=WIDTH, color_system=None)


class Display:
    """A pytest plugin in the controller that shows results as they come. `defects`: failures that carry no result.

    unrecorded: why failures could not be recorded for the next run. unwritten: why the report is not on disk. record: the
    report. quiet: show nothing.
    """

    def __init__(self, cases: list[Case], budget: Budget, quiet: bool = False) -> None:
        self.quiet, self.console = quiet, made_console()
        self.budget, self.total, self.laws = budget, len(cases), len({case.law.id for case in cases})
        self.counts: dict[str, Counter[str]] = {case.target.implementation.name: Counter() for case in cases}
        self.defects: list[str] = []
        self.unrecorded: str | None = None
        self.unwritten: str | None = None
        self.record: Record | None = None
        self.done = 0
        self._told: set[str] = set()
        self._started = self._said = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=self.console
        )
        self._task = self._progress.add_task("laws", total=self.total)
        self._live: Live | None = None

    def _budget(self) -> str:
        problems = f"{counted(self.budget.examples, 'problem')} each"
        if self.budget.costly != self.budget.examples:
            problems += f", {self.budget.costly} where calls are compiled or interpreted"
        return f"budget {self.budget.name} ({problems})"

    def __enter__(self) -> Display:
        names, results = len(self.counts), counted(self.total, "result")
        self._say(f"{counted(self.laws, 'law')} on {counted(names, 'implementation')}: {results} to come, {self._budget()}")
        if self.console.is_terminal and not self.quiet:
            self._live = Live(
                self._picture(), console=self.console, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        values = [str(value) for name, value in report.user_properties if name == "attnspec"]
        if not values:
            if report.failed:
                self.defects.append(f"{report.nodeid}\n{report.longreprtext}")
        elif report.when not in ("setup", "teardown"):
            self._add(checked(json.loads(values[-1]), Result, "the result"))

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.defects.append(f"{report.nodeid}\n{report.longreprtext}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        controller = config.pluginmanager.get_plugin("attnspec-controller")
        self.unrecorded, self.unwritten, self.record = (
            getattr(controller, name, None) for name in ("unrecorded", "unwritten", "record")
        )

    def _add(self, row: Result) -> None:
        self.done += 1
        self.counts[row.implementation][row.verdict] += 1
        self._progress.update(self._task, completed=self.done, description=row.law)
        if row.verdict in ("fail", "error"):
            given_up = row.message.startswith(NOT_RUN)
            told = row.message if given_up else f"{row.verdict.upper():5} {row.law} on {row.implementation}"
            if told not in self._told:  # Other dtypes and the cause are told at the end.
                self._told.add(told)
                self._say(clipped(visible(told if given_up else f"{told} in {row.dtype}: {row.message}")))
        if self._live is not None:
            self._live.update(self._picture())
        elif time.monotonic() - self._said > 30 or self.done == self.total:
            self._said = time.monotonic()
            self._say(f"{self.done} of {self.total} after {self._said - self._started:.0f} s")

    def _say(self, line: str) -> None:
        if not self.quiet:
            self.console.print("\n".join(paragraph(line, indent="  ")), markup=False, highlight=False, soft_wrap=True)

    def _picture(self) -> Group:
        table = Table(box=None, pad_edge=False)
        table.add_column("implementation")
        for verdict in STYLES:
            table.add_column(verdict, justify="right")
        for name, found in self.counts.items():
            cells = [Text(str(found[verdict] or ""), style=style) for verdict, style in STYLES.items()]
            table.add_row(Text(name), *cells)
        return Group(table, self._progress)
