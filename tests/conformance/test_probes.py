"""Exact probes: what is due is due to the last bit, mistakes are caught in every dtype and named, and correct kernels pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.meaning import attended, flat
from attnspec.conformance.operations.attention.words.decoding import read_rows
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS, Undecided
from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.attention.kernels import KERNELS, arithmetic_of
from attnspec.reference.attention.kernels import as_callable as kernel_of
from attnspec.reference.faults.catalogue import as_callable
from attnspec.reference.rounding import round_to

pytestmark = pytest.mark.long

DTYPES = ("float32", "float16", "bfloat16")
LAWS = {law.id: law for law in load_laws() if law.chapter == "probes"}
EXACT = {"tile": 16, "splits": 1, "n_pre": 0}
"""A kernel that promises exact sums: one part, operands as they are."""


def problem(dtype: str = "float32", more: str = "", sk: int = 64, seed: int = 3) -> Problem:
    query = f"dtype={dtype}&b=2&hq=4&hkv=2&sq=9&sk={sk}&d=16&values=normal&seed={seed}&geometry={seed}{more}"
    return build(Structure.parse(query, "attention"), {"causal_alignment": "top-left", "empty_rows": "zeros"})


def apply(name: str, *arguments: Any) -> Any:
    return WORDS[name].function(*arguments)


def uniform(p: Problem) -> Problem:
    return apply("with_queries", apply("index_coded", p), 0)


def exact(dtype: str, **fields: Any) -> Arithmetic:
    return arithmetic_for({"name": "fp32" if dtype == "float32" else "half", **EXACT, **fields}, dtype)


def values_of_heads(p: Problem) -> Any:
    return np.repeat(p.v.astype(np.float64), p.hq // p.hkv, axis=1)


# What is due


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sk", [4, 32, 128])
def test_equal_scores_give_the_sum_over_the_count_to_the_last_bit(dtype: str, sk: int) -> None:
    p = uniform(problem(dtype, sk=sk))
    due = values_of_heads(p).sum(2, keepdims=True) / sk
    assert np.array_equal(attended(p).out, np.broadcast_to(due, attended(p).out.shape))
    assert np.array_equal(round_to(due, dtype), due), "the dtype holds it"
    assert np.abs(due).max() > 0
    code = p.v[0, 0, :, : sk.bit_length() - 1].astype(int)
    assert len({tuple(row) for row in code}) == sk, "each key has a code of its own"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("more", ["", "&causal=1", "&mask=random:bhqk", "&window=3,0"])
def test_a_gathered_row_is_the_value_of_a_key_that_it_sees(dtype: str, more: str) -> None:
    p = apply("gather", problem(dtype, more))
    facts, v = attended(p), values_of_heads(p)
    top = facts.visible & (facts.scores == 0)
    sees = facts.visible.any(-1)
    assert np.array_equal(top.sum(-1), sees.astype(int))
    assert facts.scores[facts.visible & ~top].max(initial=-np.inf) <= -128
    target = np.take_along_axis(v, top.argmax(-1)[..., None], axis=2)
    # The reference adds exp(−128) of the other values, which no dtype shows.
    assert np.array_equal(round_to(facts.out, dtype)[sees], target[sees])
    assert len(set(top.argmax(-1).ravel())) > 5, "targets are many"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sk", [16, 17, 64, 129])
@pytest.mark.parametrize(("word", "run"), [("rising_ladder", slice(-16, None)), ("falling_ladder", slice(16))])
def test_a_ladder_is_the_mean_of_its_top_run(dtype: str, sk: int, word: str, run: slice) -> None:
    p = apply(word, apply("index_coded", problem(dtype, sk=sk)))
    due = values_of_heads(p)[:, :, run].sum(2, keepdims=True) / 16
    assert np.array_equal(round_to(attended(p).out, dtype), np.broadcast_to(due, attended(p).out.shape))
    assert np.array_equal(attended(p).lse, np.full(attended(p).lse.shape, np.log(16.0)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_swamped_sum_is_that_of_the_small_values(dtype: str) -> None:
    p = apply("with_queries", apply("swamped", problem(dtype), 20), 0)
    small = values_of_heads(p)[:, :, 1:-1]
    assert np.abs(small).max() * 2**20 == 2**14 == np.abs(p.v.astype(float)).max()
    assert np.array_equal(attended(p).out[:, :, :1], small.sum(2, keepdims=True) / p.sk)


@pytest.mark.parametrize("dtype", DTYPES)
def test_raised_scores_are_whole_and_raised(dtype: str) -> None:
    low, high = (attended(apply("whole_scores", problem(dtype), x)) for x in (0, 512))
    assert np.array_equal(high.scores - low.scores, np.full(low.scores.shape, 512.0))
    assert np.array_equal(low.scores, np.rint(low.scores))
    assert len(np.unique(low.scores)) > 5


def test_probes_say_what_they_cannot_do() -> None:
    wide = build(Structure.parse("dtype=float32&sq=2&sk=4&d=8&values=normal", "attention"), {})
    with pytest.raises(Undecided, match="take 9 features"):
        apply("gather", wide)
    with pytest.raises(Undecided, match="fewer than three keys"):
        apply("swamped", problem(sk=2), 20)
    with pytest.raises(Undecided, match="scale is not positive"):
        apply("rising_ladder", problem(more="&scale=-1"))


# How exact it is due


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_bit_more_or_less_is_rejected(dtype: str) -> None:
    p, arithmetic = uniform(problem(dtype, sk=32)), exact(dtype)
    bound, due = flat(p, arithmetic)[0], attended(p).out
    apart = np.abs(np.nextafter(np.abs(due).astype(np.float32), np.float32(9)) - np.abs(due))
    assert bound.max() < 2.0**-100
    assert (bound[due != 0] < apart[due != 0] / 2).all()


def test_rows_of_other_counts_are_left_to_the_bound() -> None:
    p = uniform(problem(more="&causal=1"))
    bounded = np.isfinite(flat(p, exact("float32"))[0][0, 0, :, 0])
    assert [i + 1 for i in np.flatnonzero(bounded)] == [1, 2, 4, 8]


def test_what_is_not_promised_is_not_demanded() -> None:
    p = uniform(problem("float16", sk=32))
    size = attended(p).out
    fast = flat(p, exact("float16", exp_zero=2.0**-14, weights_rounded="before", row_sum_from="unrounded"))[0]
    assert fast.max() > 0 and (fast <= 2.0**-13 * np.abs(size) + 2.0**-100).all()
    split = flat(p, exact("float16", splits=4))[0]
    assert 2.0**-24 < split.max() < 2.0**-14
    assert flat(apply("gather", problem()), exact("float32", splits=4))[0].max() < 2.0**-100, "one key is not merged"
    tf32 = flat(apply("gather", problem()), exact("float32", u_operand=2.0**-11))[0]
    assert tf32.max() > 2.0**-12, "values pass through a multiplier of 11 bits"
    assert flat(uniform(problem()), exact("float32", u_operand=2.0**-11))[0].max() < 2.0**-100


def test_flatness_needs_sums_that_are_exact() -> None:
    arithmetic = exact("float32")
    ordinary = apply("with_queries", problem(), 0)
    assert np.isinf(flat(ordinary, arithmetic)[0]).all(), "ordinary values do not add up exactly"
    assert np.isfinite(flat(ordinary, arithmetic)[1]).all(), "the row sum does not look at values"
    assert np.isinf(flat(problem(), arithmetic)[1]).all()
    swamped = apply("with_queries", apply("swamped", problem(), 20), 0)
    assert np.isfinite(flat(swamped, arithmetic)[0]).all()
    assert np.isinf(flat(swamped, exact("float32", u_acc=2.0**-16))[0]).all()
    with_sinks = uniform(problem(more="&sinks=normal"))
    assert np.isinf(flat(with_sinks, arithmetic)[0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", KERNELS)
def test_correct_kernels_keep_what_they_promise(name: str, dtype: str) -> None:
    kernel = KERNELS[name]
    if kernel.stored and dtype == "float32":
        kernel = replace(kernel, stored=False)
    arithmetic, call, decided = arithmetic_of(kernel, dtype), kernel_of(kernel), 0
    for seed in range(4):
        for more in ("", "&causal=1", "&mask=random:bhqk"):
            base = problem(dtype, more, sk=(16, 33, 64, 128)[seed], seed=seed)
            coded = apply("index_coded", base)
            probes = [apply("with_queries", coded, 0), apply("gather", base)]
            probes += [apply("rising_ladder", coded), apply("falling_ladder", coded)]
            probes += [apply("with_queries", apply("swamped", base, 20), 0)]
            for p in probes:
                with np.errstate(all="ignore"):
                    out, lse = call(p.q, p.k, p.v, return_lse=True, **p.options)
                for got, due, room, kind in zip(
                    (out, lse), (attended(p).out, attended(p).lse), flat(p, arithmetic), (dtype, "float32"), strict=True
                ):
                    at = np.isfinite(room)
                    low, high = (round_to(due[at] + sign * room[at], kind) for sign in (-1, 1))
                    assert ((low <= got[at]) & (got[at] <= high)).all()
                    decided += at.sum()
    assert decided > 10_000


# What is caught, and what is said of it

PLANTED = {
    "last-key-dropped": "probes/each-key-counts-once",
    "value-row-duplicated": "probes/each-key-counts-once",
    "causal-off-by-one": "probes/causal-rows-count-their-keys",
    "window-left-short": "probes/window-rows-count-their-keys",
    "lse-base-two": "probes/lse-counts-keys",
    "accumulator-not-rescaled": "probes/rising-ladder",
    "value-rows-shifted": "probes/gather",
    "maximum-reset-each-tile": "probes/falling-ladder",
    "accumulator-in-bfloat16": "probes/accumulator-keeps-its-bits",
}


def verdict(name: str, law: str, dtype: str, examples: int = 60) -> Any:
    conventions = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}
    made = implementation_of(as_callable(name, operation="attention"), name=name, dtypes=DTYPES, conventions=conventions)
    return verify(made, LAWS[law], dtype, budget="quick", examples=examples, shrink=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistakes_are_caught_in_every_dtype(name: str, dtype: str) -> None:
    assert verdict(name, PLANTED[name], dtype).verdict == "fail"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("last-key-dropped", "key 3 is missing"),
        ("value-row-duplicated", "key 2 has the values of key 1"),
        ("tile-visited-twice", " on count twice"),
        ("weights-unnormalised", "it is 4 times the right row"),
    ],
)
def test_a_finding_names_the_mistake(name: str, said: str, dtype: str) -> None:
    found = verdict(name, "probes/each-key-counts-once", dtype, 300)
    assert found.verdict == "fail"
    assert found.message.endswith(said), found.message


def test_a_hidden_key_that_is_seen_is_named() -> None:
    assert "key 1 is seen, which is hidden" in verdict("causal-off-by-one", PLANTED["causal-off-by-one"], "float32").message


def read(p: Problem, weights: Any, values: Any = None, row: tuple[int, int, int] = (1, 3, 8)) -> str:
    """What is said of row (b, h, i) when it is these weights times these values."""
    out = round_to(attended(p).out, p.dtype)
    v = values_of_heads(p)[row[0], row[1]] if values is None else values
    out[row] = round_to(weights @ v, p.dtype)
    wrong = np.argwhere(out != round_to(attended(p).out, p.dtype))
    assert len(wrong)
    (sentence,) = read_rows(p, out, wrong)
    return sentence


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_single_mistake_is_read_from_its_row(dtype: str) -> None:
    p = uniform(problem(dtype, sk=32))
    ones = np.ones(32)
    missing, twice = np.where(np.arange(32) == 17, 0, 1), np.where(np.arange(32) == 5, 2, 1)
    assert read(p, missing / 31).endswith(": key 17 is missing")
    assert read(p, missing / 32).endswith(": key 17 is missing, though the row sum has it")
    assert read(p, twice / 33).endswith(": key 5 counts twice")
    assert read(p, twice / 32).endswith(": key 5 counts twice, once in the row sum")
    assert read(p, (np.arange(32) < 24) / 24).endswith(": the keys from 24 on are missing")
    assert read(p, (np.arange(32) >= 8) / 24).endswith(": the keys before 8 are missing")
    assert read(p, ones / 32, values_of_heads(p)[1, 0]).endswith(": it holds the values of key head 0")
    assert read(p, ones / 32, values_of_heads(p)[0, 3]).endswith(": it holds the values of key head 1 of batch entry 0")
    assert read(p, ones / 16).endswith(": it is 2 times the right row")


def test_what_no_single_mistake_explains_is_not_explained() -> None:
    p = uniform(problem(sk=32))
    noise = np.random.default_rng(1).random(32)
    assert read(p, noise / noise.sum()).endswith(" is due")
    narrow = p.having(v=p.v[..., :1])
    missing = np.where(np.arange(32) == 17, 0, 1)
    assert read(narrow, missing / 31).endswith(" is due"), "one feature cannot tell 32 keys apart"


def test_a_gathered_row_tells_whose_value_came() -> None:
    p = apply("gather", problem("bfloat16"))
    b, h, i = 1, 3, 8
    target = int(attended(p).weights[b, h, i].argmax())
    other = (target + 7) % p.sk
    assert read(p, np.eye(p.sk)[other]).endswith(f": it holds the values of key {other}, not of key {target}")
