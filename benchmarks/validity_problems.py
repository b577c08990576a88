"""Problems on which correct kernels come close to their bounds, and the kernels themselves; for validity.py.

Each problem is drawn from a seed that follows from its name, so a run can be made again alone. Queries stand at the end of the
sequence, so that causal rows see many keys. Families beyond `normal` aim at one term of a bound each: weights of which all are
rounded the same way, maxima that rise or fall from tile to tile, scores that tie, one key that rules, values of one sign.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from attnspec.reference.arithmetic import FLOAT8, ROUNDOFF, Arithmetic, arithmetic_for
from attnspec.reference.attention.kernels import FLOAT8_KERNELS, KERNELS, arithmetic_of, returned_in, run
from attnspec.reference.rounding import DTYPES

TORCH = ("torch/sdpa-math", "torch/sdpa-flash")
FAMILIES = ("normal", "positive", "rising", "falling", "ties", "integers", "one dominates", "heavy tails", "rounded alike")
AT_ALL_SCALES = ("normal", "heavy tails")
HEADS, BIAS_HEADS = 2, 24
ROWS, SCORED_ROWS = 24, 128
LARGEST_DRAWN = {"float16": 6e4, "float8_e4m3fn": 448.0, "float8_e5m2": 5.7e4}


@dataclass(frozen=True)
class Problem:
    """One problem by name. scored: its values have random signs and normal data, so the score tests are made too."""

    family: str
    keys: int
    features: int
    sigma: float
    causal: bool
    dtype: str
    seed: int
    rows: int = ROWS
    scored: bool = False
    heads: int = HEADS

    @property
    def name(self) -> str:
        """What identifies the problem in a file of results."""
        return "/".join(
            str(part) for part in (self.family, self.keys, self.features, self.sigma, int(self.causal), self.dtype,
                                   self.seed, self.rows, int(self.scored), self.heads)
        )  # fmt: skip

    @property
    def random_signs(self) -> bool:
        """Whether the signs of V are independent coin flips, so that level R holds."""
        return self.family not in ("positive", "rounded alike")

    @property
    def options(self) -> dict[str, Any]:
        """Options and conventions for the reference."""
        return {"causal": True, "causal_alignment": "bottom-right"} if self.causal else {}

    @cached_property
    def inputs(self) -> tuple[Any, Any, Any]:
        """q (1, H, R, D), k and v (1, 1 or H, Sk, D), exact in the dtype; scores have about the deviation sigma."""
        r = np.random.default_rng(zlib.crc32(self.name.encode()))
        shared = 1 if self.heads == HEADS else self.heads
        sizes = ((1, self.heads, self.rows, self.features), *2 * ((1, shared, self.keys, self.features),))
        q, k, v = _shaped(self, *(r.standard_normal(size) for size in sizes), r)
        most = LARGEST_DRAWN.get(self.dtype, 1e30)
        return tuple(np.clip(x, -most, most).astype(DTYPES[self.dtype]) for x in (q, k, v))  # type: ignore[return-value]


def _shaped(p: Problem, q: Any, k: Any, v: Any, r: np.random.Generator) -> tuple[Any, Any, Any]:
    root, levels = np.sqrt(p.features), np.arange(p.keys)[:, None] / max(p.keys, 1) * 8 / np.sqrt(p.features)
    if p.family == "positive":
        v = 1 + np.abs(v)
    elif p.family in ("rising", "falling"):
        q, k = np.ones_like(q), 0.1 * k + (levels if p.family == "rising" else -levels)
    elif p.family == "ties":
        k = k[:, :, r.integers(0, 4, p.keys)]
    elif p.family == "integers":
        q, k, v = (np.round(2 * x) for x in (q, k, v))
    elif p.family == "one dominates":
        k[:, :, p.keys // 2] += 24 / root * np.sign(q[:, :1, 0])
    elif p.family == "heavy tails":
        v = v / np.maximum(np.abs(r.standard_normal(v.shape)), 1e-2)
    elif p.family == "rounded alike":
        # Beside one key of weight 1 all others weigh just less than half a unit more than a half, and are rounded down.
        q, k, v = np.zeros_like(q), np.zeros_like(k), 1 + np.abs(v)
        unit = ROUNDOFF[p.dtype if p.dtype != "float32" else "bfloat16"]
        target = np.log((1 + 0.97 * unit) / 2) * root
        high = np.float64(np.array(target).astype(DTYPES[p.dtype]))
        q[..., :2], k[..., 1:, 0], k[..., 1:, 1] = 1.0, high, target - high
    return p.sigma * q if p.family != "rounded alike" else q, k, v


def problems(shapes: Any, sigmas: Any, dtypes: Any, seeds: int) -> Iterator[Problem]:
    """Every family at every shape (Sk, D), from the shortest to the longest."""
    for keys, features in shapes:
        for dtype in dtypes:
            for family in FAMILIES:
                for sigma in sigmas if family in AT_ALL_SCALES else (1.0,):
                    for causal in (False, True):
                        for seed in range(seeds):
                            yield Problem(family, keys, features, sigma, causal, dtype, seed)


def scored_problems(plan: Any, dtypes: Any, bias: int) -> Iterator[Problem]:
    """Normal data with enough rows for the score tests: for each (Sk, D, deviations, causalities, seeds) of the plan.

    bias: problems of 24 independent heads for the test of their mean.
    """
    for dtype in dtypes:
        for keys, features, sigmas, causalities, seeds in plan:
            for sigma in sigmas:
                for causal in causalities:
                    for seed in range(seeds):
                        yield Problem("normal", keys, features, sigma, causal, dtype, seed, SCORED_ROWS, True)
        for seed in range(bias):
            yield Problem("normal", 96, 32, 1.0, bool(seed % 2), dtype, seed, 32, True, BIAS_HEADS)


def kernels_for(dtype: str) -> tuple[str, ...]:
    """Correct kernels for inputs of a dtype."""
    if dtype in FLOAT8:
        return tuple(FLOAT8_KERNELS)
    return tuple(name for name, kernel in KERNELS.items() if dtype != "float32" or not kernel.stored) + TORCH


def declared(name: str, dtype: str) -> Arithmetic:
    if name in TORCH:
        from attnspec.adapters.finding import find

        return arithmetic_for(find(name)[0].arithmetic, dtype)
    return arithmetic_of({**KERNELS, **FLOAT8_KERNELS}[name], dtype)


def answer(name: str, p: Problem) -> tuple[Any, Any]:
    """(out, lse) as the kernel returns them, in their own dtypes; lse is None where the kernel has none."""
    if name in TORCH:
        return _of_torch(name, p)
    kernel, (q, k, _) = {**KERNELS, **FLOAT8_KERNELS}[name], p.inputs
    seen = np.broadcast_to(True, (1, q.shape[1], q.shape[2], k.shape[2]))
    if p.causal:
        seen = np.broadcast_to(np.arange(p.keys) <= np.arange(p.rows)[:, None] + p.keys - p.rows, seen.shape)
    with np.errstate(all="ignore"):
        out, lse = run(kernel, *p.inputs, p.dtype, seen, {})
    return out.astype(DTYPES[returned_in(kernel, p.dtype)]), lse.astype(np.float32)


def _of_torch(name: str, p: Problem) -> tuple[Any, Any]:
    """PyTorch's answer; bottom-right causality is written out as a mask."""
    import torch

    from attnspec.adapters.arrays import arrays_for
    from attnspec.adapters.finding import find

    arrays, implementation = arrays_for("torch"), find(name)[0]
    q, k, v = (arrays.to_framework(x) for x in p.inputs)
    asked: dict[str, Any] = {}
    if p.causal:
        asked["mask"] = torch.ones(p.rows, p.keys, dtype=torch.bool).tril(p.keys - p.rows)
    if "return_lse" in implementation.options:
        out, lse = implementation.function(q, k, v, return_lse=True, **asked)
        return arrays.from_framework(out), arrays.from_framework(lse)
    return arrays.from_framework(implementation.function(q, k, v, **asked)), None
