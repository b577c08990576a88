"""A problem: one concrete input to an operation, its arrays exactly representable in their dtype."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...spec.shapes import sizes_of
from ..operations.known import operation_named
from .streams import choices

__all__ = ["MEMORIES", "Problem"]

MEMORIES = ("contiguous", "transposed", "sliced", "offset", "expanded")
"""How the arrays lie in memory: contiguous; stored with heads and positions swapped; a slice with gaps between rows; starting
at an odd offset in a larger buffer; or with stride 0 over the batch (all entries of the batch are then equal)."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Inputs of one operation.

    arrays: its arguments by name, in the order and with the axes that operation.yaml gives them: NumPy arrays in `dtype`
    (ml_dtypes for bfloat16 and float8). A problem that is ill-formed on purpose has others.
    options: only the options that are given, named and typed as in operation.yaml.
    conventions: the choices under which the implementation is judged.
    memory: one of MEMORIES.
    fair_values: V as it was drawn, if its entries have fair signs: independent of each other, of |V|, of q, k and the options.
    It is held beside v, so that whoever puts other values instead of v makes `random_signs` false without a thought.
    geometry_seed: seeds the choices that transforms make (which row is watched, which permutation).
    operation: the name of a folder of spec, which says what the options mean.
    state_room: how far state and normaliser of initial_state may lie from those that are meant, where an implementation gave
    them.
    """

    arrays: Mapping[str, NDArray[Any]]
    dtype: str
    options: Mapping[str, Any] = field(default_factory=dict)
    conventions: Mapping[str, str] = field(default_factory=dict)
    memory: str = "contiguous"
    geometry_seed: int = 0
    fair_values: NDArray[Any] | None = field(default=None, repr=False)
    operation: str = field(kw_only=True)
    state_room: tuple[NDArray[Any], NDArray[Any]] | None = field(default=None, repr=False)

    @property
    def random_signs(self) -> bool:
        """Whether V is known to have fair signs, independent of each other, of |V| and of all else: level R rests on it."""
        return self.fair_values is not None and self.fair_values is self.v

    @property
    def q(self) -> NDArray[Any]:
        """The queries of an operation that has queries, keys and values: (B, Hq, Sq, D)."""
        return self.arrays["q"]

    @property
    def k(self) -> NDArray[Any]:
        """The keys, (B, Hkv, Sk, D)."""
        return self.arrays["k"]

    @property
    def v(self) -> NDArray[Any]:
        """The values, (B, Hkv, Sk, Dv)."""
        return self.arrays["v"]

    @property
    def gradients(self) -> dict[str, str]:
        """The name of the gradient in each of its arrays → the name of the array."""
        return {f"d{name}": name for name in self.arrays}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The lengths of the axes, by the name of the size."""
        shapes = {name: array.shape for name, array in self.arrays.items()}
        return sizes_of(operation_named(self.operation).arguments, shapes)

    @property
    def b(self) -> int:
        return self.sizes["b"]

    @property
    def hq(self) -> int:
        return self.sizes["hq"]

    @property
    def hkv(self) -> int:
        return self.sizes["hkv"]

    @property
    def sq(self) -> int:
        return self.sizes["sq"]

    @property
    def sk(self) -> int:
        return self.sizes["sk"]

    @property
    def d(self) -> int:
        return self.sizes["d"]

    @property
    def dv(self) -> int:
        return self.sizes["dv"]

    @property
    def draws_features(self) -> bool:
        """Whether the implementation draws a projection of its own, so that nobody else knows the exact output."""
        draws = operation_named(self.operation).draws
        return draws is not None and draws(self)

    def convention(self, name: str, default: str = "") -> str:
        """The choice of a convention for the options that are given: `name with option` says more than `name`."""
        for option in self.options:
            if f"{name} with {option}" in self.conventions:
                return self.conventions[f"{name} with {option}"]
        return self.conventions.get(name, default)

    @property
    def dropped(self) -> float:
        """The probability with which the implementation drops a weight."""
        dropped = operation_named(self.operation).dropped
        return 0.0 if dropped is None else dropped(self)

    def but(self, **options: Any) -> Problem:
        """The same problem with options replaced; None takes an option away."""
        merged = {**self.options, **options}
        return replace(self, options={name: value for name, value in merged.items() if value is not None})

    def with_fair(self, v: NDArray[Any], **changes: Any) -> Problem:
        """The same problem with values v that have fair signs if this one's have.

        That is so where v holds, in each head, values of some of its keys, each key once, or all of them times one number.
        """
        return self.having(v=v, fair_values=v if self.random_signs else None, **changes)

    def having(self, **changes: Any) -> Problem:
        """The same problem with some of its arrays, or fields, replaced."""
        arrays = {name: changes.pop(name, own) for name, own in self.arrays.items()}
        return replace(self, arrays=arrays, **changes)

    def generator(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose, one of streams.CHOICES, the same each time. Raises KeyError."""
        return choices(self.geometry_seed, purpose)
