"""What a kernel is handed: arrays with their strides, and the options that decide scores and visibility.

A kernel reads no shape off an array, so strides travel with the pointer. What an option leaves out is None, and Triton drops
the branches that would read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

__all__ = ["Line", "Matrix", "Rules", "Sizes", "line", "matrix", "rules_of", "sizes_of"]


class Matrix(NamedTuple):
    """A 4-D array: its pointer, and its strides in elements for batch entry, head, row and column."""

    at: Any
    batch: Any
    head: Any
    row: Any
    column: Any


class Line(NamedTuple):
    """A 1-D array, or one for each batch entry: its pointer, and its strides in elements for batch entry and element."""

    at: Any
    batch: Any
    step: Any


class Sizes(NamedTuple):
    """pairs: B · Hkv. kv_heads: Hkv. group: query heads to a key head. rows: group · Sq. queries: Sq. keys: Sk.

    features: D. value_features: Dv. (A tuple in Triton has an attribute `values` of its own.)
    """

    pairs: Any
    kv_heads: Any
    group: Any
    rows: Any
    queries: Any
    keys: Any
    features: Any
    value_features: Any


class Rules(NamedTuple):
    """Options as a kernel takes them. left, right: the window, of which `causal` is the case right = 0."""

    scale: Any
    left: Any
    right: Any
    softcap: Any
    mask: Any
    bias: Any
    slopes: Any
    sinks: Any
    q_segments: Any
    kv_segments: Any
    lengths: Any


def matrix(x: torch.Tensor) -> Matrix:
    """A tensor with four axes, as it lies in memory."""
    return Matrix(x, *x.stride())


def line(x: torch.Tensor) -> Line:
    """A tensor with one or two axes; the second of two is the batch entry's own."""
    return Line(x, x.stride(0) if x.ndim == 2 else 0, x.stride(-1))


def sizes_of(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> Sizes:
    """Sizes of q (B, Hq, Sq, D), k (B, Hkv, Sk, D) and v (B, Hkv, Sk, Dv)."""
    group = q.shape[1] // k.shape[1]
    return Sizes(k.shape[0] * k.shape[1], k.shape[1], group, group * q.shape[2], q.shape[2], k.shape[2], q.shape[3], v.shape[3])


def rules_of(q: torch.Tensor, k: torch.Tensor, options: Mapping[str, Any]) -> Rules:
    """Options of the contract as a kernel takes them. A mask or bias is expanded by strides of 0, never copied."""
    given = {name: value for name, value in options.items() if value is not None}
    left, right = given.get("window", (None, None))
    if given.get("causal"):
        right = 0 if right is None else min(right, 0)
    whole = (*q.shape[:3], k.shape[2])
    lines = {
        name: line(given[option]) if option in given else None
        for name, option in (
            ("slopes", "alibi_slopes"),
            ("sinks", "sinks"),
            ("q_segments", "q_segments"),
            ("kv_segments", "kv_segments"),
        )
    }
    lengths = given.get("kv_lengths")
    return Rules(
        scale=float(given.get("scale", 1 / max(q.shape[3], 1) ** 0.5)),
        left=None if left is None else int(left),
        right=None if right is None else int(right),
        softcap=float(given["softcap"]) if "softcap" in given else None,
        mask=matrix(given["mask"].expand(whole)) if "mask" in given else None,
        bias=matrix(given["bias"].expand(whole)) if "bias" in given else None,
        lengths=None if lengths is None else Line(lengths, lengths.stride(0), 0),
        **lines,
    )
