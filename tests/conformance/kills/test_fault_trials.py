"""Trials of faults judge as `verify` does, on the problems that `verify` draws, and do nothing twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.explained import verify
from attnspec.conformance.kills.fault_trials import FaultTrials
from attnspec.conformance.kills.suspects import CONVENTIONS, CORRECT, FAULTS, Terms, named, no_mistake, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.grammar import read_equation

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}


def tried_on(law: Any, names: list[str], dtype: str = "float32", examples: int = 6) -> FaultTrials:
    trials = FaultTrials(law, dtype, named(names))
    verify(suspect(CORRECT, operation="attention"), law, dtype, budget="quick", examples=examples, held=trials.try_on)
    return trials


@pytest.mark.parametrize("law", ["masks/options-together", "heads/concatenate", "interface/second-call-is-the-first"])
@pytest.mark.parametrize("name", ["mask-ignored", "scale-twice", "heads-leak", "buffer-not-cleared", "stale-values"])
def test_a_fault_falls_where_verify_lets_it_fall(law: str, name: str) -> None:
    """Up to the first rejection the problems are the same, because the law held for both on all before it."""
    kill = tried_on(LAWS[law], [name]).by_fault[name].kill
    result = verify(suspect(name, operation="attention"), LAWS[law], "float32", budget="quick", examples=6)
    if kill is None:
        assert result.verdict == "pass"
    else:
        assert (result.verdict, result.examples) == (kill.verdict, kill.problem)
        assert verify_case(name, law, kill.case) == "fail"


def verify_case(name: str, law: str, case: str) -> str:
    from attnspec.conformance.explained import replay

    return replay(suspect(name, operation="attention"), case, LAWS[law]).verdict


def test_a_fault_is_spared_what_it_cannot_show_in() -> None:
    trials = tried_on(LAWS["masks/options-together"], ["softcap-ignored", "scale-twice", "lse-base-two", "stale-scale"])
    tried = {name: trial.tried for name, trial in trials.by_fault.items()}
    assert tried["lse-base-two"] == 0, "the law never asks for the logsumexp"
    assert tried["softcap-ignored"] < trials.problems
    assert tried["stale-scale"] == trials.problems, "what it remembers may come from any problem before"
    assert tried["scale-twice"] == trials.by_fault["scale-twice"].kill.problem, "it leaves at its first rejection"  # type: ignore[union-attr]


def test_options_that_a_transform_adds_count() -> None:
    """The problems of this law need no scale; the law itself writes one."""
    law = LAWS["weights/quadrupled-queries-exactly"]
    assert "scale" not in law.given
    trial = tried_on(law, ["scale-ignored"]).by_fault["scale-ignored"]
    assert trial.kill is not None and trial.kill.problem == trial.tried


def test_faults_that_give_the_same_bits_cost_no_second_judgement(monkeypatch: pytest.MonkeyPatch) -> None:
    from attnspec.conformance.kills import fault_trials as module

    decided: list[str] = []
    whole = module.decide_law

    def counted(law: Any, p: Any, subject: Subject, known: Any, **how: Any) -> Any:
        decided.append(subject.implementation.name)
        return whole(law, p, subject, known, **how)

    monkeypatch.setattr(module, "decide_law", counted)
    tried_on(LAWS["causal/as-defined"], ["accepts-mixed-dtypes", "causal-off-by-one"], examples=4)
    assert decided.count(CORRECT) == 4 and "accepts-mixed-dtypes" not in decided and "causal-off-by-one" in decided


def test_a_law_that_rejects_the_definition_convicts_nobody() -> None:
    law = LAWS["weights/sum-to-one"]
    wrong = replace(law, relation=read_equation("out(with_values(p, 1)) ≈ 2"))
    trials = FaultTrials(wrong, "float32", named(["weights-unnormalised"]))
    verify(suspect(CORRECT, operation="attention"), law, "float32", budget="quick", examples=3, held=trials.try_on)
    assert trials.rejected_definition.startswith("weights/sum-to-one?")
    assert trials.by_fault["weights-unnormalised"].tried == 0


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
@pytest.mark.parametrize("rows", ["zeros", "mean", "nan"])
def test_the_definition_keeps_the_conventions_that_it_is_told(alignment: str, rows: str) -> None:
    told = {**CONVENTIONS, "causal_alignment": alignment, "empty_rows": rows}
    for law in ("causal/as-defined", "masks/options-together", "causal/visible-keys-are-seen", "masks/alibi-as-defined"):
        result = verify(
            suspect(CORRECT, Terms(conventions=told), operation="attention"), LAWS[law], "float32", budget="quick", examples=8
        )
        assert result.verdict == "pass", result.message


@pytest.mark.parametrize("name", ["causal-wrong-corner", "window-wrong-corner", "alibi-wrong-corner"])
def test_the_wrong_corner_is_the_other_one(name: str) -> None:
    told = {**CONVENTIONS, "causal_alignment": "bottom-right"}
    law = {"causal": "causal/as-defined", "window": "masks/window-as-defined", "alibi": "masks/alibi-as-defined"}
    made = suspect(name, Terms(conventions=told), "attention")
    assert verify(made, LAWS[law[name.split("-")[0]]], "float32", budget="quick", examples=20).verdict == "fail"


def test_a_convention_can_make_a_fault_no_mistake() -> None:
    reason = no_mistake(FAULTS["empty-rows-give-nan"], {"empty_rows": "nan"})
    assert reason == "empty-rows-give-nan is no mistake where empty_rows is nan"
    assert no_mistake(FAULTS["empty-rows-give-nan"], {"empty_rows": "mean"}) is None


def test_an_unknown_fault_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no-such-fault"):
        named(["no-such-fault"])
