"""Who accepted what should be refused is seen in each framework, and where it cannot be seen nothing is said."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnspec.adapters.arrays import arrays_for
from attnspec.adapters.first_use import FirstUse, first_use


def given(kind: str, keys: Any = np.float32, values: int = 3, width: int = 5) -> dict[str, Any]:
    """Queries and keys of three tokens, and some values; all ones."""
    plain = {
        "queries": np.ones((1, 2, 3, 4), np.float32),
        "keys": np.ones((1, 2, 3, 4), keys),
        "values": np.ones((1, 2, values, width), np.float32),
    }
    return {name: arrays_for(kind).to_framework(x) for name, x in plain.items()}


def in_numpy(q: Any, k: Any, v: Any, *, scale: float = 1.0) -> Any:
    return np.einsum("bhqk,bhkd->bhqd", np.exp(scale * q @ k.swapaxes(-1, -2)), v)


def test_numpy_operations_that_get_arrays_as_they_came() -> None:
    found = first_use("numpy", in_numpy, given("numpy", np.float16), {"scale": 2.0})
    assert found == FirstUse(("numpy.matmul", "numpy.einsum"), ())


def test_a_conversion_and_a_cut_in_numpy() -> None:
    def adapter(q: Any, k: Any, v: Any) -> Any:
        return in_numpy(q, k.astype(q.dtype).copy(), np.concatenate([v, v], axis=2)[:, :, : k.shape[2]])

    assert first_use("numpy", adapter, given("numpy", np.float16), {}) == FirstUse(
        ("numpy.matmul", "numpy.einsum"), ("keys to float32",)
    )
    cut = first_use("numpy", adapter, given("numpy", values=4), {})
    assert cut is not None and cut.changed == ("values from 40 elements to 30",)


def test_what_numpy_does_not_show_is_not_told() -> None:
    assert first_use("numpy", lambda q, k, v: in_numpy(*(np.asarray(x) for x in (q, k, v))), given("numpy"), {}) is None
    assert first_use("numpy", lambda q, k, v: q, given("numpy"), {}) is None


def test_the_arrays_that_were_followed_are_plain_for_the_function() -> None:
    """An operation with a list, an output and a reduction computes what it does for plain arrays."""
    seen = []

    def function(q: Any, k: Any, v: Any) -> Any:
        out = np.empty_like(q)
        np.add(q, 1, out=out)
        seen.append(np.stack([out, out]).sum(where=True))
        return q @ k

    first_use("numpy", function, given("numpy"), {})
    assert float(seen[0]) == 2 * 2 * 24


def test_a_kernel_that_raises_before_anything_met_says_nothing() -> None:
    def raises(q: Any, k: Any, v: Any) -> Any:
        raise RuntimeError("no")

    for kind in ("numpy", "torch", "jax"):
        assert first_use(kind, raises, given(kind), {}) is None


def test_pytorch_shows_which_operation_got_what() -> None:
    import torch

    scores = lambda q, k: torch.softmax(q @ k.transpose(-1, -2), -1)  # noqa: E731
    adapter = lambda q, k, v: scores(q, k.to(q.dtype)) @ v[:, :, : k.shape[2]]  # noqa: E731
    found = first_use("torch", adapter, given("torch", np.float16), {})
    assert found == FirstUse(("torch.Tensor.matmul",), ("keys to float32",))
    found = first_use("torch", adapter, given("torch", values=4), {})
    assert found == FirstUse(("torch.Tensor.matmul",), ("values from 40 elements to 30",))
    fused = first_use("torch", torch.nn.functional.scaled_dot_product_attention, given("torch", width=4), {"scale": 1.0})
    assert fused == FirstUse(("torch.nn.functional.scaled_dot_product_attention",), ())


def test_jax_shows_it_through_functions_that_are_compiled() -> None:
    import jax

    @jax.jit
    def kernel(q: Any, k: Any, v: Any) -> Any:
        return jax.nn.softmax(q @ k.swapaxes(-1, -2), -1) @ v

    assert first_use("jax", kernel, given("jax"), {}) == FirstUse(("jax.lax.dot_general",), ())
    found = first_use("jax", lambda q, k, v: kernel(q, k.astype(q.dtype), v[:, :, :3]), given("jax", np.float16, 4), {})
    assert found == FirstUse(("jax.lax.dot_general",), ("keys to float32", "values from 40 elements to 30"))
