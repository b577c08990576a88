"""The tightest named arithmetic that an implementation satisfies, found by judging it under each in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...adapters.contract import Implementation
from ..engine.verify import try_law
from ..language.law import Law
from ..language.loading import load_laws

__all__ = ["CANDIDATES", "HALF", "LAWS", "PROBES", "Trial", "satisfied", "tightest", "trials"]

HALF = ("fp32", "half", "tensorcore", "half-fastexp", "half-naive")

CANDIDATES = {
    "float32": ("fp32", "tf32"),
    "float16": (*HALF, "float16-throughout", "int8-block", "fp8-block"),
    "bfloat16": (*HALF, "bfloat16-throughout", "int8-block", "fp8-block"),
    "float8_e4m3fn": ("fp8",),
    "float8_e5m2": ("fp8",),
}
"""Named models for each input dtype, tighter ones first. fp32 in half precision: everything but the output is float32. The last
three of half precision are neither tighter nor wider than each other.
"""

LAWS = (
    "causal/as-defined",
    "masks/options-together",
    "weights/as-defined",
    "flash/lse-as-defined",
    "flash/rising-maximum",
    "flash/many-tiles",
    "numerics/large-logits",
    "numerics/ties",
)
"""Laws that hold an implementation to the reference on data of many kinds."""

PROBES = (
    "probes/each-key-counts-once",
    "probes/causal-rows-count-their-keys",
    "probes/masked-rows-count-their-keys",
    "probes/gather",
    "probes/lse-counts-keys",
)
"""Laws under which a wide arithmetic has no more room than a tight one: whoever loses a key there does not round."""


@dataclass(frozen=True)
class Trial:
    """One named model: whether every law that was decided held under it, the largest error / bound, and what broke it.

    raised: what the implementation raised on a problem, which says nothing of its arithmetic.
    """

    model: str
    holds: bool
    decided: int
    worst_ratio: float | None
    broken: str
    raised: str = ""


def trials(implementation: Implementation, dtype: str, *, examples: int = 30, seed: int = 0) -> Iterator[Trial]:
    """Judge the implementation under each candidate of a dtype, tighter ones first."""
    laws = [law for law in load_laws() if law.id in LAWS]
    for model in CANDIDATES[dtype]:
        yield satisfied(implementation, dtype, model, laws, examples=examples, seed=seed)


def tightest(implementation: Implementation, dtype: str, *, examples: int = 30, seed: int = 0) -> Trial | None:
    """The first candidate that holds, or None."""
    return next((trial for trial in trials(implementation, dtype, examples=examples, seed=seed) if trial.holds), None)


def satisfied(implementation: Implementation, dtype: str, model: str, laws: list[Law], *, examples: int, seed: int) -> Trial:
    """Whether the laws hold where the implementation is said to have the named arithmetic."""
    judged = replace(implementation, arithmetic=model)
    ratios, decided, broken, raised = [], 0, "", ""
    for law in laws:
        result = try_law(judged, law, dtype, budget="quick", examples=examples, seed=seed)
        if result.verdict == "fail":
            broken = broken or f"{law.id}: {result.message}"
        if result.verdict == "error":
            raised = raised or f"{law.id}: {result.message}"
        if result.verdict == "pass":
            decided += 1
        if result.worst_ratio is not None:
            ratios.append(result.worst_ratio)
    return Trial(model, not broken and decided > 0, decided, max(ratios, default=None), broken, raised)
