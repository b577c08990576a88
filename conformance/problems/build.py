"""Builds the problem of a structure: the same bits on every run, so that a printed case is a case.

Options that the structure does not name are absent, because passing an option at its default is another call than leaving
it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operations.known import operation_named
from ..operations.operation import Operation
from .dtypes import rounded
from .option import Made
from .problem import Problem
from .structure import Structure

__all__ = ["build"]


def build(structure: Structure, conventions: Mapping[str, str] | None = None) -> Problem:
    """The problem of a structure, judged under the given conventions.

    q (B, Hq, Sq, D), k (B, Hkv, Sk, D), v (B, Hkv, Sk, Dv) and bias in the structure's dtype (a bias in bfloat16 where that is
    float8); mask bool; alibi_slopes and sinks float32 (Hq,); q_descale, k_descale and v_descale float32 (B, Hkv); q_segments
    (B, Sq), kv_segments (B, Sk) and kv_lengths (B,) int32. With memory="expanded" the entries of the batch are equal, in the
    options too.
    """
    operation = operation_named(structure.operation)
    copies = structure.b if structure.memory == "expanded" else 1
    one = structure.sized(b=1) if copies > 1 else structure
    arrays = {name: rounded(x, one.dtype) for name, x in operation.contents[one.values](one).items()}
    options = _options(operation, one, arrays, copies)
    if copies > 1:
        batched = [name for name, axes in operation.arguments.items() if axes[0] == "B"]
        arrays |= {name: _repeat(arrays[name], copies) for name in batched}
    return Problem(
        arrays,
        structure.dtype,
        options,
        dict(conventions or {}),
        structure.memory,
        structure.geometry,
        arrays["v"] if structure.values in operation.fair else None,
        operation=structure.operation,
    )


def _options(operation: Operation, one: Structure, arrays: Made, copies: int) -> dict[str, Any]:
    """Options as operation.yaml types them. copies: of how many equal entries of a batch the structure is one."""
    options: dict[str, Any] = {}
    for name, value in one.described.items():
        option = operation.options[name]
        made = {name: value} if option.make is None else option.make(value, one, arrays)
        equal = copies > 1 and option.batched is not None and option.batched(value, one)
        options |= {each: _repeated(x, copies) for each, x in made.items()} if equal else made
    return options


def _repeated(x: Any, b: int) -> Any:
    """Arrays of one batch entry for all b of them; what is no array stays."""
    if isinstance(x, tuple):
        return tuple(_repeat(part, b) for part in x)
    return _repeat(x, b) if isinstance(x, np.ndarray) else x


def _repeat(x: NDArray[Any], b: int) -> NDArray[Any]:
    return np.repeat(x, b, axis=0)
