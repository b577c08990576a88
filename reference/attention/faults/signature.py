"""How faults of attention are called: with its options by name, on NumPy arrays, each result rounded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faults.making import Function, returned_in
from ...faults.signatures import rounded

__all__ = ["attention"]


def attention(function: Function, kept: Mapping[str, str]) -> Callable[..., Any]:
    """Returns out, or (out, lse), (out, weights), (out, lse, weights), as return_lse and return_weights ask."""

    def attend(
        q: NDArray[Any],
        k: NDArray[Any],
        v: NDArray[Any],
        *,
        scale: float | None = None,
        causal: bool = False,
        window: tuple[int | None, int | None] | None = None,
        mask: NDArray[Any] | None = None,
        bias: NDArray[Any] | None = None,
        alibi_slopes: NDArray[Any] | None = None,
        softcap: float | None = None,
        sinks: NDArray[Any] | None = None,
        q_segments: NDArray[Any] | None = None,
        kv_segments: NDArray[Any] | None = None,
        kv_lengths: NDArray[Any] | None = None,
        q_descale: NDArray[Any] | None = None,
        k_descale: NDArray[Any] | None = None,
        v_descale: NDArray[Any] | None = None,
        dropout_p: float = 0.0,
        seed: int = 0,
        return_lse: bool = False,
        return_weights: bool = False,
    ) -> Any:
        with np.errstate(all="ignore"):
            answer = function(
                q, k, v,
                scale=scale, causal=causal, window=window, mask=mask, bias=bias, alibi_slopes=alibi_slopes,
                softcap=softcap, sinks=sinks, q_segments=q_segments, kv_segments=kv_segments, kv_lengths=kv_lengths,
                q_descale=q_descale, k_descale=k_descale, v_descale=v_descale,
                dropout_p=dropout_p, seed=seed, return_lse=return_lse, return_weights=return_weights, **kept,
            )  # fmt: skip
        returned = returned_in(q.dtype.name)
        asked = [rounded(answer.out, answer.dtype or returned)]
        if return_lse:
            asked.append(rounded(answer.lse, "float32"))
        if return_weights:
            asked.append(rounded(answer.weights, returned))
        return asked[0] if len(asked) == 1 else tuple(asked)

    return attend
