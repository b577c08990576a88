"""Words of linear attention: steps and the state that is carried between them, packed sequences, padding, gates."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ....reference.linear_attention.features import TAYLOR, degree, width
from ....reference.linear_attention.taylor import series_error
from ...bounded import Bounded, bounded
from ...meaning import attended, derived, own_errors
from ...problems.problem import Problem
from ...vocabulary.meanings import _within
from ...vocabulary.observations import weights
from ...vocabulary.steps import cut_between_steps
from ...vocabulary.transforms import _exactly, _typed
from ...vocabulary.word import Problems, Undecided, Value, Values, word
from ..attention.words.approximations import as_softmax, scores

if TYPE_CHECKING:
    from ...engine.subject import Subject

SUMMING = 2.0**-13
"""Unit roundoff of the narrowest sums that hold all whole numbers up to the largest D of a law, in any order of summation."""

PADDING = 7
"""Steps of junk that `pad_steps` adds: fewer than any tile, so that they end in one."""

OF_STEPS = ("gate", "beta")
"""Options with an axis of steps, the third."""


# Steps


@word("transforms")
def first_steps(p: Problem) -> Problem:
    """The steps before a cut, with the state that the first finds; queries too, which a causal pass has as many of."""
    return _steps(p, slice(0, cut_between_steps(p)))


@word("transforms")
def other_steps(p: Problem) -> Problem:
    """The steps from the cut of first_steps on, with no state to begin with."""
    return _steps(p, slice(cut_between_steps(p), p.sk)).but(initial_state=None)


@word("observations", asks="initial_state")
def carry(subject: Subject, a: Problem, b: Problem) -> Problem:
    """The problem b, which begins with the state and the normaliser that the implementation returns for a.

    How far these may lie from exact counts in the intervals of whatever is then computed from b.
    """
    arrays = subject.state_only(a)
    room: Any = tuple(np.maximum(x.value - x.low, x.high - x.value) for x in subject.final_state(a))
    if not all(np.isfinite(x).all() for x in (*arrays, *room)):
        raise Undecided("the declared arithmetic bounds nothing of the state that is carried, or it is not finite")
    given = tuple(np.ascontiguousarray(x.astype(np.float32)) for x in arrays)
    return derived(b, ("carry", *(x.tobytes() for x in given)), lambda: replace(b.but(initial_state=given), state_room=room))


@word("observations", asks="return_state")
def final_state(subject: Subject, p: Problem | Problems) -> Value | Values:
    """The state after the last step (B, H, Dφ, Dv), as the implementation returns it; N instead of B where packed."""
    return [subject.final_state(each)[0] for each in p] if isinstance(p, list) else subject.final_state(p)[0]


@word("observations", asks="return_state")
def final_normalizer(subject: Subject, p: Problem | Problems) -> Value | Values:
    """The normaliser after the last step (B, H, Dφ), as the implementation returns it; N instead of B where packed."""
    return [subject.final_state(each)[1] for each in p] if isinstance(p, list) else subject.final_state(p)[1]


@word("meanings")
def reference_state(p: Problem) -> Value:
    """The exact state after the last step."""
    return _within(attended(p).state, own_errors(p)[1])


@word("meanings")
def reference_normalizer(p: Problem) -> Value:
    """The exact normaliser after the last step."""
    return _within(attended(p).normalizer, own_errors(p)[2])


def _steps(p: Problem, at: slice) -> Problem:
    positions = [name for name in ("cu_seqlens", "kv_lengths") if name in p.options]
    if positions:
        raise ValueError(
            f"first_steps: the problem counts positions by {', '.join(positions)}; a law must say that it is absent"
        )
    options = {name: _copy(p.options[name][:, :, at]) for name in OF_STEPS if name in p.options}
    return p.having(q=_copy(p.q[:, :, at]), k=_copy(p.k[:, :, at]), v=_copy(p.v[:, :, at]), fair_values=None).but(**options)


@word("observations")
def counted_weights(subject: Subject, p: Problem) -> Value:
    """The weights as they come, for sums of whole numbers, which are exact in any order.

    Where the declared arithmetic scales or rounds an operand beforehand they are whole no more: then with their intervals.
    """
    read, arithmetic = bounded(weights(subject, p)), subject.arithmetic
    whole = not (arithmetic.n_pre or arithmetic.u_operand or arithmetic.u_acc > SUMMING)
    return bounded(read.value) if whole else read


# Packed sequences


@word("transforms")
def each_sequence(p: Problem) -> Problems:
    """One problem for each packed sequence that is not empty, in a batch of one and not packed."""
    cuts = np.asarray(p.options["cu_seqlens"])
    made = []
    for n, (start, end) in enumerate(pairwise(cuts)):
        if start < end:
            alone = _steps(p.but(cu_seqlens=None), slice(int(start), int(end)))
            state = p.options.get("initial_state")
            made.append(alone if state is None else alone.but(initial_state=tuple(_copy(x[n : n + 1]) for x in state)))
    if not made:
        raise Undecided("no sequence has a step")
    return made


@word("combiners")
def join_rows(parts: Values) -> Value:
    """Results of single sequences, one below the other along the rows."""
    return Bounded(*(np.concatenate([getattr(x, end) for x in parts], axis=2) for end in ("value", "low", "high")))


@word("combiners")
def of_filled(x: Value, p: Problem) -> Value:
    """Of results for each packed sequence (N, …), those of the sequences that are not empty."""
    return bounded(x).each(lambda a: a[np.diff(np.asarray(p.options["cu_seqlens"])) > 0])


# Padding


@word("transforms")
def pad_steps(p: Problem) -> Problem:
    """Seven steps more, all of them junk and past the length that kv_lengths states, gates and beta included."""
    rng = p.generator("junk")
    extra = {name: rng.choice([-8.0, 4.0, 8.0], (*x.shape[:2], PADDING, x.shape[3])) for name, x in (("k", p.k), ("v", p.v))}
    k, v = (np.concatenate([x, _typed(extra[name], p.dtype)], axis=2) for name, x in (("k", p.k), ("v", p.v)))
    q = (
        np.concatenate([p.q, _typed(np.ones((*p.q.shape[:2], PADDING, p.d)), p.dtype)], axis=2)
        if "causal" in p.options
        else p.q
    )
    options: dict[str, Any] = {"kv_lengths": p.options.get("kv_lengths", np.full(p.b, p.sk, dtype=np.int32))}
    for name, filler in (("gate", -0.5), ("beta", 0.5)):
        array = p.options.get(name)
        if array is not None:
            shape = (*array.shape[:2], PADDING, *array.shape[3:])
            options[name] = np.concatenate([array, np.full(shape, filler, array.dtype)], axis=2)
    return p.having(q=q, k=k, v=v, fair_values=None).but(**options)


@word("transforms")
def poison_padding(p: Problem) -> Problem:
    """Other junk, as large as ordinary entries, in K, V, gate and beta of every step past its length."""
    if "kv_lengths" not in p.options:
        raise Undecided("there is no padding")
    padding = np.arange(p.sk) >= np.asarray(p.options["kv_lengths"])[:, None]
    if not padding.any():
        raise Undecided("no step is padding")
    at = padding[:, None, :, None]
    k, v = (_typed(np.where(at, x, own.astype(np.float64)), p.dtype) for x, own in ((8.0, p.k), (-16.0, p.v)))
    options: dict[str, Any] = {}
    for name, filler in (("gate", -0.25), ("beta", 0.25)):
        array = p.options.get(name)
        if array is not None:
            options[name] = np.where(at[..., 0] if array.ndim == 3 else at, np.float32(filler), array)
    return p.having(k=k, v=v, fair_values=None).but(**options)


@word("combiners")
def rows_of(x: Value, p: Problem) -> Value:
    """As many rows of a result, the first, as p has queries."""
    return bounded(x).each(lambda a: a[:, :, : p.sq])


# Gates, decays and the delta rule


@word("transforms")
def close_gate(p: Problem) -> Problem:
    """The same problem with the gate closed (−∞) at the cut of first_steps, and as it was, or open, at all other steps."""
    gate = np.array(p.options.get("gate", np.zeros((p.b, p.hq, p.sk), dtype=np.float32)))
    gate[:, :, cut_between_steps(p)] = -np.inf
    return p.but(gate=gate)


@word("transforms")
def other_past(p: Problem) -> Problem:
    """Other keys and values, small whole numbers, at the steps before the cut of first_steps."""
    rng, at = p.generator("junk"), np.arange(p.sk)[:, None] < cut_between_steps(p)
    k, v = (_typed(np.where(at, rng.integers(-3, 4, x.shape), x.astype(np.float64)), p.dtype) for x in (p.k, p.v))
    return p.having(k=k, v=v, fair_values=None)


@word("meanings")
def after_the_cut(p: Problem) -> Value:
    """1 for the rows from the cut of first_steps on, (1, 1, Sq, 1)."""
    return bounded((np.arange(p.sq) >= cut_between_steps(p))[None, None, :, None])


@word("transforms")
def other_future_values(p: Problem) -> Problem:
    """Other values, small whole numbers, at the steps from the cut of first_steps on."""
    at = np.arange(p.sk)[:, None] >= cut_between_steps(p)
    v = np.where(at, p.generator("junk").integers(-3, 4, p.v.shape), p.v.astype(np.float64))
    return p.having(v=_typed(v, p.dtype), fair_values=None)


@word("meanings")
def before_the_cut(p: Problem) -> Value:
    """1 for the rows before the cut of first_steps, (1, 1, Sq, 1)."""
    return bounded((np.arange(p.sq) < cut_between_steps(p))[None, None, :, None])


@word("transforms")
def gate_by_feature(p: Problem) -> Problem:
    """The same problem with the gate of each step written out for every key feature."""
    gate = p.options["gate"]
    phi = width(p.options.get("feature_map", "identity"), p.d)
    return p.but(gate=_copy(np.broadcast_to(gate[..., None], (*gate.shape, phi)) if gate.ndim == 3 else gate))


@word("meanings")
def expected_decay(p: Problem) -> Value:
    """What a row keeps of a step, (B, H, Sq, Sk): all factors of decay and gate after the step, up to the row's own; 0 if
    unseen.

    For a gate of each step. Rows that are not causal keep what is left after the last step.
    """
    if p.options.get("gate", np.zeros((1, 1, 1))).ndim != 3:
        raise Undecided("each feature has a gate of its own")
    logs = np.zeros((p.b, p.hq, p.sk)) + np.asarray(p.options.get("gate", 0.0), dtype=np.float64)
    logs = logs + np.log(np.asarray(p.options.get("decay", np.ones(p.hq)), dtype=np.float64))[None, :, None]
    seen, rows = attended(p).visible, np.arange(p.sq) if "causal" in p.options else np.full(p.sq, p.sk - 1)
    steps = np.arange(p.sk)
    lengths = np.asarray(p.options.get("kv_lengths", np.full(p.b, p.sk)))
    logs = np.where((steps < lengths[:, None])[:, None, :], logs, 0.0)
    between = (steps[None, None, :] > steps[None, :, None]) & (steps[None, None, :] <= rows[:, None, None])
    kept = np.where(between[None, None], logs[:, :, None, None, :], 0.0).sum(axis=-1)
    factor = np.where(seen, np.exp(kept), 0.0)
    size = np.where(np.isfinite(kept), np.abs(kept), 0.0)
    return _within(factor, (4 * p.sk + 8) * 2.0**-53 * (1 + size) * factor)


@word("transforms")
def unit_keys(p: Problem) -> Problem:
    """Each key becomes a unit vector along one axis, with a sign: written with beta = 1 it replaces what stood there."""
    rng = p.generator("axes")
    k = np.zeros(p.k.shape)
    np.put_along_axis(k, rng.integers(0, p.d, (*p.k.shape[:3], 1)), rng.choice([-1.0, 1.0], (*p.k.shape[:3], 1)), axis=3)
    return p.having(k=_typed(k, p.dtype), fair_values=None)


@word("transforms")
def with_beta(p: Problem, x: Value) -> Problem:
    """The same problem with the delta rule, whose beta is x, broadcast to (B, H, Sk)."""
    return replace(p.but(beta=_exactly(x, (p.b, p.hq, p.sk), "float32")), fair_values=None)


@word("combiners")
def first_column(x: Value) -> Value:
    """The first of the last axis, (…, Dv) to (…)."""
    return bounded(x).each(lambda a: a[..., 0])


@word("meanings")
def series_remainder(p: Problem) -> Value:
    """How far attention by the Taylor map of p may lie from softmax attention, (B, H, Sq, Dv), roundings aside; a theorem."""
    name = str(p.options.get("feature_map", "identity"))
    if name not in TAYLOR or "normalize" not in p.options:
        raise Undecided("there is no normalised Taylor map")
    exact = attended(as_softmax(p))
    made = series_error(degree(name), bounded(scores(as_softmax(p))).value, exact.weights, p.v.astype(np.float64))
    if np.isinf(made).all():
        raise Undecided("scores are so large that the theorem says nothing of any row")
    return bounded(made)


def _copy(array: Any) -> Any:
    return np.ascontiguousarray(array)
