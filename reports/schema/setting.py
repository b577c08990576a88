"""What a run was: the suite and where it ran, what was tried, and what was known before."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from .words import Closed, Count, Level, Mode, Positive, Share, SpecHash, Where

__all__ = [
    "Budget",
    "Convention",
    "Environment",
    "FalseAlarms",
    "Implementation",
    "KnownFailure",
    "LawText",
    "Part",
    "Profile",
    "Refusal",
    "Shard",
    "Suite",
]


class Suite(Closed):
    """The suite: the versions of the kit and of the suite, and a hash of the spec's files."""

    version: str
    spec: SpecHash
    suite: Annotated[str | UnsetType, Meta(description="The version of the suite, by which people name it.")] = UNSET


class Environment(Closed, kw_only=True):
    """Where a run happened."""

    time: Annotated[str | UnsetType, Meta(description="When the run began, UTC, ISO 8601.")] = UNSET
    python: str
    platform: str
    machine: str
    cpus: Positive
    packages: Annotated[dict[str, str], Meta(description="Installed versions by package.")]


class Budget(Closed):
    """How many problems a law is tried on, and for how long."""

    name: str
    examples: Annotated[Positive, Meta(description="Problems a law of an implementation whose mode is eager.")]
    costly: Annotated[Positive, Meta(description="Problems a law of every other.")]
    timeout: Annotated[float, Meta(gt=0)]


class FalseAlarms(Closed, kw_only=True):
    """Largest probability with which one result of a correct kernel leaves its bound by chance."""

    random_signs: Annotated[
        Share,
        Meta(description="An output tensor whose V was drawn with random signs, over those signs alone."),
    ]
    estimates: Annotated[Share, Meta(description="The estimates of one problem, if roundings are independent.")]
    drawn_features: Annotated[
        Share | UnsetType,
        Meta(description="One problem of many seeds in which an implementation draws random features."),
    ] = UNSET
    other: Annotated[float, Meta(ge=0, le=0, description="Everything else, whose bounds are deterministic.")]


class Refusal(Closed):
    """What an implementation does not take."""

    sentence: str
    words: Annotated[str, Meta(description="What it said; no words where the refusal is declared.")]


class Convention(Closed):
    """How an implementation settles what the literature leaves open."""

    choice: str
    how: Literal["declared", "probed", "assumed"]


class Implementation(Closed, kw_only=True):
    """An implementation that was held to laws."""

    name: str
    address: Annotated[str, Meta(description="What finds it again on a command line.")]
    operation: str
    arrays: str
    layout: str
    dtypes: list[str]
    device: Annotated[str, Meta(description="Where its arrays lie.")]
    mode: Annotated[
        Mode,
        Meta(
            description="How its calls run: as they are written, compiled for each shape, "
            "or interpreted where they are meant to be compiled."
        ),
    ]
    options: list[str]
    claims: list[str]
    refusals: Annotated[list[Refusal], Meta(description="What it does not take: a sentence each, with what it said.")] = field(
        default_factory=list
    )
    notes: list[str]
    origin: str
    conventions: dict[str, Convention]
    process: Annotated[
        Where | UnsetType,
        Meta(description="Where it ran: in a host of its own, or in the process of the judge. Older reports do not say."),
    ] = UNSET


class LawText(Closed):
    """A law of the run, as its file has it."""

    chapter: str
    level: Level
    operation: str
    statement: str
    equation: str
    where: str | None
    why: str
    file: str
    line: int
    shipped: bool
    sources: Annotated[list[str], Meta(description="Addresses of the bugs and texts that the law comes from.")] = field(
        default_factory=list
    )


class Profile(Closed):
    """Must-laws that belong together."""

    about: str
    must: Annotated[dict[str, str], Meta(description="Must-laws of the profile, with their operation.")]


class KnownFailure(Closed, kw_only=True):
    """A failure that the run was told of."""

    law: Annotated[str, Meta(description="An id or a glob.")]
    implementation: Annotated[str, Meta(description="A name or a glob.")]
    dtype: str | UnsetType = UNSET
    reason: str
    link: str | UnsetType = UNSET
    expires: str | UnsetType = UNSET
    fails: Literal["always", "sometimes"] | UnsetType = UNSET
    file: str | UnsetType = UNSET
    line: int | UnsetType = UNSET
    last_line: int | UnsetType = UNSET


class Shard(Closed):
    """Which part of a run a report is."""

    number: Annotated[Positive, Meta(description="From 1.")]
    of: Positive
    whole: Annotated[Count, Meta(description="Results that all shards together have.")]


class Part(Closed):
    """A report that went into a merged one."""

    shard: Shard | None
    environment: Environment
    planned: Count
    complete: bool
    results: Annotated[Count, Meta(description="How many came.")]
