"""A law tried, and all that is said of the result besides: every front door asks here.

Of a failure: on which values it still shows, a script that replays it, which known mistake explains it, under which arithmetic
the law holds. Of a pass: its certificate. A law of one's own that is false of the definition too is an error, and no finding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..adapters.contract import Implementation
from .diagnosis.diagnose import diagnose, under_arithmetic
from .engine.result import Result
from .engine.verify import Trial, replay_case, try_law
from .hosts.line import Ended
from .kills.certificate import certificate
from .kills.own_laws import FALSE, false_of_the_reference
from .kills.worth import why_worthless
from .language import Law
from .measure.holds_under import CASTS, holds_under
from .replaying.evidence import left_behind

__all__ = ["replay", "verify"]


own_error_state = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
"""NumPy's error state as it is at first: a caller may have another, and a law says the same in any."""


@own_error_state
def verify(
    implementation: Implementation, law: Law, dtype: str, *, explain: bool = False, certify: bool = False, **how: Any
) -> Result:
    """Try one law on one implementation in one dtype. how: as `try_law` takes it.

    explain: whether a failure is made simple and diagnosed, which takes a second or two. certify: whether the certificate of a
    pass is computed where none is stored, which takes seconds.
    """

    def after(trial: Trial, result: Result) -> None:
        _say(trial, result, explain)
        worthless = why_worthless(law, trial.holding, trial.subject) if result.verdict == "pass" else None
        if worthless:
            result.verdict, result.message = "inconclusive", worthless
        if result.verdict == "pass" and law.operation == implementation.operation:
            result.certificate = certificate(law, trial.holding, trial.subject, compute=certify)

    return try_law(implementation, law, dtype, after=after, **how)


@own_error_state
def replay(implementation: Implementation, case: str, law: Law, *, explain: bool = False) -> Result:
    """Decide one case, `chapter/law?query`, again. Raises ValueError for a case that cannot be read.

    explain: whether a failure is diagnosed.
    """
    return replay_case(implementation, case, law, after=lambda trial, result: _say(trial, result, explain))


def _say(trial: Trial, result: Result, explain: bool) -> None:
    if not _blames_the_law(trial, result) and explain:
        _explain(trial, result)


def _blames_the_law(trial: Trial, result: Result) -> bool:
    """Whether a law of one's own fails for the definition too; then that is what is said."""
    finding = trial.tally.finding
    if result.verdict != "fail" or finding is None or trial.law.shipped:
        return False
    said = false_of_the_reference(trial.law, finding.structure, trial.subject)
    if said is None:
        return False
    result.verdict, result.message, result.details = "error", FALSE + said, []
    return True


def _explain(trial: Trial, result: Result) -> None:
    """Say of a finding on which values it still shows, and diagnose it, if the verdict is about values."""
    finding, law, made, dtype = trial.tally.finding, trial.law, trial.subject.implementation, trial.subject.dtype
    if finding is None or trial.ended:
        return
    try:
        result.simplest, result.packed = left_behind(law, made, result)
    except Ended as ended:
        result.details.append(f"no script: while one was made it {ended}")
        return
    if result.verdict != "fail" or not trial.failed:
        return
    failed = [finding.structure, *(s for s in trial.failed if s != finding.structure)]
    try:
        found = diagnose(made, law, dtype, failed, trial.record)
        if not found["factor"] and (dtype not in CASTS or _may_be_a_cast(found)):
            holds = holds_under(made, law, dtype, failed, trial.holding, trial.subject.conventions, trial.record)
            found = under_arithmetic(found, holds)
        result.diagnosis = found
    except Ended as ended:
        result.details.append(f"no diagnosis: while one was made it {ended}")
    except Exception as error:  # a finding outlives a defect of its diagnosis, and says so
        result.details.append(f"no diagnosis, by a defect of the kit: {type(error).__name__}: {error}")


def _may_be_a_cast(found: dict[str, Any]) -> bool:
    """Whether a cast may be the cause: no known mistake gives the outputs, equal calls agree, and most outputs are wrong."""
    changes = found.get("symptom", {}).get("changes", False)
    return found["how"] in ("none", "law") and not changes and 2 * found["wrong"] > found["problems"]
