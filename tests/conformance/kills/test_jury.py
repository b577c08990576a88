"""A jury judges as `verify` does, on the problems that `verify` draws, and does nothing twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.engine.verify import verify
from attnspec.conformance.kills.jury import Jury
from attnspec.conformance.kills.suspects import CONVENTIONS, CORRECT, FAULTS, Terms, named, no_mistake, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.grammar import read_equation

LAWS = {law.id: law for law in load_laws()}


def heard(law: Any, names: list[str], dtype: str = "float32", examples: int = 6) -> Jury:
    jury = Jury(law, dtype, named(names))
    verify(suspect(CORRECT), law, dtype, budget="quick", examples=examples, held=jury.hear)
    return jury


@pytest.mark.parametrize("law", ["masks/options-together", "heads/concatenate", "interface/second-call-is-the-first"])
@pytest.mark.parametrize("name", ["mask-ignored", "scale-twice", "heads-leak", "buffer-not-cleared", "stale-values"])
def test_a_fault_falls_where_verify_lets_it_fall(law: str, name: str) -> None:
    """Up to the first rejection the problems are the same, because the law held for both on all before it."""
    kill = heard(LAWS[law], [name]).standings[name].kill
    result = verify(suspect(name), LAWS[law], "float32", budget="quick", examples=6)
    if kill is None:
        assert result.verdict == "pass"
    else:
        assert (result.verdict, result.examples) == (kill.verdict, kill.problem)
        assert verify_case(name, law, kill.case) == "fail"


def verify_case(name: str, law: str, case: str) -> str:
    from attnspec.conformance.engine import replay

    return replay(suspect(name), case, LAWS[law]).verdict


def test_a_fault_is_spared_what_it_cannot_show_in() -> None:
    jury = heard(LAWS["masks/options-together"], ["softcap-ignored", "scale-twice", "lse-base-two", "stale-scale"])
    tried = {name: standing.tried for name, standing in jury.standings.items()}
    assert tried["lse-base-two"] == 0, "the law never asks for the logsumexp"
    assert tried["softcap-ignored"] < jury.heard
    assert tried["stale-scale"] == jury.heard, "what it remembers may come from any problem before"
    assert tried["scale-twice"] == jury.standings["scale-twice"].kill.problem, "it leaves at its first rejection"  # type: ignore[union-attr]


def test_options_that_a_transform_adds_count() -> None:
    """The problems of this law need no scale; the law itself writes one."""
    law = LAWS["weights/quadrupled-queries-exactly"]
    assert "scale" not in law.given
    standing = heard(law, ["scale-ignored"]).standings["scale-ignored"]
    assert standing.kill is not None and standing.kill.problem == standing.tried


def test_faults_that_give_the_same_bits_cost_no_second_judgement(monkeypatch: pytest.MonkeyPatch) -> None:
    from attnspec.conformance.kills import jury as module

    decided: list[str] = []
    whole = module.decide_law

    def counted(law: Any, p: Any, subject: Subject, known: Any, **how: Any) -> Any:
        decided.append(subject.implementation.name)
        return whole(law, p, subject, known, **how)

    monkeypatch.setattr(module, "decide_law", counted)
    heard(LAWS["causal/as-defined"], ["accepts-mixed-dtypes", "causal-off-by-one"], examples=4)
    assert decided.count(CORRECT) == 4 and "accepts-mixed-dtypes" not in decided and "causal-off-by-one" in decided


def test_a_law_that_rejects_the_definition_convicts_nobody() -> None:
    law = LAWS["weights/sum-to-one"]
    wrong = replace(law, relation=read_equation("out(with_values(p, 1)) ≈ 2"))
    jury = Jury(wrong, "float32", named(["weights-unnormalised"]))
    verify(suspect(CORRECT), law, "float32", budget="quick", examples=3, held=jury.hear)
    assert jury.rejected_definition.startswith("weights/sum-to-one?")
    assert jury.standings["weights-unnormalised"].tried == 0


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
@pytest.mark.parametrize("rows", ["zeros", "mean", "nan"])
def test_the_definition_keeps_the_conventions_that_it_is_told(alignment: str, rows: str) -> None:
    told = {**CONVENTIONS, "causal_alignment": alignment, "empty_rows": rows}
    for law in ("causal/as-defined", "masks/options-together", "causal/visible-keys-are-seen", "masks/alibi-as-defined"):
        result = verify(suspect(CORRECT, Terms(conventions=told)), LAWS[law], "float32", budget="quick", examples=8)
        assert result.verdict == "pass", result.message


@pytest.mark.parametrize("name", ["causal-wrong-corner", "window-wrong-corner", "alibi-wrong-corner"])
def test_the_wrong_corner_is_the_other_one(name: str) -> None:
    told = {**CONVENTIONS, "causal_alignment": "bottom-right"}
    law = {"causal": "causal/as-defined", "window": "masks/window-as-defined", "alibi": "masks/alibi-as-defined"}
    made = suspect(name, Terms(conventions=told))
    assert verify(made, LAWS[law[name.split("-")[0]]], "float32", budget="quick", examples=20).verdict == "fail"


def test_a_convention_can_make_a_fault_no_mistake() -> None:
    reason = no_mistake(FAULTS["empty-rows-give-nan"], {"empty_rows": "nan"})
    assert reason == "empty-rows-give-nan is no mistake where empty_rows is nan"
    assert no_mistake(FAULTS["empty-rows-give-nan"], {"empty_rows": "mean"}) is None


def test_an_unknown_fault_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no-such-fault"):
        named(["no-such-fault"])
