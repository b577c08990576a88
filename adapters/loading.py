"""Importing a user's file or module, and noticing what it registers.

A file is imported under a name made from its path and contents: two files called kernel.py do not meet, a file edited between
two runs of one process is read again, and another process makes the same name from the same file. Its folder goes to the end
of sys.path, so that it finds its neighbours and hides nobody's module.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2s
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..spec.nearest import nearest
from .contract import REGISTRY, ContractError, Implementation, recording

__all__ = ["Loaded", "load_file", "load_module"]

FIRST_PARAMETERS = (("q", "k", "v"), ("query", "key", "value"))


@dataclass(frozen=True)
class Loaded:
    """An imported module, the implementations that importing it registered (by name), and where it came from."""

    module: ModuleType
    registered: dict[str, Implementation]
    origin: str

    def functions(self) -> list[Callable[..., Any]]:
        """Public functions that the module itself defines."""
        return [
            value
            for name, value in vars(self.module).items()
            if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == self.module.__name__
        ]

    def bare_functions(self) -> list[Callable[..., Any]]:
        """Public functions that the module itself defines and that take (q, k, v, ...) or (query, key, value, ...)."""
        return [
            value
            for value in self.functions()
            if tuple(p.lower() for p in list(inspect.signature(value).parameters)[:3]) in FIRST_PARAMETERS
        ]


_LOADED: dict[str, Loaded] = {}
"""By module name: a module is imported once, and its registrations can be noticed only then."""


def load_file(path: Path) -> Loaded:
    """Import a Python file. Raises ContractError where it is missing, fails to import, or registers one name twice."""
    if not path.is_file():
        raise ContractError(f"there is no file {path}{_neighbour(path)}")
    resolved = path.resolve()
    digest = blake2s(str(resolved).encode() + b"\0" + resolved.read_bytes(), digest_size=8).hexdigest()
    name = f"attnspec_target_{resolved.stem}_{digest}"
    if name in _LOADED:
        return _LOADED[name]
    _search_last(resolved.parent)
    spec = spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise ContractError(f"{path} cannot be imported as Python")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with recording() as made, np.errstate():  # What an import sets would change the judge's own arithmetic.
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failed(str(path), error) from error
    return _remember(name, module, made, str(path))


def load_module(name: str) -> Loaded:
    """Import a module by its dotted name. Raises ContractError where it is missing or fails to import."""
    if name in _LOADED:
        return _LOADED[name]
    _search_last(Path.cwd())
    try:
        with recording() as made, np.errstate():
            module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise ContractError(
                f"there is no module {error.name!r} in {Path.cwd()} or on the import path; install it, or set PYTHONPATH"
            ) from error
        raise _failed(f"module {name}", error) from error
    except (Exception, SystemExit) as error:
        raise _failed(f"module {name}", error) from error
    # Whoever imported it before took the record with them; the registry still knows.
    made = made or [each for each in REGISTRY.values() if each.function.__module__ == name]
    return _remember(name, module, made, name)


def _remember(name: str, module: ModuleType, made: list[Implementation], origin: str) -> Loaded:
    registered: dict[str, Implementation] = {}
    for each in made:
        if each.name in registered:
            raise ContractError(f"{origin} registers two implementations called {each.name!r}; give one of them another name=")
        registered[each.name] = replace(each, origin=origin)
    _LOADED[name] = Loaded(module, registered, origin)
    return _LOADED[name]


def _search_last(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _failed(what: str, error: BaseException) -> ContractError:
    hint = ""
    if isinstance(error, SystemExit):
        hint = "; it ends the program when imported: put that under if __name__ == '__main__'"
    if isinstance(error, ImportError) and "no known parent package" in str(error):
        hint = "; a file with relative imports is named through its package, as package.module:attend"
    return ContractError(f"{what} cannot be imported: {type(error).__name__}: {error}{hint}")


def _neighbour(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent} either"
    return nearest(path.name, [neighbour.name for neighbour in path.parent.glob("*.py")])
