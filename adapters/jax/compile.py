"""How the kit's calls of JAX are compiled: `compiled` is jax.jit that compiles fast where it runs slowly anyway.

A run of laws meets hundreds of shapes and calls each a few times, so on a CPU compiling is nearly all that it waits for.
XLA's lowest optimisation level and its older emitters take a seventh of the time. They change which machine code is written,
and not the program that is compiled; notes say so.
On a GPU, and where XLA_FLAGS speaks of one of these options, XLA's own choice stays. So
XLA_FLAGS=--xla_backend_optimization_level=3 has a run use what a user's program would.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial, wraps
from typing import Any, overload

import jax

from .cache import keep_compilations

__all__ = ["NOTE", "compiled", "options"]

FAST = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
"""Options of XLA's CPU compiler. Source: https://github.com/openxla/xla/blob/main/xla/xla.proto, DebugOptions."""

NOTE = "compiled by XLA at its lowest optimisation level, unless XLA_FLAGS says another"


@cache
def options() -> dict[str, Any] | None:
    """The options that XLA gets; None for its own. An option that this version does not know is left out."""
    given = os.environ.get("XLA_FLAGS", "")
    if jax.default_backend() != "cpu" or any(name in given for name in FAST):
        return None
    return {name: value for name, value in FAST.items() if _known(name, value)} or None


def _known(name: str, value: Any) -> bool:
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(0.0).compile()
    except Exception:  # Of a type that JAX does not promise.
        return False
    return True


class Compiled:
    """A function of arrays under jax.jit. Nothing is asked of JAX before the first call."""

    def __init__(self, function: Callable[..., Any], static: Mapping[str, Any]) -> None:
        self.function, self.static = function, static
        wraps(function)(self)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if any(isinstance(x, jax.core.Tracer) for x in arguments):  # Inside another transformation only it may have options.
            return jax.jit(self.function, **self.static)(*arguments, **keywords)
        return self._forward(*arguments, **keywords)

    def pull(self, dout: jax.Array, q: jax.Array, k: jax.Array, v: jax.Array, *others: Any, **static: Any) -> Any:
        """dq, dk and dv for an upstream gradient of the first result, as one program that computes that result again."""
        return self._backward(dout, q, k, v, *others, **static)

    @cached_property
    def _forward(self) -> Any:
        return jax.jit(self.function, compiler_options=options(), **self.static)

    @cached_property
    def _backward(self) -> Any:
        def pulled(dout: Any, q: Any, k: Any, v: Any, *others: Any, **static: Any) -> Any:
            def first(*qkv: Any) -> Any:
                result = self.function(*qkv, *others, **static)
                return result[0] if isinstance(result, tuple) else result

            return jax.vjp(first, q, k, v)[1](dout)

        return jax.jit(pulled, compiler_options=options(), **self.static)


@overload
def compiled(function: Callable[..., Any], **static: Any) -> Compiled: ...
@overload
def compiled(function: None = None, **static: Any) -> Callable[[Callable[..., Any]], Compiled]: ...
def compiled(function: Callable[..., Any] | None = None, **static: Any) -> Any:
    """jax.jit with these options, and a cache on disk. A decorator, with arguments of jax.jit or without.

    Positions of static arguments hold for `pull` too only where they are given by name.
    """
    if function is None:
        return partial(compiled, **static)
    keep_compilations()
    return Compiled(function, static)
