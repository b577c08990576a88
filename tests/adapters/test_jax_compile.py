"""Compiling fast changes how long a program takes to make, not what it computes, and leaves the choice to whoever made one."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attnspec.adapters.jax import compile as jax_compile
from attnspec.adapters.jax.compile import compiled

pytestmark = pytest.mark.long


def test_every_option_is_known_to_the_pinned_version() -> None:
    assert jax_compile.options() == jax_compile.FAST


def test_an_option_that_xla_does_not_know_is_left_out() -> None:
    assert not jax_compile._known("xla_no_such_option", 0)


@pytest.mark.parametrize(
    ("flags", "due"),
    [("--xla_backend_optimization_level=3", "None"), ("--xla_cpu_enable_fast_math=false", str(jax_compile.FAST))],
)
def test_flags_that_speak_of_an_option_leave_xla_its_choice(flags: str, due: str) -> None:
    script = "from attnspec.adapters.jax.compile import options; print(options())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "XLA_FLAGS": flags}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, env=environment)
    assert done.stdout.strip() == due


@compiled(static_argnames=("twice",))
def summed(q: jax.Array, k: jax.Array, v: jax.Array, factor: jax.Array, *, twice: bool = False) -> tuple[jax.Array, jax.Array]:
    out = factor * q * k + v * v
    return (2 * out if twice else out), q


Q, K, V = (jnp.arange(3.0) + n for n in (1, 2, 3))


def test_the_result_is_that_of_the_function() -> None:
    out, _ = summed(Q, K, V, 3.0, twice=True)
    assert np.array_equal(out, 2 * (3 * Q * K + V * V))


def test_pull_gives_the_gradients_of_the_first_result() -> None:
    dq, dk, dv = summed.pull(jnp.ones(3), Q, K, V, 3.0, twice=True)
    assert np.array_equal(dq, 6 * K) and np.array_equal(dk, 6 * Q) and np.array_equal(dv, 4 * V)


def test_it_can_stand_inside_another_transformation() -> None:
    assert np.array_equal(jax.grad(lambda q: summed(q, K, V, 3.0)[0].sum())(Q), 3 * K)
    assert np.array_equal(jax.jit(lambda q: summed(q, K, V, 3.0)[0])(Q), 3 * Q * K + V * V)
