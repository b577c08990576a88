"""Whether kernels are compiled for a GPU or interpreted on the CPU, decided once, before the first kernel is decorated.

`triton.jit` looks at TRITON_INTERPRET when it decorates. Without a GPU nothing can be compiled, so it is set here, and an
implementation says in its notes which of the two ran. Who sets it keeps the choice, and so does who asks a run for a device.

Triton may have been imported before without the interpreter (torch's flex_attention does so), and then the functions that
it writes in Triton itself (tl.sum, tl.max, tl.zeros, tl.cdiv) stay compiled for ever. No kernel here calls one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from ...device import wished

if "TRITON_INTERPRET" not in os.environ and (wished() == "cpu" or not (wished() or torch.cuda.is_available())):
    os.environ["TRITON_INTERPRET"] = "1"

import triton
import triton.language as tl

__all__ = ["DEVICE", "INTERPRETED", "MODE", "NOTE", "device", "interpreted", "runnable"]

interpreted = bool(triton.knobs.runtime.interpret)
"""Whether the kernels of this process are interpreted."""

INTERPRETED = tl.constexpr(interpreted)
"""The same, as kernels read it."""

DEVICE = wished() or ("cuda" if torch.cuda.is_available() and not interpreted else "cpu")
"""Where arrays must lie."""

MODE = "interpreted" if interpreted else "compiled"
"""As the contract calls it."""

NOTE = (
    f"interpreted on the CPU by Triton {triton.__version__}, not compiled"
    if interpreted
    else f"compiled by Triton {triton.__version__} for "
    + (torch.cuda.get_device_name() if torch.cuda.is_available() else "no device")
)


def device(function: Callable[..., Any]) -> Any:
    """Make a function that kernels call.

    The interpreter patches the language anew at each such call, which costs more than a matrix product there (0.4 ms). The
    launch of the kernel has patched it already, so the rewritten function itself is enough.
    """
    made = triton.jit(function)
    return made.rewrite() if interpreted else made


def runnable() -> None:
    """Raises RuntimeError where kernels are neither interpreted nor have a GPU."""
    if not interpreted and DEVICE == "cpu":
        raise RuntimeError(
            f"TRITON_INTERPRET is {os.environ.get('TRITON_INTERPRET')!r} and PyTorch sees no CUDA device; "
            "unset it, and kernels are interpreted on the CPU"
        )
