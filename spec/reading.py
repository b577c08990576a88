"""The files of the spec as data, each read once a process, by the parser in C where PyYAML has it."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

__all__ = ["read", "spec_file"]

_READ: dict[str, dict[str, Any]] = {}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def spec_file(name: str) -> dict[str, Any]:
    """A file of the spec that all operations share. Raises FileNotFoundError."""
    return read(files("attnspec.spec").joinpath(name))


def read(file: Traversable) -> dict[str, Any]:
    """A file that holds a mapping, for reading only: all who ask for it share it. Raises FileNotFoundError."""
    if str(file) not in _READ:
        _READ[str(file)] = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    return _READ[str(file)]
