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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import LARGEST, REFERENCE, Arithmetic
from .features import features
from .reading import Linear, State, joined, read
from .recurrent import linear_attention, written
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
    sequences, own = read(q, k, v, **options), arithmetic.u_acc <= REFERENCE.u_acc
    parts = []
    for n, given in enumerate(sequences):
        mine = (room[0][n : n + 1], room[1][n : n + 1]) if packed and room is not None else room
        found = _Run(given, arithmetic, options.get("decay") is not None, mine).bounds()
        if not own:
            extra = _Run(given, REFERENCE, options.get("decay") is not None, None).bounds()
            found = (found[0] + extra[0], found[1] + extra[1], found[2] + extra[2])
        parts.append(found)
    out_bound = joined([part[0] for part in parts], packed, 2)
    state_bound, normalizer_bound = (joined([part[n] for part in parts], packed, 0) for n in (1, 2))
    with np.errstate(invalid="ignore"):
        fits = np.abs(exact.out) + out_bound <= LARGEST[dtype]
    state_bound, normalizer_bound = (
        np.where(np.isfinite(x), bound, np.inf)
        for x, bound in ((exact.state, state_bound), (exact.normalizer, normalizer_bound))
    )
    return LinearJudgement(
        exact.out, np.where(fits, out_bound, np.inf), exact.state, state_bound, exact.normalizer, normalizer_bound
    )


class _Run:
    """The recurrences of one sequence: exact, over absolute values, inflated. Values have one more column, of ones."""

    def __init__(self, given: Linear, arithmetic: Arithmetic, decayed: bool, room: State | None) -> None:
        self.given = given
        self.query, self.key = (features(given.feature_map, x) for x in (given.q, given.k))
        self.query_error, self.key_error = (
            feature_error(given.feature_map, x, phi, arithmetic) for x, phi in ((given.q, self.query), (given.k, self.key))
        )
        self.rounds = Roundings(
            arithmetic,
            self.key.shape[-1],
            given.gated,
            given.feature_map not in ("identity", "relu"),
            decayed,
            given.beta is not None,
        )
        self.value = np.concatenate([given.v, np.ones((*given.v.shape[:3], 1))], axis=-1)
        self.state = np.concatenate([given.state, given.normalizer[..., None]], axis=-1)
        self.plain = np.abs(self.state)
        self.high = self.plain * (1 + self.rounds.state)
        self.apart = np.zeros((*self.state.shape[:2], self.state.shape[3]))  # e, (B, H, E)
        if room is not None:
            given_room = np.concatenate([room[0], room[1][..., None]], axis=-1)
            self.high = self.high + (0.0 if given.beta is not None else given_room)
            self.apart = np.sqrt((given_room**2).sum(axis=2)) if given.beta is not None else self.apart
        self.terms = 1 + self.plain  # what may be lost below the smallest number, (B, H, Dφ, E)
        self.size = np.zeros((*self.state.shape[:2], given.log_gate.shape[-1]))  # Σ |log g|
        self.peak = np.zeros(self.state.shape[:2])  # the largest operand so far

    def bounds(self) -> tuple[Array, Array, Array]:
        """Of the output, the state and the normaliser."""
        given = self.given
        shape = (*self.query.shape[:3], self.value.shape[-1])
        sums, errors = np.zeros(shape), np.zeros(shape)
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(self.key.shape[2]):
                self._step(t)
                if given.causal:
                    sums[:, :, t], errors[:, :, t] = self._row(t, t + 1)
            if not given.causal:
                for row in range(self.query.shape[2]):
                    sums[:, :, row], errors[:, :, row] = self._row(row, self.key.shape[2])
            term = self.rounds.term(self.key.shape[2], read=False)
            gates = 1 + self.rounds.exponent(self.key.shape[2], self.size)[..., None]
            state = (1 + term) * gates * self.high - self.plain + self.apart[:, :, None, :] + self.rounds.lost * self.terms
            state = np.where(self._too_large(self.high * gates)[:, :, None, None], np.inf, state)
            return self._quotient(sums, errors), _known(state[..., :-1]), _known(state[..., -1])

    def _step(self, t: int) -> None:
        """One step of every recurrence. Steps of padding leave all as it is."""
        given, rounds = self.given, self.rounds
        active = given.active[:, t, None, None]
        key, error, value = self.key[:, :, t], self.key_error[:, :, t], np.abs(self.value[:, :, t])
        low, high = np.abs(key), np.abs(key) + error
        log_gate = given.log_gate[:, :, t]
        factor = np.exp(log_gate)[..., None]
        size = np.where(np.isneginf(log_gate), 0.0, self.size + np.abs(log_gate))
        plain, inflated = factor * self.plain, factor * (1 + rounds.step) * self.high
        inflated = np.where(np.broadcast_to(factor, inflated.shape) == 0, 0.0, inflated)
        state, apart = factor * self.state, self.apart
        beta = None if given.beta is None else given.beta[:, :, t]
        if beta is not None:
            gates = 1 + rounds.exponent(t + 1, size)[..., None]
            read_low = np.einsum("bhf,bhfe->bhe", low, plain)
            read_high = np.einsum("bhf,bhfe->bhe", high, gates * inflated)
            lost = rounds.lost * (1 + np.abs(beta))[..., None] * np.einsum("bhf,bhfe->bhe", 1 + high, self.terms)
            injected = np.abs(beta)[..., None] * ((1 + rounds.term(t + 1)) * (value + read_high) - (value + read_low)) + lost
            square = (key**2).sum(axis=-1)
            length, top = np.sqrt(square)[..., None], factor.max(axis=(2, 3))[..., None]
            corrected = np.abs(beta[..., None] * (self.value[:, :, t] - np.einsum("bhf,bhfe->bhe", key, state)))
            value = corrected + injected + np.abs(beta)[..., None] * length * top * apart
            grown = np.maximum(1.0, np.abs(1 - beta * square))[..., None]
            apart = grown * top * apart + (length + np.sqrt((error**2).sum(axis=-1))[..., None]) * injected
        made = {
            "state": written(state, key, self.value[:, :, t], beta),
            "plain": plain + low[..., None] * value[..., None, :],
            "high": (inflated + high[..., None] * value[..., None, :]) * (1 + rounds.state),
            "terms": self.terms + (1 + high)[..., None] * (1 + value)[..., None, :],
        }
        for name, after in made.items():
            setattr(self, name, np.where(active[..., None], after, getattr(self, name)))
        self.apart, self.size = np.where(active, apart, self.apart), np.where(active, size, self.size)
        peak = np.maximum(high.max(axis=-1, initial=0.0), value.max(axis=-1, initial=0.0))
        self.peak = np.where(active[..., 0], np.fmax(self.peak, np.nan_to_num(peak, nan=np.inf)), self.peak)

    def _row(self, row: int, steps: int) -> tuple[Array, Array]:
        """What a row reads now, scaled, and its error, (B, H, E) each."""
        scale = abs(self.given.scale)
        query, error = self.query[:, :, row], self.query_error[:, :, row]
        low, high = np.abs(query), np.abs(query) + error
        reach = high * (1 + self.rounds.exponent(steps, self.size))
        read_high = np.einsum("bhf,bhfe->bhe", reach, self.high)
        read_low = np.einsum("bhf,bhfe->bhe", low, self.plain)
        length = np.sqrt((high**2).sum(axis=-1))[..., None]
        made = (1 + self.rounds.term(steps)) * (read_high + length * self.apart) - read_low
        lost = self.rounds.lost * (1 + scale) * np.einsum("bhf,bhfe->bhe", 1 + high, self.terms)
        scores = high.sum(axis=-1) * self.peak * max(1.0, scale)
        too_large = self._too_large(read_high[..., None, :] * max(1.0, scale)) | ~(scores <= self.rounds.largest)
        found = np.where(too_large[..., None], np.inf, scale * made + lost)
        return self.given.scale * np.einsum("bhf,bhfe->bhe", query, self.state), _known(found)

    def _too_large(self, sizes: Array) -> Array:
        """Whether a row, or the state, may have met a number that is too large, bool (B, H). sizes: (B, H, …, E)."""
        top = np.maximum(sizes.max(axis=(2, 3), initial=0.0), self.high.max(axis=(2, 3), initial=0.0))
        return ~(np.maximum(top, self.peak) <= self.rounds.largest)

    def _quotient(self, sums: Array, errors: Array) -> Array:
        """The bound of the output from sums and errors of values and of the column of ones."""
        if not self.given.normalize:
            return errors[..., :-1]
        total, total_error = np.abs(sums[..., -1:]), errors[..., -1:]
        with np.errstate(all="ignore"):
            out = np.abs(sums[..., :-1]) / total
            error = (errors[..., :-1] + out * total_error) / (total - total_error)
            division = self.rounds.division
            return np.where(total > total_error, error * (1 + division) + out * division + self.rounds.lost, np.inf)


def _known(bound: Array) -> Array:
    """A bound, infinite where it is no number."""
    return np.where(np.isnan(bound), np.inf, np.maximum(bound, 0.0))
