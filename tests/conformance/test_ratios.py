"""What a result records of its ratios: the same problems have one hash, other problems another, and the largest are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import attnspec
from attnspec.adapters.contract import implementation_of
from attnspec.conformance.engine.tally import LARGEST
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws

pytestmark = pytest.mark.long


def attend(q: Any, k: Any, v: Any) -> Any:
    """Plain softmax attention."""
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def wrong(q: Any, k: Any, v: Any) -> Any:
    """Twice of it."""
    return 2 * attend(q, k, v)


def row(function: Any = attend, **how: Any) -> dict[str, Any]:
    made = attnspec.check(function, laws="weights/as-defined", **{"examples": 4, **how})
    found: dict[str, Any] = made.data["results"][0]
    return found


def test_the_same_problems_have_the_same_hash_and_ratios() -> None:
    assert row()["ratios"] == row()["ratios"] and row()["worst_ratio"] == row()["worst_ratio"]


@pytest.mark.parametrize("how", [{"seed": 1}, {"examples": 3}])
def test_other_problems_have_another(how: dict[str, Any]) -> None:
    assert row(**how)["ratios"]["problems"] != row()["ratios"]["problems"]


def test_the_largest_are_kept() -> None:
    found = row(examples=LARGEST + 5)
    ratios = found["ratios"]
    assert ratios["count"] == found["examples"] == LARGEST + 5 and len(ratios["largest"]) == LARGEST
    assert ratios["largest"] == sorted(ratios["largest"], reverse=True)
    assert ratios["largest"][0] == float(f"{found['worst_ratio']:.3g}")


def test_earlier_failures_that_hold_again_leave_no_trace() -> None:
    law, made = next(law for law in load_laws() if law.id == "weights/as-defined"), implementation_of(attend)
    before = [f"{law.id}?dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=2&d=1&values=normal&seed=0"]
    alone, after = (verify(made, law, "float32", examples=4, first=first).as_dict() for first in ([], before))
    assert alone["verdict"] == "pass" and alone["examples"] == 4
    assert {**alone, "seconds": {}} == {**after, "seconds": {}}


def test_what_the_shrinker_tried_does_not_count() -> None:
    found = row(wrong)
    assert found["verdict"] == "fail" and found["ratios"]["count"] <= found["examples"] <= 4


def test_where_nothing_was_decided_there_is_nothing() -> None:
    found = attnspec.check(attend, laws=["weights/as-defined", "causal/as-defined"], examples=2).data["results"]
    assert [bool(result["ratios"]) for result in sorted(found, key=lambda r: r["law"])] == [False, True]
