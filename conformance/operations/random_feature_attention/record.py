"""Random feature attention: positive random features, whose products estimate the weights of a softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....reference.random_feature_attention.bounds import judge_random
from ....reference.random_feature_attention.definition import random_feature_attention
from ....reference.random_feature_attention.drawn import drawn_error
from ..operation import Given, Trial
from ..over_heads.record import of_heads
from .options import OPTIONS
from .projections import RANDOM_VALUES, fitted_random

if TYPE_CHECKING:
    from ....reference.arithmetic import Arithmetic
    from ...problems.problem import Problem

__all__ = ["RANDOM_FEATURE_ATTENTION"]


def exact(p: Problem, options: Given) -> Any:
    return random_feature_attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Given) -> Any:
    return judge_random(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Given) -> tuple[Any, ...]:
    return (judged().out_bound,)


def drawn_error_of(p: Problem, arithmetic: Arithmetic, key: int | None) -> Any:
    m, scale = int(p.options.get("num_features", p.d)), float(p.options.get("scale", p.d**-0.5))
    how: dict[str, Any] = {"m": m, "orthogonal": bool(p.options.get("orthogonal")), "scale": scale}
    k = p.k if key is None else p.k[:, :, key : key + 1]
    return drawn_error(p.q, k, arithmetic=arithmetic, dtype=p.dtype, **how)


RANDOM_FEATURE_ATTENTION = of_heads(
    name="random_feature_attention",
    options=OPTIONS,
    exact=exact,
    judge=judged,
    own_errors=own_errors,
    trial=Trial("Q = 1 and K = 1/D", 1.0, lambda d: 1 / d),
    fit=fitted_random,
    values=RANDOM_VALUES,
    needed={"causal": True, "projection": False},
    hides=("causal",),
    drawing=frozenset(("num_features", "orthogonal")),
    undrawn="projection",
    drawn_error=drawn_error_of,
    draws=lambda p: "projection" not in p.options,
    softmax_scale=lambda p: float(p.options.get("scale", p.d**-0.5)),
)
