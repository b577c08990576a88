"""The faults by name: what spec/faults.yaml says of each, joined with the function that makes the mistake.

`as_callable` gives a fault as a plain function on NumPy arrays that the kit can hold its laws against, as it would a
kernel. It computes in float64 and rounds once, so that whatever a law finds is the mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ..rounding import DTYPES, round_to
from . import (
    accuracy,
    causal,
    empty,
    exponential,
    flash,
    float8,
    gradients,
    heads,
    interface,
    layout,
    masks,
    numerics,
    scores,
    splits,
    weights,
    windows,
)
from .making import BACKWARDS, MAKERS, Function, Maker, differentiated, returned_in, textbook

__all__ = ["CORRECT", "FAULTS", "Fault", "as_callable", "load"]

CHAPTERS = (
    weights,
    causal,
    masks,
    windows,
    empty,
    scores,
    heads,
    flash,
    splits,
    numerics,
    layout,
    interface,
    accuracy,
    exponential,
    float8,
    gradients,
)
"""The modules that register the faults."""

CORRECT = "correct"
"""The name under which `as_callable` gives the definition itself."""


@dataclass(frozen=True)
class Fault:
    """One known mistake.

    title: the mistake in words. operation: a key of spec/operations.yaml. links: where it was made, or what it violates.
    needs: options without which it cannot show; a problem that lacks one of them gets the correct answer.
    make: gives a function(q, k, v, **options) → (out, lse, weights, …) in float64, fresh of anything that it remembers.
    equivalent: a proof that no input can tell it from the definition, or empty.
    dtypes: those in which it can be told from rounding, empty for all; because: the derivation of that.
    unless: choices of conventions (spec/conventions.yaml) under which it is no mistake.
    remembers: whether what it gives depends on the calls before.
    """

    name: str
    title: str
    operation: str
    links: tuple[str, ...]
    needs: tuple[str, ...]
    make: Maker
    about: str = ""
    equivalent: str = ""
    dtypes: tuple[str, ...] = ()
    because: str = ""
    unless: Mapping[str, str] = field(default_factory=dict)
    remembers: bool = False

    def shows_in(self, dtype: str) -> bool:
        """Whether it can be told from rounding in a dtype."""
        return not self.dtypes or dtype in self.dtypes

    @property
    def function(self) -> Function:
        """A fresh function of the fault."""
        return self.make()


def load() -> dict[str, Fault]:
    """The faults in the order of spec/faults.yaml. Raises ValueError for an entry without a maker, and the reverse."""
    text = files("attnspec.spec").joinpath("faults.yaml").read_text(encoding="utf-8")
    return joined(yaml.safe_load(text), MAKERS)


def joined(entries: dict[str, dict[str, Any]], makers: dict[str, Maker]) -> dict[str, Fault]:
    """Entries of spec/faults.yaml with their makers. Raises ValueError as `load` does."""
    for name in entries:
        if name not in makers:
            raise ValueError(f'spec/faults.yaml states {name!r}, which no @fault("{name}") makes; write it in reference/faults')
    for name, maker in makers.items():
        if name not in entries:
            raise ValueError(f"{maker.__module__} makes {name!r}, which has no entry in spec/faults.yaml; write one")
    return {
        name: Fault(
            name=name,
            title=entry["title"],
            operation=entry["operation"],
            links=tuple(entry["links"]),
            needs=tuple(entry["needs"]),
            make=makers[name],
            about=entry.get("about", ""),
            equivalent=entry.get("equivalent", ""),
            dtypes=tuple(entry.get("dtypes", ())),
            because=entry.get("because", ""),
            unless=entry.get("unless", {}),
            remembers=entry.get("remembers", False),
        )
        for name, entry in entries.items()
    }


FAULTS = load()


def as_callable(name: str, *, causal_alignment: str = "top-left", empty_rows: str = "zeros") -> Callable[..., Any]:
    """A fault, or `correct`, as a function on NumPy arrays, fresh of anything that it remembers.

    causal_alignment, empty_rows: the conventions that it keeps, its mistake aside.

    The function takes every option of attention and returns out, or (out, lse), (out, weights), (out, lse, weights), as
    return_lse and return_weights ask: out and weights in the dtype of q (float32 where that is float8), lse in float32, each
    rounded once from float64. It raises ValueError for arrays that do not fit together.

    The definition, and faults of the backward pass, have that as `backward`, a function(dout, q, k, v, **options) →
    (dq, dk, dv) in the dtype of q; for other faults `backward` is None.

    Raises KeyError for an unknown name.
    """
    function = textbook() if name == CORRECT else FAULTS[name].make()
    kept = {"causal_alignment": causal_alignment, "empty_rows": empty_rows}

    def attend(
        q: NDArray[Any],
        k: NDArray[Any],
        v: NDArray[Any],
        *,
        scale: float | None = None,
        causal: bool = False,
        window: tuple[int | None, int | None] | None = None,
        mask: NDArray[Any] | None = None,
        bias: NDArray[Any] | None = None,
        alibi_slopes: NDArray[Any] | None = None,
        softcap: float | None = None,
        sinks: NDArray[Any] | None = None,
        q_segments: NDArray[Any] | None = None,
        kv_segments: NDArray[Any] | None = None,
        kv_lengths: NDArray[Any] | None = None,
        q_descale: NDArray[Any] | None = None,
        k_descale: NDArray[Any] | None = None,
        v_descale: NDArray[Any] | None = None,
        dropout_p: float = 0.0,
        seed: int = 0,
        return_lse: bool = False,
        return_weights: bool = False,
    ) -> Any:
        with np.errstate(all="ignore"):
            answer = function(
                q, k, v,
                scale=scale, causal=causal, window=window, mask=mask, bias=bias, alibi_slopes=alibi_slopes,
                softcap=softcap, sinks=sinks, q_segments=q_segments, kv_segments=kv_segments, kv_lengths=kv_lengths,
                q_descale=q_descale, k_descale=k_descale, v_descale=v_descale,
                dropout_p=dropout_p, seed=seed, return_lse=return_lse, return_weights=return_weights, **kept,
            )  # fmt: skip
        returned = returned_in(q.dtype.name)
        asked = [_rounded(answer.out, answer.dtype or returned)]
        if return_lse:
            asked.append(_rounded(answer.lse, "float32"))
        if return_weights:
            asked.append(_rounded(answer.weights, returned))
        return asked[0] if len(asked) == 1 else tuple(asked)

    attend.__name__ = attend.__qualname__ = name
    attend.backward = _backward(name, kept)  # type: ignore[attr-defined]
    return attend


def _backward(name: str, kept: dict[str, str]) -> Callable[..., Any] | None:
    """The backward pass of a fault that has one, or of the definition, each gradient rounded once; None for other faults."""
    maker = differentiated if name == CORRECT else BACKWARDS.get(name)
    if maker is None:
        return None
    function = maker()

    def backward(
        dout: NDArray[Any],
        q: NDArray[Any],
        k: NDArray[Any],
        v: NDArray[Any],
        *,
        scale: float | None = None,
        causal: bool = False,
        window: tuple[int | None, int | None] | None = None,
        mask: NDArray[Any] | None = None,
        bias: NDArray[Any] | None = None,
        alibi_slopes: NDArray[Any] | None = None,
        softcap: float | None = None,
        sinks: NDArray[Any] | None = None,
        q_segments: NDArray[Any] | None = None,
        kv_segments: NDArray[Any] | None = None,
        kv_lengths: NDArray[Any] | None = None,
    ) -> Any:
        with np.errstate(all="ignore"):
            found = function(
                dout, q, k, v,
                scale=scale, causal=causal, window=window, mask=mask, bias=bias, alibi_slopes=alibi_slopes,
                softcap=softcap, sinks=sinks, q_segments=q_segments, kv_segments=kv_segments, kv_lengths=kv_lengths, **kept,
            )  # fmt: skip
        return tuple(_rounded(x, q.dtype.name) for x in found)

    return backward


def _rounded(x: Any, dtype: str) -> NDArray[Any]:
    with np.errstate(all="ignore"):
        return round_to(x, dtype).astype(DTYPES[dtype])
