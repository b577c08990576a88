"""How often a law about drawn random features rejects what is right, and what is wrong: measured problem by problem.

    python benchmarks/drawn_features.py [--seeds N] [--examples N]

Writes docs/data/drawn-features.json, of which docs/approximations.md has a table. Correct kernels are the definition and those
of reference/random_feature_attention/kernels.py, each judged by the arithmetic that it declares; wrong ones are the faults that
a law names. The problems are those that `verify` draws for the definition, each with seeds of its own, so a rejection of a
correct kernel would be a false alarm. A problem that the arithmetic leaves undecided is not counted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine.budget import BUDGETS
from attnspec.conformance.engine.evaluate import decide_law
from attnspec.conformance.engine.subject import NotClaimed, Subject
from attnspec.conformance.engine.verify import try_law
from attnspec.conformance.kills.suspects import CORRECT, FAULTS, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.law import Law
from attnspec.conformance.vocabulary import Undecided
from attnspec.reference.random_feature_attention.kernels import RANDOM_KERNELS, as_callable, declared_of

DATA = Path(__file__).resolve().parents[1] / "docs" / "data" / "drawn-features.json"
OPERATION, DTYPES = "random_feature_attention", ("float32", "bfloat16")


def correct(dtype: str) -> list[Implementation]:
    """The correct kernels in a dtype."""
    kernels = [
        implementation_of(
            as_callable(kernel), operation=OPERATION, name=name, dtypes=[dtype], arithmetic=declared_of(kernel, dtype)
        )
        for name, kernel in RANDOM_KERNELS.items()
    ]
    return [suspect(CORRECT, operation=OPERATION), *kernels]


def tried(law: Law, dtype: str, seeds: int, examples: int) -> dict[str, Any]:
    """One law in one dtype: decisions and rejections of correct kernels together, and of each fault."""
    right = [Subject(made, dtype, {}) for made in correct(dtype)]
    wrong = [Subject(suspect(name), dtype, {}) for name in law.kills if FAULTS[name].shows_in(dtype)]
    decided: Counter[str] = Counter()
    rejected: Counter[str] = Counter()

    def meet(structure: Any, p: Any) -> None:
        known: dict[Any, Any] = {}
        for subject in (*right, *wrong):
            name = CORRECT if subject in right else subject.implementation.name
            subject.forget()
            try:
                decision = decide_law(law, p, subject, known if subject in wrong else None)
            except (Undecided, NotClaimed):
                continue
            if 2 * decision.vacuous <= decision.entries:
                decided[name] += 1
                rejected[name] += not decision.holds

    budget = replace(BUDGETS["quick"], examples=examples, timeout=float("inf"))
    for seed in range(seeds):
        try_law(suspect(CORRECT, operation=OPERATION), law, dtype, budget=budget, seed=seed, held=meet)
    return {name: [rejected[name], decided[name]] for name in decided}


def main(arguments: list[str]) -> int:
    """Measure and write. Exit code 1 where a correct kernel is rejected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--examples", type=int, default=20)
    given = parser.parse_args(arguments)
    laws = [law for law in load_laws() if "each_seed" in law.words()]
    found: dict[str, Any] = {}
    for law in laws:
        found[law.id] = {dtype: tried(law, dtype, given.seeds, given.examples) for dtype in DTYPES}
        print(law.id, json.dumps(found[law.id]), flush=True)
    DATA.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(entry[CORRECT][0] for by_dtype in found.values() for entry in by_dtype.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
