"""Simulated kernels of linear attention that are correct: float32 sums in several orders, rounded where real ones round.

Bounds and laws are held to these: none may fail, and none may need much less than it is allowed. Each declares its arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rounding import DTYPES, round_to
from .features import TAYLOR, degree, features
from .reading import Linear, joined, read

__all__ = ["LINEAR_KERNELS", "LinearKernel", "as_callable", "declared_of"]

Array = NDArray[Any]
F32 = np.float32


@dataclass(frozen=True)
class LinearKernel:
    """chunk: steps at once, 1 for the recurrence, None for all. operands: whether what enters a product is rounded to the
    dtype of q. state: the dtype to which the state is rounded after each chunk. narrow: whether features are computed in the
    dtype of q. prescaled: whether the features of the query are multiplied beforehand by what makes a fixed scale of D^-1/2 the
    one that is asked for, and rounded.
    """

    name: str
    chunk: int | None
    operands: bool = False
    state: str | None = None
    narrow: bool = False
    prescaled: bool = False


LINEAR_KERNELS = {
    kernel.name: kernel
    for kernel in (
        LinearKernel("recurrent", 1),
        LinearKernel("chunks-of-3", 3),
        LinearKernel("chunks-of-16", 16),
        LinearKernel("chunks-of-64", 64),
        LinearKernel("parallel", None),
        LinearKernel("recurrent-stored", 1, state="bfloat16"),
        LinearKernel("chunks-of-16-rounded", 16, operands=True),
        LinearKernel("chunks-of-64-rounded-stored", 64, operands=True, state="bfloat16"),
        LinearKernel("parallel-narrow", None, operands=True, narrow=True),
        LinearKernel("recurrent-prescaled", 1, prescaled=True),
        LinearKernel("chunks-of-16-prescaled", 16, operands=True, prescaled=True),
        LinearKernel("recurrent-narrow-stored", 1, operands=True, state="input", narrow=True),
    )
}


def declared_of(kernel: LinearKernel, dtype: str) -> dict[str, Any]:
    """The arithmetic that a kernel declares in a dtype."""
    return {
        "name": "fp32" if dtype == "float32" else "half",
        "stored_weights": "input" if kernel.operands and dtype != "float32" else None,
        "features_in": "input" if kernel.narrow else None,
        "stored_state": kernel.state,
        "n_pre": int(kernel.prescaled),
    }


def as_callable(kernel: LinearKernel) -> Callable[..., Any]:
    """A kernel as a function on NumPy arrays, with every option of linear attention."""

    def attend(
        q: Any,
        k: Any,
        v: Any,
        *,
        feature_map: str = "identity",
        causal: bool = False,
        normalize: bool = False,
        scale: float | None = None,
        decay: Any = None,
        gate: Any = None,
        beta: Any = None,
        initial_state: Any = None,
        return_state: bool = False,
        cu_seqlens: Any = None,
        kv_lengths: Any = None,
    ) -> Any:
        dtype = q.dtype.name
        given = {
            "feature_map": feature_map, "causal": causal, "normalize": normalize, "scale": scale, "decay": decay, "gate": gate,
            "beta": beta, "initial_state": initial_state, "cu_seqlens": cu_seqlens, "kv_lengths": kv_lengths,
        }  # fmt: skip
        with np.errstate(all="ignore"):
            parts = [_Pass(kernel, dtype, one).run() for one in read(q, k, v, **given)]
        packed = cu_seqlens is not None
        out = joined([out for out, _ in parts], packed, 2)
        state = joined([state for _, state in parts], packed, 0)
        rounded = round_to(out, dtype).astype(DTYPES[dtype])
        return (rounded, (state[..., :-1], state[..., -1])) if return_state else rounded

    attend.__name__ = kernel.name
    return attend


class _Pass:
    """One sequence through one kernel."""

    def __init__(self, kernel: LinearKernel, dtype: str, given: Linear) -> None:
        self.kernel, self.dtype, self.given = kernel, dtype, given
        self.log_gate = given.log_gate.astype(F32)
        ones = np.ones((*given.v.shape[:3], 1))
        self.value = np.where(given.active[:, None, :, None], np.concatenate([given.v, ones], -1), 0).astype(F32)
        self.query, self.key = (self._features(x) for x in (given.q, given.k))
        self.key = np.where(given.active[:, None, :, None], self.key, F32(0))
        self.scale = F32(given.scale)
        if kernel.prescaled:
            self.scale = F32(given.q.shape[-1] ** -0.5)
            self.query = round_to(self.query * F32(given.scale / self.scale), dtype).astype(F32)
        self.state = self._stored(np.concatenate([given.state, given.normalizer[..., None]], -1).astype(F32))

    def run(self) -> tuple[Array, Array]:
        given, steps = self.given, self.key.shape[2]
        chunk = max(1, steps) if self.kernel.chunk is None else self.kernel.chunk
        parts = [self._chunk(slice(start, min(start + chunk, steps))) for start in range(0, steps, chunk)]
        sums = (
            np.concatenate(parts, axis=2) if given.causal and parts else self._operand(self.query) @ self._operand(self.state)
        )
        scale = self.scale
        out = (sums[..., :-1] * scale) / (sums[..., -1:] * scale) if given.normalize else sums[..., :-1] * scale
        return out, self.state

    def _chunk(self, at: slice) -> Array:
        """The sums that causal rows of a chunk read; the state moves on."""
        given, key, value = self.given, self.key[:, :, at], self.value[:, :, at]
        active = given.active[:, None, at, None]
        within, ahead = _factors(np.where(active, self.log_gate[:, :, at], F32(0)))
        query = self.query[:, :, at] if given.causal else self.query[:, :, :0]
        state = self._operand(self.state)
        if given.beta is not None:
            beta = (given.beta[:, :, at] * active[..., 0]).astype(F32)
            value = self._corrected(key, value, beta, within, ahead, state)
        sums = np.zeros((*query.shape[:3], value.shape[-1]), F32)
        if given.causal:
            scores = self._operand(self._scores(query, key, within))
            sums = scores @ self._operand(value) + self._operand(query * ahead) @ state
        kept = self._operand(key * within[:, :, -1]).swapaxes(-1, -2) @ self._operand(value)
        self.state = self._stored(ahead[:, :, -1, :, None] * self.state + kept)
        return sums

    def _scores(self, query: Array, key: Array, within: Array) -> Array:
        left = self._operand(query)[:, :, :, None, :] * within
        scores: Array = np.einsum("bhtsf,bhsf->bhts", self._operand(left), self._operand(key)).astype(F32)
        return scores

    def _corrected(self, key: Array, value: Array, beta: Array, within: Array, ahead: Array, state: Array) -> Array:
        """By substitution, row after row."""
        overlaps = self._scores(key, key, within)
        due = value - self._operand(key * ahead) @ state
        made = np.zeros_like(value)
        for t in range(key.shape[2]):
            before = np.einsum("bhs,bhse->bhe", overlaps[:, :, t, :t], made[:, :, :t]).astype(F32)
            made[:, :, t] = beta[:, :, t, None] * (due[:, :, t] - before)
        return made

    def _features(self, x: Array) -> Array:
        name, x = self.given.feature_map, x.astype(F32)
        if name == "elu1":
            negative = np.expm1(np.minimum(x, 0))
            negative = round_to(negative, self.dtype).astype(F32) if self.kernel.narrow else negative
            made = np.where(x > 0, x + F32(1), negative + F32(1))
        elif name == "exp":
            made = np.exp(x)
        elif name in TAYLOR:
            powers = [np.ones((*x.shape[:-1], 1), F32)]
            for m in range(1, degree(name) + 1):
                products = (powers[-1][..., :, None] * x[..., None, :]).reshape(*x.shape[:-1], x.shape[-1] ** m)
                powers.append(products / F32(np.sqrt(m)))
            made = np.concatenate(powers, axis=-1)
        else:
            made = features(name, x).astype(F32)
        return round_to(made, self.dtype).astype(F32) if self.kernel.narrow else made

    def _operand(self, x: Array) -> Array:
        return round_to(x, self.dtype).astype(F32) if self.kernel.operands else x

    def _stored(self, state: Array) -> Array:
        dtype = self.dtype if self.kernel.state == "input" else self.kernel.state
        return state if dtype is None else round_to(state, dtype).astype(F32)


def _factors(log_gate: Array) -> tuple[Array, Array]:
    """The gates from each step to each later one (B, H, t, s, F), 0 for earlier ones; and from the start, float32."""
    t, s = np.arange(log_gate.shape[2])[:, None], np.arange(log_gate.shape[2])[None, :]
    each = np.where((t > s)[..., None], log_gate[:, :, :, None, :], F32(0))
    within = np.where((t >= s)[..., None], np.exp(np.cumsum(each, axis=2, dtype=F32)), F32(0))
    return within, np.exp(np.cumsum(log_gate, axis=2, dtype=F32))
