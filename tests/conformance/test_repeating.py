"""A law asks for the same bits only of kernels that give the same bits twice, and says so of the others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.describe import told
from attnspec.conformance.engine.repeating import WITHIN_BOUNDS, asks_same_bits
from attnspec.conformance.engine.result import Result
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.reports.modes import softened_lines

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}
SAME_BITS = (
    "causal/future-is-invisible",
    "weights/doubled-values",
    "weights/negated-values",
    "masks/hidden-keys-may-hold-anything",
)


def summed_in(order: Callable[[int], Any], slip: int = 0, **declared: Any) -> Implementation:
    """A kernel in float32 that adds keys one by one in an order of its own, which may differ from call to call."""

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, mask: Any = None) -> Any:
        k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
        seen = np.ones((q.shape[2], k.shape[2]), dtype=bool)
        if causal:
            seen = np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + slip
        seen = np.broadcast_to(seen if mask is None else seen & mask, (*q.shape[:3], k.shape[2]))
        scores = np.where(seen, q @ k.swapaxes(-1, -2) * np.float32(q.shape[-1] ** -0.5), np.float32(-np.inf))
        top = scores.max(-1, keepdims=True, initial=-np.inf)
        weights = np.where(seen, np.exp(scores - np.where(np.isfinite(top), top, np.float32(0))), np.float32(0))
        out, total = np.zeros((*q.shape[:3], v.shape[-1]), np.float32), np.zeros((*q.shape[:3], 1), np.float32)
        for key in order(k.shape[2]):
            out += np.where(weights[..., key : key + 1] > 0, weights[..., key : key + 1] * v[:, :, None, key], np.float32(0))
            total += weights[..., key : key + 1]
        return out / np.where(total > 0, total, np.float32(1))

    return implementation_of(attend, name="kernel", conventions=CONVENTIONS, **declared)


def drawn() -> Callable[[int], Any]:
    """Another order at each call, the same series of orders for each kernel."""
    return np.random.default_rng(5).permutation


def tried(made: Implementation, law: str) -> Result:
    return verify(made, LAWS[law], "float32", budget="quick", examples=20)


@pytest.mark.parametrize("law", SAME_BITS)
def test_a_correct_kernel_whose_order_varies_passes_within_bounds(law: str) -> None:
    result = tried(summed_in(drawn()), law)
    assert result.verdict == "pass" and result.softened > 0
    assert WITHIN_BOUNDS in result.details


@pytest.mark.parametrize("law", SAME_BITS)
def test_a_kernel_that_repeats_its_bits_is_asked_for_them(law: str) -> None:
    result = tried(summed_in(range), law)
    assert result.verdict == "pass" and result.softened == 0 and result.details == []


def test_the_last_bit_is_asked_for_where_it_repeats() -> None:
    """Its order depends on the values that are hidden: twice the same bits on the same input, and not by the law."""
    made = summed_in(range)
    function = made.function

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, mask: Any = None) -> Any:
        out = function(q, k, v, causal=causal, mask=mask)
        return np.nextafter(out, np.float32(9)) if np.abs(k).max(initial=0) > 100 else out

    result = tried(implementation_of(attend, name="kernel", conventions=CONVENTIONS), "masks/hidden-keys-may-hold-anything")
    assert result.verdict == "fail" and result.softened == 0


def test_a_mistake_is_found_within_bounds_too() -> None:
    assert tried(summed_in(drawn(), slip=1), "causal/future-is-invisible").verdict == "fail"


def test_the_promise_itself_is_never_softened() -> None:
    assert tried(summed_in(drawn(), claims=("deterministic",)), "interface/deterministic").verdict == "fail"
    assert tried(summed_in(range, claims=("deterministic",)), "interface/deterministic").verdict == "pass"
    assert not asks_same_bits(LAWS["interface/deterministic"])


def test_which_laws_ask_for_the_same_bits() -> None:
    """Those that set one output beside another; not those that count, nor those whose other side is known."""
    asked = {law.id for law in LAWS.values() if asks_same_bits(law)}
    assert {*SAME_BITS, "linear/future-is-invisible", "sparse/left-out-keys-may-hold-anything"} <= asked
    assert not asked & {"interface/inputs-stay", "causal/mask-read-through-values", "weights/hidden-weigh-nothing"}
    assert not asked & {law.id for law in LAWS.values() if "≈" in law.equation or "positive(" in law.equation}


def test_nan_that_stays_contained_is_about_values() -> None:
    for law in ("masks/nan-stays-contained", "sparse/nan-stays-contained"):
        assert LAWS[law].relation.relation == "≈"
    assert tried(summed_in(drawn()), "masks/nan-stays-contained").verdict == "pass"


def test_the_report_says_so() -> None:
    one, two = "weights/doubled-values", "weights/negated-values"
    found = (("kernel", one, 3), ("kernel", two, 3), ("other", one, 0))
    rows = [told(Result(name, "attention", law, "float32", "pass", softened=softened)) for name, law, softened in found]
    assert softened_lines(SimpleNamespace(results=rows)) == [
        "  kernel: 2 laws held within bounds instead of to the last bit, because two equal calls gave different bits"
    ]
