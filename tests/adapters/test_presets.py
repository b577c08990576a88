"""Functions with the signature of a well-known library need no adapter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import ContractError, implementation_of
from attnspec.adapters.finding import find
from attnspec.adapters.presets import PRESETS
from attnspec.conformance.check import check

pytestmark = pytest.mark.long

LAWS = ["weights/as-defined", "causal/as-defined", "masks/mask-as-defined", "masks/bias-as-defined", "heads/grouped-as-defined"]


def softmax(q: Any, k: Any, v: Any, scale: float, added: Any) -> Any:
    """Attention of arrays (B, H, S, D), each query head with its own key head, in float64."""
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2).astype(np.float64) * scale + added
    top = np.maximum(scores.max(-1, keepdims=True, initial=-np.inf), -1e300)
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    return (np.divide(weights, total, out=np.zeros_like(weights), where=total > 0) @ v).astype(q.dtype)


def flash_attn_func(
    q: Any, k: Any, v: Any, softmax_scale: Any = None, causal: bool = False, window_size: Any = (-1, -1)
) -> Any:
    """The signature of flash-attn, in NumPy: (B, S, H, D), bottom-right, −1 for no limit."""
    q, k, v = (x.transpose(0, 2, 1, 3) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    i = np.arange(q.shape[2])[:, None] + k.shape[2] - q.shape[2]
    j = np.arange(k.shape[2])
    left, right = window_size
    seen = (j <= i) if causal else np.ones((q.shape[2], k.shape[2]), bool)
    seen = seen & (j >= i - left if left >= 0 else True) & (j <= i + right if right >= 0 else True)
    scale = q.shape[-1] ** -0.5 if softmax_scale is None else softmax_scale
    return softmax(q, k, v, scale, np.where(seen, 0.0, -np.inf)).transpose(0, 2, 1, 3)


def onnx_attention(Q: Any, K: Any, V: Any, attn_mask: Any = None, is_causal: int = 0, scale: Any = None) -> list[Any]:
    """The signature of ONNX's operator, which returns a list."""
    k, v = (np.repeat(x, Q.shape[1] // x.shape[1], axis=1) for x in (K, V))
    added: Any = 0.0
    if attn_mask is not None:
        added = np.where(attn_mask, 0.0, -np.inf) if attn_mask.dtype == bool else attn_mask
    if is_causal:
        added = added + np.where(np.tri(Q.shape[2], K.shape[2], dtype=bool), 0.0, -np.inf)
    return [softmax(Q, k, v, Q.shape[-1] ** -0.5 if scale is None else scale, added)]


def test_a_function_of_numpy_with_the_signature_of_flash_attn_needs_one_word() -> None:
    made = implementation_of(flash_attn_func, signature="flash_attn", arrays="numpy")
    assert made.options == {"scale", "causal", "window"}  # Those that its own parameters carry, of all that the library has.
    assert made.layout == "bshd" and made.conventions["causal_alignment"] == "bottom-right"
    report = check(made, laws=["weights/as-defined", "causal/as-defined", "masks/window-as-defined"])
    assert report.ok, str(report)
    assert {result.verdict for result in report.results} == {"pass"}


def test_masks_and_biases_of_onnx_share_a_parameter() -> None:
    made = implementation_of(onnx_attention, signature="onnx")
    assert made.options == {"scale", "causal", "mask", "bias"}
    report = check(made, laws=LAWS)
    assert report.ok, str(report)


@pytest.mark.parametrize(
    "target, arrays",
    [("torch.nn.functional:scaled_dot_product_attention@sdpa", "torch"), ("jax.nn:dot_product_attention@jax", "jax")],
)
def test_the_librarys_own_function_is_named_on_the_command_line(target: str, arrays: str) -> None:
    (made,) = find(target)
    assert made.arrays == arrays and made.signature == target.rpartition("@")[2]
    assert {"scale", "causal", "mask", "bias"} <= made.options
    report = check(made, laws=["weights/as-defined", "causal/as-defined"], dtype="float32")
    assert report.ok, str(report)


def test_the_torch_preset_holds_masks_biases_and_grouped_heads() -> None:
    (made,) = find("torch.nn.functional:scaled_dot_product_attention@sdpa")
    report = check(made, laws=LAWS, dtype="float32")
    assert report.ok, str(report)
    assert {result.verdict for result in report.results} == {"pass"}


def test_each_preset_names_options_of_the_spec_and_its_source() -> None:
    from attnspec.spec.operations import operations

    for preset in PRESETS.values():
        assert set(preset.parameters) <= set(operations()["attention"]["options"]), preset.name
        assert preset.source.startswith("https://")


def test_what_declares_itself_is_not_declared_again() -> None:
    with pytest.raises(ContractError, match="declares itself an implementation"):
        find("attnspec.adapters.numpy.flash:attend@sdpa")
    with pytest.raises(ContractError, match="are for one function"):
        find("numpy@sdpa")


def test_a_file_whose_name_holds_an_at_is_still_a_file(tmp_path: Any) -> None:
    file = tmp_path / "my@kernel.py"
    file.write_text("def attend(q, k, v):\n    return q\n", encoding="utf-8")
    assert find(str(file))[0].name == "attend"
    assert find(f"{file}:attend@/torch")[0].arrays == "torch"
