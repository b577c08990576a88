"""The device that a run was asked to use, which every process of the run must know before it imports a framework.

So it is in the environment: `attnspec run --device` puts it there, and worker processes inherit it.
An implementation that names a device of its own keeps it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contract import Implementation

__all__ = ["VARIABLE", "device_of", "wished"]

VARIABLE = "ATTNSPEC_DEVICE"


def wished() -> str | None:
    """`cpu`, `cuda`, `cuda:1`, …, or None where nothing was asked for."""
    return os.environ.get(VARIABLE) or None


def device_of(made: Implementation) -> str:
    """Where its arrays lie: as declared or asked for, else the default of the framework, which is imported for that."""
    if made.device is None and made.arrays == "jax":
        import jax

        return str(jax.default_backend())
    return made.device or "cpu"
