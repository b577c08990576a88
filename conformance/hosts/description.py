"""An implementation in words that cross a line: all but what computes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ...adapters.contract import ContractError, Implementation
from ...adapters.device import device_of
from ...adapters.signature import Keywords
from ...adapters.written_takes import read_takes, written_takes

__all__ = ["Description", "described", "read_description", "tuples"]


class Description(msgspec.Struct, forbid_unknown_fields=True):
    """What stands in an Implementation, JSON-ready. backward: True where it has a function of its own for it.

    backward_address: as in Implementation. place: the device on which it computes, also where it names none.
    """

    name: str
    operation: str
    arrays: str
    layout: str
    dtypes: tuple[str, ...]
    options: list[str]
    conventions: dict[str, str]
    claims: list[str]
    arithmetic: Any
    backward: bool | None
    backward_options: list[str]
    supports: bool
    device: str | None
    mode: str
    takes: dict[str, Any]
    names: dict[str, str]
    absent: list[str]
    own: dict[str, Any]
    signature: str
    misnamed: dict[str, str]
    notes: tuple[str, ...]
    origin: str
    backward_address: str
    place: str


def described(made: Implementation) -> dict[str, Any]:
    """Raises ContractError where something of it is nothing that JSON can say."""
    told = Description(
        name=made.name,
        operation=made.operation,
        arrays=made.arrays,
        layout=made.layout,
        dtypes=made.dtypes,
        options=sorted(made.options),
        conventions=dict(made.conventions),
        claims=sorted(made.claims),
        arithmetic=dict(made.arithmetic) if isinstance(made.arithmetic, Mapping) else made.arithmetic,
        backward=True if callable(made.backward) else made.backward,
        backward_options=sorted(made.backward_options),
        supports=made.supports is not None,
        device=made.device,
        mode=made.mode,
        takes=written_takes(made.takes),
        names=dict(made.keywords.names),
        absent=sorted(made.keywords.absent),
        own=dict(made.keywords.own),
        signature=made.signature,
        misnamed=dict(made.misnamed),
        notes=made.notes,
        origin=made.origin,
        backward_address=made.backward_address,
        place=device_of(made),
    )
    try:
        data: dict[str, Any] = json.loads(json.dumps(msgspec.to_builtins(told)))
    except (TypeError, ValueError) as error:
        raise ContractError(f"{made.name}: its declaration is not made of plain numbers and text alone: {error}") from None
    return data


def read_description(data: Mapping[str, Any]) -> tuple[Implementation, Description]:
    """The implementation, whose functions are elsewhere, and all that is said. Raises ValueError for what says too little."""
    told = msgspec.convert(data, Description)
    made = Implementation(
        name=told.name,
        function=_elsewhere,
        operation=told.operation,
        arrays=told.arrays,
        layout=told.layout,
        dtypes=told.dtypes,
        options=frozenset(told.options),
        conventions=told.conventions,
        claims=frozenset(told.claims),
        arithmetic=told.arithmetic,
        backward=_elsewhere if told.backward else told.backward,
        backward_options=frozenset(told.backward_options),
        supports=_elsewhere if told.supports else None,
        device=told.device,
        mode=told.mode,
        takes=read_takes(told.takes),
        keywords=Keywords(told.names, frozenset(told.absent), {name: tuples(value) for name, value in told.own.items()}),
        signature=told.signature,
        misnamed=told.misnamed,
        notes=told.notes,
        origin=told.origin,
    )
    return made, told


def _elsewhere(*arguments: Any, **keywords: Any) -> Any:
    """Stands where a function was that lives in another process."""
    raise RuntimeError("this implementation runs in a host; it is called through that")


def tuples(value: Any) -> Any:
    """A value that crossed as JSON, whose lists stand for tuples."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
