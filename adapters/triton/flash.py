"""`triton/flash` and `triton/split-kv`: Triton kernels of the kit's own (adapters/triton/kernels).

Without a GPU the kernels are interpreted on the CPU, which shows whether they are right, not whether they compile; notes say
which of the two ran. Nothing falls back on PyTorch, which holds the arrays.

Declared, and read off the kernels: scores and softmax in float32; weights rounded to the dtype of q before normalisation, the
row sum from those that were not; the running maximum changes after 32 keys or 64; `split-kv` merges up to 4 parts that are
kept in float32.
NaN in a hidden key stays out, NaN in a hidden value does not, unless it lies past the end: what lies there is never read.
"""

from __future__ import annotations

from ..contract import ProblemView, implementation
from .kernels.checks import LARGEST_WIDTH
from .kernels.launch import MOST_SPLITS, SMALLEST_TILE, flash, flash_backward, split_kv
from .kernels.mode import DEVICE, MODE, NOTE

__all__ = ["flash", "split_kv"]

CONVENTIONS = {"causal_alignment": "bottom-right", "empty_rows": "zeros", "hidden_nan": "propagates"}


def arithmetic(splits: int) -> dict[str, dict[str, object]]:
    """The declared arithmetic, by dtype."""
    tiled = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": SMALLEST_TILE, "splits": splits}
    return {
        "float32": {"name": "fp32", "n_pre": 0, **tiled},
        "float16": {"name": "half", **tiled},
        "bfloat16": {"name": "half", **tiled},
    }


def refuses(problem: ProblemView) -> str | None:
    """The reason why the kernels cannot run a problem, or None."""
    width = max(problem.d, problem.dv)
    if width > LARGEST_WIDTH:
        return f"a tile holds up to {LARGEST_WIDTH} features, not {width}"
    return None


for _name, _function, _splits in (("triton/flash", flash, 1), ("triton/split-kv", split_kv, MOST_SPLITS)):
    implementation(
        name=_name,
        arrays="torch",
        conventions=CONVENTIONS,
        claims=["deterministic"],
        arithmetic=arithmetic(_splits),
        backward=flash_backward,
        supports=refuses,
        device=DEVICE,
        mode=MODE,
        notes=[NOTE],
    )(_function)
