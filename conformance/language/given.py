"""What `given` may say: options, sizes, values and memory of the problems; claims and conventions of the implementation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...adapters.contract import CLAIMS
from ...spec.nearest import nearest
from ..operations import UnknownOperation, operation_named
from ..problems.descriptors import StructureError
from ..problems.given import read_given
from .errors import SpecError

__all__ = ["check_given"]


def check_given(given: Mapping[str, Any], operation: str, conventions: Mapping[str, Any]) -> None:
    """Raise SpecError (without a place) for anything in `given` that nobody would heed."""
    try:
        read_given(given, operation_named(operation))
    except (StructureError, UnknownOperation) as error:
        raise SpecError(str(error)) from None
    claims = given.get("claims", [])
    for claim in claims if isinstance(claims, list) else [claims]:
        _known("claims", claim, CLAIMS)
    asked = given.get("conventions", {})
    if not isinstance(asked, Mapping):
        raise SpecError("given.conventions: a mapping of a convention to its choice")
    for name, choice in asked.items():
        _known("conventions", name, conventions)
        _known(f"conventions.{name}", choice, conventions[name]["choices"])


def _known(key: str, name: object, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise SpecError(f"given.{key}: unknown name {name!r}{nearest(str(name), names)}; known: {', '.join(names)}")
