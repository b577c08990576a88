"""The theorem about Taylor maps: it holds, it is not idle, and it falls with the order as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attnspec.reference.attention.textbook import attention
from attnspec.reference.linear_attention.recurrent import linear_attention
from attnspec.reference.linear_attention.taylor import remainder, series_error


@pytest.mark.parametrize("n", range(1, 7))
def test_the_remainder_is_larger_than_what_the_series_lacks(n: int) -> None:
    s = np.concatenate([np.linspace(-6, 6, 241), [1e-3, -1e-3]])
    lacking = np.abs(sum(s**m / math.factorial(m) for m in range(n + 1)) * np.exp(-s) - 1)
    due = remainder(n, s)
    assert np.all(lacking <= due * (1 + 1e-9) + 1e-15)
    small = np.abs(s) == 1e-3
    assert np.all(lacking[small] >= 0.99 * due[small] - 1e-15)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n", range(1, 7))
def test_attention_by_a_taylor_map_is_as_near_to_softmax_as_the_theorem_says(n: int, causal: bool) -> None:
    r, shares, seen = np.random.default_rng(n), [], 0
    for size in (0.1, 0.5, 1.0):
        q, k, v = (x * r.standard_normal((1, 2, 9, 3)) for x in (size, 1, 1))
        made = linear_attention(q, k, v, feature_map=f"taylor{n}", normalize=True, causal=causal).out
        exact = attention(q, k, v, scale=1.0, causal=causal)
        bound = series_error(n, np.einsum("bhqd,bhkd->bhqk", q, k), exact.weights, v)
        known = np.isfinite(bound)
        assert np.all(np.abs(made - exact.out)[known] <= bound[known] + 2.0**-40)
        shares.append((np.abs(made - exact.out)[known] / (bound[known] + 2.0**-40)).max(initial=0.0))
        seen += known.sum()
    assert seen > 100 and max(shares) > 0.1, "the bound is idle"


def test_nothing_is_said_of_large_scores() -> None:
    scores = np.array([[[[-8.0, 3.0]]]])
    assert np.isinf(series_error(2, scores, np.array([[[[0.5, 0.5]]]]), np.ones((1, 1, 2, 1)))).all()
    assert np.isinf(series_error(1, -1e9 * np.ones((1, 1, 1, 2)), np.full((1, 1, 1, 2), 0.5), np.ones((1, 1, 2, 1)))).all()


def test_a_key_that_is_hidden_does_not_count() -> None:
    scores, weights = np.array([[[[0.1, 50.0]]]]), np.array([[[[1.0, 0.0]]]])
    assert series_error(3, scores, weights, np.ones((1, 1, 2, 1))).max() < 1e-5
