"""What bounds cost beside the exact answer alone, as ratios within one run.

    OMP_NUM_THREADS=1 python benchmarks/bounds_speed.py [--lengths 256,512,1024,2048] [--repeats 7] [--markdown FILE]

One head of 128 features, bfloat16 inputs, one thread. `reference` is `textbook.attention`; the other columns are `judge`, which
is the reference with the bounds of output and logsumexp, at level D and, where V has random signs, at R too, for a kernel that
declares nothing and for one that says all of itself (whole rows, tiles of 16 keys), whose running maximum is then looked at
key by key. The aim is a ratio of at most 4 at 2048 keys.

A second table judges 128 rows of ever longer sequences: the time for each key stays about the same, so the cost is linear.
Seconds are those of the processor. Columns take turns, so that a slow moment of the machine meets all of them, and the shown
ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.attention.bounds import judge
from attnspec.reference.attention.kernels import KERNELS, arithmetic_of
from attnspec.reference.attention.textbook import attention
from attnspec.reference.rounding import DTYPES

FEATURES, DTYPE, ROWS = 128, "bfloat16", 128
KINDS = {"undeclared": arithmetic_for(None, DTYPE), "declared": arithmetic_of(KERNELS["flash 16"], DTYPE)}
LENGTHS = (256, 512, 1024, 2048)
LONG = (512, 1024, 2048, 4096, 8192)


def drawn(length: int) -> tuple[Any, Any, Any]:
    """q, k, v of one head, (1, 1, length, FEATURES)."""
    r = np.random.default_rng(length)
    return tuple(r.standard_normal((1, 1, length, FEATURES)).astype(DTYPES[DTYPE]) for _ in range(3))  # type: ignore[return-value]


def judged(inputs: tuple[Any, Any, Any], arithmetic: Arithmetic, **how: Any) -> Callable[[], Any]:
    return lambda: judge(*inputs, arithmetic=arithmetic, dtype=DTYPE, **how)


def timed(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call in each turn; the first turn is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


def beside_the_reference(lengths: list[int], repeats: int) -> list[str]:
    """A table of ratios for whole problems."""
    names = [f"{kind}, {level}" for kind in KINDS for level in ("D", "D and R")]
    lines = [f"| S | causal | reference, ms | {' | '.join(names)} |", "|---|---|---|" + "---|" * len(names)]
    for length in lengths:
        inputs = drawn(length)
        for causal in (False, True):
            options = {"causal": True} if causal else {}
            calls: dict[str, Callable[[], Any]] = {"reference": lambda i=inputs, o=options: attention(*i, **o)}
            for kind, arithmetic in KINDS.items():
                calls[f"{kind}, D"] = judged(inputs, arithmetic, **options)
                calls[f"{kind}, D and R"] = judged(inputs, arithmetic, random_signs=True, **options)
            took = timed(calls, repeats)
            alone = took.pop("reference")
            ratios = [statistics.median(x / y for x, y in zip(each, alone, strict=True)) for each in took.values()]
            shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
            lines.append(f"| {length} | {'yes' if causal else 'no'} | {1e3 * statistics.median(alone):.1f} | {shown} |")
    return lines


def by_rows(repeats: int) -> list[str]:
    """A table of times for a fixed number of rows."""
    lines = [f"| S | judge D and R of {ROWS} rows, ms | µs for each key | by that of S = {LONG[0]} |", "|---|---|---|---|"]
    calls = {}
    for length in LONG:
        rows = np.linspace(0, length - 1, ROWS).astype(int)
        calls[str(length)] = judged(drawn(length), KINDS["undeclared"], random_signs=True, causal=True, rows=rows)
    took = {name: statistics.median(each) for name, each in timed(calls, repeats).items()}
    for length in LONG:
        each = [took[str(n)] / n for n in (length, LONG[0])]
        lines.append(f"| {length} | {1e3 * took[str(length)]:.1f} | {1e6 * each[0]:.1f} | {each[0] / each[1]:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", default=",".join(map(str, LENGTHS)), help="sequence lengths, separated by commas")
    parser.add_argument("--repeats", type=int, default=7, help="timed turns")
    parser.add_argument("--markdown", type=Path, help="also write the tables here")
    asked = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1: several threads divide products of matrices among them, and nothing else")
    first = beside_the_reference([int(length) for length in asked.lengths.split(",")], asked.repeats)
    text = "\n".join([*first, "", *by_rows(asked.repeats)])
    print(text)
    if asked.markdown:
        asked.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
