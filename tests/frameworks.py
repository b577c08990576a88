"""Tests of a framework that is not installed are skipped by name, and counted at the end; where CI is set, one is a failure.

A module that imports the framework is skipped whole. In others it is the test that asks for an implementation of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from attnspec.adapters.contract import ContractError

FRAMEWORKS = ("torch", "jax", "triton")
TOOLS = ("cc", "c++", "node")
"""Programs that no package of Python brings. For want of one a test is skipped by name too, and that is no failure in CI."""

LACKING = tuple(name for name in FRAMEWORKS if find_spec(name) is None)
SKIPPED = "is not installed, so what needs it is not tested"


def lacking(error: BaseException | None) -> str | None:
    """The framework for want of which something was raised, or None."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in LACKING:
            return str(error.name).split(".")[0]
        if isinstance(error, ContractError) and "not installed" in str(error):
            return next((name for name in LACKING if name in str(error)), None)
        error = error.__cause__ or error.__context__
    return None


class Lacking(pytest.Item):
    """Stands for a module that cannot be imported."""

    framework: str

    def runtest(self) -> None:
        pytest.skip(f"{self.framework} {SKIPPED}")


class Module(pytest.Module):
    """A module of tests, or one item that is skipped where it imports what is not installed."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        try:
            yield from super().collect()
        except Exception as error:  # pytest tells of an import in words, and lets other errors through
            said = str(error)
            name = lacking(error) or next((name for name in LACKING if f"No module named '{name}" in said), None)
            if name is None:
                raise
            item: Lacking = Lacking.from_parent(self, name="all")
            item.framework = name
            yield item


class Frameworks:
    """The plugin. skipped: framework → how many modules and tests."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module:
        module: Module = Module.from_parent(parent, path=module_path)
        return module

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        yield from _skipping()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        yield from _skipping()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = str(report.longrepr).partition(f" {SKIPPED}")[0].rpartition(" ")[2] if report.skipped else ""
        if name in FRAMEWORKS + TOOLS:
            self.skipped[name] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if set(self.skipped) & set(FRAMEWORKS) and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name, count in sorted(self.skipped.items()):
            failure = os.environ.get("CI") and name in FRAMEWORKS
            told = "a failure, because CI is set" if failure else "install it to run them"
            terminalreporter.write_line(f"{name} is not installed: {count} modules and tests were skipped; {told}")
        if not self.skipped:
            terminalreporter.write_line(f"nothing was skipped for want of {', '.join(FRAMEWORKS[:-1])} or {FRAMEWORKS[-1]}")


def _skipping() -> Generator[None, None, None]:
    try:
        yield
    except Exception as error:
        name = lacking(error)
        if name is None:
            raise
        pytest.skip(f"{name} {SKIPPED}")
