"""`torch/flex-sparse`: flex_attention with a BlockMask, not compiled, for window, dilation, global tokens and block masks.

The pattern is a mask_mod, and create_block_mask finds the blocks of 128 queries and keys that it touches; blocks of other sizes
are decided key by key inside of them. On the CPU the eager operator computes whole rows of scores and hides what is left out;
only a compiled kernel skips blocks. So it is the meaning of mask_mod and BlockMask that is tested here, and the rounding is
that of `torch/flex-attention`.

PyTorch 2.13.0, CPU, as there: a row that keeps no key gives zeros and a logsumexp of −inf; NaN in a value that is left out
leaks; no key, an empty batch and no feature raise; a backward pass raises NotImplementedError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention import flex_attention as flex

from ..contract import ProblemView, implementation
from ..sparse_inputs import check_pattern
from .flex_eager import entry, not_traced

__all__ = ["attend"]

Modification = Callable[..., torch.Tensor]

_WHOLE_ROWS = {"weights_rounded": "after", "row_sum_from": "unrounded", "tile": 1 << 30, "splits": 1}


def refuses(problem: ProblemView) -> str | None:
    """The reason why flex_attention cannot run a problem on the CPU, or None."""
    if problem.sk == 0:
        return "flex_attention needs at least one key"
    if problem.b == 0:
        return "flex_attention needs at least one batch entry"
    if problem.d == 0:
        return "flex_attention divides by the number of features"
    if problem.sq == 0:
        return "flex_attention has no block of no query"
    return None


@implementation(
    operation="sparse_attention",
    name="torch/flex-sparse",
    arrays="torch",
    conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0, **_WHOLE_ROWS},
        "float16": {"name": "half", **_WHOLE_ROWS},
        "bfloat16": {"name": "half", **_WHOLE_ROWS},
    },
    supports=refuses,
    backward=False,
)
def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    dilation: int | None = None,
    global_tokens: int | None = None,
    block_mask: torch.Tensor | None = None,
    block_size: int | None = None,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv) → out, or (out, lse).

    Raises ValueError for a pattern that does not fit, IndexError and others for what `refuses` names.
    """
    (b, hq, sq), sk = q.shape[:3], k.shape[2]
    check_pattern((b, hq, sq, sk), dilation, global_tokens, None if block_mask is None else tuple(block_mask.shape), block_size)
    kept = _mask_mod((b, hq), causal, _near(window, dilation, global_tokens), block_mask, block_size)
    touched = None if kept is None else flex.create_block_mask(kept, b, hq, sq, sk, device=str(q.device))
    with not_traced():
        out, extra = flex.flex_attention(
            q,
            k,
            v,
            block_mask=touched,
            scale=scale,
            enable_gqa=q.shape[1] != k.shape[1],
            return_aux=flex.AuxRequest(lse=True),
        )
    return (out, extra.lse) if return_lse else out


def _near(window: tuple[int | None, int | None] | None, dilation: int | None, global_tokens: int | None) -> Modification | None:
    """True where key j is inside the window of query i and on its strides, or one of the two is a global token."""
    left, right = window or (None, None)
    rules: list[Modification] = []
    if left is not None:
        rules.append(lambda b, h, i, j: j >= i - left)
    if right is not None:
        rules.append(lambda b, h, i, j: j <= i + right)
    if dilation is not None:
        rules.append(lambda b, h, i, j: (i - j) % dilation == 0)
    if not rules:
        return None
    local: Modification = flex.and_masks(*rules)
    if global_tokens is None:
        return local
    joined: Modification = flex.or_masks(local, lambda b, h, i, j: (i < global_tokens) | (j < global_tokens))
    return joined


def _mask_mod(
    sizes: tuple[int, int], causal: bool, near: Modification | None, block_mask: torch.Tensor | None, size: int | None
) -> Modification | None:
    """True where query i keeps key j. None where nothing restricts. sizes: (B, Hq)."""
    rules = [] if near is None else [near]
    if causal:
        rules.append(lambda b, h, i, j: j <= i)
    if block_mask is not None and size is not None:
        whole = block_mask.expand(*sizes, *block_mask.shape[2:])
        rules.append(lambda b, h, i, j: entry(whole, b, h, i // size, j // size))
    return flex.and_masks(*rules) if rules else None
