"""Score tests: signed estimates of systematic errors, far below what a bound on single elements can see.

A scale that is 0.1 % too large moves no bfloat16 output past its bound, but it moves all of them in one known direction g. So
the error of an output is projected on it, β = <err, g> / <g, g>, as a matched filter does: β estimates the size of that
mistake with its sign, and the roundings of a correct kernel leave it at 0 but for a scatter that `variance` predicts.

A test rejects where |β| − κ > λ·scatter. λ = sqrt(2 ln(2n/δ)) for n estimates made at once, so a correct kernel is rejected
with a chance of at most δ = 1e-6 a problem (each rounding lies in a known interval, hence Hoeffding). κ is the size of effect
that a correct kernel may have: an exponential and a long sum may be off the same way each time (2·u_exp + 64·u_acc), and so
may, a little, the rounding of weights (the larger of 0.02·u_p and u_p², for gain and scale alone). Declared roundings that
cannot be random add to it: operands or scores of few bits times one constant (`leaning`), and errors of scores whose squares
count (`second`).

For one direction the scatter is exact within the model: the error that the weight of key j makes in row i enters <err, g> as
M_ij = p_ij (v_j − o_i)·g_i, one number for all features, so squares of M_ij are summed, and not of its features one by one.
Errors that may repeat in every row are summed over the rows first, and scatter by the random signs of V alone.

Only for data that the kit drew at random, with V of random signs. C. R. Rao, Proc. Camb. Phil. Soc. 44 (1948), for score tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import FLOAT8, ROUNDOFF, Arithmetic
from ...rounding import unit_in_last_place
from ..inputs import Inputs, descaled, read
from ..scores import kv_head
from ..textbook import Attended
from .facts import Facts, facts_of
from .variance import Variance, element_variance, variance_of, weighted_spread

__all__ = [
    "CHANCE",
    "Estimate",
    "Noise",
    "Residual",
    "along",
    "gain",
    "mixing",
    "mixing_rows",
    "noise_of",
    "operand_scatter",
    "quantile",
    "scale",
]

Array = NDArray[Any]

CHANCE = 1e-6
"""δ: the chance that a correct kernel is rejected on one problem."""


ALONE = 8.0
"""Units roundoff that the other keys of a row weigh together, at least, for its output to be rounded at random."""

ALONE_IN_FLOAT8 = 2.0
"""The same for float8 inputs, whose output is of another dtype, and in units of their own: a largest weight that lies nearer to
1 than the next number below 1 may be rounded up to it each time."""

LOOSE = 0.25
"""What the scores of a row may be off by in the mean for an estimate of first order to say something about it."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """value ± quantile·scatter, give or take `allowed`, the size that a correct kernel may have; all of one shape.

    Where nothing can be estimated (no row sees the key) value is 0 and scatter inf.
    """

    value: Array
    scatter: Array
    allowed: Array

    @property
    def room(self) -> Array:
        """How far a correct kernel's estimate may lie from 0."""
        return np.asarray(quantile(self.value.size) * self.scatter + self.allowed)


def quantile(tests: int, chance: float = CHANCE) -> float:
    """λ: a sum of bounded independent errors passes λ times its scatter in one of several tests with at most this chance."""
    return math.sqrt(2 * math.log(2 * max(tests, 1) / chance))


def mixing_rows(weights: Array, dtype: str) -> Array:
    """Rows in which no key has all the weight, (B, Hq, R, 1).

    Where one has, the output lies within a few units of a value that is itself a number of the dtype, and is rounded to it,
    always to the same side: that rounding is not random.
    """
    others = (ALONE_IN_FLOAT8 if dtype in FLOAT8 else ALONE) * ROUNDOFF[dtype]
    mixed: Array = np.max(weights, axis=-1, keepdims=True, initial=0.0) < 1 - others
    return mixed


@dataclass(frozen=True, eq=False)
class Noise:
    """What roundings may do to the output of one call under one arithmetic."""

    given: Inputs
    facts: Facts
    arithmetic: Arithmetic
    dtype: str
    variance: Variance

    @cached_property
    def second(self) -> Array:
        """Mean square of what a row's scores may be off by, (B, Hq, R, 1): what a first-order estimate leaves out."""
        parts = self.variance
        return np.asarray(
            (self.facts.weights * (parts.logits + parts.column + parts.systematic**2)).sum(-1, keepdims=True) + parts.row
        )

    @cached_property
    def live(self) -> Array:
        """Rows that take part, bool (B, Hq, R, 1): those that mix keys, and whose scores are not lost in roundings."""
        return np.asarray(mixing_rows(self.facts.weights, self.dtype) & ~self.facts.empty & (self.second < LOOSE**2))

    @cached_property
    def weights(self) -> Array:
        """p, 0 in rows that take no part, (B, Hq, R, Sk)."""
        return self.facts.weights * self.live

    @cached_property
    def elements(self) -> Array:
        """V of each output, (B, Hq, R, Dv)."""
        return element_variance(self.facts, self.variance) * (self.own * self.live)

    @cached_property
    def repeated(self) -> Array:
        """The square of what errors that repeat make of each output, V having random signs, (B, Hq, R, Dv)."""
        return weighted_spread((self.weights * self.variance.systematic) ** 2, self.facts) + self.narrowed

    @cached_property
    def narrowed(self) -> Array:
        """The part of `repeated` that is values rounded on their way into the multiplier: v, not v − o, and each on its own."""
        narrow = self.arithmetic.u_operand
        return weighted_spread((narrow * self.weights) ** 2, self.facts, about_zero=True) if narrow else np.zeros((1, 1, 1, 1))

    @property
    def own(self) -> float:
        """What V grows by because the reference rounds too, in float64."""
        return 1 + (ROUNDOFF["float64"] / self.arithmetic.u_acc) ** 2

    @property
    def effect(self) -> float:
        """κ but for the rounding of weights. A u_acc that is no unit roundoff to nearest may be that of truncation, and in sums
        of few bits terms that are much smaller than the sum are all rounded the same way.
        """
        u = self.arithmetic.u_acc
        random = u in ROUNDOFF.values() and u <= ROUNDOFF["float32"]
        long = 64.0 if random else 64.0 + float(np.max(self.facts.count, initial=0.0))
        return 2 * self.arithmetic.u_exp + long * u

    @property
    def rounding_effect(self) -> float:
        """The bias that rounding weights to nearest may have.

        In cells of width 2u, relative, numbers whose density has the logarithmic slope s are rounded off by s·u²/3 on average.
        For s up to 3 that is u², which is more than 0.02·u where u is that of a float8 dtype.
        """
        stored = self.arithmetic.stored_weights
        unit = max(ROUNDOFF[stored] if stored else 0.0, self.arithmetic.u_operand)
        return max(0.02 * unit, unit**2)

    @cached_property
    def tilted(self) -> Array:
        """t = scale·q·k, the part of a score that grows with the scale, 0 where no weight is, (B, Hq, R, Sk)."""
        given = self.given
        key = given.k[:, kv_head(given.q.shape[1], given.k.shape[1])]
        signed = 1 / math.sqrt(given.q.shape[-1]) if given.scale is None else given.scale
        return np.where(self.weights > 0, signed * (given.q @ key.swapaxes(-1, -2)), 0.0)

    @cached_property
    def tilt(self) -> Array:
        """do/dlog(scale) = Σ p (t − Σ p t) v, (B, Hq, R, Dv)."""
        p, t = self.weights, self.tilted
        return np.asarray((p * (t - (p * t).sum(-1, keepdims=True))) @ self.facts.signed)

    @property
    def lean(self) -> float:
        """How far a scale may be off, relative, where numbers of few bits are multiplied by one constant; else 0.

        Their roundings are not random: there are 128 significands of bfloat16, and for a constant just below a power of two all
        products are rounded the same way.
        """
        stored = self.arithmetic.stored_scores
        return self.arithmetic.n_pre * ROUNDOFF[self.dtype] + (ROUNDOFF[stored] if stored else 0.0)

    @cached_property
    def leaning(self) -> Array | None:
        """What a scale that is off by `lean` makes of the output, or None where none may be."""
        return self.lean * self.tilt if self.lean else None

    def keys(self, x: Array) -> Array:
        """(B, Hq, Sk, …) summed over the query heads of each key head, (B, Hkv, Sk, …)."""
        hkv = self.given.k.shape[1]
        return np.asarray(x.reshape(x.shape[0], hkv, -1, *x.shape[2:]).sum(2))


def noise_of(q: Any, k: Any, v: Any, *, attended: Attended, arithmetic: Arithmetic, dtype: str, **options: Any) -> Noise:
    """The Noise of one call of attention: arguments and options as `judge` takes them, attended: the exact answer.

    Raises ValueError for softcap, sinks and dropout, whose roundings `variance` does not carry.
    """
    given = read(q, k, v, **options)
    for name, there in (("softcap", given.softcap), ("sinks", given.sinks), ("dropout_p", given.dropout_p or None)):
        if there is not None:
            raise ValueError(f"score tests do not carry {name}; leave it out")
    with np.errstate(all="ignore"):
        facts, given = facts_of(given, attended), descaled(given)
        return Noise(given, facts, arithmetic, dtype, variance_of(given, facts, arithmetic, dtype))


@dataclass(frozen=True, eq=False)
class Residual:
    """The error of an output, (B, Hq, R, Dv), and the half ulp that storing it may cost; 0 in rows that take no part."""

    noise: Noise
    error: Array
    stored: Array

    @classmethod
    def of(cls, noise: Noise, out: Array) -> Residual:
        """out: what a kernel gave, (B, Hq, R, Dv) in its own dtype."""
        exact, live = noise.facts.out, noise.live
        with np.errstate(all="ignore"):
            error = np.where(live, out.astype(np.float64) - exact, 0.0)
        return cls(noise, error, np.where(live, unit_in_last_place(exact, str(out.dtype)) / 2, 0.0))


def along(r: Residual, direction: Array, allowed: float) -> Estimate:
    """β along one direction (B, Hq, R, Dv); a scalar."""
    noise, facts, parts = r.noise, r.noise.facts, r.noise.variance
    g = direction * noise.live
    size = float((g * g).sum())
    if size == 0:
        return Estimate(np.array(0.0), np.array(np.inf), np.array(allowed))
    value = float((r.error * g).sum()) / size
    met = g @ facts.signed.swapaxes(-1, -2)
    level = (g * facts.out).sum(-1, keepdims=True)
    influence = noise.weights * (met - level)
    ways = [float(((parts.rounded * (met if one_sided else met - level)) ** 2).sum()) for one_sided in parts.one_sided]
    square = max(ways) + float((parts.logits * influence**2).sum() + (parts.common * level**2).sum())
    square += float((g * g * parts.accumulated).sum()) + operand_scatter(noise, influence)
    square = noise.own * square + float(((g * r.stored) ** 2).sum()) + _repeated(noise, np.abs(g))
    allowed += float((g * g * noise.second).sum()) / size
    if noise.leaning is not None:
        allowed += abs(float((noise.leaning * g).sum())) / size
    return Estimate(np.array(value), np.array(math.sqrt(square) / size), np.array(allowed))


def gain(r: Residual) -> Estimate:
    """How much too large the output is as a whole, relative: g = o."""
    return along(r, r.noise.facts.out, r.noise.effect + r.noise.rounding_effect)


def scale(r: Residual) -> Estimate:
    """How much too large the scale of q·k is, relative: g = do/dlog(scale)."""
    return along(r, r.noise.tilt, r.noise.effect + r.noise.rounding_effect)


def mixing(r: Residual) -> Estimate:
    """Which share of the output is the plain mean of the visible values instead of the weighted one: g = mean − o."""
    facts = r.noise.facts
    seen = np.broadcast_to(1.0, facts.weights.shape) if facts.seen is None else facts.seen.astype(np.float64)
    return along(r, seen @ facts.signed / np.maximum(facts.count, 1) - facts.out, r.noise.effect)


def operand_scatter(noise: Noise, influence: Array) -> float:
    """Square of the scatter by queries and keys that are rounded again: each of their entries moves many scores at once.

    influence: what the error of a score does to the estimate, (B, Hq, R, Sk).
    """
    blocks = noise.arithmetic.u_block
    if not noise.variance.operands and not blocks:
        return 0.0
    given = noise.given
    key = given.k[:, kv_head(given.q.shape[1], given.k.shape[1])]
    by_query = float(((given.q * (influence @ key)) ** 2).sum())
    by_key = float(((given.k * noise.keys(influence.swapaxes(-1, -2) @ given.q)) ** 2).sum())
    moved = max(by_query, by_key) if noise.variance.one_operand else by_query + by_key
    scattered = noise.variance.operands * moved
    if blocks:
        key, _, largest_key = noise.facts.columns.centred
        queried = (noise.facts.columns.largest_query * (influence @ key)) ** 2
        keyed = (largest_key * np.abs(influence).swapaxes(-1, -2) @ np.abs(given.q)) ** 2
        scattered += blocks**2 * (float(queried.sum()) + float(noise.keys(keyed).sum()))
    return scattered * noise.facts.scale**2


def _repeated(noise: Noise, size: Array) -> float:
    """Scatter by errors of weights that all rows may share, each value's sign being random."""
    again = np.hypot(noise.variance.systematic, noise.arithmetic.u_operand)
    pushed = noise.keys((noise.weights * again).swapaxes(-1, -2) @ size)
    v = np.where(np.isfinite(noise.given.v), noise.given.v, 0.0)
    return float(((v * pushed) ** 2).sum())
