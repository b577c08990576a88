"""One call of each well-known signature, from the options of the spec.

Arrays arrive in the layout of the signature. Masks of the spec say where to attend; a signature that has one parameter for
masks and biases gets the mask, the bias, or the bias with −∞ where the mask hides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["CALLS"]

Names = frozenset[str] | None
"""The parameters that a function has; None where they are not known, and all that are documented are taken to be there."""


def _sdpa(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, causal: bool = False, mask: Any = None,
          bias: Any = None) -> Any:  # fmt: skip
    given: dict[str, Any] = {"attn_mask": _joined(mask, bias), "is_causal": causal, "scale": scale}
    if q.shape[1] != k.shape[1]:
        given["enable_gqa"] = True
    return f(q, k, v, **_known(own, given))


def _flash_attn(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, causal: bool = False, window: Any = None,
                softcap: Any = None, alibi_slopes: Any = None, return_lse: bool = False) -> Any:  # fmt: skip
    sides = (-1, -1) if window is None else tuple(-1 if side is None else side for side in window)
    given = {"softmax_scale": scale, "causal": causal, "window_size": sides, "alibi_slopes": alibi_slopes}
    given["softcap"] = 0.0 if softcap is None else softcap
    if return_lse:
        out, lse, *_ = f(q, k, v, **_known(own, {**given, "return_attn_probs": True}))
        return out, lse
    return f(q, k, v, **_known(own, given))


def _xformers(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, mask: Any = None, bias: Any = None) -> Any:
    added = None if mask is None and bias is None else _added(q, mask, bias)
    if added is not None:
        added = _four_axes(added).expand(q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    return f(q, k, v, **_known(own, {"attn_bias": added, "scale": scale}))


def _jax(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, causal: bool = False, window: Any = None,
         mask: Any = None, bias: Any = None, kv_lengths: Any = None) -> Any:  # fmt: skip
    sides = None if window is None else tuple(k.shape[1] + q.shape[1] if side is None else side for side in window)
    given = {"scale": scale, "is_causal": causal, "local_window_size": sides, "key_value_seq_lengths": kv_lengths}
    given |= {"mask": _four_axes(mask), "bias": _four_axes(bias)}
    return f(q, k, v, **_known(own, {name: value for name, value in given.items() if value is not None}))


def _keras(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, causal: bool = False, mask: Any = None,
           bias: Any = None) -> Any:  # fmt: skip
    given = {"scale": scale, "is_causal": causal, "mask": _four_axes(mask), "bias": _four_axes(bias)}
    out = f(q, k, v, **_known(own, given))
    return np.asarray(out) if isinstance(q, np.ndarray) else out


def _mlx(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, causal: bool = False, mask: Any = None,
         bias: Any = None, sinks: Any = None) -> Any:  # fmt: skip
    import mlx.core as mx

    joined = _joined(mask, bias)
    given: dict[str, Any] = {"scale": q.shape[-1] ** -0.5 if scale is None else scale}
    given["mask"] = "causal" if causal else None if joined is None else mx.array(joined)
    if sinks is not None:
        given["sinks"] = mx.array(sinks).astype(mx.array(q).dtype)
    return np.array(f(*(mx.array(x) for x in (q, k, v)), **_known(own, given)))


def _onnx(f: Any, own: Names, q: Any, k: Any, v: Any, *, scale: Any = None, causal: bool = False, mask: Any = None,
          bias: Any = None, softcap: Any = None) -> Any:  # fmt: skip
    given = {"attn_mask": _joined(mask, bias), "is_causal": int(causal), "scale": scale, "softcap": softcap}
    out = f(q, k, v, **_known(own, {name: value for name, value in given.items() if value is not None}))
    return out[0] if isinstance(out, (list, tuple)) else out


CALLS: dict[str, Callable[..., Any]] = {
    "sdpa": _sdpa,
    "flash_attn": _flash_attn,
    "xformers": _xformers,
    "jax": _jax,
    "keras": _keras,
    "mlx": _mlx,
    "onnx": _onnx,
}
"""By the name of the preset: called as call(function, its parameters, q, k, v, **options of the spec)."""


def _known(own: Names, given: dict[str, Any]) -> dict[str, Any]:
    """The keywords that the function has a parameter for."""
    return given if own is None else {name: value for name, value in given.items() if name in own}


def _joined(mask: Any, bias: Any) -> Any:
    """A mask, a bias, or a bias with −∞ where the mask hides; None where there is neither."""
    if mask is None or bias is None:
        return bias if mask is None else mask
    return _added(bias, mask, bias)


def _added(like: Any, mask: Any, bias: Any) -> Any:
    """What is added to the scores, in the dtype of `like`, for a mask, a bias or both, of NumPy or PyTorch."""
    if isinstance(like, np.ndarray):
        start = np.zeros(mask.shape, like.dtype) if bias is None else bias
        return start if mask is None else np.where(mask, start, np.array(-np.inf, like.dtype))
    start = like.new_zeros(mask.shape) if bias is None else bias
    if mask is None:
        return start
    return start.broadcast_to(_shape(start, mask)).masked_fill(~mask, float("-inf"))


def _shape(one: Any, other: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(tuple(one.shape), tuple(other.shape))


def _four_axes(x: Any) -> Any:
    """An array that broadcasts to (B, H, Sq, Sk), with four axes."""
    return x if x is None or x.ndim == 4 else x.reshape((1,) * (4 - x.ndim) + tuple(x.shape))
