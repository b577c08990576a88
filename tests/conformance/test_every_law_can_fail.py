"""A law that nothing can break proves nothing: every law rejects each fault that it names, and nothing that is correct.

The pairs are those of `kills` in the spec. A pair that stops holding means that a law, a fault, a bound or the drawing of
problems has changed; none of the four is to be bent until the pair holds again without knowing which.
"""

from __future__ import annotations

from typing import Any

import pytest

from attnspec.conformance.explained import verify
from attnspec.conformance.kills.fault_trials import FaultTrials
from attnspec.conformance.kills.suspects import CORRECT, FAULTS, suspect
from attnspec.conformance.language import load_laws

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
PAIRS = [(law.id, name) for law in LAWS.values() for name in law.kills]

MOST = 400
"""Problems after which a fault counts as missed. The first that shows it ends the search, so most pairs need a few."""

FEW = 5
"""Problems on which the definition is held to each law, and on which all faults that the law names are tried together."""

RAISE = {"attends-across-heads"}
"""Faults that raise on some problems, here where heads are grouped, and give a wrong answer on others."""


def verdict(name: str, law: str, examples: int, dtype: str) -> tuple[str, Any]:
    made = suspect(name, operation=LAWS[law].operation)
    result = verify(made, LAWS[law], dtype, budget="quick", examples=examples, shrink=False)
    return result.verdict, (result.examples, result.message, result.case)


def tried_together(law: str, dtype: str, names: list[str]) -> tuple[Any, dict[str, str]]:
    """The definition's result on a few problems, and how the law rejected faults on these, by name."""
    trials = FaultTrials(LAWS[law], dtype, [FAULTS[name] for name in names])
    definition = suspect(CORRECT, operation=LAWS[law].operation)
    result = verify(definition, LAWS[law], dtype, budget="quick", examples=FEW, held=trials.try_on)
    return result, {name: found.kill.verdict for name, found in trials.by_fault.items() if found.kill is not None}


@pytest.mark.parametrize("law", LAWS)
def test_a_law_accepts_the_definition_and_rejects_the_faults_that_it_names(law: str) -> None:
    by_dtype: dict[str, list[str]] = {"float32": []}
    for name in LAWS[law].kills:
        by_dtype.setdefault("float32" if FAULTS[name].shows_in("float32") else FAULTS[name].dtypes[0], []).append(name)
    for dtype, names in by_dtype.items():
        definition, rejected = tried_together(law, dtype, names)
        if dtype == "float32":
            assert definition.verdict == "pass", (definition.message, definition.case)
            assert definition.examples == FEW
        for name in names:
            said, evidence = (rejected[name], "") if name in rejected else verdict(name, law, MOST, dtype)
            rejects = said == "fail" or (said == "error" and name in RAISE)
            assert rejects, f"{name}: {FAULTS[name].title} {law} says {said} {evidence} in {dtype}"


def test_every_fault_is_named_by_a_law_and_every_name_is_a_fault() -> None:
    assert {name for _, name in PAIRS} == {name for name, fault in FAULTS.items() if not fault.equivalent}
