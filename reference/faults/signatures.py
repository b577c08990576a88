"""How faults are called: with the options of their operation by name, on NumPy arrays, each result rounded once.

The signature is the claim, so each operation has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rounding import DTYPES, round_to
from .making import Function, returned_in

__all__ = ["Signature", "attention", "linear_attention", "random_feature_attention", "rounded", "sparse_attention"]

Signature = Callable[[Function, Mapping[str, str]], Callable[..., Any]]
"""Takes a function in float64 and the conventions that it keeps, gives a callable."""


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


def random_feature_attention(function: Function, kept: Mapping[str, str]) -> Callable[..., Any]:
    """Returns out. No convention concerns it."""

    def attend(
        q: NDArray[Any],
        k: NDArray[Any],
        v: NDArray[Any],
        *,
        projection: NDArray[Any] | None = None,
        num_features: int | None = None,
        seed: int = 0,
        orthogonal: bool = False,
        causal: bool = False,
        scale: float | None = None,
    ) -> Any:
        with np.errstate(all="ignore"):
            answer = function(
                q, k, v,
                projection=projection, num_features=num_features, seed=seed, orthogonal=orthogonal, causal=causal, scale=scale,
            )  # fmt: skip
        return rounded(answer.out, answer.dtype or q.dtype.name)

    return attend


def rounded(x: Any, dtype: str) -> NDArray[Any]:
    """x in a dtype, rounded once."""
    with np.errstate(all="ignore"):
        return round_to(x, dtype).astype(DTYPES[dtype])
