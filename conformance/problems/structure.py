"""A structure: what a case prints, and all that is needed to build its problem again, bit for bit.

A failure is worth little if it cannot be run again elsewhere. So a case has one name, a query string, that selects, prints,
replays and suppresses it. It must be short enough to paste, stable in its order so that text comparison works, and strict
when read, because a typing error that is passed over replays another case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...spec.nearest import nearest
from ...spec.shapes import shared, sizes_in
from ..operations.known import operation_named
from ..operations.operation import Operation
from ..operations.sizes import entries
from .descriptors import StructureError, Value, one_of, whole, write_value
from .dtypes import MANTISSA
from .option import read_option
from .problem import MEMORIES
from .streams import stream

__all__ = ["Structure", "check_sizes", "keys", "memories", "required"]

MOST = 1 << 26
"""The most entries of an array that one problem has, or makes: half a gigabyte in float64 for each."""


def check_sizes(sizes: Mapping[str, int], operation: Operation) -> None:
    """Raise StructureError for sizes, those that are left out being 1, whose problem would not fit into memory."""
    for name, size in operation.sizes.items():
        if size.most is not None and sizes.get(name, 1) > size.most:
            raise StructureError(f"{name}={sizes[name]} is more than {size.most} features, the most that a problem may have")
    arrays = {operation.called.get(name, name): sizes_in(axes) for name, axes in operation.arguments.items()}
    for what, names in (*operation.made.items(), *arrays.items()):
        if (count := entries(sizes, names)) > MOST:
            said = " · ".join(f"{name}={sizes[name]}" for name in names if sizes.get(name, 1) != 1)
            raise StructureError(f"{said} is {count} entries of {what}; a problem has at most {MOST}")


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One case of an operation. Raises StructureError where its parts do not fit.

    operation: the name of a folder of spec. A case does not print it, because its law says it.
    dtype: one of dtypes.MANTISSA.
    sizes: the sizes of the operation as pairs, in its order; a mapping is accepted and put in order. Those that are left out
    are 1, or like another one. Each is an attribute too, by its name.
    options: described options as pairs, in the order of the operation; a mapping is accepted and put in order.
    values: a distribution of the operation. memory: one of problem.MEMORIES.
    seed: seeds the contents. geometry: seeds the choices that transforms make.
    """

    operation: str
    dtype: str = "float32"
    sizes: tuple[tuple[str, int], ...] | Mapping[str, int] = ()
    options: tuple[tuple[str, Value], ...] | Mapping[str, object] = ()
    values: str = "integers"
    memory: str = "contiguous"
    seed: int = 0
    geometry: int = 0

    def __post_init__(self) -> None:
        operation = operation_named(self.operation)
        sizes = self._read_sizes(dict(self.sizes), operation)
        object.__setattr__(self, "sizes", tuple(sizes.items()))
        given = dict(self.options)
        for name in given:
            if name not in operation.options:
                read_option(operation.options, name, given[name])
        read = (
            (name, read_option(operation.options, name, given[name]))
            for name in operation.options
            if given.get(name) is not None
        )
        object.__setattr__(self, "options", tuple((name, value) for name, value in read if value is not None))
        one_of(self.dtype, MANTISSA, "dtype")
        one_of(self.values, operation.contents, "distribution of values")
        one_of(self.memory, memories(operation), "memory")
        for name in SEEDS:
            _whole_field(name, getattr(self, name), 0)
        check_sizes(sizes, operation)
        for name, size in operation.sizes.items():
            if size.multiple_of and sizes[name] % sizes[size.multiple_of]:
                other = f"{size.multiple_of}={sizes[size.multiple_of]}"
                raise StructureError(f"{name}={sizes[name]} is not a multiple of {other}; {size.why}")
        for first, *others in shared(operation.arguments):
            for other in others:
                if sizes[other] != sizes[first]:
                    raise StructureError(
                        f"{first}={sizes[first]} and {other}={sizes[other]} are one number in {self.operation}"
                    )

    @staticmethod
    def _read_sizes(given: dict[str, Any], operation: Operation) -> dict[str, int]:
        """Every size of the operation, in its order."""
        for name in given:
            one_of(name, operation.sizes, "size")
        found: dict[str, int] = {}
        for name, size in operation.sizes.items():
            usual = found[size.like] if size.like else 1
            found[name] = _whole_field(name, usual if given.get(name) is None else given[name], size.least)
        return found

    @classmethod
    def of(cls, operation: str, **fields: Any) -> Structure:
        """A structure whose sizes are given by name, beside its other parts."""
        sizes = {name: fields.pop(name) for name in tuple(fields) if name in operation_named(operation).sizes}
        return cls(operation=operation, sizes=sizes, **fields)

    @cached_property
    def lengths(self) -> dict[str, int]:
        """The sizes by name."""
        return dict(self.sizes)

    def __getattr__(self, name: str) -> int:
        """A size."""
        if name.startswith("_") or name == "sizes" or name not in self.lengths:
            raise AttributeError(f"a structure has no {name!r}")
        return self.lengths[name]

    @property
    def described(self) -> dict[str, Value]:
        """The described options by name."""
        return dict(self.options)  # type: ignore[arg-type]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its arrays."""
        arguments = operation_named(self.operation).arguments
        return {name: tuple(self.lengths[size] for size in sizes_in(axes)) for name, axes in arguments.items()}

    @property
    def entries(self) -> int:
        """How many entries its arrays have together."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    @property
    def cost(self) -> int:
        """How many numbers are made of its arrays: scores, of every kind of attention."""
        return sum(entries(self.lengths, names) for names in operation_named(self.operation).made.values()) or self.entries

    def stream(self, name: str) -> np.random.Generator:
        """The generator of one of its arrays, the same each time."""
        return stream(self.seed, name)

    def normal(self, name: str) -> Any:
        """Standard normal entries for one of its arrays, float64."""
        return self.stream(name).standard_normal(self.shapes[name])

    def sized(self, **sizes: int) -> Structure:
        """The same structure with sizes replaced."""
        return replace(self, sizes={**self.lengths, **sizes})

    def but(self, **options: object) -> Structure:
        """The same structure with described options replaced; None takes an option away."""
        return replace(self, options={**self.described, **options})

    def query(self) -> str:
        """The query string: dtype, sizes, options, values, memory, seed, geometry; defaults other than these are left out."""
        known = operation_named(self.operation).sizes
        fields: dict[str, object] = {"dtype": self.dtype}
        fields |= {name: n for name, n in self.lengths.items() if not known[name].like or n != self.lengths[known[name].like]}
        fields |= self.described
        fields["values"] = self.values
        if self.memory != "contiguous":
            fields["memory"] = self.memory
        fields["seed"] = self.seed
        if self.geometry:
            fields["geometry"] = self.geometry
        return "&".join(f"{key}={write_value(value)}" for key, value in fields.items())

    @classmethod
    def parse(cls, query: str, operation: str) -> Structure:
        """The structure of a query string, for a law about an operation. Keys come in any order; those left out have defaults.

        Raises StructureError for an unknown or repeated key, a bad value, or sizes that do not fit.
        """
        known = operation_named(operation).sizes
        fields: dict[str, Any] = {}
        options: dict[str, object] = {}
        for part in filter(None, query.strip().removeprefix("?").split("&")):
            key, equals, text = part.partition("=")
            if not equals or not text:
                raise StructureError(f"{part!r} is not key=value")
            if key in fields or key in options:
                raise StructureError(f"{key} is given twice")
            if key in operation_named(operation).options:
                options[key] = text
            elif key in known or key in SEEDS:
                fields[key] = _whole_field(key, text, known[key].least if key in known else 0)
            elif key in keys(operation):
                fields[key] = text
            else:
                raise StructureError(f"unknown key {key!r}{nearest(key, keys(operation))}; known: {', '.join(keys(operation))}")
        return cls.of(operation, **fields, options=options)


SEEDS = ("seed", "geometry")


def memories(operation: Operation) -> tuple[str, ...]:
    """How arrays of an operation may lie in memory: its entries of a batch can be one only where there is a batch."""
    return tuple(memory for memory in MEMORIES if memory != "expanded" or "b" in operation.sizes)


def keys(operation: str) -> tuple[str, ...]:
    """Every key of a query string, in printing order."""
    return ("dtype", *operation_named(operation).sizes, *operation_named(operation).options, "values", "memory", *SEEDS)


def required(operation: str) -> tuple[str, ...]:
    """Keys that every printed query string has."""
    return ("dtype", *(name for name, size in operation_named(operation).sizes.items() if not size.like), "values", "seed")


def _whole_field(name: str, given: object, least: int) -> int:
    try:
        return whole(given, least)
    except StructureError as error:
        raise StructureError(f"{name}={given}: {error}") from None
