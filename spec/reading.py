"""The files of the spec as data, each read once a process, by the parser in C where PyYAML has it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ["read", "spec_file"]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def spec_file(name: str) -> dict[str, Any]:
    """A file of the spec that all operations share. Raises FileNotFoundError."""
    return read(Path(__file__).parent / name)


@cache
def read(path: Path) -> dict[str, Any]:
    """A file that holds a mapping, for reading only: all who ask for it share it. Raises FileNotFoundError."""
    loaded: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    return loaded
