"""A causal mask off by one at 4,096 tokens: what rtol=1e-2 says of it, and what a law says.

The last 64 of 4,096 queries see their past. "right" keeps weights and output in bfloat16, as fused kernels do; "off by one"
computes in float32, but each row also sees the next key.
"""

import ml_dtypes
import numpy as np

TOKENS, ROWS, FEATURES = 4096, 64, 64
row, key = np.arange(TOKENS - ROWS, TOKENS)[:, None], np.arange(TOKENS)


def attend(q, k, v, leak=0, stored=np.float32):
    scores = np.where(key <= row + leak, q @ k.T / 8, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(stored).astype(np.float32)
    return (weights @ v).astype(stored).astype(np.float32)


rng = np.random.default_rng(0)
q, k = rng.standard_normal((ROWS, FEATURES), np.float32), rng.standard_normal((TOKENS, FEATURES), np.float32)
for values, v in {"uniform": rng.random(k.shape, np.float32), "normal": rng.standard_normal(k.shape, np.float32)}.items():
    poisoned = np.where(key[:, None] == row[0] + 1, np.float32(16384), v)
    for kernel, how in {"right": {"stored": ml_dtypes.bfloat16}, "off by one": {"leak": 1}}.items():
        out, exact = attend(q, k, v, **how), attend(q, k, v)
        close = "pass" if np.allclose(out, exact, rtol=1e-2, atol=0) else "fail"
        blind = "pass" if np.array_equal(attend(q, k, poisoned, **how)[0], out[0]) else "fail"
        error = f"largest error {abs(out - exact).max():.0e}"
        print(f"{values:8} {kernel:11} {error}   rtol=1e-2: {close}   future is invisible: {blind}")
