"""What the reference says of a problem: the exact answer, and how far an arithmetic may lie from it.

Each problem is answered once and remembered for as long as the problem lives.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..reference.arithmetic import REFERENCE, Arithmetic
from ..reference.attention.bounds.flat import flat_bounds
from ..reference.attention.bounds.score import Noise, noise_of
from ..reference.random_feature_attention.drawn import DrawnError, drawn_error
from ..reference.sparse_attention.choice import clear_choice
from .operations import operation_named
from .problems.problem import Problem
from .remembered import kept_for_a_run

__all__ = [
    "Clock",
    "attended",
    "chosen_for_sure",
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
    m, scale = int(p.options.get("num_features", p.d)), float(p.options.get("scale", p.d**-0.5))
    how: dict[str, Any] = {"m": m, "orthogonal": bool(p.options.get("orthogonal")), "scale": scale}
    how |= {"arithmetic": arithmetic, "dtype": p.dtype}
    k = p.k if key is None else p.k[:, :, key : key + 1]
    found: DrawnError = _once(p, ("drawn", arithmetic, key), lambda: drawn_error(p.q, k, **how))
    return found


def own_errors(p: Problem) -> tuple[Any, ...]:
    """How far the reference's own output and logsumexp, or output, state and normaliser, may lie from exact."""
    p = reduced(p)
    own = operation_named(p.operation).own_errors
    found: tuple[Any, ...] = _once(p, "own", lambda: own(p, attended(p), lambda: judged(p, REFERENCE), options_of(p)))
    return found


def chosen_for_sure(p: Problem, arithmetic: Arithmetic) -> Any:
    """Rows whose top_k keys are beyond the reach of rounding, bool (B, Hq, Sq, 1); all rows where top_k is not given."""
    top_k = p.options.get("top_k")
    if top_k is None:
        return np.ones((p.b, p.hq, p.sq, 1), dtype=bool)
    free = derived(p, "unchosen", lambda: p.but(top_k=None))
    how: dict[str, Any] = {"arithmetic": arithmetic, "dtype": p.dtype, **options_of(free)}
    return _once(p, ("sure", arithmetic), lambda: clear_choice(p.q, p.k, top_k, attended(p).visible, **how))


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
