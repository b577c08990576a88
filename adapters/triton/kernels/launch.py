"""Hosts of the kernels: they check, allocate, choose tiles and launch. Their signatures are the options that kernels know.

Outputs are allocated by PyTorch and computed by kernels. Without a key the kernels run too, over no tile: the output is then 0
and the logsumexp −∞, or the sink. Without a query or a value feature there is nothing to launch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import triton

from .arguments import Sizes, matrix, rules_of, sizes_of
from .backward import grad_key_value, grad_query
from .checks import check, check_gradient
from .forward import flash_forward
from .mode import interpreted, runnable
from .split import merge_parts, split_parts

__all__ = ["MOST_SPLITS", "SMALLEST_TILE", "Window", "flash", "flash_backward", "launching", "outputs", "split_kv", "tiles_for"]

SMALLEST_TILE = 32
"""Keys in the smallest tile of any kernel here."""

MOST_SPLITS = 4
"""Splits of the keys that `split_kv` merges, at most."""

MERGED_ROWS = 1024 if interpreted else 64
"""Rows that one program merges, at most."""

INTERPRETED_TILE = 1 << 17
"""Entries of the largest tile under the interpreter."""

Window = tuple[int | None, int | None]


class Tiles(NamedTuple):
    """Pairs, rows, keys, features and values of a tile: powers of two, the last four at least 16, as tl.dot needs them.

    stages: how many tiles of keys, or of rows, a compiled loop holds at once.
    """

    pairs: int
    rows: int
    keys: int
    features: int
    values: int
    stages: int

    @property
    def blocks(self) -> dict[str, int]:
        """As kernels take them; the interpreter leaves out num_stages, tiles that are fetched ahead."""
        return dict(zip(("BLOCK_P", "BLOCK_M", "BLOCK_N", "BLOCK_D", "BLOCK_V", "num_stages"), self, strict=True))

    def grid(self, sizes: Sizes, length: int, tile: int) -> tuple[int, int]:
        """Programs for all pairs and for tiles of a length."""
        return triton.cdiv(sizes.pairs, self.pairs), triton.cdiv(length, tile)


def flash(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: Window | None = None,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    alibi_slopes: torch.Tensor | None = None,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,
    q_segments: torch.Tensor | None = None,
    kv_segments: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32. Raises ValueError for arrays or options that do not fit together, and
    RuntimeError where kernels can neither be compiled nor interpreted.
    """
    options = _options(locals())
    check(q, k, v, options)
    out, lse = _flash(q, k, v, options, return_lse)
    return (out, lse) if return_lse else out


def split_kv(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: Window | None = None,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    alibi_slopes: torch.Tensor | None = None,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,
    q_segments: torch.Tensor | None = None,
    kv_segments: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> Any:
    """As `flash`, with the keys split among programs whose parts a second kernel merges."""
    options = _options(locals())
    check(q, k, v, options)
    out, lse = outputs(q, v, return_lse)
    sizes, rules = sizes_of(q, k, v), rules_of(q, k, options)
    tiles = tiles_for(sizes, q.dtype)
    b, hq, sq, dv = out.shape
    split = triton.cdiv(triton.cdiv(sizes.keys, MOST_SPLITS), tiles.keys) * tiles.keys
    splits = triton.cdiv(sizes.keys, split) if split else 0
    parts = torch.empty((splits, b, hq, sq, dv), dtype=torch.float32, device=q.device)
    lses = torch.empty((splits, b, hq, sq), dtype=torch.float32, device=q.device)
    if out.numel() or (lse is not None and lse.numel()):
        rows = b * hq * sq
        with launching():
            if splits:
                grid = (*tiles.grid(sizes, sizes.rows, tiles.rows), splits)
                split_parts[grid](matrix(q), matrix(k), matrix(v), parts, lses, sizes, rules, split, **tiles.blocks)
            height = min(MERGED_ROWS, triton.next_power_of_2(rows))
            merge_parts[(triton.cdiv(rows, height),)](
                parts,
                lses,
                out,
                lse,
                sizes,
                rules,
                splits,
                rows,
                BLOCK_M=height,
                BLOCK_V=tiles.values,
            )
    return (out, lse) if return_lse else out


def flash_backward(
    dout: torch.Tensor,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: Window | None = None,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    alibi_slopes: torch.Tensor | None = None,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,
    q_segments: torch.Tensor | None = None,
    kv_segments: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """dout (B, Hq, Sq, Dv) and q, k, v, all in one dtype → dq, dk, dv in that dtype and in the shapes of q, k, v.

    The forward kernel runs first, for the output and the logsumexp. Raises as `flash` does.
    """
    options = _options(locals())
    check(q, k, v, options)
    check_gradient(dout, q, v)
    out, lse = _flash(q, k, v, options, True)
    dq, dk, dv = (torch.zeros(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
    if not (dout.numel() and k.shape[2]):
        return dq, dk, dv
    deltas = torch.empty_like(lse)
    sizes, rules = sizes_of(q, k, v), rules_of(q, k, options)
    tiles = tiles_for(sizes, q.dtype)
    arrays = [matrix(x) for x in (q, k, v)]
    slope = matrix(dout)
    with launching():
        grad_query[tiles.grid(sizes, sizes.rows, tiles.rows)](
            *arrays, out, lse, slope, dq, deltas, sizes, rules, **tiles.blocks
        )
        grad_key_value[tiles.grid(sizes, sizes.keys, tiles.keys)](
            *arrays, lse, slope, deltas, dk, dv, sizes, rules, **tiles.blocks
        )
    return dq, dk, dv


def _flash(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, options: Mapping[str, Any], with_lse: bool) -> tuple[Any, Any]:
    out, lse = outputs(q, v, with_lse)
    if out.numel() or (lse is not None and lse.numel()):
        sizes = sizes_of(q, k, v)
        tiles = tiles_for(sizes, q.dtype)
        with launching():
            flash_forward[tiles.grid(sizes, sizes.rows, tiles.rows)](
                matrix(q),
                matrix(k),
                matrix(v),
                out,
                lse,
                sizes,
                rules_of(q, k, options),
                **tiles.blocks,
            )
    return out, lse


def outputs(q: torch.Tensor, v: torch.Tensor, with_lse: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Room for the output, and for the logsumexp where it is asked for."""
    shape = q.shape[:3]
    out = torch.empty((*shape, v.shape[3]), dtype=q.dtype, device=q.device)
    return out, torch.empty(shape, dtype=torch.float32, device=q.device) if with_lse else None


def tiles_for(sizes: Sizes, dtype: torch.dtype) -> Tiles:
    """Few rows (a decoding step) get a low tile, and wide heads a short one, so that tiles fit the memory of a program.

    Compiled for compute capability 8.0, which has 163 KiB, no kernel takes more than 132 KiB (D = 256 in float32).
    The interpreter pays for each operation, hardly for its size, so there one program takes as many pairs as stay in a cache.
    """
    features, values = (max(16, triton.next_power_of_2(width)) for width in (sizes.features, sizes.value_features))
    wide = max(features, values)
    row_bytes = wide * dtype.itemsize
    rows = 16 if sizes.rows <= 16 else 32 if row_bytes > 512 else 64
    keys = SMALLEST_TILE if wide > 64 else 2 * SMALLEST_TILE
    room = max(1, INTERPRETED_TILE // (rows * max(keys, wide))) if interpreted else 1
    stages = 1 if row_bytes > 256 else 2
    return Tiles(min(room, triton.next_power_of_2(sizes.pairs)), rows, keys, features, values, stages)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("dout", "q", "k", "v", "return_lse")}


@contextlib.contextmanager
def launching() -> Any:
    """Kernels compute with −∞ and with what hidden keys hold; NumPy, which interprets them, shall not warn of that."""
    runnable()
    with np.errstate(all="ignore") if interpreted else contextlib.nullcontext():
        yield
