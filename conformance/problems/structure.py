"""A structure: what a case prints, and all that is needed to build its problem again, bit for bit.

A failure is worth little if it cannot be run again elsewhere. So a case has one name, a query string, that selects, prints,
replays and suppresses it. It must be short enough to paste, stable in its order so that text comparison works, and strict
when read, because a typing error that is passed over replays another case.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...spec.nearest import nearest
from .descriptors import OPTIONS, StructureError, Value, one_of, read_option, whole, write_value
from .distributions import DISTRIBUTIONS, MANTISSA, Sizes
from .problem import MEMORIES

__all__ = ["SIZES", "Structure", "check_sizes"]

SIZES = {"b": 1, "hq": 1, "hkv": 1, "sq": 0, "sk": 0, "d": 1, "dv": 1}
"""Names of the sizes, and the least value of each. There may be no query and no key."""

MOST = 1 << 26
"""The most scores, and the most entries of an array, that one problem may have: half a gigabyte in float64 for each array."""

FEATURES = 1 << 16
"""The most features of a query or a value: those of real models are below 1,000."""


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Raise StructureError for sizes, those that are left out being 1, whose problem would not fit into memory."""
    for name in ("d", "dv"):
        if sizes.get(name, 1) > FEATURES:
            raise StructureError(f"{name}={sizes[name]} is more than {FEATURES} features, the most that a problem may have")
    for what, names in (("scores", "b hq sq sk"), ("queries", "b hq sq d"), ("keys", "b hkv sk d"), ("values", "b hkv sk dv")):
        entries = math.prod(sizes.get(name, 1) for name in names.split())
        if entries > MOST:
            said = " · ".join(f"{name}={sizes[name]}" for name in names.split() if sizes.get(name, 1) != 1)
            raise StructureError(f"{said} is {entries} entries of {what}; a problem has at most {MOST}")


@dataclass(frozen=True)
class Structure:
    """One case of an operation. Raises StructureError where its parts do not fit.

    dtype: one of distributions.MANTISSA.
    b, hq, hkv, sq, sk, d, dv: sizes; dv is d unless given.
    options: described options as pairs, in the order of descriptors.OPTIONS; a mapping is accepted and put in order.
    values: a name of distributions.DISTRIBUTIONS. memory: one of problem.MEMORIES.
    seed: seeds the contents. geometry: seeds the choices that transforms make.
    operation: a key of spec/operations.yaml. A case does not print it, because its law says it.
    """

    dtype: str = "float32"
    b: int = 1
    hq: int = 1
    hkv: int = 1
    sq: int = 1
    sk: int = 1
    d: int = 1
    dv: int | None = None
    options: tuple[tuple[str, Value], ...] | Mapping[str, object] = ()
    values: str = "integers"
    memory: str = "contiguous"
    seed: int = 0
    geometry: int = 0
    operation: str = field(kw_only=True)

    def __post_init__(self) -> None:
        if self.dv is None:
            object.__setattr__(self, "dv", self.d)
        given = dict(self.options)
        for name in given:
            if name not in OPTIONS:
                read_option(name, given[name])
        read = ((name, read_option(name, given[name])) for name in OPTIONS if given.get(name) is not None)
        object.__setattr__(self, "options", tuple((name, value) for name, value in read if value is not None))
        one_of(self.dtype, MANTISSA, "dtype")
        one_of(self.values, DISTRIBUTIONS, "distribution of values")
        one_of(self.memory, MEMORIES, "memory")
        for name, least in {**SIZES, "seed": 0, "geometry": 0}.items():
            _whole_field(name, getattr(self, name), least)
        check_sizes({name: getattr(self, name) for name in SIZES})
        if self.hq % self.hkv:
            raise StructureError(
                f"hq={self.hq} is not a multiple of hkv={self.hkv}; each key/value head serves the same number of query heads"
            )

    @property
    def described(self) -> dict[str, Value]:
        """The described options by name."""
        return dict(self.options)  # type: ignore[arg-type]

    @property
    def sizes(self) -> Sizes:
        """What the distributions need to know."""
        dv = self.d if self.dv is None else self.dv
        return Sizes(self.b, self.hq, self.hkv, self.sq, self.sk, self.d, dv, self.dtype, self.seed)

    def but(self, **options: object) -> Structure:
        """The same structure with described options replaced; None takes an option away."""
        return replace(self, options={**self.described, **options})

    def query(self) -> str:
        """The query string: dtype, sizes, options, values, memory, seed, geometry; defaults other than these are left out."""
        fields: dict[str, object] = {"dtype": self.dtype, "b": self.b, "hq": self.hq, "hkv": self.hkv}
        fields |= {"sq": self.sq, "sk": self.sk, "d": self.d}
        if self.dv != self.d:
            fields["dv"] = self.dv
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
        fields: dict[str, object] = {}
        options: dict[str, object] = {}
        for part in filter(None, query.strip().removeprefix("?").split("&")):
            key, equals, text = part.partition("=")
            if not equals or not text:
                raise StructureError(f"{part!r} is not key=value")
            if key in fields or key in options:
                raise StructureError(f"{key} is given twice")
            if key in OPTIONS:
                options[key] = text
            elif key in NUMBERS:
                fields[key] = _whole_field(key, text, NUMBERS[key])
            elif key in WORDS:
                fields[key] = text
            else:
                raise StructureError(f"unknown key {key!r}{nearest(key, KEYS)}; known: {', '.join(KEYS)}")
        return cls(**fields, options=options, operation=operation)  # type: ignore[arg-type]


NUMBERS = {**SIZES, "seed": 0, "geometry": 0}
WORDS = ("dtype", "values", "memory")
KEYS = ("dtype", *SIZES, *OPTIONS, "values", "memory", "seed", "geometry")
"""Every key of a query string, in printing order."""
REQUIRED = ("dtype", *(size for size in SIZES if size != "dv"), "values", "seed")
"""Keys that every printed query string has."""


def _whole_field(name: str, given: object, least: int) -> int:
    try:
        return whole(given, least)
    except StructureError as error:
        raise StructureError(f"{name}={given}: {error}") from None
