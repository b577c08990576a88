"""Where the outputs are wrong, in words that hold on every problem that was looked at.

`only with a mask` is said where every problem with a wrong number has a mask, and hardly a right one has. `only rows from 16
on` is said where no other row is wrong anywhere. Of several true sentences the one about the fewest places is said.

A law also looks at problems that transforms made, and may fail where no output is wrong by itself. So a sentence about problems
must hold of every one on which the law failed, the reported one first; and one about rows is held against every call, and is
left out where a failure shows in no output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.results import due as results_due
from ..operations import operation_named
from ..problems.problem import Problem
from . import places
from .matching import came
from .sample import Sample

__all__ = ["where"]

LISTED = 6
"""Runs of indices that a sentence may list."""

NAMES = {
    "out": "the output",
    "lse": "the logsumexp",
    "weights": "the returned weights",
    "state": "the state",
    "normalizer": "the normaliser",
    "dq": "the gradient in the queries",
    "dk": "the gradient in the keys",
    "dv": "the gradient in the values",
}
"""What may come back, in words."""

TELLING = 0.5
"""Of the rows of a place that is told, so many are wrong at least: "only all rows but the first" hardly tells a single row."""

RARE = 4
"""Of so many right problems, one at most may share what the wrong ones have in common."""

Wrong = tuple[Any, Any]
"""A problem, and which entries of its output are wrong, bool (B, Hq, Sq, Dv)."""


KINDS = {
    frozenset({"nan"}): "NaN",
    frozenset({"zero"}): "0",
    frozenset({"inf"}): "infinite",
    frozenset({"-inf"}): "−infinite",
    frozenset({"inf", "-inf"}): "infinite",
    frozenset({"nan", "inf"}): "NaN or infinite",
    frozenset({"nan", "-inf"}): "NaN or −infinite",
    frozenset({"nan", "inf", "-inf"}): "NaN or infinite",
}
"""What all wrong numbers are, where that is worth a word."""


def where(samples: Sequence[Sample], reported: Problem | None = None) -> list[str]:
    """Sentences about where outputs are wrong, the most telling first. Empty where no output is.

    reported: the problem of the finding, which no sentence may contradict.
    """
    looked = [pair for sample in samples for pair in _looked(sample)]
    wrong = [(p, found) for p, found in looked if found.any()]
    right = [p for p, found in looked if not found.any()]
    if not wrong:
        return _of_others(samples)
    failed = [sample for sample in samples if sample.verdict == "fail"]
    common = [*(p for p, _ in wrong), *(sample.p for sample in failed), *([reported] if reported is not None else [])]
    said = _of_problems(common, right)
    heads = all(operation_named(p.operation).of_heads for p, _ in wrong)
    if heads and all(any(found.any() for _, found in _looked(sample)) for sample in failed):
        said += [*_of_rows(wrong), *_of_features(wrong)]
        if all(found.all() for _, found in wrong):
            said = [*said, "every number of the output is wrong on all of these problems"][-2:]
        said = said or _of_one(max(wrong, key=lambda each: each[1].size), reported)
    kinds = KINDS.get(came(samples))
    return [*said, f"every wrong number is {kinds}"] if kinds else said


def _looked(sample: Sample) -> list[Wrong]:
    """The problem of each call of a sample that gave an output, and what is wrong there; of equal problems the last call.

    Where the law failed on entries of an output, these too: a bound may promise nothing there, and what came is not right.
    """
    found = {id(call.p): (call.p, call.observed["out"].wrong) for call in sample.calls if "out" in call.observed}
    p, symptom = sample.p, sample.symptom
    of_outputs = symptom is not None and symptom.broken.shape == results_due("out", p)
    return [*found.values(), *([(p, symptom.broken)] if of_outputs and symptom is not None else [])]


def _of_others(samples: Sequence[Sample]) -> list[str]:
    """What is wrong where no output is: the logsumexp, the returned weights, gradients."""
    observed = [(name, one) for sample in samples for call in sample.calls for name, one in call.observed.items()]
    looked = [name for name in NAMES if any(name == other for other, _ in observed)]
    wrong = [name for name in looked if any(name == other and one.wrong.any() for other, one in observed)]
    right = ", the output is right" if "out" in looked and "out" not in wrong else ""
    return [f"{_listed(wrong)} wrong{right}"] if wrong else []


def _listed(names: Sequence[str]) -> str:
    words = [NAMES[name] for name in names]
    return f"{' and '.join(words)} {'is' if len(words) == 1 else 'are'}"


def _of_problems(wrong: Sequence[Any], right: Sequence[Any]) -> list[str]:
    """What all wrong problems have in common and hardly a right one has: chance alone would leave more of them."""
    facts = [places.problems(p) for p in wrong]
    common = [words for words in facts[0] if all(each[words] for each in facts)]
    rare = [(sum(places.problems(p)[words] for p in right), words) for words in common]
    rare = [(count, words) for count, words in rare if len(right) > 1 and RARE * count <= len(right)]
    best = min(rare, default=None, key=lambda each: each[0])
    return [f"only {best[1]}"] if best is not None else []


def _of_rows(wrong: Sequence[Wrong]) -> list[str]:
    """The smallest set of rows that holds all wrong ones, on every problem."""
    share: dict[str, list[float]] = {}
    held: dict[str, list[float]] = {}
    exact: dict[str, bool] = {}
    for p, found in wrong:
        bad = found.any(-1)
        for words, flags in places.rows(p):
            place = flags()
            if (bad & ~place).any():
                share.setdefault(words, []).append(2.0)
            else:
                share.setdefault(words, []).append(float(place.mean()))
            held.setdefault(words, []).append(float(bad.sum() / max(place.sum(), 1)))
            exact[words] = exact.get(words, True) and np.array_equal(bad, place)
    fit = {words: parts for words, parts in share.items() if len(parts) == len(wrong) and max(parts) <= 1.0}
    best = min(fit, default=None, key=lambda words: sum(fit[words]))
    if best is None or sum(fit[best]) == len(wrong) or sum(held[best]) < TELLING * len(wrong):
        return []
    return [f"{best}, all of them" if exact[best] else f"only {best}"]


def _of_features(wrong: Sequence[Wrong]) -> list[str]:
    """The smallest set of value features that holds all wrong ones, on every problem."""
    share: dict[str, list[float]] = {}
    for p, found in wrong:
        bad = found.any((0, 1, 2))
        for words, place in places.features(p):
            share.setdefault(words, []).append(2.0 if (bad & ~place).any() else float(place.mean()))
    fit = {words: parts for words, parts in share.items() if len(parts) == len(wrong) and max(parts) <= 1.0}
    best = min(fit, default=None, key=lambda words: sum(fit[words]))
    return [f"only {best}"] if best is not None and sum(fit[best]) < len(wrong) else []


def _of_one(wrong: Wrong, reported: Problem | None) -> list[str]:
    """Indices of one problem, where nothing general is true. One of other sizes than the reported problem is told by these."""
    p, found = wrong
    other = reported is not None and reported.sizes != p.sizes
    place = f", on a problem of {p.sq} queries and {p.sk} keys" if other else ", on one problem"
    said = []
    for words, count, axes in (("rows", p.sq, (0, 1, 3)), ("heads", p.hq, (0, 2, 3)), ("batch entries", p.b, (1, 2, 3))):
        bad = np.flatnonzero(found.any(axes))
        runs = _runs(bad)
        if len(bad) < count and len(runs) <= LISTED:
            said.append(f"{words} {', '.join(runs)} of {count}{place}")
    return said


def _runs(indices: Any) -> list[str]:
    """`0, 3–5, 9` from sorted indices."""
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1) if len(indices) else []
    return [str(part[0]) if len(part) == 1 else f"{part[0]}–{part[-1]}" for part in parts]
