"""One run inside pytest: the plan, the collection of law files, and where results go.

The same object lives in the controller and in each worker of pytest-xdist. The controller plans too, so that a wrong name
is one sentence before any worker starts; workers run items; the controller turns a worker's death into a result.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from ...adapters.contract import ContractError
from ...adapters.device import VARIABLE
from ...reports.baseline import failure
from ...reports.write import FolderError
from ..engine.interruption import listening
from ..hosts.describing import hosts_can_be_had, take_over
from ..hosts.server import close_servers
from ..language import SpecError
from ..remembered import a_run
from ..selection import Case, Mistake, Plan, Target, find_targets, make_plan
from ..survey.targets import survey_targets, with_surveys
from .items import LawFile, LawItem
from .recorder import LOSSES, FlightRecorder
from .stored import StoredFailures, recorded_in
from .watchdog import lead_a_group

__all__ = ["LawSession"]


class LawSession:
    """Registered when an implementation is given."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.surveys: dict[str, Any] = {}
        given: dict[str, Any] = {
            name: config.getoption(f"attnspec_{name}")
            for name in (
                "impl",
                "profile",
                "laws",
                "laws_file",
                "dtype",
                "budget",
                "examples",
                "timeout",
                "seed",
                "shard",
                "first",
            )
        }
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.laws_files = [Path(file) for file in given["laws_file"]]
        self.first: bool = given["first"]
        self.certify: bool = config.getoption("attnspec_certificate")
        if config.getoption("attnspec_device"):
            os.environ[VARIABLE] = config.getoption("attnspec_device")
        self._run = ExitStack()
        self._run.enter_context(a_run())
        if worker:
            take_over(json.loads(worker["attnspec_described"]))
        hosted = hosts_can_be_had() and not config.getoption("attnspec_in_process")
        try:
            targets = find_targets(given["impl"], hosted=hosted, seconds=given["timeout"])
            if not config.getoption("attnspec_strict"):
                self.surveys = json.loads(worker["attnspec_surveys"]) if worker else survey_targets(targets)
                targets = with_surveys(targets, self.surveys)
            self.plan = _plan(targets, given, checked=worker is not None)
            baseline = _baseline(config.getoption("attnspec_baseline"))
            self.expected = [failure(entry) for entry in baseline]
        except (Mistake, ContractError, SpecError) as error:
            self._run.close()
            raise pytest.UsageError(f"attnspec: {error}") from None
        # A file of which no law is tried holds no item, and pytest would call it an address that leads nowhere.
        elsewhere = {law.file: None for law in self.plan.laws if not law.shipped}
        tried = [file for file in {**dict.fromkeys(self.laws_files), **elsewhere} if file.resolve() in self._by_file]
        config.args.extend(str(file) for file in tried if not _named(file, config.args))
        self._run.enter_context(listening())
        self._own_folder = None if worker else tempfile.mkdtemp(prefix="attnspec-")
        self.recorder = FlightRecorder(
            Path(worker["attnspec_flight"] if worker else str(self._own_folder)),
            worker["workerid"] if worker else None,
            owns_faults=not config.pluginmanager.hasplugin("faulthandler"),
        )
        lead_a_group(self.recorder)
        self.stored = StoredFailures(Path(worker["attnspec_stored"]) if worker else recorded_in(Path.cwd()))
        if worker is None:
            if getattr(config.option, "numprocesses", None):
                close_servers()  # Workers have their own.
            _allow_deaths(config, len(self.plan.targets))
            from .controller import Controller

            try:
                controller = Controller(config, self.plan, self.recorder, baseline, given, self.stored, self.surveys)
            except FolderError as error:
                raise pytest.UsageError(f"attnspec: {error}") from None
            config.pluginmanager.register(controller, "attnspec-controller")

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path.suffix not in (".yaml", ".yml"):
            return None
        cases = self._by_file.get(file_path.resolve())
        if not cases:
            return None
        made: LawFile = LawFile.from_parent(parent, path=file_path, cases=cases, session_of_laws=self)
        return made

    @cached_property
    def _by_file(self) -> dict[Path, list[Case]]:
        """The cases of each file of laws."""
        resolved = {law.file: law.file.resolve() for law in self.plan.laws}
        found: dict[Path, list[Case]] = {}
        for case in self.plan.cases():
            found.setdefault(resolved[case.law.file], []).append(case)
        return found

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """pytest-xdist gives an item that took a worker down to the next worker; it has its result already."""
        if isinstance(item, LawItem) and self.recorder.lost(item.case.key):
            return True
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A skipped law is shown at its line in the law file, not at the line of the plugin that skipped it."""
        report = yield
        if isinstance(item, LawItem) and isinstance(report.longrepr, tuple):
            report.longrepr = (str(item.path), item.case.law.line, report.longrepr[2])
        return report

    def pytest_unconfigure(self) -> None:
        self._run.close()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


def _allow_deaths(config: pytest.Config, implementations: int) -> None:
    """More replacements than xdist's four a worker: each implementation may take down LOSSES workers, and a few at once."""
    option = config.option
    if getattr(option, "numprocesses", None) and option.maxworkerrestart is None:
        option.maxworkerrestart = str(option.numprocesses * (4 + LOSSES * implementations))


def _plan(targets: list[Target], given: dict[str, Any], checked: bool) -> Plan:
    return make_plan(
        targets,
        laws=given["laws"],
        profile=given["profile"],
        laws_files=given["laws_file"],
        dtype=given["dtype"],
        budget=given["budget"],
        examples=given["examples"],
        timeout=given["timeout"],
        seed=given["seed"],
        shard=given["shard"],
        checked=checked,
    )


def _baseline(files: list[str]) -> list[dict[str, Any]]:
    from ...reports.baseline import BaselineError, load_baseline

    try:
        return [entry for file in files for entry in load_baseline(Path(file))]
    except BaselineError as error:
        raise Mistake(str(error)) from None


def _named(file: Path, arguments: list[str]) -> bool:
    return any(Path(argument.split("::")[0]).resolve() == file.resolve() for argument in arguments)
