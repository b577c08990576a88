"""Laws of random feature attention decide and kill, and its words and problems mean what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.conformance.bounded import Bounded, bounded
from attnspec.conformance.engine.budget import BUDGETS
from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.explained import verify
from attnspec.conformance.kills.matrix import row_of
from attnspec.conformance.kills.suspects import CORRECT, FAULTS, named, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.meaning import attended
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.descriptors import StructureError
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS, Undecided
from attnspec.reference.rounding import round_to

pytestmark = pytest.mark.long

OPERATION = "random_feature_attention"
LAWS = [law for law in load_laws() if law.operation == OPERATION]
ABOUT_SEEDS = [law for law in LAWS if "each_seed" in law.words()]


def problem(options: str, sizes: str = "b=2&hq=2&hkv=2&sq=9&sk=9&d=4&dv=3", values: str = "normal") -> Problem:
    query = "&".join(filter(None, ("dtype=float32", sizes, options, f"values={values}&seed=5&geometry=2")))
    return build(Structure.parse(query, OPERATION))


def drawing(d: int = 8, scale: float = 0.25, **options: Any) -> Problem:
    return problem("num_features=64", f"b=1&hq=1&hkv=1&sq=1&sk=5&d={d}&dv=24").but(scale=scale, **options)


def subject(name: str = CORRECT) -> Subject:
    return Subject(suspect(name, operation=OPERATION), "float32", {})


def apply(name: str, *arguments: Any, **keywords: Any) -> Any:
    return WORDS[name].function(*arguments, **keywords)


@pytest.mark.parametrize("law", [law for law in LAWS if "num_features" in law.given], ids=lambda law: law.id)
def test_laws_about_drawn_features_decide_in_the_dtype_that_loses_most(law: Any) -> None:
    few = 2 if law in ABOUT_SEEDS else 8
    result = verify(suspect(CORRECT, operation=OPERATION), law, "float16", budget="quick", examples=few)
    assert result.verdict == "pass", result.message


def test_there_are_many_laws_and_each_kills() -> None:
    assert len(LAWS) >= 25 and len(ABOUT_SEEDS) == 5
    assert all(law.kills and law.why and law.source for law in LAWS)


# Problems


@pytest.mark.parametrize("described", ["normal:33", "orthogonal:6", "normal:1"])
def test_projections_are_exact_in_half_precision(described: str) -> None:
    w = problem(f"projection={described}").options["projection"]
    assert w.dtype == np.float32 and w.shape == (int(described.partition(":")[2]), 4)
    assert all(np.array_equal(round_to(w, dtype), w) for dtype in ("bfloat16", "float16"))


def test_orthogonal_projections_are_orthogonal_but_for_their_grid() -> None:
    w = problem("projection=orthogonal:4").options["projection"].astype(float)
    gram = w @ w.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 0.1 and np.diag(gram).min() > 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("projection=normal", "number of features"),
        ("projection=normale:3", "did you mean 'normal'"),
        ("num_features=0", "at least 1"),
    ],
)
def test_what_cannot_be_is_said(text: str, message: str) -> None:
    with pytest.raises(StructureError, match=message):
        Structure.parse(text, OPERATION)


def test_heads_are_as_many_and_a_causal_pass_has_as_many_queries() -> None:
    from attnspec.conformance.operations.random_feature_attention.projections import fitted_random

    sizes = {"b": 2, "hq": 6, "hkv": 2, "sq": 5, "sk": 9, "d": 64, "dv": 3}
    assert fitted_random({"causal": True}, set(), sizes)[1] == {**sizes, "hkv": 6, "sq": 9}
    assert fitted_random({}, set(), sizes)[1] == {**sizes, "hkv": 6}


# Words


def test_the_kernel_is_read_whatever_the_projection_is() -> None:
    p = problem("projection=normal:16", "b=2&hq=2&hkv=2&sq=1&sk=7&d=4&dv=3")
    read = apply("kernel", subject(), p)
    due = np.exp(attended(p).kernel)
    assert read.shape == due.shape == (2, 2, 1, 7)
    assert np.all((read.low <= due * (1 + 2.0**-30)) & (due * (1 - 2.0**-30) <= read.high))
    assert np.abs(read.value / due - 1).max() < 1e-4
    with pytest.raises(Undecided, match="one query"):
        apply("kernel", subject(), problem("projection=normal:16"))


def test_axis_keys_make_independent_estimates_of_one_variance() -> None:
    p = apply("axis_keys", drawing(), bounded(1.0))
    assert p.sk == 8 and np.array_equal(np.abs((p.q + p.k)[0, 0]), np.eye(8)) and len(np.unique((p.q + p.k).sum(axis=-1))) == 2
    assert np.allclose(apply("sum_square", p).value, 0.25)
    assert np.abs(p.q).max() > 0 and apply("feature_count", p).value == 64


def test_averages_and_scatters_hold_what_is_due_and_little_else() -> None:
    p = apply("axis_keys", drawing(), bounded(1.0))
    estimates = apply("kernel", subject(), apply("each_seed", p, bounded(24.0)))
    mean, due = apply("average", estimates, p), np.exp(apply("scores", p).value)
    assert np.all((mean.low <= due) & (due <= mean.high)) and np.all(mean.high - mean.low < 0.3 * due)
    scatter, expected = apply("scatter", estimates, p), np.expm1(0.25) / 64
    assert scatter.low < expected < scatter.high < 2.5 * expected
    assert "times that of independent features" in scatter.reading(np.zeros((1, 0), int))[0]
    assert "is off by" in mean.reading(np.array([[0, 0, 0, 3]]))[0]


def test_estimates_of_keys_that_are_not_alike_are_not_pooled() -> None:
    with pytest.raises(Undecided, match="axis_keys"):
        apply("scatter", [Bounded(*[np.ones((1, 1, 1, 5))] * 3)] * 3, drawing())
    with pytest.raises(Undecided, match="a seed says nothing"):
        apply("each_seed", problem("projection=normal:3"), bounded(3.0))


def test_seeds_are_different_and_the_same_each_time() -> None:
    seeds = [[each.options["seed"] for each in apply("each_seed", drawing(), bounded(24.0))] for _ in range(2)]
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 24


def test_nobody_knows_the_exact_output_of_features_that_are_drawn() -> None:
    with pytest.raises(Undecided, match="nobody else knows"):
        apply("reference_out", drawing())
    read = subject().out(drawing())
    assert np.isfinite(read.low).all() and (read.low < read.high).all()


def test_long_vectors_are_of_one_length() -> None:
    p = apply("long_vectors", problem("projection=normal:3"))
    squares = [(x.astype(float) ** 2).sum(axis=-1) / 2 for x in (p.q, p.k)]
    assert all(np.ptp(x) == 0 and 64 <= x.flat[0] <= 256 for x in squares)


def test_another_future_leaves_the_past() -> None:
    p = problem("projection=normal:8&causal=1")
    before = apply("before_the_cut", p).value[0, 0, :, 0] > 0
    other = apply("other_future", p)
    assert np.array_equal(attended(other).out[:, :, before], attended(p).out[:, :, before])
    assert not np.array_equal(attended(other).out, attended(p).out)


# Powers


@pytest.mark.parametrize("law", ABOUT_SEEDS, ids=lambda law: law.id)
def test_the_first_problems_show_what_a_law_about_seeds_is_for(law: Any) -> None:
    faults = named([name for name in law.kills if FAULTS[name].shows_in("float32")])
    row = row_of(law, "float32", faults, replace(BUDGETS["quick"], examples=2))
    assert row["definition"]["verdict"] == "pass"
    missed = [name for name, found in row["faults"].items() if found["kill"] is None]
    assert not set(missed) - {"random-seed-ignored", "random-orthogonal-ignored", "random-lengths-fixed"}
