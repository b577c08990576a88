"""A finding is told the arithmetic that explains it, a model to declare or a cast to look for, and stays a finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.describe import told
from attnspec.conformance.diagnosis.diagnose import under_arithmetic
from attnspec.conformance.engine.result import Result
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.reference.arithmetic import DECLARE_IF, NAMED
from attnspec.reference.attention.kernels import KERNELS, NARROW_KERNELS, as_callable
from attnspec.reference.faults.catalogue import as_callable as fault_of
from attnspec.reports.diagnosis import diagnosis_lines
from attnspec.reports.html.evidence import diagnosis_data

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}
HALF = ("float16", "bfloat16")


def made(function: Callable[..., Any], arithmetic: Any = None) -> Implementation:
    dtypes = ("float32", *HALF)
    return implementation_of(function, name="kernel", dtypes=dtypes, conventions=CONVENTIONS, arithmetic=arithmetic)


def failed(implementation: Implementation, law: str, dtype: str) -> Result:
    result = verify(implementation, LAWS[law], dtype, budget="quick", examples=20, explain=True)
    assert result.verdict == "fail"
    return result


@pytest.mark.parametrize("dtype", [HALF[0], pytest.param(HALF[1], marks=pytest.mark.study)])
def test_scores_that_are_stored_low_hold_under_half_naive(dtype: str) -> None:
    result = failed(made(as_callable(KERNELS["scores stored low"])), "masks/options-together", dtype)
    found = result.diagnosis["arithmetic"]
    assert found["model"] == "half-naive" and 0 < found["ratio"] <= 1 < (result.worst_ratio or 0)
    sentence = f"holds under half-naive, {found['ratio']:.2f}: declare it if the kernel stores its scores in {dtype}"
    assert found["sentence"] == sentence
    assert f"  rounding  {sentence}" in diagnosis_lines(told(result).diagnosis, 200)
    assert sentence in diagnosis_data(told(result).diagnosis, pictured=False)["said"]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("throughout", "float16"), pytest.param("flash 16 throughout", "bfloat16", marks=pytest.mark.study)],
)
def test_arithmetic_in_half_precision_throughout_is_named(name: str, dtype: str) -> None:
    found = failed(made(as_callable(NARROW_KERNELS[name])), "masks/options-together", dtype).diagnosis["arithmetic"]
    sentence = f"declare it if the kernel computes scores, exponential and sums in {dtype}"
    whole = f"holds under {dtype}-throughout, {found['ratio']:.2f}: {sentence}"
    # Outputs in bfloat16 do not tell this from operands that are quantised to float8, which promises as little.
    assert found["sentence"].startswith(whole) or (dtype == "bfloat16" and found["model"] == "fp8-block"), found


@pytest.mark.study
def test_operands_that_are_quantised_in_blocks_are_named() -> None:
    found = failed(made(as_callable(NARROW_KERNELS["int8 blocks"])), "flash/lse-as-defined", "bfloat16").diagnosis["arithmetic"]
    assert "int8-block" in found["sentence"] and found["model"] not in ("half", "half-naive")


def test_what_is_declared_is_not_offered_and_the_declaration_is_enough() -> None:
    honest = made(as_callable(KERNELS["scores stored low"]), "half-naive")
    assert verify(honest, LAWS["masks/options-together"], "bfloat16", budget="quick", examples=20).verdict == "pass"


@pytest.mark.parametrize(
    "fault",
    [*(pytest.param(name, marks=pytest.mark.study) for name in ("last-key-dropped", "scale-missing")), "causal-off-by-one"],
)
def test_no_arithmetic_excuses_a_mistake(fault: str) -> None:
    law = "causal/as-defined" if fault.startswith("causal") else "masks/options-together"
    assert "arithmetic" not in failed(made(fault_of(fault)), law, "bfloat16").diagnosis


def test_a_mistake_that_gives_the_outputs_leads() -> None:
    result = failed(made(fault_of("scale-one-percent")), "masks/options-together", "float16")
    assert result.diagnosis["ranked"][0]["fault"] == "scale-one-percent"
    assert diagnosis_lines(told(result).diagnosis)[0].startswith("  mistake   scale-one-percent")


@pytest.mark.parametrize(("how", "named"), [("outputs", 1), ("law", 0), ("verdicts", 0), ("none", 0)])
def test_a_mistake_that_does_not_give_all_outputs_goes(how: str, named: int) -> None:
    found = {"how": how, "ranked": [{"fault": "scores-in-bfloat16"}] if how != "none" else []}
    told = under_arithmetic(found, {"model": "half-naive", "ratio": 0.2, "sentence": "holds under half-naive"})
    assert len(told["ranked"]) == named and told["how"] == ("outputs" if named else "none")
    assert told["arithmetic"]["model"] == "half-naive" and under_arithmetic(found, {}) == found


def rounded(*arrays: str) -> Callable[..., Any]:
    """The textbook kernel in which some arrays are rounded on the way."""

    def kernel(q: Any, k: Any, v: Any) -> Any:
        def low(name: str, x: Any) -> Any:
            return x.astype(np.float16).astype(x.dtype) if name in arrays else x

        q, k, v = (low("inputs", x) for x in (q, k, v))
        groups = q.shape[1] // k.shape[1]
        scores = low("scores", q @ np.repeat(k, groups, 1).swapaxes(2, 3) * q.dtype.type(q.shape[3] ** -0.5))
        odds = np.exp(scores - scores.max(3, keepdims=True))
        return low("weights", odds / odds.sum(3, keepdims=True)) @ np.repeat(v, groups, 1)

    return kernel


@pytest.mark.parametrize(
    "array", [pytest.param("scores", marks=pytest.mark.study), "weights", pytest.param("inputs", marks=pytest.mark.study)]
)
def test_a_cast_in_float32_is_named_and_is_no_excuse(array: str) -> None:
    result = failed(made(rounded(array)), "weights/as-defined", "float32")
    found = result.diagnosis["arithmetic"]
    assert found["model"] == f"{array} rounded to float16" and 0 < found["ratio"] <= 1
    assert found["sentence"].endswith("of that bound): look for a cast") and "declare" not in found["sentence"]


@pytest.mark.parametrize("fault", [pytest.param("scale-one-percent", marks=pytest.mark.study), "output-plus-epsilon"])
def test_no_cast_excuses_a_mistake(fault: str) -> None:
    def without_its_name(q: Any, k: Any, v: Any) -> Any:
        return fault_of(fault)(q, k, v) * np.float32(1.02)

    assert "arithmetic" not in failed(made(without_its_name), "masks/options-together", "float32").diagnosis


def test_every_named_model_says_when_to_declare_it() -> None:
    assert list(DECLARE_IF) == list(NAMED)
