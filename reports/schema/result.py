"""One law on one implementation in one dtype, as a line of results.jsonl and an item of report.json have it."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from .diagnosis import Diagnosis
from .words import ABSENT, Closed, Count, LawId, Level, Real, SpecHash, Verdict, Whole

__all__ = ["Certificate", "Ratios", "Result", "WorstFound"]


class Ratios(Whole):
    """By what two runs are compared. Empty where nothing was decided."""

    problems: Annotated[SpecHash, Meta(description="A hash of the decided problems in order.")] = ABSENT
    count: Annotated[Count, Meta(description="How many of them have a ratio error / bound.")] = ABSENT
    largest: Annotated[list[Real], Meta(description="The largest of these.")] = ABSENT


class WorstFound(Whole):
    """What was seen, and on which case, where the law was furthest off, if that is not the smallest case. Else empty."""

    message: str = ABSENT
    case: str = ABSENT


class Certificate(Closed):
    """Which known faults would have been rejected on the problems of a pass."""

    problems: Annotated[Count, Meta(description="Problems on which the law held, and on which the faults were tried.")]
    caught: Annotated[
        list[str], Meta(description="Faults, of those that can show on these problems, that the law rejects there.")
    ]
    missed: Annotated[list[str], Meta(description="The other faults that can show there.")]
    not_judged: Annotated[
        dict[str, str], Meta(description="Why a fault is no mistake under the conventions of the implementation.")
    ]
    void: Annotated[
        str, Meta(description="The case on which the law rejects the definition itself, whereupon nothing is certified.")
    ]


class Result(Closed, kw_only=True, forbid_unknown_fields=False):
    """One law on one implementation in one dtype."""

    implementation: str
    operation: str
    law: LawId
    dtype: str
    verdict: Verdict
    level: Level
    chapter: str
    examples: Annotated[Count, Meta(description="Problems on which the law was decided.")]
    unclaimed: Annotated[Count, Meta(description="Problems that were refused, by reason in `reasons`.")]
    inconclusive: Annotated[Count, Meta(description="Problems on which the bound could not tell right from wrong.")]
    reasons: dict[str, Count]
    worst_ratio: Annotated[
        Real | None,
        Meta(description="Largest error / bound of the decided problems; null where nothing was compared within a bound."),
    ]
    worst_case: Annotated[str | None, Meta(description="The case that gave it.")]
    ratios_over_keys: Annotated[
        list[tuple[Count, Real]],
        Meta(description="Pairs of a number of keys and the largest error / bound of the decided problems that have so many."),
    ] = field(default_factory=list)
    ratios: Ratios = field(default_factory=Ratios)
    case: Annotated[str | None, Meta(description="The smallest case that failed or raised, else null.")]
    message: Annotated[str, Meta(description="A sentence with values in it.")]
    details: Annotated[list[str], Meta(description="Evidence for a reader.")]
    worst_found: WorstFound = field(default_factory=WorstFound)
    simplest: Annotated[list[str], Meta(description="The simplest values of the case on which the law still fails.")] = field(
        default_factory=list
    )
    script: Annotated[
        str, Meta(description="In the folder of the report: the failure without the kit. Empty where there is none.")
    ] = ""
    estimate: Annotated[str, Meta(description="The sharpest estimate of the run, of a law about one.")] = ""
    softened: Annotated[
        Count,
        Meta(
            description="Problems on which a law that asks for the same bits was held within bounds, "
            "because two equal calls differed."
        ),
    ] = 0
    diagnosis: Annotated[Diagnosis, Meta(description="What a failure looks like. Empty where it was not asked for.")] = field(
        default_factory=Diagnosis
    )
    certificate: Annotated[
        Certificate | None,
        Meta(
            description="Of a pass: which known faults would have been rejected on the same problems. "
            "null where that was not computed."
        ),
    ] = None
    compilations: Annotated[Count, Meta(description="Programs that a compiler made for it, where that is counted.")] = 0
    seconds: Annotated[
        dict[str, Real], Meta(description="Time in the implementation, in the reference with its bounds, and in the kit.")
    ]
    known: Annotated[str | UnsetType, Meta(description="The baseline's reason, where it expects this failure.")] = UNSET
