"""The frames of a traceback on a line each: `my_kernel.py:15 in attend: return q @ k`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["frames"]

FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+)(?:, in (?P<name>.*))?$')


def frames(details: Sequence[str]) -> list[str]:
    """One line for each frame, the innermost last; the lines themselves where they are no traceback."""
    found: list[str] = []
    for n, line in enumerate(details):
        frame = FRAME.match(line)
        if frame is not None:
            code = details[n + 1].strip() if n + 1 < len(details) and details[n + 1].startswith("    ") else ""
            said = f"{_short(frame['file'])}:{frame['line']}" + (f" in {frame['name']}" if frame["name"] else "")
            found += [] if found[-1:] == [said := f"{said}: {code}" if code else said] else [said]  # A recursion, once.
    return found or list(details)


def _short(file: str) -> str:
    """A file as it is known: within an installed package, or below the folder in which one works."""
    for home in ("/site-packages/", "/dist-packages/"):
        if home in file:
            return file.rpartition(home)[2]
    path = Path(file)
    return os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else file
