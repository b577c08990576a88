"""Correct kernels of many kinds, simulated rounding by rounding: what no law and no bound may ever fail.

Each computes in float32 and rounds where its declared arithmetic says: naive, tiled forwards and backwards, in base two,
with operands scaled beforehand, with scores stored low, with row sums of rounded weights, with splits merged at the end. What
they may see is taken from the reference: they are about rounding alone. They are the counterpart of the faults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..arithmetic import FLOAT8, Arithmetic, arithmetic_for
from ..faults.signatures import signature_of
from ..rounding import DTYPES, round_to
from .kernels_in_blocks import quantised
from .textbook import attention

__all__ = [
    "FLOAT8_KERNELS",
    "KERNELS",
    "NARROW_KERNELS",
    "Kernel",
    "arithmetic_of",
    "as_callable",
    "declared_of",
    "low",
    "product",
    "returned_in",
    "run",
    "scores_in",
]

NEVER = 1 << 30
F = np.float32
LOG2E = F(1.4426950408889634)
BLOCK = 16
"""Products that a matrix unit adds before it cuts the sum."""


@dataclass(frozen=True)
class Kernel:
    """How a simulated kernel computes. declared: the fields of its arithmetic beyond the usual model of its dtype.

    operands: "tf32" where the operands of each product are rounded to 11 significant bits (float32 inputs only).
    truncated: products are summed 16 at a time and each sum is cut to float32 towards zero, as matrix units do.
    kept: significant bits to which such sums are cut; those of float8 operands keep 14 on NVIDIA's Hopper.
    weights_scale: added to the exponent of the weights where that is to base two, else multiplied with them.
    values_first: a descale of the values is multiplied with them, and else with the output.
    unrounded: weights meet V in float32. returned: dtype of the output where the inputs are float8.
    throughout: every operation is rounded to the input dtype, each addition of a sum in turn.
    blocks: "int8" or "fp8" where queries and keys, in fp8 values and weights too, are quantised beforehand.
    """

    tile: int = NEVER
    splits: int = 1
    divide_first: bool = False
    rounded_sum: bool = False
    base_two: bool = False
    prescaled: int = 0
    stored: bool = False
    backwards: bool = False
    operands: str = ""
    truncated: bool = False
    kept: int = 24
    weights_scale: float = 1.0
    values_first: bool = False
    unrounded: bool = False
    returned: str = "bfloat16"
    throughout: bool = False
    blocks: str = ""
    declared: dict[str, Any] = field(default_factory=dict)


WHOLE = {"tile": NEVER, "splits": 1, "row_sum_from": "unrounded"}
KERNELS = {
    "naive": Kernel(divide_first=True, declared={**WHOLE, "weights_rounded": "after"}),
    "naive, undeclared": Kernel(divide_first=True),
    "scores stored low": Kernel(divide_first=True, prescaled=2, stored=True, declared={**WHOLE, "weights_rounded": "after"}),
    "scores stored low, scaled late": Kernel(divide_first=True, stored=True, declared=WHOLE),
    "flash 16": Kernel(16, declared={**WHOLE, "tile": 16, "weights_rounded": "before"}),
    "flash 64 backwards": Kernel(64, backwards=True, declared={**WHOLE, "tile": 64, "weights_rounded": "before"}),
    "flash 16, undeclared": Kernel(16),
    "flash base two": Kernel(16, base_two=True, declared={**WHOLE, "tile": 16, "weights_rounded": "before"}),
    "flash, rounded row sum": Kernel(16, rounded_sum=True, declared={"splits": 1, "row_sum_from": "rounded"}),
    "flash, prescaled": Kernel(32, prescaled=1, base_two=True, declared={**WHOLE, "tile": 32, "n_pre": 1}),
    "split 4": Kernel(16, splits=4, declared={"row_sum_from": "unrounded", "weights_rounded": "before"}),
    "split 4, base two, undeclared": Kernel(16, splits=4, base_two=True),
    "matrix unit": Kernel(16, base_two=True, truncated=True, declared={"u_acc": 2.0**-23}),
    "tf32": Kernel(16, operands="tf32", truncated=True, declared={"u_acc": 2.0**-23, "u_operand": 2.0**-11}),
}

IN_FLOAT32 = {"u_acc": 2.0**-24, "row_sum_from": "unrounded", "splits": 1}
SCALED = 2.0**8
FLOAT8_KERNELS = {
    "float8 flash": Kernel(
        16, base_two=True, weights_scale=SCALED, declared={**IN_FLOAT32, "tile": 16, "weights_rounded": "before"}
    ),
    "float8 flash, undeclared": Kernel(16, splits=4, weights_scale=SCALED, values_first=True, returned="float16"),
    "float8 flash, rounded row sum": Kernel(32, rounded_sum=True, weights_scale=SCALED, declared={"row_sum_from": "rounded"}),
    "float8 matrix unit": Kernel(64, base_two=True, truncated=True, kept=14, weights_scale=SCALED, declared={"splits": 1}),
    "float8 naive": Kernel(divide_first=True, weights_scale=SCALED, declared={**IN_FLOAT32, "weights_rounded": "after"}),
    "float8, weights unscaled": Kernel(16, returned="float32", declared={**IN_FLOAT32, "weights_scale": 1.0}),
    "float8 in float32": Kernel(
        divide_first=True, unrounded=True, values_first=True, returned="float32", declared={**WHOLE, "name": "fp32"}
    ),
}
"""Kernels for float8 inputs."""

NARROW_KERNELS = {
    "throughout": Kernel(divide_first=True, throughout=True),
    "flash 16 throughout": Kernel(16, throughout=True),
    "flash base two throughout": Kernel(16, base_two=True, throughout=True),
    "int8 blocks": Kernel(64, blocks="int8"),
    "int8 blocks, naive": Kernel(divide_first=True, blocks="int8"),
    "fp8 blocks": Kernel(64, blocks="fp8", weights_scale=SCALED, truncated=True, kept=14),
}
"""Kernels for float16 and bfloat16 inputs that have nothing wider than those, or narrower operands than those."""


def arithmetic_of(kernel: Kernel, dtype: str) -> Arithmetic:
    """What the kernel declares in a dtype."""
    return arithmetic_for(declared_of(kernel, dtype), dtype)


def declared_of(kernel: Kernel, dtype: str) -> dict[str, Any]:
    """What the kernel declares in a dtype, as `arithmetic_for` takes it."""
    if kernel.throughout or kernel.blocks:
        return {"name": f"{dtype}-throughout" if kernel.throughout else f"{kernel.blocks}-block"}
    name = "fp8" if dtype in FLOAT8 else "fp32" if dtype == "float32" else "half-naive" if kernel.stored else "half"
    fields = {"n_pre": kernel.prescaled} if kernel.declared else {}
    return {"name": name, **fields, **kernel.declared}


def low(x: Any, dtype: str) -> Any:
    """x rounded to a dtype, kept in float32."""
    return round_to(x, dtype).astype(F)


def returned_in(kernel: Kernel, dtype: str) -> str:
    """The dtype of the kernel's output for inputs of a dtype."""
    return kernel.returned if dtype in FLOAT8 else dtype


def product(kernel: Kernel, a: Any, b: Any, onto: Any = 0, dtype: str = "float32") -> Any:
    """onto + a @ b in float32, or throughout in the dtype of the inputs, as the kernel's multiplier does it."""
    if kernel.throughout:
        total = np.broadcast_to(onto, (*a.shape[:-1], b.shape[-1])).astype(F)
        for n in range(a.shape[-1]):
            total = low(total + low(a[..., n : n + 1] * b[..., n : n + 1, :], dtype), dtype)
        return total
    if kernel.operands == "tf32":
        a, b = _to_tf32(a), _to_tf32(b)
    if not kernel.truncated:
        return a @ b + onto
    total = np.broadcast_to(onto, (*a.shape[:-1], b.shape[-1])).astype(F)
    for start in range(0, a.shape[-1], BLOCK):
        at = slice(start, start + BLOCK)
        exact = total.astype(np.float64) + a[..., at].astype(np.float64) @ b[..., at, :].astype(np.float64)
        total = _cut(exact, kernel.kept)
    return total


def _cut(x: Any, bits: int) -> Any:
    """float64 cut towards zero to so many significant bits, as float32."""
    fraction, exponent = np.frexp(x)
    shorter = np.where(np.isfinite(x), np.ldexp(np.trunc(np.ldexp(fraction, bits)), exponent - bits), x)
    nearest = shorter.astype(F)
    return np.where(np.abs(nearest) > np.abs(shorter), np.nextafter(nearest, F(0)), nearest)


def _to_tf32(x: Any) -> Any:
    """Nearest number of 11 significant bits, ties away from zero: the last 13 bits of a float32 are rounded away."""
    bits = np.ascontiguousarray(x, dtype=F).view(np.uint32)
    return np.where(np.isfinite(x), ((bits + np.uint32(1 << 12)) & np.uint32(0xFFFFE000)).view(F), x)


def run(kernel: Kernel, q: Any, k: Any, v: Any, dtype: str, seen: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """(out, lse) as the kernel gives them, in dtype and in float32, both returned in float64."""
    group = q.shape[1] // k.shape[1]
    q, k, v = (x.astype(F) for x in (q, np.repeat(k, group, 1), np.repeat(v, group, 1)))
    after = _factor(options, "v_descale", group)
    if kernel.values_first:
        v, after = v * after, F(1)
    shift = F(0)
    if kernel.blocks:
        q, k, v, shift = quantised(q, k, v, kernel.blocks, dtype)
    scores = np.where(seen, scores_in(kernel, q, k, dtype, options, shift), F(-np.inf))
    sinks = options.get("sinks")
    sink = np.full((1, q.shape[1], 1, 1), -np.inf, F) if sinks is None else sinks.astype(F)[None, :, None, None]
    keep = options.get("dropout_keep")
    share = np.ones_like(scores) if keep is None else np.where(keep, F(1) / F(1 - options["dropout_p"]), F(0))
    count = scores.shape[-1]
    edges = np.linspace(0, count, kernel.splits + 1).astype(int)
    parts = []
    for n in range(kernel.splits):
        at = slice(edges[n], edges[n + 1])
        mine = sink if n == 0 else np.full_like(sink, -np.inf)
        parts.append(_part(kernel, scores[..., at], v[:, :, at], share[..., at], mine, dtype))
    out, lse = parts[0] if kernel.splits == 1 else _merged(parts)
    return round_to(out * after, returned_in(kernel, dtype)), lse[..., 0].astype(np.float64)


def _factor(options: dict[str, Any], name: str, group: int) -> Any:
    """A descale for each query head, float32 (B, Hq, 1, 1), or 1."""
    given = options.get(name)
    return F(1) if given is None else np.repeat(given.astype(F), group, axis=1)[..., None, None]


def scores_in(kernel: Kernel, q: Any, k: Any, dtype: str, options: dict[str, Any], shift: Any = 0) -> Any:
    """The scores. shift: what is added to q·k, where the keys are given without their mean."""

    def store(x: Any) -> Any:
        return low(x, dtype) if kernel.stored or kernel.throughout else x.astype(F)

    scale = F(1 / np.sqrt(q.shape[-1]) if options.get("scale") is None else options["scale"])
    for name in ("q_descale", "k_descale"):
        if options.get(name) is not None:
            scale = scale * _factor(options, name, q.shape[1] // options[name].shape[1])
    if kernel.prescaled == 1:
        scores = product(kernel, low(q * scale, dtype), k.swapaxes(-1, -2))
    elif kernel.prescaled == 2:
        root = np.sqrt(np.abs(scale))
        scores = store(product(kernel, low(q * (np.sign(scale) * root), dtype), low(k * root, dtype).swapaxes(-1, -2)))
    else:
        scale = low(scale, dtype) if kernel.throughout else scale
        scores = store(store(product(kernel, q, k.swapaxes(-1, -2), dtype=dtype)) * scale) + shift * scale
    cap = options.get("softcap")
    if cap is not None:
        scores = store(store(np.tanh(store(scores / F(cap)))) * F(cap))
    if options.get("bias") is not None:
        scores = store(scores + options["bias"].astype(F))
    if options.get("alibi_slopes") is not None:
        i, j = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
        scores = store(scores - store(options["alibi_slopes"].astype(F)[:, None, None] * np.abs(i - j).astype(F)))
    return scores


def _part(kernel: Kernel, scores: Any, v: Any, share: Any, sink: Any, dtype: str) -> tuple[Any, Any]:
    """(out, lse) of some keys, tile by tile with a running maximum; (B, H, R, Dv) and (B, H, R, 1), float32."""
    low_weights = dtype != "float32" and not kernel.unrounded
    held = "float8_e4m3fn" if kernel.blocks == "fp8" else dtype
    keep = partial(low, dtype=dtype) if kernel.throughout else np.asarray
    factor = keep(LOG2E) if kernel.base_two else F(1)
    power = np.exp2 if kernel.base_two else np.exp
    scaled, raised = F(kernel.weights_scale), F(np.log2(kernel.weights_scale) if kernel.base_two else 0)
    times = F(1) if kernel.base_two else scaled
    top = np.broadcast_to(sink, (*scores.shape[:-1], 1)).astype(F)
    total = np.where(np.isneginf(top), F(0), scaled)
    gathered = np.zeros((*scores.shape[:-1], v.shape[-1]), F)
    starts = range(0, scores.shape[-1], kernel.tile)
    for start in reversed(starts) if kernel.backwards else starts:
        at = slice(start, start + kernel.tile)
        new = np.maximum(top, scores[..., at].max(-1, keepdims=True, initial=-np.inf))
        base = np.where(np.isneginf(new), F(0), new)
        weights = keep(power(keep(keep(scores[..., at] * factor) - (keep(base * factor) - raised))) * times)
        rescale = keep(power(keep(keep(top * factor) - keep(base * factor))))
        met = low(weights, held) if low_weights and not kernel.divide_first else weights
        total = _row_sum(kernel, met if kernel.rounded_sum else weights, keep(total * rescale), dtype)
        gathered = product(kernel, keep(met * share[..., at]), v[:, :, at], keep(gathered * rescale), dtype)
        top = new
    base = np.where(np.isneginf(top), F(0), top)
    safe = np.where(total == 0, F(1), total)
    lse = np.where(total == 0, F(-np.inf), keep(base + keep(keep(np.log(safe)) - keep(np.log(scaled)))))
    if kernel.divide_first:
        odds = keep(power(keep(keep(scores * factor) - (keep(base * factor) - raised))) * times)
        weights = keep(odds / safe) * share
        return product(kernel, low(weights * scaled, held) if low_weights else weights * scaled, v, dtype=dtype) / scaled, lse
    return keep(gathered / safe), lse


def _row_sum(kernel: Kernel, weights: Any, onto: Any, dtype: str) -> Any:
    """onto and the weights of each row, added one after the other where that is done in the input dtype."""
    if kernel.throughout:
        return product(kernel, weights, np.ones((*weights.shape[:2], weights.shape[-1], 1), F), onto, dtype)
    return onto + weights.sum(-1, keepdims=True, dtype=F)


def _merged(parts: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    lses = np.stack([lse for _, lse in parts])
    top = lses.max(0)
    base = np.where(np.isneginf(top), F(0), top)
    odds = np.exp(lses - base)
    total = odds.sum(0, dtype=F)
    safe = np.where(total == 0, F(1), total)
    out = sum(odd * out for odd, (out, _) in zip(odds, parts, strict=True)) / safe
    return out, np.where(total == 0, F(-np.inf), base + np.log(safe))


SCORING = ("scale", "bias", "alibi_slopes", "softcap", "sinks", "q_descale", "k_descale", "v_descale")
"""Options that change scores or values, and not what is seen."""

OPTIONS = (*SCORING, "causal", "window", "mask", "q_segments", "kv_segments", "kv_lengths", "return_lse")
"""Those of the kernels: all but dropout and the weights."""


def as_callable(kernel: Kernel) -> Callable[..., Any]:
    """A kernel as a plain function on NumPy arrays: attention top-left, zeros in empty rows, with every option but dropout.

    It returns out in the dtype of q (for float8 in that which the kernel returns), and (out, lse) with return_lse, lse in
    float32. Raises ValueError for arrays that do not fit together, as the reference does, and for mixed dtypes.
    """

    def attend(q: Any, k: Any, v: Any, *, return_lse: bool = False, **options: Any) -> Any:
        if not q.dtype == k.dtype == v.dtype:
            raise ValueError(f"q, k and v have the dtypes {q.dtype}, {k.dtype} and {v.dtype}; they must have one")
        given = {name: value for name, value in options.items() if value is not None}
        seen, scoring = attention(q, k, v, **given).visible, {name: given[name] for name in SCORING if name in given}
        keys, values = (np.where(np.isfinite(x.astype(F)), x.astype(F), F(0)).astype(x.dtype) for x in (k, v))
        with np.errstate(all="ignore"):
            out, lse = run(kernel, q, keys, values, q.dtype.name, seen, scoring)
        out = out.astype(DTYPES[returned_in(kernel, q.dtype.name)])
        return (out, lse.astype(F)) if return_lse else out

    attend.__signature__ = signature_of("attention", OPTIONS)  # type: ignore[attr-defined]
    return attend
