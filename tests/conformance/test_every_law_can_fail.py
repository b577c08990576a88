"""A law that nothing can break proves nothing: every law rejects each fault that it names, and nothing that is correct.

The pairs are those of `kills` in spec/laws. A pair that stops holding means that a law, a fault, a bound or the drawing of
problems has changed; none of the four is to be bent until the pair holds again without knowing which.
"""

from __future__ import annotations

from typing import Any

import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine.verify import verify
from attnspec.conformance.language import load_laws
from attnspec.reference.faults.catalogue import CORRECT, FAULTS, as_callable

LAWS = {law.id: law for law in load_laws()}
PAIRS = [(law.id, name) for law in LAWS.values() for name in law.kills]

MOST = 400
"""Problems after which a fault counts as missed. The first that shows it ends the search, so most pairs need a few."""

FEW = 20
"""Problems on which the definition is held to each law."""


def made(name: str) -> Implementation:
    """A fault, or the definition, fresh, with every promise that a law may ask for."""
    return implementation_of(
        as_callable(name),
        name=name,
        dtypes=("float32", "float16", "bfloat16"),
        conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"},
        claims=("deterministic",),
    )


def verdict(name: str, law: str, examples: int, dtype: str = "float32") -> tuple[str, Any]:
    result = verify(made(name), LAWS[law], dtype, budget="quick", examples=examples)
    return result.verdict, (result.examples, result.message, result.case)


@pytest.mark.parametrize(("law", "name"), PAIRS)
def test_a_law_rejects_the_faults_that_it_names(law: str, name: str) -> None:
    said, evidence = verdict(name, law, MOST)
    assert said == "fail", f"{name}: {FAULTS[name].title} {law} says {said} {evidence}"


@pytest.mark.parametrize("law", LAWS)
def test_a_law_accepts_the_definition(law: str) -> None:
    said, evidence = verdict(CORRECT, law, FEW)
    assert said == "pass", evidence
    assert evidence[0] == FEW


def test_every_fault_is_named_by_a_law_and_every_name_is_a_fault() -> None:
    assert {name for _, name in PAIRS} == set(FAULTS)
