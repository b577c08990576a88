"""What strategies draw covers what it should, obeys a law's `given`, and shrinks to what a reader understands."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings

from attnspec.conformance.operations import known_operations
from attnspec.conformance.operations.attention.masks import BIASES, MASKS
from attnspec.conformance.operations.over_heads.distributions import DISTRIBUTIONS
from attnspec.conformance.operations.sparse_attention.blocks import BLOCK_MASKS
from attnspec.conformance.problems.descriptors import StructureError
from attnspec.conformance.problems.problem import MEMORIES
from attnspec.conformance.problems.sizes import BUDGETS, Pool, pool_for
from attnspec.conformance.problems.strategies import structures
from attnspec.conformance.problems.structure import Structure
from attnspec.spec.operations import operations

pytestmark = pytest.mark.long

ALL = frozenset(operations()["attention"]["options"])
SPARSE = frozenset(operations()["sparse_attention"]["options"])
OPTIONS = {name: option for each in known_operations().values() for name, option in each.options.items()}
ON_REQUEST = frozenset(name for name, option in OPTIONS.items() if option.on_request)
FREE = (ALL & frozenset(OPTIONS) | {"segments"}) - ON_REQUEST
POOL = pool_for("standard", compiled=False, seed=1)
QUIET = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))


def draws(
    count: int, wish: Mapping[str, object], pool: Pool = POOL, options: frozenset[str] = ALL, operation: str = "attention"
) -> list[Structure]:
    made: list[Structure] = []

    @seed(4)
    @settings(QUIET, max_examples=count, phases=[Phase.generate])
    @given(structures("bfloat16", wish, options, pool, operation))
    def collect(structure: Structure) -> None:
        made.append(structure)

    collect()
    return made


@cache
def five_hundred() -> tuple[Structure, ...]:
    return tuple(draws(500, {}))


def test_every_option_and_every_pair_occurs() -> None:
    options = Counter(name for s in five_hundred() for name in s.described)
    assert set(options) == FREE
    assert min(options.values()) > 30
    # Some pair is missing among 500 draws once in a few dozen sources, on which Hypothesis' draws depend.
    pairs = Counter(pair for s in [*five_hundred(), *draws(1500, {})] for pair in combinations(s.described, 2))
    assert len(pairs) == len(FREE) * (len(FREE) - 1) // 2
    assert {len(s.described) for s in five_hundred()} == {0, 1, 2, 3}
    assert sum(len(s.described) >= 2 for s in five_hundred()) > 250


def test_sizes_cover_tails_edges_and_both_orders() -> None:
    drawn = five_hundred()
    for order in (lambda s: s.sq < s.sk, lambda s: s.sq > s.sk, lambda s: s.sq == s.sk > 1):
        assert sum(map(order, drawn)) > 50
    for t in (16, 32, 64, 128):
        for edge in (t - 1, t, t + 1, 2 * t + 1):
            assert any(edge in (s.sq, s.sk) for s in drawn), edge
    assert {1, 2, 3, 6, 7, 12} <= {s.hq for s in drawn}
    assert {1, 2, 3, 7} <= {s.hq // s.hkv for s in drawn}
    assert {1, 8, 16, 40, 64, 80, 96, 128} == {s.d for s in drawn}
    assert 50 < sum(s.dv != s.d for s in drawn) < 250
    assert not [s for s in drawn if 0 in (s.sq, s.sk)]
    assert not [s for s in drawn if s.b > 1 and s.b in (s.hq, s.hkv)]


def test_contents_and_memory_vary() -> None:
    assert {s.values for s in five_hundred()} == set(DISTRIBUTIONS)
    assert {s.memory for s in five_hundred()} == set(MEMORIES)
    assert sum(s.memory == "contiguous" for s in five_hundred()) > 250
    assert {s.described.get("mask", ":").partition(":")[0] for s in five_hundred()} - {""} == set(MASKS)  # type: ignore[union-attr]
    assert {s.described.get("bias", ":").partition(":")[0] for s in five_hundred()} - {""} == set(BIASES)  # type: ignore[union-attr]
    assert len({s.seed for s in five_hundred()}) > 300
    assert len({s.geometry for s in five_hundred()}) > 300
    assert len(set(five_hundred())) > 450


def test_most_problems_are_small_and_none_is_larger_than_the_cap() -> None:
    cost = [s.b * s.hq * s.sq * s.sk for s in five_hundred()]
    assert np.median(cost) < 20_000
    assert max(cost) <= POOL.cap
    assert max(c * s.d for c, s in zip(cost, five_hundred(), strict=True)) <= POOL.work


def test_a_draw_is_cheap() -> None:
    draws(50, {})
    start = time.process_time()
    draws(300, {})
    assert (time.process_time() - start) / 300 < 5e-3


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_compiled_run_meets_few_shapes(budget: str) -> None:
    pool = pool_for(budget, compiled=True, seed=2)
    shapes = {(s.b, s.hq, s.hkv, s.sq, s.sk, s.d, s.dv) for s in draws(200, {}, pool)}
    assert pool.shapes is not None
    assert shapes <= set(pool.shapes)
    assert 3 <= len(shapes) <= BUDGETS[budget]["shapes"]
    assert {np.sign(shape[3] - shape[4]) for shape in shapes} == {-1, 0, 1}
    assert any(hq != hkv for _, hq, hkv, *_ in shapes)


@pytest.mark.parametrize(
    "wish", [{"sq": [15, 17, 33, 65], "sk": [1, 16, 31, 64]}, {"hq": [2, 3, 6], "b": [2, 3]}, {"sk": ">= 40"}]
)
def test_a_law_with_sizes_of_its_own_brings_no_more_shapes(wish: dict[str, object]) -> None:
    """The sizes of a law take the place of the pool's; they do not multiply with them."""
    pool = pool_for("standard", compiled=True, seed=2)
    shapes = {(s.b, s.hq, s.hkv, s.sq, s.sk, s.d, s.dv) for s in draws(200, wish, pool)}
    assert pool.shapes is not None
    assert 3 <= len(shapes) <= len(pool.shapes)
    assert len({s.sk for s in draws(200, wish, pool)}) >= 2


@pytest.mark.parametrize("compiled", [False, True])
def test_a_pool_follows_its_seed(compiled: bool) -> None:
    assert pool_for("standard", compiled, 3) == pool_for("standard", compiled, 3)
    assert len({pool_for("standard", compiled, n) for n in range(10)}) > 5


def test_many_heads_and_long_lengths_come_with_larger_budgets() -> None:
    deep = draws(300, {}, pool_for("deep", compiled=False, seed=1))
    assert max(s.hq for s in deep) == 128
    assert max(s.sk for s in deep) > 512
    assert max(s.hq for s in five_hundred()) == 12
    with pytest.raises(StructureError, match=r"unknown budget 'quik'; did you mean 'quick'\?"):
        pool_for("quik", compiled=False, seed=1)


@pytest.mark.parametrize(
    ("wish", "holds"),
    [
        ({"causal": True}, lambda s: s.described["causal"] is True),
        ({"causal": False}, lambda s: "causal" not in s.described),
        ({"mask": "absent", "bias": None}, lambda s: not {"mask", "bias"} & set(s.described)),
        ({"window": "drawn"}, lambda s: "window" in s.described),
        ({"window": [3, 0]}, lambda s: s.described["window"] == (3, 0)),
        ({"window": [[3, 0], [None, 2]]}, lambda s: s.described["window"] in ((3, 0), (None, 2))),
        ({"softcap": [5, 50]}, lambda s: s.described["softcap"] in (5.0, 50.0)),
        ({"mask": "empty-rows"}, lambda s: str(s.described["mask"]).startswith("empty-rows:")),
        ({"mask": "random:b11k"}, lambda s: s.described["mask"] == "random:b11k"),
        ({"segments": "drawn"}, lambda s: s.described["segments"] >= 2),
        ({"return_lse": True, "return_weights": True}, lambda s: s.described["return_lse"] and s.described["return_weights"]),
        ({"dropout_p": "drawn", "seed": "drawn"}, lambda s: s.described["dropout_p"] > 0 and "dropout_seed" in s.described),
        ({"seed": 0}, lambda s: s.described["dropout_seed"] == 0),
        ({"scale": 0.3}, lambda s: s.described["scale"] == 0.3),
        ({"sq": 4, "sk": [5, 9], "d": 24}, lambda s: s.sq == 4 and s.sk in (5, 9) and s.d == 24),
        ({"sk": ">= 40"}, lambda s: s.sk >= 40),
        ({"sq": "sk"}, lambda s: s.sq == s.sk),
        ({"sk": "sq", "sq": "≥ 2"}, lambda s: s.sq == s.sk >= 2),
        ({"b": "hq"}, lambda s: s.b == s.hq),
        ({"hq": "hkv"}, lambda s: s.hq == s.hkv),
        ({"hkv": 1, "hq": ">= 2"}, lambda s: s.hkv == 1 and s.hq >= 2),
        ({"hkv": 5}, lambda s: s.hkv == 5 and s.hq % 5 == 0),
        ({"hq": 10}, lambda s: s.hq == 10),
        ({"dv": "d"}, lambda s: s.dv == s.d),
        ({"values": ["zeros", "ties"], "memory": "sliced"}, lambda s: s.values in ("zeros", "ties") and s.memory == "sliced"),
        ({"sk": [0, 2]}, lambda s: s.sk in (0, 2)),
        ({"claims": ["deterministic"], "conventions": {"empty_rows": "nan"}}, lambda s: True),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_given_is_obeyed(wish: dict[str, object], holds: Callable[[Structure], Any], compiled: bool) -> None:
    drawn = draws(30, wish, pool_for("quick", compiled, seed=1))
    assert [s.query() for s in drawn if not holds(s)] == []
    assert any(len(s.described) > 1 for s in drawn)


@pytest.mark.parametrize("wish", [{"sk": [3, 700]}, {"mask": ["full", "sparse:qk"]}, {"b": [1, 4]}, {"hkv": [1, 5]}])
def test_every_listed_wish_occurs(wish: dict[str, list[object]]) -> None:
    ((name, values),) = wish.items()
    seen = {str(s.described[name] if name in OPTIONS else getattr(s, name)).removesuffix(":qk") for s in draws(100, wish)}
    assert {str(value).removesuffix(":qk") for value in values} <= {text.partition(":")[0] for text in seen}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"cusal": True}, "unknown key 'cusal'; did you mean 'causal'"),
        ({"q_segments": "drawn"}, "write segments"),
        ({"mask": "randon"}, "unknown pattern 'randon'"),
        ({"window": [3]}, "left,right"),
        ({"softcap": -1}, "softcap=-1"),
        ({"dropout_p": 0}, "is its default; write absent"),
        ({"values": "gauss"}, "unknown distribution"),
        ({"memory": []}, "empty list"),
        ({"sk": "many"}, "sk: 'many'"),
        ({"sk": [2, -1]}, "sk: -1"),
        ({"sq": "sq"}, "say it the other way round"),
        ({"sq": "sk", "sk": "sq"}, "say it the other way round"),
        ({"hq": "b"}, "write b: hq instead"),
        ({"hq": 3, "hkv": 2}, "must be a multiple"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wish: dict[str, object], words: str) -> None:
    with pytest.raises(StructureError) as caught:
        find(structures("float32", wish, ALL, POOL, "attention"), lambda s: True, settings=settings(database=None))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"block_mask": "randon"}, "unknown pattern 'randon'"),
        ({"block_mask": "random:0"}, "not an integer of at least 1"),
        ({"block_mask": "random:16:qk"}, "write random:<block size>:<shape>"),
        ({"block_size": 16}, "block_size comes with block_mask; write block_mask, which stands for both"),
        ({"sinks": "low"}, "unknown key 'sinks'"),
    ],
)
def test_a_wish_of_sparse_attention_that_cannot_be_is_refused(wish: dict[str, object], words: str) -> None:
    with pytest.raises(StructureError) as caught:
        structures("float32", wish, SPARSE, POOL, "sparse_attention")
    assert words in str(caught.value)


def test_unclaimed_options_are_not_drawn_and_unknown_ones_are_refused() -> None:
    claimed = frozenset({"causal", "return_lse", "q_segments", "kv_segments"})
    assert {name for s in draws(100, {}, options=claimed) for name in s.described} == {"causal", "segments"}
    assert not [s for s in draws(20, {}, options=frozenset()) if s.described]
    with pytest.raises(StructureError, match=r"unknown option 'softcup'; did you mean 'softcap'\?"):
        structures("float32", {}, frozenset({"softcup"}), POOL, "attention")


def test_options_of_sparse_attention_are_drawn_with_blocks_of_each_kind() -> None:
    drawn = draws(400, {}, options=SPARSE, operation="sparse_attention")
    assert {name for s in drawn for name in s.described} == {*SPARSE} - {"block_size", "return_lse", "top_k"}
    masks = [str(s.described["block_mask"]).split(":") for s in drawn if "block_mask" in s.described]
    assert {pattern for pattern, _, _ in masks} == set(BLOCK_MASKS)
    assert {(size, code) for _, size, code in masks} == {(n, c) for n in ("1", "4", "16") for c in ("11", "1h", "b1", "bh")}
    alone = {s.described["dilation"] for s in drawn if "dilation" in s.described and "window" not in s.described}
    assert alone == {2, 3, 5}


@pytest.mark.parametrize(
    ("wish", "begins"),
    [
        ("random", "random:"),
        ("random:4", "random:4:"),
        ("single:17:1h", "single:17:1h"),
        (["full", "lower:1"], ("full:", "lower:1:")),
    ],
)
def test_a_block_mask_is_wished_for_by_pattern_size_and_shape(wish: object, begins: str | tuple[str, ...]) -> None:
    for s in draws(40, {"block_mask": wish}, options=SPARSE, operation="sparse_attention"):
        assert str(s.described["block_mask"]).startswith(begins)
        assert Structure.parse(s.query(), "sparse_attention") == s


def smallest(wish: Mapping[str, object], fails: Callable[[Structure], bool]) -> str:
    """The query that Hypothesis shrinks to."""
    found = find(
        structures("float32", wish, ALL, POOL, "attention"),
        fails,
        settings=settings(QUIET, max_examples=2000),
        random=Random(0),
    )
    return found.query()


ONE = "dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=1&d=1&values=integers&seed=0"


@pytest.mark.parametrize(
    ("fails", "case"),
    [
        (lambda s: True, ONE),
        (lambda s: s.sk >= 2, ONE.replace("sk=1", "sk=2")),
        (lambda s: s.sk > 16 and s.sq >= 2, ONE.replace("sq=1&sk=1", "sq=2&sk=17")),
        (lambda s: s.hq > s.hkv, ONE.replace("hq=1", "hq=2")),
        (lambda s: "mask" in s.described, ONE.replace("&values", "&mask=full:qk&values")),
        (
            lambda s: {"softcap", "bias"} <= set(s.described) and s.sk > 32,
            ONE.replace("sk=1", "sk=33").replace("&values", "&bias=zeros:qk&softcap=30&values"),
        ),
        (lambda s: s.described.get("window", (None, None))[0] == 3, ONE.replace("&values", "&window=3,0&values")),
        (lambda s: s.memory == "sliced" and s.seed > 5, ONE.replace("&seed=0", "&memory=sliced&seed=6")),
        (lambda s: s.values == "rising" and s.dv != s.d, ONE.replace("d=1", "d=1&dv=8").replace("integers", "rising")),
    ],
)
def test_cases_shrink_to_what_matters(fails: Callable[[Structure], bool], case: str) -> None:
    assert smallest({}, fails) == case


def test_a_wish_shrinks_to_its_first_value() -> None:
    wish = {"causal": True, "values": ["sharp", "normal"], "sk": [17, 33], "d": [8, 64]}
    assert smallest(wish, lambda s: s.sq >= 2) == ("dtype=float32&b=1&hq=1&hkv=1&sq=2&sk=17&d=8&causal=1&values=sharp&seed=0")
