"""Mistakes about random features whose projection is given: their exponents, what is subtracted from them, their sums.

All are made from the definition with one of its steps replaced, or with one argument read wrongly. Those of an implementation
that draws its own projection have a file of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ..definition import RANDOM_STEPS, RandomSteps, attended, exponents_of
from ..reading import RandomFeatures, read

__all__ = ["NO_LSE", "answer", "answer_of", "definition", "epsilon_on", "random"]

NO_LSE = np.zeros(0)

EPSILON = 1e-4
"""What published code adds to every feature, beside a largest one of about 1."""

TILE = 8
"""Features in a tile."""


def definition() -> Function:
    """Random feature attention as it should be."""
    return random()


def random(given: Callable[[RandomFeatures], RandomFeatures] | None = None, **changed: Any) -> Function:
    """The definition with some of `RandomSteps` replaced, and with the arguments changed.

    It raises ValueError as `read` does, and for mixed dtypes.
    """
    steps = replace(RANDOM_STEPS, **changed)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        one = _read(q, k, v, options)
        return answer(one if given is None else given(one), steps)

    return attend


def answer(one: RandomFeatures, steps: RandomSteps = RANDOM_STEPS) -> Answer:
    """The answer to arguments that are read."""
    return Answer(attended(one, steps).out, NO_LSE, None)


def answer_of(q: Array, k: Array, v: Array, options: dict[str, Any]) -> Answer:
    """The answer of the definition to other arguments."""
    return answer(_read(q, k, v, options))


def _read(q: Array, k: Array, v: Array, options: dict[str, Any]) -> RandomFeatures:
    for name, x in (("k", k), ("v", v)):
        if x.dtype != q.dtype:
            raise ValueError(f"{name} has dtype {x.dtype} and q has {q.dtype}; they must be equal")
    return read(q, k, v, **options)


# Exponents


def _both(exponents: Callable[..., Array]) -> Function:
    return random(query_exponents=exponents, key_exponents=exponents)


@fault("random-half-square-missing")
def _half_square_missing() -> Function:
    return _both(lambda products, half, m: RANDOM_STEPS.key_exponents(products, 0 * half, m))


@fault("random-half-square-unscaled")
def _half_square_unscaled() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        one = _read(q, k, v, options)

        def exponents(products: Array, half: Array, m: int) -> Array:
            return RANDOM_STEPS.key_exponents(products, half / one.scale, m)

        return answer(one, replace(RANDOM_STEPS, query_exponents=exponents, key_exponents=exponents))

    return attend


@fault("random-scale-ignored")
def _scale_ignored() -> Function:
    return random(given=lambda one: replace(one, scale=one.q.shape[3] ** -0.5))


@fault("random-scale-unrooted")
def _scale_unrooted() -> Function:
    return random(given=lambda one: replace(one, scale=one.scale**2))


def epsilon_on(axes: tuple[int, ...] | None) -> Callable[..., Array]:
    """Exponents of features that a ten-thousandth is added to once their largest product, over some axes, is subtracted."""

    def exponents(products: Array, half: Array, m: int) -> Array:
        if not products.size:
            return products
        return np.asarray(np.log(np.exp(products - half - products.max(axis=axes, keepdims=True)) + EPSILON))

    return exponents


@fault("random-epsilon-on-features")
def _epsilon_on_features() -> Function:
    return random(query_exponents=epsilon_on((3,)), key_exponents=epsilon_on((2, 3)))


@fault("random-largest-of-everything")
def _largest_of_everything() -> Function:
    return random(query_exponents=epsilon_on((3,)), key_exponents=epsilon_on(None))


@fault("random-epsilons-on-features-and-sums")
def _epsilons_on_features_and_sums() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        one = _read(q, k, v, options)
        steps = replace(RANDOM_STEPS, query_exponents=epsilon_on((3,)), key_exponents=epsilon_on((2, 3)))
        query, key = (np.exp(x) / np.sqrt(one.projection.shape[0]) for x in exponents_of(one, steps))
        weights = np.where(one.visible, query @ key.swapaxes(-1, -2), 0.0)
        total = weights.sum(axis=-1, keepdims=True) + one.causal * 1e-6 * query.sum(axis=-1, keepdims=True)
        return Answer(weights @ one.v / total, NO_LSE, None)

    return attend


def _less_the_largest(axis: int) -> Function:
    def exponents(products: Array, half: Array, m: int) -> Array:
        made = RANDOM_STEPS.key_exponents(products, half, m)
        return np.asarray(made - made.max(axis=axis, keepdims=True)) if made.size else made

    return random(key_exponents=exponents)


@fault("random-largest-of-each-key")
def _largest_of_each_key() -> Function:
    return _less_the_largest(3)


@fault("random-largest-of-each-feature")
def _largest_of_each_feature() -> Function:
    return _less_the_largest(2)


@fault("random-rescaling-missing")
def _rescaling_missing() -> Function:
    def exponents(products: Array, half: Array, m: int) -> Array:
        made = RANDOM_STEPS.key_exponents(products, half, m)
        tiles = np.split(made, range(16, made.shape[2], 16), axis=2)
        return np.concatenate([x - x.max(axis=(2, 3), keepdims=True) if x.size else x for x in tiles], axis=2)

    return random(key_exponents=exponents)


@fault("random-factors-apart")
def _factors_apart() -> Function:
    def exponents(products: Array, half: Array, m: int) -> Array:
        made = np.exp(products.astype(np.float32)) * np.exp(-half.astype(np.float32))
        return RANDOM_STEPS.key_exponents(np.log(made.astype(np.float64)), 0 * half, m)

    return _both(exponents)


def _features_in(dtype: Any) -> Function:
    """Features in a dtype with nothing subtracted from their exponents, and their products in float32."""

    def kernel(query: Array, key: Array) -> Array:
        left, right = (np.exp(x).astype(dtype).astype(np.float32) for x in (query, key))
        return np.asarray(np.log((left @ right.swapaxes(-1, -2)).astype(np.float64)))

    return random(kernel=kernel)


@fault("random-unshifted")
def _unshifted() -> Function:
    return _features_in(np.float32)


@fault("random-features-in-float16")
def _features_in_float16() -> Function:
    return _features_in(np.float16)


@fault("random-trigonometric")
def _trigonometric() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        one = _read(q, k, v, options)
        left, right = (one.scale**0.5 * x @ one.projection.T for x in (one.q, one.k))
        half = [one.scale / 2 * (x**2).sum(axis=-1, keepdims=True) for x in (one.q, one.k)]
        cosines = np.cos(left[:, :, :, None] - right[:, :, None]).mean(axis=-1)
        weights = np.where(one.visible, np.exp(half[0] + half[1].swapaxes(-1, -2)) * cosines, 0.0)
        return Answer(weights @ one.v / weights.sum(axis=-1, keepdims=True), NO_LSE, None)

    return attend


# The projection


def _reading(change: Callable[[Array], Array]) -> Function:
    """A given projection is changed as it is read."""

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        one, given = _read(q, k, v, options), options.get("projection") is not None
        return answer(replace(one, projection=change(one.projection)) if given else one)

    return attend


@fault("random-projection-transposed")
def _projection_transposed() -> Function:
    return _reading(lambda projection: projection.reshape(projection.shape[::-1]).T)


@fault("random-projection-of-unit-rows")
def _projection_of_unit_rows() -> Function:
    def unit(projection: Array) -> Array:
        size = np.linalg.norm(projection, axis=-1, keepdims=True)
        return np.asarray(projection / np.where(size > 0, size, 1.0))

    return _reading(unit)


@fault("random-tail-features-dropped")
def _tail_features_dropped() -> Function:
    return _reading(lambda projection: projection[: projection.shape[0] // TILE * TILE or None])


# Sums


@fault("random-queries-and-keys-exchanged")
def _queries_and_keys_exchanged() -> Function:
    return random(given=lambda one: replace(one, q=one.k, k=one.q) if one.q.shape == one.k.shape else one)


@fault("random-exclusive-scan")
def _exclusive_scan() -> Function:
    def weights(logarithms: Array, visible: Array) -> tuple[Array, Array]:
        rows, keys = visible.shape[2:]
        own = np.arange(keys) == np.arange(rows)[:, None]
        return RANDOM_STEPS.weights(logarithms, visible & ~own)

    right, wrong = random(), random(weights=weights)
    return lambda q, k, v, **options: (wrong if options.get("causal") else right)(q, k, v, **options)


@fault("random-causal-ignored")
def _causal_ignored() -> Function:
    return random(given=lambda one: replace(one, causal=False))


@fault("random-normalizer-of-all-keys")
def _normalizer_of_all_keys() -> Function:
    def weights(logarithms: Array, visible: Array) -> tuple[Array, Array]:
        made, total = RANDOM_STEPS.weights(logarithms, np.ones_like(visible))
        return np.where(visible, made, 0.0), total

    return random(weights=weights)


@fault("random-normalizer-missing")
def _normalizer_missing() -> Function:
    return random(weights=lambda logarithms, visible: (np.where(visible, np.exp(logarithms), 0.0), np.ones((1, 1, 1, 1))))


@fault("random-normalizer-plus-epsilon")
def _normalizer_plus_epsilon() -> Function:
    def weights(logarithms: Array, visible: Array) -> tuple[Array, Array]:
        made = np.where(visible, np.exp(logarithms), 0.0)
        return made, made.sum(axis=-1, keepdims=True) + 1e-6

    return random(weights=weights)


@fault("random-output-plus-epsilon")
def _output_plus_epsilon() -> Function:
    return random(quotient=lambda sums, total: RANDOM_STEPS.quotient(sums, total) + 1e-3)
