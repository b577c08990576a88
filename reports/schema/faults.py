"""The kill matrix: which law rejects which known mistake. What faults.json holds."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import UNSET, Meta, UnsetType, field

from .setting import Environment, Suite
from .words import Closed, Count, LawId, Positive, Seconds, Verdict

__all__ = [
    "MATRIX_FORMAT",
    "Definition",
    "Fault",
    "FaultBudget",
    "Judged",
    "Kill",
    "KillMatrix",
    "Rejected",
    "Summary",
    "Tried",
]

Format: TypeAlias = Literal[1]
MATRIX_FORMAT: int = get_args(Format)[0]


class FaultBudget(Closed):
    """How many problems a law is tried on."""

    name: str
    examples: Positive


class Definition(Closed):
    """What a law says of the definition itself, which it must accept."""

    verdict: Verdict
    message: str
    case: str | None


class Judged(Closed):
    """A law in a dtype on the definition itself."""

    law: LawId
    dtype: str
    definition: Definition
    problems: Annotated[Count, Meta(description="Problems that were decided.")]
    seconds: Annotated[Seconds, Meta(description="For this law in this dtype, with all faults.")]


class Kill(Closed):
    """A fault that a law rejects."""

    law: LawId
    problem: Annotated[Positive, Meta(description="Counted from 1 among the problems that the law decides.")]
    seconds: Annotated[
        Seconds,
        Meta(description="Drawing, building and judging the problems up to this one, and the fault's own part."),
    ]
    case: str
    verdict: Literal["fail", "error"]


class Tried(Closed):
    """How a fault fared in one dtype."""

    laws: Annotated[Count, Meta(description="Laws that had a problem on which it can show.")]
    problems: Annotated[Count, Meta(description="Problems on which it was tried, each law stopping at its first kill.")]
    kills: Annotated[list[Kill], Meta(description="The quickest first.")]


class Fault(Closed):
    """A known mistake, and how it fared."""

    title: str
    operation: str
    needs: Annotated[list[str], Meta(description="Options without which it cannot show.")]
    equivalent: Annotated[str, Meta(description="The proof that no input can tell it, or empty.")]
    dtypes: Annotated[list[str], Meta(description="Those in which it can be told from rounding; empty for all.")]
    because: Annotated[str, Meta(description="Why only in those, or empty.")]
    tried: Annotated[
        dict[str, Tried],
        Meta(description="How it fared, by dtype; a dtype in which it cannot be told is left out."),
    ] = field(name="in")


class KillMatrix(Closed):
    """Which law rejects which known mistake, in which dtype, and after how many problems. Written as faults.json."""

    format: Format
    attnspec: Suite
    environment: Environment
    budget: FaultBudget
    seed: int
    dtypes: Annotated[list[str], Meta(min_length=1)]
    seconds: Annotated[Seconds, Meta(description="How long all of it took.")]
    laws: Annotated[list[Judged], Meta(description="Each law in each dtype on the definition itself, which it must accept.")]
    faults: dict[str, Fault]


class Rejected(Closed):
    """By how many laws a fault is rejected in one dtype, and the quickest kill, if there is one."""

    killed_by: Count
    law: LawId | UnsetType = UNSET
    problem: Positive | UnsetType = UNSET
    seconds: Seconds | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.killed_by and UNSET in (self.law, self.problem, self.seconds):
            raise ValueError("Object does not say which law rejects it first")


class Summary(Closed):
    """What of a matrix is worth keeping beside the sources. Written as faults-summary.json."""

    format: Format
    attnspec: Suite
    environment: Environment
    budget: FaultBudget
    seed: int
    dtypes: list[str]
    seconds: Annotated[Count, Meta(description="How long all of it took, in whole seconds.")]
    laws: Count
    faults: Annotated[dict[str, dict[str, Rejected]], Meta(description="By fault and dtype, without what is no mistake.")]
