"""Which problems know that their values have random signs, and that their results are judged by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.meaning import judged
from attnspec.conformance.operations.over_heads.distributions import DISTRIBUTIONS, RANDOM_SIGNS
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS
from attnspec.conformance.vocabulary.transforms import with_keys, with_queries, with_values
from attnspec.reference.faults.catalogue import as_callable

KEPT = {"first_keys", "other_keys", "shuffle_keys", "explicit", "first_queries", "other_queries", "repeat_kv"}
KEPT |= {"reverse_heads", "reverse_batch", "each_head", "each_entry"}
LOST = {"repeat_keys", "pad_keys", "poison_hidden", "nan_hidden", "two_keys"}


def drawn(values: str = "normal", sk: int = 60, **options: Any) -> Problem:
    sizes = {"b": 2, "hq": 4, "hkv": 2, "sq": 5, "sk": sk, "d": 8}
    return build(Structure(operation="attention", sizes=sizes, options=options, values=values, seed=1, geometry=1))


def call(name: str, p: Problem) -> Any:
    if name == "two_keys":
        return WORDS[name].function(p, 1.0)
    return WORDS[name].function(p)


@pytest.mark.parametrize("values", sorted(DISTRIBUTIONS))
def test_a_drawn_problem_knows(values: str) -> None:
    assert drawn(values).random_signs == (values in RANDOM_SIGNS)


@pytest.mark.parametrize("name", sorted(KEPT | LOST))
def test_transforms_keep_what_they_do_not_look_at(name: str) -> None:
    p = drawn() if name not in ("nan_hidden", "poison_hidden") else drawn(causal=True)
    assert p.random_signs
    result = call(name, p)
    for each in result if isinstance(result, list) else [result]:
        assert each.random_signs == (name in KEPT)
    without = replace(p, fair_values=None)
    result = call(name, without)
    assert not any(each.random_signs for each in (result if isinstance(result, list) else [result]))


def test_whoever_replaces_values_loses_the_signs_without_a_thought() -> None:
    p = drawn()
    assert not p.having(v=np.ones_like(p.v)).random_signs
    assert not p.having(v=p.v.copy()).random_signs
    assert p.but(causal=True).random_signs and replace(p, memory="sliced").random_signs


@pytest.mark.parametrize(
    ("about", "make", "kept"),
    [
        ("negated", lambda v: -v, True),
        ("doubled", lambda v: 2 * v, True),
        ("nothing", lambda v: 0 * v, False),
        ("one number", lambda v: np.float64(1.0), False),
        ("shifted", lambda v: np.round(v) + 1, False),
        ("absolute", np.abs, False),
        ("every other key", lambda v: v * (np.arange(v.shape[2]) % 2 == 0)[:, None], False),
    ],
)
def test_multiples_of_the_values_keep_their_signs(about: str, make: Any, kept: bool) -> None:
    p = drawn("integers")
    assert with_values(p, make(p.v.astype(np.float64))).random_signs == kept, about


def test_queries_and_keys_that_may_look_at_the_values_lose_the_signs() -> None:
    p = drawn("integers")
    q, k, v = (x.astype(np.float64) for x in (p.q, p.k, p.v))
    assert with_queries(p, 0.0).random_signs and with_queries(p, 4 * q).random_signs and with_keys(p, k + 1).random_signs
    assert not with_keys(p, v).random_signs
    assert not with_queries(p, np.concatenate([v, v], axis=1)[:, :, : p.sq]).random_signs
    bias = np.repeat(v, 2, axis=1)[..., 0][:, :, None, :]
    assert not WORDS["but"].function(p, bias=bias).random_signs
    assert WORDS["but"].function(p, scale=0.5).random_signs


def test_results_are_judged_by_the_signs() -> None:
    p = drawn("soft", sk=500)
    subject = Subject(
        implementation_of(as_callable("correct", operation="attention"), name="correct", dtypes=["float32"]), "float32", {}
    )
    fair, plain = subject.out(p), subject.out(replace(p, fair_values=None))
    assert (fair.value == plain.value).all()
    assert (fair.high - fair.low <= plain.high - plain.low).all()
    assert np.median((plain.high - plain.low) / (fair.high - fair.low)) > 1.5
    assert judged(p, subject.arithmetic, True) is judged(p, subject.arithmetic, True)
    assert judged(p, subject.arithmetic, True) is not judged(p, subject.arithmetic, False)


@pytest.mark.parametrize("values", sorted(RANDOM_SIGNS))
def test_signs_are_fair_whatever_the_keys_do(values: str) -> None:
    """Signs of V against those of neighbours, of q·k and of |V|: a distribution that a new idea adds is held to it too."""
    for seed in range(3):
        p = build(Structure.of("attention", hq=8, hkv=8, sk=400, d=8, values=values, seed=seed))
        signs, size = np.sign(p.v.astype(np.float64)), np.abs(p.v.astype(np.float64))
        scores = np.swapaxes(p.k.astype(np.float64) @ np.swapaxes(p.q.astype(np.float64), -1, -2), -1, -1)
        compared = {
            "each other": signs[:, :, 1:] * signs[:, :, :-1],
            "nothing": signs,
            "other features": signs[..., 1:] * signs[..., :-1],
            "scores": signs * np.sign(scores - np.median(scores, axis=2, keepdims=True)),
            "sizes": signs * np.sign(size - np.median(size, axis=2, keepdims=True)),
        }
        for with_what, products in compared.items():
            count = np.count_nonzero(products)
            assert abs(products.sum()) <= 6 * max(count, 1) ** 0.5, f"{values}: signs go with {with_what}"
