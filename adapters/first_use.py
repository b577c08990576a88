"""Who took arrays that do not fit together: what a function changes before operations of its framework combine them.

The call is made once more with arrays that are followed: by a function mode in PyTorch, by the jaxpr in JAX, by a subclass of
ndarray in NumPy. What a function hides from its framework, as one that launches a kernel itself does, cannot be seen.

Sources: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-all-torch-api-with-modes ·
https://docs.jax.dev/en/latest/jaxpr.html · https://numpy.org/doc/stable/user/basics.dispatch.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

__all__ = ["FirstUse", "first_use"]

Function = Callable[..., Any]
Kind = tuple[str, tuple[int, ...]]
"""dtype and shape."""

Of = frozenset[str]
"""The arguments from which an array was made."""


@dataclass(frozen=True)
class FirstUse:
    """The operations that combined arguments for the first time, in their order.

    changed: what was changed before, in words; empty where nothing was. A change is another dtype or another number of
    elements: transposed and reshaped arrays are still the same numbers.
    """

    operations: tuple[str, ...]
    changed: tuple[str, ...]


def first_use(kind: str, function: Function, arrays: Mapping[str, Any], keywords: Mapping[str, Any]) -> FirstUse | None:
    """How the call function(*arrays, **keywords) first combines its arrays; None where no two of them are seen to meet.

    kind: of arrays, one of contract.ARRAYS. arrays: the positional arguments by the names that a reader is told.
    Never raises for what the function does.
    """
    met = _Meetings(arrays)
    with contextlib.suppress(_AllMet, Exception):
        FOLLOWED[kind](function, dict(arrays), dict(keywords), met)
    return met.told() if met.first else None


class _AllMet(BaseException):
    """Ends the call: what is asked is known. No `except Exception` of a kernel holds it."""


class _Meetings:
    """first: the operation in which each argument was first combined with another one, and what it was then."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.given = {name: _kind(x) for name, x in arrays.items()}
        self.first: dict[str, tuple[str, Kind]] = {}

    def combined(self, operation: str, inputs: Iterable[tuple[Of, Kind]]) -> Of:
        """Note an operation, and return from which arguments its result is made. Raises _AllMet after the last meeting."""
        inputs = list(inputs)
        together = frozenset().union(*(of for of, _ in inputs))
        if len(together) > 1:
            for of, kind in inputs:
                if len(of) == 1:
                    self.first.setdefault(next(iter(of)), (operation, kind))
            if len(self.first) == len(self.given):
                raise _AllMet
        return together

    def told(self) -> FirstUse:
        operations = tuple(dict.fromkeys(operation for operation, _ in self.first.values()))
        return FirstUse(operations, tuple(self._changes()))

    def _changes(self) -> Iterator[str]:
        for name, (_, (dtype, shape)) in self.first.items():
            own_dtype, own_shape = self.given[name]
            if dtype != own_dtype:
                yield f"{name} to {dtype}"
            if prod(shape) != prod(own_shape):
                yield f"{name} from {prod(own_shape)} elements to {prod(shape)}"


def _kind(x: Any) -> Kind:
    return str(x.dtype).removeprefix("torch."), tuple(x.shape)


# NumPy


class _Followed(np.ndarray):
    """An array that knows from which arguments it was made, as do its views, its copies and what comes of it."""

    of: Of = frozenset()
    met: _Meetings

    def __array_finalize__(self, obj: Any) -> None:
        if isinstance(obj, _Followed) and obj.of:
            self.of, self.met = obj.of, obj.met

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        keywords = {name: _plain(value) for name, value in keywords.items()}
        return self._through(f"numpy.{ufunc.__name__}", inputs, lambda plain: getattr(ufunc, method)(*plain, **keywords))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        keywords = {name: _plain(value) for name, value in kwargs.items()}
        return self._through(f"numpy.{func.__name__}", args, lambda plain: func(*plain, **keywords))

    def _through(self, operation: str, inputs: Sequence[Any], call: Callable[[list[Any]], Any]) -> Any:
        followed = [x for each in inputs for x in (each if isinstance(each, tuple | list) else (each,))]
        named = [(x.of, _kind(x), x.met) for x in followed if isinstance(x, _Followed) and x.of]
        made = call([_plain(x) for x in inputs])
        if named and isinstance(made, np.ndarray):
            met = named[0][2]
            result = made.view(_Followed)
            result.of, result.met = met.combined(operation, [(of, kind) for of, kind, _ in named]), met
            return result
        return made


def _plain(x: Any) -> Any:
    if isinstance(x, tuple | list):
        return type(x)(_plain(each) for each in x)
    return x.view(np.ndarray) if isinstance(x, _Followed) else x


def _follow_numpy(function: Function, arrays: dict[str, Any], keywords: dict[str, Any], met: _Meetings) -> None:
    followed = [x.view(_Followed) for x in arrays.values()]
    for x, name in zip(followed, arrays, strict=True):
        x.of, x.met = frozenset({name}), met
    function(*followed, **keywords)


# PyTorch


def _follow_torch(function: Function, arrays: dict[str, Any], keywords: dict[str, Any], met: _Meetings) -> None:
    import torch
    from torch.overrides import TorchFunctionMode, resolve_name

    known = {id(x): (x, frozenset({name})) for name, x in arrays.items()}
    # With the array itself, so that no other takes its place in memory.

    class Following(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            parts = [*args, *(kwargs or {}).values()]
            given = [x for each in parts for x in (each if isinstance(each, tuple | list) else (each,))]
            named = [(known[id(x)][1], _kind(x)) for x in given if id(x) in known]
            if named:
                of = met.combined(resolve_name(func) or getattr(func, "__name__", str(func)), named)
                results = made if isinstance(made, tuple | list) else (made,)
                known.update((id(x), (x, of)) for x in results if isinstance(x, torch.Tensor))
            return made

    with Following():
        function(*arrays.values(), **keywords)


# JAX


def _follow_jax(function: Function, arrays: dict[str, Any], keywords: dict[str, Any], met: _Meetings) -> None:
    import jax

    jaxpr = jax.make_jaxpr(lambda *given: function(*given, **keywords))(*arrays.values()).jaxpr
    _follow_jaxpr(jaxpr, {x: frozenset({name}) for x, name in zip(jaxpr.invars, arrays, strict=True)}, met)


def _follow_jaxpr(jaxpr: Any, known: dict[Any, Of], met: _Meetings) -> None:
    """Walk through equations, and into those that only call others."""
    for equation in jaxpr.eqns:
        given = [None if hasattr(x, "val") else x for x in equation.invars]  # a literal is nobody's
        inner = next((part for part in equation.params.values() if hasattr(part, "eqns") or hasattr(part, "jaxpr")), None)
        inner = getattr(inner, "jaxpr", inner)
        if inner is not None and len(inner.invars) == len(given):
            within = {own: known[x] for own, x in zip(inner.invars, given, strict=True) if x in known}
            _follow_jaxpr(inner, within, met)
            made = {x: own for x, own in zip(equation.outvars, inner.outvars, strict=True) if not hasattr(own, "val")}
            known.update({x: within[own] for x, own in made.items() if own in within})
            continue
        named = [(known[x], _kind(x.aval)) for x in given if x is not None and x in known]
        if named:
            of = met.combined(f"jax.lax.{equation.primitive.name}", named)
            known.update(dict.fromkeys(equation.outvars, of))


FOLLOWED: dict[str, Callable[[Function, dict[str, Any], dict[str, Any], _Meetings], None]] = {
    "numpy": _follow_numpy,
    "torch": _follow_torch,
    "jax": _follow_jax,
}
