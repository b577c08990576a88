"""Declared models of a kernel's rounding.

A bound can be derived only from what a kernel is known to do: where it rounds, how wide it accumulates, how good its exp
is. An implementation declares one of the named models below, or overrides single fields of one. Declaring a weaker
arithmetic is honest and shows in the report; widening a tolerance is neither.

Notation follows N. Higham, Accuracy and Stability of Numerical Algorithms, chapter 3: u is a unit roundoff.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

__all__ = [
    "DECLARE_IF",
    "FLOAT8",
    "NAMED",
    "REFERENCE",
    "Arithmetic",
    "arithmetic_for",
    "default_arithmetic",
    "weaker_than_named",
]

ROUNDOFF = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float8_e4m3fn": 2.0**-4,
    "float8_e5m2": 2.0**-3,
}
"""Unit roundoff of round-to-nearest in each dtype. The float8 dtypes are those of P. Micikevicius et al., FP8 formats for
deep learning, arXiv:2209.05433, table 1; e4m3fn has no infinity, so what overflows is NaN."""

SMALLEST_SUBNORMAL = {
    "float64": 2.0**-1074,
    "float32": 2.0**-149,
    "float16": 2.0**-24,
    "bfloat16": 2.0**-133,
    "float8_e4m3fn": 2.0**-9,
    "float8_e5m2": 2.0**-16,
}
SMALLEST_NORMAL = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "float16": 2.0**-14,
    "bfloat16": 2.0**-126,
    "float8_e4m3fn": 2.0**-6,
    "float8_e5m2": 2.0**-14,
}
LARGEST = {
    "float64": 1.7976931348623157e308,
    "float32": 3.4028234663852886e38,
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
    "float8_e4m3fn": 448.0,
    "float8_e5m2": 57344.0,
}

FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
"""Dtypes of inputs and of weights, never of an output or a bias: a float8 kernel answers in a wider dtype of its choice."""


@dataclass(frozen=True)
class Arithmetic:
    """How one kernel rounds. All fields are facts about the kernel, none is a tolerance.

    name: the named model this one is, or derives from.
    u_acc: unit roundoff of each addition and multiplication (2^-24 for float32 round-to-nearest).
    u_operand: unit roundoff to which each operand of a product is rounded on its way into the multiplier (2^-11 for TF32).
    u_exp: largest relative error of the kernel's exp or exp2; exp(0) may differ from 1 by as much. The factor exp(0) of a
    rescaling that changes nothing is taken as exactly 1.
    exp_zero: what exp(0) differs from 1 by, at most. 0 by default: every libm and ex2.approx give exp(0) = 1, while a
    polynomial that is fitted for speed alone need not. Only exact probes rest on it. Under a weights_scale of 2^n that a
    kernel adds to the exponent it is said of exp2(n) and 2^n.
    u_log: largest error of the kernel's log, absolute below 1 and relative above.
    u_tanh: largest error of the kernel's tanh, absolute. 8 units in the last place of float32 by default, as for exp; a
    kernel with a fast exp usually has a fast tanh too: PTX documents 2^-11 for tanh.approx.f32, and a tanh made from an exp
    of relative error 2^-12 is inside that.
    u_block: of softmax attention whose queries and keys are quantised in blocks that share a scale: the largest error of an
    entry as a share of the largest magnitude in its block, 1/254 for int8 that is rounded to nearest. A block may be as large
    as a head, and the mean of the keys may be taken out before. Nothing is said of gradients then.
    u_block_values: the same of values.
    least: results smaller than this may come out as 0. The smallest normal number by default, because XLA on the CPU and
    fast modes of GPU compilers flush subnormals; a kernel that keeps them may declare 2^-149.
    largest: results larger than this may come out as infinite: the largest number of the accumulator's dtype.
    n_pre: operands (0, 1 or 2) that are multiplied by (a root of) the scale and rounded to the input dtype again.
    stored_scores: dtype in which the scores are stored before the softmax, or None where they stay in the accumulator.
    stored_weights: dtype to which the weights are rounded before they meet V; "input" for q's dtype; None for no rounding.
    weights_scale: what weights are multiplied by before they are rounded, so that fewer of them underflow; 2^8 is usual where
    they are stored in float8_e4m3fn. A power of two, taken out again at the end.
    weights_rounded: "before" or "after" normalisation, or "either" (the bound is then the larger).
    row_sum_from: "unrounded" or "rounded" weights, or "either" (the bound is then the larger).
    tile: the smallest number of keys between two rescalings.
    splits: the largest number of key splits that are merged at the end (1: none).
    backward_weights: what weights the backward pass has: "recomputed" from the logsumexp, with D taken from the stored output;
    "saved" by the forward pass, with D summed over the weights, as differentiation of a softmax does; or "either" (the bound is
    then the larger). Scores stored in a dtype have gradients stored in it too. Weights that are rounded before they meet V are
    rounded before they meet dO, and gradients of scores before they meet K and Q.
    stored_output: dtype in which a backward pass finds the output; "input" for q's dtype; None where it is not rounded.
    gradients_in: dtype in which dq, dk and dv are summed from block to block; "input" for q's dtype; None for the accumulator.
    gradient_tile: the smallest number of queries, or of keys, in such a block.
    stored_head_gradients: dtype in which dk and dv of each query head are stored before those of a group are added, as after a
    repeat_interleave; "input" for q's dtype; None where they stay in the accumulator.
    features_in: of linear attention, the dtype in which a feature map is computed; "input" for q's dtype; None for the
    accumulator.
    stored_state: of linear attention, the dtype to which the state is rounded after a step; "input" for q's dtype; None where
    it stays in the accumulator. The corrected values of the delta rule come by substitution, never by an inverse.
    """

    name: str
    u_acc: float = 2.0**-24
    u_operand: float = 0.0
    u_exp: float = 2.0**-20
    exp_zero: float = 0.0
    u_log: float = 2.0**-20
    u_tanh: float = 2.0**-20
    u_block: float = 0.0
    u_block_values: float = 0.0
    least: float = 2.0**-126
    largest: float = LARGEST["float32"]
    n_pre: int = 0
    stored_scores: str | None = None
    stored_weights: str | None = None
    weights_scale: float = 1.0
    weights_rounded: str = "either"
    row_sum_from: str = "either"
    tile: int = 16
    splits: int = 4
    backward_weights: str = "either"
    stored_output: str | None = "input"
    gradients_in: str | None = None
    gradient_tile: int = 16
    stored_head_gradients: str | None = None
    features_in: str | None = None
    stored_state: str | None = None


def _throughout(dtype: str) -> Arithmetic:
    """Every operation in one narrow dtype: scores, exponential, each addition of a sum. No accumulator is wider."""
    u = ROUNDOFF[dtype]
    return Arithmetic(
        f"{dtype}-throughout",
        u_acc=u,
        u_exp=2 * u,
        u_log=2 * u,
        u_tanh=2 * u,
        least=max(SMALLEST_SUBNORMAL[dtype], 2.0**-126),
        largest=LARGEST[dtype],
        n_pre=2,
        stored_scores="input",
        stored_weights="input",
        stored_head_gradients="input",
        features_in="input",
        stored_state="input",
    )


NAMED: dict[str, Arithmetic] = {
    "fp64": Arithmetic(
        "fp64",
        u_acc=2.0**-53,
        u_exp=2.0**-50,
        u_log=2.0**-50,
        u_tanh=2.0**-50,
        least=2.0**-1022,
        largest=LARGEST["float64"],
    ),
    "fp32": Arithmetic("fp32", n_pre=2),
    "tf32": Arithmetic("tf32", u_acc=2.0**-23, u_operand=2.0**-11, n_pre=2),
    "tensorcore": Arithmetic("tensorcore", u_acc=2.0**-23, stored_weights="input", stored_head_gradients="input"),
    "half": Arithmetic("half", stored_weights="input", stored_head_gradients="input"),
    "half-fastexp": Arithmetic(
        "half-fastexp",
        stored_weights="input",
        stored_head_gradients="input",
        u_exp=2.0**-12,
        exp_zero=2.0**-14,
        u_tanh=2.0**-11,
    ),
    "half-naive": Arithmetic(
        "half-naive", stored_scores="input", stored_weights="input", stored_head_gradients="input", n_pre=2
    ),
    "float16-throughout": _throughout("float16"),
    "bfloat16-throughout": _throughout("bfloat16"),
    "int8-block": Arithmetic("int8-block", u_block=1 / 250, stored_weights="input", stored_head_gradients="input"),
    "fp8-block": Arithmetic(
        "fp8-block",
        u_acc=2.0**-13,
        u_operand=2.0**-4,
        u_block=2.0**-18,
        u_block_values=2.0**-18,
        stored_weights="float8_e4m3fn",
        weights_scale=2.0**8,
        stored_head_gradients="input",
    ),
    "fp8": Arithmetic("fp8", u_acc=2.0**-13, stored_weights="input", stored_head_gradients="input", weights_scale=2.0**8),
}
"""The named models. `half*` are for float16 and bfloat16 inputs with float32 accumulation, `*-throughout` for kernels without
it. `int8-block` and `fp8-block` quantise inputs of a wider dtype in blocks before they multiply (J. Zhang et al.,
SageAttention, arXiv:2410.02367, section 4: int8 queries and keys with one scale a block, the mean of the keys taken out;
J. Shah et al., FlashAttention-3, arXiv:2407.08608, section 3.3: one scale a block in e4m3). 1/250 is half a step of 1/127,
with room for how the scale is rounded, and 2^-18 half a subnormal of e4m3 where the largest magnitude becomes 448. `fp8` is
for float8 inputs on matrix units that keep 14 bits of a sum (DeepSeek-AI, DeepSeek-V3 technical report, arXiv:2412.19437,
section 3.3.2)."""

DECLARE_IF = {
    "fp64": "the kernel computes in float64",
    "fp32": "the kernel computes in float32 and rounds its output alone",
    "tf32": "the kernel multiplies in TF32",
    "tensorcore": "the kernel sums on matrix units, which cut sums instead of rounding them",
    "half": "the kernel sums in float32 and rounds its weights to {dtype} before they meet V",
    "half-fastexp": "the kernel's exp is a fast one, good to 2^-12",
    "half-naive": "the kernel stores its scores in {dtype}",
    "float16-throughout": "the kernel computes scores, exponential and sums in float16",
    "bfloat16-throughout": "the kernel computes scores, exponential and sums in bfloat16",
    "int8-block": "the kernel quantises queries and keys to int8 in blocks",
    "fp8-block": "the kernel quantises queries, keys and values to float8_e4m3fn in blocks",
    "fp8": "the kernel sums on matrix units that keep 14 bits of a sum of float8 products",
}
"""When an author should declare each model: what must be true of the kernel."""

REFERENCE = replace(
    NAMED["fp64"],
    name="reference",
    row_sum_from="unrounded",
    weights_rounded="after",
    tile=1 << 30,
    splits=1,
    backward_weights="recomputed",
    stored_output=None,
)
"""How the float64 reference itself rounds: whole rows, nothing stored in less."""


IN_A_DTYPE = (
    "stored_scores",
    "stored_weights",
    "stored_output",
    "gradients_in",
    "stored_head_gradients",
    "features_in",
    "stored_state",
)
"""Fields that name a dtype, or "input" for that of q."""


WEAKER_LARGER = (
    "u_acc",
    "u_operand",
    "u_exp",
    "exp_zero",
    "u_log",
    "u_tanh",
    "u_block",
    "u_block_values",
    "least",
    "splits",
)
WEAKER_SMALLER = ("largest", "tile", "gradient_tile")
"""Fields of which a larger number promises less, and those of which a smaller one does."""


def weaker_than_named(model: Arithmetic) -> tuple[str, ...]:
    """Fields in which a model promises less than every named one does."""
    larger = [name for name in WEAKER_LARGER if getattr(model, name) > max(getattr(each, name) for each in NAMED.values())]
    smaller = [name for name in WEAKER_SMALLER if getattr(model, name) < min(getattr(each, name) for each in NAMED.values())]
    return (*larger, *smaller)


def default_arithmetic(dtype: str) -> str:
    """Name of the model that holds for a dtype when an implementation declares none."""
    return {"float64": "fp64", "float32": "fp32", **dict.fromkeys(FLOAT8, "fp8")}.get(dtype, "half")


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
    of_input: dict[str, Any] = {name: dtype for name in IN_A_DTYPE if getattr(model, name) == "input"}
    model = replace(model, **of_input)
    _check_weights_scale(model)
    return model


def _check_weights_scale(model: Arithmetic) -> None:
    scale, stored = model.weights_scale, model.stored_weights
    if not (scale > 0 and math.isfinite(scale) and math.frexp(scale)[0] == 0.5):
        raise ValueError(f"weights_scale is {scale!r}; it must be a power of two")
    if stored in LARGEST and scale * (1 + model.u_exp) > LARGEST[stored]:
        raise ValueError(
            f"weights_scale is {scale:g}, but {stored} ends at {LARGEST[stored]:g}, so a weight of 1 would overflow"
        )
