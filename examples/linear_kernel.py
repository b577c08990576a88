"""A chunked kernel of causal linear attention with its normaliser, as one would write it for decoding, and its declaration.

    attnspec run examples/linear_kernel.py

It takes a state and gives one, so that prefill and decode are the same kernel.
"""

import numpy as np

import attnspec

CHUNK = 16


def elu1(x):
    return np.where(x > 0, x + np.float32(1), np.exp(np.minimum(x, np.float32(0))))


def refuses(p):
    return None if p.options.get("feature_map", "identity") in ("identity", "elu1") else "elu + 1, or no feature map"


@attnspec.implementation("linear_attention", supports=refuses)
def attend(q, k, v, *, feature_map="identity", causal=False, normalize=False, initial_state=None, return_state=False):
    query, key = (elu1(x) if feature_map == "elu1" else x for x in (q, k))
    b, h, steps, d = key.shape
    out = np.zeros((*q.shape[:3], v.shape[3]), np.float32)
    state, z = initial_state or (np.zeros((b, h, d, v.shape[3]), np.float32), np.zeros((b, h, d), np.float32))
    for start in range(0, steps, CHUNK):
        at = slice(start, start + CHUNK)
        if causal:
            scores = np.tril(query[:, :, at] @ key[:, :, at].swapaxes(-1, -2))
            sums = scores @ v[:, :, at] + query[:, :, at] @ state
            total = scores.sum(-1) + (query[:, :, at] * z[:, :, None]).sum(-1)
            out[:, :, at] = sums / total[..., None] if normalize else sums
        state = state + key[:, :, at].swapaxes(-1, -2) @ v[:, :, at]
        z = z + key[:, :, at].sum(2)
    if not causal:
        sums = query @ state
        out = sums / (query * z[:, :, None]).sum(-1)[..., None] if normalize else sums
    return (out, (state, z)) if return_state else out
