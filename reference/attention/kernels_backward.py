"""Correct backward passes of many kinds, simulated rounding by rounding: what no law and no bound of gradients may ever fail.

Each takes what the forward pass of one of `kernels.KERNELS` leaves behind, computes in float32 and rounds where its declared
arithmetic says: by differentiation of a softmax whose weights are saved, or in blocks with weights computed again from the
logsumexp; with scores and weights stored low; with dq, dk and dv gathered in the input dtype; with the heads of a group stored
before they are added. What they may see is taken from the reference: they are about rounding alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arithmetic import Arithmetic, arithmetic_for
from ..rounding import DTYPES
from .kernels import KERNELS, LOG2E, NEVER, F, Kernel, declared_of, low, product, run, scores_in
from .textbook import attention

__all__ = ["BACKWARDS", "Backward", "arithmetic_of_backward", "as_backward"]


@dataclass(frozen=True)
class Backward:
    """How a simulated backward pass computes. forward: name of its forward kernel.

    tile: queries and keys of a block. saved: weights are those of the forward pass, and D is summed over them.
    narrow: dq, dk and dv are gathered in the input dtype. heads_stored: dk and dv of each query head are rounded before those
    of a group are added. apart: P·dP and P·D are formed first and then subtracted. declared: fields beyond the forward's.
    """

    forward: str
    tile: int = NEVER
    saved: bool = False
    narrow: bool = False
    heads_stored: bool = False
    apart: bool = False
    declared: dict[str, Any] = field(default_factory=dict)


SAVED = {"backward_weights": "saved"}
AGAIN = {"backward_weights": "recomputed", "stored_head_gradients": None}
BACKWARDS = {
    "differentiated": Backward("naive", saved=True, heads_stored=True, declared=SAVED),
    "differentiated, undeclared": Backward("naive, undeclared", saved=True, heads_stored=True, apart=True),
    "differentiated, scores stored low": Backward("scores stored low", saved=True, heads_stored=True, declared=SAVED),
    "differentiated, scores stored low, scaled late": Backward(
        "scores stored low, scaled late", saved=True, heads_stored=True, apart=True, declared=SAVED
    ),
    "flash 16": Backward("flash 16", 16, declared=AGAIN),
    "flash 64": Backward("flash 64 backwards", 64, declared=AGAIN),
    "flash 16, undeclared": Backward("flash 16, undeclared", 16, heads_stored=True),
    "flash base two": Backward("flash base two", 32, apart=True, declared=AGAIN),
    "flash, rounded row sum": Backward("flash, rounded row sum", 16, declared=AGAIN),
    "flash, prescaled": Backward("flash, prescaled", 32, declared=AGAIN),
    "flash, heads stored": Backward("flash 16", 16, heads_stored=True, declared={**AGAIN, "stored_head_gradients": "input"}),
    "flash, gradients in the input dtype": Backward(
        "flash 16", 16, narrow=True, declared={**AGAIN, "gradients_in": "input", "gradient_tile": 16}
    ),
    "split 4": Backward("split 4", 16, declared=AGAIN),
    "matrix unit": Backward("matrix unit", 16, declared=AGAIN),
    "tf32": Backward("tf32", 16, declared=AGAIN),
}


def arithmetic_of_backward(backward: Backward, dtype: str) -> Arithmetic:
    """What the backward pass and its forward kernel declare in a dtype."""
    return arithmetic_for({**declared_of(KERNELS[backward.forward], dtype), **backward.declared}, dtype)


def as_backward(backward: Backward) -> Callable[..., Any]:
    """A backward pass as a plain function on NumPy arrays: (dout, q, k, v, **options) → (dq, dk, dv) in the dtype of q.

    It takes the options and conventions of `textbook.attention` but rows, descales, a drawn dropout (dropout_keep must be given
    with dropout_p), and empty rows other than zeros. Raises ValueError for arrays that do not fit together, as the reference
    does.
    """

    def differentiate(dout: Any, q: Any, k: Any, v: Any, **options: Any) -> Any:
        seen = attention(q, k, v, **options).visible
        dtype, group = q.dtype.name, q.shape[1] // k.shape[1]
        with np.errstate(all="ignore"):
            made = _Pass(backward, KERNELS[backward.forward], dout, q, k, v, dtype, seen, options)
            dq, dk, dv = made.differentiate()
            if backward.heads_stored and dtype != "float32":
                dk, dv = low(dk, dtype), low(dv, dtype)
            dk, dv = (x.reshape(x.shape[0], -1, group, *x.shape[2:]).sum(2, dtype=F) for x in (dk, dv))
        return tuple(x.astype(DTYPES[dtype]) for x in (dq, dk, dv))

    return differentiate


class _Pass:
    """One call. Arrays are float32, keys and values those of the query heads, 0 where not finite."""

    def __init__(
        self, how: Backward, kernel: Kernel, dout: Any, q: Any, k: Any, v: Any, dtype: str, seen: Any, options: dict[str, Any]
    ) -> None:
        keys, values = (np.where(np.isfinite(x.astype(F)), x, 0).astype(x.dtype) for x in (k, v))
        out, lse = run(kernel, q, keys, values, dtype, seen, options)
        group = q.shape[1] // k.shape[1]
        self.how, self.kernel, self.dtype, self.seen, self.options = how, kernel, dtype, seen, options
        self.dout, self.q = dout.astype(F), q.astype(F)
        self.k, self.v = (np.repeat(x.astype(F), group, 1) for x in (keys, values))
        self.out, self.lse = out.astype(F), lse.astype(F)[..., None]
        self.scale = F(1 / np.sqrt(q.shape[-1]) if options.get("scale") is None else options["scale"])
        keep = options.get("dropout_keep")
        self.share = None if keep is None else np.where(keep, F(1) / F(1 - options["dropout_p"]), F(0))
        self.scores = scores_in(kernel, self.q, self.k, dtype, options)
        self.narrow_weights = dtype != "float32"

    def differentiate(self) -> Any:
        """dq, dk and dv of each query head."""
        weights = self._saved() if self.how.saved else self._recomputed()
        met = weights if self.share is None else self._kept(weights * self.share)
        met = low(met, self.dtype) if self.narrow_weights else met
        dp = self._kept(product(self.kernel, self.dout, self.v.swapaxes(-1, -2)))
        dp = dp if self.share is None else self._kept(dp * self.share)
        delta = (weights * dp if self.how.saved else self.dout * self.out).sum(-1, keepdims=True, dtype=F)
        delta = self._stored(delta) if self.how.apart else delta
        if self.how.apart:
            ds = self._stored(self._stored(weights * dp) - self._stored(weights * delta))
        else:
            ds = self._stored(weights * (dp - delta))
        dx = np.where(self.seen, self._capped(ds), F(0))
        return self._gathered(dx, np.where(self.seen, met, F(0)))

    def _stored(self, x: Any) -> Any:
        return low(x, self.dtype) if self.kernel.stored else x.astype(F)

    def _kept(self, x: Any) -> Any:
        """What differentiation hands over in the dtype of the weights it saved."""
        return low(x, self.dtype) if self.how.saved and self.narrow_weights else x.astype(F)

    def _saved(self) -> Any:
        """The weights that the forward pass divided and rounded."""
        scores, sinks = np.where(self.seen, self.scores, F(-np.inf)), self.options.get("sinks")
        sink = np.full((1, scores.shape[1], 1, 1), -np.inf, F) if sinks is None else sinks.astype(F)[None, :, None, None]
        top = np.maximum(scores.max(-1, keepdims=True, initial=-np.inf), sink)
        base = np.where(np.isneginf(top), F(0), top)
        odds = np.exp(scores - base)
        total = odds.sum(-1, keepdims=True, dtype=F) + np.exp(sink - base)
        return self._kept(odds / np.where(total == 0, F(1), total))

    def _recomputed(self) -> Any:
        base = np.where(np.isneginf(self.lse), F(0), self.lse)
        scores = np.where(self.seen, self.scores, F(-np.inf))
        if self.kernel.base_two:
            return np.exp2(scores * LOG2E - base * LOG2E)
        return np.exp(scores - base)

    def _capped(self, ds: Any) -> Any:
        cap = self.options.get("softcap")
        if cap is None:
            return ds
        raw = scores_in(self.kernel, self.q, self.k, self.dtype, {"scale": self.options.get("scale")})
        tanh = self._stored(np.tanh(self._stored(raw / F(cap))))
        return self._stored(self._stored(self._stored(ds * F(cap)) * self._stored(F(1) - self._stored(tanh * tanh))) / F(cap))

    def _gathered(self, dx: Any, met: Any) -> Any:
        """dq, dk and dv block by block, with the scale where the forward pass has it."""
        q, k, before, after_q, after_k = self._operands()
        dx = self._stored(dx * before) if before != 1 else dx
        dx = low(dx, self.dtype) if self.narrow_weights else dx
        across, down = (self._blocks(dx.shape[axis]) for axis in (-1, -2))
        flipped, weighed = dx.swapaxes(-1, -2), met.swapaxes(-1, -2)
        dq = self._sum([product(self.kernel, dx[..., at], k[:, :, at]) for at in across], self.q.shape) * after_q
        dk = self._sum([product(self.kernel, flipped[..., at], q[:, :, at]) for at in down], self.k.shape) * after_k
        dv = self._sum([product(self.kernel, weighed[..., at], self.dout[:, :, at]) for at in down], self.v.shape)
        return dq.astype(F), dk.astype(F), dv

    def _operands(self) -> tuple[Any, Any, Any, Any, Any]:
        """q and k as they meet dx, and what dx, dq and dk are multiplied by."""
        one = F(1)
        if self.kernel.prescaled == 1:  # q·scale was rounded, so dk has its scale and dq has not.
            return low(self.q * self.scale, self.dtype), self.k, one, self.scale, one
        if self.kernel.prescaled == 2:
            root, sign = np.sqrt(np.abs(self.scale)), np.sign(self.scale)
            return low(self.q * (sign * root), self.dtype), low(self.k * root, self.dtype), one, sign * root, root
        if self.how.saved:
            return self.q, self.k, self.scale, one, one
        return self.q, self.k, one, self.scale, self.scale

    def _blocks(self, count: int) -> list[slice]:
        return [slice(start, start + self.how.tile) for start in range(0, count, self.how.tile)]

    def _sum(self, parts: list[Any], shape: Any) -> Any:
        total = np.zeros(shape, F)
        for part in parts:
            total = total + (low(part, self.dtype) if self.how.narrow else part)
            total = low(total, self.dtype) if self.how.narrow else total
        return total
