"""Which implementations addresses name, found out in a host: the judge imports none of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ...adapters import trial_import
from ...adapters.contract import ContractError, Implementation
from ...adapters.shipped import SHIPPED
from ..remembered import kept_for_a_run
from .description import read_description
from .hosted import Hosted
from .line import LOADING, Ended, Line
from .messages import Describe, Described, Start, Started
from .program import described_program, is_program, program_at
from .server import start

__all__ = ["descriptions", "hosted_at", "hosts_can_be_had", "take_over"]

PRELOADED = {"numpy": "", "torch": "torch", "jax": "jax"}
"""Arrays → the module that a host has imported before it is asked for anything."""

_DESCRIBED: dict[str, list[dict[str, Any]]] = kept_for_a_run({})
"""By address, as long as a run goes on."""


def hosts_can_be_had() -> bool:
    """Whether the system has what hosts are made of."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


def hosted_at(address: str, seconds: float | None = None) -> list[Implementation]:
    """The implementations that an address names, as `find` has them, each to be called in a host of its own.

    seconds: that importing it may take, if that is less than usual. Raises ContractError.
    """
    if address not in _DESCRIBED:
        given = min(seconds or LOADING, LOADING)
        _DESCRIBED[address] = [described_program(address, given)] if is_program(address) else _described(address, given)
    return [program_at(address, data) if is_program(address) else _hosted(data, address) for data in _DESCRIBED[address]]


def descriptions() -> Mapping[str, list[dict[str, Any]]]:
    """What is known of addresses, JSON-ready, for another process of the same run."""
    return dict(_DESCRIBED)


def take_over(known: Mapping[str, list[dict[str, Any]]]) -> None:
    """Know what another process of the same run has found out."""
    _DESCRIBED.update(known)


def _described(address: str, seconds: float) -> list[dict[str, Any]]:
    line = Line(partial(start, _framework_of(address)))
    try:
        found: Described = line.ask(Describe(address), b"", Described, seconds)
    except Ended as ended:
        raise ContractError(_told(address, ended, seconds)) from None
    finally:
        line.close()
    if found.mistake:
        raise ContractError(found.mistake)
    return found.implementations


def _told(address: str, ended: Ended, seconds: float) -> str:
    if ended.hung:
        return trial_import.no_end(address, seconds)
    return f"{address}, when it was imported, {ended}" if ended.code is None else trial_import.ended(address, ended.code)


def _framework_of(address: str) -> str:
    """What the host of a shipped implementation needs; nothing is known of others."""
    rows = [row for row in SHIPPED.values() if address in (row.name, row.family)]
    needed = {name for row in rows for name in row.needs}
    return next((name for name in PRELOADED.values() if name and name in needed), "")


def _hosted(data: dict[str, Any], address: str) -> Implementation:
    try:
        made, told = read_description(data)
    except ValueError as error:
        raise ContractError(f"{address}: its host gave no description of it: {error}") from None
    begin = Start(address, made.name)
    line = Line(partial(start, PRELOADED.get(made.arrays, "")), lambda ask: str(ask(begin, Started).mistake))
    return replace(made, host=Hosted(line, told.place, told.backward_address))
