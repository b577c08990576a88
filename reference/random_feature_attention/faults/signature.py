"""How faults of random feature attention are called: with its options by name, on NumPy arrays, each result rounded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faults.making import Function
from ...faults.signatures import rounded

__all__ = ["random_feature_attention"]


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
