"""lucidrains/performer-pytorch: its two sums of linear attention, held to the laws of linear attention.

    pip install performer-pytorch
    attnspec run examples/third_party/lucidrains_performer.py

`linear_attention` is not causal; `causal_linear_attention_noncuda` is what a causal Performer runs where fast_transformers is
not installed. Both normalise, and take features that are already mapped.
"""

import torch
from performer_pytorch.performer_pytorch import causal_linear_attention_noncuda, linear_attention

import attnspec

MAPS = {"elu1": lambda x: torch.nn.functional.elu(x) + 1, "relu": torch.relu, "exp": torch.exp}


def refuses(p):
    if "normalize" not in p.options:
        return "the library always normalises"
    if not (p.sq and p.sk):
        return "the library takes at least one query and one key"
    return None if p.options.get("feature_map") in MAPS else f"mapped by {', '.join(MAPS)}"


@attnspec.implementation("linear_attention", name="performer/sums", arrays="torch", dtypes=["float32"], supports=refuses)
def attend(q, k, v, *, feature_map="identity", causal=False, normalize=False):
    query, key = MAPS[feature_map](q), MAPS[feature_map](k)
    return (causal_linear_attention_noncuda if causal else linear_attention)(query, key, v)
