"""What values of reports may be, by name, and what an object of a report is. Every type here ends up in the JSON Schema."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_args

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import fields

__all__ = [
    "ABSENT",
    "Closed",
    "Count",
    "LawId",
    "Level",
    "Mode",
    "Positive",
    "Real",
    "Seconds",
    "Share",
    "SpecHash",
    "Verdict",
    "Where",
    "Whole",
]

Count: TypeAlias = Annotated[int, Meta(ge=0)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Real: TypeAlias = Annotated[
    float | Literal["inf", "-inf", "nan"], Meta(description="A number; what JSON has no number for is a string.")
]
LawId: TypeAlias = Annotated[str, Meta(pattern="^[a-z0-9-]+/[a-z0-9-]+$")]
SpecHash: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Level: TypeAlias = Literal["must", "should", "may"]
Mode: TypeAlias = Literal["eager", "compiled", "interpreted"]
Where: TypeAlias = Literal["host", "judge"]
Verdict: TypeAlias = Literal["pass", "fail", "inconclusive", "not-claimed", "error"]

ABSENT: Any = UNSET
"""The default of a field of `Whole`: its type speaks of an object that is there."""


class Closed(Struct, forbid_unknown_fields=True):
    """An object that has no other fields than its own."""


class Whole(Closed):
    """An object that has all that it needs, or is empty where there is nothing to say; an empty one is false.

    Ask whether there is one before a field is read.
    """

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not UNSET for name in self.__struct_fields__)

    def __post_init__(self) -> None:
        missing = [name for field, name in needs(type(self)) if getattr(self, field) is UNSET]
        if missing and self:
            raise ValueError(f"Object missing required field `{missing[0]}`")


@cache
def needs(kind: type[Whole]) -> tuple[tuple[str, str], ...]:
    """The fields that one of these must have if it has any: what Python and JSON call them."""
    return tuple((field.name, field.encode_name) for field in fields(kind) if UnsetType not in get_args(field.type))
