"""How each step of linear attention may round, from a declared arithmetic: features, gates, sums, operands, underflow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import LARGEST, ROUNDOFF, Arithmetic
from ..roundoff import DIVIDE, compounded, gamma, lost_below
from .features import TAYLOR, degree

__all__ = ["Roundings", "feature_error"]

Array = NDArray[Any]

STEPS = 12
"""On a term of a sum, besides the additions: its products (key by value, query by that; or query by key, that by value), the
scale twice, a decay on the query and on the key, a product with beta, and the sums of what came before and of its own chunk."""

PER_GATE = 3
"""On a factor of the state: its logarithm's product with log2 e, the product of the state with it, and one more where it is
split."""

LOST = 8
"""Products in which one term may be lost below the smallest number, at most."""


@dataclass(frozen=True)
class Roundings:
    """The facts of one arithmetic for one call. features: Dφ. gated, mapped: whether anything decays, whether φ is not x
    itself.

    decayed: whether a decay is given, of which kernels take the logarithm. delta: whether the delta rule applies.
    dtype: of the inputs. scale: of what rows read.
    """

    arithmetic: Arithmetic
    features: int
    gated: bool
    mapped: bool
    decayed: bool
    delta: bool
    dtype: str
    scale: float

    @property
    def scaled(self) -> int:
        """Operands that are scaled and rounded beforehand. The root of a power of four is exact, if both are."""
        pre = self.arithmetic.n_pre
        exact = self.scale > 0 and math.frexp(math.sqrt(self.scale))[0] == 0.5
        return 0 if pre == 2 and exact else pre

    @property
    def u(self) -> float:
        return self.arithmetic.u_acc

    def term(self, steps: Any, *, read: bool = True) -> Any:
        """The relative error of a term of a sum over so many steps and all features, before its gates.

        read: whether a row reads it, which takes rounded features of the query, and a rounded state or score.
        """
        a = self.arithmetic
        changed = self.mapped or self.gated or self.delta
        operands = changed + (self.gated or self.delta) + (1 + changed if read else 0)
        beforehand = (self.scaled if read else 0, ROUNDOFF[self.dtype])
        stored = compounded((operands, _roundoff(a.stored_weights)), (6, a.u_operand), beforehand)
        sums = gamma(np.asarray(steps) + self.features + STEPS, self.u)
        return (1 + sums) * (1 + stored) - 1

    @property
    def step(self) -> float:
        """The relative error that one more step puts on what stands in the state."""
        a = self.arithmetic
        gate = ((1, a.u_exp), (PER_GATE, self.u)) if self.gated else ()
        logarithm = ((1, a.u_log),) if self.decayed else ()
        return compounded(*gate, *logarithm, (1, self.state))

    @property
    def state(self) -> float:
        """The unit roundoff to which a state is stored, 0 where it is not."""
        return _roundoff(self.arithmetic.stored_state)

    def exponent(self, steps: Any, size: Array) -> Array:
        """What sums of log gates may do to a factor, relatively: `size` is the sum of |log g| over all steps up to a row.

        Kernels take differences of two running sums, each of at most so many steps.
        """
        if not self.gated:
            return np.zeros_like(size)
        with np.errstate(over="ignore"):
            error: Array = np.expm1(2 * gamma(np.asarray(steps) + 2, self.u) * size)
            return error

    @property
    def lost(self) -> float:
        """The most that a product may lose, absolutely, below the smallest number."""
        a = self.arithmetic
        held = (a.stored_weights, a.features_in, a.stored_state, self.dtype if self.scaled else None)
        named = [dtype for dtype in held if dtype is not None]
        return LOST * max([a.least, *(lost_below(dtype, a.least)[1] for dtype in named)])

    @property
    def largest(self) -> float:
        """The largest number that an intermediate result may be."""
        a = self.arithmetic
        named = [dtype for dtype in (a.stored_weights, a.features_in, a.stored_state) if dtype is not None]
        return min([a.largest, *(LARGEST[dtype] for dtype in named)]) / 4

    @property
    def division(self) -> float:
        return compounded((DIVIDE, self.u))


def feature_error(name: str, x: Array, phi: Array, arithmetic: Arithmetic) -> Array:
    """How far a computed feature may lie from φ(x), float64 (…, Dφ), before it is rounded as an operand.

    elu + 1 of a negative x is often computed as expm1(x) + 1, whose error is that of a number near −1.
    A Taylor map may be computed as powers of q·k instead: what that is off by is shared out among the features.
    """
    if name in ("identity", "relu"):
        return np.zeros_like(phi)
    u = max(arithmetic.u_acc, _roundoff(arithmetic.features_in))
    if name == "elu1":
        return np.where(x > 0, u * phi, 2 * arithmetic.u_exp + 3 * u)
    if name == "exp":
        return phi * compounded((1, arithmetic.u_exp), (2, u)) + arithmetic.least
    assert name in TAYLOR
    n, narrow = degree(name), _roundoff(arithmetic.features_in)
    return np.abs(phi) * compounded((n * (x.shape[-1] + 3), arithmetic.u_acc), (2 * n, narrow)) + arithmetic.least


def _roundoff(dtype: str | None) -> float:
    return 0.0 if dtype is None else ROUNDOFF[dtype]
