"""Block-sparse attention in NumPy that reads only the blocks of keys its mask keeps; `attnspec run` holds it to its laws."""

import numpy as np

import attnspec


@attnspec.implementation("sparse_attention", conventions={"causal_alignment": "top-left", "empty_rows": "zeros"})
def attend(q, k, v, *, causal=False, block_mask=None, block_size=None, return_lse=False):
    group, size = q.shape[1] // k.shape[1], block_size or 16
    blocks = -(-q.shape[2] // size), -(-k.shape[2] // size)
    block_mask = np.ones((1, 1, *blocks), bool) if block_mask is None else block_mask
    kept = np.broadcast_to(block_mask, (*q.shape[:2], *blocks))
    out, lse = np.zeros((*q.shape[:3], v.shape[3]), np.float32), np.full(q.shape[:3], -np.inf, np.float32)
    for b, h, row in np.ndindex(*q.shape[:2], blocks[0]):
        rows = np.arange(row * size, min((row + 1) * size, q.shape[2]))
        listed = np.flatnonzero(kept[b, h, row])
        keys = np.concatenate([np.arange(j * size, min((j + 1) * size, k.shape[2])) for j in listed] or [np.arange(0)])
        scores = q[b, h, rows] @ k[b, h // group, keys].T / np.float32(np.sqrt(q.shape[3]))
        seen = keys <= rows[:, None] if causal else np.ones(scores.shape, bool)
        scores = np.where(seen, scores, np.float32(-np.inf))
        top = np.where(seen.any(-1), scores.max(-1, initial=-np.inf), np.float32(0))[:, None]
        weights = np.exp(scores - top)
        total = weights.sum(-1, keepdims=True)
        out[b, h, rows] = weights @ v[b, h // group, keys] / np.where(total > 0, total, np.float32(1))
        with np.errstate(divide="ignore"):
            lse[b, h, rows] = (top + np.log(total))[:, 0]
    return (out, lse) if return_lse else out
