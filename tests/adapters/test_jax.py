"""What JAX's attention functions do that their adapters say they do: refusals, defects left visible, compilations counted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas.ops.tpu.flash_attention import flash_attention

from attnspec.adapters.contract import Implementation
from attnspec.adapters.finding import find
from attnspec.adapters.jax import naive as jax_naive
from attnspec.adapters.jax import scan as jax_scan
from attnspec.adapters.shipped import SHIPPED
from attnspec.conformance.problems.problem import Problem

pytestmark = pytest.mark.long

NAMES = [name for name in SHIPPED if name.startswith("jax/") and find(name)[0].operation == "attention"]
OWN = ["jax/naive-jit", "jax/flash-scan"]
COMPILED = "/jax/core/compile/backend_compile_duration"
ROUNDOFF = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}

ROUNDINGS = 40
"""Roundings, each relative to the largest value, that one answer may carry here: scores stay below about 10 and features are
8, so a dot product and a rounded weight stay below this. Wrong answers are off by thousands."""


def problem(
    sq: int = 5,
    sk: int = 7,
    d: int = 8,
    dv: int = 8,
    *,
    b: int = 1,
    hq: int = 2,
    hkv: int = 2,
    dtype: Any = "float32",
    empty_rows: str = "zeros",
    **options: Any,
) -> Problem:
    rng = np.random.default_rng(1)
    shapes = ((b, hq, sq, d), (b, hkv, sk, d), (b, hkv, sk, dv))
    conventions = {"causal_alignment": "top-left", "empty_rows": empty_rows}
    arrays = (rng.standard_normal(shape).astype(jnp.dtype(dtype)) for shape in shapes)
    return Problem(dict(zip("qkv", arrays, strict=True)), dtype, options, conventions, operation="attention")


def close(have: Any, want: Any, dtype: str = "float32", size: float = 4.0) -> None:
    np.testing.assert_array_equal(np.isneginf(have), np.isneginf(want))
    finite = np.isfinite(want)
    assert np.all(np.abs(have.astype(float)[finite] - want[finite]) <= ROUNDINGS * ROUNDOFF[dtype] * size)


@contextmanager
def compilations() -> Iterator[list[str]]:
    """The names of what XLA compiles, or fetches from its cache, inside the block."""
    seen: list[str] = []

    def listen(event: str, seconds: float, **about: Any) -> None:
        if event == COMPILED:
            seen.append(str(about.get("fun_name", "")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


MASK = np.ones((5, 7), bool)
SEGMENTS = {"q_segments": np.zeros((1, 5), np.int32), "kv_segments": np.zeros((1, 7), np.int32)}
REFUSED: list[tuple[str, Problem, str, type[Exception]]] = [
    ("jax/dot-product-attention", problem(dv=4), "as many value features", ValueError),
    ("jax/pallas-gpu-mha", problem(dv=4), "does not take Dv ≠ D", ValueError),
    ("jax/pallas-gpu-mha", problem(sq=17), "queries, got 17", ValueError),
    ("jax/pallas-gpu-mha", problem(sk=40), "keys, got 40", ValueError),
    ("jax/pallas-tpu-flash", problem(hkv=1), "does not take grouped heads", ValueError),
    ("jax/pallas-tpu-flash", problem(dv=4), "does not take Dv ≠ D", NotImplementedError),
    ("jax/pallas-tpu-flash", problem(**SEGMENTS), "keys, got 7", NotImplementedError),
    ("jax/pallas-tpu-flash", problem(sk=256, d=136, dv=136), "not 136", NotImplementedError),
]


def refusal(made: Implementation, p: Problem) -> str:
    """Why an implementation is not asked a problem: by the sizes that it declares, or by its `supports`."""
    assert made.supports is not None
    return made.takes.reason(p.sizes, p.options) or str(made.supports(p))


@pytest.mark.parametrize(("name", "refused", "words", "raised"), REFUSED)
def test_a_refused_problem_really_raises(name: str, refused: Problem, words: str, raised: type[Exception], call: Any) -> None:
    made = find(name)[0]
    assert words in refusal(made, refused)
    with pytest.raises(raised):
        call(made, refused)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OWN])
def test_a_plain_problem_is_not_refused(name: str) -> None:
    supports = find(name)[0].supports
    assert supports is not None
    assert supports(problem()) is None
    assert supports(problem(causal=True)) is None


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("jax/dot-product-attention", {"hkv": 1, "window": (2, None), "kv_lengths": np.array([6], np.int32), "return_lse": True}),
    ("jax/dot-product-attention", {"mask": np.tri(5, 7, -1, dtype=bool), "bias": np.ones((2, 1, 7), np.float32)}),
    ("jax/pallas-gpu-mha", {"sq": 32, "sk": 48, "causal": True, "return_lse": True}),
    ("jax/pallas-gpu-mha", {"scale": 0.3}),
    ("jax/pallas-tpu-flash", {"bias": np.ones((2, 1, 7), np.float32), "causal": True}),
    ("jax/pallas-tpu-flash", {"sq": 130, "sk": 256, "causal": True, "bias": np.ones((2, 1, 256), np.float32)}),
    (
        "jax/pallas-tpu-flash",
        {
            "sk": 256,
            "q_segments": np.array([[0, 0, 1, 2, 3]], np.int32),
            "kv_segments": np.arange(256, dtype=np.int32)[None] // 100,
        },
    ),
    *(
        (name, {"hkv": 1, "sk": sk, "dv": 5, "causal": True, "sinks": np.zeros(2, np.float32)})
        for name in OWN
        for sk in (15, 16, 33)
    ),
    *((name, {"sk": 0}) for name in OWN),
    *((name, {"mask": MASK & (np.arange(5) != 3)[:, None], "softcap": 2.0, "return_lse": True}) for name in OWN),
    *((name, {**SEGMENTS, "alibi_slopes": np.ones(2, np.float32), "window": (3, 1)}) for name in OWN),
]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize(("name", "asked"), CALLS)
def test_options_mean_what_the_contract_says(name: str, asked: dict[str, Any], dtype: str, define: Any, call: Any) -> None:
    made = find(name)[0]
    if dtype not in made.dtypes:
        assert (name, dtype) == ("jax/dot-product-attention", "float16")
        return
    if "bias" in asked:
        asked = {**asked, "bias": asked["bias"].astype(jnp.dtype(dtype))}
    p = problem(dtype=dtype, empty_rows=made.conventions.get("empty_rows", "zeros"), **asked)
    assert made.supports is None or made.supports(p) is None
    have, (out, lse, _) = call(made, p), define(p)
    assert have["out"].dtype == p.q.dtype
    close(have["out"], out, dtype)
    if "lse" in have:
        assert have["lse"].shape == lse.shape
        close(have["lse"], lse, str(have["lse"].dtype))


@pytest.mark.parametrize("name", OWN)
def test_one_shape_compiles_once_whatever_is_given(name: str, call: Any) -> None:
    made = find(name)[0]
    plain = problem(sq=6, sk=9, d=24)
    call(made, plain)
    given: list[dict[str, Any]] = [
        {"causal": True, "scale": 0.5},
        {"window": (2, 1), "softcap": 3.0, "mask": np.ones((6, 9), bool)},
        {"kv_lengths": np.array([4], np.int32), "sinks": np.ones(2, np.float32), "return_lse": True},
        {"alibi_slopes": np.ones(2, np.float32), "mask": np.ones((1, 9), bool)},
        {"q_segments": np.zeros((1, 6), np.int32), "kv_segments": np.zeros((1, 9), np.int32)},
    ]
    with compilations() as seen:
        for options in given:
            call(made, plain.but(**options))
        call(made, problem(sq=17, sk=64, d=24))  # Filled up to the same lengths.
    assert seen == []
    with compilations() as seen:  # The control: another shape is compiled, and counted.
        call(made, problem(sq=6, sk=65, d=24))
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["jax/dot-product-attention", "jax/pallas-gpu-mha", "jax/pallas-tpu-flash"])
def test_a_second_call_compiles_nothing(name: str, call: Any) -> None:
    made = find(name)[0]
    call(made, problem(causal=True))
    with compilations() as seen:
        call(made, problem(causal=True))
    assert seen == []


@pytest.mark.parametrize("name", OWN)
def test_an_option_that_changes_nothing_changes_no_bit(name: str, call: Any) -> None:
    made = find(name)[0]
    neutral = {"bias": np.zeros((5, 7), np.float32), "mask": MASK, "sinks": np.full(2, -np.inf, np.float32), "window": (9, 9)}
    np.testing.assert_array_equal(call(made, problem())["out"], call(made, problem(**neutral))["out"])


@pytest.mark.parametrize("module", [jax_naive, jax_scan])
def test_gradients_are_finite_and_empty_rows_give_none(module: Any) -> None:
    p = problem(mask=MASK & (np.arange(5) != 3)[:, None])
    q, k, v = (jnp.asarray(x) for x in (p.q, p.k, p.v))
    out, pull = jax.vjp(lambda *given: module.attend(*given, mask=jnp.asarray(p.options["mask"]), softcap=5.0), q, k, v)
    dq, dk, dv = pull(jnp.ones_like(out))
    assert all(np.isfinite(x).all() and np.any(x != 0) for x in (dq, dk, dv))
    assert np.all(np.asarray(dq)[:, :, 3] == 0)


def test_both_own_implementations_have_the_same_gradients() -> None:
    p = problem(sk=37, hkv=1)
    q, k, v = (jnp.asarray(x) for x in (p.q, p.k, p.v))
    dout = jnp.asarray(np.random.default_rng(2).standard_normal(q.shape), jnp.float32)
    naive, scan = (
        jax.vjp(lambda *given, module=module: module.attend(*given, causal=True, sinks=jnp.ones(2)), q, k, v)[1](dout)
        for module in (jax_naive, jax_scan)
    )
    for a, b in zip(naive, scan, strict=True):
        close(np.asarray(a), np.asarray(b).astype(float), size=1 + float(np.abs(b).max()))


@pytest.mark.parametrize("name", OWN)
def test_dropout_drops_and_rescales_by_its_seed(name: str, call: Any) -> None:
    """V is the identity, so that the output shows the weights that met it."""
    made = find(name)[0]
    q, k = (np.random.default_rng(7 + n).standard_normal((1, 2, 24, 24)).astype(np.float32) for n in range(2))
    v = np.broadcast_to(np.eye(24, dtype=np.float32), (1, 2, 24, 24)).copy()
    p = Problem({"q": q, "k": k, "v": v}, "float32", {}, operation="attention")
    whole, some = call(made, p)["out"], call(made, p.but(dropout_p=0.25, seed=3))["out"]
    kept = some != 0
    assert 0.68 < kept.mean() < 0.82  # 1,152 coins of 3/4: five standard deviations are 0.064.
    np.testing.assert_allclose(some[kept], (whole / 0.75)[kept], rtol=2.0**-20)
    np.testing.assert_array_equal(some, call(made, p.but(dropout_p=0.25, seed=3))["out"])
    assert (some != call(made, p.but(dropout_p=0.25, seed=4))["out"]).any()


def test_float16_fails_under_jit_and_falls_back_without_it() -> None:
    """The day it does not, float16 can join the dtypes."""
    x = jnp.ones((1, 2, 1, 8), jnp.float16)
    assert jax.nn.dot_product_attention(x, x, x).dtype == jnp.float16
    with pytest.raises(ValueError, match="F16_F16_F32"):
        jax.jit(jax.nn.dot_product_attention)(x, x, x)


def test_no_key_gives_zeros_and_is_refused(call: Any) -> None:
    made = find("jax/dot-product-attention")[0]
    assert made.supports is not None and "gives zeros" in str(made.supports(problem(sk=0)))
    assert np.all(call(made, problem(sk=0))["out"] == 0)


def test_the_logsumexp_of_an_empty_row_is_finite_and_claimed(call: Any) -> None:
    made = find("jax/dot-product-attention")[0]
    p = problem(mask=MASK & (np.arange(5) != 3)[:, None], return_lse=True)
    assert made.supports is not None and made.supports(p) is None
    have = call(made, p)
    assert np.all(have["lse"][:, :, 3] < -2e38) and np.isfinite(have["lse"]).all()
    close(have["out"][:, :, 3], p.v.astype(float).mean(axis=2))


def test_mha_with_causal_reads_past_the_last_key_and_claims_it(call: Any, define: Any) -> None:
    made = find("jax/pallas-gpu-mha")[0]
    p = problem(sq=64, sk=16, causal=True)
    assert made.supports is not None and made.supports(p) is None
    have, (want, _, _) = call(made, p)["out"], define(p)
    close(have[:, :, :16], want[:, :, :16])
    assert np.isnan(have[:, :, 16:]).all()
    close(call(made, problem(sq=64, sk=16))["out"], define(problem(sq=64, sk=16))[0])


def test_mha_does_not_look_at_the_key_heads_and_the_adapter_does(call: Any, define: Any) -> None:
    made = find("jax/pallas-gpu-mha")[0]
    p = problem(hq=4, hkv=2)
    assert "does not take grouped heads" in refusal(made, p)
    assert np.abs(call(made, p)["out"] - define(p)[0]).max() > 0.1


def test_an_empty_row_under_causal_and_segments_is_refused(call: Any) -> None:
    """Two blocks of keys, of which causal lets one run: the row gives the mean of that block."""
    made = find("jax/pallas-tpu-flash")[0]
    unseen = {"q_segments": np.ones((1, 5), np.int32), "kv_segments": np.zeros((1, 256), np.int32)}
    p = problem(sk=256, causal=True, **unseen)
    assert made.supports is not None
    assert "blocks that causal lets run" in str(made.supports(p))
    assert made.supports(problem(sk=256, **unseen)) is None
    close(call(made, p)["out"][:, :, 4], p.v[:, :, :128].astype(float).mean(axis=2))


def test_the_mode_of_interpretation_ends_with_the_call(call: Any) -> None:
    call(find("jax/pallas-tpu-flash")[0], problem())
    x = jnp.ones((1, 1, 128, 128))
    with pytest.raises(ValueError, match="Only interpret mode"):
        flash_attention(x, x, x)


@pytest.mark.parametrize("name", NAMES)
def test_conventions_claims_and_notes_are_declared(name: str) -> None:
    made = find(name)[0]
    assert "causal_alignment" in made.conventions and "hidden_nan" in made.conventions
    assert "empty_rows" in made.conventions or not {"mask", "window", "q_segments", "kv_lengths"} & made.options
    assert "deterministic" in made.claims
    assert any("interpret" in note for note in made.notes) == ("pallas" in name)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_CACHE_HOME": "{tmp}"}, "{tmp}/attnspec/jax"),
        ({"XDG_CACHE_HOME": "", "HOME": "{tmp}"}, "{tmp}/.cache/attnspec/jax"),
        ({"XDG_CACHE_HOME": "{tmp}", "JAX_COMPILATION_CACHE_DIR": "{tmp}/own"}, "{tmp}/own"),
    ],
)
def test_what_was_compiled_is_kept_where_the_user_wants_it(environment: dict[str, str], folder: str, tmp_path: Any) -> None:
    script = (
        "import jax\n"
        "from attnspec.adapters.jax.cache import keep_compilations\n"
        "print(keep_compilations(), jax.config.jax_compilation_cache_dir)\n"
    )
    given = {name: value.format(tmp=tmp_path) for name, value in environment.items()}
    own = {name: value for name, value in os.environ.items() if name not in ("JAX_COMPILATION_CACHE_DIR", "ATTNSPEC_CACHE")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        env={**own, "PYTHONPATH": os.pathsep.join(sys.path), **given},
    )
    assert done.stdout.split() == [folder.format(tmp=tmp_path)] * 2
