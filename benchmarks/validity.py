"""How close correct kernels come to the bounds, and that none passes them.

    python benchmarks/validity.py [--quick] [--markdown FILE]

Each run is one correct kernel (simulated rounding by rounding, or PyTorch's own) on one problem: a shape up to 2048 keys, a
scale of the scores from 0.1 to 50, a family of data, causal or not. A run is a violation where the output or the logsumexp
leaves its bound. Printed: runs, violations, and the largest and the median ratio of error to bound, for each kernel and dtype.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.bounds import judge
from attnspec.reference.kernels import KERNELS, arithmetic_of, run
from attnspec.reference.rounding import DTYPES, preimage, unit_in_last_place

ROWS = 24
SHAPES = ((16, 16), (65, 64), (257, 40), (1024, 64), (2048, 128))
"""(Sk, D); queries are ROWS at the end of the sequence, so that causal rows see many keys."""
SIGMAS = (0.1, 0.2, 1.0, 4.0, 50.0)
FAMILIES = ("normal", "positive", "rising", "falling", "ties", "integers", "one dominates", "heavy tails")
TORCH = ("torch/sdpa-math", "torch/sdpa-flash")
Inputs = tuple[Any, Any, Any]


def problems(dtype: str, shapes: Any, sigmas: Any) -> Iterator[tuple[Inputs, dict[str, Any], bool]]:
    """Inputs, options, and whether the signs of V are independent coin flips."""
    for number, (sk, d) in enumerate(shapes):
        for family in FAMILIES:
            for sigma in sigmas if family in ("normal", "heavy tails") else sigmas[2:3]:
                for causal in (False, True):
                    seed = zlib_seed(number, family, sigma, causal)
                    yield made(family, sk, d, sigma, dtype, seed), {"causal": True} if causal else {}, family != "positive"


def zlib_seed(*parts: object) -> int:
    import zlib

    return zlib.crc32(repr(parts).encode())


def made(family: str, sk: int, d: int, sigma: float, dtype: str, seed: int) -> Inputs:
    """q (1, 2, R, D), k (1, 1, Sk, D), v (1, 1, Sk, D), exact in dtype; scores have about the deviation sigma."""
    r = np.random.default_rng(seed)
    q, k, v = (r.standard_normal(shape) for shape in ((1, 2, ROWS, d), (1, 1, sk, d), (1, 1, sk, d)))
    levels = np.arange(sk)[:, None] / max(sk, 1) * 8 / np.sqrt(d)
    if family == "positive":
        v = 1 + np.abs(v)
    elif family in ("rising", "falling"):
        q, k = np.ones_like(q), 0.1 * k + (levels if family == "rising" else -levels)
    elif family == "ties":
        k = k[:, :, r.integers(0, 4, sk)]
    elif family == "integers":
        q, k, v = (np.round(2 * x) for x in (q, k, v))
    elif family == "one dominates":
        k[:, :, sk // 2] += 24 / np.sqrt(d) * np.sign(q[:, :1, 0])
    elif family == "heavy tails":
        v = v / np.maximum(np.abs(r.standard_normal(v.shape)), 1e-2)
    clip = 6e4 if dtype == "float16" else 1e30
    return tuple(np.clip(x, -clip, clip).astype(DTYPES[dtype]) for x in (sigma * q, k, v))  # type: ignore[return-value]


def simulated(name: str, inputs: Inputs, dtype: str, options: dict[str, Any]) -> tuple[Any, Any]:
    q, k, _ = inputs
    seen = np.broadcast_to(True, (1, q.shape[1], q.shape[2], k.shape[2]))
    if options:
        seen = np.broadcast_to(np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + k.shape[2] - q.shape[2], seen.shape)
    with np.errstate(all="ignore"):
        return run(KERNELS[name], *inputs, dtype, seen, {})


def of_torch(name: str, inputs: Inputs, options: dict[str, Any]) -> tuple[Any, Any]:
    """PyTorch's answer; bottom-right causality is written out as a mask."""
    import torch

    from attnspec.adapters.arrays import arrays_for
    from attnspec.adapters.finding import find

    arrays, implementation = arrays_for("torch"), find(name)[0]
    q, k, v = (arrays.to_framework(x) for x in inputs)
    asked: dict[str, Any] = {}
    if options:
        sq, sk = q.shape[2], k.shape[2]
        asked["mask"] = torch.ones(sq, sk, dtype=torch.bool).tril(sk - sq)
    if "return_lse" in implementation.options:
        out, lse = implementation.function(q, k, v, return_lse=True, **asked)
        return arrays.from_framework(out).astype(np.float64), arrays.from_framework(lse).astype(np.float64)
    return arrays.from_framework(implementation.function(q, k, v, **asked)).astype(np.float64), None


def declared(name: str, dtype: str) -> Arithmetic:
    if name in KERNELS:
        return arithmetic_of(KERNELS[name], dtype)
    from attnspec.adapters.finding import find

    return arithmetic_for(find(name)[0].arithmetic, dtype)


def ratio(got: Any, exact: Any, bound: Any, dtype: str) -> tuple[bool, float]:
    """Whether the preimage of the rounded output meets exact ± bound everywhere, and the largest share of the room used."""
    low, high = preimage(got, dtype)
    finite = np.isfinite(exact) & np.isfinite(bound)
    inside = ((low - bound <= exact) & (exact <= high + bound))[finite]
    with np.errstate(all="ignore"):
        room = bound + unit_in_last_place(np.abs(exact) + bound, dtype) / 2
        share = np.where(got == exact, 0.0, np.abs(got - exact) / room)[finite]
    return bool(inside.all()), float(share.max(initial=0.0))


def study(shapes: Any, sigmas: Any) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Ratios by (kernel, dtype) and by what was compared; violations under the name `violations`."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for dtype in ("float32", "float16", "bfloat16"):
        for inputs, options, signs in problems(dtype, shapes, sigmas):
            given = {**options, **({"causal_alignment": "bottom-right"} if options else {})}
            for name in (*KERNELS, *TORCH):
                if name in KERNELS and dtype == "float32" and KERNELS[name].stored:
                    continue
                if name in KERNELS and KERNELS[name].truncated and inputs[1].shape[2] > 300:
                    continue  # Simulated block by block, which is slow.
                out, lse = of_torch(name, inputs, options) if name in TORCH else simulated(name, inputs, dtype, options)
                answer = judge(*inputs, arithmetic=declared(name, dtype), dtype=dtype, random_signs=signs, **given)
                into = found[name, dtype]
                compared = [("out", out, answer.out, answer.out_bound, dtype)]
                if lse is not None:
                    compared.append(("lse", lse, answer.lse, answer.lse_bound, "float32"))
                for what, got, exact, bound, kind in compared:
                    inside, share = ratio(got, exact, bound, kind)
                    into[what].append(share)
                    if not inside:
                        into["violations"].append(share)
    return found


def table(found: dict[tuple[str, str], dict[str, list[float]]]) -> str:
    lines = ["| kernel | dtype | runs | violations | out max / median | logsumexp max / median |", "|---|---|---|---|---|---|"]
    for (name, dtype), of in found.items():
        shown = [f"{max(of[w]):.2f} / {np.median(of[w]):.3f}" if of.get(w) else "–" for w in ("out", "lse")]
        lines.append(f"| {name} | {dtype} | {len(of['out'])} | {len(of.get('violations', []))} | {shown[0]} | {shown[1]} |")
    runs = sum(len(of["out"]) for of in found.values())
    violations = sum(len(of.get("violations", [])) for of in found.values())
    return "\n".join([*lines, "", f"{runs} runs, {violations} violations."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the three smaller shapes and three scales")
    parser.add_argument("--markdown", type=Path, help="also write the table here")
    asked = parser.parse_args()
    start = time.perf_counter()
    found = study(SHAPES[:3] if asked.quick else SHAPES, SIGMAS[1:4] if asked.quick else SIGMAS)
    text = table(found)
    print(text)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    if asked.markdown:
        asked.markdown.write_text(text + "\n", encoding="utf-8")
    if any(of.get("violations") for of in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
