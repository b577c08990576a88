"""What PyTorch's CPU backends do that their adapters say they do: refusals, forced backends, and defects left visible."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import flex_attention as flex

from attnspec.adapters.finding import find
from attnspec.conformance.problems.problem import Problem

pytestmark = pytest.mark.long


def problem(
    sq: int = 5, sk: int = 7, d: int = 8, dv: int = 8, *, b: int = 1, hq: int = 2, hkv: int = 2, **options: Any
) -> Problem:
    rng = np.random.default_rng(1)
    shapes = ((b, hq, sq, d), (b, hkv, sk, d), (b, hkv, sk, dv))
    return Problem(
        {name: rng.standard_normal(shape).astype(np.float32) for name, shape in zip("qkv", shapes, strict=True)},
        "float32",
        options,
        operation="attention",
    )


MASK = np.ones((5, 7), bool)
REFUSED: list[tuple[str, Problem, str, type[Exception]]] = [
    ("torch/sdpa-math", problem(mask=MASK, causal=True), "no mask or bias together with causal", RuntimeError),
    ("torch/sdpa-math", problem(bias=np.zeros((5, 7), np.float32), causal=True), "no mask or bias", RuntimeError),
    ("torch/sdpa-flash", problem(dv=4), "as many value features", RuntimeError),
    ("torch/flex-attention", problem(sk=0), "at least one key", IndexError),
    ("torch/flex-attention", problem(b=0, causal=True), "at least one batch entry", IndexError),
    ("torch/flex-attention", problem(d=0), "divides by the number of features", ZeroDivisionError),
    ("torch/multihead", problem(hkv=1), "as many key heads", RuntimeError),
    ("torch/multihead", problem(dv=4), "as many value features", AssertionError),
    ("torch/multihead", problem(d=0, dv=0), "no features", ValueError),
]


@pytest.mark.parametrize(("name", "refused", "words", "raised"), REFUSED)
def test_a_refused_problem_really_raises(name: str, refused: Problem, words: str, raised: type[Exception], call: Any) -> None:
    made = find(name)[0]
    assert made.supports is not None
    assert words in str(made.supports(refused))
    with pytest.raises(raised):
        call(made, refused)


@pytest.mark.parametrize("name", sorted({case[0] for case in REFUSED}))
def test_a_plain_problem_is_not_refused(name: str) -> None:
    made = find(name)[0]
    assert made.supports is not None
    assert made.supports(problem()) is None
    assert made.supports(problem(causal=True)) is None
    assert made.supports(problem(mask=MASK)) is None


@pytest.mark.parametrize("sizes", ["sq=0", "sk=0"])
def test_the_flash_logsumexp_of_nothing_ends_the_process(sizes: str) -> None:
    """Run elsewhere, because it is SIGFPE. The day it is not, the refusal can go. The control has a query and a key."""

    def status(sizes: str) -> int:
        script = (
            "from attnspec.adapters.torch.sdpa import flash\n"
            "import torch\n"
            f"sizes = dict(sq=3, sk=3) | dict({sizes})\n"
            "q, k = (torch.ones(1, 1, sizes[n], 8) for n in ('sq', 'sk'))\n"
            "flash(q, k, k, return_lse=True)\n"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, env=environment).returncode

    assert status("sq=3") == 0
    assert status(sizes) != 0
    name, size = sizes.split("=")
    refuse = find("torch/sdpa-flash")[0].supports
    assert refuse is not None
    assert "divides by zero" in str(refuse(problem(**{name: int(size)}, return_lse=True)))


def test_the_flash_logsumexp_of_an_empty_row_is_zero_and_claimed(call: Any) -> None:
    made = find("torch/sdpa-flash")[0]
    mask = MASK.copy()
    mask[3] = False
    p = problem(mask=mask, return_lse=True)
    assert made.supports is not None and made.supports(p) is None
    assert np.all(call(made, p)["lse"][:, :, 3] == 0)


def test_flash_with_causal_and_a_scale_that_is_not_positive_is_nan(call: Any) -> None:
    made = find("torch/sdpa-flash")[0]
    for scale in (0.0, -0.7):
        out = call(made, problem(sq=7, causal=True, scale=scale))["out"]
        assert np.isnan(out[:, :, :6]).all()
        assert np.isfinite(out[:, :, 6]).all()
        assert np.isfinite(call(made, problem(mask=np.tri(5, 7, dtype=bool), scale=scale))["out"]).all()


def test_multihead_spreads_the_nan_of_one_head_and_refuses_it(call: Any) -> None:
    made = find("torch/multihead")[0]
    mask = np.ones((1, 2, 5, 7), bool)
    mask[0, 1, 2] = False
    p = problem(mask=mask)
    assert made.supports is not None
    assert "spreads" in str(made.supports(p))
    assert np.isnan(call(made, p)["out"][0, 0, 2]).all()
    assert made.supports(problem(mask=mask & mask[:, 1:])) is None


def test_multihead_gives_zeros_without_keys_and_refuses_it(call: Any) -> None:
    made = find("torch/multihead")[0]
    p = problem(sk=0)
    assert made.supports is not None
    assert "gives zeros" in str(made.supports(p))
    assert np.all(call(made, p)["out"] == 0)


def test_flex_has_no_logsumexp_without_queries_and_refuses_it() -> None:
    made = find("torch/flex-attention")[0]
    assert made.supports is not None
    assert "no query" in str(made.supports(problem(sq=0, return_lse=True)))
    q, k = torch.ones(1, 1, 0, 8), torch.ones(1, 1, 3, 8)
    assert made.function(q, k, k, return_lse=True)[1] is None


def test_math_weights_of_an_empty_problem_are_refused() -> None:
    refuse = find("torch/sdpa-math")[0].supports
    assert refuse is not None
    assert "alone knows the weights" in str(refuse(problem(sk=0, return_weights=True)))
    assert refuse(problem(sk=0)) is None


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("torch/sdpa-math", "aten::_scaled_dot_product_attention_math"),
        ("torch/sdpa-flash", "aten::_scaled_dot_product_flash_attention_for_cpu"),
    ],
)
@pytest.mark.parametrize("extra", [False, True])
def test_the_backend_that_runs_is_the_one_that_is_named(name: str, operator: str, extra: bool) -> None:
    made = find(name)[0]
    returned = {n: True for n in ("return_lse", "return_weights") if extra and n in made.options}
    q = torch.ones(1, 2, 5, 8)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        made.function(q, q, q, causal=True, **returned)
    ran = {event.name for event in profile.events() if event.name.startswith("aten::_scaled_dot_product")}
    assert ran == {operator}


@pytest.mark.parametrize("name", ["torch/sdpa-math", "torch/sdpa-flash"])
def test_asking_for_more_does_not_change_the_output(name: str, call: Any) -> None:
    made = find(name)[0]
    extra = {n: True for n in ("return_lse", "return_weights") if n in made.options}
    for options in ({}, {"causal": True}, {"mask": np.tri(5, 7, 2, dtype=bool)}):
        plain, more = problem(**options), problem(**options, **extra)
        np.testing.assert_array_equal(call(made, plain)["out"], call(made, more)["out"])


def test_untraced_flex_attention_gives_the_bits_of_the_traced_one() -> None:
    made = find("torch/flex-attention")[0]
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, 2, n, 8, generator=generator) for n in (5, 7, 7))
    out, lse = made.function(q, k, v, causal=True, softcap=3.0, return_lse=True)
    traced, extra = flex.flex_attention(
        q,
        k,
        v,
        score_mod=lambda score, b, h, i, j: 3.0 * torch.tanh(score / 3.0),
        block_mask=flex.create_block_mask(lambda b, h, i, j: j <= i, 1, 2, 5, 7, device="cpu"),
        return_aux=flex.AuxRequest(lse=True),
    )
    assert torch.equal(out, traced)
    assert torch.equal(lse, extra.lse)


def test_seeds_leave_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    q = torch.ones(1, 1, 4, 4)
    for name in ("torch/sdpa-math", "torch/multihead"):
        find(name)[0].function(q, q, q, dropout_p=0.5, seed=11)
    assert torch.equal(before, torch.random.get_rng_state())


def test_gradients_flow_through_all_but_flex_attention() -> None:
    for name in ("torch/sdpa-math", "torch/sdpa-flash", "torch/multihead"):
        q, k, v = (torch.randn(1, 2, 5, 8, requires_grad=True) for _ in range(3))
        find(name)[0].function(q, k, v, causal=True).sum().backward()
        assert all(x.grad is not None and torch.isfinite(x.grad).all() for x in (q, k, v)), name
    q = torch.randn(1, 2, 5, 8, requires_grad=True)
    with pytest.raises(NotImplementedError, match="backward"):
        find("torch/flex-attention")[0].function(q, q, q)
