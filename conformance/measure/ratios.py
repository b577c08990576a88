"""How the error of an implementation grows with the number of keys, as a share of its bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.relation import decide
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..operations import operation_named
from ..problems.build import build
from ..problems.structure import Structure
from ..vocabulary.meanings import reference_out

__all__ = ["LENGTHS", "bar", "ratios"]

LENGTHS = (16, 64, 256, 1024)
SEEDS = 3


def ratios(implementation: Implementation, dtype: str) -> Iterator[tuple[int, float | None]]:
    """(Sk, largest error / bound) on normal data, infinite where NaN or an infinity comes instead of a number; None where the
    implementation gives no answer or nothing is bounded.
    """
    conventions = {name: choice for name, (choice, _) in settled(implementation).items()}
    for length in LENGTHS:
        found = [_ratio(implementation, dtype, length, seed, conventions) for seed in range(SEEDS)]
        yield length, max((ratio for ratio in found if ratio is not None), default=None)


def _ratio(implementation: Implementation, dtype: str, length: int, seed: int, conventions: Mapping[str, str]) -> float | None:
    """That of one problem, in the first form that the implementation answers."""
    measured = operation_named(implementation.operation).measured
    forms: list[tuple[int, Mapping[str, Any]]] = [(sq, {}) for sq in (16, 1, length)] + [
        (length, options) for options in measured
    ]
    for sq, options in forms:
        sizes = {"hq": 2, "hkv": 2, "sq": sq, "sk": length, "d": 64}
        structure = Structure(
            operation=implementation.operation, dtype=dtype, sizes=sizes, options=options, values="normal", seed=seed
        )
        p = build(structure, conventions)
        try:
            decision = decide(Subject(implementation, dtype, conventions).out(p), "≈", reference_out(p))
            return float("inf") if decision.strange else decision.ratio
        except (NotClaimed, Raised, Broken):
            continue
    return None


def bar(ratio: float | None, width: int = 40) -> str:
    """A ratio as a bar: full at 1, the bound."""
    if ratio is None:
        return "nothing is bounded, or no answer came"
    if ratio == float("inf"):
        return "█" * width + " NaN or infinite"
    filled = int(np.ceil(min(ratio, 1.0) * width))
    return (
        "█" * filled
        + "·" * (width - filled)
        + (f" {ratio:.2f}" if ratio < 1000 else f" {ratio:,.0f}")
        + ("  over the bound" if ratio > 1 else "")
    )
