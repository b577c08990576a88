"""Every call that a law made of an implementation on one problem: what went in, what came out, what would be right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...reference.rounding import round_to
from ..engine.results import Asked
from ..engine.subject import Broken, Raised, Subject
from ..meaning import judged, judged_gradients
from ..problems.problem import Problem

__all__ = ["Call", "Listener"]


@dataclass
class Call:
    """One call. gave: arrays by name (out, lse, dq, …) as they came. right: for some of these the least and the largest value
    that is right, in the dtype in which the array came. raised: what was raised instead, as one line."""

    p: Problem
    dout: Any = None
    gave: dict[str, Any] = field(default_factory=dict)
    right: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    raised: str = ""

    def wrong(self) -> bool:
        """Whether this call alone shows a mistake."""
        return bool(self.raised) or any(_outside(self.gave[name], *ends) for name, ends in self.right.items())


class Listener(Subject):
    """A subject that keeps its calls."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.calls: list[Call] = []

    def _answer(self, p: Problem, asked: Asked = (), checked: bool = True) -> Any:
        call = Call(p)
        self.calls.append(call)
        try:
            answer = super()._answer(p, asked, checked)
        except (Raised, Broken) as error:
            call.raised = str(error)
            raise
        call.gave = dict(answer.arrays)
        # Nobody else knows which features were drawn, or which weights dropped, so no range around the definition is right.
        if checked and not p.dropped and not p.draws_features:
            due = judged(p, self.arithmetic)
            bounded = [name for name in call.gave if hasattr(due, f"{name}_bound")]
            call.right = {name: _ends(getattr(due, name), getattr(due, f"{name}_bound"), call.gave[name]) for name in bounded}
        return answer

    def _answer_gradients(self, p: Problem, dout: Any) -> Any:
        call = Call(p, dout)
        self.calls.append(call)
        try:
            answer = super()._answer_gradients(p, dout)
        except (Raised, Broken) as error:
            call.raised = str(error)
            raise
        call.gave = dict(answer)
        due = judged_gradients(p, dout, self.arithmetic)
        call.right = {name: _ends(getattr(due, name), getattr(due, f"{name}_bound"), x) for name, x in call.gave.items()}
        return answer


def _ends(value: Any, bound: Any, came: Any) -> tuple[Any, Any]:
    """The least and the largest right value in the dtype of what came. Rounding never decreases, so these are exact ends."""
    name = str(came.dtype)
    with np.errstate(all="ignore"):
        low, high = (round_to(end, name).astype(came.dtype) for end in (value - bound, value + bound))
    return low, high


def _outside(came: Any, low: Any, high: Any) -> bool:
    x, a, b = (np.asarray(each, dtype=np.float64) for each in (came, low, high))
    unknown = np.isneginf(a) & np.isposinf(b) | (np.isnan(a) & ~np.isnan(b)) | (np.isnan(b) & ~np.isnan(a))
    same_class = (np.isnan(x) & np.isnan(a)) | ((x >= a) & (x <= b))
    return bool(np.any(~same_class & ~unknown))
