"""How faults of sparse attention are called: with its options by name, on NumPy arrays, each result rounded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faults.making import Function, returned_in
from ...faults.signatures import rounded

__all__ = ["sparse_attention"]


def sparse_attention(function: Function, kept: Mapping[str, str]) -> Callable[..., Any]:
    """Returns out, or (out, lse) as return_lse asks."""

    def attend(
        q: NDArray[Any],
        k: NDArray[Any],
        v: NDArray[Any],
        *,
        scale: float | None = None,
        causal: bool = False,
        window: tuple[int | None, int | None] | None = None,
        dilation: int | None = None,
        global_tokens: int | None = None,
        block_mask: NDArray[Any] | None = None,
        block_size: int | None = None,
        top_k: int | None = None,
        return_lse: bool = False,
    ) -> Any:
        with np.errstate(all="ignore"):
            answer = function(
                q, k, v,
                scale=scale, causal=causal, window=window, dilation=dilation, global_tokens=global_tokens,
                block_mask=block_mask, block_size=block_size, top_k=top_k, **kept,
            )  # fmt: skip
        out = rounded(answer.out, answer.dtype or returned_in(q.dtype.name))
        return (out, rounded(answer.lse, "float32")) if return_lse else out

    return attend
