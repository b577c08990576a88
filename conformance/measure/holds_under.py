"""Which arithmetic explains a finding: a named model in half precision, a cast to a narrower dtype in float32.

A correct kernel that rounds more often than it declares fails by a small multiple of its bound, and no mistake explains that.
So the named models are tried: on every problem on which the law failed, on those on which it held, and on the laws by which
`attnspec measure` judges. The tightest one that holds everywhere is named. It excuses nothing: the finding stays one until the
arithmetic is declared, and only an author knows whether the kernel computes that way.

Of wider inputs no model is offered. But scores, weights or inputs that are rounded to a narrower dtype on the way leave an
error of a known size, so such a cast is named where its bound holds everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...adapters.contract import Implementation
from ...reference.arithmetic import DECLARE_IF, ROUNDOFF, arithmetic_for
from ..diagnosis.sample import drawn
from ..engine.lifted import is_lifted
from ..engine.outcome import outcome
from ..engine.problem_cache import cached_problem
from ..engine.relation import Decision
from ..engine.subject import Subject
from ..engine.verify import not_claimed
from ..language.law import Law
from ..language.loading import load_laws
from ..problems.sizes import pool_for
from ..problems.structure import Structure
from ..remembered import for_a_run
from .tightest import CANDIDATES, HALF, LAWS, PROBES

__all__ = ["CASTS", "FAR", "holds_under"]

FAR = 100.0
"""Times its bound from which on an error is a mistake, whatever the rounding."""

HALVES = ("float16", "bfloat16")


def _casts() -> Iterator[tuple[str, dict[str, Any]]]:
    """What may be rounded to a narrower dtype, and the arithmetic of a kernel that does so: one of them, and then all. Inputs
    may be cut, too.
    """
    every = {low: {"stored_scores": low, "stored_weights": low, "u_operand": 2 * ROUNDOFF[low]} for low in HALVES}
    for low, fields in every.items():
        for what, (field, value) in zip(("scores", "weights", "inputs"), fields.items(), strict=True):
            yield f"{what} rounded to {low}", {"name": "fp32", field: value}
    for low, fields in every.items():
        yield f"inputs, scores and weights rounded to {low}", {"name": "fp32", **fields}


CASTS = {"float32": dict(_casts())}
"""Casts by what they round, for each dtype that is wider, the simpler ones first."""

FAILED, HELD, EXAMPLES = 6, 6, 3
"""Problems on which the law failed and on which it held that a model is tried on; problems of each other law."""


def holds_under(
    made: Implementation,
    law: Law,
    dtype: str,
    failed: Sequence[Structure],
    held: Sequence[Structure],
    conventions: Mapping[str, str],
    record: Callable[[str], None] = lambda case: None,
) -> dict[str, Any]:
    """The tightest named model, or the least cast, under which the law holds; empty for none.

    model, ratio, sentence; rank: its place among those that were tried, of which the later ones allow more.

    Of models that are neither tighter nor wider than each other, the sentence names all that hold: outputs do not tell.

    failed, held: structures on which the law failed, the reported one first, and on which it held. Empty, too, for inputs of
    float8, where one of the failures has no ratio, or in half precision the reported one has 100 and more. record: called with
    each case before it runs.
    """
    wide = dtype in CASTS
    if not (wide or dtype in HALVES) or not failed:
        return {}
    tried = [*failed[:FAILED], *held[-HELD:]]
    declared = _decisions(Subject(made, dtype, conventions), law, failed[:FAILED], record)
    ratios = [decision.ratio for decision in declared if decision is not None]
    if not ratios or None in ratios or (not wide and (ratios[0] or 0.0) >= FAR):
        return {}
    found: dict[str, float] = {}
    models: Mapping[str, Any] = CASTS[dtype] if wide else {name: name for name in CANDIDATES[dtype]}
    for model, arithmetic in models.items():
        if arithmetic_for(arithmetic, dtype) == arithmetic_for(made.arithmetic, dtype):
            continue
        subject = Subject(replace(made, arithmetic=arithmetic), dtype, conventions)
        decisions = _decisions(subject, law, failed[:1] if wide else (), record)
        if any(d is not None and not d.holds for d in decisions):
            continue
        decisions = _decisions(subject, law, tried, record)
        if _explains(decisions) and _holds_elsewhere(made, subject, record):
            found[model] = max((d.ratio for d in decisions if d is not None and d.ratio is not None), default=0.0)
            if wide or model in HALF:
                break
    if not found:
        return {}
    model, *others = found
    sentence = _cast(model, found[model]) if wide else _sentence(model, found[model], dtype, others)
    ratio, rank = float(f"{found[model]:.3g}"), list(models).index(model)
    return {"model": model, "ratio": ratio, "sentence": sentence, "rank": rank}


def _decisions(
    subject: Subject, law: Law, structures: Sequence[Structure], record: Callable[[str], None]
) -> list[Decision | None]:
    """What the law says on each problem; None where it says nothing, or the implementation gives no answer."""
    decisions: list[Decision | None] = []
    for structure in structures:
        record(f"{law.id}?{structure.query()}")
        subject.forget()
        p, known = cached_problem(law, structure, subject.conventions)
        decisions.append(outcome(law, p, subject, known, sentences=False).decision)
    return decisions


def _explains(decisions: Sequence[Decision | None]) -> bool:
    """Whether the law holds on all problems, and says something on the reported one."""
    first = decisions[0]
    return first is not None and 2 * first.vacuous <= first.entries and all(d.holds for d in decisions if d is not None)


@for_a_run
def _elsewhere(made: Implementation, dtype: str) -> tuple[tuple[Law, Structure], ...]:
    """Problems of the laws by which `measure` judges, and of exact probes, those that are asked of the operation.

    Of eager kernels alone: a compiled one would make a program for each.
    """
    own = [law for law in load_laws() if law.id in (*LAWS, *PROBES) and not is_lifted(law, made)]
    asked = [law for law in own if not_claimed(made, law, dtype) is None]
    if made.mode != "eager" or not asked:
        return ()
    pool, name = pool_for("quick", made.compiles, 0), f"arithmetic/{dtype}"
    found = drawn(made, dtype, [law.given for law in asked], sorted(made.options), pool, name, EXAMPLES)
    return tuple((law, structure) for law, structures in zip(asked, found, strict=True) for structure in structures)


def _holds_elsewhere(made: Implementation, subject: Subject, record: Callable[[str], None]) -> bool:
    """Whether none of those problems breaks its law by a number. NaN and infinities are no rounding, and are told apart."""
    for law, structure in _elsewhere(made, subject.dtype):
        (decision,) = _decisions(subject, law, [structure], record)
        if decision is not None and not decision.holds and not decision.strange:
            return False
    return True


def _sentence(model: str, ratio: float, dtype: str, others: Sequence[str]) -> str:
    also = f"; it holds under {' and '.join(others)} too" if others else ""
    return f"holds under {model}, {ratio:.2f}: declare it if {DECLARE_IF[model].format(dtype=dtype)}{also}"


def _cast(model: str, ratio: float) -> str:
    return f"an error that {model} would explain ({ratio:.2f} of that bound): look for a cast"
