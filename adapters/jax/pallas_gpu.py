"""`jax/pallas-gpu-mha`: jax.experimental.pallas.ops.gpu.attention.mha, the Triton kernel that JAX ships, interpreted.

Without a GPU it runs in Pallas's interpret mode: the kernel's own program, block by block, on XLA's CPU backend. What it says
of indices, masks and rounding is the kernel's; what it says of Triton's code generation is nothing.
Blocks are of 16 queries and 16 keys, the smallest that a GPU multiplies, so that few keys make several blocks.

Read and measured on JAX 0.10.2:
- causal starts at the top left. With more queries than keys it reads blocks of keys past the last one, counts what it finds
  there, and raises nothing (a defect, claimed so that laws find it).
- a length must be a multiple of its block, or smaller than one; Hq must be Hkv, which the kernel does not check; Dv must be D.
- one array of segment ids serves queries and keys, so segments of queries and of keys cannot differ and are not claimed.
- sm_scale is 1 unless given, and static: each scale compiles anew.
- return_residuals gives the logsumexp to the base 2, (B, H, Sq), float32; the adapter multiplies it by ln 2.
- its backward pass needs as many blocks of queries as of keys, so no gradients are claimed.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.pallas.ops.gpu.attention import BlockSizes, mha

from ..contract import ProblemView, implementation
from .compile import NOTE, compiled

__all__ = ["BLOCK", "attend"]

BLOCK = 16
"""Queries, and keys, in a block."""

_BLOCKS = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": BLOCK, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, **_BLOCKS},
    "float16": {"name": "half", **_BLOCKS},
    "bfloat16": {"name": "half", **_BLOCKS},
}


def refuses(problem: ProblemView) -> str | None:
    """The reason why the kernel cannot run a problem, or None."""
    if 0 in (problem.b, problem.hq, problem.sq, problem.sk, problem.d):
        return "mha does not accept empty arrays"
    for length, what in ((problem.sq, "queries"), (problem.sk, "keys")):
        if length > BLOCK and length % BLOCK:
            return f"mha needs a multiple of {BLOCK} {what}, got {length}"
    return None


@implementation(
    name="jax/pallas-gpu-mha",
    arrays="jax",
    layout="bshd",
    conventions={"causal_alignment": "top-left", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    backward=False,
    sizes={"hkv": "hq", "dv": "d"},
    supports=refuses,
    mode="interpreted",
    notes=["Pallas interpret mode: the kernel's program on XLA's CPU backend, not Triton's code", NOTE],
)
def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    scale: float | None = None,
    causal: bool = False,
    return_lse: bool = False,
) -> Any:
    """(B, S, H, D) arrays → out, or (out, lse (B, H, Sq)). Raises ValueError for most of what `refuses` names."""
    static = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    return _attend(q, k, v, scale=static, causal=causal, return_lse=return_lse)


@compiled(static_argnames=("scale", "causal", "return_lse"))
def _attend(q: jax.Array, k: jax.Array, v: jax.Array, *, scale: float, causal: bool, return_lse: bool) -> Any:
    result = mha(
        q,
        k,
        v,
        None,
        sm_scale=scale,
        causal=causal,
        block_sizes=BlockSizes(BLOCK, BLOCK),
        interpret=True,
        return_residuals=return_lse,
    )
    if not return_lse:
        return result
    out, lse = result
    return out, lse * jnp.float32(math.log(2))
