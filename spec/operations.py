"""What is stated of each operation, in a folder of its own: operation.yaml, laws/*.yaml, faults.yaml and conventions.yaml.

The folders that come with the kit stand here in spec. One from elsewhere is added by `add`, and is as good as those.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from .reading import read

__all__ = ["UnknownOperation", "add", "added", "conventions", "faults", "folder_of", "law_files", "operations", "shipped"]

_FOLDERS: dict[str, Traversable] = {
    folder.name: folder
    for folder in sorted(files("attnspec.spec").iterdir(), key=lambda folder: folder.name)
    if folder.joinpath("operation.yaml").is_file()
}
_SHIPPED = frozenset(_FOLDERS)


class UnknownOperation(Exception):
    """Nothing is known of an operation of this name. The message names those that are known."""


def add(folder: Path) -> str:
    """Make known what a folder states; its name is that of the operation. Gives the name.

    Raises ValueError where the folder has no operation.yaml, or another folder has the name already.
    """
    folder = folder.resolve()
    if not (folder / "operation.yaml").is_file():
        raise ValueError(f"{folder} has no operation.yaml, which states the arguments, results and options of an operation")
    if _FOLDERS.get(folder.name, folder) != folder:
        raise ValueError(f"the operation {folder.name!r} is stated already, in {_FOLDERS[folder.name]}")
    _FOLDERS[folder.name] = folder
    for kept in (operations, conventions, faults, law_files):
        kept.cache_clear()
    return folder.name


def shipped() -> tuple[str, ...]:
    """The names of the operations that come with the kit."""
    return tuple(sorted(_SHIPPED))


def added() -> tuple[Traversable, ...]:
    """The folders that are from elsewhere, in the order in which they were added."""
    return tuple(folder for name, folder in _FOLDERS.items() if name not in _SHIPPED)


def folder_of(operation: str) -> Traversable:
    """The folder that states an operation. Raises UnknownOperation."""
    if operation not in _FOLDERS:
        raise UnknownOperation(f"nothing states the operation {operation!r}; known: {', '.join(_FOLDERS)}")
    return _FOLDERS[operation]


@cache
def operations() -> dict[str, Any]:
    """operation.yaml of each operation, by its name."""
    return {name: read(folder.joinpath("operation.yaml")) for name, folder in _FOLDERS.items()}


@cache
def conventions() -> dict[str, Any]:
    """The conventions of all operations, by name. Raises ValueError where two operations state one; `operations` names all
    that have it.
    """
    return _together("conventions.yaml")


@cache
def faults() -> dict[str, Any]:
    """The known mistakes of all operations, by name, each with its `operation`. Raises ValueError where two have one name."""
    return _together("faults.yaml", lambda operation: {"operation": operation})


@cache
def law_files() -> tuple[Path, ...]:
    """The chapters of laws, by the name of the chapter."""
    found = (file for folder in _FOLDERS.values() for file in Path(str(folder)).glob("laws/*.yaml"))
    return tuple(sorted(found, key=lambda file: file.name))


def _together(name: str, more: Callable[[str], dict[str, Any]] = lambda operation: {}) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for operation, folder in _FOLDERS.items():
        for key, entry in (read(folder.joinpath(name)) if folder.joinpath(name).is_file() else {}).items():
            if key in found:
                raise ValueError(
                    f"{folder.joinpath(name)} states {key!r}, which another operation states already; give it another name"
                )
            found[key] = {**entry, **more(operation)}
    return found
