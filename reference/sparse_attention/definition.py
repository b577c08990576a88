"""Sparse attention: which keys each query keeps, and softmax attention over those alone.

This is what spec/sparse_attention/operation.yaml means. The pattern is local and global keys, and blocks, and causality:

    kept(i, j) = (local(i, j) or global(i) or global(j)) and block(i, j) and causal(i, j)

Of what is kept so, `top_k` leaves in each row the keys of the largest scores, the one part that depends on the data.
What is not given does not restrict. Without a window and a dilation every key is local, and global tokens alone add nothing.
Each part is one small step, so that a known mistake is another function in its place.
Where the pattern is known the output has no error of its own: it is textbook attention under that mask.

i is the position of a query, its row plus the offset of the causal alignment; j is the index of a key.
Sources: Child et al. 2019 (Sparse Transformers, arXiv:1904.10509) for strides; Beltagy et al. 2020 (Longformer,
arXiv:2004.05150), section 3.1, for window, dilation and symmetric global tokens; Zaheer et al. 2020 (BigBird, arXiv:2007.14062)
for random blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..attention import masks
from ..attention.steps import STEPS, Steps
from ..attention.textbook import Attended, attention
from .checks import check_count, check_sparse

__all__ = [
    "PATTERN_OPTIONS",
    "SPARSE_OPTIONS",
    "SPARSE_STEPS",
    "SparseSteps",
    "best",
    "blocks",
    "dilated",
    "is_global",
    "narrowed",
    "pattern",
    "sparse_attention",
]

Array = NDArray[Any]

PATTERN_OPTIONS = ("causal", "window", "dilation", "global_tokens", "block_mask", "block_size")
"""The options that decide which keys a pattern keeps, whatever the data."""

SPARSE_OPTIONS = (*PATTERN_OPTIONS, "top_k")
"""All options that decide which keys are kept."""


def dilated(i: Array, j: Array, dilation: int) -> Array:
    """Every dilation-th key, counted from the query itself."""
    return np.asarray((i - j) % dilation == 0)


def is_global(position: Array, count: int) -> Array:
    """The tokens at positions 0 … count − 1."""
    return np.asarray((position >= 0) & (position < count))


def blocks(block_mask: Array, block_size: int, sq: int, sk: int) -> Array:
    """The block mask written out, bool (B|1, H|1, Sq, Sk). A block has block_size rows and columns, the last one fewer."""
    rows, columns = np.arange(sq) // block_size, np.arange(sk) // block_size
    return np.asarray(block_mask[:, :, rows[:, None], columns])


def best(scores: Array, kept: Array, top_k: int) -> NDArray[np.bool_]:
    """Of the kept keys of each row the top_k with the largest scores, or all where there are no more, bool like scores.

    scores: (B, H, R, Sk). Of equal scores the first keys; an implementation may take others.
    """
    order = np.argsort(np.where(kept, -scores, np.inf), axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    return np.asarray(kept & (rank < top_k))


@dataclass(frozen=True)
class SparseSteps:
    """Each field is a pure function; its default has the docstring that states its arguments.

    joined: how what is local or global, and what blocks keep, are joined.
    """

    offset: Callable[..., Any] = masks.offset
    causal: Callable[..., Any] = masks.causal
    window: Callable[..., Any] = masks.window
    dilated: Callable[..., Any] = dilated
    global_row: Callable[..., Any] = is_global
    global_key: Callable[..., Any] = is_global
    blocks: Callable[..., Any] = blocks
    joined: Callable[..., Any] = np.logical_and


SPARSE_STEPS = SparseSteps()
"""The definition."""


def pattern(
    sq: int,
    sk: int,
    *,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    dilation: int | None = None,
    global_tokens: int | None = None,
    block_mask: Any = None,
    block_size: int | None = None,
    causal_alignment: str = "top-left",
    steps: SparseSteps = SPARSE_STEPS,
) -> NDArray[np.bool_]:
    """Which keys are kept, bool (B|1, H|1, Sq, Sk).

    Raises ValueError for options that do not fit, naming the option.
    """
    check_sparse(sq, sk, window, dilation, global_tokens, block_mask, block_size)
    offset = int(steps.offset(causal_alignment, sq, np.array([sk]))[0])
    i, j = np.arange(sq)[None, None, :, None] + offset, np.arange(sk)[None, None, None, :]
    near = np.ones((1, 1, sq, sk), dtype=bool)
    if window is not None:
        near = near & steps.window(i, j, *window)
    if dilation is not None:
        near = near & steps.dilated(i, j, dilation)
    if global_tokens is not None:
        near = near | steps.global_row(i, global_tokens) | steps.global_key(j, global_tokens)
    kept = near
    if block_mask is not None:
        kept = steps.joined(near, steps.blocks(np.asarray(block_mask), block_size, sq, sk))
    if causal:
        kept = kept & steps.causal(i, j)
    return np.ascontiguousarray(kept)


def narrowed(q: Any, k: Any, *, scale: float | None = None, top_k: int | None = None, **options: Any) -> NDArray[np.bool_]:
    """Which keys are kept, bool (B|1, H|1, Sq, Sk), for q (B, Hq, Sq, D) and k (B, Hkv, Sk, D). options: those of `pattern`.

    Raises ValueError as `pattern` does.
    """
    kept = pattern(np.shape(q)[2], np.shape(k)[2], **options)
    if top_k is None:
        return kept
    check_count("top_k", top_k, 1)
    return best(attention(q, k, k, scale=scale, mask=kept).scores, kept, top_k)


def sparse_attention(
    q: Any, k: Any, v: Any, *, scale: float | None = None, empty_rows: str = "zeros", steps: Steps = STEPS, **options: Any
) -> Attended:
    """Attention of q (B, Hq, Sq, D) over k (B, Hkv, Sk, D) and v (B, Hkv, Sk, Dv) under a pattern.

    options: those of `pattern`, and top_k. A block mask holds for all entries, or all heads, where that axis is 1.
    Raises ValueError as `pattern` and `textbook.attention` do.
    """
    kept = narrowed(q, k, scale=scale, **options)
    return attention(q, k, v, scale=scale, mask=kept, empty_rows=empty_rows, steps=steps)
