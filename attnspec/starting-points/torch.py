"""An attention kernel as attnspec sees it. This one is the textbook's: put yours in its place.

attnspec doctor my_kernel.py        # is this adapter right?
attnspec run my_kernel.py           # is the kernel right?
attnspec replay                     # what failed, once more
"""

import torch

import attnspec


@attnspec.implementation(
    # What attend is called with: PyTorch tensors. Others: "numpy", "jax".
    arrays="torch",
    # The order of the axes of q, k, v and of what is returned: batch, heads, positions, features. The other order: "bshd".
    layout="bhsd",
    # In which dtypes it is tested: float32, float16, bfloat16, float8_e4m3fn, float8_e5m2.
    dtypes=["float32", "bfloat16"],
    # Where correct kernels differ. What is not declared is found by trying.
    conventions={
        "causal_alignment": "top-left",  # Query i sees keys 0 to i. "bottom-right": the last query sees the last key.
        "empty_rows": "zeros",  # What a query gives that sees no key: "zeros", "mean" or "nan".
    },
    # Where tensors are put: "cpu", "cuda". Gradients are those of autograd; backward=False where there are none.
    device="cpu",
    # Problems that the kernel refuses: a function that returns the reason, or None.
    # supports=lambda p: "needs a multiple of 16 keys" if p.sk % 16 else None,
)
def attend(q, k, v, *, causal=False, scale=None):
    """q: (batch, query heads, queries, features). k and v: (batch, key heads, keys, features).

    The parameters after the star are the options on which the kernel is tested. Remove what yours lacks, and add what it has:
    window, mask, bias, alibi_slopes, softcap, sinks, kv_lengths, return_lse, ... (docs/writing-an-adapter.md lists them all).
    """
    if not q.dtype == k.dtype == v.dtype:
        raise TypeError(f"q, k and v must have one dtype, not {q.dtype}, {k.dtype} and {v.dtype}")
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    wide = (x.float() for x in (q, k, v))  # Computed in float32, and rounded at the end.
    wide_q, wide_k, wide_v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in wide)  # Grouped heads share a key.
    scores = wide_q @ wide_k.transpose(-1, -2) * scale
    if causal:
        hidden = torch.ones_like(scores, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(hidden, -torch.inf)
    return (scores.softmax(-1) @ wide_v).to(q.dtype)
