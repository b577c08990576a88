"""The recurrences beside linear attention from which its bounds are read: exact, over absolute values, inflated.

`bounds.py` says what they are for. A run of thousands of problems spends most of its time here, so as much as can be is done
for many steps at once: what a step writes, and all that is a running maximum. What is left to do step after step is to decay
and to add, and under the delta rule the correction, which reads the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import Arithmetic
from .features import features
from .reading import Linear, State
from .recurrent import written
from .rounding import Roundings, feature_error

__all__ = ["Growth", "History"]

Array = NDArray[Any]

BLOCK = 1 << 18
"""Entries of states that are held at once."""


@dataclass(frozen=True, eq=False)
class History:
    """What stands after each of T steps. Values have one more column, of ones, so E = Dv + 1.

    state, plain, high: exact, over absolute values, inflated, (T, B, H, Dφ, E). terms: what may be lost below the smallest
    number, in the same shape. apart: 2-norm by which exact and computed states differ under the delta rule, (T, B, H, E).
    size: Σ |log g|, (T, B, H, 1 or Dφ). peak: the largest operand so far, (T, B, H).
    """

    state: Array
    plain: Array
    high: Array
    terms: Array
    apart: Array
    size: Array
    peak: Array

    def last(self) -> History:
        """After the last step alone."""
        return History(*(getattr(self, field.name)[-1:] for field in fields(self)))


class Growth:
    """The recurrences of one sequence."""

    def __init__(self, given: Linear, arithmetic: Arithmetic, rounds: Roundings, room: State | None) -> None:
        self.given, self.rounds, self.room = given, rounds, room
        self.key = features(given.feature_map, given.k)
        self.key_error = feature_error(given.feature_map, given.k, self.key, arithmetic)
        self.value = np.concatenate([given.v, np.ones((*given.v.shape[:3], 1))], axis=-1)
        self.lost, self.grows, self.stored = rounds.lost, 1 + rounds.step, 1 + rounds.state

    def beginning(self) -> History:
        """Before the first step."""
        given = self.given
        state = np.concatenate([given.state, given.normalizer[..., None]], axis=-1)
        plain = np.abs(state)
        high, apart = plain * self.stored, np.zeros((*state.shape[:2], state.shape[3]))
        if self.room is not None:
            room = np.concatenate([self.room[0], self.room[1][..., None]], axis=-1)
            if given.beta is None:
                high = high + room
            else:
                apart = np.sqrt((room**2).sum(axis=2))
        size, peak = np.zeros((*state.shape[:2], given.log_gate.shape[-1])), np.zeros(state.shape[:2])
        return History(*(x[None] for x in (state, plain, high, 1 + plain, apart, size, peak)))

    def blocks(self) -> Iterator[tuple[int, History]]:
        """Steps in order, as many at once as there is room for: the number of the first, and what stands after each."""
        last = self.beginning()
        long = max(1, BLOCK // max(1, last.state.size))
        for start in range(0, self.key.shape[2], long):
            steps = np.arange(start, min(start + long, self.key.shape[2]))
            history = self._block(steps, last)
            yield start, history
            last = history.last()

    def _block(self, steps: Array, last: History) -> History:
        given = self.given
        active = np.moveaxis(given.active[:, steps], 1, 0)[:, :, None]
        log_gate = np.where(active[..., None], np.moveaxis(given.log_gate[:, :, steps], 2, 0), 0.0)
        size = _sizes(log_gate, last.size[0])
        key, error, value = (np.moveaxis(x[:, :, steps], 2, 0) for x in (self.key, self.key_error, self.value))
        low, high = np.abs(key), np.abs(key) + error
        if given.beta is None:
            grown, values, apart = self._grown(active, log_gate, (key, low, high), value, last)
        else:
            beta = np.moveaxis(given.beta[:, :, steps], 2, 0)
            grown, values, apart = self._corrected(steps, active, log_gate, size, (key, low, high, error), value, beta, last)
        peak = np.maximum(high.max(axis=-1, initial=0.0), values.max(axis=-1, initial=0.0))
        peak = np.where(active, np.nan_to_num(peak, nan=np.inf), 0.0)
        peak = np.maximum.accumulate(np.concatenate([last.peak, peak]), axis=0)[1:]
        state, plain, inflated, terms = grown
        return History(state, plain, inflated, terms, apart, size, peak)

    def _grown(self, active: Array, log_gate: Array, keys: tuple[Array, ...], value: Array, last: History) -> Any:
        """Without the delta rule: state, plain, high and terms; the sizes of the values; and that nothing is apart."""
        (key, low, high), values = keys, np.abs(value)
        factor = np.exp(log_gate)[..., None]
        stored, grows = (np.where(active[..., None, None], each, 1.0) for each in (self.stored, self.grows))
        made = [
            _running(last.state[0], factor, _written(key, value, active)),
            _running(last.plain[0], factor, _written(low, values, active)),
            _running(last.high[0], factor * grows * stored, _written(high, values, active) * stored),
            _running(last.terms[0], np.ones(()), _written(1 + high, 1 + values, active)),
        ]
        return made, values, np.broadcast_to(last.apart, (len(key), *last.apart.shape[1:]))

    def _corrected(
        self,
        steps: Array,
        active: Array,
        log_gate: Array,
        size: Array,
        keys: tuple[Array, ...],
        value: Array,
        beta: Array,
        last: History,
    ) -> Any:
        """Under the delta rule: as `_grown`, with corrected values, and by how much states are apart."""
        now, apart = [last.state[0], last.plain[0], last.high[0], last.terms[0]], last.apart[0]
        grown: list[list[Array]] = [[], [], [], []]
        values, aparts = [], []
        for n, step in enumerate(steps):
            key, low, high, error = (x[n] for x in keys)
            factor = np.exp(log_gate[n])[..., None]
            state, plain, inflated = factor * now[0], factor * now[1], _scaled(now[2], factor * self.grows)
            made, parted = self._correction(
                int(step), (key, low, high, error), value[n], beta[n], factor, size[n], (state, plain, inflated, now[3]), apart
            )
            after = [
                written(state, key, value[n], beta[n]),
                plain + low[..., None] * made[..., None, :],
                (inflated + high[..., None] * made[..., None, :]) * self.stored,
                now[3] + (1 + high)[..., None] * (1 + made)[..., None, :],
            ]
            kept = active[n][..., None]
            now = [np.where(kept[..., None], new, old) for new, old in zip(after, now, strict=True)]
            apart = np.where(kept, parted, apart)
            values.append(made)
            aparts.append(apart)
            for each, new in zip(grown, now, strict=True):
                each.append(new)
        return [np.stack(each) for each in grown], np.stack(values), np.stack(aparts)

    def _correction(
        self,
        step: int,
        keys: tuple[Array, ...],
        value: Array,
        beta: Array,
        factor: Array,
        size: Array,
        states: tuple[Array, ...],
        apart: Array,
    ) -> tuple[Array, Array]:
        """At most how large the corrected value of one step is, and by how much states are apart after it."""
        (key, low, high, error), (state, plain, inflated, terms) = keys, states
        rounds, width, sized = self.rounds, np.abs(beta)[..., None], np.abs(value)
        top = factor.max(axis=(2, 3))[..., None]
        read_low = np.einsum("bhf,bhfe->bhe", low, plain)
        read_high = np.einsum("bhf,bhfe->bhe", high, (1 + rounds.exponent(step + 1, size)[..., None]) * inflated)
        lost = self.lost * (1 + width) * np.einsum("bhf,bhfe->bhe", 1 + high, terms)
        injected = width * ((1 + rounds.term(step + 1)) * (sized + read_high) - (sized + read_low)) + lost
        square = (key**2).sum(axis=-1)
        length = np.sqrt(square)[..., None]
        exact = np.abs(beta[..., None] * (value - np.einsum("bhf,bhfe->bhe", key, state)))
        made = exact + injected + width * length * top * apart
        grown = np.maximum(1.0, np.abs(1 - beta * square))[..., None]
        return made, grown * top * apart + (length + np.sqrt((error**2).sum(axis=-1))[..., None]) * injected


def _written(key: Array, value: Array, active: Array) -> Array:
    """What steps write, (T, B, H, Dφ, E); nothing where they are padding."""
    return np.where(active[..., None, None], key[..., None] * value[..., None, :], 0.0)


def _running(first: Array, factor: Array, added: Array) -> Array:
    """x ← factor · x + added, step after step, from `first` (B, H, Dφ, E); factor (T, B, H, Dφ or 1, 1), or 1 for no factor."""
    made = added
    if (factor == 1).all():
        np.cumsum(added, axis=0, out=made)
        made += first
        return made
    for n in range(len(made)):
        made[n] += _scaled(first, factor[n])
        first = made[n]
    return made


def _scaled(state: Array, factor: Array) -> Array:
    """A state times a factor, which forgets also what is infinite where it is 0."""
    return factor * state if factor.all() else np.where(factor == 0, 0.0, factor * state)


def _sizes(log_gate: Array, first: Array) -> Array:
    """Σ |log g| after each step, (T, B, H, 1 or Dφ), from 0 again where a gate is closed."""
    sizes = np.empty(log_gate.shape)
    for n, each in enumerate(log_gate):
        first = np.where(np.isneginf(each), 0.0, first + np.abs(each))
        sizes[n] = first
    return sizes
