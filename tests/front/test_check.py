"""The Python door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import attnspec
from attnspec.adapters.contract import implementation_of
from attnspec.conformance.check import _plan as plan_of_check
from attnspec.conformance.selection import Plan, find_targets, make_plan

pytestmark = pytest.mark.long


def softmax(q: Any, k: Any, v: Any) -> Any:
    q64, k64, v64 = (x.astype(np.float64) for x in (q, k, v))
    k64, v64 = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k64, v64))
    scores = q64 @ k64.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v64).astype(q.dtype)


def halved(q: Any, k: Any, v: Any) -> Any:
    return softmax(q, k, v) / 2


SMALL: dict[str, Any] = {"laws": "weights/sum-to-one", "dtype": "float32", "examples": 2}


def test_a_right_function_is_ok() -> None:
    report = attnspec.check(softmax, **SMALL)
    assert report.ok and report.findings == ()
    assert [(r.law, r.dtype, r.verdict) for r in report.results] == [("weights/sum-to-one", "float32", "pass")]
    assert str(report).splitlines()[-1] == "every claimed must-law holds"
    assert str(report).splitlines()[0] == "budget quick: 1 law, 2 problems a law and dtype, seed 0"


def test_a_wrong_function_says_why() -> None:
    report = attnspec.check(halved, **SMALL)
    assert not report.ok and [found.law for found in report.findings] == ["weights/sum-to-one"]
    text = str(report)
    assert "\n  fails     weights/sum-to-one for halved in float32\n" in text
    assert "test_check.py:halved" in text and "quick: not a conformance result" in text
    assert not report and "\n" not in repr(report) and len(repr(report)) <= 200
    assert repr(report).startswith("<attnspec.Report: 1 must-law failed or had no answer, ")
    assert report.results[0].simplest and "\n  simplest  " in text


def test_every_dtype_and_several_globs() -> None:
    made = implementation_of(softmax, dtypes=["float32", "float16", "bfloat16"])
    report = attnspec.check(made, laws=["weights/sum-to-one", "weights/neg*"], examples=1)
    assert {(r.law, r.dtype) for r in report.results} == {
        (law, dtype) for law in ("weights/sum-to-one", "weights/negated-values") for dtype in ("float32", "float16", "bfloat16")
    }


def test_some_of_the_dtypes() -> None:
    made = implementation_of(softmax, dtypes=["float32", "float16", "bfloat16"])
    report = attnspec.check(made, laws="weights/sum-to-one", dtype=["float16", "float32"], examples=1)
    assert [r.dtype for r in report.results] == ["float32", "float16"] and report.data["dtype"] == ["float16", "float32"]


def test_targets_and_implementations_are_taken_too() -> None:
    assert attnspec.check("numpy/naive", **SMALL).results[0].implementation == "numpy/naive"
    made = implementation_of(softmax, name="mine", dtypes=["float32"])
    assert attnspec.check(made, **SMALL).results[0].implementation == "mine"


def test_nothing_decided_is_not_ok() -> None:
    report = attnspec.check(softmax, laws="causal/as-defined", dtype="float32")
    assert [r.verdict for r in report.results] == ["not-claimed"] and not report.ok


def cases(plan: Plan) -> set[tuple[str, str, str]]:
    return {case.key for case in plan.cases()}


@pytest.mark.parametrize("budget", ["quick", "standard"])
def test_a_budget_means_the_same_behind_every_door(budget: str, tmp_path: Path) -> None:
    """What `attnspec run` and pytest try of a function, `check` and `parametrize` try too, and nothing else."""
    (tmp_path / "kernel.py").write_text("def attend(q, k, v):\n    return v\n", encoding="utf-8")
    address = f"{tmp_path / 'kernel.py'}:attend"
    asked = cases(make_plan(find_targets([address]), budget=budget))
    made = find_targets([address])[0].implementation
    marked = attnspec.parametrize(made.function, budget=budget)
    assert {param.values[0].case.key for param in marked.args[1]} == asked
    assert cases(plan_of_check(made.function, (), (), budget=budget)) == asked
    whole = cases(plan_of_check(made.function, "*", (), budget=budget))
    assert whole == asked if budget == "standard" else whole > asked


def test_mistakes_are_named() -> None:
    from attnspec.conformance.selection import Mistake

    with pytest.raises(Mistake, match="no law matches"):
        attnspec.check(softmax, laws="nothing/*")
    with pytest.raises(Mistake, match="unknown dtype 'float31'"):
        attnspec.check(softmax, dtype=["float32", "float31"])
    with pytest.raises(Mistake, match="none of the implementations declares float16; remove --dtype float16"):
        attnspec.check(softmax, dtype=["float32", "float16"])
    with pytest.raises(attnspec.ContractError, match="first parameters"):
        attnspec.check(lambda q: q)


@attnspec.parametrize(softmax, **SMALL)
def test_law(law: Any) -> None:
    assert law().verdict == "pass"
    assert repr(law) == "weights/sum-to-one[softmax-float32]"


def test_parametrized_laws_fail_with_the_finding_and_skip_with_the_reason() -> None:
    mark = attnspec.parametrize(halved, laws=["weights/sum-to-one", "causal/as-defined"], dtype="float32", examples=2)
    tests = {param.id: param.values[0] for param in mark.args[1]}
    assert set(tests) == {"weights/sum-to-one[halved-float32]", "causal/as-defined[halved-float32]"}
    with pytest.raises(AssertionError, match=r"(?s)weights/sum-to-one for halved in float32.*attnspec replay"):
        tests["weights/sum-to-one[halved-float32]"]()
    with pytest.raises(pytest.skip.Exception, match="causal is not an option of halved"):
        tests["causal/as-defined[halved-float32]"]()


def test_in_a_users_test_file(run_laws_in_pytest: Any, tmp_path: Path) -> None:
    (tmp_path / "test_kernel.py").write_text(
        "import attnspec\n"
        "def attend(q, k, v):\n    return v[..., :1, :] * 0 + q[..., :1]\n"
        "@attnspec.parametrize(attend, laws='weights/sum-to-one', dtype='float32', examples=1)\n"
        "def test_law(law):\n    law()\n",
        encoding="utf-8",
    )
    done = run_laws_in_pytest("-q", cwd=tmp_path)
    assert "test_law[weights/sum-to-one[attend-float32]]" in done.stdout
    assert "E         fails     weights/sum-to-one for attend in float32" in done.stdout, done.stdout
    assert "check.py" not in done.stdout
