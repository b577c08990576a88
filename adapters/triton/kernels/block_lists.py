"""For each tile of queries the list of the tiles of keys that a sparse pattern may keep, worked out tile by tile.

The largest array here has one entry for each tile of queries and tile of keys. A tile is listed if any key of it may be kept;
the dilation is not looked at, so a listed tile may turn out to keep none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from .arguments import Matrix, Sizes, matrix

__all__ = ["Lists", "SparseRules", "lists_of", "sparse_rules"]


class Lists(NamedTuple):
    """tiles: int32 (B|1, Hq|1, tiles of rows, width) and counts: int32 without the last axis, contiguous.

    batch, head, row: strides of counts in elements, 0 where an axis is shared. width: how long a list is in memory.
    """

    tiles: Any
    counts: Any
    batch: Any
    head: Any
    row: Any
    width: Any


class SparseRules(NamedTuple):
    """Options as the kernel takes them, None where they are not given; causal is 0 where it is.

    group: query heads to a key head. tokens: global tokens, None where nothing is local.
    """

    scale: Any
    group: Any
    causal: Any
    left: Any
    right: Any
    dilation: Any
    tokens: Any
    blocks: Matrix | None
    block_size: Any


def sparse_rules(q: torch.Tensor, k: torch.Tensor, given: Mapping[str, Any]) -> SparseRules:
    """Options of the contract as the kernel takes them. A block mask is expanded by strides of 0, never copied."""
    left, right = given.get("window") or (None, None)
    local = given.get("window") is not None or given.get("dilation") is not None
    blocks, scale = given.get("block_mask"), given.get("scale")
    return SparseRules(
        scale=float(1 / max(q.shape[3], 1) ** 0.5 if scale is None else scale),
        group=q.shape[1] // k.shape[1],
        causal=0 if given.get("causal") else None,
        left=None if left is None else int(left),
        right=None if right is None else int(right),
        dilation=given.get("dilation"),
        tokens=given.get("global_tokens") if local else None,
        blocks=None if blocks is None else matrix(blocks.expand(*q.shape[:2], *blocks.shape[2:])),
        block_size=given.get("block_size"),
    )


def lists_of(sizes: Sizes, rules: SparseRules, blocks: torch.Tensor | None, rows: int, keys: int, device: Any) -> Lists:
    """The lists for tiles of `rows` queries and `keys` keys. blocks: the block mask as it was given."""
    first_row, last_row = _edges(sizes.queries, rows, device)
    first_key, last_key = _edges(sizes.keys, keys, device)
    first, last = first_row[:, None] + sizes.keys - sizes.queries, last_row[:, None] + sizes.keys - sizes.queries
    touched = torch.ones((len(first_row), len(first_key)), dtype=torch.bool, device=device)
    if rules.left is not None:
        touched &= last_key >= first - rules.left
    if rules.right is not None:
        touched &= first_key <= last + rules.right
    if rules.tokens is not None:
        touched |= ((last >= 0) & (first < rules.tokens)) | (first_key < rules.tokens)
    if rules.causal is not None:
        touched &= first_key <= last
    touched = touched[None, None]
    if blocks is not None:
        size = rules.block_size
        touched = touched & _any_block(blocks, first_row // size, last_row // size, first_key // size, last_key // size)
    order = torch.argsort((~touched).to(torch.int8), dim=-1, stable=True).to(torch.int32).contiguous()
    counts = touched.sum(-1, dtype=torch.int32).contiguous()
    batch, head, row = counts.stride()
    return Lists(
        order,
        counts,
        batch if counts.shape[0] > 1 else 0,
        head if counts.shape[1] > 1 else 0,
        row,
        order.shape[-1],
    )


def _edges(length: int, tile: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The first and the last position of each tile."""
    first = torch.arange(0, length, tile, device=device)
    return first, (first + tile - 1).clamp(max=max(length - 1, 0))


def _any_block(blocks: torch.Tensor, *edges: torch.Tensor) -> torch.Tensor:
    """Whether any block between first and last rows and columns is kept, from sums over all blocks before."""
    top, bottom, left, right = edges
    sums = torch.nn.functional.pad(blocks.to(torch.int64).cumsum(-1).cumsum(-2), (1, 0, 1, 0))
    rows = sums[:, :, bottom + 1] - sums[:, :, top]
    return (rows[..., right + 1] - rows[..., left]) > 0
