"""Laws of one's own, tried before they judge anything.

The project's tests hold each shipped law to the definition, and to the mistakes that it names. A law from somebody's own file
gets the same trial: it holds for the definition on a few problems in every dtype, and rejects each mistake under its `kills`.
One that is false would blame the kernel; one that rejects nothing would be green whatever the kernel does. Both are refused.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis.errors import HypothesisSideeffectWarning

from ..engine.budget import BUDGETS
from ..engine.outcome import outcome
from ..engine.subject import Subject
from ..engine.verify import replay_case, try_law
from ..language.errors import SpecError
from ..language.law import Law
from ..problems.build import build
from ..problems.structure import Structure
from ..remembered import kept_for_a_run
from .fault_trials import FaultTrials, Kill
from .suspects import CONVENTIONS, CORRECT, FAULTS, Fault, Terms, suspect

if TYPE_CHECKING:
    from ..selection import Case

__all__ = ["FALSE", "Evidence", "LawRefused", "check_before_run", "check_law", "false_of_the_reference", "why_refused"]

FEW = 8
"""Problems in each dtype on which the definition is held to a law."""

MORE = (40, 400)
"""Problems, one step after the other, that a named mistake gets which was not rejected on the first few."""

SHOWN = 5
"""How many rejected mistakes a sentence names."""

FALSE = "the law is false of the reference itself: "
"""How a result begins that says so of the problem on which a kernel failed."""


class LawRefused(Exception):
    """Why a law is refused. The text follows on its name: `is false of the reference itself in float32: …`."""


@dataclass
class Evidence:
    """What a law has shown. held: dtype → problems on which it held for the definition. rejected: fault → dtype, problem."""

    held: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, tuple[str, int]] = field(default_factory=dict)


def check_law(law: Law, dtypes: Iterable[str]) -> Evidence:
    """Try a law on the definition, in some dtypes, and on the mistakes that it names. Raises LawRefused.

    A mistake is tried in float32, or where it cannot be told from rounding there, in the first dtype in which it can.
    """
    shown = Evidence()
    for dtype in dict.fromkeys(dtypes):
        shown.held[dtype] = _tried(law, dtype, (), FEW).problems
    if not any(shown.held.values()):
        raise LawRefused(f"decides no problem in {', '.join(shown.held)}, not even of the reference")
    told = False
    for name in law.kills:
        dtype = "float32" if FAULTS[name].shows_in("float32") else FAULTS[name].dtypes[0]
        kill = next(filter(None, (_kill(law, name, dtype, problems) for problems in (FEW, *MORE))), None)
        if kill is None:
            raise LawRefused(_not_rejected(law, name, dtype))
        shown.rejected[name] = (dtype, kill.problem)
        told |= _told_by_equation(law, name, kill)
    if not told:
        raise LawRefused(
            f"rejects {', '.join(law.kills)} by shape or exception alone, as any law does; name what its equation rejects"
        )
    return shown


def check_before_run(cases: Iterable[Case]) -> None:
    """Try each law of a run that is not shipped, in its dtypes. Raises SpecError for the first that is refused."""
    dtypes: dict[Law, dict[str, None]] = {}
    for case in cases:
        if not case.law.shipped:
            dtypes.setdefault(case.law, {})[case.dtype] = None
    for law, own in dtypes.items():
        with warnings.catch_warnings():  # pytest loads the plugin that asks; what is drawn then is no side effect of it
            warnings.simplefilter("ignore", HypothesisSideeffectWarning)
            reason = why_refused(law, tuple(own))
        if reason:
            raise SpecError(f"{law.id} {reason}", law.file, law.line)


def false_of_the_reference(law: Law, structure: Structure, subject: Subject) -> str | None:
    """How a law fails on one problem for the definition, judged as the subject is; None where it does not."""
    terms = Terms.of(subject.implementation, subject.conventions)
    definition = Subject(suspect(CORRECT, terms, law.operation), structure.dtype, subject.conventions)
    with np.errstate(all="ignore"):
        found = outcome(law, build(structure, subject.conventions), definition)
    return found.said if found.decision is not None and found.rejected else None


_REFUSED: dict[str, str] = kept_for_a_run({})
"""What was found of each law in some dtypes: a run plans twice, once to start and once in pytest."""


def why_refused(law: Law, dtypes: Sequence[str]) -> str:
    """Why a law is refused, as text that follows on its name; empty where it is not."""
    parts = [law.id, law.operation, law.equation, law.where, law.given, law.kills, dtypes]
    key = json.dumps(parts, sort_keys=True, default=str)
    if key not in _REFUSED:
        try:
            check_law(law, dtypes)
            _REFUSED[key] = ""
        except LawRefused as refused:
            _REFUSED[key] = str(refused)
    return _REFUSED[key]


def _kill(law: Law, name: str, dtype: str, problems: int) -> Kill | None:
    trial = _tried(law, dtype, [FAULTS[name]], problems).by_fault.get(name)
    return None if trial is None else trial.kill


def _told_by_equation(law: Law, name: str, kill: Kill) -> bool:
    """Whether an equation that came out false is what rejects; an answer of another shape, or none, no law accepts."""
    result = replay_case(suspect(name, _terms(law), law.operation), kill.case, law)
    return result.verdict == "pass" or bool(result.verdict == "fail" and result.details)  # It may pass where it remembers.


def _tried(law: Law, dtype: str, faults: Sequence[Fault], examples: int) -> FaultTrials:
    """The mistakes before the law, on problems on which it held for the definition. Raises LawRefused where it did not."""
    terms = _terms(law)
    trials = FaultTrials(law, dtype, faults, terms)
    patient = replace(BUDGETS["quick"], timeout=float("inf"))
    cases = [""]
    try:
        control = try_law(
            suspect(CORRECT, terms, law.operation), law, dtype, budget=patient, examples=examples,
            record=cases.append, held=trials.try_on,
        )  # fmt: skip
    except Exception as error:
        case = "" if "probe=" in cases[-1] else f" ({cases[-1]})"  # Nothing was drawn after the probe of conventions.
        raise LawRefused(f"cannot be evaluated in {dtype}: {str(error) or type(error).__name__}{case}") from error
    if control.verdict in ("fail", "error"):
        said = control.message.removeprefix(FALSE)
        raise LawRefused(f"is false of the reference itself in {dtype}: {said} ({control.case})")
    if control.verdict == "not-claimed":
        raise LawRefused(f"can be asked of nothing in {dtype}, not even of the reference: {control.message}")
    return trials


def _terms(law: Law) -> Terms:
    """Everything is claimed, and the conventions are those that the law asks for."""
    return Terms(conventions={**CONVENTIONS, **law.given.get("conventions", {})})


def _not_rejected(law: Law, name: str, dtype: str) -> str:
    """A named mistake that the law lets pass, and what it does reject of those that it could."""
    said = f"names {name} under kills and does not reject it on {MORE[-1]} problems in {dtype}"
    trials = _tried(law, dtype, [fault for fault in FAULTS.values() if fault.shows_in(dtype) and not fault.equivalent], FEW)
    tried = {name: trial.kill for name, trial in trials.by_fault.items() if trial.tried}
    if name not in tried:
        said += f", none of which it can show on (it needs {', '.join(FAULTS[name].needs) or 'another call'})"
    found = [name for name, kill in tried.items() if kill is not None]
    if not found:
        return f"{said}; of {len(tried)} known mistakes that apply to it, it rejects none, so it says nothing"
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{said}; of {len(tried)} that apply to it, it rejects {', '.join(found[:SHOWN])}{more}"
