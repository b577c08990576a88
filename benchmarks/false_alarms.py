"""Every correct kernel through every law, with several seeds: how often does a law reject what is right?

    python benchmarks/false_alarms.py [--seeds N] [--examples N] [--laws GLOB] [-j N]

The kernels are those of reference/attention/kernels.py, in half precision NARROW_KERNELS too, kernels_backward.py (behind the
forward pass that each belongs to), for float8 inputs FLOAT8_KERNELS, and those of linear and random feature attention: correct
ones, simulated rounding by rounding, each judged by the arithmetic that it declares. Laws about many seeds are left to
benchmarks/drawn_features.py. The problems of a law are those that `verify` draws for the definition at that seed; all kernels
meet the same. Printed: decisions, and each rejection with its case. Exit 1 where there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import get_context
from typing import Any

from attnspec.adapters.contract import CLAIMS, Implementation, implementation_of
from attnspec.conformance.engine.budget import BUDGETS
from attnspec.conformance.engine.evaluate import Known, decide_law
from attnspec.conformance.engine.subject import Broken, NotClaimed, Raised, Subject
from attnspec.conformance.engine.verify import not_claimed, try_law
from attnspec.conformance.kills.suspects import CONVENTIONS, CORRECT, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.law import Law
from attnspec.conformance.vocabulary import WORDS, Undecided
from attnspec.conformance.vocabulary.word import GRADIENTS
from attnspec.reference.arithmetic import FLOAT8
from attnspec.reference.attention.kernels import FLOAT8_KERNELS, KERNELS, NARROW_KERNELS, Kernel, as_callable, declared_of
from attnspec.reference.attention.kernels_backward import BACKWARDS, as_backward
from attnspec.reference.linear_attention import kernels as linear
from attnspec.reference.random_feature_attention import kernels as random_features

WIDE = ("float32", "float16", "bfloat16")


OTHERS = {
    "linear_attention": (linear.LINEAR_KERNELS, linear),
    "random_feature_attention": (random_features.RANDOM_KERNELS, random_features),
}
"""Kernels of the operations that have simulated ones of their own, beside attention."""


@cache
def kernels(dtype: str, backward: bool, operation: str = "attention") -> list[Implementation]:
    """The correct kernels of an operation in a dtype: those with a backward pass, or those without."""
    if operation in OTHERS:
        made, module = OTHERS[operation]
        return [] if dtype in FLOAT8 else [_other(kernel, module, operation, dtype) for kernel in made.values()]
    if backward:
        pairs = [(f"{name} (backward)", KERNELS[way.forward], way) for name, way in BACKWARDS.items()]
        return [] if dtype in FLOAT8 else [_made(*pair, dtype) for pair in pairs if dtype != "float32" or not pair[1].stored]
    chosen = FLOAT8_KERNELS if dtype in FLOAT8 else KERNELS if dtype == "float32" else {**KERNELS, **NARROW_KERNELS}
    return [_made(name, kernel, None, dtype) for name, kernel in chosen.items() if dtype != "float32" or not kernel.stored]


def _other(kernel: Any, module: Any, operation: str, dtype: str) -> Implementation:
    return implementation_of(
        module.as_callable(kernel),
        operation=operation,
        name=kernel.name,
        dtypes=[dtype],
        claims=CLAIMS,
        arithmetic=module.declared_of(kernel, dtype),
    )


def _may(made: Implementation, law: Law) -> bool:
    """Whether a correct kernel may fail a law: of long vectors random features promise nothing, says a law that only should."""
    return law.level != "must" and made.operation == "random_feature_attention"


def _made(name: str, kernel: Kernel, backward: Any, dtype: str) -> Implementation:
    declared = declared_of(kernel, dtype) | ({} if backward is None else backward.declared)
    return implementation_of(
        as_callable(kernel),
        name=name,
        dtypes=[dtype],
        conventions=CONVENTIONS,
        claims=[claim for claim in CLAIMS if claim != "split-invariant" or kernel.splits == 1],
        arithmetic=declared,
        backward=False if backward is None else as_backward(backward),
    )


def tried(law_id: str, dtype: str, seed: int, examples: int) -> tuple[int, list[str]]:
    """How often a law decided about a kernel, and what it rejected."""
    law = next(law for law in load_laws() if law.id == law_id)
    backward = any(WORDS[word].asks == GRADIENTS for word in law.words())
    subjects = [
        Subject(made, dtype, CONVENTIONS)
        for made in kernels(dtype, backward, law.operation)
        if not_claimed(made, law, dtype) is None and not _may(made, law)
    ]
    decisions, rejected = 0, []

    def meet(structure: Any, p: Any) -> None:
        nonlocal decisions
        known: Known = {}
        for subject in subjects:
            subject.forget()
            case = f"seed {seed}: {subject.implementation.name}: {law_id}?{structure.query()}"
            try:
                decision = decide_law(law, p, subject, known)
            except (Undecided, NotClaimed):
                continue
            except (Broken, Raised) as error:
                rejected.append(f"{case}: {error}")
                continue
            decisions += 1
            if not decision.holds:
                rejected.append(f"{case}: {decision.broken[1]}")

    budget = replace(BUDGETS["quick"], examples=examples, timeout=float("inf"))
    try_law(suspect(CORRECT, operation=law.operation), law, dtype, budget=budget, seed=seed, held=meet)
    return decisions, rejected


def runs(pattern: str, seeds: int, examples: int) -> Iterator[tuple[str, str, int, int]]:
    """(law, dtype, seed, examples) of the whole study."""
    for law in load_laws():
        known = law.operation in ("attention", *OTHERS) and "each_seed" not in law.words()
        if known and fnmatchcase(law.id, pattern):
            for dtype in (*WIDE, *FLOAT8):
                yield from ((law.id, dtype, seed, examples) for seed in range(seeds))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--examples", type=int, default=4)
    parser.add_argument("--laws", default="*")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    given = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    start, decisions, rejections, per_law = time.monotonic(), 0, 0, {law.id: 0 for law in load_laws()}
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        pending = {pool.submit(tried, *run): run for run in runs(given.laws, given.seeds, given.examples)}
        for number, done in enumerate(as_completed(pending), 1):
            some, rejected = done.result()
            decisions, rejections = decisions + some, rejections + len(rejected)
            per_law[pending[done][0]] += some
            for line in rejected:
                print(line, flush=True)
            if number % 200 == 0:
                print(f"{number} of {len(pending)} after {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    asked = {law for law, *_ in pending.values()}
    silent = sorted(law for law in asked if per_law[law] == 0)
    kinds = [("attention", False), ("attention", True), *((operation, False) for operation in OTHERS)]
    names = {
        (operation, made.name)
        for dtype in (*WIDE, *FLOAT8)
        for operation, backward in kinds
        for made in kernels(dtype, backward, operation)
    }
    print(f"{len(asked)} laws, {len(names)} correct kernels, {given.seeds} seeds, {given.examples} problems each")
    print(f"{decisions} decisions, {rejections} rejections, {time.monotonic() - start:.0f} s")
    if silent:
        print(f"decided about no kernel: {', '.join(silent)}")
    return 1 if rejections else 0


if __name__ == "__main__":
    sys.exit(main())
