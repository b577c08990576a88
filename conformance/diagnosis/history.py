"""Whether an answer changes when the same problem is asked again, with another call between.

Stale caches, memory that nobody cleared and races are mistakes about what was before. None of them is named for an
implementation that answers the same question in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.subject import Broken, NotClaimed, Raised, Subject
from .call_log import Call
from .sample import Sample, another

__all__ = ["varies"]

AGAIN = 3
"""How often the same problem is asked again."""

FEW = 2
"""Problems that are asked again."""


def varies(subject: Subject, samples: Sequence[Sample]) -> bool:
    """Whether some call of the first samples gives other bits when it is made again after another one."""
    calls = [call for sample in samples[:FEW] for call in sample.calls[:1]]
    return any(_varies(subject, call) for call in calls)


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
            return [x.tobytes() for x in subject._answer_gradients(call.p, call.dout)]
        answer = subject._answer(call.p, call.asked)
    except (NotClaimed, Broken, Raised):
        return None
    return {name: (str(x.dtype), x.tobytes()) for name, x in answer.arrays.items()}
