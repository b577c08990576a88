"""How faults of linear attention are called: with its options by name, on NumPy arrays, each result rounded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faults.making import Function
from ...faults.signatures import rounded

__all__ = ["linear_attention"]


def linear_attention(function: Function, kept: Mapping[str, str]) -> Callable[..., Any]:
    """Returns out, or (out, (state, normalizer)) as return_state asks. No convention concerns it."""

    def attend(
        q: NDArray[Any],
        k: NDArray[Any],
        v: NDArray[Any],
        *,
        feature_map: str = "identity",
        causal: bool = False,
        normalize: bool = False,
        scale: float | None = None,
        decay: NDArray[Any] | None = None,
        gate: NDArray[Any] | None = None,
        beta: NDArray[Any] | None = None,
        initial_state: tuple[NDArray[Any], NDArray[Any]] | None = None,
        return_state: bool = False,
        cu_seqlens: NDArray[Any] | None = None,
        kv_lengths: NDArray[Any] | None = None,
    ) -> Any:
        with np.errstate(all="ignore"):
            answer = function(
                q, k, v,
                feature_map=feature_map, causal=causal, normalize=normalize, scale=scale, decay=decay, gate=gate, beta=beta,
                initial_state=initial_state, return_state=return_state, cu_seqlens=cu_seqlens, kv_lengths=kv_lengths,
            )  # fmt: skip
        out = rounded(answer.out, answer.dtype or q.dtype.name)
        if not return_state:
            return out
        return out, (rounded(answer.state, "float32"), rounded(answer.normalizer, "float32"))

    return attend
