"""What a law may write for an option: `but(p, softcap=30)`, never `but(p, causal=5)`.

A number that stands in an equation is known when the law is loaded. Passed on as it is, one that no caller would pass makes an
implementation refuse or misread it, and the law then tests that. What an expression gives is known only when it runs.
"""

from __future__ import annotations

from ...spec.nearest import nearest
from ..operations import operation_named
from ..problems.descriptors import StructureError
from ..problems.option import read_option
from ..problems.problem import MEMORIES
from .errors import SpecError
from .grammar import Expression, Name, Negation, Number

__all__ = ["check_option"]

OF_NUMBERS = {
    "float": "a number or absent",
    "int": "a whole number or absent",
    "bool": "true, false or absent",
    "float32 (B, Hkv)": "a number, the same for every key head, or absent",
}
"""By the type of an option in its operation.yaml: what can be written for it as a number or a name."""


def check_option(word: str, option: str, value: Expression, operation: str) -> None:
    """Raise SpecError (without a place) for an unknown option, or a number or name that it cannot be."""
    from ..vocabulary import CONSTANTS, option_types

    known = option_types(operation)
    if option not in known:
        raise SpecError(f"{word}: unknown option {option!r}{nearest(option, known)}")
    number = _number(value)
    name = value.name if isinstance(value, Name) and value.name in CONSTANTS else None
    if number is None and name is None:
        return
    wanted = " or ".join(MEMORIES) if option == "memory" else OF_NUMBERS.get(known[option], "absent, or what a word gives")
    if not _fits(option, known[option], number, name):
        raise SpecError(f"{word}: {option} is {wanted}, not {name if number is None else f'{number:g}'}")
    options = operation_named(operation).options
    if number is not None and option in options and known[option] in ("float", "int"):
        try:
            read_option(options, option, int(number) if known[option] == "int" else number)
        except StructureError as error:
            raise SpecError(f"{word}: {error}") from None


def _number(value: Expression) -> float | None:
    if isinstance(value, Negation):
        inner = _number(value.operand)
        return None if inner is None else -inner
    return value.value if isinstance(value, Number) else None


def _fits(option: str, kind: str, number: float | None, name: str | None) -> bool:
    if option == "memory":
        return name in MEMORIES
    if name is not None:
        return name == "absent" or (name in ("true", "false") and kind == "bool")
    assert number is not None
    return kind in OF_NUMBERS and kind != "bool" and (kind != "int" or number.is_integer())
