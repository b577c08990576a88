"""The report of a run: what report.json holds. Each type is what a reader of it may rely on."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import UNSET, Meta, UnsetType, field

from .result import Result
from .setting import (
    Budget,
    Environment,
    FalseAlarms,
    Implementation,
    KnownFailure,
    LawText,
    Part,
    Profile,
    Shard,
    Suite,
)
from .words import Closed, Count, Level, Seconds

__all__ = ["FORMAT", "SCHEMA", "Cause", "Finding", "ProfileVerdict", "Report"]

Format: TypeAlias = Literal[1]
Name: TypeAlias = Literal["urn:attnspec:report:1"]

FORMAT: int = get_args(Format)[0]
SCHEMA: str = get_args(Name)[0]
"""The name of the schema, which `attnspec report --schema` prints. Every report gives it as $schema."""

Against: TypeAlias = Literal["fail", "error", "inconclusive", "not-claimed", "not-run"]


class ProfileVerdict(Closed):
    """Whether an implementation conforms to a profile, and what is missing."""

    profile: str
    implementation: str
    conforms: bool
    reasons: list[str]
    laws: Annotated[
        dict[Against, list[str]],
        Meta(description="Every must-law that speaks against it, by why: in some dtype it has this verdict, or was not run."),
    ]


class Finding(Closed):
    """The key of a result."""

    law: str
    implementation: str
    dtype: str


class Cause(Closed):
    """What some results that failed or had no answer have in common."""

    name: Annotated[str, Meta(description="Of a known mistake, or a sentence about what was seen.")]
    fault: Annotated[str | None, Meta(description="The same name where it is a key of its operation's faults.yaml.")]
    sentence: Annotated[str, Meta(description="About the mistake; empty where the name is a sentence.")]
    level: Annotated[Level, Meta(description="The strongest of its laws' levels.")]
    known: Annotated[str, Meta(description="The baseline's reason, where it expects all of them; else empty.")]
    also: Annotated[list[str], Meta(description="Mistakes that are equally likely.")]
    findings: Annotated[list[Finding], Meta(min_length=1, description="Keys of its results, the one that shows it best first.")]


class Report(Closed, kw_only=True):
    """What one run tried, where, and what it found. Written as report.json; results.jsonl holds the results alone, one a line, and plan.json what was known before the first, while a run is not at its end."""  # noqa: E501

    schema: Annotated[Name, Meta(description="The name of this schema.")] = field(name="$schema")
    verdict: Annotated[
        str, Meta(description="The first line of every form of the report: whether it is whole, and who conforms to what.")
    ]
    format: Format
    attnspec: Suite
    environment: Environment
    budget: Budget
    standard_examples: Annotated[int, Meta(description="Problems a law that a certificate needs.")]
    standard_costly: Annotated[int, Meta(description="The same where the mode of an implementation is not eager.")]
    seed: int
    narrowed: Annotated[bool | UnsetType, Meta(description="Whether laws or dtypes were left out on request.")] = UNSET
    false_alarms: FalseAlarms
    dtype: Annotated[
        Annotated[list[str], Meta(min_length=1)] | str | None,
        Meta(description="The only dtypes of the run, or null for all. Earlier versions wrote one dtype as a string."),
    ]
    implementations: list[Implementation]
    laws: Annotated[dict[str, LawText], Meta(description="The laws of the run, by id.")]
    all_laws: Annotated[list[str], Meta(description="Every law of the spec, run or not.")]
    profiles: dict[str, Profile]
    planned: Annotated[Count, Meta(description="Results that a complete run has.")]
    baseline: Annotated[list[KnownFailure], Meta(description="The known failures that the run was told of.")]
    shard: Annotated[
        Shard | UnsetType, Meta(description="Which part of a run this is. A report of a whole run has no such key.")
    ] = UNSET
    merged: Annotated[list[Part] | UnsetType, Meta(description="Of a merged report, the parts in order.")] = UNSET
    seconds: Annotated[
        Seconds | UnsetType,
        Meta(
            description="From the beginning of the run to its report; of a merge the largest. A run that was cut off has none."
        ),
    ] = UNSET
    complete: Annotated[bool, Meta(description="Whether every planned result is there.")]
    results: list[Result]
    verdicts: Annotated[
        list[ProfileVerdict],
        Meta(description="Whether each implementation conforms to each profile that was tried, and what is missing."),
    ]
    baseline_problems: Annotated[list[str], Meta(description="What is wrong with the baseline.")]
    causes: Annotated[
        list[Cause] | UnsetType,
        Meta(
            description="Results that failed or had no answer, put together by what they have in common, "
            "the cause that matters most first. Reports of earlier versions have none."
        ),
    ] = UNSET
