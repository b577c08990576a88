"""No law of linear attention fails a correct kernel, and its words and problems mean what they say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.explained import verify
from attnspec.conformance.kills.suspects import CORRECT, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.meaning import attended, judged
from attnspec.conformance.operations.linear_attention.drawn import BETAS, DECAYS, GATES, PACKINGS, fitted
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS
from attnspec.reference.linear_attention.features import features, width
from attnspec.reference.linear_attention.kernels import LINEAR_KERNELS, as_callable, declared_of

pytestmark = pytest.mark.long

LAWS = [law for law in load_laws() if law.operation == "linear_attention"]
DTYPES = ("float32", "float16", "bfloat16")
"""In make test each kernel is tried in one of them, on one problem a law; in a study in all three, on two."""

SIZES = "dtype=float32&b=2&hq=2&hkv=2&sq=9&sk=9&d=4&dv=3"


def problem(options: str, sizes: str = SIZES, values: str = "normal") -> Problem:
    return build(
        Structure.parse("&".join(filter(None, (sizes, options, f"values={values}&seed=5&geometry=2"))), "linear_attention")
    )


def subject() -> Subject:
    return Subject(suspect(CORRECT, operation="linear_attention"), "float32", {})


def apply(name: str, *arguments: Any, **keywords: Any) -> Any:
    return WORDS[name].function(*arguments, **keywords)


def kernel(name: str) -> Implementation:
    made = LINEAR_KERNELS[name]
    arithmetic = {dtype: declared_of(made, dtype) for dtype in DTYPES}
    return implementation_of(as_callable(made), operation="linear_attention", name=name, dtypes=DTYPES, arithmetic=arithmetic)


@pytest.mark.parametrize(
    ("name", "dtype", "examples"),
    [
        pytest.param(name, dtype, 1 + whole, marks=pytest.mark.study if whole else ())
        for n, name in enumerate(LINEAR_KERNELS)
        for m, dtype in enumerate(DTYPES)
        for whole in (False, True)
        if whole or n % 3 == m
    ],
)
def test_no_law_fails_a_correct_kernel(name: str, dtype: str, examples: int) -> None:
    made, seed = kernel(name), list(LINEAR_KERNELS).index(name)
    results = [verify(made, law, dtype, budget="quick", examples=examples, seed=seed) for law in LAWS]
    wrong = [f"{r.law}: {r.verdict} {r.message} {r.case}" for r in results if r.verdict not in ("pass", "inconclusive")]
    assert not wrong, "\n".join(wrong)
    assert sum(r.verdict == "pass" for r in results) > 0.9 * len(LAWS)


def test_counted_weights_are_exact_unless_an_operand_is_scaled_beforehand() -> None:
    """A query of ones that is multiplied by √8 and back gives 7.9999995 where 8 is due, which who declares n_pre may do."""
    (law,) = (law for law in LAWS if law.id == "linear/each-step-is-read-once")
    prescaled = kernel("recurrent-prescaled")
    hasty = dataclasses.replace(prescaled, arithmetic={"float32": {"name": "fp32", "n_pre": 0}})
    assert verify(prescaled, law, "float32", examples=12).verdict == "pass"
    assert verify(hasty, law, "float32", examples=12).verdict == "fail"


def test_there_are_many_laws_and_each_kills() -> None:
    assert len(LAWS) >= 45
    assert all(law.kills and law.why and law.source for law in LAWS)


# Problems


@pytest.mark.parametrize("pattern", GATES)
def test_gates_are_logarithms_of_factors_up_to_one(pattern: str) -> None:
    p = problem(f"gate={pattern}:bhs")
    gate = p.options["gate"]
    assert gate.shape == (2, 2, 9) and gate.dtype == np.float32 and (gate <= 0).all()
    if pattern == "some":
        many = problem("gate=some:bhsf").options["gate"]
        assert np.isneginf(many).any() and (many == 0).any() and many.shape == (2, 2, 9, 4)


@pytest.mark.parametrize("pattern", DECAYS)
def test_decays_are_factors_that_bfloat16_holds(pattern: str) -> None:
    decay = problem(f"decay={pattern}").options["decay"]
    assert decay.shape == (2,) and ((decay > 0) & (decay <= 1)).all()
    assert (decay.view(np.uint32) & 0xFFFF == 0).all()


@pytest.mark.parametrize("pattern", BETAS)
@pytest.mark.parametrize("mapped", ["", "feature_map=elu1&", "feature_map=taylor2&"])
def test_a_step_of_the_delta_rule_never_enlarges_a_state(pattern: str, mapped: str) -> None:
    p = problem(f"{mapped}beta={pattern}")
    square = (features(p.options.get("feature_map", "identity"), p.k.astype(float)) ** 2).sum(-1)
    assert np.all(np.abs(1 - p.options["beta"] * square) <= 1 + 2.0**-20)


@pytest.mark.parametrize("pattern", PACKINGS)
def test_packed_sequences_cover_all_steps(pattern: str) -> None:
    sizes = SIZES.replace("b=2", "b=1")
    p = problem(f"cu_seqlens={pattern}&initial_state=normal", sizes)
    cuts = p.options["cu_seqlens"]
    assert cuts[0] == 0 and cuts[-1] == 9 and (np.diff(cuts) >= 0).all()
    assert pattern != "empties" or (cuts[1] == 0 and cuts[-2] == 9)
    assert [x.shape[0] for x in p.options["initial_state"]] == [len(cuts) - 1] * 2
    parts = apply("each_sequence", p)
    assert sum(part.sk for part in parts) == 9
    due = np.concatenate([attended(part).out for part in parts], axis=2)
    assert np.max(np.abs(due - attended(p).out)) <= 2.0**-40


def test_options_and_sizes_that_do_not_fit_give_way() -> None:
    sizes = {"b": 2, "hq": 6, "hkv": 2, "sq": 5, "sk": 9, "d": 64, "dv": 3}
    options, made = fitted({"causal": True, "normalize": True, "beta": "random", "feature_map": "taylor3"}, {"beta"}, sizes)
    assert "normalize" not in options and made == {**sizes, "hkv": 6, "sq": 9, "d": 6}
    options, made = fitted({"normalize": True, "kv_lengths": "zero-some"}, {"normalize"}, sizes)
    assert options == {"normalize": True, "kv_lengths": "random", "feature_map": "elu1"} and (made["sq"], made["sk"]) == (5, 9)
    options, made = fitted({"cu_seqlens": "one", "kv_lengths": "full"}, {"kv_lengths"}, sizes)
    assert options == {"kv_lengths": "full"} and made["b"] == 2


# Words


def test_a_carried_state_continues_a_sequence() -> None:
    p, s = problem("causal=1&feature_map=elu1&normalize=1&decay=random&gate=mild:bhs"), subject()
    first, other = apply("first_steps", p), apply("other_steps", p)
    carried = apply("carry", s, first, other)
    assert first.sk + other.sk == p.sk and carried.state_room is not None
    due, came = attended(p).out[:, :, first.sk :], attended(carried).out
    assert np.all(np.abs(came - due) <= judged(carried, s.arithmetic).out_bound)
    assert not np.array_equal(attended(other).out, came)


def test_padding_changes_nothing_however_it_is_filled() -> None:
    p = problem("causal=1&feature_map=elu1&normalize=1&gate=mild:bhsf&kv_lengths=random")
    padded, poisoned = apply("pad_steps", p), apply("poison_padding", p)
    assert padded.sk == p.sk + 7 and np.array_equal(attended(padded).out[:, :, : p.sq], attended(p).out)
    assert not np.array_equal(poisoned.k, p.k) and np.array_equal(attended(poisoned).out, attended(p).out)
    assert np.array_equal(attended(padded).state, attended(p).state)


def test_a_closed_gate_cuts_off_the_past() -> None:
    p = problem("causal=1&feature_map=relu")
    closed, after = apply("close_gate", p), apply("after_the_cut", p).value[0, 0, :, 0] > 0
    other = apply("other_past", closed)
    assert after.any() and not after.all()
    assert np.array_equal(attended(other).out[:, :, after], attended(closed).out[:, :, after])
    assert not np.array_equal(attended(other).out, attended(closed).out)


def test_expected_decays_are_what_the_definition_keeps() -> None:
    p = problem("causal=1&decay=random&gate=some:bhs&kv_lengths=random")
    ones = apply("with_keys", apply("with_queries", p, 1), 1)
    kept = apply("weights", subject(), ones)
    due = 4 * apply("expected_decay", p).value
    assert np.all((kept.low <= due * (1 + 2.0**-40)) & (due * (1 - 2.0**-40) <= kept.high))
    assert (due == 0).any() and (due == 4).any()


def test_unit_keys_are_dictionaries_under_the_delta_rule() -> None:
    p = apply("with_beta", apply("unit_keys", problem("causal=1&decay=random")), 1)
    read = apply("with_queries", p, apply("keys", p))
    assert np.max(np.abs(attended(read).out - p.v)) <= 2.0**-40


def test_a_gate_by_feature_is_the_same_gate() -> None:
    p = problem("causal=1&feature_map=taylor2&gate=some:bhs")
    wide = apply("gate_by_feature", p)
    assert wide.options["gate"].shape[-1] == width("taylor2", 4)
    assert np.array_equal(attended(wide).out, attended(p).out)


def test_heads_and_entries_take_their_own_states_gates_and_decays() -> None:
    p = problem("causal=1&decay=random&gate=mild:bhs&initial_state=normal&kv_lengths=random")
    heads = [attended(each).out for each in apply("each_head", p)]
    entries = [attended(each).out for each in apply("each_entry", p)]
    assert np.array_equal(np.concatenate(heads, 1), attended(p).out)
    assert np.array_equal(np.concatenate(entries, 0), attended(p).out)
    assert np.array_equal(attended(apply("reverse_heads", p)).out, attended(p).out[:, ::-1])
