"""A diagnosis names the mistake that was made, says where it shows, and names none where it knows none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.describe import told
from attnspec.conformance.engine.result import Result
from attnspec.conformance.explained import replay, verify
from attnspec.conformance.language import load_laws
from attnspec.reference.attention.textbook import attention
from attnspec.reference.faults.catalogue import CORRECT, FAULTS, as_callable
from attnspec.reference.faults.making import BACKWARDS, tiles_of
from attnspec.reports.diagnosis import diagnosis_lines, leading

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}


def made(function: Callable[..., Any], **declared: Any) -> Implementation:
    return implementation_of(function, name="kernel", conventions={**CONVENTIONS, **declared})


def mistaken(result: Result) -> str | None:
    """The mistake that a report of the result names first."""
    return leading(told(result).diagnosis)


def failed(implementation: Implementation, law: str, examples: int = 60) -> Result:
    result = verify(implementation, LAWS[law], "float32", budget="quick", examples=examples, explain=True)
    assert result.verdict == "fail"
    return result


def kernel(q: Any, k: Any, v: Any, *, causal: bool = False, mask: Any = None) -> Any:
    """A right kernel in float32, whose rounding is its own. Rows that see nothing give zeros."""
    scale = np.float32(1 / np.sqrt(q.shape[-1]))
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    seen = np.ones((q.shape[2], k.shape[2]), dtype=bool)
    if causal:
        seen = np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None]
    seen = seen if mask is None else seen & mask
    scores = np.where(seen, q @ k.swapaxes(-1, -2) * scale, np.float32(-np.inf))
    top = scores.max(-1, keepdims=True, initial=np.float32(-np.inf))
    weights = np.where(seen, np.exp(scores - np.where(np.isfinite(top), top, np.float32(0))), np.float32(0))
    total = weights.sum(-1, keepdims=True)
    return (weights / np.where(total > 0, total, np.float32(1))) @ v


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("causal-off-by-one", "causal/future-is-invisible"),
        pytest.param("mask-ignored", "masks/options-together", marks=pytest.mark.study),
        pytest.param("tail-keys-dropped", "weights/as-defined", marks=pytest.mark.study),
        ("lse-base-two", "flash/lse-as-defined"),
        ("stale-scale", "numerics/no-stale-scale"),
        ("noise-in-last-bits", "interface/deterministic"),
        ("accepts-uneven-heads", "interface/refuses-uneven-heads"),
    ],
)
def test_the_mistake_stands_first(name: str, law: str) -> None:
    implementation = implementation_of(as_callable(name), name="kernel", conventions=CONVENTIONS, claims=("deterministic",))
    found = failed(implementation, law).diagnosis
    assert [row["fault"] for row in found["ranked"]][:1] == [name]
    first = found["ranked"][0]
    assert first["matched"] == first["of"] or found["how"] == "verdicts"
    assert 0 < first["shown"] <= first["matched"]


def test_a_kernel_with_its_own_rounding_is_recognised() -> None:
    wrong = failed(made(lambda q, k, v, *, causal=False: kernel(q, k, v)), "causal/as-defined")
    assert mistaken(wrong) == "causal-ignored"


def test_what_no_known_mistake_explains_is_said() -> None:
    unknown = failed(made(lambda q, k, v: kernel(q, k, v[..., ::-1])), "weights/as-defined")
    assert unknown.diagnosis["ranked"] == [] and unknown.diagnosis["how"] == "none" and unknown.diagnosis["wrong"] > 0
    assert diagnosis_lines(told(unknown).diagnosis)[0].startswith("  mistake   no known mistake explains it (")

    def inverted(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        return kernel(q, k, v) if causal else kernel(q, k, v, causal=True)

    half = failed(made(inverted), "causal/as-defined")
    assert half.diagnosis["how"] == "law" and mistaken(half) == "causal-ignored"
    assert "there may be a second mistake" in " ".join(" ".join(diagnosis_lines(told(half).diagnosis)).split())


def test_bottom_right_kernels_are_compared_under_their_own_convention() -> None:
    function = as_callable("causal-wrong-corner", causal_alignment="bottom-right")
    found = failed(made(function, causal_alignment="bottom-right"), "causal/as-defined").diagnosis
    assert found["ranked"][0]["fault"] == "causal-wrong-corner"


def test_a_second_mistake_is_noticed() -> None:
    both = as_callable("lse-base-two")
    other = as_callable("scale-one-percent")

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, return_lse: bool = False) -> Any:
        lse = both(q, k, v, causal=causal, return_lse=True)[1]
        out = other(q, k, v, causal=causal) if causal else both(q, k, v)
        return (out, lse) if return_lse else out

    found = failed(made(attend), "flash/lse-as-defined").diagnosis
    assert found["how"] in ("none", "law")
    assert [row["fault"] for row in found["ranked"]] in ([], ["lse-base-two"])


def test_the_nearest_mistake_explains_something_of_the_law() -> None:
    two = as_callable("lse-base-two")

    def attend(
        q: Any, k: Any, v: Any, *, causal: bool = False, return_lse: bool = False, window: Any = None, mask: Any = None
    ) -> Any:
        v = v[..., ::-1] if causal and k.shape[2] < 3 else v
        out, lse = two(q, k, v, causal=causal, return_lse=True, window=window, mask=mask)
        return (out, lse) if return_lse else out

    found = failed(made(attend), "causal/as-defined").diagnosis
    assert found["nearest"] is None and not found["ranked"] and found["wrong"] > 4


def test_what_was_taken_and_should_be_refused_has_no_nearest_mistake() -> None:
    """A kernel that takes one key with several values, and nothing else, is not the known one that drops what is left over."""

    def attend(q: Any, k: Any, v: Any) -> Any:
        if k.shape[2] > 1 and k.shape[2] != v.shape[2]:
            raise ValueError("as many keys as values")
        return kernel(q, np.repeat(k, v.shape[2] // k.shape[2] or 1, axis=2), v)

    found = failed(made(attend), "interface/refuses-unequal-lengths").diagnosis
    assert found["nearest"] is None and not found["ranked"]


def test_a_mistake_that_shows_elsewhere_is_not_the_cause_of_a_law_about_nan() -> None:
    """A kernel that ignores causality and turns NaN into 0 has two mistakes, and each law is told its own."""

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        return np.nan_to_num(kernel(q, k, v))

    both = made(attend)
    assert mistaken(failed(both, "causal/as-defined")) == "causal-ignored"
    assert mistaken(failed(both, "numerics/nan-comes-back")) == "nan-becomes-zero"


def test_a_single_wrong_row_is_told_and_no_set_that_merely_holds_it() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        out = kernel(q, k, v)
        out[:, :, 2:3] = np.inf
        return out

    told = "; ".join(failed(made(attend), "weights/as-defined").diagnosis["where"])
    assert "only" not in told and "rows 2 of" in told and "every wrong number is infinite" in told


def test_places_and_mask_are_told() -> None:
    found = failed(made(as_callable("causal-off-by-one")), "causal/as-defined").diagnosis
    assert any("rows" in words for words in found["where"])
    assert found["mask"][1:3] == ["■·······   ■+······", "■■······   ■■+·····"]
    ignored = failed(made(as_callable("bias-ignored")), "masks/options-together").diagnosis
    assert ignored["where"] and ignored["mask"] == []


def test_a_mask_of_nan_is_drawn_as_nan() -> None:
    right = as_callable(CORRECT, operation="attention")

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        return np.full((*q.shape[:3], v.shape[-1]), np.nan, q.dtype) if causal else right(q, k, v)

    found = failed(made(attend), "causal/as-defined").diagnosis
    assert found["mask"][1] == "■·······   ????????"
    assert found["mask"][-1].endswith("wrongly hidden, ? NaN") and "+" not in "".join(found["mask"][1:-1])


def test_one_factor_is_told_where_it_explains_everything() -> None:
    found = failed(made(lambda q, k, v: np.float32(1.25) * kernel(q, k, v)), "weights/as-defined").diagnosis
    assert found["factor"] == ["every number of the output is 1.25 times what is due"]
    scaled = failed(made(lambda q, k, v: kernel(np.float32(1.5) * q, k, v)), "weights/as-defined").diagnosis
    assert len(scaled["factor"]) == 1 and scaled["factor"][0].startswith("the scores look multiplied by 1.5")
    assert failed(made(lambda q, k, v: kernel(q, k, v[..., ::-1])), "weights/as-defined").diagnosis["factor"] == []


def test_the_next_law_is_answered_faster_and_alike() -> None:
    implementation = made(as_callable("causal-ignored"))
    first = failed(implementation, "causal/as-defined").diagnosis
    second = failed(implementation, "causal/future-is-invisible").diagnosis
    assert first["ranked"][0]["fault"] == second["ranked"][0]["fault"] == "causal-ignored"


def test_a_diagnosis_is_what_the_schema_says_and_reads_well() -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(files("attnspec.reports").joinpath("schema/report.schema.json").read_text(encoding="utf-8"))
    result = failed(made(as_callable("causal-ignored")), "causal/as-defined")
    only = {"$ref": "#/$defs/Diagnosis", "$defs": schema["$defs"]}
    assert not list(Draft202012Validator(only).iter_errors(json.loads(json.dumps(result.diagnosis))))
    lines = diagnosis_lines(told(result).diagnosis)
    assert lines[0] == "  mistake   causal-ignored: Causality is ignored."
    assert lines[1].startswith("            reproduces this kernel's output on ") and lines[2].startswith(
        "            https://"
    )


def test_it_is_made_only_where_it_is_asked_for_and_something_failed() -> None:
    wrong, right = made(as_callable("causal-ignored")), made(as_callable("correct", operation="attention"))
    assert verify(wrong, LAWS["causal/as-defined"], "float32", budget="quick").diagnosis == {}
    assert verify(right, LAWS["causal/as-defined"], "float32", budget="quick", explain=True).diagnosis == {}
    case = verify(wrong, LAWS["causal/as-defined"], "float32", budget="quick").case
    assert case is not None
    assert mistaken(replay(wrong, case, LAWS["causal/as-defined"], explain=True)) == "causal-ignored"


def test_tiles_of_another_size_are_recognised() -> None:
    leaking = as_callable("tail-keys-leak")

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        with tiles_of(64):
            return leaking(q, k, v, causal=causal)

    result = failed(made(attend), "weights/as-defined")
    found = result.diagnosis
    assert found["ranked"][0]["fault"] == "tail-keys-leak" and found["ranked"][0]["tiles"] == [64]
    assert "in tiles of 64 keys" in " ".join(diagnosis_lines(told(result).diagnosis, 200))


def test_no_size_of_a_tile_is_chosen_to_suit_where_a_mistake_has_none() -> None:
    """All that causal-ignored gives, a mistake about tiles of 128 keys gives too, where there are no more keys."""
    found = failed(made(as_callable("causal-ignored")), "causal/as-defined").diagnosis
    assert found["ranked"][0]["fault"] == "causal-ignored" and "tiles" not in found["ranked"][0]


def test_all_zeros_are_no_dropped_tail() -> None:
    """On one or two keys a mistake that drops them gives zeros as well; elsewhere it does not."""

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        return np.zeros((*q.shape[:3], v.shape[-1]), q.dtype)

    for law in ("weights/as-defined", "weights/sum-to-one"):
        found = failed(made(attend), law).diagnosis
        assert found["ranked"] == [] and found["nearest"] is None and "every wrong number is 0" in found["where"]


def test_zero_where_nan_is_due_is_not_named_after_nan() -> None:
    found = failed(made(lambda q, k, v: np.nan_to_num(kernel(q, k, v))), "numerics/nan-comes-back").diagnosis
    assert [row["fault"] for row in found["ranked"]][:1] == ["nan-becomes-zero"]
    assert "first-tile-hidden-gives-nan" not in {row["fault"] for row in found["ranked"]}


def test_nan_of_an_empty_split_is_named_whatever_the_size_of_a_split() -> None:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        right = kernel(q, k, v, causal=causal)
        quarter = -(-k.shape[2] // 4)
        first_of_last_split = range(quarter, k.shape[2], max(quarter, 1))
        empty = np.array([causal and any(start > i for start in first_of_last_split) for i in range(q.shape[2])], dtype=bool)
        return np.where(empty[:, None], np.float32(np.nan), right)

    found = failed(made(attend), "causal/as-defined").diagnosis
    assert found["how"] == "verdicts" and found["ranked"][0]["fault"] == "empty-split-gives-nan"
    assert "every wrong number is NaN" in found["where"]


def test_what_answers_alike_each_time_is_not_named_after_a_change_from_call_to_call() -> None:
    """An LSE that is a large negative number in empty rows is no memory that nobody wrote."""

    def attend(q: Any, k: Any, v: Any, *, mask: Any = None, return_lse: bool = False) -> Any:
        exact = attention(q, k, v, mask=mask)
        lse = np.where(np.isneginf(exact.lse), -2.38e38, exact.lse).astype(np.float32)
        return (exact.out.astype(q.dtype), lse) if return_lse else exact.out.astype(q.dtype)

    found = failed(made(attend, empty_lse="minus-infinity"), "masks/empty-rows-have-no-mass").diagnosis
    assert not any(FAULTS[row["fault"]].remembers for row in found["ranked"])


def test_a_mistake_of_the_backward_pass_is_not_named_for_an_output() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        out = kernel(q, k, v)
        return np.nextafter(out, np.float32(9)) if q.shape[0] > 1 else out

    law = replace(
        LAWS["heads/entries-are-separate"], relation=replace(LAWS["heads/entries-are-separate"].relation, relation="==")
    )
    result = verify(made(attend), law, "float32", budget="quick", examples=60, explain=True)
    assert result.verdict == "fail" and not {row["fault"] for row in result.diagnosis["ranked"]} & set(BACKWARDS)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((slice(None), slice(1, 2)), "only the second head"),
        pytest.param((slice(None), slice(-1, None)), "only the last head", marks=pytest.mark.study),
        ((slice(None), slice(1, None, 2)), "only every second head, from head 1 on"),
        pytest.param((slice(None), slice(1, None)), "only heads after the first", marks=pytest.mark.study),
        pytest.param((slice(1, 2),), "only the second batch entry", marks=pytest.mark.study),
        ((slice(1, None),), "only batch entries after the first"),
    ],
)
def test_where_tells_one_head_from_many(place: tuple[slice, ...], words: str) -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        out = kernel(q, k, v)
        out[place] += out[place] / 7 + np.float32(0.25)
        return out

    found = failed(made(attend), "weights/as-defined", examples=10).diagnosis["where"]
    found = [said.removesuffix(", all of them") for said in found]
    assert words in found or words.removeprefix("only ") in found, found


def test_where_does_not_contradict_the_reported_case() -> None:
    """What is said of problems holds for the finding itself, though a law may fail there by another mistake."""
    from attnspec.conformance.diagnosis.investigation import Investigation
    from attnspec.conformance.diagnosis.where import where
    from attnspec.conformance.problems.build import build
    from attnspec.conformance.problems.structure import Structure

    investigation = Investigation(made(as_callable("bias-ignored")), "float32")
    biased = [
        Structure.of(sq=4, sk=6, d=8, dv=8, values="normal", seed=n, options={"bias": "normal:qk"}, operation="attention")
        for n in range(3)
    ]
    plain = [Structure.of(sq=4, sk=6, d=8, dv=8, values="normal", seed=n, operation="attention") for n in range(4)]
    asked = [investigation._ask(each, LAWS["weights/as-defined"], lambda case: None) for each in (*biased, *plain)]
    samples = [sample for sample in asked if sample is not None]
    assert "only with a bias" in where(samples) and "only with a bias" in where(samples, build(biased[0]))
    assert "only with a bias" not in where(samples, build(plain[0]))
