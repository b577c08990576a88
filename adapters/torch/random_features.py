"""`torch/random-features`: positive random features (FAVOR+) in plain PyTorch, the causal sum over all pairs at once.

From the exponents of a query its largest is subtracted, and from those of all keys of a head theirs: factors that cancel, half
squares included. Sums are float32 whatever the dtype of the inputs. Choromanski et al. 2021, arXiv:2009.14794.
"""

from __future__ import annotations

import torch

from ..contract import implementation
from ..random_inputs import check_random

__all__ = ["attend", "draw"]

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "random_feature_attention", name="torch/random-features", arrays="torch", claims=["deterministic"], arithmetic=ARITHMETIC
)
def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    projection: torch.Tensor | None = None,
    num_features: int | None = None,
    seed: int = 0,
    orthogonal: bool = False,
    causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    Raises ValueError for arguments that do not fit.
    """
    shape = None if projection is None else tuple(projection.shape)
    m, factor = check_random(
        tuple(q.shape), tuple(k.shape), tuple(v.shape), (q.dtype, k.dtype, v.dtype),
        projection=shape, num_features=num_features, causal=causal, scale=scale,
    )  # fmt: skip
    w = draw(m, q.shape[3], seed, orthogonal) if projection is None else projection.to(torch.float32)
    query, key = (_exponents(x.to(torch.float32) * factor**0.5, w.to(q.device)) for x in (q, k))
    query = torch.exp(query - query.amax(dim=3, keepdim=True))
    key = torch.exp(key - key.amax(dim=(2, 3), keepdim=True))
    value = torch.cat([v, torch.ones_like(v[..., :1])], dim=3).to(torch.float32)
    if causal:
        sums = torch.tril(query @ key.transpose(2, 3)) @ value
    else:
        sums = query @ (key.transpose(2, 3) @ value)
    return (sums[..., :-1] / sums[..., -1:]).to(q.dtype)


def draw(m: int, d: int, seed: int, orthogonal: bool) -> torch.Tensor:
    """A projection (m, D) of normal rows, float32. orthogonal: blocks of D rows of a random rotation, each with a length of its
    own.
    """
    generator = torch.Generator().manual_seed(seed)
    if not orthogonal:
        return torch.randn((m, d), generator=generator)
    blocks, triangles = torch.linalg.qr(torch.randn((-(-m // d), d, d), generator=generator))
    signs = torch.where(triangles.diagonal(dim1=1, dim2=2) < 0, -1.0, 1.0)  # without which the rotation is not uniform
    rows = (blocks * signs[:, None, :]).transpose(1, 2).reshape(-1, d)[:m]
    return torch.randn((m, d), generator=generator).norm(dim=1, keepdim=True) * rows


def _exponents(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """w·x − |x|²/2, (B, H, S, m)."""
    return x @ w.T - x.square().sum(dim=3, keepdim=True) / 2
