"""What the kit must know of an operation. Whoever needs any of it is handed the record, and asks for no name.

Arguments, options, results and laws are stated in its folder of spec, known mistakes in `reference/<operation>/faults`. In its
folder here is what computes: the definition and its bounds, what is drawn, and what may be asked of an implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from ...spec.shapes import Result, arguments_of, results_of
from .sizes import Size

if TYPE_CHECKING:
    from ...reference.arithmetic import Arithmetic
    from ...reference.faults.making import Defined
    from ..problems.option import Option, Options
    from ..problems.problem import Problem
    from ..problems.shapes import Wishes
    from ..problems.sizes import Pool
    from ..problems.structure import Structure

__all__ = ["Embedding", "Given", "Operation", "Trial"]

Given = Mapping[str, Any]
"""Given and conventions by name, as the definition takes them."""


@dataclass(frozen=True)
class Trial:
    """A call whose right answer needs no reference: the same row throughout, the sum of V or the mean of V over the keys.

    words: what q and k are, for a reader. q: the value of all queries. k: that of all keys where D features are given, or None
    for any keys. sum: whether rows are the sum of V, and not the mean.
    """

    words: str
    q: float
    k: Callable[[int], float] | None
    sum: bool = False


class Embedding(NamedTuple):
    """How problems of another operation are put as problems of one.

    options: those of the other operation that can be put, where an implementation of the one claims some options.
    put: the problem of the one, of a problem of the other and the options that an implementation of the one claims.
    """

    options: Callable[[frozenset[str]], frozenset[str]]
    put: Callable[[Problem, frozenset[str]], Problem]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    name: its folder in spec.
    exact: what the definition gives for a problem, in float64: an output `out`, which keys each row sees as `visible`, and
        what else it returns by name.
    judge: the exact results with the bounds that an arithmetic must keep, before output rounding; of a problem, an arithmetic,
        whether V may be taken to have random signs, and the options.
    own_errors: how far the definition's own results may lie from exact; of a problem, what `exact` gave, a function that gives
        what `judge` says of the reference's arithmetic, and the options.
    options: its options by the names that cases have for them, in the order in which a case prints them.
    sizes: the lengths of the axes of its arrays, in the order in which a case prints them.
    contents: distributions by name, the simplest first: what each draws for a structure, in float64, by name of the argument.
    judge_gradients: the exact gradients for an upstream gradient with their bounds, by names such as dq and dq_bound; None
        where a backward pass is not judged.
    trial: the call that the doctor makes first, or None where it holds one against the definition.
    definition: what faults of it are made of, where reference/faults does not say so.
    widths: sizes of axes of results that no argument has, of a problem.
    hides: options that hide keys.
    measured: options of the problems on which an arithmetic is measured, beside those without any.
    changed: options of another problem of the same shapes, of a problem and the options that are claimed: what a kernel may
        keep of a call and should not.
    under_random_signs: whether `judge` has a smaller bound for values with random signs.
    fair: distributions in which V has fair signs, independent of each other, of |V|, and of all other arguments.
    made: what it makes of its arguments, by what a reader calls it: the sizes of its axes.
    pick: how sizes are picked that go together, or None where each may be any: see problems.shapes.
    whole: the whole shapes of a pool under the wishes of a law, for backends that compile; None where there are none.
    fit: makes drawn options and sizes fit together, or None where all do: (options, names of options of which a law speaks,
        sizes, sizes of which a law speaks, most work) → (options, sizes).
    values: distributions from which a problem is drawn whose law names none, or None for the usual ones.
    conventions: those of the spec that change what the definition gives.
    reduces: turns a problem into one of another operation that has the same results, whose definition and bounds then hold of
        it; conventions come along. None where it is defined by itself.
    embeds: by the name of another operation how problems of that one are put to implementations of this one, so that laws of
        that one are laws of this one.
    folder: the package whose modules are parts of what is known of it that stand higher than the record: `probes` of its
        conventions, and the `trial` call of a doctor.
    needed: options, as cases have them, without which some kernels take no call, in the order in which they are tried, and
        whether such a kernel has it in every call.
    written_out: options that say by arrays what a problem says by positions, None for those that then say nothing; of a problem
        and which keys each row sees. None where nothing can be written out.
    of_heads: whether it is a kind of attention over heads of queries, keys and values.
    softmax: whether rows mix V with weights of a softmax of scaled scores, which can be read and drawn.
    grouped: whether several query heads may share a key head.
    causal_past: whether a causal call may have more keys than queries, or fewer.
    draws: whether an implementation makes random choices of its own for a problem, so that nobody else knows its output; None
        where none ever does.
    drawing: options of which a mistake about such choices needs one; undrawn: the option that makes them instead, so that a
        problem with it has an output that is known.
    drawn_error: what rounding may do to sums and outputs of such a problem, of one key alone or of all.
    narrow: whether features of a structure cost more than their number, so that it cannot have as many as are wished.
    dropped: the probability with which an implementation drops a weight in a problem, or None where none ever does.
    sums: whether rows are sums of V with any weights, so that roundings are measured by the output and not by V.
    softmax_scale: the factor of the scores in the softmax attention that a problem approximates, or is.
    called: its arguments by what a reader calls them, where that is not their name.
    """

    name: str
    exact: Callable[[Problem, Given], Any]
    judge: Callable[[Problem, Arithmetic, bool, Given], Any]
    own_errors: Callable[[Problem, Any, Callable[[], Any], Given], tuple[Any, ...]]
    options: Options
    sizes: Mapping[str, Size]
    contents: Mapping[str, Callable[[Structure], Mapping[str, NDArray[Any]]]]
    judge_gradients: Callable[[Problem, Any, Arithmetic, Given], Any] | None = None
    trial: Trial | None = None
    definition: Defined | None = None
    widths: Callable[[Problem], Mapping[str, int]] | None = None
    hides: tuple[str, ...] = ()
    measured: tuple[Mapping[str, Any], ...] = ()
    changed: Callable[[Problem, frozenset[str]], dict[str, Any]] | None = None
    under_random_signs: bool = False
    fair: frozenset[str] = frozenset()
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pick: Callable[..., dict[str, int]] | None = None
    whole: Callable[[Wishes, Pool], tuple[tuple[int, ...], ...]] | None = None
    fit: Callable[..., tuple[dict[str, Any], dict[str, int]]] | None = None
    values: tuple[str, ...] | None = None
    conventions: tuple[str, ...] = ()
    reduces: Callable[[Problem], Problem] | None = None
    embeds: Mapping[str, Embedding] = field(default_factory=dict)
    folder: str = ""
    needed: Mapping[str, bool] = field(default_factory=dict)
    written_out: Callable[[Problem, Any], dict[str, Any]] | None = None
    of_heads: bool = False
    softmax: bool = False
    grouped: bool = False
    causal_past: bool = False
    draws: Callable[[Problem], bool] | None = None
    drawing: frozenset[str] = frozenset()
    drawn_error: Callable[[Problem, Arithmetic, int | None], Any] | None = None
    undrawn: str = ""
    narrow: Callable[[Structure], bool] | None = None
    dropped: Callable[[Problem], float] | None = None
    sums: bool = False
    softmax_scale: Callable[[Problem], float] | None = None
    called: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> Mapping[str, tuple[str, ...]]:
        """The arrays that it takes, in their order: name → axes, as its operation.yaml states them."""
        return arguments_of(self.name)

    @property
    def results(self) -> Mapping[str, Result]:
        """What it gives, in the order in which it is returned: name → axes, and the option that asks for it."""
        return results_of(self.name)

    def part(self, name: str) -> ModuleType | None:
        """A part of its folder that stands higher than the record; None where there is none."""
        whole = f"{self.folder}.{name}"
        return import_module(whole) if self.folder and find_spec(whole) is not None else None

    def spoken_of(self, said: Callable[[Option], bool]) -> tuple[str, ...]:
        """The names in the spec of the options of which something is said, in their order."""
        return tuple(each for name, option in self.options.items() if said(option) for each in option.stands_for or (name,))

    @cached_property
    def asks(self) -> Mapping[str, tuple[str, ...]]:
        """Options that ask for results → the names of these, in the order in which they are returned."""
        found: dict[str, tuple[str, ...]] = {}
        for name, result in self.results.items():
            if result.asked:
                found[result.asked] = (*found.get(result.asked, ()), name)
        return found
