"""Mistakes of random features are named: by outputs under a given projection, and by verdicts where features are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}


def kernel(features: Callable[[Any, Any, bool], Any], rows: Callable[[Any, int, int], Any]) -> Callable[..., Any]:
    """A kernel of fifteen lines, of which the features and the orthogonal rows may be wrong."""

    def attend(
        q: Any, k: Any, v: Any, *, projection: Any = None, num_features: Any = None, seed: int = 0, orthogonal: bool = False
    ) -> Any:
        d, rng = q.shape[3], np.random.default_rng(seed)
        m = num_features or d
        if projection is None:
            sizes = np.linalg.norm(rng.standard_normal((m, d)), axis=1, keepdims=True)
            projection = sizes * rows(rng, m, d) if orthogonal else rng.standard_normal((m, d))
        query, key = (features(np.float32(d**-0.25) * x, projection.astype(np.float32), n) for n, x in enumerate((q, k)))
        sums = query @ (key.swapaxes(2, 3) @ np.concatenate([v, np.ones_like(v[..., :1])], axis=3))
        return sums[..., :-1] / sums[..., -1:]

    return attend


def right(x: Any, w: Any, keys: bool) -> Any:
    exponents = x @ w.T - (x * x).sum(axis=3, keepdims=True) / 2
    return np.exp(exponents - exponents.max(axis=(2, 3) if keys else 3, keepdims=True))


def guarded(x: Any, w: Any, keys: bool) -> Any:
    products = x @ w.T
    largest = products.max(axis=(2, 3) if keys else 3, keepdims=True)
    return np.exp(products - (x * x).sum(axis=3, keepdims=True) / 2 - largest) + np.float32(1e-4)


def unsigned(rng: Any, m: int, d: int) -> Any:
    blocks = np.linalg.qr(rng.standard_normal((-(-m // d), d, d)))[0]
    return np.swapaxes(blocks, 1, 2).reshape(-1, d)[:m]


@pytest.mark.parametrize(
    ("features", "law", "how", "name"),
    [
        (guarded, "random/small-features", "outputs", "random-epsilon-on-features"),
        (right, "random/orthogonal-unbiased", "verdicts", "random-unsigned-qr"),
    ],
)
def test_the_mistake_is_named(features: Any, law: str, how: str, name: str) -> None:
    made = implementation_of(kernel(features, unsigned), operation="random_feature_attention", name="kernel")
    result = verify(made, LAWS[law], "float32", budget="quick", examples=4, explain=True)
    assert result.verdict == "fail" and result.diagnosis is not None
    assert result.diagnosis["how"] == how and name in {row["fault"] for row in result.diagnosis["ranked"]}
