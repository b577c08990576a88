"""Simulated kernels of random feature attention that are correct: stabilised in several ways, rounded where real ones round.

Bounds and laws are held to these: none may fail, and none may need much less than it is allowed. Each declares its arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rounding import DTYPES, round_to
from .definition import features
from .reading import RandomFeatures, read

__all__ = ["RANDOM_KERNELS", "RandomKernel", "as_callable", "declared_of"]

Array = NDArray[Any]
F32 = np.float32


@dataclass(frozen=True)
class RandomKernel:
    """shift: what is subtracted from exponents. `largest`: from those of a query their largest, from those of the keys of a
    head theirs. `published`: the largest product alone, |x|²/2 left out of it, as the authors' code does. `everything`: as
    `published`, but the largest of all keys of the batch. `running`: as `largest`, but of the keys so far, with a rescaling.
    `none`: nothing.

    chunk: keys at once, None for all. folded: whether the scale is put into the projection, and 1/√m into the exponent.
    operands: whether what enters a product is rounded to the dtype of q. narrow: whether features are computed in that dtype.
    state: the dtype to which the state is rounded after each chunk.
    """

    name: str
    shift: str = "largest"
    chunk: int | None = None
    folded: bool = False
    operands: bool = False
    narrow: bool = False
    state: str | None = None

    @property
    def loses_long_vectors(self) -> bool:
        """Whether every feature of a long vector underflows, |x|²/2 being left in the exponent: correct, and not wise."""
        return self.shift in ("published", "everything", "none")


RANDOM_KERNELS = {
    kernel.name: kernel
    for kernel in (
        RandomKernel("largest"),
        RandomKernel("published", shift="published"),
        RandomKernel("everything", shift="everything", folded=True),
        RandomKernel("unshifted", shift="none"),
        RandomKernel("recurrent", chunk=1),
        RandomKernel("chunks-of-16", chunk=16, folded=True),
        RandomKernel("chunks-of-16-running", shift="running", chunk=16),
        RandomKernel("rounded", operands=True),
        RandomKernel("chunks-of-16-rounded", shift="published", chunk=16, operands=True),
        RandomKernel("narrow", operands=True, narrow=True),
        RandomKernel("chunks-of-16-stored", chunk=16, operands=True, state="bfloat16"),
    )
}


def declared_of(kernel: RandomKernel, dtype: str) -> dict[str, Any]:
    """The arithmetic that a kernel declares in a dtype."""
    return {
        "name": "fp32" if dtype == "float32" else "half",
        "stored_weights": "input" if kernel.operands and dtype != "float32" else None,
        "features_in": "input" if kernel.narrow else None,
        "stored_state": kernel.state,
    }


def as_callable(kernel: RandomKernel) -> Callable[..., Any]:
    """A kernel as a function on NumPy arrays, with every option of random feature attention."""

    def attend(
        q: Any,
        k: Any,
        v: Any,
        *,
        projection: Any = None,
        num_features: int | None = None,
        seed: int = 0,
        orthogonal: bool = False,
        causal: bool = False,
        scale: float | None = None,
    ) -> Any:
        given = read(
            q, k, v,
            projection=projection, num_features=num_features, seed=seed, orthogonal=orthogonal, causal=causal, scale=scale,
        )  # fmt: skip
        dtype = q.dtype.name
        with np.errstate(all="ignore"):
            out = _Pass(kernel, dtype, given).run()
        return round_to(out, dtype).astype(DTYPES[dtype])

    attend.__name__ = kernel.name
    return attend


class _Pass:
    """One call through one kernel."""

    def __init__(self, kernel: RandomKernel, dtype: str, given: RandomFeatures) -> None:
        self.kernel, self.dtype, self.given = kernel, dtype, given
        self.value = np.concatenate([given.v, np.ones((*given.v.shape[:3], 1))], axis=-1).astype(F32)
        self.query, self.key = (self._exponents(x.astype(F32)) for x in (given.q, given.k))

    def run(self) -> Array:
        given, keys = self.given, self.key[0].shape[2]
        chunk = max(1, keys) if self.kernel.chunk is None else self.kernel.chunk
        query = self._features(*self.query, self._shift(self.query, queries=True))
        state = np.zeros((*query.shape[:2], query.shape[3], self.value.shape[3]), F32)
        parts, shift = [], np.full((1, 1, 1, 1), -np.inf, F32)
        for start in range(0, keys, chunk):
            at = slice(start, start + chunk)
            own = (self.key[0][:, :, at], self.key[1][:, :, at])
            latest = np.maximum(shift, self._shift(own if self.kernel.shift == "running" else self.key, queries=False))
            key = self._features(*own, latest)
            state = state * np.exp(np.where(np.isfinite(shift), shift - latest, F32(0)))
            shift = latest
            parts.append(self._rows(query[:, :, at] if given.causal else query[:, :, :0], key, at, state))
            state = self._stored(state + self._operand(key).swapaxes(-1, -2) @ self._operand(self.value[:, :, at]))
        sums = np.concatenate(parts, axis=2) if given.causal else self._operand(query) @ self._operand(state)
        return np.asarray(sums[..., :-1] / sums[..., -1:])

    def _rows(self, query: Array, key: Array, at: slice, state: Array) -> Array:
        """What causal rows of a chunk read."""
        scores = np.tril(self._operand(query) @ self._operand(key).swapaxes(-1, -2)[..., : query.shape[2]])
        scores = scores if query.shape[2] else np.zeros((*key.shape[:2], 0, key.shape[2]), F32)
        read: Array = self._operand(scores) @ self._operand(self.value[:, :, at]) + self._operand(query) @ self._operand(state)
        return read

    def _exponents(self, x: Array) -> tuple[Array, Array]:
        """Products w·x̃ (B, H, S, m) and what is taken from them (B, H, S, 1)."""
        given, m = self.given, features(self.given)
        root, w = F32(math.sqrt(given.scale)), np.swapaxes(given.projection, -1, -2).astype(F32)
        if self.kernel.folded:
            square = (x * x).sum(axis=-1, keepdims=True, dtype=F32) * F32(given.scale / 2) + F32(math.log(m) / 2)
            return x @ (w * root), square
        x = self._narrow(x * root)
        products, square = self._narrow(x @ w), self._narrow((x * x).sum(axis=-1, keepdims=True, dtype=F32) / 2)
        return products, square

    def _shift(self, exponents: tuple[Array, Array], queries: bool) -> Array:
        """What is subtracted from the exponents, (…, 1, 1) but for queries that each have their own."""
        products, square = exponents
        if self.kernel.shift == "none":
            return np.zeros((1, 1, 1, 1), F32)
        axes = (3,) if queries else (0, 1, 2, 3) if self.kernel.shift == "everything" else (2, 3)
        shown = products if self.kernel.shift in ("published", "everything") else products - square
        return np.asarray(shown.max(axis=axes, keepdims=True))

    def _features(self, products: Array, square: Array, shift: Array) -> Array:
        made = self._narrow(np.exp(self._narrow(self._narrow(products - square) - shift)))
        return made if self.kernel.folded else self._narrow(made * F32(1 / math.sqrt(features(self.given))))

    def _narrow(self, x: Array) -> Array:
        return round_to(x, self.dtype).astype(F32) if self.kernel.narrow else x

    def _operand(self, x: Array) -> Array:
        return round_to(x, self.dtype).astype(F32) if self.kernel.operands else x

    def _stored(self, state: Array) -> Array:
        return state if self.kernel.state is None else round_to(state, self.kernel.state).astype(F32)
