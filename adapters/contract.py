"""The contract between the kit and an implementation.

The signature is the claim: keyword parameters that a function accepts are the options on which it is tested, and an
option that it lacks is not claimed. Everything else has a default, so a bare function is an implementation too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.resources import files
from typing import Any, Protocol, TypeVar

import yaml

from .device import wished

__all__ = [
    "MODES",
    "REGISTRY",
    "ContractError",
    "Implementation",
    "ProblemView",
    "implementation",
    "implementation_of",
    "recording",
]

ARRAYS = ("numpy", "torch", "jax")
LAYOUTS = ("bhsd", "bshd")
WIDE_DTYPES = ("float32", "float16", "bfloat16")
"""Dtypes of inputs, and of outputs."""
FLOAT8_DTYPES = ("float8_e4m3fn", "float8_e5m2")
"""Dtypes of inputs only. The output of a float8 call is of whichever of WIDE_DTYPES is returned; a bias is bfloat16."""
DTYPES = WIDE_DTYPES + FLOAT8_DTYPES
USUAL_DTYPES = {"numpy": ("float32",), "torch": WIDE_DTYPES, "jax": WIDE_DTYPES}
"""What an implementation is tested in when it names no dtypes: never float8, for which a kernel must have been written. Plain
NumPy computes in the dtype of its inputs, and half precision throughout is an arithmetic that has to be declared."""

DIFFERENTIATING = ("torch", "jax")
"""Arrays whose framework differentiates a function by itself."""

MODES = ("eager", "compiled", "interpreted")
"""How calls run: as they are written; by a compiler that makes a program of each shape that it meets; by an interpreter of
what is meant to be compiled. A run asks fewer problems of the second and third, and the third meets small ones."""

CLAIMS = ("deterministic", "batch-invariant", "split-invariant", "padding-invariant", "layout-invariant")


class ContractError(Exception):
    """An implementation is declared in a way that the contract does not know. The message names the thing and the fix."""


class ProblemView(Protocol):
    """What `supports` may look at: sizes b, hq, hkv, sq, sk, d, dv; `dtype`; `options`, a mapping of the given options."""

    @property
    def b(self) -> int: ...
    @property
    def hq(self) -> int: ...
    @property
    def hkv(self) -> int: ...
    @property
    def sq(self) -> int: ...
    @property
    def sk(self) -> int: ...
    @property
    def d(self) -> int: ...
    @property
    def dv(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, eq=False)
class Implementation:
    """One thing under test.

    name: what reports call it; `family/name` for shipped ones.
    function: called as function(q, k, v, **options) with only claimed options.
    operation: a key of spec/operations.yaml.
    arrays, layout, dtypes, device: how arrays arrive and come back. Without dtypes: USUAL_DTYPES of the arrays. Without a
    device: the one that the run asks for, else the CPU for PyTorch and the default of JAX.
    options: option names that the signature claims.
    conventions: declared choices of spec/conventions.yaml; others are probed.
    claims: promises beyond correctness.
    arithmetic: None, a named model, a mapping of its fields, or a mapping dtype → either.
    backward: called as backward(dout, q, k, v, **options) → (dq, dk, dv); None for the framework's own differentiation, where
    the arrays have one; False where there are no gradients. backward_options: options that it is tested on.
    supports: returns None, or the reason why one problem is refused.
    mode: one of MODES.
    notes: remarks that reports show (an ignored parameter, the version of a compiler).
    origin: where it was found (a file, a module, an entry point).
    """

    name: str
    function: Callable[..., Any]
    operation: str = "attention"
    arrays: str = "numpy"
    layout: str = "bhsd"
    dtypes: tuple[str, ...] = WIDE_DTYPES
    options: frozenset[str] = frozenset()
    conventions: Mapping[str, str] = field(default_factory=dict)
    claims: frozenset[str] = frozenset()
    arithmetic: Any = None
    backward: Callable[..., Any] | bool | None = None
    backward_options: frozenset[str] = frozenset()
    supports: Callable[[ProblemView], str | None] | None = None
    device: str | None = None
    mode: str = "eager"
    notes: tuple[str, ...] = ()
    origin: str = ""

    @property
    def compiles(self) -> bool:
        """Whether each new shape costs a compilation."""
        return self.arrays == "jax" or self.mode == "compiled"

    @property
    def differentiable(self) -> bool:
        """Whether gradients can be asked for: by `backward`, or by differentiating through the framework."""
        return callable(self.backward) or (self.backward is None and self.arrays in DIFFERENTIATING)


REGISTRY: dict[str, Implementation] = {}
"""Implementations that decorated functions registered in this process, by name."""

_RECORDS: list[list[Implementation]] = []

F = TypeVar("F", bound=Callable[..., Any])


def implementation(
    operation: str = "attention",
    *,
    name: str | None = None,
    arrays: str = "numpy",
    layout: str = "bhsd",
    dtypes: Iterable[str] | None = None,
    conventions: Mapping[str, str] | None = None,
    claims: Iterable[str] = (),
    arithmetic: Any = None,
    backward: Callable[..., Any] | bool | None = None,
    supports: Callable[[ProblemView], str | None] | None = None,
    device: str | None = None,
    mode: str | None = None,
    notes: Iterable[str] = (),
) -> Callable[[F], F]:
    """Declare the decorated function as an implementation, register it, and return the function unchanged.

    mode: one of MODES; without it `compiled` for JAX arrays, else `eager`.
    Raises ContractError for an unknown operation, array kind, layout, dtype, convention, claim or mode.
    """
    if callable(operation):
        raise ContractError("write @attnspec.implementation() with parentheses")

    def declare(function: F) -> F:
        made = implementation_of(
            function,
            operation=operation,
            name=name,
            arrays=arrays,
            layout=layout,
            dtypes=dtypes,
            conventions=conventions,
            claims=claims,
            arithmetic=arithmetic,
            backward=backward,
            supports=supports,
            device=device,
            mode=mode,
            notes=notes,
        )
        REGISTRY[made.name] = made
        for record in _RECORDS:
            record.append(made)
        return function

    return declare


def implementation_of(
    function: Callable[..., Any],
    *,
    operation: str = "attention",
    name: str | None = None,
    arrays: str = "numpy",
    layout: str = "bhsd",
    dtypes: Iterable[str] | None = None,
    conventions: Mapping[str, str] | None = None,
    claims: Iterable[str] = (),
    arithmetic: Any = None,
    backward: Callable[..., Any] | bool | None = None,
    supports: Callable[[ProblemView], str | None] | None = None,
    device: str | None = None,
    mode: str | None = None,
    notes: Iterable[str] = (),
    origin: str = "",
) -> Implementation:
    """The Implementation of a function, its options read from the signature. Registers nothing.

    Raises ContractError as `implementation` does, and where the signature cannot be called as function(q, k, v, **options).
    """
    called = name or str(getattr(function, "__name__", type(function).__name__))
    _one_of(called, "operation", operation, operations())
    _one_of(called, "arrays", arrays, ARRAYS)
    _one_of(called, "layout", layout, LAYOUTS)
    dtypes = USUAL_DTYPES[arrays] if dtypes is None else (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
    if not dtypes:
        raise ContractError(f"{called}: dtypes is empty; name at least one of {', '.join(DTYPES)}")
    for dtype in dtypes:
        _one_of(called, "dtype", dtype, DTYPES)
    choices = {key: tuple(entry["choices"]) for key, entry in _spec("conventions.yaml").items()}
    for convention, choice in (conventions or {}).items():
        _one_of(called, "convention", convention, choices)
        _one_of(called, f"choice of {convention}", choice, choices[convention])
    mode = mode or ("compiled" if arrays == "jax" else "eager")
    _one_of(called, "mode", mode, MODES)
    claimed = frozenset((claims,) if isinstance(claims, str) else claims)
    for claim in claimed:
        _one_of(called, "claim", claim, CLAIMS)
    options, remarks = _options(called, function, operation)
    return Implementation(
        name=called,
        function=function,
        operation=operation,
        arrays=arrays,
        layout=layout,
        dtypes=dtypes,
        options=options,
        conventions=dict(conventions or {}),
        claims=claimed,
        arithmetic=arithmetic,
        backward=backward,
        backward_options=_backward_options(called, backward, operation, options),
        supports=supports,
        device=device or (wished() if arrays in ("torch", "jax") else None),
        mode=mode,
        notes=(*((notes,) if isinstance(notes, str) else notes), *remarks),
        origin=origin or _origin(function),
    )


@contextmanager
def recording() -> Iterator[list[Implementation]]:
    """A list of what is registered inside the block, in order. One name registered twice stands in it twice."""
    record: list[Implementation] = []
    _RECORDS.append(record)
    try:
        yield record
    finally:
        _RECORDS[:] = [other for other in _RECORDS if other is not record]


def renamed(made: Implementation, name: str) -> Implementation:
    """The same implementation under another name."""
    return replace(made, name=name)


@cache
def operations() -> tuple[str, ...]:
    """Names of the operations that the spec states."""
    return tuple(_spec("operations.yaml"))


@cache
def _spec(name: str) -> dict[str, Any]:
    text = files("attnspec.spec").joinpath(name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _options(called: str, function: Callable[..., Any], operation: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Options that the signature accepts, and a note for each keyword that is no option of the operation."""
    known = _spec("operations.yaml")[operation]["options"]
    arguments = tuple(_spec("operations.yaml")[operation]["arguments"])
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"{called}: its signature cannot be read ({error}); wrap it in a def with the options it takes"
        ) from None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise ContractError(
            f"{called}: takes **{next(p.name for p in parameters if p.kind is p.VAR_KEYWORD)}, so its signature claims nothing "
            "and everything; name the options that it supports"
        )
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    if not any(p.kind is p.VAR_POSITIONAL for p in positional) and len(positional) < len(arguments):
        raise ContractError(f"{called}: must take ({', '.join(arguments)}) as its first parameters")
    rest = positional[len(arguments) :] + [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    options, notes = set(), []
    for p in rest:
        if p.kind is p.VAR_POSITIONAL:
            continue
        if p.name in known:
            options.add(p.name)
        elif p.default is p.empty:
            raise ContractError(
                f"{called}: parameter {p.name!r} has no default and is no option of {operation}; "
                f"the options are {', '.join(known)}"
            )
        else:
            near = _nearest(p.name, known)
            notes.append(f"parameter {p.name!r} is no option of {operation} and is never passed{near}")
    for pair in (("q_segments", "kv_segments"), ("block_mask", "block_size")):
        if len(options & set(pair)) == 1:
            raise ContractError(f"{called}: {pair[0]} and {pair[1]} come together; accept both or neither")
    return frozenset(options), tuple(notes)


def _backward_options(called: str, backward: Any, operation: str, options: frozenset[str]) -> frozenset[str]:
    """Options on which gradients are asked for: those of the forward that `backward` takes too. It takes all with **options."""
    if backward is True or not (backward is None or backward is False or callable(backward)):
        raise ContractError(f"{called}: backward is {backward!r}; give a function(dout, q, k, v, **options), None or False")
    if not callable(backward):
        return options
    named, takes_all = _positional(f"{called}: backward", backward)
    due = ("dout", *_spec("operations.yaml")[operation]["arguments"])
    if len(named) < len(due):
        raise ContractError(f"{called}: backward must take ({', '.join(due)}) as its first parameters")
    return options if takes_all else options & _options(f"{called}: backward", partial(backward, None), operation)[0]


def _positional(called: str, function: Callable[..., Any]) -> tuple[list[str], bool]:
    """Names of the parameters that are given by position, and whether any keyword is taken."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise ContractError(f"{called}: its signature cannot be read ({error})") from None
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional, any(p.kind is p.VAR_KEYWORD for p in parameters)


def _one_of(called: str, what: str, value: object, known: Iterable[str]) -> None:
    names = tuple(known)
    if value not in names:
        raise ContractError(f"{called}: unknown {what} {value!r}; known: {', '.join(names)}{_nearest(str(value), names)}")


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib

    names = list(known)
    match = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not match:
        match = [n for n in names if n in word or word in n][:1]
    return f"; did you mean {match[0]!r}?" if match else ""


def _origin(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "") or ""
    return f"{module}:{getattr(function, '__qualname__', '')}".strip(":")
