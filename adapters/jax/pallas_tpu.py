"""`jax/pallas-tpu-flash`: jax.experimental.pallas.ops.tpu.flash_attention, the TPU kernel that JAX ships, interpreted.

Without a TPU it runs in Pallas's interpret mode: the kernel's own program, block by block, on XLA's CPU backend. What it says
of indices, masks and rounding is the kernel's; what it says of a TPU's matrix unit is nothing.
flash_attention has no parameter for that mode, so the adapter sets it around the call. (TPU interpret mode, which also plays
memories and transfers, needs a callback to Python for each block: 100 times slower, and nothing of it can be cached.)

A block is 128 keys. Keys that are no multiple of 128 stand in one block, for which the kernel has a program of its own.

Read and measured on JAX 0.10.2:
- causal starts at the top left. A hidden score is lowered by 0.7 times the largest float32, so a row that sees no key gives
  the mean of V; under causal only of the blocks that ran, which is refused.
- ab is added before sm_scale multiplies, so a bias is divided by the scale on its way in.
- segment ids need a multiple of 128 keys; Hq must be Hkv and Dv must be D.
- sm_scale is 1 unless given, and static: each scale compiles anew.
- it returns no logsumexp. Its backward pass needs multiples of 128 queries and keys, so no gradients are claimed.
- Rounding: in one block the weights are rounded after normalisation, in several before it.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.pallas.ops.tpu.flash_attention import BlockSizes, SegmentIds, flash_attention

from ..contract import ProblemView, implementation
from .compile import NOTE, compiled

__all__ = ["BLOCK", "attend"]

BLOCK = 128
"""Queries, and keys, in a block."""

_BLOCKS = {"weights_rounded": "either", "row_sum_from": "unrounded", "tile": BLOCK, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, **_BLOCKS},
    "float16": {"name": "half", **_BLOCKS},
    "bfloat16": {"name": "half", **_BLOCKS},
}


def refuses(problem: ProblemView) -> str | None:
    """The reason why the kernel cannot run a problem, or None."""
    given = problem.options
    if 0 in (problem.b, problem.hq, problem.sq, problem.sk, problem.d):
        return "flash_attention does not accept empty arrays"
    if problem.sk > BLOCK and problem.sk % BLOCK == 0 and problem.d > BLOCK and problem.d % BLOCK:
        return f"flash_attention over several blocks needs at most {BLOCK} features or a multiple of them, not {problem.d}"
    if given.get("bias") is not None and given.get("scale") == 0:
        return "flash_attention multiplies its bias by the scale, which is 0"
    if given.get("q_segments") is not None:
        if problem.sk % BLOCK:
            return f"flash_attention with segments needs a multiple of {BLOCK} keys, got {problem.sk}"
        if given.get("causal") and not _every_row_sees(given["q_segments"], given["kv_segments"]):
            return "a row that sees no key gives the mean of the blocks that causal lets run, not of all keys"
    return None


def _every_row_sees(q_segments: Any, kv_segments: Any) -> bool:
    """Whether under causal each query sees a key of its segment."""
    q, kv = np.asarray(q_segments), np.asarray(kv_segments)
    same = q[:, :, None] == kv[:, None, :]
    return bool((same & np.tri(q.shape[1], kv.shape[1], dtype=bool)).any(axis=-1).all())


@implementation(
    name="jax/pallas-tpu-flash",
    arrays="jax",
    conventions={"causal_alignment": "top-left", "empty_rows": "mean", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    backward=False,
    sizes={"hkv": "hq", "dv": "d"},
    supports=refuses,
    mode="interpreted",
    notes=["Pallas interpret mode: the kernel's program on XLA's CPU backend, not Mosaic's code", NOTE],
)
def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    scale: float | None = None,
    causal: bool = False,
    bias: jax.Array | None = None,
    q_segments: jax.Array | None = None,
    kv_segments: jax.Array | None = None,
) -> jax.Array:
    """(B, H, S, D) arrays → out. Raises ValueError or NotImplementedError for what `refuses` names of sizes."""
    static = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    with pltpu.force_tpu_interpret_mode(True):
        out: jax.Array = _attend(q, k, v, bias, q_segments, kv_segments, scale=static, causal=causal)
    return out


@compiled(static_argnames=("scale", "causal"))
def _attend(
    q: jax.Array, k: jax.Array, v: jax.Array, bias: Any, q_segments: Any, kv_segments: Any, *, scale: float, causal: bool
) -> Any:
    (b, h, sq, _), sk = q.shape, k.shape[2]
    keys = sk if sk % BLOCK else BLOCK
    ab = None if bias is None else jnp.broadcast_to(bias.astype(jnp.float32) / scale, (b, h, sq, sk))
    return flash_attention(
        q,
        k,
        v,
        ab,
        None if q_segments is None else SegmentIds(q_segments, kv_segments),
        causal=causal,
        sm_scale=scale,
        block_sizes=BlockSizes(block_q=min(BLOCK, sq), block_k_major=keys, block_k=keys, block_b=1),
    )
