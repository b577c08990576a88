"""An option that is taken in some sizes only is asked for there, and a wrong answer there is never excused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.adapters.takes import Rule, Takes
from attnspec.adapters.written_takes import read_takes, written_takes
from attnspec.conformance.check import check
from attnspec.conformance.survey.survey import survey

pytestmark = pytest.mark.long


def attention(q: Any, k: Any, v: Any, causal: bool = False) -> Any:
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    scores = np.where(np.tri(q.shape[2], k.shape[2], dtype=bool), scores, -np.inf) if causal else scores
    weights = np.exp(scores - scores.max(-1, keepdims=True, initial=-1e30))
    total = weights.sum(-1, keepdims=True)
    return (weights / np.where(total > 0, total, 1) @ v).astype(q.dtype)


def square(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
    if causal and q.shape[2] != k.shape[2]:
        raise ValueError("as many queries as keys")
    return attention(q, k, v, causal)


def ungrouped(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
    if causal and q.shape[1] != k.shape[1]:
        raise ValueError("no groups")
    return attention(q, k, v, causal)


def in_tiles_without_causality(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
    if causal and (q.shape[2] % 32 or k.shape[2] % 32):
        raise ValueError("whole tiles of 32")
    return attention(q, k, v)


def sentences(function: Any) -> list[str]:
    return [sentence for sentence, _ in survey(implementation_of(function)).sentences()]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (square, ["with causal, does not take Sq ≠ Sk"]),
        (ungrouped, ["with causal, does not take grouped heads (Hq ≠ Hkv)"]),
        (
            in_tiles_without_causality,
            ["with causal, takes a multiple of 32 keys only", "with causal, takes a multiple of 32 queries only"],
        ),
    ],
)
def test_the_rule_of_an_option_is_found(function: Any, said: list[str]) -> None:
    assert sentences(function) == said


@pytest.mark.parametrize("function", [square, ungrouped])
def test_a_right_kernel_is_green_and_decides_its_causal_laws(function: Any) -> None:
    report = check(function)
    assert report.ok and not [result for result in report.results if result.verdict == "error"]
    assert "causal/as-defined" in {result.law for result in report.results if result.verdict == "pass"}


def test_a_wrong_answer_in_the_sizes_that_are_taken_is_red() -> None:
    report = check(in_tiles_without_causality)
    assert not report.ok and "causal/as-defined" in {r.law for r in report.results if r.verdict == "fail"}


def test_an_exception_at_the_first_call_with_an_option_excuses_nothing() -> None:
    first = True

    def once(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        nonlocal first
        if causal and first:
            first = False
            raise RuntimeError("out of memory")
        return attention(q, k, v)

    assert "causal" not in " ".join(sentences(once)) and not check(once).ok


@pytest.mark.parametrize(("size", "said"), [(2, "takes at least 32 keys only"), (3, "takes at most 8 features only")])
def test_a_least_or_largest_size_is_found_to_the_number(size: int, said: str) -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        if k.shape[2] < 32 if size == 2 else q.shape[3] > 8 or v.shape[3] > 8:
            raise ValueError("no")
        return attention(q, k, v)

    assert said in sentences(attend)
    assert check(attend).ok


def test_rules_of_options_are_kept_and_said_once() -> None:
    rule = Rule("sq", ">=", 1, "IndexError: no row")
    takes = Takes(sized={"mask": (rule,), "bias": (rule,)})
    again = read_takes(written_takes(takes))
    assert again.sized == takes.sized
    assert list(takes.sentences()) == [("with mask or bias, does not take Sq = 0", "IndexError: no row")]
    assert takes.reason({"sq": 0}, {"mask": None}) == "with mask, does not take Sq = 0: IndexError: no row"
    assert takes.reason({"sq": 0}, {}) is None
    assert takes.having({"mask"}).rules[0].option == "mask" and takes.having({"causal"}) is takes
    assert takes.having({"mask"}) is takes.having({"mask"})
