"""What an implementation gave, call by call, with the room that its declared arithmetic has around each number.

A law calls the implementation with problems that transforms made, once or several times, and a mistake may show only there.
So a diagnosis compares whole series of calls, and not the plain output alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...reference.arithmetic import FLOAT8
from ..engine.interval import around
from ..engine.results import Asked
from ..engine.subject import Broken, Raised, Subject
from ..meaning import attended, judged, judged_gradients
from ..operations import operation_named
from ..problems.problem import Problem
from ..vocabulary.observations import OUTPUTS_OF_FLOAT8

__all__ = ["Call", "CallLog", "Observed"]

Array = NDArray[np.float64]


class Explained(NamedTuple):
    """good: the mistake explains every number. inside: it is at least within the room of each. distance: the sum of squares of
    what remains, in units of the room.
    """

    good: bool
    inside: bool
    distance: float


@dataclass(frozen=True, eq=False)
class Observed:
    """One array that came back, and what was due; all float64 and of one shape, (B, Hq, …).

    low, high: where the exact number lies if the implementation is correct. relative: the widest room of a head as a share of
    its `size`, both (B, Hq, 1, …): a mistake may put another row's number, with that row's rounding, in any place of the head.
    least: a share that `relative` has at least, for a mistake may mix keys where the right answer has a single one to copy.
    """

    value: Array
    low: Array
    high: Array
    exact: Array
    size: Array
    least: float = 0.0

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """Entries about which the declared arithmetic promises nothing."""
        return np.isneginf(self.low) & np.isposinf(self.high)

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """Entries that no correct implementation of this arithmetic gives."""
        with np.errstate(invalid="ignore"):
            outside = (self.exact < self.low) | (self.exact > self.high)
        return ~self.free & np.where(self._finite(self.exact), outside, ~self._alike(self.exact))

    @cached_property
    def relative(self) -> Array:
        with np.errstate(invalid="ignore"):
            bound = np.maximum(self.value - self.low, self.high - self.value)
        return np.maximum(_widest(bound) / self.size, self.least)

    def explained(self, made: Array) -> Explained:
        """Whether numbers that a mistake gives, exact but for the mistake, are the ones that came.

        Each entry is explained within its room; and on the wrong ones together the mistake must come nearer than what was due.
        """
        finite = self._finite(made)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            room = self.relative * np.maximum(self.size, np.abs(made))
            apart, due = np.abs(made - self.value), np.abs(self.exact - self.value)
            near = apart <= room
            share = np.where(finite & ~self.free & (apart > 0), apart / room, 0.0)
            told = self.wrong & finite
            better = not told.any() or not (apart[told] ** 2).sum() >= (due[told] ** 2).sum()
        inside = bool((self.free | np.where(finite, near, self._alike(made))).all())
        return Explained(inside and better, inside, float((share**2).sum()))

    def _finite(self, made: Array) -> NDArray[np.bool_]:
        return np.isfinite(self.value) & np.isfinite(made)

    def _alike(self, made: Array) -> NDArray[np.bool_]:
        return np.asarray((self.value == made) | (np.isnan(self.value) & np.isnan(made)))


@dataclass(frozen=True, eq=False)
class Call:
    """One call: the problem, the options that asked for more than the output, and what came.

    dout: the upstream gradient, where gradients were asked for and not the output. answered: it did not raise. dtype: of the
    output. altered: it changed its inputs. observed: what came by name: out, lse, weights, or dq, dk and dv. broken: what came
    is no answer, by its type or shape.
    """

    p: Problem
    asked: Asked = ()
    dout: Any = None
    answered: bool = False
    dtype: str = ""
    altered: bool = False
    observed: dict[str, Observed] = field(default_factory=dict)
    broken: bool = False

    @property
    def correct(self) -> bool:
        """Whether a correct implementation may give what came. It raises where the arguments do not fit, and only there."""
        if not self.answered or not _fits(self.p):
            return not self.answered and not self.broken and not _fits(self.p)
        return self.typed and not self.altered and not any(one.wrong.any() for one in self.observed.values())

    @property
    def typed(self) -> bool:
        """Whether the output has the dtype that is due."""
        return self.dtype in (OUTPUTS_OF_FLOAT8 if self.p.dtype in FLOAT8 else (self.p.dtype,))

    @property
    def options(self) -> frozenset[str]:
        """The options of the call, as a fault names what it needs."""
        return frozenset({*self.p.options, *self.asked})

    @property
    def results(self) -> tuple[str, ...]:
        """Names of the arrays that were asked for."""
        return ("out", *(name for option in self.asked for name in operation_named(self.p.operation).asks[option]))


class CallLog(Subject):
    """A subject that keeps what each call gave, in `calls`."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.calls: list[Call] = []
        self._least: dict[str, float] = {}

    def begin(self, p: Problem) -> None:
        """Forget all, and take from p, in which no key is hidden, how wide a room must at least be for a mistake."""
        self.forget()
        self.calls, self._least = [], {}
        if p.draws_features:
            return
        open_ = p.but(**dict.fromkeys(operation_named(p.operation).hides))
        allowed = judged(open_, self.arithmetic, open_.random_signs)
        sizes = {"out": _size_of_output(open_)}
        bounds = {"out": allowed.out_bound}
        for name in operation_named(p.operation).results:
            if name != "out" and hasattr(allowed, f"{name}_bound"):
                sizes[name] = np.maximum(_largest(getattr(allowed, name)), 1.0 if name == "lse" else 0.0)
                bounds[name] = getattr(allowed, f"{name}_bound")
        self._least = {name: float((_widest(bounds[name]) / sizes[name]).max(initial=0.0)) for name in sizes}

    def _answer(self, p: Problem, asked: Asked = (), checked: bool = True) -> Any:
        try:
            answer = super()._answer(p, asked, checked)
        except (Raised, Broken) as error:
            self.calls.append(Call(p, asked, broken=isinstance(error, Broken)))
            raise
        observed = self._observed(p, answer) if checked else {}
        self.calls.append(Call(p, asked, None, True, str(answer.out.dtype), bool(answer.altered), observed))
        return answer

    def _answer_gradients(self, p: Problem, dout: Any) -> Any:
        try:
            found = super()._answer_gradients(p, dout)
        except (Raised, Broken) as error:
            self.calls.append(Call(p, dout=dout, broken=isinstance(error, Broken)))
            raise
        allowed = self._gradients_of(p, dout)
        least = self._gradients_of(p.but(**dict.fromkeys(operation_named(p.operation).hides)), dout)
        observed = {}
        for name, (right, bound) in allowed.items():
            bounded, (open_, room) = around(found[name], bound), least[name]
            share = float((_widest(room) / _largest(open_)).max(initial=0.0))
            observed[name] = Observed(bounded.value, bounded.low, bounded.high, right, _largest(right), share)
        self.calls.append(Call(p, dout=dout, answered=True, dtype=str(next(iter(found.values())).dtype), observed=observed))
        return found

    def _gradients_of(self, p: Problem, dout: Any) -> dict[str, tuple[Array, Array]]:
        """The exact gradients by name, each with its bound."""
        exact = judged_gradients(p, dout, self.arithmetic)
        return {name: (getattr(exact, name), getattr(exact, f"{name}_bound")) for name in p.gradients}

    def ask(self, p: Problem) -> None:
        """Call for everything that is claimed: the output; with the logsumexp; with the weights.

        Raises as `Subject.out` does.
        """
        claimed = self.implementation.options
        self.out_only(p)
        for option in operation_named(p.operation).asks:
            if option in claimed:
                self._call(p, (option,))

    def _observed(self, p: Problem, answer: Any) -> dict[str, Observed]:
        """The arrays of an answer by name. Empty for a problem that has no right answer, or one that nobody else knows."""
        if p.draws_features or not _fits(p):
            return {}
        before, self.intervals = self.intervals, True
        exact = attended(p)
        made = {"out": self._one_observed("out", self._bounded_out(p, answer.out), exact.out, _size_of_output(p))}
        if "lse" in answer.arrays:
            size = np.maximum(_largest(exact.lse), 1.0)
            made["lse"] = self._one_observed("lse", self._bounded_lse(p, answer.arrays["lse"]), exact.lse, size)
        for name in answer.arrays.keys() - {"out", "lse", "weights"}:
            right = getattr(exact, name)
            made[name] = self._one_observed(name, self.bounded_state(p, name, answer.arrays[name]), right, _largest(right))
        if "weights" in answer.arrays:
            bounded = self._bounded_weights(p, answer.arrays["weights"])
            made["weights"] = self._one_observed("out", bounded, exact.weights, np.ones((1, 1, 1, 1)))
        self.intervals = before
        return made

    def _one_observed(self, name: str, bounded: Any, exact: Array, size: Array) -> Observed:
        return Observed(bounded.value, bounded.low, bounded.high, exact, size, self._least.get(name, 0.0))


def _size_of_output(p: Problem) -> Array:
    """What rounding of the output is measured by, (B, Hq, 1, 1): the values that are mixed, or of sums the output itself."""
    if operation_named(p.operation).sums:
        return _largest(attended(p).out)
    return _largest_values(p)


def _largest_values(p: Problem) -> Array:
    """The largest |v| that some row of each head sees, (B, Hq, 1, 1)."""
    seen = np.asarray(attended(p).visible.any(2))[..., None]
    values = np.repeat(p.v.astype(np.float64), p.hq // p.hkv, axis=1)
    return _largest(np.where(seen, values, 0.0))


def _widest(bound: Array) -> Array:
    """The largest finite bound of each head, (B, Hq, 1, …)."""
    known = np.where(np.isfinite(bound), bound, 0.0)
    return np.asarray(known.max(axis=tuple(range(2, known.ndim)), keepdims=True, initial=0.0))


def _largest(x: Array) -> Array:
    """The largest finite |x| of each head, (B, H, 1, …); 1 where there is none."""
    known = np.where(np.isfinite(x), np.abs(x), 0.0)
    top = known.max(axis=tuple(range(2, x.ndim)), keepdims=True, initial=0.0)
    return np.where(top > 0, top, 1.0)


def _fits(p: Problem) -> bool:
    """Whether the arguments of a problem fit together, so that it has an answer."""
    try:
        attended(p)
    except ValueError:
        return False
    return len({x.dtype for x in p.arrays.values()}) == 1
