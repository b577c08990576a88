"""The engine on implementations that are wrong on purpose: each verdict is what happened, and findings are small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine import settled
from attnspec.conformance.explained import replay, verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.problems.structure import Structure

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}


def naive(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None, mask: Any = None) -> Any:
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    scores = (q @ k.swapaxes(-1, -2)) * np.float32(1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    seen = np.ones(scores.shape, dtype=bool) if mask is None else np.broadcast_to(mask, scores.shape)
    if causal:
        seen = seen & (np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None])
    scores = np.where(seen, scores, np.float32(-np.inf))
    top = np.where(seen.any(-1, keepdims=True), scores.max(-1, keepdims=True), np.float32(0))
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    return (weights / np.where(total == 0, np.float32(1), total)) @ v


def made(function: Any, **declared: Any) -> Implementation:
    return implementation_of(function, **{"name": "made", "conventions": {"empty_rows": "zeros"}, **declared})


def verified(function: Any, law: str, **declared: Any) -> Any:
    return verify(made(function, **declared), LAWS[law], "float32", budget="quick", examples=25)


def test_a_right_kernel_passes_and_says_how_closely() -> None:
    result = verified(naive, "masks/options-together")
    assert (result.verdict, result.examples, result.message) == ("pass", 25, "")
    assert result.worst_ratio is not None and 0 < result.worst_ratio <= 1
    assert LAWS["masks/options-together"].id in (result.worst_case or "")
    assert result.seconds["implementation"] > 0 and result.seconds["reference"] > 0


def test_an_option_that_is_missing_is_not_claimed_with_its_reason() -> None:
    result = verified(naive, "masks/softcap-as-defined")
    assert (result.verdict, result.message) == ("not-claimed", "softcap is not an option of made")
    result = verified(naive, "flash/lse-as-defined")
    assert (result.verdict, result.message) == ("not-claimed", "return_lse is not an option of made")


def test_a_refusal_is_not_claimed_with_its_words() -> None:
    result = verified(naive, "causal/as-defined", supports=lambda p: "not on a Tuesday")
    assert (result.verdict, result.message, result.examples) == ("not-claimed", "not on a Tuesday", 0)


def test_partly_refused_problems_are_counted_and_the_others_tried() -> None:
    result = verified(naive, "weights/sum-to-one", supports=lambda p: "odd" if p.sq % 2 else None)
    assert result.verdict == "pass" and result.examples > 5
    assert result.unclaimed > 0 and result.reasons["odd"] == result.unclaimed


def test_an_exception_is_an_error_with_its_smallest_case() -> None:
    def fragile(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        if k.shape[2] > 4:
            raise RuntimeError("tile too large")
        return naive(q, k, v, causal=causal)

    result = verified(fragile, "masks/options-together")
    assert result.verdict == "error"
    assert result.message == "raised RuntimeError: tile too large"
    structure = Structure.parse(result.case.partition("?")[2], "attention")
    assert 5 <= structure.sk <= 7 and structure.sq == structure.b == 1
    assert any("fragile" in line for line in result.details)


@pytest.mark.parametrize(
    ("result_of", "says"),
    [
        (lambda out: out[..., :-1], "shape"),
        (lambda out: out.swapaxes(1, 2), "shape"),
        (lambda out: list(out), "not a numpy.ndarray"),
        (lambda out: None, "not a numpy.ndarray"),
        (lambda out: out.astype(np.int32), "int32"),
        (lambda out: (out, out), "not a numpy.ndarray"),
    ],
)
def test_a_result_out_of_contract_fails_and_is_described(result_of: Any, says: str) -> None:
    def wrong(q: Any, k: Any, v: Any) -> Any:
        return result_of(naive(q, k, v))

    law = "heads/more-value-features" if says == "shape" else "masks/options-together"
    result = verified(wrong, law)
    assert result.verdict == "fail" and says in result.message


def test_nan_everywhere_fails() -> None:
    def lost(q: Any, k: Any, v: Any) -> Any:
        return np.full((*q.shape[:-1], v.shape[-1]), np.nan, q.dtype)

    result = verified(lost, "weights/sum-to-one")
    assert result.verdict == "fail" and "nan against 1" in result.message


def test_a_law_that_decides_nothing_is_inconclusive() -> None:
    law = LAWS["masks/empty-rows-by-convention"]
    never = replace(law, given={"mask": "full", "causal": "absent", "window": "absent"})
    result = verify(made(naive), never, "float32", budget="quick", examples=5)
    assert result.verdict == "inconclusive" and "no entry meets the condition" in result.message


def test_an_infinite_bound_is_inconclusive_not_a_pass() -> None:
    result = verified(naive, "masks/options-together", arithmetic={"name": "fp32", "u_acc": 1.0})
    assert result.verdict == "inconclusive" and "bounds nothing" in result.message


def test_causal_off_by_one_is_found_with_two_keys_and_replays() -> None:
    def late(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        mask = (np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + 1) if causal else None
        return naive(q, k, v, mask=mask)

    result = verified(late, "causal/future-is-invisible")
    assert result.verdict == "fail"
    structure = Structure.parse(result.case.partition("?")[2], "attention")
    assert structure.sk <= 3 and structure.sq <= 2
    again = replay(made(late), result.case, LAWS["causal/future-is-invisible"])
    assert (again.verdict, again.case, again.message) == ("fail", result.case, result.message)
    fixed = replay(made(naive), result.case, LAWS["causal/future-is-invisible"])
    assert fixed.verdict == "pass"


def test_a_run_repeats_with_its_seed_and_differs_with_another() -> None:
    def cases(seed: int) -> list[str]:
        seen: list[str] = []
        verify(made(naive), LAWS["masks/options-together"], "float32", budget="quick", seed=seed, record=seen.append)
        return seen

    assert cases(1) == cases(1)
    assert cases(1) != cases(2)


def test_each_case_is_recorded_before_it_runs() -> None:
    seen: list[str] = []

    def curious(q: Any, k: Any, v: Any) -> Any:
        assert seen, "a call came before any case was recorded"
        sizes.append((seen[-1], q.shape[2]))
        return naive(q, k, v)

    sizes: list[tuple[str, int]] = []
    verify(made(curious), LAWS["weights/sum-to-one"], "float32", budget="quick", record=seen.append)
    drawn = [(case, sq) for case, sq in sizes if "probe" not in case]
    assert drawn and all(Structure.parse(case.partition("?")[2], "attention").sq == sq for case, sq in drawn)


def test_changed_inputs_are_found_and_remarked_everywhere() -> None:
    def greedy(q: Any, k: Any, v: Any) -> Any:
        q *= np.float32(1.5)
        return naive(q, k, v, scale=1 / np.sqrt(q.shape[-1]) / 1.5)

    assert verified(greedy, "interface/inputs-stay").verdict == "fail"
    assert any("changed their inputs q" in line for line in verified(greedy, "weights/sum-to-one").details)


def test_conventions_are_declared_probed_or_assumed() -> None:
    def bottom_right(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        mask = (np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + k.shape[2] - q.shape[2]) if causal else None
        return naive(q, k, v, mask=mask)

    found = settled(made(bottom_right))
    assert found["causal_alignment"] == ("bottom-right", "probed")
    assert found["empty_rows"] == ("zeros", "declared")
    found = settled(implementation_of(naive, name="bare"))
    assert found["causal_alignment"] == ("top-left", "probed")
    assert found["empty_rows"] == ("zeros", "probed")
    assert settled(implementation_of(lambda q, k, v: naive(q, k, v), name="none"))["empty_rows"] == ("zeros", "assumed")


def test_a_convention_that_is_declared_is_held_to() -> None:
    result = verified(naive, "masks/empty-rows-by-convention", conventions={"empty_rows": "mean"})
    assert result.verdict == "fail"
    result = verified(naive, "causal/as-defined", conventions={"causal_alignment": "bottom-right", "empty_rows": "zeros"})
    assert result.verdict == "fail"


def test_a_refusal_counts_only_where_the_problem_itself_is_answered() -> None:
    def refuses_long(q: Any, k: Any, v: Any) -> Any:
        if q.shape[1] % k.shape[1] or k.shape[2] > 4:
            raise ValueError("no")
        return naive(q, k, v)

    def refuses_all(q: Any, k: Any, v: Any) -> Any:
        raise ValueError("no")

    result = verified(refuses_long, "interface/refuses-uneven-heads")
    assert (result.verdict, result.examples) == ("pass", 25) and result.inconclusive > 0
    assert verified(refuses_all, "interface/refuses-uneven-heads").verdict != "pass"
