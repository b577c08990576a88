"""What a signature claims, and how a call is put in its words.

Keyword parameters that are options of the operation are claimed. A function may name them otherwise (`rename`), lack one
that it always applies (`always`), or have a default of its own, which is then never trusted: the value that the spec means
is passed with every call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ..spec.nearest import nearest
from ..spec.operations import operations
from ..spec.shapes import is_array

__all__ = ["PLAIN", "ContractError", "Keywords", "positional", "read_signature"]


ROOTED = "1/sqrt(D)"
"""What operation.yaml writes for a value that is known with D."""


class ContractError(Exception):
    """An implementation is declared in a way that the contract does not know. The message names the thing and the fix."""


@dataclass(frozen=True)
class Keywords:
    """How options of the spec become keywords of one function.

    names: option → parameter, where they differ. absent: options that every call of the function has and that it takes no
    parameter for. own: options whose default in the signature is missing or differs from the spec's, with the spec's.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    own: Mapping[str, Any] = field(default_factory=dict)

    def of(self, options: Mapping[str, Any], features: int) -> dict[str, Any]:
        """The keywords of one call. features: D, from which a default scale follows."""
        given = {**{name: features**-0.5 if value == ROOTED else value for name, value in self.own.items()}, **options}
        return {self.names.get(name, name): value for name, value in given.items() if name not in self.absent}


PLAIN = Keywords()
"""Of a function whose parameters are named as the options are."""


@dataclass(frozen=True)
class Read:
    """What was read off a signature.

    options: that it claims. keywords: how they are passed. unmapped: parameters that are no option and are never passed, with
    the option that each is most like, or nothing.
    """

    options: frozenset[str]
    keywords: Keywords
    unmapped: Mapping[str, str]

    def notes(self, operation: str) -> tuple[str, ...]:
        """A remark for each parameter that is never passed."""
        return tuple(
            f"parameter {name!r} is no option of {operation} and is never passed"
            + (f"; did you mean {near!r}? rename={{{name!r}: {near!r}}} passes it" if near else "")
            for name, near in self.unmapped.items()
        )


def read_signature(
    called: str, function: Callable[..., Any], operation: str, rename: Mapping[str, str], always: Mapping[str, Any]
) -> Read:
    """What the signature of a function (q, k, v, **options) claims.

    rename: parameter → option. always: options with the value that every call has. Raises ContractError where the function
    cannot be called so, naming the parameter and the fix.
    """
    known = operations()[operation]["options"]
    parameters = _parameters(called, function)
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise ContractError(
            f"{called}: takes **{next(p.name for p in parameters if p.kind is p.VAR_KEYWORD)}, so its signature claims nothing "
            "and everything; name the options that it supports"
        )
    rest = _after_arguments(called, parameters, tuple(operations()[operation]["arguments"]))
    _check_rename(called, rename, [p.name for p in rest], known)
    _check_always(called, always, known)
    names, own, unmapped = {}, {}, {}
    for p in rest:
        option = rename.get(p.name, p.name)
        if option in known:
            names[option] = p.name
            if option in always:
                own[option] = always[option]
            elif not _same(known[option], p.default):
                own[option] = known[option].get("otherwise", known[option]["default"])
        elif p.default is p.empty:
            raise ContractError(
                f"{called}: parameter {p.name!r} has no default and is no option of {operation}"
                f"{_hint(p.name, known)}; the options are {', '.join(known)}"
            )
        else:
            unmapped[p.name] = near_option(p.name, [name for name in known if name not in names], known)
    options = frozenset(names) | frozenset(always)
    for option in (name for name in known if name in options):
        other = known[option].get("with", option)
        if other not in options:
            pair = sorted((option, other), key=list(known).index)
            raise ContractError(f"{called}: {pair[0]} and {pair[1]} come together; accept both or neither")
    renamed = {option: name for option, name in names.items() if option != name}
    return Read(options, Keywords(renamed, frozenset(always) - frozenset(names), own), unmapped)


def positional(called: str, function: Callable[..., Any]) -> tuple[list[str], bool]:
    """Names of the parameters that are given by position, and whether any keyword is taken."""
    parameters = _parameters(called, function)
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def near_option(parameter: str, known: list[str], stated: Mapping[str, Any]) -> str:
    """The option that a parameter is most like, or nothing. stated: what operation.yaml says of the options."""
    for name in known:
        if parameter.lower() in stated[name].get("also", ()):
            return name
    match = get_close_matches(parameter.lower(), known, n=1, cutoff=0.75)
    parts = set(parameter.lower().split("_"))
    return match[0] if match else next((name for name in known if name in parts), "")


def _hint(parameter: str, known: Mapping[str, Any]) -> str:
    near = near_option(parameter, list(known), known)
    return f"; if it means {near!r}, declare rename={{{parameter!r}: {near!r}}}" if near else ""


def _parameters(called: str, function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"{called}: its signature cannot be read ({error}); wrap it in a def with the options it takes"
        ) from None


def _after_arguments(called: str, parameters: list[inspect.Parameter], arguments: tuple[str, ...]) -> list[inspect.Parameter]:
    """The parameters behind those that are given by position."""
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    if not any(p.kind is p.VAR_POSITIONAL for p in by_position) and len(by_position) < len(arguments):
        raise ContractError(f"{called}: must take ({', '.join(arguments)}) as its first parameters")
    rest = by_position[len(arguments) :] + [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    return [p for p in rest if p.kind is not p.VAR_POSITIONAL]


def _check_rename(called: str, rename: Mapping[str, str], parameters: list[str], known: Mapping[str, Any]) -> None:
    for parameter, option in rename.items():
        if parameter not in parameters:
            raise ContractError(
                f"{called}: rename names {parameter!r}, which is no parameter of it{nearest(parameter, parameters)}; "
                "write rename={'its parameter': 'option of the spec'}"
            )
        if option not in known:
            raise ContractError(f"{called}: rename: unknown option {option!r}{nearest(option, known)}; known: {_list(known)}")
        if option in parameters and option != parameter:
            raise ContractError(f"{called}: both {parameter!r} and {option!r} would be the option {option!r}; drop one of them")
    for option in {o for o in rename.values() if list(rename.values()).count(o) > 1}:
        raise ContractError(f"{called}: rename gives two parameters to the option {option!r}")


def _check_always(called: str, always: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for option, value in always.items():
        if option not in known:
            raise ContractError(f"{called}: always: unknown option {option!r}{nearest(option, known)}; known: {_list(known)}")
        if is_array(known[option]["type"]) or option.startswith("return_"):
            raise ContractError(f"{called}: always: {option} differs from call to call; only a fixed value can be declared")
        if value is None or value == known[option]["default"]:
            raise ContractError(f"{called}: always: {option}={value!r} is the default of the spec already; remove it")


def _list(known: Mapping[str, Any]) -> str:
    return ", ".join(known)


def _same(stated: Mapping[str, Any], own: Any) -> bool:
    """Whether a default of a signature says what the spec's default says.

    What stands for "not given" differs from library to library: None, 0, False, (-1, -1). Where the default of the spec stands
    for a value that is known with the call only None does.
    """
    spec = stated["default"]
    if own is inspect.Parameter.empty:
        return False
    if "otherwise" in stated:
        return own is None
    if spec in (None, False, 0.0):
        return own in (None, False, 0, "") or own in ((None, None), (-1, -1))
    return bool(own == spec)
