"""What the reference says of a problem: the exact answer, and how far an arithmetic may lie from it.

Each problem is answered once and remembered for as long as the problem lives.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from ..reference.arithmetic import REFERENCE, Arithmetic
from ..reference.attention.bounds.flat import flat_bounds
from ..reference.attention.bounds.score import Noise, noise_of
from ..reference.random_feature_attention.drawn import DrawnError
from .operations import operation_named
from .problems.problem import Problem
from .remembered import kept_for_a_run

__all__ = [
    "Clock",
    "attended",
    "derived",
    "drawn",
    "flat",
    "forget",
    "judged",
    "judged_gradients",
    "noise",
    "options_of",
    "own_errors",
    "reduced",
]

_ANSWERS: WeakKeyDictionary[Problem, dict[Any, Any]] = kept_for_a_run(WeakKeyDictionary())


class Clock:
    """Seconds spent in the reference and its bounds, since the process began."""

    seconds = 0.0


def options_of(p: Problem) -> dict[str, Any]:
    """Options and conventions of a problem as the reference takes them."""
    p = reduced(p)
    operation = operation_named(p.operation)
    options = {name: value for name, value in p.options.items() if name not in operation.asks}
    return options | {key: choice for key in operation.conventions if (choice := p.convention(key))}


def reduced(p: Problem) -> Problem:
    """The problem of the operation to which its own reduces, or p itself: what is known of that is known of p."""
    reduces = operation_named(p.operation).reduces
    return p if reduces is None else reduced(derived(p, "reduced", lambda: reduces(p)))


def attended(p: Problem) -> Any:
    """The exact output and visibility of a problem, with logsumexp, weights and scores, or with state and normaliser.

    Where an implementation draws its own features only the visibility is its own; the output is that of other features.
    """
    p = reduced(p)
    return _once(p, "attended", lambda: operation_named(p.operation).exact(p, options_of(p)))


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool = False) -> Any:
    """The exact results with the bound that a declared arithmetic must keep, before output rounding: a `Judgement` of output
    and logsumexp, or a `LinearJudgement` of output, state and normaliser.

    random_signs: whether the smaller bound may be taken that holds where V has random signs.
    """
    p = reduced(p)
    operation = operation_named(p.operation)
    signs = random_signs and operation.under_random_signs
    return _once(p, (arithmetic, signs), lambda: operation.judge(p, arithmetic, signs, options_of(p)))


def judged_gradients(p: Problem, dout: Any, arithmetic: Arithmetic) -> Any:
    """The exact gradients for an upstream gradient, with the bound that a declared arithmetic must keep before rounding."""
    p = reduced(p)
    judge = operation_named(p.operation).judge_gradients
    if judge is None:
        raise ValueError(f"nobody knows the gradients of {p.operation}; give its record judge_gradients")
    return _once(p, ("gradients", dout.tobytes(), arithmetic), lambda: judge(p, dout, arithmetic, options_of(p)))


def flat(p: Problem, arithmetic: Arithmetic) -> tuple[Any, Any]:
    """How far output and logsumexp may lie from exact in rows where every sum is exact; inf in all other rows."""
    made = {"attended": attended(p), "arithmetic": arithmetic, "dtype": p.dtype, **options_of(p)}
    found: tuple[Any, Any] = _once(p, ("flat", arithmetic), lambda: flat_bounds(p.q, p.k, p.v, **made))
    return found


def noise(p: Problem, arithmetic: Arithmetic) -> Noise:
    """What the roundings of a declared arithmetic may do to the output on average, for estimates. Raises as `noise_of` does."""
    exact = attended(p)
    made = {"attended": exact, "arithmetic": arithmetic, "dtype": p.dtype, **options_of(p)}
    found: Noise = _once(p, ("noise", arithmetic), lambda: noise_of(p.q, p.k, p.v, **made))
    return found


def drawn(p: Problem, arithmetic: Arithmetic, key: int | None = None) -> DrawnError:
    """What rounding may do to sums and outputs where the implementation draws its features; of one key alone, or of all."""
    error = operation_named(p.operation).drawn_error
    if error is None:
        raise ValueError(f"nobody draws features in {p.operation}")
    found: DrawnError = _once(p, ("drawn", arithmetic, key), lambda: error(p, arithmetic, key))
    return found


def own_errors(p: Problem) -> tuple[Any, ...]:
    """How far the reference's own output and logsumexp, or output, state and normaliser, may lie from exact."""
    p = reduced(p)
    own = operation_named(p.operation).own_errors
    found: tuple[Any, ...] = _once(p, "own", lambda: own(p, attended(p), lambda: judged(p, REFERENCE), options_of(p)))
    return found


def derived(p: Problem, key: Any, make: Callable[[], Problem]) -> Problem:
    """A problem made from p, the same object for the same key, so that what is known of it is known for as long as p lives."""
    found: Problem = _once(p, ("derived", key), make)
    return found


def forget(p: Problem) -> None:
    """Free what is remembered of a problem that lives on; asked again, it is answered again."""
    _ANSWERS.pop(p, None)


def _once(p: Problem, key: Any, compute: Any) -> Any:
    answers = _ANSWERS.setdefault(p, {})
    if key not in answers:
        start = time.perf_counter()
        answers[key] = compute()
        Clock.seconds += time.perf_counter() - start
    return answers[key]
