"""The controller's part: results as they arrive, workers that die, the report at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ...reports.baseline import failure, known
from ...reports.cards import finding_text
from ...reports.model import concluded, headline, outcome, report_head, with_conventions
from ...reports.profiles import verdict_line
from ...reports.record import Record
from ...reports.write import FolderError, ResultStream, write_report
from ..describe import describe_law, describe_plan, describe_shard, told
from ..hosts.describing import descriptions
from ..selection import Plan
from .crash import is_hang, result_of_wreck
from .items import PROPERTY, SCRIPT
from .recorder import FlightRecorder
from .scripts import write_script
from .stored import StoredFailures
from .watchdog import Watchdog

__all__ = ["Controller"]


class Controller:
    """Collects the results of one run, keeps them on disk as they come, and writes the report."""

    def __init__(
        self,
        config: pytest.Config,
        plan: Plan,
        recorder: FlightRecorder,
        baseline: list[dict[str, Any]],
        given: dict[str, Any],
        stored: StoredFailures,
        surveys: dict[str, Any],
    ) -> None:
        self.surveys = surveys
        self.stored = stored
        self.addresses = {target.implementation.name: target.address for target in plan.targets}
        self.config, self.plan, self.recorder, self.given = config, plan, recorder, given
        self.expected = [failure(entry) for entry in baseline]
        self.rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.problems: list[str] = []
        self.unrecorded: str | None = None
        self.record: Record | None = None
        self.cases = {case.key: case for case in plan.cases()}
        self.began = time.monotonic()
        self.head = report_head(
            plan=describe_plan(plan), planned=len(self.cases), baseline=baseline, shard=describe_shard(plan)
        )
        out = config.getoption("attnspec_out")
        self.folder = None if out is None else Path(out)
        self.unwritten: str | None = None
        self.stream: ResultStream | None = None
        if self.folder is not None:
            try:
                self.stream = ResultStream(self.folder, self.head)
            except OSError as error:
                self._cannot_write(error)
        self.watchdog = Watchdog(recorder)
        self.watchdog.start()

    def _on_disk(self, write: Callable[..., Any], *what: Any) -> None:
        """Write something into the folder. Where that cannot be done the run goes on, and says so at its end."""
        try:
            write(*what)
        except (OSError, FolderError) as error:
            self._cannot_write(error)

    def _cannot_write(self, error: OSError | FolderError) -> None:
        why = f"{self.folder}: the report cannot be written there: {getattr(error, 'strerror', None) or error}"
        self.unwritten = self.unwritten or f"{why}; make room, or name another folder with --out"

    def pytest_keyboard_interrupt(self) -> None:
        self.watchdog.interrupt()

    def pytest_unconfigure(self) -> None:
        self.watchdog.stop()
        if self.stream is not None:
            self._on_disk(self.stream.close)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["attnspec_flight"] = str(self.recorder.folder)
        node.workerinput["attnspec_described"] = json.dumps(descriptions())
        node.workerinput["attnspec_surveys"] = json.dumps(self.surveys)
        node.workerinput["attnspec_stored"] = str(self.stored.file)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        if config.getvalue("dist") != "loadgroup":
            return None
        from .scheduler import LawScheduling

        return LawScheduling(config, log, self.cases.values())

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: Any) -> None:
        """A worker died: the item that it was running gets a result that says so."""
        gateway = report.node.gateway
        wreck = self.recorder.wreck(gateway.id)
        if wreck is None:
            return
        result = result_of_wreck(wreck, _returncode(gateway))
        key = (result.law, result.implementation, result.dtype)
        self.recorder.mark_lost(key, hung=is_hang(wreck))
        case = self.cases[key]
        report.location = (report.location[0], case.law.line - 1, case.name)
        report.user_properties = [(PROPERTY, json.dumps(result.as_dict()))]
        report.longrepr = finding_text(told(result), describe_law(case.law), case.target.address)
        entry = known(self.expected, result)
        if entry is not None:
            report.outcome, report.wasxfail = "skipped", entry.reason
        elif self.given["first"] and result.level == "must":
            self.recorder.leave(result.implementation)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when in ("setup", "teardown"):
            return
        packed = next((str(value) for name, value in report.user_properties if name == SCRIPT), "")
        for name, value in report.user_properties:
            if name == PROPERTY:
                row = json.loads(str(value))
                self._on_disk(self._add_script, row, packed)
                self.rows[row["law"], row["implementation"], row["dtype"]] = row
                if self.stream is not None:
                    self._on_disk(self._tell_conventions, self.stream)
                    self._on_disk(self.stream.add, row)

    def _add_script(self, row: dict[str, Any], packed: str) -> None:
        row.update(write_script(row, packed, self.folder, self.addresses))

    def _tell_conventions(self, stream: ResultStream) -> None:
        """Write the plan anew where more implementations have shown how they settle conventions: the run may be killed."""
        known = self.recorder.conventions()
        if len(known) > sum(bool(made["conventions"]) for made in self.head["implementations"]):
            self.head = with_conventions(self.head, known)
            stream.plan(self.head)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        rows = [self.rows[key] for key in self.cases if key in self.rows]
        head = with_conventions(self.head, self.recorder.conventions())
        self.record = concluded(head, rows, seconds=time.monotonic() - self.began)
        report = self.record.report
        self.problems = report.baseline_problems
        if self.folder is not None:
            self._on_disk(write_report, self.record.data, self.folder)
        self.unrecorded = self.stored.update(report.results, self.addresses)
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            if self.problems or (rows and outcome(report)[0] == 2):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            elif not self.cases and session.testscollected == 0:
                session.exitstatus = pytest.ExitCode.OK  # An empty shard: others hold the cases.

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.record is None or (not self.rows and self.cases):
            return
        report = self.record.report
        code, sentence = outcome(report)
        terminalreporter.section("attnspec")
        why = [sentence] if code == 2 or not self.cases else []
        for line in dict.fromkeys([verdict_line(report), *headline(report), *self.problems, *why]):
            terminalreporter.write_line(line)
        for sentence in filter(None, (self.unrecorded, self.unwritten)):
            terminalreporter.write_line(sentence)
        if self.folder is not None and not self.unwritten:
            terminalreporter.write_line(f"report: {self.folder / 'report.json'}")


def _returncode(gateway: Any) -> int | None:
    """The exit code of a worker's process; None where execnet does not tell."""
    process = getattr(getattr(gateway, "_io", None), "popen", None)
    if process is None:
        return None
    try:
        code: int = process.wait(timeout=5)
    except Exception:  # Still running, or not ours to wait for: the message then names no cause.
        return None
    return code
