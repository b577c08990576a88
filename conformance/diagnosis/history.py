"""Whether an answer changes when the same problem is asked again, with another call between.

Stale caches, memory that nobody cleared and races are mistakes about what was before. None of them is named for an
implementation that answers the same question in the same way.

To change a last bit is no mistake: sums may be taken in any order. To change by more than rounding allows is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.subject import Broken, NotClaimed, Raised, Subject
from .call_log import Call, CallLog, Observed
from .sample import Sample, another

__all__ = ["changes", "varies"]

AGAIN = 3
"""How often the same problem is asked again."""

FEW = 2
"""Problems that are asked again."""


def varies(subject: Subject, samples: Sequence[Sample]) -> bool:
    """Whether some call of the first samples gives other bits when it is made again after another one."""
    calls = [call for sample in samples[:FEW] for call in sample.calls[:1]]
    return any(_varies(subject, call) for call in calls)


def changes(log: CallLog, samples: Sequence[Sample]) -> bool:
    """Whether some wrong call of the first samples, made again after another one, gives numbers further from those that came
    than the interval is wide in which a correct one lies.
    """
    wrong = [call for sample in samples for call in sample.calls if not call.correct and call.observed][:FEW]
    return any(_changes(log, call) for call in wrong)


def _changes(log: CallLog, call: Call) -> bool:
    for _ in range(AGAIN):
        _bits(log, Call(another(call.p, log.implementation.options), dout=call.dout))
        log.calls = []
        _bits(log, call)
        again = log.calls[-1].observed if log.calls else {}
        if any(_apart(one, again[name]) for name, one in call.observed.items() if name in again):
            return True
    return False


def _apart(first: Observed, second: Observed) -> bool:
    with np.errstate(invalid="ignore"):
        same = (first.value == second.value) | (np.isnan(first.value) & np.isnan(second.value))
        near = np.abs(first.value - second.value) <= first.high - first.low
    return not bool((same | near | first.free).all())


def _varies(subject: Subject, call: Call) -> bool:
    first = _bits(subject, call)
    for _ in range(AGAIN):
        _bits(subject, Call(another(call.p, subject.implementation.options), dout=call.dout))
        if _bits(subject, call) != first:
            return True
    return False


def _bits(subject: Subject, call: Call) -> Any:
    """The bits of one answer by name; None where there is none."""
    subject.forget()
    try:
        if call.dout is not None:
            return [x.tobytes() for x in subject._answer_gradients(call.p, call.dout).values()]
        answer = subject._answer(call.p, call.asked)
    except (NotClaimed, Broken, Raised):
        return None
    return {name: (str(x.dtype), x.tobytes()) for name, x in answer.arrays.items()}
