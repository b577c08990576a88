"""Conventions that are declared, probed, assumed, contradicted, and those that depend on what is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.check import check
from attnspec.conformance.engine.conventions import contradictions, settled

pytestmark = pytest.mark.long


def attention(q: Any, k: Any, v: Any, hidden: Any = None, *, hiding: float = -np.inf, heads: Any = None) -> tuple[Any, Any]:
    """Output and logsumexp in float64, hidden keys replaced by `hiding`; a row of −∞ is zero. heads: the key head of each."""
    heads = np.arange(q.shape[1]) * k.shape[1] // q.shape[1] if heads is None else heads
    q, k, v = q.astype(np.float64), k[:, heads].astype(np.float64), v[:, heads].astype(np.float64)
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if hidden is not None:
        scores = scores + np.where(hidden, hiding, 0.0) if np.isfinite(hiding) else np.where(hidden, hiding, scores)
    top = np.maximum(scores.max(-1, keepdims=True, initial=-np.inf), -1e300)
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = (top + np.log(total))[..., 0]
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0) @ v, np.where(total[..., 0] > 0, lse, -np.inf)


def penalised(q: Any, k: Any, v: Any, *, mask: Any = None) -> Any:
    """Hidden scores get −10⁸ added, of which float64 keeps the rest: a row that sees no key is as if nothing were masked."""
    return attention(q, k, v, None if mask is None else ~mask, hiding=-1e8)[0].astype(q.dtype)


def interleaved(q: Any, k: Any, v: Any, *, mask: Any = None) -> Any:
    """Query head h reads key head h mod Hkv."""
    heads = np.arange(q.shape[1]) % k.shape[1]
    return attention(q, k, v, None if mask is None else ~mask, heads=heads)[0].astype(q.dtype)


def sentinel(q: Any, k: Any, v: Any, *, mask: Any = None, return_lse: bool = False) -> Any:
    """The logsumexp of an empty row is a large negative number."""
    out, lse = attention(q, k, v, None if mask is None else ~mask)
    lse = np.where(np.isneginf(lse), -2.38e38, lse).astype(np.float32)
    return (out.astype(q.dtype), lse) if return_lse else out.astype(q.dtype)


def onnx_like(q: Any, k: Any, v: Any, *, causal: bool = False, kv_lengths: Any = None) -> Any:
    """Causality starts from the top left, but from the bottom right where lengths are given."""
    i, j = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
    hidden = np.zeros((q.shape[0], 1, q.shape[2], k.shape[2]), dtype=bool)
    if kv_lengths is not None:
        lengths = np.asarray(kv_lengths)[:, None, None, None]
        hidden |= j >= lengths
        hidden |= (j > i + lengths - q.shape[2]) if causal else False
    elif causal:
        hidden |= j > i
    v = np.where(np.isfinite(v), v, 0)
    k = np.where(np.isfinite(k), k, 0)
    return attention(q, k, v, hidden)[0].astype(q.dtype)


def made(function: Any, **declared: Any) -> Implementation:
    return implementation_of(function, **declared)


def test_a_row_as_if_nothing_were_masked_is_told_from_the_mean_of_all_values() -> None:
    assert settled(made(penalised))["empty_rows"] == ("unmasked", "probed")
    assert check(made(penalised), laws=["masks/empty-rows-by-convention", "masks/mask-as-defined"], examples=12).ok
    report = check(made(penalised, conventions={"empty_rows": "mean"}), laws="masks/empty-rows-by-convention", examples=12)
    assert not report.ok


@pytest.mark.parametrize(("found", "row"), [("zeros", 0.0), ("nan", np.nan), ("mean", None)])
@pytest.mark.parametrize("option", ["causal", "window"])
def test_rows_that_run_out_of_keys_are_probed_where_no_mask_is_taken(option: str, found: str, row: float | None) -> None:
    """With more queries than keys bottom-right causality leaves the first rows none, a window from the top left the last."""

    def attend(q: Any, k: Any, v: Any, causal: bool, window: Any) -> Any:
        i, j = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
        shift = k.shape[2] - q.shape[2] if option == "causal" else 0
        hidden = (j > i + shift) if causal else np.zeros((q.shape[2], k.shape[2]), bool)
        left, right = window or (None, None)
        hidden = hidden if left is None else hidden | (j < i - left)
        hidden = hidden if right is None else hidden | (j > i + right)
        out = attention(q, k, v, hidden)[0]
        mean = np.repeat(v.sum(2, keepdims=True) / max(v.shape[2], 1), q.shape[1] // k.shape[1], axis=1)
        return np.where(hidden.all(-1)[:, None], mean if row is None else row, out).astype(q.dtype)

    if option == "causal":
        made = implementation_of(lambda q, k, v, *, causal=False: attend(q, k, v, causal, None), name="kernel")
    else:
        made = implementation_of(lambda q, k, v, *, window=None: attend(q, k, v, False, window), name="kernel")
    assert settled(made)["empty_rows"] == (found, "probed")
    if (option, found) == ("causal", "mean"):  # as finfo.min instead of −∞ gives it
        report = check(made)
        assert report, str(report)


def test_interleaved_head_groups_are_a_declaration_and_never_a_guess() -> None:
    laws = ["heads/grouped-as-defined", "heads/grouped-is-repeated", "heads/concatenate", "masks/mask-as-defined"]

    assert settled(made(interleaved))["head_groups"] == ("blocked", "assumed")
    assert not check(made(interleaved), laws=laws, examples=8).ok
    declared = made(interleaved, conventions={"head_groups": "interleaved"})
    report = check(declared, laws=laws, examples=8)
    assert report.ok and {result.verdict for result in report.results} == {"pass"}, str(report)


def test_an_empty_rows_logsumexp_may_be_a_large_negative_number() -> None:
    assert settled(made(sentinel))["empty_lse"] == ("large-negative", "probed")
    assert check(made(sentinel), laws=["masks/empty-rows-have-no-mass", "flash/lse-as-defined"], examples=8).ok
    strict = made(sentinel, conventions={"empty_lse": "minus-infinity"})
    assert not check(strict, laws="masks/empty-rows-have-no-mass", examples=8).ok


def test_a_convention_may_depend_on_an_option() -> None:
    laws = ["causal/as-defined", "causal/corner-for-unequal-lengths", "masks/lengths-are-a-mask"]
    conditional = {"causal_alignment": "top-left", "causal_alignment with kv_lengths": "bottom-right"}
    found = settled(made(onnx_like, conventions=conditional))
    assert found["causal_alignment with kv_lengths"] == ("bottom-right", "declared")
    report = check(made(onnx_like, conventions=conditional), laws=laws, examples=16)
    assert report.ok, str(report)
    assert not check(made(onnx_like, conventions={"causal_alignment": "top-left"}), laws=laws, examples=16).ok


@pytest.mark.parametrize(
    "function, conventions, found",
    [
        (penalised, {"empty_rows": "zeros"}, ("empty_rows", "zeros", "unmasked")),
        (onnx_like, {"causal_alignment": "bottom-right"}, ("causal_alignment", "bottom-right", "top-left")),
        (sentinel, {"empty_lse": "minus-infinity"}, ("empty_lse", "minus-infinity", "large-negative")),
        (lambda q, k, v: attention(q, k, v)[0], {"head_groups": "interleaved"}, ("head_groups", "interleaved", "blocked")),
    ],
)
def test_what_is_declared_is_probed_and_a_contradiction_told(
    function: Any, conventions: Any, found: tuple[str, str, str]
) -> None:
    assert list(contradictions(made(function, name="made", conventions=conventions))) == [found]


def test_what_is_declared_rightly_is_contradicted_by_nothing() -> None:
    right = {"empty_rows": "unmasked", "head_groups": "blocked"}
    assert list(contradictions(made(penalised, conventions=right))) == []
