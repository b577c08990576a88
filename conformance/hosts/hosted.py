"""An implementation in a host, as the engine calls it: arrays are laid in shared memory, and what came is read from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ...adapters.arrays import NoGradient, layout_to
from ...adapters.contract import ContractError, Implementation
from ...adapters.first_use import FirstUse
from ...adapters.memory import Placement, place
from .host import WHAT
from .line import Ended, Line
from .messages import Answer, Array, Call, Came, Each, Garbled, NotAsked, Returned, Several, Threw, Used
from .raised import Raised
from .shared import Laid, dtype_named

__all__ = ["Brought", "Hosted", "HostedArrays", "Together"]


class Brought:
    """One thing that a host returned. kind: the name of its type there. shape: None where it has none."""

    def __init__(self, kind: str, shape: Sequence[int] | None, array: Any, why: str) -> None:
        self.kind, self.shape = kind, None if shape is None else tuple(shape)
        self.array, self.why = array, why


class Together(tuple[Any, ...]):
    """Things that a host returned together. why: they are no array."""

    why = ""


class HostedArrays:
    """Arrays that are laid for a host: `to_framework` places them, and the host makes them its framework's."""

    def __init__(self) -> None:
        self.changed: set[int] = set()
        """Placements, by id, of which only the host can see that they were changed."""

    def to_framework(
        self, array: Any, *, memory: str = "contiguous", layout: str | None = None, device: str | None = None
    ) -> Placement:
        """As in adapters.arrays.Arrays, but for the framework."""
        return place(layout_to(array, layout), memory)

    def from_framework(self, x: Any, what: str = "the output") -> Any:
        """The numbers of a Brought. Raises ContractError where they did not come, with the reason."""
        if x.why:
            raise ContractError(x.why.replace(WHAT, what))
        return x.array

    def snapshot(self, x: Placement) -> bytes:
        """The bytes of a placement."""
        return (b"changed" if id(x) in self.changed else b"") + x.buffer.tobytes()


class Hosted:
    """The calls of one implementation that runs in a host.

    place: the device on which it computes. backward_address: as in Implementation.
    """

    def __init__(self, line: Line, place: str, backward_address: str) -> None:
        self.line, self.place, self.backward_address = line, place, backward_address
        self.arrays: Any = HostedArrays()
        self.programs = 0

    def compilations(self) -> int:
        """Programs that the framework of the host has compiled, as far as it was asked."""
        return self.programs

    def forward(self, made: Implementation, arguments: Sequence[Any], options: Mapping[str, Any], features: int) -> Any:
        """What a call returns. Raises Raised, Ended, SystemExit."""
        return self._returned(*self._ask("forward", arguments, options, features))

    def backward(
        self, made: Implementation, upstream: Any, arguments: Sequence[Any], options: Mapping[str, Any], features: int
    ) -> Any:
        """What a backward pass returns. Raises Raised, Ended, SystemExit, NoGradient."""
        return self._returned(*self._ask("backward", arguments, options, features, upstream))

    def first_use(
        self, made: Implementation, names: Sequence[str], arguments: Sequence[Any], options: Mapping[str, Any], features: int
    ) -> FirstUse | None:
        """How arrays are first combined. Raises Raised, Ended, SystemExit."""
        answer, _ = self._ask("first_use", arguments, options, features, names=list(names))
        if not isinstance(answer, Used) or answer.operations is None:
            return None
        return FirstUse(tuple(answer.operations), tuple(answer.changed))

    def supports(self, made: Implementation, p: Any) -> str | None:
        """Why it refuses a problem, or None. Raises Raised, Ended, SystemExit."""
        options = {name: _as_placed(value) for name, value in p.options.items()}
        answer, _ = self._ask("supports", (), options, p.sizes.get("d", 1), sizes=dict(p.sizes), dtype=p.dtype)
        return answer.why if isinstance(answer, NotAsked) else None

    def _ask(
        self,
        what: str,
        arguments: Sequence[Any],
        options: Mapping[str, Any],
        features: int,
        upstream: Any = None,
        **about: Any,
    ) -> tuple[Answer, Laid]:
        laid = Laid()
        given = [laid.add(x) for x in arguments]
        said = {name: _each(value, laid) for name, value in options.items()}
        above: Array | None = None if upstream is None else laid.add(upstream)
        content = laid.content()
        answer = self.line.ask(Call(what, len(content), given, said, features, above, **about), content, Answer)
        if isinstance(answer, Threw):
            if "SystemExit" in answer.kinds:
                raise SystemExit(answer.code)
            raise Raised(answer.kinds, answer.said, answer.trace)
        after = self.line.read(0, len(content))
        if after != content:
            laid.take_back(after)
        return answer, laid

    def _returned(self, answer: Answer, laid: Laid) -> Any:
        if isinstance(answer, NotAsked):
            raise NoGradient(str(answer.why))
        if not isinstance(answer, Returned):
            raise self._nonsense(f"{type(answer).__name__} where a result was due")
        self.programs = answer.compilations
        self.arrays.changed = {id(laid.placements[n]) for n in answer.altered if 0 <= n < len(laid.placements)}
        try:
            return self._read(answer.result)
        except (Garbled, ValueError, OverflowError) as why:
            raise self._nonsense(str(why)) from None

    def _read(self, came: Came | Several) -> Any:
        if isinstance(came, Several):
            found = Together(self._read(part) for part in came.parts)
            found.why = came.why
            return found
        if came.why or came.shape is None:
            return Brought(came.kind, came.shape, None, came.why or f"{WHAT} is no array")
        try:
            dtype = dtype_named(came.dtype)
        except Garbled:
            why = f"{WHAT} has the dtype {came.dtype}, which is no floating dtype of the contract"
            return Brought(came.kind, came.shape, None, why)
        if min(came.shape, default=0) < 0 or came.start < 0:
            raise Garbled(f"an array of shape {came.shape} at byte {came.start}")
        content = self.line.read(came.start, prod(came.shape) * dtype.itemsize)
        array = np.frombuffer(bytearray(content), dtype).reshape(came.shape)
        return Brought(came.kind, came.shape, array, "")

    def _nonsense(self, why: str) -> Ended:
        self.line.ended = self.line.give_up(f"answered nonsense ({why})")
        return self.line.ended


def _each(value: Any, laid: Laid) -> Each:
    """The value of an option, as it crosses. Raises TypeError for one that does not."""
    if isinstance(value, Placement):
        return Each(array=laid.add(value))
    if isinstance(value, tuple) and any(isinstance(part, Placement | tuple) for part in value):
        return Each(several=[_each(part, laid) for part in value])
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | str | tuple | None):
        raise TypeError(f"{type(value).__name__} is no value of an option that crosses to a host")
    return Each(plain=list(value) if isinstance(value, tuple) else value)


def _as_placed(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_as_placed, value))
    return place(value) if isinstance(value, np.ndarray) else value
