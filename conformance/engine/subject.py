"""The implementation under test, called with everything that surrounds a call.

Each call gets fresh arrays in the declared type, layout and memory, with gaps that nobody may read; afterwards the inputs
are compared with what they were, and the result is read back and held to the contract (type, shape). What comes out is
`Bounded`: the result with the interval that the declared arithmetic allows around it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...adapters.arrays import NoGradient
from ...adapters.contract import ContractError, Implementation
from ...adapters.first_use import FirstUse
from ...reference.arithmetic import arithmetic_for
from ...spec.shapes import arrays_among, in_layout
from ..bounded import Bounded, bounded
from ..hosts.raised import Raised
from ..meaning import attended, derived, drawn, judged, judged_gradients
from ..operations import operation_named
from ..problems.problem import Problem
from ..vocabulary.word import GRADIENTS, Pair
from .calling import calls_of
from .interval import around, largest_share
from .lifted import posed
from .received import Broken, received
from .reordered import heads_back, heads_out, in_order_of, without_mass
from .results import Asked, amount, due, named

__all__ = ["Broken", "NotClaimed", "Raised", "Subject"]


class NotClaimed(Exception):
    """The implementation does not claim, or refuses with words, what a problem asks."""


@dataclass(frozen=True)
class _Answer:
    """What one call gave, in NumPy and the order (B, H, S, D), by name; `altered` names the inputs that changed."""

    arrays: dict[str, Any]
    altered: tuple[str, ...]

    @property
    def out(self) -> Any:
        return self.arrays["out"]

    def same(self, other: _Answer) -> bool:
        """Whether dtypes and bits are the same."""
        pairs = [(x, other.arrays[name]) for name, x in self.arrays.items()]
        return self.altered == other.altered and all(
            a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
        )


class Subject:
    """One implementation in one dtype, judged under settled conventions."""

    def __init__(self, implementation: Implementation, dtype: str, conventions: Mapping[str, str]) -> None:
        self.implementation = implementation
        self.dtype = dtype
        self.conventions = conventions
        self.arithmetic = arithmetic_for(implementation.arithmetic, dtype)
        self.caller = calls_of(implementation)
        self.arrays = self.caller.arrays
        self.seconds = 0.0
        self.altered: set[str] = set()
        self.asked: list[frozenset[str]] = []
        """The options of each call since `forget`: return_lse and return_weights too, and GRADIENTS for a backward pass."""
        self.intervals = True
        """Whether results carry their intervals. Sameness (==) looks at values alone, so their bounds need no deriving."""
        self.deliveries: dict[int, Any] | None = None
        """Where arrays are kept for subjects that share them, until a call alters them. Without it each call gets its own."""
        self._remembered: dict[Any, tuple[Problem, Any]] = {}

    def forget(self) -> None:
        """Drop what was remembered of earlier calls; the next problem starts afresh."""
        self._remembered.clear()
        self.asked.clear()

    def agrees(self, other: Subject) -> bool:
        """Whether it answers all that the other one was asked since `forget` as that did, to the last bit.

        It makes the calls in the same order and remembers them. False where the other made a call that is not remembered.
        Raises what a call raises.
        """
        if len(other.asked) != len(other._remembered):
            return False
        for key, (p, theirs) in other._remembered.items():
            if not isinstance(theirs, _Answer) or not theirs.same(self._call(p, *key[1:])):
                return False
        return True

    # Observations

    def out(self, p: Problem, after: Problem | None = None) -> Bounded:
        """The output with its interval. `after`: another call comes first, and this one is made anew."""
        return self._bounded_out(p, self._call(p, after=after).out)

    def attend(self, p: Problem, after: Problem | None = None) -> Pair:
        """Output and logsumexp of one call."""
        answer = self._call(p, self._asking("lse"), after=after)
        lse = self._bounded_lse(p, answer.arrays["lse"])
        return Pair(self._bounded_out(p, answer.out), lse)

    def returned_weights(self, p: Problem) -> Bounded:
        """The weights that the implementation returns, with the interval of weights read through an identity V."""
        return self._bounded_weights(p, self._call(p, self._asking("weights")).arrays["weights"])

    def final_state(self, p: Problem) -> tuple[Bounded, Bounded]:
        """State and normaliser after the last step, with their intervals."""
        arrays = self._call(p, self._asking("state")).arrays
        return self.bounded_state(p, "state", arrays["state"]), self.bounded_state(p, "normalizer", arrays["normalizer"])

    def bounded_state(self, p: Problem, name: str, given: Any) -> Bounded:
        """A returned state or normaliser with its interval."""
        if not self.intervals:
            return bounded(given.astype(np.float64))
        return around(given, getattr(judged(p, self.arithmetic), f"{name}_bound"))

    def state_only(self, p: Problem) -> tuple[Any, Any]:
        """State and normaliser as arrays in their own dtype."""
        arrays = self._call(p, self._asking("state")).arrays
        return arrays["state"], arrays["normalizer"]

    def _bounded_weights(self, p: Problem, given: Any) -> Bounded:
        identity = np.broadcast_to(np.eye(p.sk), (p.b, p.hkv, p.sk, p.sk)).astype(p.v.dtype)
        read = derived(p, "identity", lambda: p.having(v=identity).but(v_descale=None))
        allowed = judged(read, self.arithmetic).out_bound
        return around(given, allowed)

    def gradients(self, p: Problem, dout: Any) -> dict[str, Bounded]:
        """The gradient in each array of p by name (dq, dk, …) with its interval, for an upstream gradient of the output."""
        key = ("gradients", id(p), dout.tobytes())
        if key not in self._remembered:
            self._check_claim(p)
            if posed(p, self.implementation) is not p:
                raise NotClaimed(f"gradients are asked of {self.implementation.operation} alone")
            if operation_named(p.operation).judge_gradients is None:
                raise NotClaimed(f"nobody judges a backward pass of {p.operation}")
            missing = [name for name in p.options if name not in self.implementation.backward_options]
            if missing:
                raise NotClaimed(f"{missing[0]} is not an option of the backward pass of {self.implementation.name}")
            self._remembered[key] = (p, self._answer_gradients(p, dout))
        found = self._remembered[key][1]
        if not self.intervals:
            return {name: bounded(x.astype(np.float64)) for name, x in found.items()}
        allowed = judged_gradients(p, dout, self.arithmetic)
        return {name: around(x, getattr(allowed, f"{name}_bound")) for name, x in found.items()}

    def refuses(self, p: Problem) -> bool:
        """Whether the implementation raises for p, which is ill-formed on purpose."""
        try:
            self._answer(posed(p, self.implementation), checked=False)
        except Raised:
            return True
        except (Broken, ContractError):
            return False
        return False

    def first_use(self, p: Problem) -> FirstUse | None:
        """How the arrays are first combined; None where no two of them are seen to meet."""
        arguments, options = self._delivered(p)
        called = operation_named(p.operation).called
        names = [called.get(name, name) for name in p.arrays]
        return self.caller.first_use(self.implementation, names, arguments, options, p.sizes.get("d", 1))

    def answers(self, p: Problem) -> bool:
        """Whether the implementation answers p, which it claims. Raises NotClaimed where it does not claim it."""
        self._check_claim(posed(p, self.implementation))
        return not self.refuses(p)

    def call(self, p: Problem, asked: Asked = ()) -> None:
        """One call, whatever it gives. Raises NotClaimed, Broken, Raised."""
        self._call(p, asked)

    def changed_inputs(self, p: Problem) -> int:
        """How many arrays a call altered."""
        return len(self._call(p).altered)

    def returned_dtype(self, p: Problem) -> str:
        """Name of the output's dtype."""
        return str(self._call(p).out.dtype)

    def out_only(self, p: Problem) -> Any:
        """The output as an array in its own dtype, without an interval."""
        return self._call(p).out

    def lse_only(self, p: Problem) -> Any:
        """The logsumexp as an array in its own dtype, without an interval."""
        return self._call(p, self._asking("lse")).arrays["lse"]

    # Intervals

    def _bounded_out(self, p: Problem, out: Any) -> Bounded:
        if not self.intervals:
            return bounded(out.astype(np.float64))
        if p.draws_features:
            room = drawn(p, self.arithmetic)
            if np.isinf(room.output):  # Also where all values are 0: the quotient may be 0/0.
                return around(out, np.full(out.shape, np.inf))
            with np.errstate(invalid="ignore"):
                return around(out, room.output * largest_share(p, out) + room.lost)
        kept = 1.0 - p.dropped
        if kept == 1.0:
            return around(out, judged(p, self.arithmetic, p.random_signs).out_bound)
        undropped = judged(derived(p, "undropped", lambda: p.but(dropout_p=None, seed=None)), self.arithmetic)
        rescaling = 4 * self.arithmetic.u_acc * np.abs(undropped.out)
        return around(out, (undropped.out_bound + rescaling) / kept)

    def _bounded_lse(self, p: Problem, lse: Any) -> Bounded:
        if not self.intervals:
            return bounded(lse.astype(np.float64))
        return around(lse, judged(p, self.arithmetic, p.random_signs).lse_bound)

    # The call

    def _asking(self, result: str) -> Asked:
        """The option that asks for a result. Raises NotClaimed where the operation has no such result."""
        stated = operation_named(self.implementation.operation).results.get(result)
        if stated is None:
            raise NotClaimed(f"{self.implementation.operation} has no {result}")
        return (stated.asked,)

    def _call(self, p: Problem, asked: Asked = (), after: Problem | None = None) -> _Answer:
        """One call; `asked` are options that ask for more than the output."""
        given = posed(p, self.implementation)
        if after is not None:
            before = posed(after, self.implementation)
            self._check_claim(before)
            self._answer(before)
            self._check_claim(given, asked)
            return self._answer(given, asked)
        key = (id(p), asked)
        if key not in self._remembered:
            self._check_claim(given, asked)
            self._remembered[key] = (p, self._answer(given, asked))
        answer: _Answer = self._remembered[key][1]
        return answer

    def _check_claim(self, p: Problem, asked: Asked = ()) -> None:
        made = self.implementation
        for option in (*p.options, *asked):
            if option not in made.options:
                raise NotClaimed(f"{option} is not an option of {made.name}")
        refusal = made.takes.reason(p.sizes, {**p.options, **dict.fromkeys(asked, True)})
        if refusal is not None:
            raise NotClaimed(refusal)
        if made.supports is None:
            return
        reason = self.caller.supports(made, p.but(**dict.fromkeys(asked, True)))
        if reason is not None:
            raise NotClaimed(reason)

    def _answer(self, p: Problem, asked: Asked = (), checked: bool = True) -> _Answer:
        arguments, options, watched, before = self._watched(p)
        options |= dict.fromkeys(asked, True)
        self.asked.append(frozenset(options))
        start = time.perf_counter()
        try:
            result = self.caller.forward(self.implementation, arguments, options, p.sizes.get("d", 1))
        finally:
            self.seconds += time.perf_counter() - start
        parts = named(result, asked, operation_named(p.operation))
        if isinstance(parts, str):
            raise Broken(parts)
        altered = tuple(name for name, x in watched.items() if self.arrays.snapshot(x) != before[name])
        self.altered.update(altered)
        if altered and self.deliveries is not None:
            self.deliveries.pop(id(p), None)
        return self._read(p, parts, altered, checked)

    def _watched(self, p: Problem) -> tuple[list[Any], dict[str, Any], dict[str, Any], dict[str, bytes]]:
        """Arguments and options as delivered, the arrays among them by name, and every byte of these."""
        kept = None if self.deliveries is None else self.deliveries.get(id(p))
        if kept is None:
            arguments, options = self._delivered(p)
            watched = {**dict(zip(p.arrays, arguments, strict=True)), **_arrays_in(options, arrays_among(p.operation))}
            kept = arguments, options, watched, {name: self.arrays.snapshot(x) for name, x in watched.items()}, p
            if self.deliveries is not None:
                self.deliveries[id(p)] = kept
        return kept[0], dict(kept[1]), kept[2], kept[3]

    def _delivered(self, p: Problem) -> tuple[list[Any], dict[str, Any]]:
        made, device = self.implementation, self.implementation.device
        p = in_order_of(self.conventions, p)
        axes = operation_named(p.operation).arguments
        arguments = [
            self.arrays.to_framework(
                x, memory=_memory(p.memory, x), layout=made.layout if in_layout(axes[name]) else None, device=device
            )
            for name, x in p.arrays.items()
        ]
        memory = p.memory if p.memory in ("sliced", "transposed") else "contiguous"

        def moved(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(moved(each) for each in value)
            return self.arrays.to_framework(np.asarray(value), memory=memory, device=device)

        options = {name: moved(value) if name in arrays_among(p.operation) else value for name, value in p.options.items()}
        return arguments, options

    def _answer_gradients(self, p: Problem, dout: Any) -> dict[str, Any]:
        """The gradients by name, in NumPy and the order (B, H, S, D), by `backward` or the framework's own differentiation."""
        made = self.implementation
        arguments, options = self._delivered(p)
        self.asked.append(frozenset({*options, GRADIENTS}))
        upstream = self.arrays.to_framework(heads_out(self.conventions, p, dout), layout=made.layout, device=made.device)
        start = time.perf_counter()
        try:
            result = self.caller.backward(made, upstream, arguments, options, p.sizes.get("d", 1))
        except NoGradient as reason:
            raise NotClaimed(f"{made.name} has no gradients: {reason}") from None
        finally:
            self.seconds += time.perf_counter() - start
        if not isinstance(result, tuple | list) or len(result) < len(p.arrays):
            raise Broken(f"asked for ({', '.join(p.gradients)}), the backward pass returned {amount(result)}")
        axes = operation_named(p.operation).arguments
        found = {
            name: received(self.arrays, made.layout, name, part, p.arrays[of].shape, in_layout(axes[of]))
            for (name, of), part in zip(p.gradients.items(), result, strict=False)
        }
        return found | {"dq": heads_back(self.conventions, p, found["dq"])} if "dq" in found else found

    def _read(self, p: Problem, parts: dict[str, Any], altered: tuple[str, ...], checked: bool) -> _Answer:
        layout = self.implementation.layout
        arrays = {
            name: received(self.arrays, layout, name, part, due(name, p), _laid_out(name, p), checked)
            for name, part in parts.items()
        }
        if checked:
            arrays = {name: heads_back(self.conventions, p, x) if _of_queries(name, p) else x for name, x in arrays.items()}
            if "lse" in arrays and self.conventions.get("empty_lse") == "large-negative":
                arrays["lse"] = without_mass(arrays["lse"], attended(p).visible)
        return _Answer(arrays, altered)


def _laid_out(name: str, p: Problem) -> bool:
    """Whether a result comes in the layout of the implementation."""
    return in_layout(operation_named(p.operation).results[name].axes)


def _of_queries(name: str, p: Problem) -> bool:
    """Whether a result has an axis of query heads, beside which there may be fewer key heads."""
    return "Hq" in operation_named(p.operation).results[name].axes


def _arrays_in(options: Mapping[str, Any], arrays: frozenset[str]) -> dict[str, Any]:
    """The arrays among delivered options, by name; those of a tuple by name and place."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in arrays:
            several = isinstance(value, tuple)
            found |= {f"{name}[{n}]": each for n, each in enumerate(value)} if several else {name: value}
    return found


def _memory(memory: str, array: Any) -> str:
    """Stride 0 over the batch holds one entry only; an array whose entries a transform made different lies contiguous."""
    equal = memory != "expanded" or all(entry.tobytes() == array[0].tobytes() for entry in array[1:])
    return memory if equal else "contiguous"
