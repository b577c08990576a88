"""The known mistakes as suspects: each answers the calls that an implementation answered, and is compared with it.

A suspect computes in float64 under the conventions of the implementation. What remains between the two, if the suspect is the
right one, is the implementation's own rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...adapters.arrays import layout_back
from ...adapters.contract import Implementation
from ...adapters.memory import place
from ...reference.faults.catalogue import FAULTS, OPERATIONS, Fault
from ...reference.faults.making import BACKWARDS, SMALLEST_TILE, tiles_of
from ...reference.rounding import round_to
from ...spec.shapes import in_layout
from ..engine.results import due
from ..engine.subject import _memory
from ..operations import operation_named
from ..problems.problem import Problem
from .call_log import Call, Explained
from .sample import Sample

__all__ = ["TILES", "Suspect", "applicable"]

TILES = (SMALLEST_TILE, 32, 64, 128)
"""Keys in a tile that a mistake about tiles is tried with: kernels choose by the size of a head."""


class Met(NamedTuple):
    """How one fault compares with one sample. agrees: it gives all that came. distance, far: as of a suspect.

    tile: keys in a tile of the latest call that it gave. tiles: the sizes with which it gave all that was wrong. Both None
    where tiles do not matter.
    """

    agrees: bool
    distance: float
    far: bool
    tile: int | None
    tiles: frozenset[int] | None


@dataclass(eq=False)
class Suspect:
    """One fault, and how it fared. tried: problems on which it was compared. matched: those on which it gave all that came.

    shown: those among them that no correct implementation would answer so. of_law: what matched, and was tried, of the law's
    own problems. far: some number that it gives lies outside the room of the one that came. distance: the sum of squares of
    what remains, in units of the room. tile: keys in a tile of the latest call that it gave. tiles: the sizes with which it
    gave all that was wrong, for a mistake about tiles; None for others.
    """

    fault: Fault
    kept: Mapping[str, str]
    layout: str
    tried: int = 0
    matched: int = 0
    shown: int = 0
    law_tried: int = 0
    law_matched: int = 0
    law_shown: int = 0
    distance: float = 0.0
    far: bool = False
    tile: int = TILES[0]
    tiles: frozenset[int] | None = None

    @property
    def backward(self) -> bool:
        """Whether the mistake is made in the backward pass, so that no output shows it."""
        return self.fault.name in BACKWARDS

    @property
    def explains(self) -> bool:
        """Whether it gives everything that came, and is not merely correct where the implementation is."""
        return self.matched == self.tried and self.shown > 0

    @property
    def takes_other_tiles(self) -> bool:
        """Whether it does so only in tiles of another size than the first, which may make it like a simpler mistake."""
        return self.tiles is not None and TILES[0] not in self.tiles

    @property
    def explains_law(self) -> bool:
        """Whether it does so on the problems of the law."""
        return self.law_matched == self.law_tried and self.law_shown > 0

    def afresh(self) -> Suspect:
        """The same suspect before it was tried."""
        return Suspect(self.fault, self.kept, self.layout)

    def meet(self, sample: Sample) -> None:
        """Compare with one sample: not with gradients, unless the mistake is made there, nor, where the fault remembers, with
        calls before which something may have come.
        """
        if (sample.backward and not self.backward) or (self.fault.remembers and not sample.fresh):
            return
        if self.fault.name not in sample.met:
            sample.met[self.fault.name] = self._met(sample.calls)
        met = sample.met[self.fault.name]
        self.tried += 1
        self.matched += met.agrees
        self.shown += met.agrees and not sample.correct
        self.distance += met.distance
        self.far |= met.far
        self.tile = met.tile or self.tile
        if met.tiles is not None:
            self.tiles = met.tiles & (frozenset(TILES) if self.tiles is None else self.tiles)
        if sample.of_law:
            self.law_tried += 1
            self.law_matched += met.agrees
            self.law_shown += met.agrees and not sample.correct

    def shows(self, sample: Sample) -> bool:
        """Whether it gives other numbers, in the dtype of the calls, than the definition does on some call of a sample."""
        forward, right = self.fault.make(), OPERATIONS[self.fault.operation].definition()
        for call in sample.calls:
            if call.dout is not None:
                return self.backward
            made, wanted = self._answer(forward, call), self._answer(right, call)
            if made is None or wanted is None or self._unlike_each_other(made, wanted, call):
                return True
        return False

    @staticmethod
    def _unlike_each_other(made: dict[str, Any], wanted: dict[str, Any], call: Call) -> bool:
        names = call.results
        rounded = [[round_to(x[name], _typed(name, call.p)) for name in names] for x in (made, wanted)]
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*rounded, strict=True))
        return not same or made["dtype"] != wanted["dtype"] or made["altered"] != wanted["altered"]

    def out(self, call: Call) -> Any:
        """The output for one call in float64, or None where it raises."""
        with tiles_of(self.tile):
            made = self._answer(self.fault.make(), call)
        return None if made is None else made["out"]

    def _met(self, calls: Sequence[Call]) -> Met:
        forward, total = self.fault.make(), 0.0
        backward = BACKWARDS[self.fault.name]() if self.backward else None
        tile, tiles = None, None
        for call in calls:
            if self.backward and call.dout is None and call.correct:
                continue
            found, sizes = self._compared(forward if call.dout is None else backward, call)
            total += found.distance
            tile = min(sizes, default=tile)
            if sizes and not call.correct:
                tiles = sizes if tiles is None else sizes & tiles
            if not found.good:
                return Met(False, total, not found.inside, tile, tiles)
        return Met(True, total, False, tile, tiles)

    def _compared(self, function: Any, call: Call) -> tuple[Explained, frozenset[int]]:
        """How what it gives compares with what came, and the sizes of tiles with which it is the same, if they matter."""
        found = {}
        for size in TILES:
            with tiles_of(size) as tiles:
                found[size] = self._compared_once(function, call)
            if not tiles.asked:
                return found[size], frozenset()
        good = frozenset(size for size, each in found.items() if each.good)
        return found[min(good, default=TILES[0])], good

    def _compared_once(self, function: Any, call: Call) -> Explained:
        made, distance = self._answer(function, call), 0.0
        if call.broken and made is not None and self._misshapen(made, call):
            return Explained(True, True, 0.0)
        if (made is None) == call.answered or (made is not None and self._unlike(made, call)):
            return Explained(False, False, 0.0)
        for name, one in call.observed.items():
            found = one.explained(_in_range(made[name], _typed(name, call.p, call.dtype)))  # type: ignore[index]
            distance += found.distance
            if not found.good:
                return Explained(False, found.inside, distance)
        return Explained(True, True, distance)

    @staticmethod
    def _misshapen(made: dict[str, Any], call: Call) -> bool:
        """Whether an answer has another shape than is due, as that of the implementation has."""
        p = call.p
        if call.dout is not None:
            return any(made[name].shape != p.arrays[of].shape for name, of in p.gradients.items())
        return any(made[name].shape != due(name, p) for name in call.results)

    @staticmethod
    def _unlike(made: dict[str, Any], call: Call) -> bool:
        """Whether dtype, shapes or the state of the inputs tell two answers apart."""
        typed = call.typed if made["dtype"] is None else made["dtype"] == call.dtype
        shaped = all(made[name].shape == one.value.shape for name, one in call.observed.items())
        return made["altered"] != call.altered or not typed or not shaped

    def _answer(self, function: Any, call: Call) -> dict[str, Any] | None:
        p = call.p
        axes = operation_named(p.operation).arguments
        arrays = [self._delivered(x, p.memory, in_layout(axes[name])) for name, x in p.arrays.items()]
        options = _copied(p.options)
        try:
            with np.errstate(all="ignore"):
                if call.dout is not None:
                    found = function(call.dout, *arrays, **{**p.options, **self.kept})
                    return {**dict(zip(p.gradients, found, strict=True)), "dtype": None, "altered": False}
                answer = function(*arrays, **options, **dict.fromkeys(call.asked, True), **self.kept)
        except ValueError:
            return None
        pairs = [*zip(arrays, p.arrays.values(), strict=True), *_pairs(options, p.options)]
        altered = any(x.tobytes() != own.tobytes() for x, own in pairs)
        return {"dtype": None, **answer._asdict(), "altered": altered}

    def _delivered(self, x: Any, memory: str, laid_out: bool) -> Any:
        """x in memory as the implementation gets it, so that a mistake about strides shows."""
        layout = self.layout if laid_out else None
        if memory == "contiguous" and layout in (None, "bhsd"):
            return x.copy()
        swapped = layout_back(x, layout)
        return layout_back(place(swapped, _memory(memory, swapped)).view(), layout)


def _typed(name: str, p: Problem, dtype: str | None = None) -> str:
    """The dtype of a result, where the output has a dtype, that of the problem where none is said."""
    result = operation_named(p.operation).results.get(name)
    return (result.dtype if result is not None else "") or dtype or p.dtype


def _copied(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with states of their own, which a mistake may write into."""
    return {name: tuple(x.copy() for x in value) if _several(value) else value for name, value in options.items()}


def _pairs(options: Mapping[str, Any], own: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """States as they are after a call, each with what it was."""
    return [pair for name, value in own.items() if _several(value) for pair in zip(options[name], value, strict=True)]


def _several(value: Any) -> bool:
    """Whether an option is several arrays, as a state and its normaliser are."""
    return isinstance(value, tuple) and all(isinstance(part, np.ndarray) for part in value)


def _in_range(x: Any, dtype: str) -> Any:
    """x, infinite where the dtype that it came in has no number so large."""
    return np.where(np.isinf(round_to(x, dtype)), np.copysign(np.inf, x), x)


def applicable(made: Implementation, dtype: str, conventions: Mapping[str, str], options: frozenset[str]) -> list[Suspect]:
    """The faults that may show in a dtype, on calls with these options, under these conventions."""
    kept = {name: conventions[name] for name in operation_named(made.operation).conventions if name in conventions}
    return [
        Suspect(fault, kept, made.layout)
        for fault in FAULTS.values()
        if fault.operation == made.operation
        and fault.shows_in(dtype)
        and not fault.equivalent
        and set(fault.needs) <= options
        and not any(conventions.get(name) == choice for name, choice in fault.unless.items())
    ]
