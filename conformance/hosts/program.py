"""An implementation that is a program in any language: `process:./my_kernel --flag`. The messages are those of protocol.py."""

from __future__ import annotations

import inspect
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...adapters.arrays import NoGradient
from ...adapters.contract import ContractError, Implementation, implementation_of
from ...adapters.memory import Placement
from ...spec.operations import operations
from .host import WHAT
from .hosted import Brought, HostedArrays, Together
from .line import LOADING, Ended, Line
from .messages import Garbled
from .protocol import ANSWERS, VERSION, Begin, Begun, Complaint, Itself, LineChannel, Place, Results, Run, Stop, Tell
from .raised import Raised
from .server import start
from .shared import Laid, dtype_named

__all__ = ["PREFIX", "Program", "described_program", "is_program", "program_at"]

PREFIX = "process:"

SAID_IN_FILES = ("float32", "float16")
"""Dtypes of the contract that .npy files know."""

ENDING = 5.0
"""Seconds in which a program ends that was told to stop."""


def is_program(address: str) -> bool:
    """Whether an address names a program."""
    return address.startswith(PREFIX)


def described_program(address: str, seconds: float) -> dict[str, Any]:
    """What a program says of itself, JSON-ready. seconds: that this may take. Raises ContractError."""
    calls = Program(_command(address))
    try:
        told: Itself | Complaint = calls.line.ask(Tell(), b"", Itself | Complaint, seconds)
        if isinstance(told, Complaint):
            raise ContractError(f"{address} does not describe itself: {told.message}")
        calls.stopped()
    except Ended as ended:
        raise ContractError(f"{address} does not describe itself: it {'; '.join([str(ended), *ended.lines])}") from None
    finally:
        calls.line.close()
    data: dict[str, Any] = msgspec.to_builtins(told)
    return data


def program_at(address: str, data: Mapping[str, Any]) -> Implementation:
    """The implementation that a program is, by what it said of itself. Raises ContractError."""
    told = msgspec.convert(data, Itself)
    return replace(_declared(told, address), host=Program(_command(address), in_files=told.arrays == "npy"))


def _command(address: str) -> list[str]:
    try:
        command = shlex.split(address.removeprefix(PREFIX))
    except ValueError as error:
        raise ContractError(f"{address}: {error}; quote it as a shell wants it") from None
    if not command:
        raise ContractError(f"{address} names no program; write process:./my_kernel, with its arguments if it has some")
    return command


def _declared(told: Itself, address: str) -> Implementation:
    """Its description, held to what a decorator would be held to."""
    known = operations()
    if told.operation not in known:
        raise ContractError(f"{address} computes {told.operation!r}, which is no operation; known: {', '.join(known)}")
    unknown = [name for name in told.options if name not in known[told.operation]["options"]]
    if unknown:
        raise ContractError(
            f"{address} has the option {unknown[0]!r}, which is none of {told.operation}; "
            f"known: {', '.join(known[told.operation]['options'])}"
        )
    if told.arrays == "npy" and (unsaid := [name for name in told.dtypes if name not in SAID_IN_FILES]):
        raise ContractError(f"{address}: .npy files do not know {unsaid[0]}; have arrays shared, or leave it out of dtypes")
    return implementation_of(
        _Declared(told.operation, told.options),
        operation=told.operation,
        name=told.name,
        layout=told.layout,
        dtypes=told.dtypes,
        conventions=told.conventions,
        claims=told.claims,
        arithmetic=told.arithmetic,
        backward=False,
        sizes=told.sizes,
        always=told.always,
        notes=told.notes,
        origin=address,
    )


class _Declared:
    """Stands for a function of which only the signature is known."""

    def __init__(self, operation: str, options: Sequence[str]) -> None:
        stated = operations()[operation]
        by_position = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in stated["arguments"]]
        by_name = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=stated["options"][name]["default"])
            for name in options
        ]
        self.__signature__ = inspect.Signature([*by_position, *by_name])

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError("this implementation is a program; it is called through its host")


class Unheard(msgspec.Struct, tag="unheard-of"):
    """A message that no program knows."""


class Program:
    """The calls of a program. in_files: whether its arrays are .npy files."""

    place, backward_address = "cpu", ""

    def __init__(self, command: Sequence[str], in_files: bool = False) -> None:
        self.arrays: Any = HostedArrays()
        self.in_files = in_files
        self._folder = tempfile.TemporaryDirectory(prefix="attnspec-npy-")
        self.line = Line(partial(start, "", command=command), self._greet, LineChannel)

    def _greet(self, ask: Any) -> str:
        begun = ask(Begin(VERSION, self._folder.name), Begun | Complaint)
        if isinstance(begun, Complaint):
            return begun.message
        return "" if begun.protocol == VERSION else f"it speaks version {begun.protocol} of the protocol, and not {VERSION}"

    def stopped(self) -> None:
        """Ask it to stop. Raises Ended where it does not, in time and with exit code 0."""
        self.line.stop(Stop(), ENDING)

    def findings(self) -> Iterator[tuple[bool, str]]:
        """What of the protocol it keeps beside the messages that runs need, in sentences."""
        try:
            answer = self.line.ask(Unheard(), b"", ANSWERS, ENDING)
            good = isinstance(answer, Complaint)
            yield good, f"answers {'raised' if good else 'something else than raised'} to a message that it does not know"
            self.stopped()
            yield True, "ends with exit code 0 when it is told to stop"
        except Ended as ended:
            yield False, f"protocol: it {'; '.join([str(ended), *ended.lines])}"
        self.line.renew(LOADING, LOADING)

    def compilations(self) -> int:
        return 0

    def supports(self, made: Implementation, p: Any) -> str | None:
        return None

    def first_use(self, *call: Any) -> None:
        return None

    def backward(self, *call: Any) -> Any:
        raise NoGradient("a program has no backward pass in this version of the protocol")

    def forward(self, made: Implementation, arguments: Sequence[Any], options: Mapping[str, Any], features: int) -> Any:
        """What a call returns. Raises Raised where the program complains, and Ended."""
        laid = Laid()
        names = operations()[made.operation]["arguments"]
        given = {name: self._placed(x, laid, name) for name, x in zip(names, arguments, strict=True)}
        keywords = made.keywords.of(options, features)
        said = {name: self._value(value, laid, name) for name, value in keywords.items()}
        content = laid.content()
        answer = self.line.ask(Run(given, said, features, len(content)), content, Results | Complaint)
        if isinstance(answer, Complaint):
            raise Raised(["Exception"], f"{answer.message.partition(chr(10))[0][:300]}", answer.message.splitlines()[:40])
        after = self.line.read(0, len(content))
        if after != content:
            laid.take_back(after)
        try:
            found = [tuple(map(self._read, part)) if isinstance(part, list) else self._read(part) for part in answer.results]
        except (Garbled, ValueError, OSError, EOFError, MemoryError) as why:
            self.line.ended = self.line.give_up(f"answered nonsense ({why})")
            raise self.line.ended from None
        together = Together(found)
        together.why = f"{WHAT} came as {len(found)} results; return what was asked for, and no more"
        return found[0] if len(found) == 1 else together

    def _placed(self, x: Placement, laid: Laid, name: str) -> Place:
        if self.in_files:
            file = Path(self._folder.name) / f"{name}.npy"
            np.save(file, np.ascontiguousarray(x.view()))
            return Place(x.buffer.dtype.name, list(x.shape), file=str(file))
        array = laid.add(x)
        first = array.start + array.offset * x.buffer.dtype.itemsize
        return Place(array.dtype, array.shape, array.strides, first)

    def _value(self, value: Any, laid: Laid, name: str) -> Any:
        if isinstance(value, Placement):
            return self._placed(value, laid, name)
        if isinstance(value, tuple):
            return [self._value(part, laid, f"{name}-{n}") for n, part in enumerate(value)]
        return value.item() if isinstance(value, np.generic) else value

    def _read(self, place: Place) -> Brought:
        if self.in_files:
            inside = Path(self._folder.name, place.file).resolve()
            if inside.parent != Path(self._folder.name).resolve():
                raise Garbled(f"{place.file} is not in the folder of the program")
            with inside.open("rb") as opened:
                array = np.lib.format.read_array(opened, allow_pickle=False)
            if str(array.dtype) != place.dtype or list(array.shape) != place.shape:
                raise Garbled(f"{place.file} holds {array.dtype} of shape {array.shape}, and is said to hold {place.dtype}")
        else:
            dtype = dtype_named(place.dtype)
            content = self.line.read(place.start, prod(place.shape) * dtype.itemsize)
            array = np.frombuffer(bytearray(content), dtype).reshape(place.shape)
        return Brought("array", array.shape, array, "")
