"""The backward pass under the laws: no correct one fails, PyTorch's narrow accumulator is found untold, and what has no
backward pass is not asked for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import ContractError, Implementation, implementation_of
from attnspec.adapters.finding import find
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.reference.attention.kernels import KERNELS, as_callable, declared_of
from attnspec.reference.attention.kernels_backward import BACKWARDS, as_backward

pytestmark = pytest.mark.long

LAWS = [law for law in load_laws() if law.chapter == "gradients"]
WIDTH = next(law for law in LAWS if law.id == "gradients/accumulator-keeps-its-bits")
DTYPES = ("float32", "float16", "bfloat16")


def made(name: str) -> Implementation:
    how = BACKWARDS[name]
    kernel = KERNELS[how.forward]
    dtypes = DTYPES[1:] if kernel.stored else DTYPES
    return implementation_of(
        as_callable(kernel),
        name=name,
        dtypes=dtypes,
        conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"},
        arithmetic={dtype: {**declared_of(kernel, dtype), **how.declared} for dtype in dtypes},
        backward=as_backward(how),
    )


@pytest.mark.parametrize("name", BACKWARDS)
@pytest.mark.parametrize("study", [False, pytest.param(True, marks=pytest.mark.study)])
def test_no_law_fails_a_correct_backward_pass(study: bool, name: str) -> None:
    """In one of its dtypes, which kernels take in turn, on one problem a law; in a study in all of them, on three."""
    kernel, seed = made(name), list(BACKWARDS).index(name)
    dtypes = kernel.dtypes if study else [kernel.dtypes[seed % len(kernel.dtypes)]]
    examples = 3 if study else 1
    results = [verify(kernel, law, dtype, budget="quick", examples=examples, seed=seed) for dtype in dtypes for law in LAWS]
    wrong = [f"{r.dtype} {r.law}: {r.verdict} {r.message} {r.case}" for r in results if r.verdict in ("fail", "error")]
    assert not wrong, "\n".join(wrong)
    assert sum(r.verdict == "pass" for r in results) > 0.85 * len(results)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_narrow_accumulator_of_pytorchs_flash_backward_is_found(dtype: str) -> None:
    flash, exact = (find(f"torch/{name}")[0] for name in ("sdpa-flash", "sdpa-math"))
    declared = {key: value for key, value in flash.arithmetic[dtype].items() if not key.startswith("gradient")}
    undeclared = replace(flash, arithmetic={dtype: declared})
    verdicts = tuple(verify(made, WIDTH, dtype, examples=30, shrink=False).verdict for made in (undeclared, flash, exact))
    assert verdicts == ("pass" if dtype == "float32" else "fail", "pass", "pass")


def forward(q: Any, k: Any, v: Any) -> Any:
    weights = np.exp(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]))
    return (weights / weights.sum(-1, keepdims=True) @ v).astype(q.dtype)


def test_numpy_without_a_backward_pass_is_not_asked() -> None:
    result = verify(implementation_of(forward), LAWS[0], "float32")
    assert (result.verdict, result.message) == ("not-claimed", "forward has no backward pass")


def test_a_torch_function_that_breaks_the_graph_is_not_asked() -> None:
    def detached(q: Any, k: Any, v: Any) -> Any:
        import torch

        return torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True).detach()

    result = verify(implementation_of(detached, arrays="torch"), LAWS[0], "float32")
    assert result.verdict == "not-claimed" and "records no way" in result.message


def test_gradients_in_another_layout_and_of_fewer_options() -> None:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        import torch

        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, enable_gqa=True)
        return out.transpose(1, 2)

    declared = implementation_of(attend, arrays="torch", layout="bshd", dtypes=["float32"], conventions={"empty_rows": "zeros"})
    for law in LAWS[:3]:
        result = verify(declared, law, "float32")
        assert result.verdict == "pass", (law.id, result.message, result.case)


@pytest.mark.parametrize(
    ("gives", "message"),
    [(lambda dq, dk, dv: dq, "asked for (dq, dk, dv)"), (lambda dq, dk, dv: (dq, dk[..., :0], dv), "dk has the shape")],
)
def test_a_backward_pass_that_breaks_the_contract(gives: Any, message: str) -> None:
    from attnspec.adapters.numpy.flash import attend, backward

    def broken(dout: Any, q: Any, k: Any, v: Any) -> Any:
        return gives(*backward(dout, q, k, v))

    result = verify(implementation_of(attend, backward=broken), LAWS[1], "float32")
    assert result.verdict == "fail" and message in result.message


def test_a_backward_pass_is_declared_rightly() -> None:
    with pytest.raises(ContractError, match="backward must take"):
        implementation_of(forward, backward=lambda q, k, v: None)
    with pytest.raises(ContractError, match="backward is True"):
        implementation_of(forward, backward=True)
