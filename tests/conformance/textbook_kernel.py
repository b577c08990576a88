"""A kernel of ten lines, as people write it first, cut into steps so that a mistake is one step in another way.

It computes in float32, as kernels do, and owes nothing to the catalogue of faults.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["DEFAULTS", "Textbook"]

DEFAULTS: dict[str, Any] = {
    "causal": False,
    "scale": None,
    "mask": None,
    "bias": None,
    "window": None,
    "softcap": None,
    "return_lse": False,
}
"""Every option of the textbook kernel."""


class Textbook:
    """Attention in NumPy, top-left, with zeros in rows that see no key. Arrays are (B, H, S, D) in float32."""

    def __call__(self, q: Any, k: Any, v: Any, **given: Any) -> Any:
        given = {**DEFAULTS, **given}
        x, k, v = (np.asarray(array, np.float32) for array in self.inputs(q, k, v))
        with np.errstate(all="ignore"):
            k, v = (self.repeated(array, x.shape[1]) for array in (k, v))
            scores = self.scores(x, k, self.scale(given["scale"], x.shape[-1], v.shape[-1]), given)
            visible = np.broadcast_to(self.visible(x.shape[2], k.shape[2], given), scores.shape)
            out, lse = self.softmax(scores, visible, v)
            out = self.output(out)
        return (out.astype(q.dtype), lse.astype(np.float32)) if given["return_lse"] else out.astype(q.dtype)

    def inputs(self, q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
        """What is read of the arguments."""
        if k.shape[:3] != v.shape[:3] or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3] or q.shape[1] % k.shape[1]:
            raise ValueError(f"shapes {q.shape}, {k.shape} and {v.shape} do not fit together")
        if not q.dtype == k.dtype == v.dtype:
            raise ValueError(f"dtypes {q.dtype}, {k.dtype} and {v.dtype} differ")
        return q, k, v

    def repeated(self, x: Any, heads: int) -> Any:
        """Keys or values for each query head."""
        return np.repeat(x, heads // x.shape[1], axis=1)

    def scale(self, scale: float | None, d: int, dv: int) -> float:
        """What q·k is multiplied by."""
        return d**-0.5 if scale is None else scale

    def dot(self, q: Any, k: Any) -> Any:
        """q·k."""
        return q @ k.swapaxes(-1, -2)

    def scores(self, q: Any, k: Any, scale: float, given: dict[str, Any]) -> Any:
        """Scores without what hides keys."""
        scores = self.dot(q, k) * np.float32(scale)
        if given["softcap"] is not None:
            scores = given["softcap"] * np.tanh(scores / given["softcap"])
        return scores if given["bias"] is None else scores + np.asarray(given["bias"], np.float32)

    def visible(self, sq: int, sk: int, given: dict[str, Any]) -> Any:
        """Which keys each query sees."""
        i, j = np.arange(sq)[:, None], np.arange(sk)
        visible = np.ones((sq, sk), bool)
        if given["causal"]:
            visible = visible & self.causal(i, j, sq, sk)
        if given["window"] is not None:
            visible = visible & self.window(i, j, *given["window"])
        if given["bias"] is not None:
            visible = visible & (np.asarray(given["bias"], np.float32) > -np.inf)
        return visible if given["mask"] is None else visible & self.mask(given["mask"])

    def causal(self, i: Any, j: Any, sq: int, sk: int) -> Any:
        """The keys that causality leaves."""
        return j <= i

    def window(self, i: Any, j: Any, left: int | None, right: int | None) -> Any:
        """The keys in a window, both ends included."""
        return ((left is None) | (j >= i - (left or 0))) & ((right is None) | (j <= i + (right or 0)))

    def mask(self, mask: Any) -> Any:
        """The keys that a mask leaves."""
        return mask

    def softmax(self, scores: Any, visible: Any, v: Any) -> tuple[Any, Any]:
        """Output and logsumexp."""
        scores = self.hidden(scores, visible)
        largest = self.maximum(scores)
        weights = self.exp(scores - largest)
        total = self.total(weights, scores, largest, visible)
        out = self.mixed(self.normalised(weights, total), np.nan_to_num(v, nan=0.0), visible)
        return self.empty(out, total), self.lse(largest, total)[..., 0]

    def hidden(self, scores: Any, visible: Any) -> Any:
        """Scores with minus infinity at hidden keys."""
        return np.where(visible, scores, np.float32(-np.inf))

    def maximum(self, scores: Any) -> Any:
        """What is subtracted before exp."""
        largest = scores.max(-1, keepdims=True, initial=-np.inf)
        return np.where(largest == -np.inf, np.float32(0), largest)

    def exp(self, x: Any) -> Any:
        """The exponential."""
        return np.exp(x)

    def total(self, weights: Any, scores: Any, largest: Any, visible: Any) -> Any:
        """Row sums."""
        return weights.sum(-1, keepdims=True)

    def normalised(self, weights: Any, total: Any) -> Any:
        """Weights that sum to 1."""
        return weights / total

    def mixed(self, weights: Any, v: Any, visible: Any) -> Any:
        """Weights times values."""
        return weights @ v

    def empty(self, out: Any, total: Any) -> Any:
        """Zeros in rows that see nothing."""
        return np.where(total == 0, np.float32(0), out)

    def lse(self, largest: Any, total: Any) -> Any:
        """The logsumexp."""
        return largest + np.log(total)

    def output(self, out: Any) -> Any:
        """What is returned of the output."""
        return out
