"""Declared models of a kernel's rounding.

A bound can be derived only from what a kernel is known to do: where it rounds, how wide it accumulates, how good its exp
is. An implementation declares one of the named models below, or overrides single fields of one. Declaring a weaker
arithmetic is honest and shows in the report; widening a tolerance is neither.

Notation follows N. Higham, Accuracy and Stability of Numerical Algorithms, chapter 3: u is a unit roundoff.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

__all__ = ["NAMED", "REFERENCE", "Arithmetic", "arithmetic_for", "default_arithmetic"]

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Unit roundoff of round-to-nearest in each dtype."""

SMALLEST_SUBNORMAL = {"float64": 2.0**-1074, "float32": 2.0**-149, "float16": 2.0**-24, "bfloat16": 2.0**-133}
SMALLEST_NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}
LARGEST = {
    "float64": 1.7976931348623157e308,
    "float32": 3.4028234663852886e38,
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
}


@dataclass(frozen=True)
class Arithmetic:
    """How one kernel rounds. All fields are facts about the kernel, none is a tolerance.

    name: the named model this one is, or derives from.
    u_acc: unit roundoff of each addition and multiplication (2^-24 for float32 round-to-nearest).
    u_operand: unit roundoff to which each operand of a product is rounded on its way into the multiplier (2^-11 for TF32).
    u_exp: largest relative error of the kernel's exp or exp2; exp(0) may differ from 1 by as much. The factor exp(0) of a
    rescaling that changes nothing is taken as exactly 1.
    exp_zero: what exp(0) differs from 1 by, at most. 0 by default: every libm and ex2.approx give exp(0) = 1, while a
    polynomial that is fitted for speed alone need not. Only exact probes rest on it.
    u_log: largest error of the kernel's log, absolute below 1 and relative above.
    u_tanh: largest error of the kernel's tanh, absolute. 8 units in the last place of float32 by default, as for exp; a
    kernel with a fast exp usually has a fast tanh too: PTX documents 2^-11 for tanh.approx.f32, and a tanh made from an exp
    of relative error 2^-12 is inside that.
    least: results smaller than this may come out as 0. The smallest normal number by default, because XLA on the CPU and
    fast modes of GPU compilers flush subnormals; a kernel that keeps them may declare 2^-149.
    n_pre: operands (0, 1 or 2) that are multiplied by (a root of) the scale and rounded to the input dtype again.
    stored_scores: dtype in which the scores are stored before the softmax, or None where they stay in the accumulator.
    stored_weights: dtype to which the weights are rounded before they meet V; "input" for q's dtype; None for no rounding.
    weights_rounded: "before" or "after" normalisation, or "either" (the bound is then the larger).
    row_sum_from: "unrounded" or "rounded" weights, or "either" (the bound is then the larger).
    tile: the smallest number of keys between two rescalings.
    splits: the largest number of key splits that are merged at the end (1: none).
    """

    name: str
    u_acc: float = 2.0**-24
    u_operand: float = 0.0
    u_exp: float = 2.0**-20
    exp_zero: float = 0.0
    u_log: float = 2.0**-20
    u_tanh: float = 2.0**-20
    least: float = 2.0**-126
    n_pre: int = 0
    stored_scores: str | None = None
    stored_weights: str | None = None
    weights_rounded: str = "either"
    row_sum_from: str = "either"
    tile: int = 16
    splits: int = 4


NAMED: dict[str, Arithmetic] = {
    "fp64": Arithmetic("fp64", u_acc=2.0**-53, u_exp=2.0**-50, u_log=2.0**-50, u_tanh=2.0**-50, least=2.0**-1022),
    "fp32": Arithmetic("fp32", n_pre=2),
    "tf32": Arithmetic("tf32", u_acc=2.0**-23, u_operand=2.0**-11, n_pre=2),
    "tensorcore": Arithmetic("tensorcore", u_acc=2.0**-23, stored_weights="input"),
    "half": Arithmetic("half", stored_weights="input"),
    "half-fastexp": Arithmetic("half-fastexp", stored_weights="input", u_exp=2.0**-12, exp_zero=2.0**-14, u_tanh=2.0**-11),
    "half-naive": Arithmetic("half-naive", stored_scores="input", stored_weights="input", n_pre=2),
}
"""The named models. `half*` are for float16 and bfloat16 inputs with float32 accumulation."""

REFERENCE = replace(NAMED["fp64"], name="reference", row_sum_from="unrounded", weights_rounded="after", tile=1 << 30, splits=1)
"""How the float64 reference itself rounds: whole rows, nothing stored in less."""


def default_arithmetic(dtype: str) -> str:
    """Name of the model that holds for a dtype when an implementation declares none."""
    return {"float64": "fp64", "float32": "fp32"}.get(dtype, "half")


def arithmetic_for(declared: str | dict[str, Any] | None, dtype: str) -> Arithmetic:
    """The arithmetic of an implementation in one dtype.

    declared: a name; a mapping of fields with "name" for the model it starts from; a mapping dtype → either; or None.
    Raises ValueError for an unknown name or field, naming it and the known ones.
    """
    if isinstance(declared, dict) and set(declared) <= set(ROUNDOFF):
        declared = declared.get(dtype)
    if declared is None:
        declared = default_arithmetic(dtype)
    overrides: dict[str, Any] = {}
    if isinstance(declared, dict):
        overrides = dict(declared)
        declared = overrides.pop("name", default_arithmetic(dtype))
    if declared not in NAMED:
        raise ValueError(f"unknown arithmetic {declared!r}; the named models are {', '.join(NAMED)}")
    known = {f.name for f in fields(Arithmetic)}
    for field in overrides:
        if field not in known:
            raise ValueError(f"unknown field {field!r} of an arithmetic; the fields are {', '.join(sorted(known))}")
    model = replace(NAMED[declared], **overrides)
    if model.stored_scores == "input":
        model = replace(model, stored_scores=dtype)
    if model.stored_weights == "input":
        model = replace(model, stored_weights=dtype)
    return model
