"""Builds the problem of a structure: the same bits on every run, so that a printed case is a case.

Options that the structure does not name are absent, because passing an option at its default is another call than leaving
it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reference.inputs import DESCALES
from ..operations.known import operation_named
from .blocks import draw_block_mask
from .descriptors import Value
from .distributions import rounded
from .linear import draw_linear
from .masks import bias_dtype, draw_bias, draw_mask
from .problem import Problem
from .random_features import draw_given_projection
from .streams import stream
from .structure import Structure
from .vectors import draw_descales, draw_lengths, draw_segments, draw_sinks, draw_slopes

__all__ = ["build"]


def build(structure: Structure, conventions: Mapping[str, str] | None = None) -> Problem:
    """The problem of a structure, judged under the given conventions.

    q (B, Hq, Sq, D), k (B, Hkv, Sk, D), v (B, Hkv, Sk, Dv) and bias in the structure's dtype (a bias in bfloat16 where that is
    float8); mask bool; alibi_slopes and sinks float32 (Hq,); q_descale, k_descale and v_descale float32 (B, Hkv); q_segments
    (B, Sq), kv_segments (B, Sk) and kv_lengths (B,) int32. With memory="expanded" the entries of the batch are equal, in the
    options too.
    """
    expanded = structure.memory == "expanded"
    operation = operation_named(structure.operation)
    one = structure.sized(b=1) if expanded else structure
    arrays = {name: rounded(x, one.dtype) for name, x in operation.contents[one.values](one).items()}
    options = _options(one, arrays)
    if expanded:
        batched = [name for name, axes in operation.arguments.items() if axes[0] == "B"]
        arrays |= {name: _repeat(arrays[name], structure.b) for name in batched}
        options = {name: _expand(name, value, structure) for name, value in options.items()}
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


def _options(s: Structure, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Options as spec/operations.yaml types them."""
    options: dict[str, Any] = {}
    for name, value in s.described.items():
        drawn = draw_linear(name, value, s, arrays)
        options |= _option(name, value, s) if drawn is None else {name: drawn}
    return options


def _option(name: str, value: Value, s: Structure) -> dict[str, Any]:
    scores = (s.b, s.hq, s.sq, s.sk)
    if name == "segments":
        q_rng, k_rng = stream(s.seed, "q_segments"), stream(s.seed, "kv_segments")
        q_ids, kv_ids = draw_segments(int(value), s.b, s.sq, s.sk, q_rng, k_rng)  # type: ignore[arg-type]
        return {"q_segments": q_ids, "kv_segments": kv_ids}
    if name == "dropout_seed":
        return {"seed": value}
    if name in ("mask", "bias"):
        pattern, _, code = str(value).partition(":")
        rng = stream(s.seed, name)
        if name == "mask":
            return {name: draw_mask(pattern, code, scores, rng)}
        return {name: draw_bias(pattern, code, scores, bias_dtype(s.dtype), rng)}
    if name == "block_mask":
        pattern, size, code = str(value).split(":")
        made = draw_block_mask(pattern, int(size), code, scores, stream(s.seed, name))
        return {"block_mask": made, "block_size": int(size)}
    if name == "projection":
        return {name: draw_given_projection(str(value), s)}
    if name == "alibi_slopes":
        return {name: draw_slopes(str(value), s.hq, stream(s.seed, name))}
    if name == "sinks":
        return {name: draw_sinks(str(value), s.hq, stream(s.seed, name))}
    if name in DESCALES:
        return {name: draw_descales(str(value), s.b, s.hkv, stream(s.seed, name))}
    if name == "kv_lengths":
        return {name: draw_lengths(str(value), s.b, s.sk, stream(s.seed, name))}
    return {name: value}


def _expand(name: str, value: Any, s: Structure) -> Any:
    """An option of one batch entry for all B of them; what has no batch axis, or broadcasts over it, stays."""
    if name == "initial_state" and "cu_seqlens" not in s.described:
        return tuple(_repeat(x, s.b) for x in value)
    if name in ("q_segments", "kv_segments", "kv_lengths", "gate", "beta", *DESCALES):
        return _repeat(value, s.b)
    if name in ("mask", "bias", "block_mask"):
        code = str(s.described[name]).rpartition(":")[2]
        return _repeat(value, s.b) if code.startswith("b") else value
    return value


def _repeat(x: NDArray[Any], b: int) -> NDArray[Any]:
    return np.repeat(x, b, axis=0)
