"""The measurements of one implementation in one dtype, each as a sentence for a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...adapters.contract import Implementation
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from .asking import Form, TooCoarse, form_of, subject_of
from .exp import exp_error
from .rounding import rounding
from .row_sum import row_sum_errors
from .tile import tile_size
from .width import accumulator_bits, gradient_bits, most

__all__ = ["readings"]


def readings(implementation: Implementation, dtype: str) -> Iterator[tuple[str, str]]:
    """(name, sentence) of each measurement. What the implementation refuses, or fails at, is a sentence too."""
    subject = subject_of(implementation, dtype)
    form = form_of(subject)
    if form != Form():
        yield "asked", _asked(form)
    for name, tell in MEASUREMENTS.items():
        try:
            yield name, tell(subject)
        except (NotClaimed, TooCoarse) as refusal:
            yield name, f"not measured: {refusal}"
        except (Raised, Broken) as failure:
            yield name, f"not measured, the implementation failed: {failure}"


def _asked(form: Form) -> str:
    """How the implementation is asked, where the plainest call is not answered."""
    said = {
        "row": "many queries in a head",
        "entry": "one query in each batch entry",
        "last": "as many queries as keys, of which the last one is read",
    }
    return f"{said[form.each]}, {'causal, ' if form.causal else ''}{form.features} features"


def _accumulator(subject: Subject) -> str:
    bits, last = accumulator_bits(subject), most(subject.dtype)
    return (
        f"sums of weights times V keep {bits} bits" if bits <= last else f"sums of weights times V keep more than {last} bits"
    )


def _gradients(subject: Subject) -> str:
    if not subject.implementation.differentiable:
        raise NotClaimed(f"{subject.implementation.name} has no backward pass")
    bits, last = gradient_bits(subject), most(subject.dtype)
    return f"gradients in V are summed in {bits if bits <= last else f'more than {last}'} bits"


def _exponential(subject: Subject) -> str:
    found = exp_error(subject)
    zero = f"exp(0) − 1 is {found.at_zero:.2g} (± {found.zero_resolution:.1g})"
    return f"{zero}, exp(−x) is off by up to {abs(found.worst):.2g} (± {found.resolution:.1g}, at x = {found.x:g})"


def _row_sum(subject: Subject) -> str:
    found = row_sum_errors(subject)
    each = ", ".join(f"{abs(error.relative):.1g} over {error.keys} keys" for error in found)
    return f"the row sum is off by {each} (± {max(error.resolution for error in found):.1g})"


def _weights(subject: Subject) -> str:
    found = rounding(subject)
    if found.weights is None:
        return "no single way of rounding the weights explains the output"
    if found.weights == "unrounded":
        return "weights meet V unrounded"
    stored = found.stored or "half precision"
    if subject.dtype == "float32" and found.stored == "float16":
        stored = "11 bits, as in float16 and TF32,"
    row_sum = "" if found.row_sum is None else f"; the row sum is of {found.row_sum} ones"
    return f"weights are rounded to {stored} {found.weights} they are normalised{row_sum}"


def _tile(subject: Subject) -> str:
    size = tile_size(subject)
    return "no tile shows" if size is None else f"the maximum first changes after {size} keys"


MEASUREMENTS: dict[str, Callable[[Subject], str]] = {
    "accumulator": _accumulator,
    "gradients": _gradients,
    "exp": _exponential,
    "row sum": _row_sum,
    "weights": _weights,
    "tile": _tile,
}
