"""The messages between a judge and a host, and how they cross: the length in four bytes, then JSON.

What a host answers is held to these types before anything looks at it.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from typing import Any

import msgspec

__all__ = [
    "Answer",
    "Array",
    "Call",
    "Came",
    "Channel",
    "Describe",
    "Described",
    "Each",
    "Garbled",
    "NotAsked",
    "Question",
    "Returned",
    "Several",
    "Start",
    "Started",
    "Threw",
    "Used",
]

LENGTH = struct.Struct("<I")

LONGEST = 1 << 22
"""Bytes of a message. Arrays cross elsewhere, so the largest describes a family of implementations."""


class Garbled(Exception):
    """What came is no message. The text says how."""


class Array(msgspec.Struct):
    """Where an array lies in the shared memory: `length` elements from byte `start` on, of which the array is a view.

    shape, strides, offset: of the view, in elements, as in adapters.memory.Placement.
    """

    dtype: str
    start: int
    length: int
    shape: list[int]
    strides: list[int]
    offset: int


class Each(msgspec.Struct):
    """The value of an option: an array, several, or a plain value, where lists stand for tuples."""

    array: Array | None = None
    several: list[Each] | None = None
    plain: Any = None


class Describe(msgspec.Struct, tag="describe"):
    """Say which implementations an address names."""

    address: str


class Start(msgspec.Struct, tag="start"):
    """Load the implementation that is called so, of those at an address, and be its host from now on."""

    address: str
    name: str


class Call(msgspec.Struct, tag="call"):
    """Call the implementation. size: bytes of the shared memory that hold what is given.

    what: `forward`, `backward`, `first_use` or `supports`. features: D, from which a default scale follows. upstream: the
    gradient of the output, for a backward pass. names: of the arguments. sizes, dtype: of the problem, for `supports`.
    """

    what: str
    size: int
    arguments: list[Array]
    options: dict[str, Each]
    features: int
    upstream: Array | None = None
    names: list[str] = []
    sizes: dict[str, int] = {}
    dtype: str = ""


Question = Describe | Start | Call


class Described(msgspec.Struct, tag="described"):
    """The implementations at an address; or why there are none, in words of the contract."""

    implementations: list[dict[str, Any]]
    mistake: str = ""


class Started(msgspec.Struct, tag="started"):
    """The implementation is loaded, or why it is not."""

    mistake: str = ""


class Came(msgspec.Struct, tag="came"):
    """One thing that was returned. kind: the name of its type. shape: None where it has none.

    start: where its numbers lie in the shared memory, in the order of C; -1 where they do not, because of `why`.
    """

    kind: str
    shape: list[int] | None = None
    dtype: str = ""
    start: int = -1
    why: str = ""


class Several(msgspec.Struct, tag="several"):
    """Things that were returned together, in a tuple or list. why: they are no array, where one is due."""

    parts: list[Came | Several]
    why: str = ""


class Returned(msgspec.Struct, tag="returned"):
    """What a call returned. altered: places, among the arrays that were given, of those that it changed, as far as only the
    host can see that. compilations: programs that the framework has compiled.
    """

    result: Came | Several
    altered: list[int] = []
    compilations: int = 0


class Threw(msgspec.Struct, tag="threw"):
    """A call raised. kinds: names of the type of the exception and of those that it is derived from."""

    kinds: list[str]
    said: str
    trace: list[str]
    code: int | str | None = None


class NotAsked(msgspec.Struct, tag="not_asked"):
    """The framework sees no gradient, and why; or why `supports` refuses, where there is a reason."""

    why: str | None


class Used(msgspec.Struct, tag="used"):
    """How arrays were first combined; None where no two of them are seen to meet."""

    operations: list[str] | None
    changed: list[str]


Answer = Described | Started | Returned | Threw | NotAsked | Used


class Channel:
    """One end of a line."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def send(self, message: Question | Answer) -> None:
        """Send a message. Raises OSError where nobody listens any more."""
        text = json.dumps(msgspec.to_builtins(message)).encode()
        self.end.sendall(LENGTH.pack(len(text)) + text)

    def receive(self, form: Any, ready: Callable[[], None] = lambda: None) -> Any:
        """The next message, which is of a form; None where the other end is closed.

        ready: called before each read, and returns when there is something to be read. Raises Garbled.
        """
        head = self._read(LENGTH.size, ready)
        if head is None:
            return None
        (length,) = LENGTH.unpack(head)
        if length > LONGEST:
            raise Garbled(f"a message of {length} bytes, of which {LONGEST} are allowed")
        text = self._read(length, ready)
        if text is None:
            return None
        try:
            return msgspec.convert(json.loads(text), form)
        except (ValueError, RecursionError) as error:  # msgspec's and json's errors are ValueErrors.
            raise Garbled(f"no message: {error}") from None

    def _read(self, length: int, ready: Callable[[], None]) -> bytes | None:
        found = bytearray()
        while len(found) < length:
            ready()
            try:
                part = self.end.recv(length - len(found))
            except ConnectionError:
                return None
            if not part:
                return None
            found += part
        return bytes(found)
