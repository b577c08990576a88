"""The gradients of attention as the textbook writes them: dV = PᵀdO, dP = dO·Vᵀ, D = dO·o, dS = P(dP − D), dQ, dK.

This is what a backward pass means. Everything is float64 NumPy, nothing is tiled, and each line calls one step of
`gradient_steps.GradientSteps`, so that a fault is the same pipeline with one step replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import real
from .gradient_steps import GRADIENT_STEPS, GradientSteps
from .inputs import Inputs, descaled, read
from .options import Options
from .textbook import Attended, attention

__all__ = ["GRADIENT_STEPS", "GradientSteps", "Gradients", "gradients"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Gradients:
    """The gradients of Σ dout·out, float64.

    dq: (B, Hq, Sq, D), dk: (B, Hkv, Sk, D), dv: (B, Hkv, Sk, Dv). dbias: the shape of the bias, dsinks: (Hq,); None where not
    given. A key that no query sees has gradients of exactly 0 (but for V where an empty row is the mean of all keys).
    attended: what the forward pass knows. weights P, dp after dropout, ds before softcap: (B, Hq, Sq, Sk), 0 where hidden.
    delta: D, (B, Hq, Sq, 1). dk_heads, dv_heads: before groups are summed, (B, Hq, Sk, …), of keys and values as scored.
    """

    dq: Array
    dk: Array
    dv: Array
    dbias: Array | None
    dsinks: Array | None
    attended: Attended
    weights: Array
    dp: Array
    ds: Array
    delta: Array
    dk_heads: Array
    dv_heads: Array


def gradients(dout: Any, q: Any, k: Any, v: Any, *, steps: GradientSteps = GRADIENT_STEPS, **options: Any) -> Gradients:
    """The gradients of Σ dout·out, where out is `textbook.attention` of q, k, v with these options and conventions.

    dout: (B, Hq, Sq, Dv), in any real dtype, like q, k and v. A row that sees no key has an output that does not depend on q or
    k, so it adds nothing to dq and dk; where it is the mean of V it adds dout/Sk to dv of every key. Where it is NaN, so is
    all that it touches: dq of the row, dk and dv of all keys of its head, dbias of the row. Hidden keys may hold anything.

    Raises ValueError as `attention` does, and for a dout of another shape than the output.
    Source: Dao et al. 2022 (FlashAttention), appendix B.2.
    """
    asked = Options(**options)
    given = descaled(steps.recompute.inputs(read(q, k, v, **options)))
    forward = attention(q, k, v, **options)
    upstream = real("dout", dout)
    if upstream.shape != forward.out.shape:
        raise ValueError(f"dout has shape {upstream.shape}; it must be that of the output, {forward.out.shape}")
    again = forward if steps.recompute is GRADIENT_STEPS.recompute else attention(q, k, v, steps=steps.recompute, **options)
    with np.errstate(all="ignore"):
        made = _backward(upstream, given, forward, again, steps)
        factors = (asked.q_descale, q.shape[1]), (asked.k_descale, k.shape[1]), (asked.v_descale, k.shape[1])
        dq, dk, dv = (_descaled(x, *how) for x, how in zip((made.dq, made.dk, made.dv), factors, strict=True))
    dbias = None if asked.bias is None else _sum_to(made.ds, np.shape(asked.bias))
    return Gradients(**{**vars(made), "dq": dq, "dk": dk, "dv": dv, "dbias": dbias})


def _backward(dout: Array, given: Inputs, forward: Attended, again: Attended, steps: GradientSteps) -> Gradients:
    hq, hkv, sk = given.q.shape[1], given.k.shape[1], given.k.shape[2]
    heads = steps.recompute.kv_head(hq, hkv)
    visible, lse, p = again.visible, forward.lse[..., None], given.dropout_p
    query, key, value = given.q, given.k[:, heads], given.v[:, heads]

    weights = steps.weights(again.scores, steps.normalizer(lse, given.sinks))
    kept = weights if given.dropout_keep is None else steps.drop_weights(weights, given.dropout_keep, p)
    undefined = steps.empty_weights(sk, given.empty_rows)
    empty, idle = np.isneginf(lse), ~visible.any(axis=-1, keepdims=True)
    query, dout = np.where(idle, 0.0, query), np.where(idle & (undefined == 0), 0.0, dout)
    dv_heads = steps.values(np.where(empty, undefined, kept), dout)

    dp = np.where(visible, steps.of_weights(dout, value), 0.0)
    dp = dp if given.dropout_keep is None else steps.drop_gradient(dp, given.dropout_keep, p)
    delta = steps.delta(dout, forward.out)
    ds = np.where(visible, steps.of_scores(weights, dp, delta), 0.0)
    ds = np.where(empty, 0 * undefined, ds)

    dx = ds if given.softcap is None else np.where(visible, steps.softcap(ds, _capped(given, key, steps), given.softcap), ds)
    scale = steps.recompute.scale_of(given.scale, query.shape[-1], value.shape[-1])
    dq = steps.scale_q(steps.queries(dx, _finite(key)), scale)
    dk_heads = steps.scale_k(steps.keys(dx, query), scale)
    return Gradients(
        dq=dq,
        dk=steps.sum_group(dk_heads, heads, hkv),
        dv=steps.sum_group(dv_heads, heads, hkv),
        dbias=None,
        dsinks=None if given.sinks is None else steps.sinks(given.sinks, lse, delta),
        attended=forward,
        weights=weights,
        dp=dp,
        ds=ds,
        delta=delta,
        dk_heads=dk_heads,
        dv_heads=dv_heads,
    )


def _capped(given: Inputs, key: Array, steps: GradientSteps) -> Array:
    """cap·tanh(x/cap), which the scores were before bias and ALiBi."""
    forward = steps.recompute
    scale = forward.scale_of(given.scale, given.q.shape[-1], given.v.shape[-1])
    return np.asarray(forward.softcap(forward.scale(forward.dot(given.q, key), scale), given.softcap))


def _finite(key: Array) -> Array:
    """K with 0 for what is not finite: where it is seen it has made NaN of the row's weights, where hidden it is nothing."""
    return np.where(np.isfinite(key), key, 0.0)


def _descaled(gradient: Array, descale: Any, heads: int) -> Array:
    """The gradient of x, given that of descale·x. descale: (B, Hkv) or None."""
    if descale is None:
        return gradient
    factors = np.asarray(descale, dtype=np.float64)
    return gradient * np.repeat(factors, heads // factors.shape[1], axis=1)[..., None, None]


def _sum_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which an array of this shape was broadcast."""
    full = (1,) * (gradient.ndim - len(shape)) + tuple(shape)
    axes = tuple(axis for axis, n in enumerate(full) if n == 1)
    return np.asarray(gradient.sum(axis=axes, keepdims=True).reshape(shape))
