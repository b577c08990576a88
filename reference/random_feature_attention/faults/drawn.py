"""Mistakes of an implementation that draws its own projection, and about what a call takes, keeps and gives back.

A projection that is given is used as it stands by all of them but those that keep one from call to call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ...faults.memory import as_if_contiguous
from ..definition import RANDOM_STEPS
from ..drawing import draw_projection, lengths, rotations
from .features import _read, answer, answer_of

__all__: list[str] = []

Draw = Callable[[int, int, int, bool], Array]
"""(m, D, seed, orthogonal) → a projection (m, D)."""


def _drawing(draw: Draw, seed: Callable[[Array, int], int] = lambda q, seed: seed) -> Function:
    """The definition, with another projection where none is given. seed: what becomes of the seed."""

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        if options.get("projection") is not None:
            return answer_of(q, k, v, options)
        plain = {name: options.get(name) for name in ("causal", "scale")}
        m, d = options.get("num_features") or q.shape[3], q.shape[3]
        made = draw(m, d, seed(q, int(options.get("seed") or 0)), bool(options.get("orthogonal")))
        return answer_of(q, k, v, {**plain, "projection": made})

    return attend


def _right(m: int, d: int, seed: int, orthogonal: bool) -> Array:
    return draw_projection(m, d, seed, orthogonal=orthogonal)


# How rows are drawn


@fault("random-short-rows")
def _short_rows() -> Function:
    return _drawing(lambda *given: 0.97 * _right(*given))


@fault("random-truncated-normal")
def _truncated_normal() -> Function:
    def draw(m: int, d: int, seed: int, orthogonal: bool) -> Array:
        rng, made = np.random.default_rng([seed, 3]), _right(m, d, seed, orthogonal)
        while not orthogonal and (far := np.abs(made) > 2).any():
            made[far] = rng.standard_normal(int(far.sum()))
        return made

    return _drawing(draw)


def _in_blocks(rows: Callable[[np.random.Generator, int, int], Array], sizes: Callable[..., Array] = lengths) -> Function:
    """Orthogonal rows of some making, in blocks (count, D, D), times lengths of some making."""

    def draw(m: int, d: int, seed: int, orthogonal: bool) -> Array:
        if not orthogonal:
            return _right(m, d, seed, orthogonal)
        rng = np.random.default_rng([seed, m, d])
        return sizes(rng, m, d)[:, None] * rows(rng, -(-m // d), d).reshape(-1, d)[:m]

    return _drawing(draw)


@fault("random-unsigned-qr")
def _unsigned_qr() -> Function:
    def rows(rng: np.random.Generator, count: int, d: int) -> Array:
        return np.swapaxes(np.linalg.qr(rng.standard_normal((count, d, d)))[0], 1, 2)

    return _in_blocks(rows)


@fault("random-lengths-fixed")
def _lengths_fixed() -> Function:
    return _in_blocks(rotations, lambda rng, m, d: np.full(m, d**0.5))


@fault("random-blocks-repeated")
def _blocks_repeated() -> Function:
    return _drawing(lambda m, d, seed, orthogonal: np.resize(_right(d, d, seed, orthogonal), (m, d)))


@fault("random-orthogonal-ignored")
def _orthogonal_ignored() -> Function:
    return _drawing(lambda m, d, seed, orthogonal: _right(m, d, seed, False))


@fault("random-features-twice")
def _features_twice() -> Function:
    def draw(m: int, d: int, seed: int, orthogonal: bool) -> Array:
        half = _right(-(-m // 2), d, seed, orthogonal)
        return np.concatenate([half, half])[:m]

    return _drawing(draw)


@fault("random-feature-count-ignored")
def _feature_count_ignored() -> Function:
    return _drawing(lambda m, d, seed, orthogonal: _right(d, d, seed, orthogonal))


# Seeds


@fault("random-seed-ignored")
def _seed_ignored() -> Function:
    return _drawing(_right, lambda q, seed: 0)


@fault("random-seed-from-queries")
def _seed_from_queries() -> Function:
    return _drawing(_right, lambda q, seed: seed + int(abs(np.ceil(float(q.astype(np.float64).sum()) * 1e7))))


@fault("random-redrawn-at-every-call")
def _redrawn_at_every_call() -> Function:
    calls = iter(range(1 << 62))
    return _drawing(_right, lambda q, seed: seed + (next(calls) << 21))


@fault("random-projections-differ")
def _projections_differ() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        one = _read(q, k, v, options)
        if options.get("projection") is not None:
            return answer(one)
        m, d, seed = one.projection.shape[0], q.shape[3], int(options.get("seed") or 0)
        sides = iter((one.projection, _right(m, d, seed + (1 << 21), bool(options.get("orthogonal")))))
        return answer(one, replace(RANDOM_STEPS, projected=lambda x, projection: RANDOM_STEPS.projected(x, next(sides))))

    return attend


# What a call takes, keeps and gives back


@fault("random-projection-kept")
def _projection_kept() -> Function:
    kept: dict[Any, Array] = {}

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        given = options.get("projection")
        if given is None:
            return answer_of(q, k, v, options)
        return answer_of(q, k, v, {**options, "projection": kept.setdefault(given.shape, given.copy())})

    return attend


@fault("random-inputs-scaled-in-place")
def _inputs_scaled_in_place() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        made = answer_of(q, k, v, options)
        factor = float(options.get("scale") or q.shape[3] ** -0.5) ** 0.5
        for x in (q, k):
            x[...] = (factor * x.astype(np.float64)).astype(x.dtype)
        return made

    return attend


@fault("random-output-in-float64")
def _output_in_float64() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return answer_of(q, k, v, options)._replace(dtype="float64")

    return attend


@fault("random-strides-ignored")
def _strides_ignored() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return answer_of(q, as_if_contiguous(k), v, options)

    return attend
