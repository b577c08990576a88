"""An attention kernel as attnspec sees it. This one is the textbook's: put yours in its place.

attnspec doctor my_kernel.py        # is this adapter right?
attnspec run my_kernel.py           # is the kernel right?
attnspec replay                     # what failed, once more
"""

import numpy as np

import attnspec


@attnspec.implementation(
    # What attend is called with: NumPy arrays. Others: "torch", "jax".
    arrays="numpy",
    # The order of the axes of q, k, v and of what is returned: batch, heads, positions, features. The other order: "bshd".
    layout="bhsd",
    # In which dtypes it is tested: float32, float16, bfloat16, float8_e4m3fn, float8_e5m2.
    dtypes=["float32"],
    # Where correct kernels differ. What is not declared is found by trying.
    conventions={
        "causal_alignment": "top-left",  # Query i sees keys 0 to i. "bottom-right": the last query sees the last key.
        "empty_rows": "zeros",  # What a query gives that sees no key: "zeros", "mean" or "nan".
    },
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
    scale = np.float32(1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))  # Grouped heads: several queries share a key.
    scores = q @ k.swapaxes(-1, -2) * scale
    if causal:
        queries, keys = scores.shape[-2:]
        scores = np.where(np.arange(keys) <= np.arange(queries)[:, None], scores, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
    return weights / weights.sum(-1, keepdims=True) @ v
