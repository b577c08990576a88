"""How far the reference itself may lie from the exact answer: one number a problem, coarse and tiny.

The reference computes in float64, so its error is ten orders below that of any kernel it judges. A bound over whole arrays
is enough: every score errs by at most Δ = u·[(D + c)·max|q|·max|k|·scale + c·(bias and ALiBi) + c·reach], every weight by
a factor exp(2Δ + c·u), and the sums over n keys by γ_n. mpmath confirms it on small problems in the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..textbook import Attended

__all__ = ["own_error"]

U = 2.0**-53
C = 16
"""Roundings of each step, counted generously: scale, softcap, bias, ALiBi, maximum, exponential, division, logarithm."""


def own_error(q: Any, k: Any, v: Any, attended: Attended, options: dict[str, Any]) -> tuple[float, float]:
    """Bounds on |out − exact| and |lse − exact| for a call of `textbook.attention` with these arguments."""
    visible = attended.visible
    if not visible.any():
        return _sums(v), 0.0
    features, count = np.shape(q)[-1], np.shape(k)[2]
    scale = options.get("scale")
    scale = abs(float(scale)) if scale is not None else 1 / np.sqrt(max(features, 1))
    seen = np.asarray(visible.any(axis=(1, 2)))[:, None, :, None]
    keys = np.where(seen, np.asarray(k, dtype=np.float64), 0.0)
    values = np.where(seen, np.asarray(v, dtype=np.float64), 0.0)
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
    return max(4 * relative * float(np.max(np.abs(values), initial=0.0)), _sums(v)), 2 * relative + C * U * (1 + log_size)


def _longest(x: Any) -> float:
    return float(np.sqrt((x * x).sum(-1).max(initial=0.0)))


def _sums(v: Any) -> float:
    """A mean over all keys, which an empty row may be."""
    values = np.abs(np.asarray(v, dtype=np.float64))
    return (values.shape[2] + C) * U * float(np.max(values[np.isfinite(values)], initial=0.0))
