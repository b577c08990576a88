"""`torch/sdpa-math` and `torch/sdpa-flash`: torch.nn.functional.scaled_dot_product_attention, one backend each.

Each backend is forced, so that PyTorch raises where it would otherwise choose another one. What a backend cannot do is
refused in words by `supports`, never handed to the other.

Measured on PyTorch 2.13.0, CPU:
- causal is top-left; a row that sees no key gives zeros; NaN in a hidden value reaches the output of both backends
  (NaN in a key that only `causal` hides does not, on flash).
- flash with causal and a scale of 0 or below gives NaN in every row that has a hidden key: −inf is written into the
  scores before they are multiplied by the scale. This is a defect, so it is claimed, and a law may find it.
- With Sq, Sk or Dv of 0 the function returns zeros before it chooses a backend.
- flash takes a mask together with is_causal, against its documentation, and intersects them; math raises.
- flash has the logsumexp in a private operator: natural logarithm, float32. A row that sees no key gets 0 there, not −inf
  (a defect, claimed so that laws find it), and Sq = 0 or Sk = 0 ends the process with SIGFPE (refused).
- math has the weights in a private operator, after dropout, in the dtype of q. A bool mask must be a float one there.
- Rounding, math: q and k are each multiplied by the root of the scale; half precision is computed in float32 throughout and
  only the output is rounded (it differs from the rounded exact answer in 0.15 % of float16 entries).
- Rounding, flash: the running maximum changes every 512 keys; in half precision weights are rounded before normalisation,
  the row sum is not; exp(0) is 1 − 5.3e-5 and exp is off by up to 1.1e-4 (read through the logsumexp) where the processor
  has AVX2 or AVX-512, and is good elsewhere. In float32 exp is good to 1.7 · 2^-24.
- Rounding, backward of flash: in half precision dq, dk and dv are summed from block to block in the dtype of the inputs, 8
  bits in bfloat16 and 11 in float16 (read through an exact probe). That is declared; a kernel that declares nothing of the
  kind fails gradients/accumulator-keeps-its-bits for it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from ..contract import ProblemView, implementation
from .masks import additive, attention_mask

__all__ = ["flash", "math"]

_NEVER = 1 << 30
"""More keys than any problem has: the math backend takes the softmax over whole rows."""

_MATH_HALF = {"name": "fp32", "n_pre": 0, "tile": _NEVER, "splits": 1}
MATH_ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 2, "tile": _NEVER, "splits": 1},
    "float16": _MATH_HALF,
    "bfloat16": _MATH_HALF,
}

_FLASH_HALF = {
    "name": "half-fastexp",
    "weights_rounded": "before",
    "row_sum_from": "unrounded",
    "tile": 512,
    "splits": 1,
    "gradients_in": "input",
    "gradient_tile": 32,
}
FLASH_ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, "tile": 512, "splits": 1},
    "float16": _FLASH_HALF,
    "bfloat16": _FLASH_HALF,
}

CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "propagates"}


def math_refuses(problem: ProblemView) -> str | None:
    """The reason why the math backend cannot run a problem, or None."""
    given = problem.options
    masked = given.get("mask") is not None or given.get("bias") is not None
    if given.get("causal") and masked and problem.sq and problem.sk:
        return "the math backend takes no mask or bias together with causal"
    if given.get("return_weights") and 0 in (problem.b, problem.sq, problem.sk, problem.dv):
        return "PyTorch answers an empty problem before the math backend, which alone knows the weights"
    return None


def flash_refuses(problem: ProblemView) -> str | None:
    """The reason why the flash backend cannot run a problem on the CPU, or None."""
    empty = 0 in (problem.b, problem.sq, problem.sk, problem.dv)
    if problem.options.get("return_lse") and empty:
        return "the flash operator that returns the logsumexp divides by zero where there is no query or no key"
    if problem.d != problem.dv and not empty:
        return f"the flash backend needs as many value features as key features, not {problem.dv} and {problem.d}"
    return None


@implementation(
    name="torch/sdpa-math",
    arrays="torch",
    conventions=CONVENTIONS,
    claims=["deterministic"],
    arithmetic=MATH_ARITHMETIC,
    supports=math_refuses,
)
def math(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    return_weights: bool = False,
) -> Any:
    """(B, H, S, D) tensors → out, or (out, weights). Raises RuntimeError for what `math_refuses` names."""
    attn_mask = attention_mask(mask, bias)
    grouped = q.shape[1] != k.shape[1]
    with torch.random.fork_rng(devices=[], enabled=dropout_p > 0), sdpa_kernel(SDPBackend.MATH):
        if dropout_p > 0:
            torch.manual_seed(seed)
        if not return_weights:
            return scaled_dot_product_attention(
                q, k, v, attn_mask=attn_mask, dropout_p=dropout_p, is_causal=causal, scale=scale, enable_gqa=grouped
            )
        return torch.ops.aten._scaled_dot_product_attention_math(
            q, k, v, additive(attn_mask, q.dtype), dropout_p, causal, scale=scale, enable_gqa=grouped
        )


@implementation(
    name="torch/sdpa-flash",
    arrays="torch",
    device="cpu",
    conventions=CONVENTIONS,
    claims=["deterministic"],
    arithmetic=FLASH_ARITHMETIC,
    supports=flash_refuses,
    notes=["in half precision its backward pass sums gradients from block to block in the dtype of the inputs (declared)"],
)
def flash(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    return_lse: bool = False,
) -> Any:
    """(B, H, S, D) tensors → out, or (out, lse). Raises RuntimeError for what `flash_refuses` names."""
    attn_mask = attention_mask(mask, bias)
    if return_lse:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, causal, attn_mask=additive(attn_mask, q.dtype), scale=scale
        )
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return scaled_dot_product_attention(
            q, k, v, attn_mask=attn_mask, is_causal=causal, scale=scale, enable_gqa=q.shape[1] != k.shape[1]
        )
