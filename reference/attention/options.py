"""What a call of attention may have beside q, k and v: the options of the spec, a dropout mask, and the conventions.

Every definition, bound and kernel of attention takes these by name, and reads them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Options"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Options:
    """As spec/attention/operation.yaml means them; None where one is not given.

    window: (left, right), None on a side for no limit there. mask: bool, bias: real, broadcastable to (B, Hq, Sq, Sk).
    alibi_slopes, sinks: (Hq,). q_segments: (B, Sq), kv_segments: (B, Sk), kv_lengths: (B,), whole numbers.
    q_descale, k_descale, v_descale: (B, Hkv), multiply q, k and v, q with one factor for all heads of a group.
    dropout_keep: bool, broadcastable to (B, Hq, Sq, Sk), True where a weight stays; drawn by `dropout.keep_mask` from seed
    where it is not given and dropout_p > 0. causal_alignment, empty_rows: choices of spec/attention/conventions.yaml.
    """

    scale: float | None = None
    causal: bool = False
    window: tuple[int | None, int | None] | None = None
    mask: Any = None
    bias: Any = None
    alibi_slopes: Any = None
    softcap: float | None = None
    sinks: Any = None
    q_segments: Any = None
    kv_segments: Any = None
    kv_lengths: Any = None
    q_descale: Any = None
    k_descale: Any = None
    v_descale: Any = None
    dropout_p: float = 0.0
    seed: int = 0
    dropout_keep: Any = None
    causal_alignment: str = "top-left"
    empty_rows: str = "zeros"
