"""What a result keeps of a failure: how far off it was at worst, the innermost frame, and words that can be printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.engine.result import Result
from attnspec.conformance.engine.tally import Finding
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.problems.structure import Structure

LAWS = {law.id: law for law in load_laws()}


def verified(function: Any, law: str, dtype: str = "float32") -> Result:
    made = implementation_of(function, name="made", dtypes=["float32", "float16"], conventions={"empty_rows": "zeros"})
    return verify(made, LAWS[law], dtype, budget="quick", examples=10)


def naive(q: Any, k: Any, v: Any) -> Any:
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * np.float32(q.shape[-1] ** -0.5)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def finding(ratio: float | None, strange: bool = False, verdict: str = "fail") -> Finding:
    return Finding(verdict, "x", Structure.of(operation="attention"), "", [], ratio, strange)


def test_the_worst_is_kept_where_it_is_lost_by_shrinking() -> None:
    def worse_with_more_keys(q: Any, k: Any, v: Any) -> Any:
        return naive(q, k, v) + (np.float32(1e-3) * np.float32(k.shape[2]) ** 4 if k.shape[2] > 2 else np.float32(0))

    result = verified(worse_with_more_keys, "weights/as-defined")
    assert result.verdict == "fail" and result.case is not None and result.worst_found
    assert result.worst_found["case"] != result.case and result.worst_found["message"] != result.message
    assert "&sk=3&" in result.case and "&sk=3&" not in result.worst_found["case"]


def test_nothing_is_kept_twice_where_the_smallest_case_is_the_worst() -> None:
    result = verified(lambda q, k, v: naive(q, k, v) + np.float32(np.nan), "weights/as-defined")
    assert result.verdict == "fail" and result.worst_found == {}


def test_worse_is_nan_and_then_the_larger_share_of_the_bound() -> None:
    assert finding(None, strange=True).worse_than(finding(9.0)) and not finding(9.0).worse_than(finding(None, strange=True))
    assert finding(3.0).worse_than(finding(2.0)) and not finding(2.0).worse_than(finding(3.0))
    assert not finding(None).worse_than(finding(2.0)) and not finding(2.0).worse_than(finding(None))
    assert not finding(9.0, verdict="error").worse_than(finding(1.0))


def test_a_traceback_keeps_the_innermost_frame_and_leaves_the_kit_out() -> None:
    def deep(n: int) -> Any:
        return deep(n - 1) if n else np.zeros(3).reshape(7)

    result = verified(lambda q, k, v: deep(60), "weights/as-defined")
    assert result.verdict == "error" and result.details[-1].startswith("ValueError: cannot reshape")
    assert any("in deep" in line for line in result.details[-4:]) and len(result.details) <= 40
    assert not any(str(Path("engine") / "subject.py") in line for line in result.details)


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error", [Silent(), ValueError("half \ud800 pair \x1b[2J"), ValueError("start " + "x" * 3_000_000 + " reason")]
)
def test_whatever_is_raised_is_a_result_that_can_be_printed_and_kept(error: Exception) -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        raise error

    row = verified(attend, "weights/as-defined").as_dict()
    text = json.dumps(row, ensure_ascii=False)
    assert row["verdict"] == "error" and len(text.encode("utf-8")) < 20_000 and "\x1b" not in text
    assert type(error).__name__ in row["message"] and ("start" in row["message"]) == (" reason" in row["message"])


@pytest.mark.parametrize(
    ("law", "dtype", "said"),
    [
        ("refuses-mixed-dtypes", "float32", "took queries and values in float32 with keys in float16; an error was expected"),
        ("refuses-mixed-dtypes", "float16", "took queries and values in float16 with keys in float32; an error was expected"),
        ("refuses-uneven-heads", "float32", "took 3 query heads with 2 key heads; an error was expected"),
        ("refuses-unequal-features", "float32", "took queries of 1 feature with keys of 2; an error was expected"),
        ("refuses-unequal-lengths", "float32", "took 1 key with 2 values; an error was expected"),
        ("refuses-unequal-batches", "float32", "took queries of 5 batch entries with keys of 2; an error was expected"),
        ("keeps-dtype", "float16", "returned float32 for queries in float16"),
        ("inputs-unchanged", "float32", "changed its inputs q"),
    ],
)
def test_a_fact_is_told_in_words(law: str, dtype: str, said: str) -> None:
    def careless(q: Any, k: Any, v: Any) -> Any:
        q[...] = 0
        return np.zeros((*q.shape[:3], v.shape[3]), np.float32 if law == "keeps-dtype" else q.dtype)

    found = next(name for name in LAWS if name.startswith("interface/") and _asks(law, name))
    result = verified(careless, found, dtype)
    assert (result.verdict, result.message) == ("fail", said), result.details
    assert any("accepted it" in line for line in result.details) == law.startswith("refuses")
    assert result.estimate == ""


def _asks(law: str, name: str) -> bool:
    words = {"keeps-dtype": "returns_dtype", "inputs-unchanged": "changed_inputs"}
    return words[law] in LAWS[name].words() if law in words else name == f"interface/{law}"
