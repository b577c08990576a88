"""The messages between a judge and a program in any language: JSON, a line each, over its standard input and output.

start, describe, any number of run, stop. Arrays lie in a file that both have open (descriptor 3 of the program), or in .npy
files in a folder, as the program says when it describes itself. docs/other-languages.md tells it to who writes one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from .messages import LONGEST, Channel, Garbled

__all__ = [
    "VERSION",
    "Begin",
    "Begun",
    "Complaint",
    "Itself",
    "LineChannel",
    "Place",
    "Results",
    "Run",
    "Stop",
    "Tell",
    "schema",
]

VERSION = 1


class Place(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An array of shape `shape`."""

    dtype: Annotated[str, Meta(description="float32, float16, bfloat16, float8_e4m3fn, float8_e5m2, bool or int32.")]
    shape: list[Annotated[int, Meta(ge=0)]]
    strides: Annotated[
        list[int],
        Meta(description="Elements from one entry to the next, by axis. Left out of a result, which is in order of C."),
    ] = []
    start: Annotated[int, Meta(ge=0, description="The byte of the shared file at which the first entry begins.")] = 0
    file: Annotated[str, Meta(description="The .npy file that holds it, where arrays are npy.")] = ""


class Begin(msgspec.Struct, tag="start", forbid_unknown_fields=True):
    """The first message to a program."""

    protocol: Annotated[int, Meta(description="The version of these messages.")]
    folder: Annotated[str, Meta(description="Where .npy files are, and are put.")]


class Tell(msgspec.Struct, tag="describe", forbid_unknown_fields=True):
    """Asks a program to describe itself."""


class Run(msgspec.Struct, tag="run", forbid_unknown_fields=True):
    """Asks for one call."""

    arguments: dict[str, Place]
    options: Annotated[
        dict[str, Any],
        Meta(description="Those that are given, of the options that it has. An array is an object as in arguments."),
    ]
    features: Annotated[int, Meta(description="D, from which a default scale follows.")]
    size: Annotated[int, Meta(description="Bytes of the shared file that hold what is given; results begin there or later.")]


class Stop(msgspec.Struct, tag="stop", forbid_unknown_fields=True):
    """The last message to a program, which ends with exit code 0."""


class Begun(msgspec.Struct, tag="started", forbid_unknown_fields=True):
    """Answers start."""

    protocol: int


class Itself(msgspec.Struct, tag="described", forbid_unknown_fields=True, kw_only=True):
    """Answers describe. What else is left out is as in attnspec.implementation."""

    name: Annotated[str, Meta(min_length=1)]
    operation: str
    arrays: Literal["shared", "npy"] = "shared"
    layout: Literal["bhsd", "bshd"] = "bhsd"
    dtypes: tuple[str, ...] = ("float32",)
    options: list[str] = []
    conventions: dict[str, str] = {}
    claims: list[str] = []
    arithmetic: Any = None
    sizes: dict[str, Any] = {}
    always: dict[str, Any] = {}
    notes: list[str] = []


class Results(msgspec.Struct, tag="returned", forbid_unknown_fields=True):
    """Answers run: the output, then what options ask for, as the operation has them; a list where one asks for several."""

    results: list[Place | list[Place]]


class Complaint(msgspec.Struct, tag="raised", forbid_unknown_fields=True):
    """Answers run where the program refuses the call, and any message that it does not know."""

    message: str


MESSAGES = Begin | Tell | Run | Stop
ANSWERS = Begun | Itself | Results | Complaint


class LineChannel(Channel):
    """One end of a line on which each message is a line of JSON."""

    _read_so_far = b""

    def send(self, message: Any) -> None:
        self.end.sendall(json.dumps(msgspec.to_builtins(message)).encode() + b"\n")

    def receive(self, form: Any, ready: Callable[[], None] = lambda: None) -> Any:
        while b"\n" not in self._read_so_far:
            if len(self._read_so_far) > LONGEST:
                raise Garbled(f"a line of more than {LONGEST} bytes")
            ready()
            try:
                part = self.end.recv(1 << 16)
            except ConnectionError:
                return None
            if not part:
                return None
            self._read_so_far += part
        line, _, self._read_so_far = self._read_so_far.partition(b"\n")
        try:
            return msgspec.convert(json.loads(line), form)
        except (ValueError, RecursionError) as error:
            raise Garbled(f"no message: {error}: {line[:60]!r}") from None


def schema() -> dict[str, Any]:
    """A JSON Schema of each message, under its name."""
    _, parts = msgspec.json.schema_components([MESSAGES, ANSWERS], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages between attnspec and a program that implements attention",
        "anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in (Begin, Tell, Run, Stop, Begun, Itself, Results, Complaint)],
        "$defs": parts,
    }
