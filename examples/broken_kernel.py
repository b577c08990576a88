"""The kernel of my_kernel.py with a mistake: its causal mask is one key too wide.

`attnspec run examples/broken_kernel.py` names it, and `attnspec xray examples/broken_kernel.py --causal` shows it.
"""

import numpy as np


def attend(q, k, v, *, causal=False, scale=None):
    scale = np.float32(1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    if causal:
        seen = np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + 1
        scores = np.where(seen, scores, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v
