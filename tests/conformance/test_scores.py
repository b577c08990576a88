"""The words that estimate: what they say in a finding, when they say nothing, and what a report keeps of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.describe import told
from attnspec.conformance.engine.relation import decide
from attnspec.conformance.engine.result import Result
from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS, Undecided
from attnspec.reference.faults.catalogue import as_callable
from attnspec.reports.schema import Result as Told
from attnspec.reports.summary import accuracy_lines

CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros"}
LAWS = {law.id: law for law in load_laws()}


def made(name: str) -> Implementation:
    return implementation_of(
        as_callable(name, operation="attention"), name=name, dtypes=("float32", "bfloat16"), conventions=CONVENTIONS
    )


def problem(dtype: str = "float32", **changes: Any) -> Problem:
    sizes = {"b": 1, "hq": 2, "hkv": 2, "sq": 129, "sk": 128, "d": 64, "values": "normal", "seed": 3}
    return build(Structure.of(dtype=dtype, **{**sizes, **changes}, operation="attention"), CONVENTIONS)  # type: ignore[arg-type]


def said(name: str, word: str, p: Problem, relation: str = "≈", right: float = 0.0) -> Any:
    return decide(WORDS[word].function(Subject(made(name), p.dtype, CONVENTIONS), p), relation, right)


@pytest.mark.parametrize(
    ("name", "word", "sentence"),
    [
        ("scale-per-mille", "scale_error", "scale off by +0.1000"),
        ("weights-truncated", "gain_error", "gain off by −0.03"),
        ("last-key-dropped", "missing_weight", "key 127 (head "),
        ("value-row-duplicated", "value_row_error", "values of key 64 (head "),
        ("exp-as-series", "mixing", "share of the plain mean off by +"),
        ("scale-per-mille", "lse_scale_error", "scale off by +0.100"),
        ("last-key-dropped", "lse_offset", "row sum off by −0."),
    ],
)
def test_a_finding_says_what_is_wrong_and_by_how_much(name: str, word: str, sentence: str) -> None:
    decision = said(name, word, problem())
    assert not decision.holds
    assert decision.broken[1].startswith(sentence), decision.broken
    assert "(± " in decision.broken[1]


def test_a_key_that_is_left_out_is_called_missing() -> None:
    decision = said("last-key-dropped", "missing_weight", problem("bfloat16", hq=1, hkv=1))
    assert decision.broken[1].startswith("key 127 has weight error −1.0")
    assert decision.broken[1].endswith("(missing)")


def test_a_rough_output_is_told_by_its_size() -> None:
    decision = said("accumulator-in-bfloat16", "roughness", problem("bfloat16"), "≤", 1.0)
    assert not decision.holds and decision.broken[1].startswith("errors are 1.")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "word", ["scale_error", "gain_error", "mixing", "missing_weight", "value_row_error", "lse_scale_error", "lse_offset"]
)
def test_the_definition_is_exact(word: str, dtype: str) -> None:
    decision = said("correct", word, problem(dtype))
    assert decision.holds and decision.ratio is not None and decision.ratio < 1


def test_a_single_number_is_kept_where_the_law_holds() -> None:
    assert said("correct", "scale_error", problem()).estimate[1].startswith("scale off by ")
    assert said("correct", "missing_weight", problem()).estimate is None


def test_values_that_were_not_drawn_with_random_signs_decide_nothing() -> None:
    drawn = problem()
    for p in (problem(values="positive"), drawn.having(v=np.abs(drawn.v)), drawn.but(softcap=5.0)):
        with pytest.raises(Undecided):
            said("correct", "scale_error", p)


def test_a_direction_that_is_empty_decides_nothing() -> None:
    with pytest.raises(Undecided):
        said("correct", "mixing", problem(values="normal", sk=1))


def test_a_mean_needs_many_independent_heads() -> None:
    with pytest.raises(Undecided, match="2 independent heads"):
        said("correct", "mean_gain", problem())
    assert said("correct", "mean_gain", problem(hq=12, hkv=12)).holds


def test_keys_that_no_query_sees_are_marked() -> None:
    p = problem(sq=5, options={"causal": True})
    assert WORDS["key_is_mixed"].function(p).value[..., 0].tolist() == [[[1.0] * 5 + [0.0] * 123] * 2]


def test_a_result_keeps_the_sharpest_estimate() -> None:
    result = verify(made("correct"), LAWS["accuracy/scale"], "bfloat16", examples=6)
    assert result.verdict == "pass" and result.estimate.startswith("scale off by ")
    assert verify(made("correct"), LAWS["weights/sum-to-one"], "bfloat16", examples=2).estimate == ""


def test_a_summary_tells_scale_and_gain_of_each_implementation() -> None:
    def row(law: str, verdict: str, estimate: str, message: str = "", dtype: str = "float32") -> Told:
        return told(Result("x", "attention", law, dtype, verdict, estimate=estimate, message=message))

    rows = [
        row("accuracy/scale", "pass", "scale off by +0 %"),
        row("accuracy/gain", "fail", "gain off by +1 %", "gain off by +2 %"),
        row("accuracy/mixing", "pass", "share"),
        row("accuracy/gain", "inconclusive", "", "no problem", "bfloat16"),
    ]
    assert accuracy_lines(SimpleNamespace(results=rows)) == ["  x in float32: scale off by +0 %, gain off by +2 %"]
