"""`jax/dot-product-attention`: jax.nn.dot_product_attention, its XLA implementation, compiled by jax.jit.

Options reach it as they come, so that a mask alone, or no option at all, is the call that users make.
Flags, and whether an option is there, are static; numbers and arrays are traced.

Measured on JAX 0.10.2, CPU:
- causal and local_window_size start at the top left; the window is inclusive at both ends.
- hidden scores become −0.7 times the largest float32, so a row that sees no key gives the mean of all Sk values, those past
  key_value_seq_lengths included, and its logsumexp is finite (a defect, claimed so that laws find it).
- NaN in a hidden value reaches the output.
- return_residual gives the logsumexp in the dtype of the keys, (B, S, H).
- value must have the shape of key; Sk = 0 gives zeros all the same.
- float16 under jax.jit raises ValueError on the CPU, so float16 is not among the dtypes. Without jit a dot product that the
  CPU refuses falls back to another; under jit the refusal comes later, when nobody catches it.
"""

from __future__ import annotations

import inspect
from typing import Any

import jax
import numpy as np

from ..contract import ProblemView, implementation
from .compile import NOTE, compiled

__all__ = ["attend"]

HAS_RESIDUAL = "return_residual" in inspect.signature(jax.nn.dot_product_attention).parameters
NO_LIMIT = 1 << 30
"""A side of local_window_size that reaches past every key. Positions are added to it in int32."""

_WHOLE_ROWS = {"weights_rounded": "after", "row_sum_from": "unrounded", "tile": 1 << 30, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, **_WHOLE_ROWS},
    "bfloat16": {"name": "half", **_WHOLE_ROWS},
}


def refuses(problem: ProblemView) -> str | None:
    """The reason why jax.nn.dot_product_attention cannot run a problem, or None."""
    if problem.d != problem.dv:
        return f"dot_product_attention needs as many value features as key features, not {problem.dv} and {problem.d}"
    if problem.sk == 0:
        return "dot_product_attention gives zeros where there is no key and the mean where every key is hidden"
    if problem.options.get("return_lse") and not HAS_RESIDUAL:
        return f"JAX {jax.__version__} has no return_residual in dot_product_attention"
    return None


def backward(dout: jax.Array, q: jax.Array, k: jax.Array, v: jax.Array, **options: Any) -> Any:
    """dq, dk and dv by JAX, in one program with the forward pass that they need."""
    given = options.get
    arrays = given("scale"), _sides(given("window")), given("mask"), given("bias"), given("kv_lengths")
    return _attend.pull(dout, q, k, v, *arrays, causal=bool(given("causal")), return_lse=False)


@implementation(
    name="jax/dot-product-attention",
    arrays="jax",
    layout="bshd",
    dtypes=("float32", "bfloat16"),
    conventions={"causal_alignment": "top-left", "empty_rows": "mean", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    backward=backward,
    supports=refuses,
    notes=[NOTE],
)
def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    mask: jax.Array | None = None,
    bias: jax.Array | None = None,
    kv_lengths: jax.Array | None = None,
    return_lse: bool = False,
) -> Any:
    """(B, S, H, D) arrays → out, or (out, lse (B, Hq, Sq)). Raises ValueError where Dv is not D."""
    return _attend(q, k, v, scale, _sides(window), mask, bias, kv_lengths, causal=causal, return_lse=return_lse)


def _sides(window: tuple[int | None, int | None] | None) -> Any:
    return None if window is None else tuple(np.int32(NO_LIMIT if side is None else side) for side in window)


@compiled(static_argnames=("causal", "return_lse"))
def _attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    scale: Any,
    window: Any,
    mask: Any,
    bias: Any,
    kv_lengths: Any,
    *,
    causal: bool,
    return_lse: bool,
) -> Any:
    residual = {"return_residual": True} if return_lse else {}
    result = jax.nn.dot_product_attention(
        q,
        k,
        v,
        bias=bias,
        mask=mask,
        scale=scale,
        is_causal=causal,
        key_value_seq_lengths=kv_lengths,
        local_window_size=window,
        implementation="xla",
        **residual,
    )
    if not return_lse:
        return result
    out, lse = result
    return out, lse.swapaxes(1, 2)
