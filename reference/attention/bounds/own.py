"""How far the reference itself may lie from the exact answer, at a small price: it computes in float64, and errs ten orders
below the kernels that it judges. mpmath confirms both ways in the tests.

`own_error`, one number a problem, for laws that only need the size. Every score errs by at most
Δ = u·[(D + c)·max|q|·max|k|·scale + c·(bias and ALiBi) + c·reach], every weight by a factor exp(2Δ + c·u), and the sums over n
keys by γ_n.

`own_share`, for a judgement: the reference's bound as a share λ of a kernel's, element by element. Call f a slope if f ≥ 0
and f(λx) ≤ λ·f(x) for roundoffs x and 0 ≤ λ ≤ 1. Slopes are closed under sums, maxima and minima, under products with what is
not negative and does not fall as x grows, and under convex functions that rise from 0. So γ, exp(Δ) − 1, log Σ p exp(Λ) and
roots of sums of squares are slopes, divided by 1 − γ or Dn too, and the two bounds are made of nothing else, as long as no
constant caps them: the hull of V in the output, the distance to other keys in the error of the maximum. The reference
rescales nothing, stores nothing in less, and counts no step that the kernel does not, but for the division of weights, for
which its roundoffs are taken larger. So if each of them is at most λ times the kernel's, its bound is at most λ times that of
the kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arithmetic import REFERENCE, Arithmetic
from ...roundoff import DIVIDE
from ..textbook import Attended
from .facts import Facts
from .logits import Logits, merges
from .output import TIGHT
from .weights import Weights

__all__ = ["own_error", "own_share"]

DEEP = 700.0
"""Weights exp(−s) with s below this do not underflow in float64."""

U = 2.0**-53
C = 16
"""Roundings of each step, counted generously: scale, softcap, bias, ALiBi, maximum, exponential, division, logarithm."""


def own_share(facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic) -> float | None:
    """λ such that the bounds of REFERENCE are at most λ times those of the arithmetic; None where that cannot be said."""
    # Where the kernel divides at the end, the reference makes 1 + DIVIDE roundings of each term instead of one.
    more = 1 + DIVIDE if arithmetic.weights_rounded == "before" and not merges(facts, arithmetic) else 1
    roundoffs = ("u_acc", "u_exp", "u_log", "u_tanh", "least")
    shares = [more * getattr(REFERENCE, name) / max(getattr(arithmetic, name), REFERENCE.least / 2) for name in roundoffs]
    if max(shares) > 1 or np.max(weights.square, initial=0.0) > TIGHT**2 or np.max(logits.first, initial=0.0) > 1:
        return None
    if weights.lost is not None and np.max(facts.distance, initial=0.0) > DEEP:
        return None
    return float(max(shares))


def own_error(q: Any, k: Any, v: Any, attended: Attended, options: dict[str, Any]) -> tuple[float, float]:
    """Bounds on |out − exact| and |lse − exact| for a call of `textbook.attention` with these arguments."""
    visible = attended.visible
    sums = _sums(v) * _largest(options.get("v_descale"))
    if not visible.any():
        return sums, 0.0
    features, count = np.shape(q)[-1], np.shape(k)[2]
    scale = options.get("scale")
    scale = abs(float(scale)) if scale is not None else 1 / np.sqrt(max(features, 1))
    seen = np.asarray(visible.any(axis=(1, 2)))[:, None, :, None]
    keys = np.where(seen, np.asarray(k, dtype=np.float64), 0.0)
    values = np.where(seen, np.asarray(v, dtype=np.float64), 0.0) * _largest(options.get("v_descale"))
    scale *= _largest(options.get("q_descale")) * _largest(options.get("k_descale"))
    size = scale * _longest(np.asarray(q, dtype=np.float64)) * _longest(keys)
    reach = float(np.max(np.abs(attended.scores[visible])))
    for name in ("bias", "alibi_slopes", "sinks"):
        if options.get(name) is not None:
            extra = np.abs(np.asarray(options[name], dtype=np.float64))
            factor = sum(visible.shape[-2:]) if name == "alibi_slopes" else 1.0
            size += float(np.max(extra[np.isfinite(extra)], initial=0.0)) * factor
    score = U * ((features + C) * size + C * reach)
    relative = float(np.expm1(2 * score + C * U)) + (count + C) * U
    log_size = reach + float(np.log(count + 1)) + size
    return max(4 * relative * float(np.max(np.abs(values), initial=0.0)), sums), 2 * relative + C * U * (1 + log_size)


def _largest(descale: Any) -> float:
    return 1.0 if descale is None else float(np.max(np.asarray(descale, dtype=np.float64), initial=0.0))


def _longest(x: Any) -> float:
    return float(np.sqrt((x * x).sum(-1).max(initial=0.0)))


def _sums(v: Any) -> float:
    """A mean over all keys, which an empty row may be."""
    values = np.abs(np.asarray(v, dtype=np.float64))
    sums: float = (values.shape[2] + C) * U * float(np.max(values[np.isfinite(values)], initial=0.0))
    return sums
