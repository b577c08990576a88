"""Errors for options of sparse attention that have no meaning, naming the option and what it should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..attention.checks import check_window

__all__ = ["check_count", "check_sparse", "grid"]


def grid(sq: int, sk: int, block_size: int) -> tuple[int, int]:
    """Rows and columns of blocks: as many as it takes to cover all queries and keys."""
    return -(-sq // block_size), -(-sk // block_size)


def check_count(name: str, given: Any, least: int) -> None:
    """Raises ValueError unless it is None or a whole number of at least `least`."""
    if given is not None and (not isinstance(given, int | np.integer) or isinstance(given, bool) or given < least):
        raise ValueError(f"{name} is {given}; it must be an integer of at least {least}, or None")


def check_sparse(sq: int, sk: int, window: Any, dilation: Any, global_tokens: Any, block_mask: Any, block_size: Any) -> None:
    """Raises ValueError for the first option that does not fit."""
    check_window(window)
    for name, given, least in (("dilation", dilation, 1), ("global_tokens", global_tokens, 0), ("block_size", block_size, 1)):
        check_count(name, given, least)
    if (block_mask is None) != (block_size is None):
        missing = "block_mask" if block_mask is None else "block_size"
        raise ValueError(f"{missing} is not given; block_mask and block_size come together")
    if block_mask is not None:
        given = np.asarray(block_mask)
        due = grid(sq, sk, block_size)
        if given.dtype != np.bool_:
            raise ValueError(f"block_mask has dtype {given.dtype}; it must be bool")
        if given.ndim != 4 or given.shape[2:] != due:
            raise ValueError(
                f"block_mask has shape {given.shape}; it must be (B or 1, Hq or 1, {due[0]}, {due[1]}), "
                f"a row of blocks for each {block_size} queries and a column for each {block_size} keys"
            )
