"""Counts what the problems of one law gave, and turns the counts into a verdict."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ...adapters.contract import Implementation
from ..language.law import Law
from ..problems.structure import Structure
from .relation import Decision
from .result import Result

__all__ = ["Finding", "Tally"]

LARGEST = 20
"""Ratios that a result keeps, to be compared with those of a run on other problems. Among equally many problems each further
one that lies above all of the other run halves the chance that nothing changed; after 20 that is one in a million, which is the
chance that the kit's own bounds take.
"""


@dataclass(frozen=True)
class Finding:
    """One problem on which the law failed or the implementation raised."""

    verdict: str
    case: str
    structure: Structure
    message: str
    details: list[str]
    ratio: float | None = None
    strange: bool = False

    @classmethod
    def of(cls, case: str, structure: Structure, decision: Decision) -> Finding:
        """What a law found that does not hold."""
        return cls("fail", case, structure, decision.broken[1], decision.broken, decision.ratio, decision.strange)

    def worse_than(self, other: Finding) -> bool:
        """Whether what was seen is further off: NaN or an infinity, else the larger error / bound. Sameness has no measure."""
        if self.verdict != "fail" or self.strange != other.strange:
            return self.verdict == "fail" and self.strange
        return self.ratio is not None and other.ratio is not None and self.ratio > other.ratio

    @property
    def size(self) -> tuple[int, int, int, int, str]:
        """Findings are compared by it, the smallest is reported."""
        s = self.structure
        return (len(s.options), s.cost, s.entries, len(self.case), self.case)


@dataclass
class Tally:
    """examples: decided problems up to and including the first finding. Shrinking adds findings, not examples.

    finding, worst: the smallest problem on which the law did not hold, and the one on which it was furthest off.
    vacuous: problems on most of whose entries the bound is infinite. A law passes only where it decided at least as many.
    estimate: the sharpest of all problems, those of a shrinker included: its uncertainty and its sentence.
    softened: problems on which the same bits were not asked for, as two equal calls differed.
    over_keys: number of keys → the largest error / bound of the decided problems that have so many.
    ratios: error / bound of each decided problem that has one. tried: names the decided problems, in order.
    """

    examples: int = 0
    vacuous: int = 0
    undecided: Counter[str] = field(default_factory=Counter)
    unclaimed: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None
    worst: Finding | None = None
    worst_ratio: float | None = None
    worst_case: str | None = None
    estimate: tuple[float, str] | None = None
    softened: int = 0
    over_keys: dict[int, float] = field(default_factory=dict)
    ratios: list[float] = field(default_factory=list)
    tried: Any = field(default_factory=hashlib.sha256)

    def estimated(self, estimate: tuple[float, str] | None) -> None:
        """A number that a word gave with its uncertainty. The sharpest is kept."""
        if estimate is not None and (self.estimate is None or estimate[0] < self.estimate[0]):
            self.estimate = estimate

    def passed(self, case: str, structure: Structure, decision: Decision) -> bool:
        """A problem on which the law held. Whether it decided it."""
        decided = 2 * decision.vacuous <= decision.entries
        if self.finding is None:
            if decided:
                self.examples += 1
                self._try(case, decision.ratio)
                self._rate(case, structure, decision.ratio)
            else:
                self.vacuous += 1
        return decided

    def found(self, finding: Finding) -> None:
        """A problem on which it did not. The smallest is kept."""
        if self.finding is None:
            self.examples += 1
            self.finding = finding
            self._try(finding.case, finding.ratio)
        elif finding.size < self.finding.size:
            self.finding = finding
        if self.worst is None or finding.worse_than(self.worst):
            self.worst = finding
        self._rate(finding.case, finding.structure, finding.ratio)

    def _try(self, case: str, ratio: float | None) -> None:
        """Note a problem that counts."""
        self.tried.update(case.encode() + b"\0")
        if ratio is not None:
            self.ratios.append(ratio)

    def _rate(self, case: str, structure: Structure, ratio: float | None) -> None:
        if ratio is None:
            return
        if (keys := structure.lengths.get("sk")) is not None:
            self.over_keys[keys] = max(ratio, self.over_keys.get(keys, 0.0))
        if self.worst_ratio is None or ratio > self.worst_ratio:
            self.worst_ratio, self.worst_case = ratio, case

    def result(self, implementation: Implementation, law: Law, dtype: str, refused: str | None = None) -> Result:
        """The verdict. refused: the law was not asked at all, and why."""
        if refused is not None:
            self.unclaimed[refused] += 1
        verdict, message = self._verdict(law)
        reasons = self.undecided + self.unclaimed
        return Result(
            implementation=implementation.name,
            operation=law.operation,
            law=law.id,
            dtype=dtype,
            verdict=verdict,
            level=law.level,
            chapter=law.chapter,
            examples=self.examples,
            unclaimed=sum(self.unclaimed.values()) if refused is None else 0,
            inconclusive=self.vacuous + sum(self.undecided.values()),
            reasons=dict(reasons.most_common(5)),
            worst_ratio=self.worst_ratio,
            worst_case=self.worst_case,
            ratios_over_keys=[[keys, float(f"{ratio:.3g}")] for keys, ratio in sorted(self.over_keys.items())],
            ratios=self._ratios(),
            case=self.finding.case if self.finding else None,
            message=message,
            details=list(self.finding.details) if self.finding else [],
            worst_found=self._worst_found(),
            estimate=self.estimate[1] if self.estimate else "",
            softened=self.softened,
        )

    def _ratios(self) -> dict[str, Any]:
        if not self.examples:
            return {}
        largest = [float(f"{ratio:.3g}") for ratio in sorted(self.ratios, reverse=True)[:LARGEST]]
        return {"problems": self.tried.hexdigest()[:16], "count": len(self.ratios), "largest": largest}

    def _worst_found(self) -> dict[str, str]:
        """What is lost where a case is made small: the error may have become small with it."""
        if self.finding is None or self.worst is None or not self.worst.worse_than(self.finding):
            return {}
        return {"message": self.worst.message, "case": self.worst.case}

    def _verdict(self, law: Law) -> tuple[str, str]:
        if self.finding is not None:
            return self.finding.verdict, self.finding.message
        if self.examples and self.examples >= self.vacuous:
            return "pass", ""
        if self.unclaimed and not self.vacuous:
            return "not-claimed", self.unclaimed.most_common(1)[0][0]
        if self.vacuous:
            return "inconclusive", f"the declared arithmetic bounds nothing on {self.vacuous} of the problems that were tried"
        if self.undecided:
            return "inconclusive", f"the law decided no problem: {self.undecided.most_common(1)[0][0]}"
        return "inconclusive", "no problem was tried within the time"
