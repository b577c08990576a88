"""How much larger the bound for a projection that a kernel draws is than the worst error that its arithmetic allows.

No kernel shows this: its roundings cancel for the most part, and how many do depends on the order in which a BLAS adds. So an
adversary errs here by as much as the declared arithmetic allows at each step, in the direction that moves one output most.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.random_feature_attention.drawing import draw_projection
from attnspec.reference.random_feature_attention.drawn import drawn_error
from attnspec.reference.random_feature_attention.kernels import RANDOM_KERNELS, declared_of
from attnspec.reference.random_feature_attention.rounding import FeatureRoundings
from attnspec.reference.rounding import DTYPES

SCALE, FEATURES, D = 0.5, 256, 4


def logarithms(x: Any, w: Any) -> tuple[Any, Any, Any]:
    """Of the features of vectors (S, D), (S, m); with what their products and squares are made of, U and h of `rounding`."""
    x = math.sqrt(SCALE) * x.astype(np.float64)
    half = (x**2).sum(axis=-1, keepdims=True) / 2
    return x @ w.T - half, np.abs(x) @ np.abs(w).T, half


def pushed(q: Any, k: Any, v: Any, w: Any, rounds: FeatureRoundings, up: int) -> Any:
    """The largest relative error of each output (Sq, Dv), with every rounding at its largest, all upwards or all downwards."""
    (of_q, *sizes_q), (of_k, *sizes_k) = logarithms(q, w), logarithms(k, w)
    largest = max(float((sizes + half).max()) for sizes, half in (sizes_q, sizes_k))
    beside = math.log1p(rounds.feature(len(k)))
    error_q, error_k = (rounds.exponent(*sizes, largest) + beside for sizes in (sizes_q, sizes_k))
    one_sided = float(rounds.sums(len(k)))
    weights = np.exp(of_q) @ np.exp(of_k).T
    out = weights @ v / weights.sum(axis=-1, keepdims=True)
    found = np.empty_like(out)
    for i, e in np.ndindex(out.shape):
        away = up * (v[:, e] - out[i, e])
        # Features of keys that pull the right way grow, the others shrink; then those of the query likewise.
        keys = np.exp(of_k + np.sign(away)[:, None] * error_k)
        query = np.exp(of_q[i] + np.sign(away @ keys) * error_q[i])
        moved = keys @ query
        quotient = moved @ v[:, e] / moved.sum() * (1 + up * one_sided) / (1 - up * one_sided)
        found[i, e] = abs(quotient * (1 + up * rounds.division) / out[i, e] - 1)
    return found


def reached(name: str, dtype: str, orthogonal: bool) -> list[float]:
    """The largest error of the adversary on each of six projections, by what is said of all."""
    arithmetic: Arithmetic = arithmetic_for(declared_of(RANDOM_KERNELS[name], dtype), dtype)
    rounds, r, shares = FeatureRoundings(arithmetic, dtype, D, FEATURES), np.random.default_rng(8), []
    for seed in range(6):
        q, k, v = (
            x.astype(DTYPES[dtype])
            for x in (0.25 * r.standard_normal((2, D)), 0.25 * r.standard_normal((9, D)), r.random((9, 5)))
        )
        said = drawn_error(
            q[None, None], k[None, None], m=FEATURES, scale=SCALE, arithmetic=arithmetic, dtype=dtype, orthogonal=orthogonal
        )
        w = draw_projection(FEATURES, D, seed, orthogonal=orthogonal)
        worst = max(pushed(q, k, v.astype(np.float64), w, rounds, up).max() for up in (1, -1))
        shares.append(float(worst / said.output))
    return shares


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["largest", "rounded"])
def test_no_adversary_passes_the_bound_and_all_come_within_a_third_of_it(name: str, dtype: str, orthogonal: bool) -> None:
    shares = reached(name, dtype, orthogonal)
    assert max(shares) <= 1
    # A projection that is drawn is longer than most by what is said with near certainty: that is the room that is left.
    assert min(shares) > 1 / 3, "a bound this wide says nothing"
