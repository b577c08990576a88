"""What files of kernels begin with, as users write them."""

SOFTMAX = """
import numpy as np
import attnspec

def softmax(q, k, v):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v

def declare(name):
    return attnspec.implementation(name=name, dtypes=["float32"])
"""
"""softmax is right, and gives float64. declare(name) is a decorator."""
