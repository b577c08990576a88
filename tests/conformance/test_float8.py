"""Float8 inputs through the kit: every number that a law writes is one of the dtype, or the problem is left undecided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import DTYPES, USUAL_DTYPES, Implementation, implementation_of
from attnspec.conformance.engine.subject import Broken, Subject
from attnspec.conformance.explained import replay, verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.meaning import attended
from attnspec.conformance.operations.over_heads.distributions import DISTRIBUTIONS
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.dtypes import rounded
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS, Undecided
from attnspec.reference.arithmetic import FLOAT8
from attnspec.reference.faults.catalogue import FAULTS, as_callable
from attnspec.reference.rounding import DTYPES as NUMPY

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}
DESCALED = "b=2&hq=4&hkv=2&sq=5&sk=19&d=16&q_descale=random&k_descale=powers&v_descale=random"


def problem(dtype: str, query: str = DESCALED, values: str = "normal") -> Problem:
    return build(Structure.parse(f"dtype={dtype}&{query}&values={values}&seed=5&geometry=3", "attention"), CONVENTIONS)


def word(name: str, *arguments: Any, **keywords: Any) -> Any:
    return WORDS[name].function(*arguments, **keywords)


def made(function: Any, dtypes: tuple[str, ...] = FLOAT8, **more: Any) -> Implementation:
    return implementation_of(function, name="made", dtypes=dtypes, conventions=CONVENTIONS, **more)


def test_nothing_is_tried_in_float8_unless_it_says_so() -> None:
    assert set(FLOAT8) < set(DTYPES)
    for usual in USUAL_DTYPES.values():
        assert not set(usual) & set(FLOAT8)
    bare = implementation_of(lambda q, k, v: v, name="bare")
    assert not set(bare.dtypes) & set(FLOAT8)


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("values", DISTRIBUTIONS)
def test_a_printed_case_gives_its_problem_again(values: str, dtype: str) -> None:
    query = f"dtype={dtype}&{DESCALED}&bias=masked:bhqk&values={values}&memory=expanded&seed=9"
    p, again = (
        build(Structure.parse(query, "attention")),
        build(Structure.parse(Structure.parse(query, "attention").query(), "attention")),
    )
    for name in ("q_descale", "k_descale", "v_descale"):
        assert p.options[name].dtype == np.float32 and p.options[name].shape == (2, 2)
        assert (p.options[name] == again.options[name]).all() and (p.options[name][0] == p.options[name][1]).all()
    assert p.options["bias"].dtype == NUMPY["bfloat16"]
    for x, y in ((p.q, again.q), (p.k, again.k), (p.v, again.v)):
        assert x.dtype == NUMPY[dtype] and np.isfinite(x.astype(np.float64)).all()
        assert x.tobytes() == y.tobytes()


def test_numbers_that_a_float8_dtype_does_not_hold_are_refused_where_they_are_drawn() -> None:
    assert rounded(np.array([448.0]), "float8_e4m3fn").astype(float) == 448
    with pytest.raises(ValueError, match="float8_e4m3fn does not hold 512"):
        rounded(np.array([1.0, 512.0]), "float8_e4m3fn")


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize(
    "name", ["poison_hidden", "pad_keys", "index_coded", "gather", "rising_ladder", "falling_ladder", "same_values"]
)
def test_probes_write_finite_numbers_that_mean_what_they_say(name: str, dtype: str) -> None:
    for d in (16, 40, 128):
        p = problem(dtype, f"b=1&hq=2&hkv=1&sq=5&sk=129&d={d}&mask=random:qk")
        changed = word(name, p)
        for x in (changed.q, changed.k, changed.v):
            assert x.dtype == NUMPY[dtype] and np.isfinite(x.astype(np.float64)).all()
        if name in ("gather", "rising_ladder", "falling_ladder"):
            bare = changed.but(mask=None) if "ladder" in name else changed
            scores = attended(bare).scores
            assert set(np.unique(scores.max(-1))) == {0.0}
            assert np.sort(np.unique(scores[np.isfinite(scores)]))[-2] <= -128


@pytest.mark.parametrize("dtype", FLOAT8)
def test_whole_scores_two_levels_and_swamped_values_are_held(dtype: str) -> None:
    p = problem(dtype, "b=1&hq=1&hkv=1&sq=3&sk=16&d=64")
    raised, plain = (attended(word("whole_scores", p, x)).scores for x in (512, 0))
    assert (raised == plain + 512).all()
    levels = attended(word("two_levels", p, 4)).scores
    assert (levels[..., :8] == 0).all() and (np.abs(levels[..., 8:] + 4) <= 0.5).all()
    swamped = word("swamped", p, 16).v.astype(np.float64)
    assert np.abs(swamped[:, :, 0]).min() == 2.0**16 * np.abs(swamped[:, :, 1]).max()


def test_what_cannot_be_written_exactly_is_left_undecided() -> None:
    p = problem("float8_e4m3fn")
    with pytest.raises(Undecided, match="not exact in float8_e4m3fn"):
        word("with_values", p, 1000)
    with pytest.raises(Undecided, match="not exact in float8_e4m3fn"):
        word("with_keys", p, 1.03125)
    with pytest.raises(Undecided, match="not exact in float32"):
        word("but", p, v_descale=1 + 2.0**-40)


@pytest.mark.parametrize("dtype", FLOAT8)
def test_a_descale_moves_with_its_head_and_its_entry(dtype: str) -> None:
    p = problem(dtype)
    whole = attended(p)
    heads = np.concatenate([attended(each).out for each in word("each_head", p)], axis=1)
    entries = np.concatenate([attended(each).out for each in word("each_entry", p)], axis=0)
    for out in (heads, entries, attended(word("repeat_kv", p)).out):
        np.testing.assert_array_equal(out, whole.out)
    np.testing.assert_array_equal(attended(word("reverse_heads", p)).out[:, ::-1], whole.out)
    np.testing.assert_array_equal(attended(word("reverse_batch", p)).out[::-1], whole.out)


def test_words_of_descales_and_of_visible_values() -> None:
    p = problem("float8_e5m2")
    for name in ("q_descale", "k_descale", "v_descale"):
        assert (word(name, p).value == p.options[name]).all()
        assert (word(name, p.but(**{name: None})).value == np.ones((2, 2))).all()
    factors = np.repeat(p.options["v_descale"].astype(float), 2, axis=1)[..., None, None]
    bare = p.but(v_descale=None)
    for name in ("visible_max", "visible_min", "visible_mean"):
        np.testing.assert_allclose(word(name, p).value, word(name, bare).value * factors, rtol=1e-14)
    doubled = word("but", p, v_descale=2)
    assert doubled.options["v_descale"].dtype == np.float32 and (doubled.options["v_descale"] == 2).all()


@pytest.mark.parametrize(
    ("returned", "verdict"), [("float32", "pass"), ("float16", "pass"), ("bfloat16", "pass"), ("float64", "fail")]
)
def test_a_float8_kernel_answers_in_a_wider_dtype_of_its_choice(returned: str, verdict: str) -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        return as_callable("correct", operation="attention")(q, k, v).astype(NUMPY[returned])

    result = verify(made(attend), LAWS["interface/returns-the-query-dtype"], "float8_e4m3fn", budget="quick", examples=3)
    assert result.verdict == verdict


def test_an_output_in_float8_breaks_the_contract() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        return as_callable("correct", operation="attention")(q, k, v).astype(q.dtype)

    subject = Subject(made(attend), "float8_e4m3fn", CONVENTIONS)
    with pytest.raises(Broken, match="float8_e4m3fn, which is no floating dtype"):
        subject.out(problem("float8_e4m3fn", "b=1&hq=1&hkv=1&sq=2&sk=3&d=4"))


def test_descales_are_drawn_for_whoever_claims_them_in_any_dtype() -> None:
    seen: dict[str, set[str]] = {"float32": set(), "float8_e4m3fn": set()}
    claimed = made(as_callable("correct", operation="attention"), dtypes=("float32", "float8_e4m3fn"))
    for dtype, names in seen.items():
        law = LAWS["masks/options-together"]
        verify(claimed, law, dtype, budget="quick", examples=40, held=lambda s, p, names=names: names.update(p.options))
    for names in seen.values():
        assert {"q_descale", "k_descale", "v_descale"} <= names


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("name", [name for name in FAULTS if "descale" in name])
def test_lost_descales_are_found_in_float8_too(name: str, dtype: str) -> None:
    fault = made(as_callable(name))
    laws = [law for law in LAWS.values() if law.chapter == "float8" and name in law.kills]
    found = [verify(fault, law, dtype, budget="quick", examples=60, shrink=False) for law in laws]
    failed = [result for result in found if result.verdict == "fail"]
    assert failed, [(r.law, r.verdict, r.message) for r in found]
    again = replay(fault, str(failed[0].case), LAWS[failed[0].law])
    assert again.verdict == "fail"


@pytest.mark.parametrize("name", ["small-weights-lost", "weights-scale-not-undone", "lse-keeps-weights-scale"])
def test_mistakes_with_the_scale_of_weights_are_found_under_the_arithmetic_of_a_float8_kernel(name: str) -> None:
    laws = [law for law in LAWS.values() if name in law.kills]
    found = {
        law.id: verify(made(as_callable(name)), law, "float8_e4m3fn", budget="quick", examples=40, shrink=False).verdict
        for law in laws
    }
    assert "fail" in found.values(), found
