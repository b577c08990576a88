"""The device that a run was asked to use, which every process of the run must know before it imports a framework.

So it is in the environment: `attnspec run --device` puts it there, and worker processes inherit it.
An implementation that names a device of its own keeps it.
"""

from __future__ import annotations

import os

__all__ = ["VARIABLE", "wished"]

VARIABLE = "ATTNSPEC_DEVICE"


def wished() -> str | None:
    """`cpu`, `cuda`, `cuda:1`, …, or None where nothing was asked for."""
    return os.environ.get(VARIABLE) or None
