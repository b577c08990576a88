"""The operations by name. One that nobody registered is an error, and never taken for another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from ...adapters.loading import load_file, load_module
from ...spec.operations import UnknownOperation, add
from ...spec.stating import check_stated
from .fitting import check_record
from .operation import Operation

__all__ = [
    "GROUP",
    "WITH",
    "UnknownOperation",
    "known_operations",
    "load_installed",
    "load_parts",
    "operation_named",
    "register",
]

GROUP = "attnspec.operations"
"""The entry-point group in which installed packages name modules that register operations."""

WITH = "ATTNSPEC_WITH"
"""The environment variable that names modules and files to import first; `attnspec --with` sets it."""

_ADDED: dict[str, Operation] = {}


@cache
def _folders() -> tuple[str, ...]:
    """The packages beside this file, in the order of their names."""
    return tuple(sorted(f"{__package__}.{each.name}" for each in iter_modules([str(Path(__file__).parent)]) if each.ispkg))


@cache
def _shipped() -> dict[str, Operation]:
    """What these packages name `OPERATION`."""
    packages = (import_module(name) for name in _folders())
    return {each.OPERATION.name: each.OPERATION for each in packages if hasattr(each, "OPERATION")}


def load_parts(part: str) -> None:
    """Import a part of every folder that has it, as `words`, which are known once they are imported."""
    for name in (f"{folder}.{part}" for folder in _folders()):
        if find_spec(name) is not None:
            import_module(name)


def known_operations() -> Mapping[str, Operation]:
    """All operations by name, those that come with the kit first."""
    return {**_shipped(), **_ADDED}


def operation_named(name: str) -> Operation:
    """The record of an operation. Raises UnknownOperation."""
    found = _shipped().get(name) or _ADDED.get(name)
    if found is None:
        raise UnknownOperation(
            f"nothing computes the operation {name!r}; known: {', '.join(known_operations())}. An operation that is stated "
            "in a folder of spec needs a folder with its record in conformance/operations"
        )
    return found


def register(operation: Operation, folder: Path | None = None) -> None:
    """Make an operation known, and what its folder states.

    folder: with operation.yaml, and what else there is of laws/*.yaml, faults.yaml and conventions.yaml. Its name is that of
    the operation. Faults are made by functions with @fault, registered before. Raises ValueError where the name is taken, or
    the folder does not fit.
    """
    if operation.name in known_operations():
        raise ValueError(f"the operation {operation.name!r} is known already; register it once, or give this one another name")
    if folder is not None:
        if folder.name != operation.name:
            raise ValueError(f"{folder} states an operation, so its name is {operation.name!r}; rename one of the two")
        check_stated(folder)
        add(folder)
    if operation.definition is not None:
        from ...reference.faults.catalogue import define

        define(operation.name, operation.definition)
    _ADDED[operation.name] = operation
    if folder is not None:
        try:
            check_record(operation)
        except Exception:
            del _ADDED[operation.name]
            raise


def load_installed() -> None:
    """Import what registers operations: the entry points attnspec.operations of installed packages, and the modules and files
    named in the environment variable ATTNSPEC_WITH, separated as PATH is. Raises ContractError for one that cannot be imported.
    """
    _load(os.environ.get(WITH, ""))


@cache
def _load(named: str) -> None:
    for point in entry_points(group=GROUP):
        load_module(point.module)
    for each in filter(None, named.split(os.pathsep)):
        load_file(Path(each)) if each.endswith(".py") else load_module(each)
