"""lucidrains/linear-attention-transformer: its causal attention, held to the laws of linear attention.

    pip install linear-attention-transformer
    attnspec run examples/third_party/lucidrains_linear_attention_transformer.py

`causal_linear_attn` takes the softmax of each query and the exponential of each key, and normalises. A factor on a query
cancels, so that is the feature map exp, normalised. With a bucket of 1 each row reads its own step, which is what the
library's models do unless they are told otherwise (blindspot_size). It has no other number of value features than key features.
"""

import torch
from linear_attention_transformer.linear_attention_transformer import causal_linear_attn

import attnspec


def refuses(p):
    if p.sk == 0 or p.d != p.dv:
        return "the function takes at least one step, and as many value features as key features"
    return None


@attnspec.implementation(
    "linear_attention",
    name="linear-attention-transformer/causal",
    arrays="torch",
    dtypes=["float32"],
    always={"causal": True, "normalize": True, "feature_map": "exp"},
    supports=refuses,
)
def attend(q, k, v, *, feature_map="identity", causal=False, normalize=False, kv_lengths=None):
    mask = None if kv_lengths is None else torch.arange(k.shape[2]) < kv_lengths[:, None]
    return causal_linear_attn(q, k, v, kv_mask=mask, bucket_size=1)
