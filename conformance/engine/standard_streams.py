"""The three standard streams of a process in which kernels are called, which a kernel may close."""

from __future__ import annotations

import os

__all__ = ["keep_standard_streams"]


def keep_standard_streams() -> None:
    """Open what was closed of them, on nothing: what is printed there would raise, and the next file would get the number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # It gets the smallest free number.
