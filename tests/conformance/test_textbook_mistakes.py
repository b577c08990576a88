"""A quick run rejects every textbook mistake on every signature on which it can show, and no correct kernel.

The seeds: the one that every run has unless it names another, and in a study others, by which nothing was chosen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import attnspec
from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.explained import verify
from attnspec.conformance.selection import Case, Target, find_targets, make_plan
from attnspec.reports.causes import causes
from attnspec.reports.record import Record

from .textbook_mistakes import MISTAKES, SIGNATURES, kernel, shown

pytestmark = pytest.mark.long

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.study) for seed in (7, 11, 23))]
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros"}

MOST = 15
"""A quick run of a kernel that breaks most of its laws costs less than so many of one that holds them."""

PAIRS = list(shown())
LATELY: list[str] = []
"""Laws that rejected a mistake, the last first: they are tried first on the next. The verdict does not depend on the order."""


def made(signature: str, name: str | None = None) -> Implementation:
    function = kernel(SIGNATURES[signature], name)
    return implementation_of(function, name=function.__name__, conventions=CONVENTIONS)


def quick(implementation: Implementation, seed: int) -> list[Case]:
    """What a quick run tries, must-laws that rejected something lately first."""
    cases = list(make_plan([Target("kernel.py", implementation)], seed=seed).cases())
    lately = {law: n for n, law in enumerate(reversed(LATELY))}
    return sorted(cases, key=lambda case: lately.get(case.law.id, len(lately)))


def findings(implementation: Implementation, seed: int) -> Iterator[tuple[Case, str]]:
    for case in quick(implementation, seed):
        result = verify(implementation, case.law, case.dtype, budget="quick", seed=seed, shrink=False)
        if result.verdict in ("fail", "error"):
            yield case, f"{case.law.id}: {result.message} {result.case}"


def test_there_are_enough_mistakes_and_every_signature_has_some() -> None:
    assert sum(mistake.must for mistake in MISTAKES.values()) >= 40
    assert {signature for signature, _ in PAIRS} == set(SIGNATURES)
    assert all(any(name == shows for _, shows in PAIRS) for name in MISTAKES)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("signature", "name"), PAIRS)
def test_a_mistake_dies_wherever_it_can_show(signature: str, name: str, seed: int) -> None:
    must = MISTAKES[name].must
    for case, _ in findings(made(signature, name), seed):
        if (case.law.level == "must") is must:
            LATELY[:] = [law for law in LATELY if law != case.law.id] + [case.law.id]
            return
    pytest.fail(f"{name} lives at quick in a kernel of {SIGNATURES[signature] or 'no option'}, seed {seed}")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("signature", SIGNATURES)
def test_the_textbook_kernel_passes(signature: str, seed: int) -> None:
    assert not [found for _, found in findings(made(signature), seed)]


@pytest.mark.study
@pytest.mark.parametrize("seed", [0, 7, 11, 23])
@pytest.mark.parametrize("name", ["numpy/naive", "numpy/flash"])
def test_shipped_kernels_pass(name: str, seed: int) -> None:
    targets = find_targets([name])
    for case in make_plan(targets, seed=seed).cases():
        result = verify(case.target.implementation, case.law, case.dtype, budget="quick", seed=seed)
        assert result.verdict not in ("fail", "error") or case.law.level != "must", (case.name, result.message, result.case)


@pytest.mark.study
@pytest.mark.parametrize(("signature", "name"), [("all", "-1e4 added")])
def test_a_mistake_in_everything_costs_no_more_than_a_few_runs(signature: str, name: str) -> None:
    def seconds(kernel: Implementation) -> float:
        start = time.process_time()
        attnspec.check(kernel)
        return time.process_time() - start

    seconds(made(signature))  # it loads what both need
    assert seconds(made(signature, name)) < MOST * seconds(made(signature))


NAMED_ON = {
    name: next(signature for signature in (*SIGNATURES,) if mistake.shows_on(SIGNATURES[signature]))
    for name, mistake in MISTAKES.items()
}
"""The smallest signature on which each mistake shows."""


IN_SECONDS = (
    "no max subtraction",
    "lse to base two",
    "scale of Dv",
    "grouped heads tiled",
    "causal one key too many",
    "NaN in empty rows",
)
"""One of each kind that is named within seconds; a study names all."""

CONVENTIONAL = ("causal from the other corner", "NaN in empty rows")
"""Mistakes that are no mistake in a kernel that declares nothing, because it may mean them."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in IN_SECONDS else pytest.mark.study) for name in MISTAKES]
)
def test_the_right_cause_comes_first(name: str) -> None:
    """On the smallest signature on which a mistake shows, in a bare function that takes no grouped heads, if that can be."""
    signature, mistake = NAMED_ON[name], MISTAKES[name]
    whole = "repeated" in mistake.steps or name in CONVENTIONAL
    report = attnspec.check(made(signature, name) if whole else kernel(SIGNATURES[signature], name, grouped=False))
    assert bool(report) is not mistake.must
    found = causes(Record.of(report.data).report)
    assert found[0].fault in mistake.causes, found[0]


def test_a_bare_function_without_grouped_heads_is_green_and_says_so() -> None:
    report = attnspec.check(kernel((), grouped=False))
    assert report and str(report).count("does not take grouped heads (1 < Hkv < Hq)") == 1
