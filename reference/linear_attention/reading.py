"""Reading the arguments of linear attention: checked, in float64, one sequence a batch entry.

What is packed is cut into its sequences, each with a state of its own, so that nothing after this knows of `cu_seqlens`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import real
from .features import width

__all__ = ["Linear", "State", "joined", "read"]

Array = NDArray[Any]
State = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class Linear:
    """Arguments of one call, or of one of its packed sequences.

    q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), float64. log_gate: float64 (B, H, Sk, 1) or (B, H, Sk, Dφ): the
    logarithm of everything that decays the state before a step. beta: float64 (B, H, Sk), or None for no delta rule. active:
    bool (B, Sk), the steps that are no padding. state: float64 (B, H, Dφ, Dv), normalizer: float64 (B, H, Dφ): what the first
    step finds.
    """

    q: Array
    k: Array
    v: Array
    log_gate: Array
    beta: Array | None
    active: Array
    state: Array
    normalizer: Array
    feature_map: str
    causal: bool
    normalize: bool
    scale: float

    @property
    def gated(self) -> bool:
        """Whether anything decays."""
        return bool((self.log_gate != 0).any())


def read(
    q: Any,
    k: Any,
    v: Any,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: Any = None,
    gate: Any = None,
    beta: Any = None,
    initial_state: State | None = None,
    cu_seqlens: Any = None,
    kv_lengths: Any = None,
) -> list[Linear]:
    """The sequences of one call: one for all batch entries together, or one for each packed sequence.

    Raises ValueError for arguments that do not fit together, naming the first.
    """
    arrays = {name: real(name, x) for name, x in (("q", q), ("k", k), ("v", v))}
    b, h, sq, sk, d, dv = _sizes(arrays)
    phi = width(feature_map, d)
    _require(not causal or sq == sk, f"there are {sq} queries and {sk} keys; a causal pass takes as many of each")
    _require(not (normalize and beta is not None), "normalize and beta exclude each other: the delta rule has no normaliser")
    cuts = None if cu_seqlens is None else _cuts(cu_seqlens, b, sq, sk, kv_lengths)
    entries = b if cuts is None else len(cuts) - 1
    state, normalizer = _initial(initial_state, (entries, h, phi, dv))
    whole = Linear(
        arrays["q"],
        arrays["k"],
        arrays["v"],
        _log_gate(decay, gate, (b, h, sk), phi),
        None if beta is None else _shaped("beta", beta, (b, h, sk)),
        _active(kv_lengths, b, sk),
        state,
        normalizer,
        feature_map,
        bool(causal),
        bool(normalize),
        1.0 if scale is None else float(scale),
    )
    return [whole] if cuts is None else list(_sequences(whole, cuts))


def joined(parts: list[Array], packed: bool, axis: int) -> Array:
    """Results of the sequences of a call joined again: rows along axis 2, states along axis 0."""
    return np.concatenate(parts, axis=axis) if packed else parts[0]


def _sequences(whole: Linear, cuts: Array) -> Iterator[Linear]:
    for n, (start, end) in enumerate(pairwise(cuts)):
        at = slice(int(start), int(end))
        yield replace(
            whole,
            q=whole.q[:, :, at],
            k=whole.k[:, :, at],
            v=whole.v[:, :, at],
            log_gate=whole.log_gate[:, :, at],
            beta=None if whole.beta is None else whole.beta[:, :, at],
            active=whole.active[:, at],
            state=whole.state[n : n + 1],
            normalizer=whole.normalizer[n : n + 1],
        )


def _sizes(arrays: dict[str, Array]) -> tuple[int, int, int, int, int, int]:
    for name, x in arrays.items():
        _require(x.ndim == 4, f"{name} has shape {x.shape}; it must have four axes (B, H, S, D)")
    q, k, v = (arrays[name].shape for name in "qkv")
    _require(k[:2] == q[:2], f"k has (batch, heads) {k[:2]} and q has {q[:2]}; they must be equal, and so must the heads")
    _require(k[3] == q[3], f"k has {k[3]} features and q has {q[3]}; they must be equal")
    _require(v[:3] == k[:3], f"v has (batch, heads, keys) {v[:3]} and k has {k[:3]}; they must be equal")
    return q[0], q[1], q[2], k[2], q[3], v[3]


def _log_gate(decay: Any, gate: Any, shape: tuple[int, int, int], phi: int) -> Array:
    total = np.zeros((*shape, 1))
    if gate is not None:
        given = real("gate", gate)
        _require(
            given.shape in (shape, (*shape, phi)),
            f"gate has shape {given.shape}; it must be {shape}, or {(*shape, phi)} by feature",
        )
        _require(bool((given <= 0).all()), "gate is the logarithm of a factor of at most 1; each entry must be 0 or less")
        total = total + (given[..., None] if given.ndim == 3 else given)
    if decay is not None:
        factors = _shaped("decay", decay, (shape[1],))
        _require(bool(((factors > 0) & (factors <= 1)).all()), f"decay is {factors.tolist()}; each factor must lie in (0, 1]")
        total = total + np.log(factors)[None, :, None, None]
    return total


def _initial(given: State | None, shape: tuple[int, int, int, int]) -> State:
    if given is None:
        return np.zeros(shape), np.zeros(shape[:3])
    _require(len(given) == 2, "initial_state must be (state, normalizer)")
    return _shaped("the state", given[0], shape), _shaped("the normalizer", given[1], shape[:3])


def _cuts(given: Any, b: int, sq: int, sk: int, kv_lengths: Any) -> Array:
    cuts = np.asarray(given)
    _require(
        cuts.ndim == 1 and cuts.size >= 2 and cuts.dtype.kind in "iu", "cu_seqlens must be integers (N + 1,), N at least 1"
    )
    _require(b == 1 and sq == sk, "cu_seqlens takes a batch of one, and as many queries as keys")
    fits = cuts[0] == 0 and cuts[-1] == sk and bool((np.diff(cuts.astype(np.int64)) >= 0).all())
    _require(fits, f"cu_seqlens is {cuts.tolist()}; it must ascend from 0 to {sk}")
    _require(kv_lengths is None, "cu_seqlens and kv_lengths exclude each other; a packed sequence has no padding")
    return cuts.astype(np.int64)


def _active(kv_lengths: Any, b: int, sk: int) -> Array:
    if kv_lengths is None:
        return np.ones((b, sk), dtype=bool)
    lengths = np.asarray(kv_lengths)
    _require(lengths.shape == (b,) and lengths.dtype.kind in "iu", f"kv_lengths must be {b} integers")
    _require(bool(((lengths >= 0) & (lengths <= sk)).all()), f"kv_lengths is {lengths.tolist()}; each must lie in 0..{sk}")
    return np.asarray(np.arange(sk) < lengths[:, None])


def _shaped(name: str, given: Any, shape: tuple[int, ...]) -> Array:
    array = real(name, given)
    _require(array.shape == shape, f"{name} has shape {array.shape}; it must be {shape}")
    return array


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
