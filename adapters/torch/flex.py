"""`torch/flex-attention`: torch.nn.attention.flex_attention, not compiled, with its mask_mod and score_mod.

Called as it is, flex_attention traces each mask_mod anew (0.11 s a call); its own debug switch runs the same eager
operator at once (0.003 s). The answers are the same bits, which a test holds. The compiled kernel is another
implementation and not this one.

Measured on PyTorch 2.13.0, CPU:
- a row that sees no key gives zeros and a logsumexp of −inf; the logsumexp is natural, float32 in every dtype.
- NaN in a hidden key stays out, NaN in a hidden value does not.
- Sk = 0 and an empty batch raise IndexError, D = 0 ZeroDivisionError; with Sq = 0 the logsumexp is None.
- A backward pass raises NotImplementedError on the CPU.
- Rounding: scores and softmax in float32 over whole rows; in half precision the normalised weights are rounded before they
  meet V (that simulation agrees in 99.7 % of float16 entries and in all bfloat16 ones).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention import flex_attention as flex

from ..contract import ProblemView, implementation
from .flex_eager import entry, not_traced
from .masks import four_axes

__all__ = ["attend"]

Modification = Callable[..., torch.Tensor]


_WHOLE_ROWS = {"weights_rounded": "after", "row_sum_from": "unrounded", "tile": 1 << 30, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, **_WHOLE_ROWS},
    "float16": {"name": "half", **_WHOLE_ROWS},
    "bfloat16": {"name": "half", **_WHOLE_ROWS},
}


def flex_refuses(problem: ProblemView) -> str | None:
    """The reason why flex_attention cannot run a problem on the CPU, or None."""
    if problem.sk == 0:
        return "flex_attention needs at least one key"
    if problem.b == 0:
        return "flex_attention needs at least one batch entry"
    if problem.d == 0:
        return "flex_attention divides by the number of features"
    if problem.sq == 0 and problem.options.get("return_lse"):
        return "flex_attention returns None as the logsumexp of no query"
    return None


@implementation(
    name="torch/flex-attention",
    arrays="torch",
    conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    supports=flex_refuses,
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
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    alibi_slopes: torch.Tensor | None = None,
    softcap: float | None = None,
    q_segments: torch.Tensor | None = None,
    kv_segments: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> Any:
    """(B, H, S, D) tensors → out, or (out, lse). Raises IndexError and others for what `flex_refuses` names."""
    b, hq, sq = q.shape[:3]
    sk = k.shape[2]
    visible = _mask_mod((b, hq, sq, sk), causal, window, mask, q_segments, kv_segments, kv_lengths)
    block_mask = None if visible is None else flex.create_block_mask(visible, b, hq, sq, sk, device=str(q.device))
    score = _score_mod((b, hq, sq, sk), bias, alibi_slopes, softcap)
    with not_traced():
        out, extra = flex.flex_attention(
            q,
            k,
            v,
            score_mod=score,
            block_mask=block_mask,
            scale=scale,
            enable_gqa=q.shape[1] != k.shape[1],
            return_aux=flex.AuxRequest(lse=True),
        )
    return (out, extra.lse) if return_lse else out


def _mask_mod(
    sizes: tuple[int, int, int, int],
    causal: bool,
    window: tuple[int | None, int | None] | None,
    mask: torch.Tensor | None,
    q_segments: torch.Tensor | None,
    kv_segments: torch.Tensor | None,
    kv_lengths: torch.Tensor | None,
) -> Modification | None:
    """True where query i sees key j. None where nothing restricts."""
    left, right = window or (None, None)
    rules: list[Modification] = []
    if causal:
        rules.append(lambda b, h, i, j: j <= i)
    if left is not None:
        rules.append(lambda b, h, i, j: j >= i - left)
    if right is not None:
        rules.append(lambda b, h, i, j: j <= i + right)
    if mask is not None:
        whole = four_axes(mask).expand(sizes)
        rules.append(lambda b, h, i, j: entry(whole, b, h, i, j))
    if q_segments is not None and kv_segments is not None:
        rules.append(lambda b, h, i, j: entry(q_segments, b, i) == entry(kv_segments, b, j))
    if kv_lengths is not None:
        rules.append(lambda b, h, i, j: j < entry(kv_lengths, b))
    return flex.and_masks(*rules) if rules else None


def _score_mod(
    sizes: tuple[int, int, int, int],
    bias: torch.Tensor | None,
    alibi_slopes: torch.Tensor | None,
    softcap: float | None,
) -> Modification | None:
    """Softcap, then bias and ALiBi, on a score that is already scaled. None where the score stays as it is."""
    if bias is None and alibi_slopes is None and softcap is None:
        return None
    whole = None if bias is None else four_axes(bias).expand(sizes)

    def modify(score: torch.Tensor, b: Any, h: Any, i: Any, j: Any) -> torch.Tensor:
        if softcap is not None:
            score = softcap * torch.tanh(score / softcap)
        if whole is not None:
            score = score + entry(whole, b, h, i, j)
        if alibi_slopes is not None:
            score = score - entry(alibi_slopes, h) * (i - j).abs()
        return score

    return modify
