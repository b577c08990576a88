"""What a law said of an implementation: plain data that reports, diffs and baselines consume."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from ...reports.visible import both_ends, visible

__all__ = ["VERDICTS", "Result"]

VERDICTS = ("pass", "fail", "inconclusive", "not-claimed", "error")

LINE = 500
"""Characters of a message, and of a line of evidence, that are kept."""


@dataclass
class Result:
    """One law on one implementation in one dtype.

    verdict: one of VERDICTS.
    level: must, should or may, from the law.
    examples: problems on which the equation was decided. unclaimed: problems that were refused, by reason in `reasons`.
    inconclusive: problems on which the bound could not tell right from wrong.
    worst_ratio: largest error / bound over all decided problems, None where nothing was compared within a bound.
    worst_case: the case that gave it.
    ratios_over_keys: pairs of a number of keys and the largest error / bound of the problems that have so many, to 3 digits.
    ratios: problems, a hash of the decided problems in order; count, how many of them have a ratio; largest, the largest of
    these, to 3 digits. Empty where nothing was decided. Two runs are compared by it.
    case: the smallest case that failed or raised, None otherwise.
    message: a sentence with values in it.
    details: evidence for a reader (where the two sides differ, the traceback).
    worst_found: message and case of the finding that was furthest off, where that is another one than the smallest.
    simplest: the simplest values of the case on which the law still fails, in words. script: the file, in the folder of the
    report, that shows the failure without the kit; empty where there is none. packed: what that file is made of.
    estimate: the sharpest estimate of the run, in words, where the law is about an estimate.
    softened: problems on which a law that asks for the same bits was held within bounds, because two equal calls differed.
    diagnosis: what a failure looks like, as `diagnosis.diagnose` gives it; empty where it was not asked for.
    certificate: of a pass, which known faults would have been rejected on the same problems, as `kills.certificate` gives it;
    None where that was not computed.
    compilations: programs that a compiler made for this result, where the framework counts them (JAX).
    seconds: time in the implementation, in the reference with its bounds, and in the kit.
    """

    implementation: str
    operation: str
    law: str
    dtype: str
    verdict: str
    level: str = "must"
    chapter: str = ""
    examples: int = 0
    unclaimed: int = 0
    inconclusive: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    worst_ratio: float | None = None
    worst_case: str | None = None
    ratios_over_keys: list[list[float]] = field(default_factory=list)
    ratios: dict[str, Any] = field(default_factory=dict)
    case: str | None = None
    message: str = ""
    details: list[str] = field(default_factory=list)
    worst_found: dict[str, str] = field(default_factory=dict)
    simplest: list[str] = field(default_factory=list)
    script: str = ""
    packed: str = field(default="", repr=False)
    estimate: str = ""
    softened: int = 0
    diagnosis: dict[str, Any] = field(default_factory=dict)
    certificate: dict[str, Any] | None = None
    compilations: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"implementation": 0.0, "reference": 0.0, "kit": 0.0})

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping, without `packed`, which is no reading matter. What an implementation said can be printed."""
        data = {name: value for name, value in asdict(self).items() if name != "packed"}
        reasons: Counter[str] = Counter()
        for reason, count in self.reasons.items():
            reasons[both_ends(visible(reason), LINE)] += count
        details = [both_ends(visible(line), LINE) for line in self.details]
        return {**data, "message": both_ends(visible(self.message), LINE), "details": details, "reasons": dict(reasons)}
