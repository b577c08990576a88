"""What a failure looks like: known mistakes, symptoms, pictures."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from .words import ABSENT, Closed, Count, Seconds, Whole

__all__ = ["Arithmetic", "Diagnosis", "Kind", "Mistake", "Pictures", "Symptom"]

Kind: TypeAlias = Literal["nan", "inf", "-inf", "zero", "finite"]

Bits: TypeAlias = Annotated[
    list[Annotated[str, Meta(pattern="^[01]*$")]],
    Meta(description="A row of 0 and 1 for each query; 1 is a key that is seen, or one of which something is said."),
]
Levels: TypeAlias = Annotated[
    list[Annotated[str, Meta(pattern="^([0-9a-f]{2})*$")]],
    Meta(
        description="A row for each query, two hexadecimal digits a key: 00 to fe are shares of the largest weight, ff is NaN."
    ),
]


class Mistake(Closed):
    """A known mistake, and on how many problems it gives what came."""

    fault: Annotated[str, Meta(description="A key of its operation's faults.yaml.")]
    title: str
    links: list[str]
    matched: Annotated[Count, Meta(description="Problems on which it gives what came.")]
    of: Count
    shown: Annotated[Count, Meta(description="Matched problems on which something was wrong.")]
    tiles: Annotated[list[Count] | UnsetType, Meta(description="Keys in a tile, where only some sizes give what came.")] = UNSET


class Arithmetic(Closed):
    """The tightest named arithmetic under which the law holds, of a failure in half precision; of a wider one, the cast to a narrower dtype that would explain it. It changes no verdict."""  # noqa: E501

    model: str
    ratio: Annotated[Seconds, Meta(description="The largest error / bound under it.")]
    sentence: str
    rank: Annotated[Count | UnsetType, Meta(description="Its place among those that were tried; later ones allow more.")] = (
        UNSET
    )


class Symptom(Closed):
    """What is wrong with outputs that no known mistake explains."""

    came: Annotated[list[Kind], Meta(description="Kinds of numbers that are wrong.")]
    due: Annotated[list[Kind], Meta(description="Kinds of numbers that were due in their place.")]
    shared: Annotated[
        list[str] | None,
        Meta(
            description="Options that all wrong problems have in common; "
            "null where every problem beside those of the law came out right."
        ),
    ] = field(name="with")
    changes: Annotated[bool, Meta(description="Whether equal calls differ by more than rounding allows.")]


class Pictures(Closed):
    """Mask and weights of one head, due and read, on a small case like the one that failed."""

    case: Annotated[str, Meta(description="The query string of the problem that was drawn.")]
    title: str
    queries: Count
    keys: Count
    mask_due: Bits
    mask_read: Annotated[
        list[Annotated[str, Meta(pattern="^[01ni]*$")]],
        Meta(
            description="As mask_due; n is a key of which NaN came, i one of which an infinity came: neither seen nor hidden."
        ),
    ]
    weights_due: Levels
    weights_read: Levels
    largest: Annotated[float, Meta(ge=0, description="The largest finite weight, for which level 254 stands.")]
    infinite: Annotated[Bits | UnsetType, Meta(description="Where a weight that was read is infinite, where one is.")] = UNSET


class Diagnosis(Whole):
    """Which known mistakes give the outputs that came, and where outputs are wrong."""

    how: Annotated[
        Literal["outputs", "law", "verdicts", "none"],
        Meta(
            description="What the mistakes that are named have in common with the implementation: all that came; that on the "
            "problems of this law; only verdicts of this law. none: no known mistake explains it."
        ),
    ] = ABSENT
    problems: Annotated[Count, Meta(description="Problems that were looked at.")] = ABSENT
    wrong: Annotated[Count, Meta(description="Those on which something was wrong.")] = ABSENT
    ranked: Annotated[list[Mistake], Meta(description="The mistakes, the best first.")] = ABSENT
    nearest: Mistake | None = ABSENT
    where: list[str] = ABSENT
    factor: Annotated[list[str], Meta(description="One number that explains the outputs.")] = ABSENT
    mask: Annotated[list[str], Meta(description="The mask that is due beside the one that is kept, as lines.")] = ABSENT
    arithmetic: Arithmetic | UnsetType = UNSET
    symptom: Symptom | UnsetType = UNSET
    pictures: Pictures | UnsetType = UNSET
    seconds: Seconds = ABSENT
