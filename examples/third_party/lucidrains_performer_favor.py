"""lucidrains/performer-pytorch: its FAVOR+, positive orthogonal random features, held to the laws of random features.

    pip install performer-pytorch
    attnspec run examples/third_party/lucidrains_performer_favor.py

`softmax_kernel` makes features of a projection, `gaussian_orthogonal_random_matrix` draws one, always with orthogonal rows.
The scale is always 1/sqrt(D).
"""

import torch
from performer_pytorch.performer_pytorch import (
    causal_linear_attention_noncuda,
    gaussian_orthogonal_random_matrix,
    linear_attention,
    softmax_kernel,
)

import attnspec


def refuses(p):
    if not (p.sq and p.sk):
        return "the library takes at least one query and one key"
    if "projection" not in p.options and "orthogonal" not in p.options:
        return "the library draws orthogonal rows only"
    return None


@attnspec.implementation(
    "random_feature_attention", name="performer/favor", arrays="torch", dtypes=["float32"], supports=refuses
)
def attend(q, k, v, *, projection=None, num_features=None, seed=0, orthogonal=False, causal=False):
    if projection is None:
        torch.manual_seed(seed)
        projection = gaussian_orthogonal_random_matrix(num_features or q.shape[-1], q.shape[-1])
    query = softmax_kernel(q, projection_matrix=projection, is_query=True)
    key = softmax_kernel(k, projection_matrix=projection, is_query=False)
    return (causal_linear_attention_noncuda if causal else linear_attention)(query, key, v)
