"""Random feature attention means one thing: two definitions agree with each other, and with sums written out in 50 digits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from attnspec.reference.random_feature_attention.definition import random_feature_attention
from attnspec.reference.random_feature_attention.drawing import draw_projection, rotations
from attnspec.reference.random_feature_attention.sums import running_sums

from .random_cases import call

SLACK = 2.0**-40
"""Far more than float64 needs here, far less than any mistake."""


def same(x: Any, y: Any) -> bool:
    return x.shape == y.shape and bool(np.all(np.abs(x - y) <= SLACK * (1 + np.abs(x))))


def test_two_definitions_agree() -> None:
    for seed in range(60):
        (q, k, v), options = call(seed)
        assert same(random_feature_attention(q, k, v, **options).out, running_sums(q, k, v, **options)), (seed, options)


def by_hand(q: Any, k: Any, v: Any, w: Any, scale: Any, seen: int) -> list[Any]:
    """One row from the first `seen` keys, with vectors as lists of 50 digits."""

    def phi(x: list[Any]) -> list[Any]:
        x = [mpmath.sqrt(scale) * y for y in x]
        half = sum(y * y for y in x) / 2
        return [mpmath.exp(sum(a * b for a, b in zip(row, x, strict=True)) - half) / mpmath.sqrt(len(w)) for row in w]

    query = phi(q)
    weights = [sum(a * b for a, b in zip(query, phi(x), strict=True)) for x in k[:seen]]
    return [sum(a * x[e] for a, x in zip(weights, v, strict=False)) / sum(weights) for e in range(len(v[0]))]


def digits(rows: Any) -> list[list[Any]]:
    return [[mpmath.mpf(float(x)) for x in row] for row in rows]


def test_the_definition_is_the_formula_in_fifty_digits() -> None:
    compared = 0
    with mpmath.workdps(50):
        for seed in range(40):
            (q, k, v), o = call(seed, lengths=(1, 2, 5))
            made = random_feature_attention(q, k, v, **o).out
            scale = 1 / mpmath.sqrt(q.shape[3]) if "scale" not in o else mpmath.mpf(o["scale"])
            head_q, head_k, head_v, w = (digits(x) for x in (q[1, 0], k[1, 0], v[1, 0], o["projection"]))
            for row, query in enumerate(head_q):
                due = by_hand(query, head_k, head_v, w, scale, row + 1 if o["causal"] else len(head_k))
                assert same(np.array([float(x) for x in due]), made[1, 0, row]), (seed, row)
                compared += 1
    assert compared > 100


def test_long_vectors_need_no_numbers_out_of_range() -> None:
    r = np.random.default_rng(2)
    q, k, v = (size * r.standard_normal((1, 1, 6, 8)) for size in (60, 60, 1))
    made = random_feature_attention(q, k, v, projection=r.standard_normal((5, 8)), causal=True)
    assert np.isfinite(made.out).all() and made.kernel.min() < -1000
    assert np.array_equal(made.out[:, :, 0], v[:, :, 0])


@pytest.mark.parametrize("orthogonal", [False, True])
def test_drawn_rows_are_standard_normal(orthogonal: bool) -> None:
    w = np.concatenate([draw_projection(400, 4, seed, orthogonal=orthogonal) for seed in range(50)])
    error = 1 / np.sqrt(len(w))
    assert np.abs(w.mean(axis=0)).max() < 5 * error and np.abs(w.T @ w / len(w) - np.eye(4)).max() < 10 * error
    assert np.abs((w**4).mean(axis=0) - 3).max() < 5 * error * np.sqrt(96)
    assert np.array_equal(draw_projection(7, 4, 3, orthogonal=orthogonal), draw_projection(7, 4, 3, orthogonal=orthogonal))
    assert not np.array_equal(draw_projection(7, 4, 3, orthogonal=orthogonal), draw_projection(7, 4, 4, orthogonal=orthogonal))


def test_orthogonal_rows_are_orthogonal_in_blocks() -> None:
    w = draw_projection(10, 4, 0, orthogonal=True)
    gram = w @ w.T
    blocks = np.arange(10)[:, None] // 4 == np.arange(10) // 4
    assert np.abs(gram - np.diag(np.diag(gram)))[blocks].max() < SLACK and np.abs(gram)[~blocks].max() > 0.1
    assert np.abs(rotations(np.random.default_rng(1), 4000, 3).mean(axis=0)).max() < 0.05


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"causal": True, "rows": 3}, "there are 3 queries and 4 keys"),
        ({"projection": np.ones((5, 2))}, r"projection has shape \(5, 2\)"),
        ({"projection": np.ones((0, 3))}, "at least one row"),
        ({"projection": np.ones((5, 3)), "num_features": 5}, "exclude each other"),
        ({"num_features": 0}, "num_features is 0"),
        ({"scale": -1.0}, "it must be positive"),
    ],
)
def test_what_has_no_meaning_is_refused_with_words(changed: dict[str, Any], message: str) -> None:
    options = dict(changed)
    q, k = np.zeros((1, 2, options.pop("rows", 4), 3)), np.zeros((1, 2, 4, 3))
    with pytest.raises(ValueError, match=message):
        random_feature_attention(q, k, k, **options)


@pytest.mark.parametrize("part", ["k", "v"])
def test_arrays_must_fit(part: str) -> None:
    arrays = {name: np.zeros((1, 2, 4, 3)) for name in "qkv"} | {part: np.zeros((1, 3, 4, 3))}
    with pytest.raises(ValueError, match=f"{part} has"):
        random_feature_attention(**arrays)
