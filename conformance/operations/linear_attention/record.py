"""Linear attention: products of features instead of a softmax, so that keys fit in a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....reference.linear_attention.bounds import judge_linear
from ....reference.linear_attention.features import TAYLOR, width
from ....reference.linear_attention.recurrent import linear_attention
from ..operation import Given, Trial
from ..over_heads.record import of_heads
from .drawn import LINEAR_VALUES, fitted
from .options import OPTIONS

if TYPE_CHECKING:
    from ....reference.arithmetic import Arithmetic
    from ...problems.problem import Problem

__all__ = ["LINEAR_ATTENTION"]


def exact(p: Problem, options: Given) -> Any:
    return linear_attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Given) -> Any:
    return judge_linear(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, room=p.state_room, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Given) -> tuple[Any, ...]:
    own = judged()
    return own.out_bound, own.state_bound, own.normalizer_bound


def widths(p: Problem) -> dict[str, int]:
    """Sequences, and features of the feature map."""
    cuts = p.options.get("cu_seqlens")
    return {"n": p.b if cuts is None else len(cuts) - 1, "f": width(p.options.get("feature_map", "identity"), p.d)}


LINEAR_ATTENTION = of_heads(
    name="linear_attention",
    options=OPTIONS,
    exact=exact,
    judge=judged,
    own_errors=own_errors,
    trial=Trial("Q = 1 and K = 1/D", 1.0, lambda d: 1 / d, sum=True),
    fit=fitted,
    values=LINEAR_VALUES,
    narrow=lambda s: s.described.get("feature_map") in TAYLOR,
    sums=True,
    widths=widths,
    needed={"causal": True, "kv_lengths": False, "normalize": False},
    hides=("causal", "kv_lengths"),
    softmax_scale=lambda p: 1.0,
)
