"""A certificate says what the problems of a pass could have shown, is made once, and is made again when anything changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import attnspec
from attnspec.adapters.cache import cache_folder as folder
from attnspec.adapters.contract import Implementation
from attnspec.conformance.describe import told
from attnspec.conformance.engine.result import Result
from attnspec.conformance.engine.subject import Subject
from attnspec.conformance.explained import verify
from attnspec.conformance.kills import certificate as module
from attnspec.conformance.kills.suspects import CONVENTIONS, CORRECT, FAULTS, Terms, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.grammar import read_equation
from attnspec.conformance.problems.structure import Structure
from attnspec.reports.certificates import certificate_lines, certificate_text, united
from attnspec.reports.schema.result import Certificate

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
SOME = frozenset({"causal", "scale", "mask"})
FEW = (
    "scale-twice", "causal-off-by-one", "causal-ignored", "causal-wrong-corner", "causal-switches-mask-off", "hidden-nan-leaks",
    "softcap-ignored", "bias-ignored", "lse-base-two", "empty-rows-give-nan", "accepts-mixed-dtypes",
)  # fmt: skip
"""Faults of one option, of two, of none, of an option that is not claimed, of a convention, of ill-formed calls."""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAULTS", {name: FAULTS[name] for name in FEW})


def made(**terms: Any) -> Implementation:
    return suspect(CORRECT, Terms(**{"options": SOME, **terms}), operation="attention")


def passed(implementation: Implementation, law: str = "causal/as-defined", certify: bool = True) -> Any:
    result = verify(implementation, LAWS[law], "float32", budget="quick", examples=8, certify=certify)
    assert result.verdict == "pass", result.message
    return result.certificate


def test_it_names_what_would_have_been_caught_and_what_not() -> None:
    found = passed(made())
    assert {"causal-off-by-one", "causal-ignored", "scale-twice"} <= set(found["caught"])
    assert {"accepts-mixed-dtypes", "hidden-nan-leaks"} <= set(found["missed"])
    assert not set(found["caught"]) & set(found["missed"])
    assert found["problems"] == 8 and found["void"] == ""


def test_faults_of_options_that_are_not_claimed_or_not_met_are_not_counted() -> None:
    found = passed(made())
    everything = {*found["caught"], *found["missed"]}
    assert not {"softcap-ignored", "bias-ignored", "lse-base-two"} & everything
    together = {"causal", "mask"}
    both: list[bool] = []
    result = verify(
        made(), LAWS["masks/mask-as-defined"], "float32", budget="quick", examples=2, certify=True,
        held=lambda structure, p: both.append(together <= set(p.options)),
    )  # fmt: skip
    assert result.certificate is not None
    assert ("causal-switches-mask-off" in {*result.certificate["caught"], *result.certificate["missed"]}) == any(both)


def test_each_fault_said_to_be_caught_is_rejected_on_one_of_those_problems() -> None:
    cases: list[str] = []
    law = LAWS["causal/as-defined"]
    implementation = made()
    result = verify(
        implementation, law, "float32", budget="quick", examples=8, certify=True,
        held=lambda structure, p: cases.append(structure.query()),
    )  # fmt: skip
    found = result.certificate
    assert found is not None and found["problems"] == len(cases)
    for name in ("causal-off-by-one", "accepts-mixed-dtypes"):
        verdicts = {verify_one(name, query) for query in cases}
        assert ("fail" in verdicts) == (name in found["caught"])


def verify_one(name: str, query: str) -> str:
    from attnspec.conformance.explained import replay

    return replay(
        suspect(name, Terms(options=SOME), "attention"), f"causal/as-defined?{query}", LAWS["causal/as-defined"]
    ).verdict


def test_without_being_asked_it_shows_what_is_kept_and_computes_nothing(cache: Path) -> None:
    assert passed(made(), certify=False) is None and not cache.exists()
    found = passed(made())
    assert found is not None and len(list(cache.rglob("*.json"))) == 1
    assert passed(made(), certify=False) == found


def test_implementations_with_the_same_signature_share_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = passed(made())
    monkeypatch.setattr(module, "certify", lambda *given: pytest.fail("it was computed again"))
    assert passed(replace(made(), name="another")) == found


@pytest.mark.parametrize(
    "change",
    [
        {"conventions": {**CONVENTIONS, "causal_alignment": "bottom-right"}},
        {"conventions": {**CONVENTIONS, "empty_rows": "mean"}},
        {"arithmetic": "tf32"},
        {"options": SOME | {"softcap"}},
        {"claims": frozenset()},
    ],
)
def test_anything_that_it_depends_on_makes_it_anew(change: dict[str, Any], cache: Path) -> None:
    passed(made())
    assert passed(made(**change), certify=False) is None


def test_a_changed_law_or_kit_makes_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    law, structures = LAWS["causal/as-defined"], [Structure.of(operation="attention")]
    subject = Subject(made(), "float32", CONVENTIONS)
    keys = {
        module.signature(law, structures, subject),
        module.signature(replace(law, equation="out(p) ≈ 1", relation=read_equation("out(p) ≈ 1")), structures, subject),
        module.signature(replace(law, where="sees_a_key(p)"), structures, subject),
        module.signature(replace(law, given={"causal": True, "d": 8}), structures, subject),
        module.signature(law, [Structure.of(seed=1, operation="attention")], subject),
        module.signature(law, structures, Subject(made(), "bfloat16", CONVENTIONS)),
    }
    monkeypatch.setattr(module, "_kit", lambda: "another kit")
    assert len(keys | {module.signature(law, structures, subject)}) == 7


def test_what_cannot_be_read_is_made_again(cache: Path) -> None:
    found = passed(made())
    kept = next(cache.rglob("*.json"))
    kept.write_text("{", encoding="utf-8")
    assert passed(made(), certify=False) is None
    assert passed(made()) == found


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert folder() == tmp_path / "cache"
    monkeypatch.delenv("ATTNSPEC_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "attnspec"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert folder() == Path.home() / ".cache" / "attnspec"


def test_faults_are_judged_under_the_conventions_of_the_implementation() -> None:
    told = {"causal_alignment": "bottom-right", "empty_rows": "nan", "hidden_nan": "propagates"}
    found = passed(made(conventions=told))
    assert {"causal-wrong-corner", "causal-off-by-one"} <= set(found["caught"])
    assert found["not_judged"]["empty-rows-give-nan"] == "empty-rows-give-nan is no mistake where empty_rows is nan"
    assert "empty-rows-give-nan" not in {*found["caught"], *found["missed"]}


def test_a_law_that_rejects_the_definition_certifies_nothing() -> None:
    law = replace(LAWS["weights/sum-to-one"], relation=read_equation("out(with_values(p, 1)) ≈ 2"))
    found = module.certify(law, [Structure.of(operation="attention")], Subject(made(), "float32", CONVENTIONS))
    assert found["void"].startswith("weights/sum-to-one?") and found["caught"] == []
    assert certificate_text(Certificate(**found)).startswith(
        "certifies nothing: the law rejects the definition itself on weights/"
    )


def test_words() -> None:
    one = {"problems": 3, "caught": ["a", "b"], "missed": ["c"], "not_judged": {}, "void": ""}
    two = {"problems": 2, "caught": ["c"], "missed": ["a", "d"], "not_judged": {"e": "e is no mistake here"}, "void": ""}
    both = {**two, "problems": 5, "caught": ["a", "b", "c"], "missed": ["d"]}
    assert certificate_text(Certificate(**one)) == "would have caught 2 of 3 (misses c)"
    assert certificate_text(Certificate(**{**one, "missed": []})) == "would have caught 2 of 2"
    assert united([Certificate(**one), Certificate(**two)]) == Certificate(**both)
    found = (("x", one), ("x", two), ("x", None), ("y", None))
    rows = [told(Result(name, "attention", "a/b", "float32", "pass", certificate=made)) for name, made in found]
    names = [SimpleNamespace(name="x"), SimpleNamespace(name="y")]
    share = "as far as 2 of 3 passes tell (--certificate for all)"
    assert certificate_lines(SimpleNamespace(implementations=names, results=rows)) == [
        f"  x: would have caught 3 of 4 applicable known faults, {share}; misses: d",
        "  x: not judged: e is no mistake here",
    ]


def test_the_python_door_asks_for_it() -> None:
    report = attnspec.check(made(), laws="causal/as-defined", examples=2, dtype="float32", certificate=True)
    assert "certificates\n  correct: would have caught " in str(report)
    assert "certificates" not in str(attnspec.check(made(), laws="causal/is-a-mask", examples=2, dtype="float32"))
