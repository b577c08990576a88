"""`triton/linear-chunk`: a Triton kernel of the kit's own for linear attention in chunks (adapters/triton/kernels).

Without a GPU the kernel is interpreted on the CPU, which shows whether it is right, not whether it compiles; notes say which of
the two ran. Nothing falls back on PyTorch, which holds the arrays.
Declared, and read off the kernel: whatever enters a product is rounded to the dtype of q; sums, gates and the state are
float32.
"""

from __future__ import annotations

from ..contract import ProblemView, implementation
from .kernels.checks import LARGEST_WIDTH
from .kernels.launch_linear import MAPS, linear_chunk
from .kernels.mode import DEVICE, MODE, NOTE

__all__ = ["linear_chunk"]


def refuses(problem: ProblemView) -> str | None:
    """The reason why the kernel cannot run a problem, or None."""
    if problem.options.get("feature_map", "identity") not in MAPS:
        return f"the kernel knows the maps {', '.join(MAPS)}"
    gate = problem.options.get("gate")
    if gate is not None and gate.ndim == 4:
        return "the kernel knows gates of each step, not of each feature"
    if max(problem.d, problem.dv) > LARGEST_WIDTH:
        return f"a tile holds up to {LARGEST_WIDTH} features"
    return None


implementation(
    operation="linear_attention",
    name="triton/linear-chunk",
    arrays="torch",
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0},
        "float16": {"name": "half"},
        "bfloat16": {"name": "half"},
    },
    backward=False,
    supports=refuses,
    device=DEVICE,
    mode=MODE,
    notes=[NOTE],
)(linear_chunk)
