"""`torch/multihead`: torch.nn.MultiheadAttention, its projections the identity, with the weights that it returns.

The module folds the heads into the features, projects, attends, and projects back. Identity projections are exact, so what
is left is its attention. With need_weights=True it computes the weights itself and calls no fused kernel.

Measured on PyTorch 2.13.0, CPU:
- a bool attn_mask means the opposite of scaled_dot_product_attention's: True hides.
- a row that sees no key gives NaN, in the output and in the weights, and in all heads through the output projection.
- NaN in a hidden key or value reaches the output.
- An overflow in one head gives NaN in all heads through the output projection (0 times infinity). Scores of float16 overflow
  at 65504, so float16 is not among the dtypes.
- Sk = 0 gives zeros all the same; D = 0 raises ValueError; Sq = 0 and an empty batch are fine.
- Rounding: in half precision the scaled queries, the scores and the normalised weights are each rounded to the dtype of q
  (that simulation agrees in 99.9 % of entries).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from ..contract import ProblemView, implementation
from .masks import attention_mask, rows_that_see

__all__ = ["attend"]


_WHOLE_ROWS = {"n_pre": 1, "weights_rounded": "after", "row_sum_from": "unrounded", "tile": 1 << 30, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", **_WHOLE_ROWS},
    "bfloat16": {"name": "half-naive", **_WHOLE_ROWS},
}


def multihead_refuses(problem: ProblemView) -> str | None:
    """The reason why nn.MultiheadAttention cannot run a problem, or None."""
    if problem.hq != problem.hkv:
        return f"nn.MultiheadAttention has as many key heads as query heads, not {problem.hkv} and {problem.hq}"
    if problem.d != problem.dv:
        return f"nn.MultiheadAttention has as many value features as key features in a head, not {problem.dv} and {problem.d}"
    if problem.d == 0:
        return "nn.MultiheadAttention refuses a head of no features"
    if problem.sk == 0:
        return "nn.MultiheadAttention gives zeros where there is no key and NaN where every key is hidden"
    sees = rows_that_see(problem)
    if (sees != sees[:, :1]).any():
        return "a row that sees no key is NaN, and the output projection spreads it over the heads in which the row sees one"
    return None


@implementation(
    name="torch/multihead",
    arrays="torch",
    dtypes=["float32", "bfloat16"],
    conventions={"causal_alignment": "top-left", "empty_rows": "nan", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    supports=multihead_refuses,
    notes=["float16 is not claimed: through the projections an overflow in one head is NaN in all"],
)
def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    causal: bool = False,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    return_weights: bool = False,
) -> Any:
    """(B, H, S, D) tensors → out, or (out, weights (B, H, Sq, Sk)), weights after dropout."""
    b, heads, sq, d = q.shape
    sk = k.shape[2]
    if causal:
        diagonal = torch.ones(sq, sk, dtype=torch.bool, device=q.device).tril()
        mask = diagonal if mask is None else mask & diagonal
    attn_mask = attention_mask(mask, bias)
    if attn_mask is not None:
        attn_mask = attn_mask.expand(b, heads, sq, sk).reshape(b * heads, sq, sk)
        if attn_mask.dtype == torch.bool:
            attn_mask = ~attn_mask
    module = _identity(heads, d, dropout_p, q.dtype, q.device)
    with torch.random.fork_rng(devices=[], enabled=dropout_p > 0):
        if dropout_p > 0:
            torch.manual_seed(seed)
        out, weights = module(_fold(q), _fold(k), _fold(v), attn_mask=attn_mask, need_weights=True, average_attn_weights=False)
    out = out.unflatten(-1, (heads, d)).transpose(1, 2)
    return (out, weights) if return_weights else out


@lru_cache(maxsize=8)
def _identity(heads: int, d: int, dropout_p: float, dtype: torch.dtype, device: torch.device) -> torch.nn.MultiheadAttention:
    """A module whose four projections give back what they get. Kept, because making one takes longer than calling it."""
    width = heads * d
    module = torch.nn.utils.skip_init(  # Random weights would be thrown away, and move the global generator.
        torch.nn.MultiheadAttention,
        width,
        heads,
        dropout=dropout_p,
        bias=False,
        batch_first=True,
        device=device,
        dtype=dtype,
    )
    same = torch.eye(width, dtype=dtype, device=device)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.cat([same, same, same]))
        module.out_proj.weight.copy_(same)
    made: torch.nn.MultiheadAttention = module.requires_grad_(False).train(dropout_p > 0)
    return made


def _fold(x: torch.Tensor) -> torch.Tensor:
    """(B, H, S, D) → (B, S, H·D)."""
    return x.transpose(1, 2).flatten(2)
