"""What a host does: it loads one implementation, makes the calls that it is asked for, and says what came of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...adapters.arrays import NoGradient, arrays_for, check_device
from ...adapters.contract import ContractError, Implementation
from ...adapters.finding import find
from ...adapters.first_use import first_use
from ...adapters.memory import Placement
from ..operations.known import load_installed
from .description import described, tuples
from .messages import (
    Answer,
    Call,
    Came,
    Channel,
    Describe,
    Described,
    Each,
    NotAsked,
    Question,
    Returned,
    Several,
    Start,
    Started,
    Threw,
    Used,
)
from .raised import Raised
from .shared import LARGEST, Mapped

__all__ = ["WHAT", "serve"]

WHAT = "{what}"
"""Stands in a reason for the name of the result, which only the judge knows."""

DEEPEST, MOST = 3, 64
"""Tuples in tuples of a result that are looked into, and parts of one."""


def serve(channel: Channel, shared: Mapped) -> None:
    """Answer until the judge is gone."""
    host = Host(shared)
    while (question := channel.receive(Question)) is not None:
        channel.send(host.answer(question))


@dataclass(frozen=True)
class Given:
    """What a call is given, in the arrays of its framework. placed: each array with its placement, as they were laid."""

    arguments: list[Any]
    options: dict[str, Any]
    upstream: Any
    placed: list[tuple[Placement, Any]]


class Host:
    """One host, which has an implementation once it was told to start."""

    def __init__(self, shared: Mapped) -> None:
        self.shared = shared
        self.made: Implementation | None = None

    def answer(self, question: Question) -> Answer:
        """What is answered to a question. Raises nothing that an implementation raises."""
        if isinstance(question, Describe):
            return self._describe(question.address)
        if isinstance(question, Start):
            return self._start(question)
        assert self.made is not None
        try:
            with np.errstate():
                return CALLS[question.what](self, question, self.made)
        except NoGradient as reason:
            return NotAsked(str(reason))
        except BaseException as error:  # SystemExit and KeyboardInterrupt of an implementation are its own.
            return _threw(error)

    def _describe(self, address: str) -> Described:
        try:
            load_installed()
            found = find(address)
            for made in found:
                check_device(made)
            return Described([described(made) for made in found])
        except ContractError as mistake:
            return Described([], str(mistake))
        except KeyboardInterrupt:
            return Described([], f"{address} raises KeyboardInterrupt when it is imported")
        except Exception as error:  # Of a framework that does not come up, or of what a kernel did to this process.
            return Described([], f"{address} cannot be described: {Raised.by(error)}")

    def _start(self, start: Start) -> Started:
        try:
            load_installed()
            named = [made for made in find(start.address) if made.name == start.name]
        except (ContractError, KeyboardInterrupt) as mistake:
            return Started(str(mistake) or f"{start.address} raises KeyboardInterrupt when it is imported")
        if not named:
            return Started(f"{start.address} has no implementation {start.name!r} any more")
        self.made = named[0]
        arrays_for(self.made.arrays).compilations()  # They are counted from now on.
        return Started()

    def _given(self, call: Call, made: Implementation) -> Given:
        """The arrays of a call, in the order in which they were laid: arguments, options, upstream."""
        arrays, placed = arrays_for(made.arrays), []

        def of(array: Any) -> Any:
            placement = self.shared.placement(array)
            placed.append((placement, arrays.placed(placement, made.device)))
            return placed[-1][1]

        arguments = [of(array) for array in call.arguments]
        options = {name: _value(each, of) for name, each in call.options.items()}
        return Given(arguments, options, None if call.upstream is None else of(call.upstream), placed)

    def forward(self, call: Call, made: Implementation) -> Answer:
        """One call of the function."""
        given = self._given(call, made)
        keywords = made.keywords.of(given.options, call.features)
        return self._watched(call, made, given, lambda: made.function(*given.arguments, **keywords))

    def backward(self, call: Call, made: Implementation) -> Answer:
        """One backward pass: its own, or that of its framework."""
        given = self._given(call, made)
        keywords = made.keywords.of(given.options, call.features)
        if callable(made.backward):
            own = made.backward
            return self._watched(call, made, given, lambda: own(given.upstream, *given.arguments, **keywords))
        arrays = arrays_for(made.arrays)
        return self._watched(
            call, made, given, lambda: arrays.gradients(made.function, given.arguments, keywords, given.upstream)
        )

    def _watched(self, call: Call, made: Implementation, given: Given, run: Callable[[], Any]) -> Answer:
        arrays = arrays_for(made.arrays)
        watched = [] if arrays.shares(made.device) else [x for _, x in given.placed]
        before = [arrays.snapshot(x) for x in watched]
        result = run()
        came = self._came(result, made, call.size)
        altered = [place for place, x in enumerate(watched) if arrays.snapshot(x) != before[place]]
        return Returned(came, altered, arrays.compilations())

    def first_use(self, call: Call, made: Implementation) -> Answer:
        """How the arrays of a call are first combined."""
        given = self._given(call, made)
        keywords = made.keywords.of(given.options, call.features)
        used = first_use(made.arrays, made.function, dict(zip(call.names, given.arguments, strict=True)), keywords)
        return Used(None, []) if used is None else Used(list(used.operations), list(used.changed))

    def supports(self, call: Call, made: Implementation) -> Answer:
        """Why `supports` refuses a problem, which it sees as NumPy has it."""
        options = {name: _value(each, lambda array: self.shared.placement(array).view()) for name, each in call.options.items()}
        view: Any = SimpleNamespace(**call.sizes, sizes=call.sizes, dtype=call.dtype, options=options)
        reason = None if made.supports is None else made.supports(view)
        return NotAsked(None if reason is None else str(reason))

    def _came(self, result: Any, made: Implementation, size: int) -> Came | Several:
        """What was returned, its numbers behind those that were given."""
        arrays, kept = arrays_for(made.arrays), list[tuple[Came, Any]]()

        def leaf(x: Any) -> Came:
            shape = _shape(x)
            came = Came(type(x).__name__, shape)
            if shape is not None and 8 * prod(shape) > LARGEST:
                came.why = f"{WHAT} of shape {tuple(shape)} is larger than {LARGEST} bytes"
                return came
            try:
                array = arrays.from_framework(x, WHAT)
            except ContractError as error:
                came.why = str(error)
                return came
            came.shape, came.dtype = list(array.shape), str(array.dtype)
            kept.append((came, array))
            return came

        def tree(x: Any, depth: int) -> Came | Several:
            if isinstance(x, tuple | list) and depth and len(x) <= MOST:
                return Several([tree(each, depth - 1) for each in x], leaf(x).why)
            return leaf(x)

        found = tree(result, DEEPEST)
        places = self.shared.keep([array for _, array in kept], size)
        for (came, _), place in zip(kept, places, strict=True):
            came.start = place
        return found


CALLS: Mapping[str, Callable[[Host, Call, Implementation], Answer]] = {
    "forward": Host.forward,
    "backward": Host.backward,
    "first_use": Host.first_use,
    "supports": Host.supports,
}


def _value(each: Each, of: Callable[[Any], Any]) -> Any:
    if each.array is not None:
        return of(each.array)
    if each.several is not None:
        return tuple(_value(part, of) for part in each.several)
    return tuples(each.plain)


def _shape(x: Any) -> list[int] | None:
    shape = getattr(x, "shape", None)
    if not isinstance(shape, Sequence) or not all(isinstance(length, int) for length in shape):
        return None
    return list(map(int, shape))


def _threw(error: BaseException) -> Threw:
    raised = Raised.by(error)
    code: int | str | None = None
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int | str) else None
    return Threw(list(raised.kinds), str(raised), raised.trace, code)


def be_one(line: int, shared: int) -> None:
    """Be a host at the end of a line, with a file for shared memory, both as descriptors; never returns."""
    import socket

    try:
        serve(Channel(socket.socket(fileno=line)), Mapped(shared))
    finally:
        os._exit(0)
