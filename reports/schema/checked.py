"""Data held to the types. What breaks them is said in one sentence that names the place as a path: `results/1/reasons`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from ..visible import both_ends, visible

__all__ = ["SchemaError", "checked"]

Kind = TypeVar("Kind", bound=msgspec.Struct)
Step = str | int

PLACE = re.compile(r"(.*) - at (?:`key` in )?`\$(.*)`", re.DOTALL)
"""What is wrong, and where, as msgspec says it."""

STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
"""A step of a place: a field, an item of a list, or some value of a mapping."""

SOME = "..."

LONGEST = 200
"""Characters of a value that are said."""


class SchemaError(Exception):
    """Data that breaks the types. The text is one sentence: where, and what is wrong."""


def checked(data: Any, kind: type[Kind], whole: str) -> Kind:
    """Plain data as what it is meant to be. Raises SchemaError.

    whole: what to call the data where it is wrong itself, as `the report`.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise SchemaError(_sentence(str(error), data, kind, whole)) from None
    except UnicodeEncodeError as error:  # Of a name or a choice: msgspec looks it up by its bytes.
        raise SchemaError(f"{whole}: there is no name or choice {_short(repr(error.object))}") from None


def _sentence(message: str, data: Any, kind: type[msgspec.Struct], whole: str) -> str:
    found = PLACE.fullmatch(message)
    try:
        place = _place(found[2], message, data, kind) if found else []
        there = _at(data, place)
    except (LookupError, TypeError):  # An unknown field may be called as if a place came after it.
        found, place, there = None, [], None
    wrong = found[1] if found else message
    if found and wrong.startswith("Expected"):
        wrong = f"{wrong.split(', got ')[0]}, and there stands {_short(repr(there))}"
    return f"{'/'.join(map(str, place)) or whole}: {_short(wrong[0].lower() + wrong[1:], 2 * LONGEST)}"


def _place(path: str, message: str, data: Any, kind: type[msgspec.Struct]) -> list[Step]:
    """The steps of a path. msgspec does not say which value of a mapping is wrong, so halves of it are tried."""
    place: list[Step] = []
    for name, item in STEP.findall(path):
        if item != SOME:
            place.append(name or int(item))
            continue
        keys = list(_at(data, place))
        while len(keys) > 1:
            half = keys[: len(keys) // 2]
            blamed = _complaint(_only(data, place, half), kind) == message
            keys = half if blamed else keys[len(half) :]
        place.append(keys[0])
    return place


def _complaint(data: Any, kind: type[msgspec.Struct]) -> str | None:
    try:
        msgspec.convert(data, kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        return str(error)
    return None


def _only(data: Any, place: list[Step], keys: list[str]) -> Any:
    """The data with only some keys in the mapping at a place."""
    if not place:
        return {key: data[key] for key in keys}
    changed = dict(data) if isinstance(data, Mapping) else dict(enumerate(data))
    changed[place[0]] = _only(data[place[0]], place[1:], keys)
    return changed if isinstance(data, Mapping) else list(changed.values())


def _at(data: Any, place: list[Step]) -> Any:
    for step in place:
        data = data[step]
    return data


def _short(text: str, most: int = LONGEST) -> str:
    return both_ends(visible(text.replace("\n", "\\n")), most)
