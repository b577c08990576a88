"""How far linear attention may lie from exact in a declared arithmetic, in whatever order it is evaluated.

Unrolled, what a row reads is a sum of terms φ(q)_f · (Π g) · φ(k_s)_f · u_s, with u = v. In the parallel, the recurrent and the
chunked form each term passes through the same kinds of roundings, and each is a factor (1 + δ): those of its products and sums
(`Roundings.term`), those of each step that it has stood in the state (`Roundings.step`), and those of its exponent
(`Roundings.exponent`). So the error is at most the same sum over absolute values with every factor at its largest, M⁺, less the
plain sum over absolute values, M. Both obey the recurrence, and are run beside it.

The delta rule is the same sum with corrected values u_t = β_t (v_t − (g_t S_{t−1})ᵀφ(k_t)), whether these come one by one or
as the solution of a triangular system by substitution. Let Q be the exact sum over the *computed* values û. Then û_t differs
from β_t (v_t − (g_t Q_{t−1})ᵀφ(k_t)) by at most ρ_t = |β_t| · (the same difference of inflated and plain sums, read by the
key), so Q_t − S_t = (I − β_t φ(k_t) φ(k_t)ᵀ) g_t (Q_{t−1} − S_{t−1}) + φ(k_t) ρ_t: rounding is injected along
keys and then forgotten as the state forgets. Its 2-norm, one number a value feature, is bounded by
e_t = ‖I − βφφᵀ‖₂ max g_t e_{t−1} + ‖φ‖ ρ_t.

A normalised output is a quotient N / Z: |N̂/Ẑ − N/Z| ≤ (E_N + |N/Z| E_Z) / (|Z| − E_Z), and nothing is promised where |Z| ≤ E_Z.
Products below the smallest number are lost absolutely; nothing is promised of rows that may meet a number which is too large.

Every bound here is a polynomial in the roundoffs with coefficients of one sign, or a convex function of such, and 0 where all
of them are 0. So with roundoffs that are λ ≤ 1 times as large it is at most λ times as large: what the float64 reference adds
to a bound need not be run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import LARGEST, REFERENCE, Arithmetic
from .features import features
from .growth import Growth, History
from .reading import Linear, State, joined, read
from .recurrent import linear_attention
from .rounding import Roundings, feature_error

__all__ = ["LinearJudgement", "judge_linear"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class LinearJudgement:
    """out (B, H, Sq, Dv), state (B, H, Dφ, Dv) and normalizer (B, H, Dφ), exact, each with its bound before output rounding."""

    out: Array
    out_bound: Array
    state: Array
    state_bound: Array
    normalizer: Array
    normalizer_bound: Array


def judge_linear(
    q: Any, k: Any, v: Any, *, arithmetic: Arithmetic, dtype: str, room: State | None = None, **options: Any
) -> LinearJudgement:
    """The exact answer of a call with the bound that an arithmetic must keep, that of the float64 reference included.

    dtype: of the output. room: how far the given initial state and normaliser may lie from those that are meant, in their
    shapes. Raises ValueError as `reading.read` does.
    """
    exact, packed = linear_attention(q, k, v, **options), options.get("cu_seqlens") is not None
    parts = []
    for n, given in enumerate(read(q, k, v, **options)):
        mine = (room[0][n : n + 1], room[1][n : n + 1]) if packed and room is not None else room
        parts.append(_Run(given, arithmetic, dtype, options.get("decay") is not None, mine).bounds())
    with_reference = 1 + _share_of_reference(arithmetic)
    out_bound = with_reference * joined([part[0] for part in parts], packed, 2)
    state_bound, normalizer_bound = (with_reference * joined([part[n] for part in parts], packed, 0) for n in (1, 2))
    with np.errstate(invalid="ignore"):
        fits = np.abs(exact.out) + out_bound <= LARGEST[dtype]
    state_bound, normalizer_bound = (
        np.where(np.isfinite(x), bound, np.inf)
        for x, bound in ((exact.state, state_bound), (exact.normalizer, normalizer_bound))
    )
    return LinearJudgement(
        exact.out, np.where(fits, out_bound, np.inf), exact.state, state_bound, exact.normalizer, normalizer_bound
    )


def _share_of_reference(arithmetic: Arithmetic) -> float:
    """By how much smaller each roundoff of the reference is than that of an arithmetic, at most; 0 for the reference itself.

    Raises ValueError for an arithmetic that is exact where the reference rounds.
    """
    if arithmetic.u_acc <= REFERENCE.u_acc:
        return 0.0
    shares: list[float] = []
    for name in ("u_acc", "u_exp", "u_log", "least"):
        own, reference = getattr(arithmetic, name), getattr(REFERENCE, name)
        if own < reference:
            raise ValueError(f"{name} is {own}, less than the {reference} of the reference, so nothing finer can be bounded")
        shares.append(reference / own)
    return max(shares)


class _Run:
    """One sequence: what its rows and its last state may be off by."""

    def __init__(self, given: Linear, arithmetic: Arithmetic, dtype: str, decayed: bool, room: State | None) -> None:
        self.given = given
        self.query = features(given.feature_map, given.q)
        self.query_error = feature_error(given.feature_map, given.q, self.query, arithmetic)
        mapped = given.feature_map not in ("identity", "relu")
        delta, scale = given.beta is not None, abs(given.scale)
        self.rounds = Roundings(arithmetic, self.query.shape[-1], given.gated, mapped, decayed, delta, dtype, scale)
        self.growth = Growth(given, arithmetic, self.rounds, room)
        self.lost, self.largest = self.rounds.lost, self.rounds.largest

    def bounds(self) -> tuple[Array, Array, Array]:
        """Of the output, the state and the normaliser."""
        given, steps = self.given, self.growth.key.shape[2]
        found = []
        with np.errstate(over="ignore", invalid="ignore"):
            last = self.growth.beginning()
            for start, history in self.growth.blocks():
                last = history.last()
                if given.causal:
                    rows = np.arange(start, start + len(history.size))
                    found.append(self._rows(rows, history, rows + 1))
            if not given.causal:
                found.append(self._rows(np.arange(self.query.shape[2]), last, np.array([steps])))
            term = self.rounds.term(steps, read=False)
            gates = 1 + self.rounds.exponent(steps, last.size[0])[..., None]
            state = (1 + term) * gates * last.high[0] - last.plain[0] + last.apart[0][:, :, None, :] + self.lost * last.terms[0]
            state = np.where(self._too_large(last.high[0] * gates, last)[0][:, :, None, None], np.inf, state)
            empty = np.zeros((*self.query.shape[:2], 0, self.growth.value.shape[-1]))
            sums, errors = (np.concatenate([empty, *parts], axis=2) for parts in ([f[n] for f in found] for n in (0, 1)))
            return self._quotient(sums, errors), _known(state[..., :-1]), _known(state[..., -1])

    def _rows(self, rows: Array, at: History, steps: Array) -> tuple[Array, Array]:
        """What rows read, scaled, and its error, (B, H, rows, E) each. at: what stands after their steps, or after the last."""
        scale = abs(self.given.scale)
        query, error = (np.moveaxis(x[:, :, rows], 2, 0) for x in (self.query, self.query_error))
        low, high = np.abs(query), np.abs(query) + error
        steps = steps[:, None, None, None]
        reach = high * (1 + self.rounds.exponent(steps, at.size))
        read_high, read_low = _read(reach, at.high), _read(low, at.plain)
        length = np.sqrt((high**2).sum(axis=-1))[..., None]
        made = (1 + self.rounds.term(steps)) * (read_high + length * at.apart) - read_low
        lost = self.lost * (1 + scale) * _read(1 + high, at.terms)
        scores = high.sum(axis=-1) * at.peak * max(1.0, scale)
        too_large = self._too_large(read_high[..., None, :] * max(1.0, scale), at) | ~(scores <= self.largest)
        found = _known(np.where(too_large[..., None], np.inf, scale * made + lost))
        return np.moveaxis(self.given.scale * _read(query, at.state), 0, 2), np.moveaxis(found, 0, 2)

    def _too_large(self, sizes: Array, at: History) -> Array:
        """Whether a row, or the state, may have met a number that is too large, bool (T, B, H). sizes: (…, B, H, …, E)."""
        top = np.maximum(sizes.max(axis=(-2, -1), initial=0.0), at.high.max(axis=(-2, -1), initial=0.0))
        large: Array = ~(np.maximum(top, at.peak) <= self.largest)
        return large

    def _quotient(self, sums: Array, errors: Array) -> Array:
        """The bound of the output from sums and errors of values and of the column of ones."""
        if not self.given.normalize:
            return errors[..., :-1]
        total, total_error = np.abs(sums[..., -1:]), errors[..., -1:]
        with np.errstate(all="ignore"):
            out = np.abs(sums[..., :-1]) / total
            error = (errors[..., :-1] + out * total_error) / (total - total_error)
            division = self.rounds.division
            return np.where(total > total_error, error * (1 + division) + out * division + self.lost, np.inf)


def _read(features: Array, state: Array) -> Array:
    """Features (T, B, H, Dφ) times states (T, B, H, Dφ, E), or times one state for all, (T, B, H, E)."""
    if len(state) == 1:
        shared: Array = np.einsum("tbhf,bhfe->tbhe", features, state[0])
        return shared
    read: Array = np.matmul(features[..., None, :], state)[..., 0, :]
    return read


def _known(bound: Array) -> Array:
    """A bound, infinite where it is no number."""
    return np.where(np.isnan(bound), np.inf, np.maximum(bound, 0.0))
