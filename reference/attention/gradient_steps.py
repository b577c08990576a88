"""The steps of the backward pass, one small function each, so that a known mistake is this collection with one replaced.

replace(GRADIENT_STEPS, delta=lambda dout, out: np.zeros_like(out[..., :1]))                # no D
replace(GRADIENT_STEPS, recompute=replace(STEPS, causal=lambda i, j: j <= i + 1))           # another mask in the backward pass
replace(GRADIENT_STEPS, scale_k=lambda dk, scale: dk * scale * scale)                       # dk scaled twice

All arrays are float64. P: the weights, dP: gradients of the dropped weights, dS: of the scores, (B, Hq, Sq, Sk). Heads of k and
v are already those of the query heads: k: (B, Hq, Sk, D), v: (B, Hq, Sk, Dv).
Source: Dao et al. 2022 (FlashAttention), appendix B.2, equations 3 to 6; Dao 2023 (FlashAttention-2), section 2.3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .softmax import drop
from .steps import STEPS, Steps

__all__ = ["GRADIENT_STEPS", "GradientSteps"]

Array = NDArray[Any]
Step = Callable[..., Any]


def normalizer(lse: Array, sinks: Array | None) -> Array:
    """What weights are taken relative to, (B, Hq, Sq, 1): the logsumexp with the sink in it. sinks: (1, Hq, 1, 1) or None."""
    return lse


def weights(scores: Array, lse: Array) -> Array:
    """P = exp(score − lse), 0 in rows that have no logit at all."""
    return np.where(lse == -np.inf, 0.0, np.exp(scores - lse))


def empty_weights(sk: int, convention: str) -> float:
    """What every key weighs in a row that sees none, where V meets it: 0, the mean's 1/Sk, or NaN, which is 0/0."""
    return {"zeros": 0.0, "mean": 1 / max(sk, 1), "nan": np.nan, "unmasked": 0.0}[convention]


def values(kept: Array, dout: Array) -> Array:
    """dV of each query head, (B, Hq, Sk, Dv): Σ_i P_ij dO_i with the weights that dropout kept."""
    return np.swapaxes(kept, -1, -2) @ dout


def of_weights(dout: Array, v: Array) -> Array:
    """dO_i·v_j."""
    return dout @ np.swapaxes(v, -1, -2)


def delta(dout: Array, out: Array) -> Array:
    """D_i = dO_i·o_i, (B, Hq, Sq, 1). It equals Σ_j P_ij dP_ij, with dropout and with a sink."""
    sums: Array = np.vecdot(dout, out)[..., None]
    return sums


def of_scores(weights: Array, dp: Array, delta: Array) -> Array:
    """dS = P(dP − D), the gradient of a softmax."""
    gradient: Array = weights * (dp - delta)
    return gradient


def softcap(ds: Array, capped: Array, cap: float) -> Array:
    """Through cap·tanh(x/cap), whose slope is 1 − tanh²(x/cap). capped: cap·tanh(x/cap)."""
    return ds * (1 - (capped / cap) ** 2)


def queries(ds: Array, k: Array) -> Array:
    """Σ_j dS_ij k_j, (B, Hq, Sq, D)."""
    return ds @ k


def keys(ds: Array, q: Array) -> Array:
    """Σ_i dS_ij q_i of each query head, (B, Hq, Sk, D)."""
    return np.swapaxes(ds, -1, -2) @ q


def scaled(gradient: Array, scale: float) -> Array:
    """The gradient of what the scale multiplies."""
    return gradient * scale


def sum_group(each: Array, heads: Array, hkv: int) -> Array:
    """The sum over the query heads that share a key head, (B, Hkv, Sk, E). heads: the key head of each query head."""
    return np.stack([each[:, heads == head].sum(axis=1) for head in range(hkv)], axis=1)


def sinks(given: Array, lse: Array, delta: Array) -> Array:
    """(Hq,): the sink weighs exp(sink − lse) and has no value, so its dS is −P·D, summed over rows and batch."""
    weight = np.where(np.isneginf(given), 0.0, np.exp(given - lse))
    gradient: Array = -np.where(weight == 0, 0.0, weight * delta).sum(axis=(0, 2, 3))
    return gradient


@dataclass(frozen=True)
class GradientSteps:
    """Each field is a pure function; the default of each has the docstring that states its arguments.

    recompute: the steps of the forward pass by which the backward pass finds scores and visible keys again. The logsumexp
    and the output are the forward pass's own.
    drop_weights, drop_gradient: dropout of P on its way to dV, and of dP.
    """

    recompute: Steps = STEPS
    normalizer: Step = normalizer
    weights: Step = weights
    empty_weights: Step = empty_weights
    drop_weights: Step = drop
    values: Step = values
    of_weights: Step = of_weights
    drop_gradient: Step = drop
    delta: Step = delta
    of_scores: Step = of_scores
    softcap: Step = softcap
    queries: Step = queries
    scale_q: Step = scaled
    keys: Step = keys
    scale_k: Step = scaled
    sum_group: Step = sum_group
    sinks: Step = sinks


GRADIENT_STEPS = GradientSteps()
"""The definition."""
