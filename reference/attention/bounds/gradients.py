"""judge_gradients(problem, arithmetic): the exact gradients, and how far a correct backward pass may lie from each element.

A backward pass has its weights in one of two ways, and D with them: it computes them again from the logsumexp, as fused
kernels do, or it has saved them, as differentiation of a softmax does. Either has bounds of its own; a kernel that does not say
which it is gets the larger. No bound of a row needs another row, so rows are taken in blocks; dk and dv are summed over them.

The reference's own error is added. It is a share λ of the bound at hand where `own.own_share` says so (what is made here are
sums and products of slopes in its sense); else the same formulas say it for the reference's own arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import FLOAT8, REFERENCE, ROUNDOFF, SMALLEST_NORMAL, Arithmetic
from ...roundoff import gamma, lost_below
from ..gradients import Gradients, gradients
from ..inputs import DESCALES, Inputs, read
from ..scores import kv_head
from .backward_weights import backward_weights
from .blocks import blocks
from .facts import Facts, facts_of
from .flat import flat_bounds
from .gradient_scores import Downstream, Slope, score_gradients, slope_of
from .gradient_sums import Sum, grouped, keys_sum, queries_sum, settled, values_sum
from .logits import Logits, logit_errors, merges, product_errors
from .logsumexp import logsumexp_bound
from .output import output_bound
from .own import own_share
from .weights import Weights, weight_errors

__all__ = ["GradientJudgement", "judge_gradients"]

Array = NDArray[Any]
Three = tuple[Array, Array, Array]

DIVIDED_LATER = 4.0
"""γ_{n+4} of a reference that divides its weights is at most this times γ_{n+1} of a kernel that divides at the end."""


@dataclass(frozen=True, eq=False)
class GradientJudgement:
    """The exact gradients, and how far a correct backward pass may lie from them before it rounds to its output dtype.

    dq, dq_bound: float64 (B, Hq, Sq, D). dk, dk_bound: (B, Hkv, Sk, D). dv, dv_bound: (B, Hkv, Sk, Dv).
    A bound is inf where the declared arithmetic promises nothing (n·u ≥ 1, something on the way may overflow, a visible
    number is not finite), and where the gradient itself is not defined. It is 0 in dq of rows that see no key, and in dk and dv
    of keys that no query sees. It is never NaN. exact: all that the reference knows.
    """

    dq: Array
    dq_bound: Array
    dk: Array
    dk_bound: Array
    dv: Array
    dv_bound: Array
    exact: Gradients


def judge_gradients(
    dout: Any, q: Any, k: Any, v: Any, *, arithmetic: Arithmetic, dtype: str, **options: Any
) -> GradientJudgement:
    """The GradientJudgement of one backward pass.

    dout, q, k, v, options and conventions: as `gradients.gradients` takes them. dtype: name of the dtype of the inputs, which
    "input" stands for in the arithmetic. Raises ValueError as `gradients` does, for an unknown dtype, and for float8 inputs or
    descales, whose backward pass no kernel has settled.
    """
    if dtype not in ROUNDOFF:
        raise ValueError(f"unknown dtype {dtype!r}; the dtypes are {', '.join(ROUNDOFF)}")
    descaled = [name for name in DESCALES if options.get(name) is not None]
    if dtype in FLOAT8 or descaled:
        raise ValueError(f"no bound is derived for gradients of {descaled[0] if descaled else dtype}; judge the output alone")
    exact = gradients(dout, q, k, v, **options)
    given = read(q, k, v, **options)
    if arithmetic.u_block or arithmetic.u_block_values:  # what a backward pass does with quantised operands is not settled
        dq, dk, dv = (np.full(x.shape, np.inf) for x in (exact.dq, exact.dk, exact.dv))
        return GradientJudgement(exact.dq, dq, exact.dk, dk, exact.dv, dv, exact)
    with np.errstate(all="ignore"):
        flat = flat_bounds(q, k, v, attended=exact.attended, arithmetic=arithmetic, dtype=dtype, **options)[1]
        call = _Call(np.asarray(dout, dtype=np.float64), given, exact, dtype, {arithmetic: flat})
        bounds, share = call.bounds(arithmetic)
        own = tuple(share * bound for bound in bounds) if share is not None else call.bounds(REFERENCE)[0]
        total = tuple(_cleared(bound + more) for bound, more in zip(bounds, own, strict=True))
    dq, dk, dv = call.exactly_zero(total)
    return GradientJudgement(exact.dq, dq, exact.dk, dk, exact.dv, dv, exact)


def _cleared(bound: Array) -> Array:
    return np.where(np.isnan(bound), np.inf, bound)


@dataclass(eq=False, slots=True)
class _Sums:
    """What blocks of rows add up to. queries: one for each block; the others: of each query head, over all rows so far."""

    queries: list[Array]
    keys: Sum | None = None
    values: Sum | None = None


@dataclass(frozen=True, eq=False)
class _Call:
    dout: Array
    given: Inputs
    exact: Gradients
    dtype: str
    flat: dict[Arithmetic, Array]
    """Smaller bounds of the logsumexp of some rows, (B, Hq, Sq), inf for all others, by arithmetic."""

    def bounds(self, arithmetic: Arithmetic) -> tuple[Three, float | None]:
        """Bounds of dq, dk and dv for one arithmetic, and the reference's share of them, None where it has none."""
        ways = {"recomputed": (False,), "saved": (True,), "either": (False, True)}[arithmetic.backward_weights]
        sums, shares = [_Sums([]) for _ in ways], []
        for given, attended in blocks(self.given, self.exact.attended):
            facts = facts_of(given, attended)
            logits = logit_errors(facts, arithmetic, self.dtype)
            weights = weight_errors(facts, logits, arithmetic)
            shares.append(_share(facts, logits, weights, arithmetic))
            block = _block(self, given, facts, logits, weights, arithmetic)
            for saved, total in zip(ways, sums, strict=True):
                block.add_to(total, saved)
        found = [self._settled(total, arithmetic) for total in sums]
        largest = tuple(np.maximum.reduce(each) for each in zip(*found, strict=True))
        known = None if not shares or None in shares else max(share for share in shares if share is not None)
        dq, dk, dv = largest
        return (dq, dk, dv), known

    def _settled(self, sums: _Sums, arithmetic: Arithmetic) -> Three:
        exact, (hkv, sq) = self.exact, (self.given.k.shape[1], self.given.sq)
        dq = np.concatenate(sums.queries, axis=2) if sums.queries else np.zeros(exact.dq.shape)
        if sums.keys is None or sums.values is None:
            return dq, np.zeros(exact.dk.shape), np.zeros(exact.dv.shape)
        group = self.given.q.shape[1] // hkv
        many = -(-sq // arithmetic.gradient_tile) * group
        narrowed = self.narrowed(arithmetic)
        dk = settled(grouped(sums.keys, hkv), arithmetic, scale=self.scale, operands=narrowed, blocks=many)
        dk = self.stored(dk, exact.dk, arithmetic)
        dv = settled(grouped(sums.values, hkv), arithmetic, blocks=many)
        dk, dv = (_by_heads(*x, arithmetic, hkv) for x in ((dk, exact.dk_heads), (dv, exact.dv_heads)))
        return dq, dk, dv

    @property
    def scale(self) -> float:
        given = self.given
        return float(abs(given.q.shape[-1] ** -0.5 if given.scale is None else given.scale))

    def narrowed(self, arithmetic: Arithmetic) -> tuple[float, float]:
        """Roundings of an operand that was scaled beforehand."""
        return (1.0, ROUNDOFF[self.dtype]) if arithmetic.n_pre else (0.0, 0.0)

    def stored(self, error: Array, exact: Array, arithmetic: Arithmetic) -> Array:
        """The error of a gradient that is stored before it meets the scale, as that of an operand scaled beforehand is."""
        if not arithmetic.n_pre:
            return error
        _, lost = lost_below(self.dtype, arithmetic.least)
        return error + ROUNDOFF[self.dtype] * (np.abs(exact) + error) + lost * max(1.0, self.scale)

    def exactly_zero(self, bounds: tuple[Array, ...]) -> Three:
        """The bounds, with inf where a gradient is not defined and 0 where nothing is attended to."""
        seen: Array = self.exact.attended.visible
        hkv = self.given.k.shape[1]
        batch, heads, _, keys = seen.shape
        dq, dk, dv = (
            np.where(np.isfinite(x), bound, np.inf)
            for x, bound in zip((self.exact.dq, self.exact.dk, self.exact.dv), bounds, strict=True)
        )
        idle = ~seen.any(-1, keepdims=True)
        unseen: Array = np.logical_not(seen.any(2).reshape(batch, hkv, heads // hkv, keys, 1).any(2))
        mean = self.given.empty_rows == "mean" and bool(np.isneginf(self.exact.attended.lse).any())
        dq = np.where(idle & np.isfinite(self.exact.dq), 0.0, dq)
        dk = np.where(unseen & np.isfinite(self.exact.dk), 0.0, dk)
        return dq, dk, dv if mean else np.where(unseen & np.isfinite(self.exact.dv), 0.0, dv)


@dataclass(frozen=True, eq=False)
class _Block:
    """Some rows of a call, with all that does not depend on where the weights come from.

    key: (B, Hq, Sk, D), finite. out_bound, lse_bound: of the forward pass, inf where there is none. at: which rows.
    """

    call: _Call
    facts: Facts
    logits: Logits
    weights: Weights
    arithmetic: Arithmetic
    at: slice
    query: Array
    key: Array
    out_bound: Array
    lse_bound: Array
    made: Downstream
    slope: Slope | None

    def add_to(self, sums: _Sums, saved: bool) -> None:
        call, facts, arithmetic = self.call, self.facts, self.arithmetic
        weights = backward_weights(facts, self.logits, self.weights, self.lse_bound, arithmetic, saved)
        found = score_gradients(facts, self.made, weights, self.slope, self.out_bound, arithmetic, call.dtype, saved)
        lost, read = self._lost()
        blocks = -(-self.key.shape[2] // arithmetic.gradient_tile)
        total = queries_sum(found, self.key, lost, facts)
        dq = settled(total, arithmetic, scale=call.scale, operands=call.narrowed(arithmetic), blocks=blocks)
        exact = call.exact.dq[:, :, self.at]
        dq = dq * (1 + weights.shared) + weights.shared * np.abs(exact)
        sums.queries.append(call.stored(dq, exact, arithmetic))
        keys = keys_sum(found, weights, self.query, lost, facts)
        values = values_sum(weights, self.made.dout, read, facts)
        sums.keys = keys if sums.keys is None else sums.keys + keys
        sums.values = values if sums.values is None else sums.values + values

    def _lost(self) -> tuple[float, float]:
        """What underflows of an entry of q or k, as scaled beforehand or read, and of one of dO, as read."""
        dtype, least = self.call.dtype, self.arithmetic.least
        read = least if SMALLEST_NORMAL[dtype] <= least else 0.0
        if not self.arithmetic.n_pre:
            return read, read
        scale = self.call.scale or 1.0
        return max(read, lost_below(dtype, least)[1] / min(1.0, scale)), read


def _block(call: _Call, given: Inputs, facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic) -> _Block:
    """What the rows of `given` bring along."""
    rows = given.rows
    at = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
    key = given.k[:, kv_head(given.q.shape[1], given.k.shape[1])]
    key = np.where(np.isfinite(key), key, 0.0)
    idle = facts.count == 0 if facts.seen is None else ~facts.seen.any(-1, keepdims=True)
    dout = np.where(facts.count == 0, 0.0, call.dout[:, :, at])
    exact, slope = call.exact, None
    if given.softcap is not None:
        raw = call.scale * (given.q @ key.swapaxes(-1, -2))
        slope = slope_of(raw, product_errors(facts, arithmetic, call.dtype), given.softcap, arithmetic)
    products = np.abs(dout) @ facts.values.swapaxes(-1, -2)
    made = Downstream(dout, exact.dp[:, :, at], exact.delta[:, :, at], products)
    out, lse = _forward(facts, logits, weights, arithmetic)
    if arithmetic in call.flat:
        lse = np.minimum(lse, call.flat[arithmetic][:, :, at])
    query = np.where(idle, 0.0, given.q)
    return _Block(call, facts, logits, weights, arithmetic, at, query, key, out, lse, made, slope)


def _forward(facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """Bounds of output and logsumexp, inf where there are none."""
    out = output_bound(facts, weights, arithmetic)
    lse = logsumexp_bound(facts, logits, weights, arithmetic)
    if logits.overflow is not None:
        out, lse = np.where(logits.overflow, np.inf, out), np.where(logits.overflow[..., 0], np.inf, lse)
    if facts.spoiled is not None:
        out = np.where(facts.spoiled, np.inf, out)
    return _cleared(out), _cleared(lse)


def _share(facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic) -> float | None:
    """The share λ of the reference's own error; None for a softcap, whose slope is no slope in the sense of `own`."""
    if facts.softcap is not None or arithmetic.backward_weights == "saved":
        return None
    later = arithmetic.weights_rounded == "before" and not merges(facts, arithmetic)
    share = own_share(facts, logits, weights, replace(arithmetic, weights_rounded="either"))
    return None if share is None else share * (DIVIDED_LATER if later else 1.0)


def _by_heads(error: Array, heads: Array, arithmetic: Arithmetic, hkv: int) -> Array:
    """The error of a sum over a group whose members are stored first. heads: the exact members, (B, Hq, Sk, …)."""
    low, group = arithmetic.stored_head_gradients, heads.shape[1] // hkv
    if low is None or group == 1:
        return error
    size = np.abs(heads).reshape(heads.shape[0], hkv, group, *heads.shape[2:]).sum(2) + error
    _, lost = lost_below(low, arithmetic.least)
    total: Array = error + gamma(max(group - 1, 1), ROUNDOFF[low]) * size + group * lost
    return total
