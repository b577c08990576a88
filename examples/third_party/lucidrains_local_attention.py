"""lucidrains/local-attention, held to the laws of sparse attention.

    pip install local-attention
    attnspec run examples/third_party/lucidrains_local_attention.py

Ways to call one class. `exact` has a window of W keys behind each query (and ahead, where it is not causal). `buckets` cuts
the sequence into buckets of W and lets each see the buckets beside it: a band of blocks. In both the library pads what is no
multiple of W itself (autopad). Each is also called with a key mask of ones, which says nothing but where the padding begins.
The class takes as many queries as keys and one key head for each query head, and returns no logsumexp.
In half precision it rounds the scaled queries, the scores and the weights to the dtype of q.
"""

import numpy as np
import torch
from local_attention import LocalAttention

import attnspec

HALF = {"name": "half-naive", "n_pre": 1}
PLAIN = {"autopad": True, "use_rotary_pos_emb": False}
COMMON = {
    "operation": "sparse_attention",
    "arrays": "torch",
    "conventions": {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "propagates"},
    "arithmetic": {"float32": {"name": "fp32", "n_pre": 1}, "float16": HALF, "bfloat16": HALF},
}


def self_attention(p):
    if p.sq != p.sk or p.sq == 0:
        return "local attention has as many queries as keys, and some"
    return None if p.hq == p.hkv else "local attention has no grouped heads"


def exact_window(p):
    left, right = p.options.get("window") or (None, None)
    if not left or (right != left if not p.options.get("causal") else right not in (None, 0, left)):
        return "the window reaches W keys back and, where it is not causal, W keys ahead; W is 1 or more"
    return self_attention(p)


def with_exact_window(ones):
    def attend(q, k, v, *, scale=None, causal=False, window=None):
        made = LocalAttention(window[0], causal=causal, exact_windowsize=True, scale=scale, **PLAIN)
        return made(q, k, v, mask=torch.ones(k.shape[0], k.shape[2], dtype=torch.bool) if ones else None)

    return attend


def band(mask):
    """How many blocks behind and ahead a band of blocks reaches; None where a mask is no such band, the same in all heads."""
    first = mask[:1, :1]
    rows, columns = np.indices(first.shape[2:])
    behind = rows - columns
    if not (mask == first).all() or not first.any():
        return None
    reach = int(behind[first[0, 0]].max()), int(-behind[first[0, 0]].min())
    same = np.array_equal((behind <= reach[0]) & (behind >= -reach[1]), first[0, 0])
    return reach if same and min(reach) >= 0 else None


def band_of_blocks(p):
    mask = p.options.get("block_mask")
    if mask is None or band(mask) is None:
        return "buckets see a band of blocks around the diagonal, the same in all heads"
    if p.options.get("causal") and band(mask)[1] > 0:
        return "a causal call looks at no bucket ahead"
    return self_attention(p)


def in_buckets(ones):
    def attend(q, k, v, *, scale=None, causal=False, block_mask=None, block_size=None):
        behind, ahead = band(block_mask.numpy())
        made = LocalAttention(block_size, causal=causal, look_backward=behind, look_forward=ahead, scale=scale, **PLAIN)
        return made(q, k, v, mask=torch.ones(k.shape[0], k.shape[2], dtype=torch.bool) if ones else None)

    return attend


for _name, _ones in (("", False), ("-with-mask", True)):
    attnspec.implementation(name=f"local-attention/exact{_name}", supports=exact_window, **COMMON)(with_exact_window(_ones))
    attnspec.implementation(name=f"local-attention/buckets{_name}", supports=band_of_blocks, **COMMON)(in_buckets(_ones))
