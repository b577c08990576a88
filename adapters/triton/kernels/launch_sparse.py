"""The host of the block-sparse kernel: it checks, makes the lists of tiles, allocates and launches."""

from __future__ import annotations

from typing import Any

import torch

from ...sparse_inputs import check_pattern
from .arguments import matrix, sizes_of
from .block_lists import lists_of, sparse_rules
from .block_sparse import block_sparse_forward
from .checks import check
from .launch import Window, launching, outputs, tiles_for

__all__ = ["block_sparse"]


def block_sparse(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: Window | None = None,
    dilation: int | None = None,
    global_tokens: int | None = None,
    block_mask: torch.Tensor | None = None,
    block_size: int | None = None,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32. Raises ValueError for arrays or options that do not fit together, and
    RuntimeError where kernels can neither be compiled nor interpreted.
    """
    given = {name: x for name, x in locals().items() if name not in ("q", "k", "v", "return_lse")}
    check(q, k, v, {"window": window})
    (b, hq, sq), sk = q.shape[:3], k.shape[2]
    check_pattern((b, hq, sq, sk), dilation, global_tokens, None if block_mask is None else tuple(block_mask.shape), block_size)
    out, lse = outputs(q, v, return_lse)
    if out.numel() or (lse is not None and lse.numel()):
        # Each query head is a pair of its own; the kernel finds its key head by the group.
        sizes = sizes_of(q, k, v)._replace(pairs=b * hq, kv_heads=hq, group=1, rows=sq)
        tiles, rules = tiles_for(sizes, q.dtype), sparse_rules(q, k, given)
        lists = lists_of(sizes, rules, block_mask, tiles.rows, tiles.keys, q.device)
        with launching():
            block_sparse_forward[tiles.grid(sizes, sizes.rows, tiles.rows)](
                matrix(q), matrix(k), matrix(v), out, lse, lists, sizes, rules, **tiles.blocks
            )
    return (out, lse) if return_lse else out
