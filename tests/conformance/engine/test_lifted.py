"""What one operation states is asked of another that can put its problems: laws of attention, of sparse attention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.adapters.finding import find
from attnspec.conformance.engine.lifted import able, lifts, posed
from attnspec.conformance.engine.verify import not_claimed, replay_case, try_law
from attnspec.conformance.explained import verify
from attnspec.conformance.kills.suspects import CORRECT, FAULTS, Terms, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.meaning import attended, own_errors, reduced
from attnspec.conformance.operations import known_operations
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.drawing import draw
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.sizes import pool_for
from attnspec.conformance.problems.strategies import structures
from attnspec.conformance.problems.structure import Structure
from attnspec.reference.faults.catalogue import as_callable
from attnspec.spec.operations import operations

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
RIGHT = suspect(CORRECT, Terms(), "sparse_attention")
LIFTED = [law for law in LAWS.values() if lifts(RIGHT, law)]


@pytest.fixture(scope="module")
def problems() -> list[tuple[Structure, Problem]]:
    """Problems of attention with options that a pattern can say, under either corner."""
    found: list[tuple[Structure, Problem]] = []
    said = sorted(able(RIGHT, LIFTED[0]) - {"return_lse"})
    for corner in ("top-left", "bottom-right"):
        strategy = structures("float32", {}, said, pool_for("quick", False, 0), "attention")
        kept = {"causal_alignment": corner, "empty_rows": "zeros"}
        draw(strategy, lambda s, kept=kept: found.append((s, build(s, kept))), name=corner, examples=60, shrink=False)
    return found


def test_a_problem_means_the_same_in_the_words_of_the_other_operation(problems: list[tuple[Structure, Problem]]) -> None:
    said = set()
    for structure, p in problems:
        other = posed(p, RIGHT)
        assert other.operation == "sparse_attention" and posed(other, RIGHT) is other and posed(p, RIGHT) is other
        np.testing.assert_array_equal(attended(other).visible, attended(p).visible, structure.query())
        np.testing.assert_array_equal(attended(other).out, attended(p).out, structure.query())
        said |= {frozenset(other.options) - {"scale"}}
    assert {frozenset(), frozenset({"causal"}), frozenset({"window"}), frozenset({"block_mask", "block_size"})} <= said


def test_what_reduces_is_a_problem_of_attention_with_the_same_answer(problems: list[tuple[Structure, Problem]]) -> None:
    for _, p in problems[:20]:
        other = posed(p, RIGHT)
        assert reduced(other).operation == "attention" and reduced(p) is p and reduced(reduced(other)) is reduced(other)
        assert attended(other) is attended(reduced(other)) and own_errors(other) is own_errors(reduced(other))


def test_an_operation_embeds_others_that_it_says_are_lifted() -> None:
    for name, operation in known_operations().items():
        assert set(operation.embeds) == set(operations()[name].get("lifted", {}))


def test_what_cannot_be_put_is_not_asked() -> None:
    reason = not_claimed(RIGHT, LAWS["numerics/no-stale-slopes"], "float32")
    assert reason == "alibi_slopes is not an option of correct"
    assert "the law is about attention" in str(not_claimed(RIGHT, LAWS["gradients/of-keys"], "float32"))
    assert not lifts(suspect(CORRECT, Terms(), "linear_attention"), LAWS["weights/sum-to-one"])
    always = replace(RIGHT, takes=replace(RIGHT.takes, always={"causal": True}))
    assert not lifts(always, LAWS["weights/sum-to-one"])
    few = replace(RIGHT, options=frozenset({"causal"}))
    assert able(few, LIFTED[0]) == {"causal"} and "mask" in able(RIGHT, LIFTED[0])


@pytest.mark.parametrize("law", LIFTED, ids=lambda law: law.id)
def test_a_correct_kernel_keeps_it(law: object) -> None:
    (made,) = find("numpy/block-sparse")
    for implementation in (RIGHT, made):
        result = try_law(implementation, law, "float32", budget="quick")  # type: ignore[arg-type]
        assert result.verdict in ("pass", "not-claimed"), (result.message, result.case)
        assert result.verdict == "pass" or "is not an option of" in result.message


REJECTED = {
    "block-mask-ignored": "weights/hidden-weigh-nothing",
    "block-mask-transposed": "flash/many-tiles",
    "sparse-row-sum-of-all-keys": "weights/sum-to-one",
    "sparse-lse-of-all-keys": "flash/lse-as-defined",
    "sparse-wrong-corner": "weights/as-defined",
}
"""Known mistakes of sparse attention, each with a law of attention that shows it."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.study if n % 2 else ()) for n, name in enumerate(REJECTED)]
)
def test_a_mistake_of_the_other_operation_is_found_by_it_and_replayed(name: str) -> None:
    law = LAWS[REJECTED[name]]
    result = verify(suspect(name), law, "float32", budget="standard", examples=12, explain=True)
    assert result.verdict == "fail" and FAULTS[name].operation == "sparse_attention"
    assert name in [each["fault"] for each in result.diagnosis["ranked"]], result.diagnosis
    assert replay_case(suspect(name), str(result.case), law).verdict == "fail"
    assert replay_case(RIGHT, str(result.case), law).verdict == "pass"


def overflowing() -> Implementation:
    """Sparse attention whose maximum is not subtracted, which no law of sparse attention alone would ask at such scores."""
    right = as_callable(CORRECT, operation="sparse_attention")

    def attend(q, k, v, *, scale=None, causal=False):  # type: ignore[no-untyped-def]
        largest = float(np.abs(q.astype(np.float64) @ np.repeat(k, q.shape[1] // k.shape[1], axis=1).swapaxes(-1, -2)).max())
        out = right(q, k, v, scale=scale, causal=causal)
        return out * np.float32(np.nan) if largest * (scale or q.shape[-1] ** -0.5) > 88 else out

    return implementation_of(attend, name="overflowing", operation="sparse_attention")


def test_a_mistake_that_only_the_laws_of_attention_ask_for_is_found() -> None:
    assert try_law(overflowing(), LAWS["numerics/large-logits"], "float32", budget="quick").verdict == "fail"
