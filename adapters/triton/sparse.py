"""`triton/block-sparse`: a Triton kernel of the kit's own that visits listed tiles of keys only (adapters/triton/kernels).

Without a GPU the kernel is interpreted on the CPU, which shows whether it is right, not whether it compiles; notes say which of
the two ran. Nothing falls back on PyTorch, which holds arrays and makes lists.
Its rounding is that of `triton/flash`: scores and softmax in float32, weights rounded to the dtype of q before normalisation,
the row sum from those that were not; the running maximum changes after 32 keys or 64.
"""

from __future__ import annotations

from ..contract import ProblemView, implementation
from .kernels.checks import LARGEST_WIDTH
from .kernels.launch import SMALLEST_TILE
from .kernels.launch_sparse import block_sparse
from .kernels.mode import DEVICE, MODE, NOTE

__all__ = ["block_sparse"]

_TILED = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": SMALLEST_TILE, "splits": 1}


def refuses(problem: ProblemView) -> str | None:
    """The reason why the kernel cannot run a problem, or None."""
    width = max(problem.d, problem.dv)
    return f"a tile holds up to {LARGEST_WIDTH} features, not {width}" if width > LARGEST_WIDTH else None


implementation(
    operation="sparse_attention",
    name="triton/block-sparse",
    arrays="torch",
    conventions={"causal_alignment": "bottom-right", "empty_rows": "zeros", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0, **_TILED},
        "float16": {"name": "half", **_TILED},
        "bfloat16": {"name": "half", **_TILED},
    },
    backward=False,
    supports=refuses,
    device=DEVICE,
    mode=MODE,
    notes=[NOTE],
)(block_sparse)
