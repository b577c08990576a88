"""The contract between the kit and an implementation.

The signature is the claim: keyword parameters that a function accepts are the options on which it is tested, and an
option that it lacks is not claimed. Everything else has a default, so a bare function is an implementation too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from ..spec.nearest import nearest
from ..spec.operations import conventions as known_conventions
from ..spec.operations import operations
from .device import wished
from .presets import PRESETS, preset_named, preset_of
from .signature import PLAIN, ContractError, Keywords, positional, read_signature
from .takes import EVERYTHING, Takes, read_rules

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
    operation: one of spec.operations.
    arrays, layout, dtypes, device: how arrays arrive and come back. Without dtypes: USUAL_DTYPES of the arrays. Without a
    device: the one that the run asks for, else the CPU for PyTorch and the default of JAX.
    options: option names that the signature claims.
    conventions: declared choices of conventions of the spec; others are probed.
    claims: promises beyond correctness.
    arithmetic: None, a named model, a mapping of its fields, or a mapping dtype → either.
    backward: called as backward(dout, q, k, v, **options) → (dq, dk, dv); None for the framework's own differentiation, where
    the arrays have one; False where there are no gradients. backward_options: options that it is tested on.
    supports: returns None, or the reason why one problem is refused.
    mode: one of MODES.
    takes: rules on sizes, and options that it refuses or always has; as declared, or as a survey found.
    keywords: how options become keywords of the function.
    signature: the preset of whose signature the function is; empty where it has that of the contract.
    misnamed: parameters that are never passed although they nearly name an option, with that option.
    notes: remarks that reports show (an ignored parameter, the version of a compiler).
    origin: where it was found (a file, a module, an entry point).
    host: where it runs, if that is another process; its functions then only stand for those that are there.
    """

    name: str
    function: Callable[..., Any]
    operation: str
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
    takes: Takes = EVERYTHING
    keywords: Keywords = PLAIN
    signature: str = ""
    misnamed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    origin: str = ""
    host: Any = None

    def is_of(self, function: Any) -> bool:
        """Whether it was made of this function."""
        return self.function is function or getattr(self.function, "__wrapped__", self) is function

    @property
    def compiles(self) -> bool:
        """Whether each new shape costs a compilation."""
        return self.arrays == "jax" or self.mode == "compiled"

    @property
    def differentiable(self) -> bool:
        """Whether gradients can be asked for: by `backward`, or by differentiating through the framework."""
        return callable(self.backward) or (self.backward is None and self.arrays in DIFFERENTIATING)

    @property
    def backward_address(self) -> str:
        """`:name` for a backward pass in the module of the function, else `module:name`; empty where it has none of its own."""
        if self.host is not None or not callable(self.backward):
            return str(getattr(self.host, "backward_address", ""))
        module = str(getattr(self.backward, "__module__", ""))
        place = "" if module == getattr(self.function, "__module__", None) else module
        return f"{place}:{getattr(self.backward, '__name__', '')}"


REGISTRY: dict[str, Implementation] = {}
"""Implementations that decorated functions registered in this process, by name."""

_RECORDS: list[list[Implementation]] = []

F = TypeVar("F", bound=Callable[..., Any])


def implementation(
    operation: str = "attention",
    *,
    name: str | None = None,
    arrays: str | None = None,
    layout: str | None = None,
    dtypes: Iterable[str] | None = None,
    conventions: Mapping[str, str] | None = None,
    claims: Iterable[str] = (),
    arithmetic: Any = None,
    backward: Callable[..., Any] | bool | None = None,
    supports: Callable[[ProblemView], str | None] | None = None,
    device: str | None = None,
    mode: str | None = None,
    sizes: Mapping[str, Any] | None = None,
    always: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
    signature: str | None = None,
    notes: Iterable[str] = (),
) -> Callable[[F], F]:
    """Declare the decorated function as an implementation, register it, and return the function unchanged.

    mode: one of MODES; without it `compiled` for JAX arrays, else `eager`.
    conventions: name → choice, also `name with option` → the choice where that option is given.
    sizes: size → the rule that it keeps: a number, several, another size (`{"hkv": "hq"}`), `<= sk`, `multiple of 16`.
    always: options that every call has, with their value (`{"causal": True}` for a kernel that is only causal).
    rename: parameter → option, where the function has another name for it (`{"is_causal": "causal"}`).
    signature: one of presets.PRESETS, for a function that has the signature of a well-known library.
    Raises ContractError for an unknown operation, array kind, layout, dtype, convention, claim, mode, size or option.
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
            sizes=sizes,
            always=always,
            rename=rename,
            signature=signature,
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
    arrays: str | None = None,
    layout: str | None = None,
    dtypes: Iterable[str] | None = None,
    conventions: Mapping[str, str] | None = None,
    claims: Iterable[str] = (),
    arithmetic: Any = None,
    backward: Callable[..., Any] | bool | None = None,
    supports: Callable[[ProblemView], str | None] | None = None,
    device: str | None = None,
    mode: str | None = None,
    sizes: Mapping[str, Any] | None = None,
    always: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
    signature: str | None = None,
    notes: Iterable[str] = (),
    origin: str = "",
) -> Implementation:
    """The Implementation of a function, its options read from the signature. Registers nothing.

    Raises ContractError as `implementation` does, and where the signature cannot be called as function(q, k, v, **options).
    """
    called = name or str(getattr(function, "__name__", type(function).__name__))
    _one_of(called, "operation", operation, operations())
    if signature is not None:
        function, arrays, layout, dtypes, conventions = _preset(
            called, signature, function, arrays, layout, dtypes, conventions
        )
    arrays, layout = arrays or "numpy", layout or "bhsd"
    _one_of(called, "arrays", arrays, ARRAYS)
    _one_of(called, "layout", layout, LAYOUTS)
    dtypes = USUAL_DTYPES[arrays] if dtypes is None else (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
    if not dtypes:
        raise ContractError(f"{called}: dtypes is empty; name at least one of {', '.join(DTYPES)}")
    for dtype in dtypes:
        _one_of(called, "dtype", dtype, DTYPES)
    _check_conventions(called, conventions or {}, operation)
    mode = mode or ("compiled" if arrays == "jax" else "eager")
    _one_of(called, "mode", mode, MODES)
    claimed = frozenset((claims,) if isinstance(claims, str) else claims)
    for claim in claimed:
        _one_of(called, "claim", claim, CLAIMS)
    apart = PRESETS[signature].pairs if signature else {}
    read = read_signature(called, function, operation, rename or {}, always or {})
    return Implementation(
        name=called,
        function=function,
        operation=operation,
        arrays=arrays,
        layout=layout,
        dtypes=dtypes,
        options=read.options,
        conventions=dict(conventions or {}),
        claims=claimed,
        arithmetic=arithmetic,
        backward=backward,
        backward_options=_backward_options(called, backward, operation, read.options) | frozenset(always or {}),
        supports=supports,
        device=device or (wished() if arrays in ("torch", "jax") else None),
        mode=mode,
        takes=Takes(tuple(_sizes(called, sizes or {})), dict(always or {}), pairs=apart),
        keywords=read.keywords,
        signature=signature or "",
        misnamed={parameter: near for parameter, near in read.unmapped.items() if near},
        notes=(*((notes,) if isinstance(notes, str) else notes), *read.notes(operation)),
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


def _backward_options(called: str, backward: Any, operation: str, options: frozenset[str]) -> frozenset[str]:
    """Options on which gradients are asked for: those of the forward that `backward` takes too. It takes all with **options."""
    if backward is True or not (backward is None or backward is False or callable(backward)):
        raise ContractError(f"{called}: backward is {backward!r}; give a function(dout, q, k, v, **options), None or False")
    if not callable(backward):
        return options
    named, takes_all = positional(f"{called}: backward", backward)
    due = ("dout", *operations()[operation]["arguments"])
    if len(named) < len(due):
        raise ContractError(f"{called}: backward must take ({', '.join(due)}) as its first parameters")
    if takes_all:
        return options
    return options & read_signature(f"{called}: backward", partial(backward, None), operation, {}, {}).options


def _preset(
    called: str,
    signature: str,
    function: Callable[..., Any],
    arrays: str | None,
    layout: str | None,
    dtypes: Iterable[str] | None,
    conventions: Mapping[str, str] | None,
) -> tuple[Callable[..., Any], str, str, Iterable[str] | None, Mapping[str, str]]:
    """A function of a well-known signature as the contract calls it, with what is declared, and what the preset says else."""
    preset = preset_named(called, signature)
    usual = preset.dtypes if arrays in (None, preset.arrays) else None
    declared = {**preset.conventions, **(conventions or {})}
    return preset_of(function, preset), arrays or preset.arrays, layout or preset.layout, dtypes or usual, declared


def _check_conventions(called: str, conventions: Mapping[str, str], operation: str) -> None:
    choices = {key: tuple(entry["choices"]) for key, entry in known_conventions().items()}
    for key, choice in conventions.items():
        convention, mark, option = key.partition(" with ")
        _one_of(called, "convention", convention, choices)
        if mark:
            _one_of(called, f"option in {key!r}:", option, operations()[operation]["options"])
        _one_of(called, f"choice of {convention}", choice, choices[convention])


def _sizes(called: str, sizes: Mapping[str, Any]) -> Iterator[Any]:
    """The rules that `sizes=` states."""
    for size, wish in sizes.items():
        try:
            yield from read_rules(size, wish)
        except ValueError as error:
            raise ContractError(f"{called}: sizes: {error}") from None


def _one_of(called: str, what: str, value: object, known: Iterable[str]) -> None:
    names = tuple(known)
    if value not in names:
        raise ContractError(f"{called}: unknown {what} {value!r}; known: {', '.join(names)}{nearest(str(value), names)}")


def _origin(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "") or ""
    return f"{module}:{getattr(function, '__qualname__', '')}".strip(":")
