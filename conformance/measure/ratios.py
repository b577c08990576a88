"""How the error of an implementation grows with the number of keys, as a share of its bound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.relation import decide
from ..engine.subject import NotClaimed, Subject
from ..problems.build import build
from ..problems.structure import Structure
from ..vocabulary.meanings import reference_out

__all__ = ["LENGTHS", "bar", "ratios"]

LENGTHS = (16, 64, 256, 1024)
SEEDS = 3


def ratios(implementation: Implementation, dtype: str) -> Iterator[tuple[int, float | None]]:
    """(Sk, largest error / bound) on normal data, None where the implementation refuses or nothing is bounded."""
    conventions = {name: choice for name, (choice, _) in settled(implementation).items()}
    for length in LENGTHS:
        found: list[float] = []
        for seed in range(SEEDS):
            structure = Structure(dtype=dtype, hq=2, hkv=2, sq=16, sk=length, d=64, values="normal", seed=seed)
            p = build(structure, conventions)
            try:
                decision = decide(Subject(implementation, dtype, conventions).out(p), "≈", reference_out(p))
            except NotClaimed:
                continue
            if decision.ratio is not None:
                found.append(decision.ratio)
        yield length, max(found) if found else None


def bar(ratio: float | None, width: int = 40) -> str:
    """A ratio as a bar: full at 1, the bound."""
    if ratio is None:
        return "nothing is bounded"
    filled = int(np.ceil(min(ratio, 1.0) * width))
    return "█" * filled + "·" * (width - filled) + f" {ratio:.2f}" + ("  over the bound" if ratio > 1 else "")
