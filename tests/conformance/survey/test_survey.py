"""What a survey finds of kernels that do not take everything."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.adapters.finding import find
from attnspec.adapters.written_takes import read_takes, written_takes
from attnspec.conformance.check import check
from attnspec.conformance.survey import surveyed
from attnspec.conformance.survey.sizes import rule_from
from attnspec.conformance.survey.survey import survey

pytestmark = pytest.mark.long

NO = "ValueError: no"


def attention(q: Any, k: Any, v: Any, seen: Any = True) -> Any:
    """Attention without grouped heads, as textbooks have it."""
    scores = np.where(seen, q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v).astype(q.dtype)


def lower(q: Any, k: Any) -> Any:
    return np.tri(q.shape[2], k.shape[2], dtype=bool)


def refuse(unless: bool) -> None:
    if not unless:
        raise ValueError("no")


def textbook(q: Any, k: Any, v: Any) -> Any:
    return attention(q, k, v)


def one_query(q: Any, k: Any, v: Any) -> Any:
    refuse(q.shape[2] == 1 and q.shape[1] == k.shape[1] and k.shape[2] > 0)
    return attention(q, k, v)


def causal_only(q: Any, k: Any, v: Any, *, causal: bool = True) -> Any:
    refuse(causal and q.shape[1] == k.shape[1] and k.shape[2] > 0)
    return attention(q, k, v, lower(q, k))


def whole_tiles(q: Any, k: Any, v: Any) -> Any:
    refuse(q.shape[2] == k.shape[2] > 0 and k.shape[2] % 64 == 0 and q.shape[3] in (64, 128) and v.shape[3] == q.shape[3])
    return attention(q, *(np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v)))


def one_or_the_other(q: Any, k: Any, v: Any, *, causal: bool = False, mask: Any = None, bias: Any = None) -> Any:
    refuse(not (causal and mask is not None) and (mask is None or mask.ndim == 4) and bias is None and q.shape[1] == k.shape[1])
    refuse(k.shape[2] > 0)
    return attention(q, k, v, lower(q, k) if causal else True if mask is None else mask)


def told(made: Implementation) -> list[str]:
    return [sentence for sentence, _ in survey(made).sentences()]


@pytest.mark.parametrize(
    "function, sentences",
    [
        (textbook, ["does not take grouped heads (1 < Hkv < Hq)", "does not take Sk = 0"]),
        (one_query, ["does not take grouped heads (Hq ≠ Hkv)", "takes a single query only (Sq = 1)", "does not take Sk = 0"]),
        (
            causal_only,
            ["does not take grouped heads (Hq ≠ Hkv)", "does not take Sk = 0", "takes no call without causal"],
        ),
        (
            whole_tiles,
            [
                "does not take Dv ≠ D",
                "does not take Sq ≠ Sk",
                "takes a multiple of 64 keys only",
                "takes a multiple of 64 features only",
                "takes at most 128 features only",
                "does not take Sk = 0",
            ],
        ),
        (
            one_or_the_other,
            [
                "does not take grouped heads (Hq ≠ Hkv)",
                "does not take Sk = 0",
                "does not take bias",
                "does not take causal with mask",
                "does not take a mask of shape (Sq, Sk)",
                "does not take a mask of shape (Hq, Sq, Sk)",
            ],
        ),
    ],
)
def test_what_is_refused_is_found_and_nothing_else(function: Any, sentences: list[str]) -> None:
    assert sorted(told(implementation_of(function))) == sorted(sentences)


@pytest.mark.parametrize(
    "name", ["numpy/naive", "numpy/flash", "numpy/block-sparse", "numpy/linear-recurrent", "numpy/random-features"]
)
def test_what_takes_everything_is_told_so(name: str) -> None:
    assert told(find(name)[0]) == []


def test_a_kernel_that_refuses_everything_is_known_by_what_it_says() -> None:
    def never(q: Any, k: Any, v: Any) -> Any:
        raise RuntimeError("only on Tuesdays")

    made = implementation_of(never)
    assert survey(made).nothing == "RuntimeError: only on Tuesdays"
    report = check(made)
    assert not report.ok and {result.verdict for result in report.results} == {"error"}
    assert "accepted none of the calls of the survey (RuntimeError: only on Tuesdays)" in report.results[0].message


def test_a_misspelt_name_is_a_mistake_of_the_kernel_and_no_refusal() -> None:
    def attend(q: Any, k: Any, v: Any, *, window: Any = None) -> Any:
        return attention(q, k, v) if window is None else widow  # type: ignore[name-defined]  # noqa: F821

    assert "does not take window" not in told(implementation_of(attend))


def test_an_exception_now_and_then_is_no_refusal() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        refuse(q.shape[0] != 2)
        return attention(q, *(np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v)))

    assert not any("batch" in sentence for sentence in told(implementation_of(attend)))


@pytest.mark.parametrize(
    "function", [one_query, *(pytest.param(each, marks=pytest.mark.study) for each in (causal_only, whole_tiles, textbook))]
)
def test_a_kernel_that_takes_little_still_decides_its_laws(function: Any) -> None:
    report = check(
        implementation_of(function),
        laws=["weights/*", "heads/*", "flash/*", "causal/*", "masks/*", "numerics/*", "interface/*"],
    )
    verdicts = [result.verdict for result in report.results]
    assert "error" not in verdicts and not [r.law for r in report.results if r.verdict == "fail" and r.level == "must"]
    assert verdicts.count("pass") >= 30, str(report)


@pytest.mark.parametrize(
    ("function", "declared"),
    [
        pytest.param(one_query, {"sizes": {"sq": 1, "hkv": "hq"}}, marks=pytest.mark.study),
        pytest.param(causal_only, {"always": {"causal": True}}, marks=pytest.mark.study),
        (whole_tiles, {"sizes": {"sq": "sk", "sk": "multiple of 64", "d": [64, 128], "dv": "d"}}),
    ],
)
def test_quick_asks_enough_of_a_kernel_that_declares_that_it_takes_little(function: Any, declared: dict[str, Any]) -> None:
    report = check(implementation_of(function, **declared))
    assert report.ok and len({result.law for result in report.results if result.verdict == "pass"}) >= 30, str(report)


@pytest.mark.parametrize(
    ("fits", "said"),
    [
        (lambda q, k, v: not (q.shape[1] % 2 or k.shape[1] % 2), {"takes a multiple of 2 query heads only",
                                                                  "takes a multiple of 2 key heads only"}),
        (lambda q, k, v: q.shape[1] // k.shape[1] in (1, 2, 4, 8), {"takes 1 or 2 or 4 or 8 query heads to a key head only"}),
        (lambda q, k, v: q.shape[3] in (16, 32, 64), {"takes 16 or 32 or 64 features only"}),
        (lambda q, k, v: max(q.shape[2], k.shape[2]) <= 64, {"takes at most 64 keys only", "takes at most 64 queries only"}),
        (lambda q, k, v: k.shape[2] <= 200, {"takes at most 200 keys only"}),
    ],
)  # fmt: skip
def test_what_is_refused_beyond_the_usual_sizes_is_found(fits: Any, said: set[str]) -> None:
    """Even heads, a list of widths, a longest length: no law may call that an error."""

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        refuse(fits(q, k, v))
        k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
        return attention(q, k, v, lower(q, k) if causal else True)

    made = implementation_of(attend)
    assert said <= set(told(made))
    assert check(made).ok, str(check(made))


def test_a_wrong_answer_is_never_excused() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        refuse(q.shape[1] == k.shape[1])
        return attention(q, k, v * 2)

    assert not check(implementation_of(attend), laws="weights/as-defined").ok


def test_strict_makes_every_exception_an_error() -> None:
    made = implementation_of(one_query)
    assert check(made, laws="weights/sum-to-one").ok
    strict = check(made, laws="weights/sum-to-one", strict=True)
    assert strict.results[0].verdict == "error" and "ValueError: no" in strict.results[0].message


def test_an_exception_on_what_was_seen_accepted_is_an_error() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        if q.shape[0] == 3:
            raise RuntimeError("three")
        return attention(q, *(np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v)))

    report = check(implementation_of(attend), laws="heads/entries-reversed", examples=40)
    assert report.results[0].verdict == "error" and "three" in report.results[0].message


def test_the_same_exception_in_law_after_law_ends_an_implementation_once() -> None:
    calls = 0

    def attend(q: Any, k: Any, v: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 60:
            raise RuntimeError("out of workspace")
        return attention(q, *(np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v)))

    report = check(implementation_of(attend), laws=["weights/*", "heads/*", "flash/*"])
    said = [result.message for result in report.results if result.message.startswith("not run: the last 5 laws")]
    assert said and len(set(said)) == 1 and "RuntimeError: out of workspace" in said[0]
    assert sum(result.message.startswith("raised RuntimeError") for result in report.results) == 5


def test_a_survey_of_an_eager_kernel_takes_less_than_a_second() -> None:
    made = find("numpy/naive")[0]
    began = time.process_time()
    surveyed(made)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("function", [textbook, whole_tiles, one_or_the_other, causal_only])
def test_a_survey_crosses_to_another_process_as_json(function: Any) -> None:
    takes = survey(implementation_of(function))
    again = read_takes(json.loads(json.dumps(written_takes(takes))))
    assert list(again.sentences()) == list(takes.sentences())
    assert again.reason({"b": 1, "hq": 1, "hkv": 1, "sq": 1, "sk": 0, "d": 1, "dv": 1}, {}) is not None


@pytest.mark.parametrize(
    "tried, rules",
    [
        ({7: None, 17: None, 40: None}, []),
        ({7: NO, 17: NO, 40: None, 48: None}, ["takes a multiple of 8 keys only"]),
        ({7: NO, 17: None, 40: None}, ["takes at least 16 keys only"]),
        ({7: None, 17: None, 192: NO}, ["takes at most 17 keys only"]),
        (
            {7: NO, 17: NO, 40: NO, 48: None, 96: NO, 192: NO},
            ["takes a multiple of 16 keys only", "takes at most 48 keys only"],
        ),
        ({7: None, 17: NO, 40: None}, ["takes 7 or 16 or 40 keys only"]),
    ],
)
def test_the_simplest_rule_is_found(tried: dict[int, str | None], rules: list[str]) -> None:
    assert [rule.sentence for rule in rule_from("sk", 16, tried)] == rules


@pytest.mark.parametrize("raises", [False, True], ids=["declared", "raised"])
def test_an_option_is_not_needed_where_another_one_does_as_well(raises: bool) -> None:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, mask: Any = None) -> Any:
        refuse(unless=causal or mask is not None or not raises)
        seen = lower(q, k) if causal else True
        return attention(q, k, v, seen if mask is None else seen & mask)

    def either(p: Any) -> str | None:
        return None if raises or {"causal", "mask"} & set(p.options) else "causal or a mask is needed"

    made = surveyed(implementation_of(attend, supports=either))
    assert list(made.takes.needs) == ["causal or mask"] and not made.takes.always
    report = check(made, laws=["causal/as-defined", "masks/shared-mask"])
    assert report and {row.verdict for row in report.results} == {"pass"}


def test_the_only_option_with_which_a_call_is_taken_is_needed() -> None:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, mask: Any = None) -> Any:
        return attention(q, k, v, lower(q, k) if mask is None else lower(q, k) & mask)

    made = implementation_of(attend, supports=lambda p: None if "causal" in p.options else "causal is needed")
    assert survey(made).always == {"causal": True} and list(survey(made).needs) == ["causal"]
