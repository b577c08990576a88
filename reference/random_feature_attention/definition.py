"""Random feature attention, as spec/random_feature_attention means it, in float64.

With x̃ = √scale · x and a projection of m rows w, the features of a vector are

    φ_r(x) = exp(w_r·x̃ − |x̃|²/2) / √m,

so that φ(q)·φ(k) estimates exp(scale · q·k) without bias where rows are standard normal. A row of the output is

    out_i = Σ_j φ(q_i)·φ(k_j) v_j / Σ_j φ(q_i)·φ(k_j),   over all keys, or over keys j ≤ i in a causal pass.

Exponents reach hundreds where vectors are long, so all is kept in logarithms up to one softmax over the keys: the logarithm of
φ(q_i)·φ(k_j) is that of a sum over features. Each part is one small step, so that a known mistake is another function in its
place.

Source: Choromanski et al. 2021 (FAVOR+), arXiv:2009.14794, lemma 1 and equations 4 to 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .reading import RandomFeatures, read

__all__ = ["RANDOM_STEPS", "Attended", "RandomSteps", "attended", "random_feature_attention"]

Array = NDArray[Any]

FAR = 1e-200
"""A sum of products that is larger has lost nothing to underflow in float64."""


@dataclass(frozen=True, eq=False)
class Attended:
    """What one call gives. out: float64 (B, H, Sq, Dv). kernel: float64 (B, H, Sq, Sk), the logarithms of φ(q_i)·φ(k_j).

    visible: bool (B, H, Sq, Sk), the keys that a row reads.
    """

    out: Array
    kernel: Array
    visible: Array


def projected(x: Array, projection: Array) -> Array:
    """w_r·x̃ for every feature, (B, H, S, m): vectors x̃ (B, H, S, D), projection (m, D) or (B, H, m, D)."""
    return np.asarray(x @ np.swapaxes(projection, -1, -2))


def exponents(products: Array, half_square: Array, m: int) -> Array:
    """log φ, (B, H, S, m): products w_r·x̃ (B, H, S, m), half squares |x̃|²/2 (B, H, S, 1)."""
    return np.asarray(products - half_square - math.log(m) / 2)


def kernel(query: Array, key: Array) -> Array:
    """log φ(q_i)·φ(k_j), (B, H, Sq, Sk), from log φ of queries (B, H, Sq, m) and keys (B, H, Sk, m)."""
    tops = [x.max(axis=-1, keepdims=True) for x in (query, key)]
    products = np.exp(query - tops[0]) @ np.exp(key - tops[1]).swapaxes(-1, -2)
    if products.min(initial=1.0) > FAR:
        return np.asarray(tops[0] + tops[1].swapaxes(-1, -2) + np.log(products))
    found = np.empty((*query.shape[:3], key.shape[2]))  # no feature is large in both vectors: pair by pair
    for row in range(query.shape[2]):
        sums = query[:, :, row, None, :] + key
        top = sums.max(axis=-1, keepdims=True)
        found[:, :, row] = top[..., 0] + np.log(np.exp(sums - top).sum(axis=-1))
    return found


def weights(logarithms: Array, visible: Array) -> tuple[Array, Array]:
    """(weights (B, H, Sq, Sk), their sum (B, H, Sq, 1)), both divided by the largest visible weight of the row."""
    shown = np.where(visible, logarithms, -np.inf)
    top = shown.max(axis=-1, keepdims=True, initial=-np.inf)
    made = np.exp(shown - np.where(np.isfinite(top), top, 0.0))
    return made, made.sum(axis=-1, keepdims=True)


def quotient(sums: Array, total: Array) -> Array:
    """The output from weighted sums of values (B, H, Sq, Dv) and the sum of the weights (B, H, Sq, 1)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / total)


@dataclass(frozen=True)
class RandomSteps:
    """Each field is a pure function; its default has the docstring that states its arguments."""

    projected: Callable[..., Array] = projected
    query_exponents: Callable[..., Array] = exponents
    key_exponents: Callable[..., Array] = exponents
    kernel: Callable[..., Array] = kernel
    weights: Callable[..., tuple[Array, Array]] = weights
    quotient: Callable[..., Array] = quotient


RANDOM_STEPS = RandomSteps()
"""The definition."""


def random_feature_attention(q: Any, k: Any, v: Any, *, steps: RandomSteps = RANDOM_STEPS, **options: Any) -> Attended:
    """The definition: q (B, H, Sq, D), k (B, H, Sk, D), v (B, H, Sk, Dv), with the options that the spec states.

    Raises ValueError as `reading.read` does.
    """
    return attended(read(q, k, v, **options), steps)


def attended(given: RandomFeatures, steps: RandomSteps = RANDOM_STEPS) -> Attended:
    """The answer to one call."""
    logarithms = steps.kernel(*exponents_of(given, steps))
    visible = np.broadcast_to(given.visible, logarithms.shape)
    made, total = steps.weights(logarithms, visible)
    return Attended(steps.quotient(made @ given.v, total), logarithms, visible)


def exponents_of(given: RandomFeatures, steps: RandomSteps = RANDOM_STEPS) -> tuple[Array, Array]:
    """log φ of the queries (B, H, Sq, m) and of the keys (B, H, Sk, m)."""
    query, key = (
        made(steps.projected(math.sqrt(given.scale) * x, given.projection), given.scale * half_square(x), features(given))
        for made, x in ((steps.query_exponents, given.q), (steps.key_exponents, given.k))
    )
    return query, key


def features(given: RandomFeatures) -> int:
    """m."""
    return int(given.projection.shape[-2])


def half_square(x: Array) -> Array:
    """|x|²/2 of each vector, (B, H, S, 1)."""
    return np.asarray((x**2).sum(axis=-1, keepdims=True) / 2)
