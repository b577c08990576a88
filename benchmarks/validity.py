"""How close correct kernels come to their bounds and to the room of the score tests, and that none passes them.

    python benchmarks/validity.py [--quick] [--seeds N] [--results FILE] [--markdown FILE]

Each run is one correct kernel (simulated rounding by rounding, or PyTorch's own) on one problem of validity_problems.py. It is
judged by level D, and by level R where V has random signs, its logsumexp by its bound, and, on normal data, by the score tests.
A run is a violation where one of them rejects it. Printed: the largest and the median share of what level D and the bound of a
logsumexp allow, for each kernel and dtype, and runs, violations and the largest share for each bound and test.

--results keeps every run in a file, one JSON object a line; a run that stands there is not made again, so a study that was
stopped goes on where it was. The same command gives the same problems.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from validity_problems import BIAS_HEADS, Problem, answer, declared, kernels_for, problems, scored_problems

from attnspec.reference.arithmetic import Arithmetic
from attnspec.reference.attention.bounds import Judgement, judge
from attnspec.reference.attention.bounds.replicates import mean_gain
from attnspec.reference.attention.bounds.score import Estimate, Noise, Residual, gain, mixing, noise_of, scale
from attnspec.reference.attention.bounds.score_keys import key_weights, roughness, value_rows
from attnspec.reference.attention.bounds.score_logsumexp import logsumexp_offset, logsumexp_scale
from attnspec.reference.rounding import preimage, unit_in_last_place

DTYPES = ("float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
SHAPES = ((16, 16), (65, 64), (257, 40), (1024, 64), (2048, 128))
"""(Sk, D)."""
SIGMAS = (0.1, 0.2, 1.0, 4.0, 50.0)
BOTH = (False, True)
SCORED = (
    (65, 64, (0.2, 1.0, 4.0), BOTH, 2),
    (257, 40, (0.2, 1.0, 4.0), BOTH, 2),
    (512, 64, (1.0,), BOTH, 1),
    (2048, 128, (1.0,), BOTH[:1], 1),
)
"""(Sk, D, deviations of the scores, causalities, seeds) of problems with score tests."""
BIAS = 12
TESTS = {"scale": scale, "gain": gain, "mixing": mixing, "key weights": key_weights, "values": value_rows}
LSE_TESTS = {"scale in logsumexp": logsumexp_scale, "row sum": logsumexp_offset}
Shares = dict[str, float]


def within(got: Any, exact: Any, bound: Any) -> float:
    """The largest share of the room that is used; above 1 where the preimage of a rounded output misses exact ± bound."""
    low, high = preimage(got, str(got.dtype))
    finite = np.isfinite(exact) & np.isfinite(bound)
    inside = ((low - bound <= exact) & (exact <= high + bound))[finite]
    with np.errstate(all="ignore"):
        value = got.astype(np.float64)
        room = bound + unit_in_last_place(np.abs(exact) + bound, str(got.dtype)) / 2
        share = float(np.where(value == exact, 0.0, np.abs(value - exact) / room)[finite].max(initial=0.0))
    return min(share, 1.0) if inside.all() else max(share, 1.0 + 1e-9)


def used(found: Estimate) -> float:
    """The largest share of the room that estimates use."""
    known = np.isfinite(found.room)
    return float(np.max(np.where(known, np.abs(found.value) / np.where(known, found.room, 1.0), 0.0), initial=0.0))


class Exact:
    """What the reference says of one problem: a judgement and a noise for each arithmetic that asks."""

    def __init__(self, p: Problem) -> None:
        self.p = p
        self._judged: dict[tuple[Arithmetic, bool], Judgement] = {}
        self._noise: dict[Arithmetic, Noise] = {}

    def judged(self, arithmetic: Arithmetic, random_signs: bool) -> Judgement:
        key = (arithmetic, random_signs)
        if key not in self._judged:
            how: dict[str, Any] = {"arithmetic": arithmetic, "dtype": self.p.dtype, "random_signs": random_signs}
            self._judged[key] = judge(*self.p.inputs, **how, **self.p.options)
        return self._judged[key]

    def noise(self, arithmetic: Arithmetic) -> Noise:
        if arithmetic not in self._noise:
            attended = self.judged(arithmetic, False).attended
            how: dict[str, Any] = {"attended": attended, "arithmetic": arithmetic, "dtype": self.p.dtype}
            self._noise[arithmetic] = noise_of(*self.p.inputs, **how, **self.p.options)
        return self._noise[arithmetic]


def shares(name: str, exact: Exact) -> Shares:
    """What one kernel uses on one problem of each bound and of the room of each test."""
    p, arithmetic = exact.p, declared(name, exact.p.dtype)
    out, lse = answer(name, p)
    judged = exact.judged(arithmetic, False)
    found = {"D": within(out, judged.out, judged.out_bound)}
    if p.random_signs:
        found["R"] = within(out, judged.out, exact.judged(arithmetic, True).out_bound)
    if lse is not None:
        found["logsumexp"] = within(lse, judged.lse, judged.lse_bound)
    if p.scored:
        noise = exact.noise(arithmetic)
        residual = Residual.of(noise, out)
        if p.heads == BIAS_HEADS:
            return found | {"bias": used(mean_gain(residual))}
        found |= {test: used(make(residual)) for test, make in TESTS.items()}
        rough = roughness(residual)
        found["roughness"] = float(rough.value / (1 + rough.room))
        if lse is not None:
            found |= {test: used(make(noise, lse)) for test, make in LSE_TESTS.items()}
    return found


def study(asked: Iterable[Problem], done: dict[tuple[str, str], Shares], keep: Any) -> dict[tuple[str, str], list[Shares]]:
    """Shares by (kernel, dtype). done: runs that need not be made. keep(kernel, problem, shares) is told of each new one."""
    found: dict[tuple[str, str], list[Shares]] = defaultdict(list)
    for p in asked:
        exact = Exact(p)
        for name in kernels_for(p.dtype):
            run = done.get((name, p.name))
            if run is None:
                run = shares(name, exact)
                keep(name, p, run)
            found[name, p.dtype].append(run)
    return found


def by_kernel(found: dict[tuple[str, str], list[Shares]], what: str) -> list[str]:
    """Largest and median share of one bound, a row a kernel and a column a dtype."""
    lines = [f"| {what}: largest / median | {' | '.join(DTYPES)} |", "|---|" + "---|" * len(DTYPES)]
    for name in dict.fromkeys(name for name, _ in found):
        each = [[run[what] for run in found.get((name, dtype), []) if what in run] for dtype in DTYPES]
        lines.append(f"| {name} | {' | '.join(f'{max(x):.2f} / {np.median(x):.2f}' if x else '–' for x in each)} |")
    return lines


def by_test(found: dict[tuple[str, str], list[Shares]]) -> list[str]:
    """Runs, violations, and the largest share in each dtype, a row a bound or test."""
    lines = [f"| bound or test | runs | violations | {' | '.join(DTYPES)} |", "|---|---|---|" + "---|" * len(DTYPES)]
    for test in dict.fromkeys(test for runs in found.values() for run in runs for test in run):
        of = {d: [run[test] for (_, dtype), runs in found.items() if dtype == d for run in runs if test in run] for d in DTYPES}
        each = [share for shares in of.values() for share in shares]
        largest = " | ".join(f"{max(of[d]):.2f}" if of[d] else "–" for d in DTYPES)
        lines.append(f"| {test} | {len(each)} | {sum(share > 1 for share in each)} | {largest} |")
    return lines


def tables(found: dict[tuple[str, str], list[Shares]]) -> str:
    """What a study found, in Markdown."""
    runs = [run for each in found.values() for run in each]
    counted = f"{len(runs)} runs, {sum(max(run.values()) > 1 for run in runs)} violations."
    return "\n".join([*by_kernel(found, "D"), "", *by_kernel(found, "logsumexp"), "", *by_test(found), "", counted])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 257 keys, three scales, few problems with score tests")
    parser.add_argument("--seeds", type=int, default=1, help="problems of each family, shape, scale and causality")
    parser.add_argument("--results", type=Path, help="file that keeps every run")
    parser.add_argument("--markdown", type=Path, help="also write the tables here")
    asked = parser.parse_args()
    if asked.quick:
        plan = chain(problems(SHAPES[:3], SIGMAS[1:4], DTYPES, asked.seeds), scored_problems(SCORED[:1], DTYPES, 2))
    else:
        plan = chain(problems(SHAPES, SIGMAS, DTYPES, asked.seeds), scored_problems(SCORED, DTYPES, BIAS))
    start = time.process_time()
    lines = asked.results.read_text(encoding="utf-8").splitlines() if asked.results and asked.results.exists() else []
    done = {(each["kernel"], each["problem"]): each["shares"] for each in map(json.loads, lines)}
    with open(asked.results or "/dev/null", "a", encoding="utf-8") as file:

        def keep(name: str, p: Problem, run: Shares) -> None:
            file.write(json.dumps({"kernel": name, "problem": p.name, "shares": run}) + "\n")
            file.flush()

        found = study(plan, done, keep)
    text = tables(found)
    print(text)
    print(f"{time.process_time() - start:.0f} s of processor time, {len(done)} runs from {asked.results}", file=sys.stderr)
    if asked.markdown:
        asked.markdown.write_text(text + "\n", encoding="utf-8")
    if any(max(run.values()) > 1 for runs in found.values() for run in runs):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
