"""The Python door: laws as a function call, and as tests of a user's own test file.

Everything runs in this process, so a crash of the implementation is a crash of the caller, and nothing stops a hang; the
command line and the pytest plugin under pytest-xdist survive both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .engine.patience import Patience
from .engine.result import Result
from .remembered import a_run
from .selection import Case, Plan, Target, find_targets, make_plan

if TYPE_CHECKING:
    from ..reports.schema import Report as Typed

__all__ = ["Report", "check", "explained", "parametrize"]

REPR = 200
"""Characters of the repr of a report: pytest cuts longer ones in the middle."""

IN_PYTEST, BEFORE = 72, len("AssertionError: ")
"""Columns that pytest leaves of 80 for what an assertion says, and of these what its first line begins with."""


@dataclass(frozen=True, repr=False)
class Report:
    """What `check` found, and with which budget: true where `ok` is. `str(report)` is a readable summary.

    results: one Result for each law and dtype. data: the report as it stands in report.json. Under pytest a failing
    `assert attnspec.check(fn)` says what is wrong, as does `assert attnspec.check(fn).ok`.
    """

    results: tuple[Result, ...]
    data: dict[str, Any]

    @cached_property
    def _typed(self) -> Typed:
        """The report as its readers take it."""
        from ..reports.record import Record

        return Record.of(self.data).report

    @property
    def ok(self) -> bool:
        """Whether something was decided and every claimed must-law holds."""
        from ..reports.model import outcome

        held = outcome(self._typed)[0] == 0
        if not held:
            denied.latest = self
        return held

    def __bool__(self) -> bool:
        return self.ok

    @property
    def findings(self) -> tuple[Result, ...]:
        """Results that failed or could not be had."""
        return tuple(result for result in self.results if result.verdict in ("fail", "error"))

    def __str__(self) -> str:
        from ..reports.summary import summary_text

        return f"{_effort(self._typed)}\n{summary_text(self._typed)}"

    def __repr__(self) -> str:
        """One short line: pytest puts it in the middle of an assertion, and writes line breaks as \\n."""
        from ..reports.causes import causes
        from ..reports.lines import clipped
        from ..reports.model import outcome

        found = causes(self._typed)
        first = f", {found[0].name}" if found else ""
        return clipped(f"<attnspec.Report: {outcome(self._typed)[1]}{first}; print it for more>", REPR)


class _Denied:
    """The report whose truth was asked last and was no."""

    latest: Report | None = None


denied = _Denied()


def explained(error: BaseException) -> str | None:
    """What pytest says instead of its own words about an assertion, if this is one that a report failed."""
    report, text = denied.latest, str(error)
    if not isinstance(error, AssertionError) or report is None:
        return None
    mine = re.escape(repr(report))
    asserted = re.search(rf"^(assert {mine}|assert False\n \+  where False = {mine}\.ok)$", text, re.MULTILINE)
    if asserted is None and text:
        return None
    from ..reports.lines import with_room
    from ..reports.summary import failure_text

    own = text[: asserted.start()] if asserted else ""
    said = f"{failure_text(report._typed, IN_PYTEST)}\n{_effort(report._typed)}"
    return own + said if own else with_room(said, BEFORE, IN_PYTEST)


def check(
    implementation: Any,
    *,
    laws: str | tuple[str, ...] | list[str] = (),
    laws_files: Sequence[str | Path] = (),
    budget: str = "quick",
    dtype: str | Sequence[str] | None = None,
    seed: int = 0,
    examples: int | None = None,
    certificate: bool = False,
    strict: bool = False,
) -> Report:
    """Hold laws against an implementation, in this process.

    implementation: a function (q, k, v, *, …options), an Implementation, or a target as on the command line.
    laws: one glob over law ids, or several; without any, what `attnspec run` tries: at the budget quick a shortlist.
    laws_files: files of further laws, each of which is first tried on the reference and on the mistakes that it names.
    dtype: the only one that is tried, or the only ones.
    strict: whether every exception is an error; without it a survey finds out what the implementation refuses.
    certificate: whether to find out which known faults each pass would have caught, which costs seconds a law, once.
    Raises ContractError for a function that cannot be called so, SpecError for a broken spec or law, and
    `attnspec.conformance.selection.Mistake` where a name is unknown or nothing is left to run.
    """
    how: dict[str, Any] = {"budget": budget, "dtype": dtype, "seed": seed, "examples": examples}
    with a_run():
        return _checked(_plan(implementation, laws, laws_files, strict=strict, **how), certificate)


def _checked(plan: Plan, certificate: bool) -> Report:
    from ..reports.model import build_report
    from .describe import describe_plan, describe_result
    from .engine.conventions import settled

    patience = {target.implementation.name: Patience() for target in plan.targets}
    results = [_run(case, plan, patience[case.target.implementation.name], certificate) for case in plan.cases()]
    record = build_report(
        [describe_result(result) for result in results],
        plan=describe_plan(plan),
        planned=len(results),
        conventions={
            target.implementation.name: {
                name: {"choice": choice, "how": how} for name, (choice, how) in settled(target.implementation).items()
            }
            for target in plan.targets
        },
    )
    return Report(tuple(results), record.data)


def parametrize(
    implementation: Any,
    *,
    laws: str | tuple[str, ...] | list[str] = (),
    laws_files: Sequence[str | Path] = (),
    budget: str = "quick",
    dtype: str | Sequence[str] | None = None,
    seed: int = 0,
    examples: int | None = None,
) -> Callable[[Any], Any]:
    """A decorator that gives a test function one test for each law and dtype.

        @attnspec.parametrize(attend)
        def test_law(law):
            law()

    Calling `law` raises AssertionError with the finding, skips what is not claimed or inconclusive, and warns where a
    should-law or may-law does not hold. Arguments and errors are those of `check`, raised when the test file is read.
    """
    import pytest

    plan = _plan(implementation, laws, laws_files, budget=budget, dtype=dtype, seed=seed, examples=examples)
    tests = [pytest.param(LawTest(case, plan), id=case.name) for case in plan.cases()]
    return pytest.mark.parametrize("law", tests)


@dataclass(frozen=True, eq=False)
class LawTest:
    """One law on one implementation in one dtype, ready to be called in a test."""

    case: Case
    plan: Plan

    def __call__(self) -> Result:
        import warnings

        import pytest

        from ..reports.cards import finding_text
        from ..reports.findings import skip_reason
        from ..reports.lines import with_room
        from .describe import describe_law, told

        __tracebackhide__ = True
        case = replace(self.case, target=_surveyed(self.case.target))
        result = _run(case, self.plan, Patience())
        if result.verdict in ("fail", "error"):
            text = finding_text(told(result), describe_law(self.case.law), self.case.target.address, width=IN_PYTEST)
            if result.level == "must":
                raise AssertionError(with_room(text, BEFORE, IN_PYTEST))
            warnings.warn(text, stacklevel=2)
        elif result.verdict != "pass":
            pytest.skip(skip_reason(told(result)))
        return result

    def __repr__(self) -> str:
        return self.case.name


def _run(case: Case, plan: Plan, patience: Patience, certify: bool = False) -> Result:
    from .engine.verify import not_worth_trying
    from .explained import verify

    made = case.target.implementation
    message = not_worth_trying(made) or patience.at_an_end(made.name)
    if message:
        return Result(**case.identity(), verdict="error", message=message)
    how: dict[str, Any] = {"budget": plan.budget, "seed": plan.seed, "explain": True, "certify": certify}
    result = verify(made, case.law, case.dtype, **how)
    patience.note(result)
    return result


_SURVEYED: WeakKeyDictionary[Target, Target] = WeakKeyDictionary()


def _surveyed(target: Target) -> Target:
    """The target with what a survey in this process found, for as long as the target lives."""
    from .survey import surveyed

    if target not in _SURVEYED:
        _SURVEYED[target] = replace(target, implementation=surveyed(target.implementation))
    return _SURVEYED[target]


def _plan(implementation: Any, laws: Any, laws_files: Sequence[str | Path], *, strict: bool = True, **how: Any) -> Plan:
    """The plan for what `check` is given; where it is not strict, with what a survey found."""
    patterns = (laws,) if isinstance(laws, str) else tuple(laws)
    files = (laws_files,) if isinstance(laws_files, str | Path) else laws_files
    targets = [target if strict else _surveyed(target) for target in _targets(implementation)]
    return make_plan(targets, laws=patterns, laws_files=files, **how)


def _effort(report: Typed) -> str:
    """`budget quick: 61 laws, 2 problems a law and dtype, seed 0`."""
    from ..reports.wording import counted

    budget = report.budget
    modes = {made.mode for made in report.implementations}
    numbers = sorted({budget.examples if mode == "eager" else budget.costly for mode in modes})
    problems = " or ".join(counted(number, "problem") for number in numbers)
    return f"budget {budget.name}: {counted(len(report.laws), 'law')}, {problems} a law and dtype, seed {report.seed}"


def _targets(implementation: Any) -> Iterator[Target]:
    """Implementations of a target, an Implementation, a decorated function or a bare one."""
    from ..adapters.contract import REGISTRY, Implementation, implementation_of

    if isinstance(implementation, str):
        yield from find_targets([implementation])
        return
    made = implementation
    if not isinstance(made, Implementation):
        made = next((known for known in REGISTRY.values() if known.is_of(implementation)), None) or implementation_of(
            implementation
        )
    yield Target(_address(made), made)


def _address(made: Any) -> str:
    """The best guess at what finds a function again: the file and name in which it was defined."""
    import inspect

    try:
        file = inspect.getsourcefile(made.function)
    except TypeError:
        file = None
    name = getattr(made.function, "__qualname__", "")
    if not file or not name.isidentifier():
        return str(made.name)
    path = Path(file)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{name}"
