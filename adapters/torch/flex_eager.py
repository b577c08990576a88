"""What flex_attention needs to run at once, without being traced: its own switch, and entries of tensors that cost little.

Under the four vmaps in which it calls a mask_mod, `tensor[b, h, i, j]` takes 5 ms and the operator behind it less than one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import flex_attention as flex

__all__ = ["entry", "not_traced"]


@contextmanager
def not_traced() -> Iterator[None]:
    """Run the eager operator without tracing it first, by the switch that flex_attention's own warning names."""
    before = flex._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG
    flex._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True
    try:
        yield
    finally:
        flex._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = before


def entry(tensor: torch.Tensor, *indices: Any) -> torch.Tensor:
    """tensor[indices], for indices that are tensors."""
    found: torch.Tensor = torch.ops.aten.index.Tensor(tensor, indices)
    return found
