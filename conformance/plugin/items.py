"""A law file as pytest sees it: one item for each law, implementation and dtype.

pass passes. fail and error of a must-law fail, without a Python traceback. A should-law or may-law that does not hold
passes with a warning. not-claimed and inconclusive are skips with their reason: neither may look like a pass.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ...reports.baseline import expectation, known
from ...reports.cards import finding_text
from ...reports.findings import skip_reason
from ...reports.schema.report import Finding
from ...reports.schema.setting import KnownFailure
from ..describe import describe_law, told
from ..engine.result import Result
from ..hosts.line import Ended
from ..selection import Case

if TYPE_CHECKING:
    from .session import LawSession

__all__ = ["PROPERTY", "SCRIPT", "AttnspecWarning", "LawDoesNotHold", "LawFile", "LawItem", "run_case"]

PROPERTY, SCRIPT = "attnspec", "attnspec_script"
"""The names under which a test report carries its result as JSON, and the packed calls of a finding (or nothing)."""

LATER = 10.0
"""Seconds after its time limit by which a judge of a host has ended that, and said so."""


class AttnspecWarning(UserWarning):
    """A should-law or may-law does not hold."""


class LawDoesNotHold(Exception):
    """A must-law failed or its implementation crashed. The text is the finding."""


class LawFile(pytest.File):
    """One file of laws."""

    def __init__(self, *, cases: list[Case], session_of_laws: LawSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cases, self.laws = cases, session_of_laws

    def collect(self) -> Iterator[LawItem]:
        for case in self.cases:
            # Given as text: --lf and --ff read ids from text, where [numpy/flash-float32] is no part of the name.
            nodeid = f"{self.nodeid}::{case.name}"
            item: LawItem = LawItem.from_parent(self, name=case.name, nodeid=nodeid, case=case, session_of_laws=self.laws)
            yield item


class LawItem(pytest.Item):
    """One law on one implementation in one dtype."""

    def __init__(self, *, case: Case, session_of_laws: LawSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case, self.laws = case, session_of_laws
        made = case.target.implementation
        self.extra_keyword_matches.update((made.name, case.dtype, case.law.chapter, case.law.level))
        if self.laws.recorder.worker is None and self.config.pluginmanager.hasplugin("timeout"):
            # Without a worker to replace, a hang in Python can be interrupted; a hang in native code cannot.
            self.add_marker(pytest.mark.timeout(self.laws.plan.budget.timeout, method="signal"))

    def runtest(self) -> None:
        laws, name = self.laws, self.case.target.implementation.name
        if laws.first and laws.recorder.left(name):
            pytest.skip(f"{name} was left at its first finding")
        result = run_case(self.case, laws)
        self.user_properties.append((SCRIPT, result.packed))
        self.user_properties.append((PROPERTY, json.dumps(result.as_dict())))
        entry = known(laws.expected, result)
        if laws.first and result.level == "must" and result.verdict in ("fail", "error") and entry is None:
            laws.recorder.leave(name)
        self._conclude(result, entry)

    def _conclude(self, result: Result, entry: KnownFailure | None) -> None:
        if result.verdict in ("fail", "error"):
            if entry is not None:
                pytest.xfail(expectation(entry))
            text = finding_text(told(result), describe_law(self.case.law), self.case.target.address)
            if result.level == "must":
                raise LawDoesNotHold(text)
            warnings.warn(AttnspecWarning(text), stacklevel=2)
        elif result.verdict == "pass" and entry is not None and entry.fails != "sometimes":
            raise LawDoesNotHold(
                f"{self.case.name} passes, but the baseline expects it to fail ({entry.reason}); remove the entry"
            )
        elif result.verdict != "pass":
            pytest.skip(skip_reason(told(result)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, LawDoesNotHold):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, max(0, self.case.law.line - 1), self.name


def run_case(case: Case, laws: LawSession) -> Result:
    """The result of one case; what the kit itself raises is a defect of the kit and passes through."""
    from ..engine.conventions import settled
    from ..engine.verify import not_worth_trying
    from ..explained import verify

    made, plan, recorder = case.target.implementation, laws.plan, laws.recorder
    if given_up := recorder.given_up(made.name):
        return Result(**case.identity(), verdict="error", message=f"not run: {made.name} {given_up}")
    message = not_worth_trying(made) or (recorder.patience(made.name).at_an_end(made.name) or "")
    if message:
        return Result(**case.identity(), verdict="error", message=message)
    header = {**case.identity(), "address": case.target.address}
    host = made.host
    if host is not None:
        host.line.renew(plan.budget.of_call(made.mode), plan.budget.timeout)
    timeout = plan.budget.timeout + (0.0 if host is None else LATER)
    with recorder.flight(case.key, header, timeout, plan.budget.of_call(made.mode)) as record:
        try:
            before = laws.stored.cases(case.target.address, case.law.id, case.dtype)
            explain = known(laws.expected, Finding(*case.key)) is None  # A known failure has its reason.
            how: dict[str, Any] = {"record": record, "first": before, "explain": explain, "certify": laws.certify}
            result: Result = verify(made, case.law, case.dtype, budget=plan.budget, seed=plan.seed, **how)
        except SystemExit as error:
            return Result(**case.identity(), verdict="error", message=f"called sys.exit({error.code!r})")
        except Ended as ended:
            message = f"{ended} before its first problem (loading it, or probing its conventions)"
            result = Result(**case.identity(), verdict="error", message=message, details=ended.lines)
        if host is not None and result.verdict in ("fail", "error"):
            result.details += host.line.said()
        recorder.note_result(result)
        if result.verdict != "error":
            with contextlib.suppress(
                SystemExit, Ended
            ):  # Probes call the implementation; the laws say that it ends the process.
                recorder.note_conventions(made.name, lambda: settled(made))
    if host is not None and host.line.ended is not None:
        recorder.mark_lost(case.key, hung=host.line.ended.hung)
    return result
