"""A law of one's own is taken after it held for the definition and rejected each mistake that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attnspec.conformance.explained import replay, verify
from attnspec.conformance.kills import own_laws
from attnspec.conformance.kills.own_laws import LawRefused, check_before_run, check_law
from attnspec.conformance.kills.suspects import BACKWARDS, CORRECT, FAULTS, suspect
from attnspec.conformance.language import Law, SpecError, load_laws
from attnspec.conformance.selection import Case, Target

pytestmark = pytest.mark.long

Made = Callable[..., Law]

ONES, OF_ONES = "out(with_values(p, 1)) ≈ 1", {"given": "{sinks: absent, v_descale: absent}", "where": "sees_a_key(p)"}
DEFINED = "out(p) ≈ reference_out(p)"


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_laws, "MORE", (40,))
    monkeypatch.setattr(own_laws, "_REFUSED", {})


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A law from a file of one's own."""

    def make(equation: str, kills: str, **more: str) -> Law:
        file = tmp_path / "own.yaml"
        lines = ["chapter: own", "about: One law.", "laws:", "  - id: own/law", "    statement: S.", "    operation: attention"]
        lines += [f"    {key}: {value}" for key, value in {"equation": equation, **more}.items()]
        lines += ["    level: must", "    why: W.", f"    kills: [{kills}]", "    source: [S]"]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        (law,) = load_laws([file])
        return law

    return make


def test_a_law_that_holds_and_rejects_what_it_names_passes(made: Made) -> None:
    law = made(
        "out(with_values(p, 1)) ≈ 1",
        "weights-unnormalised, softmax-one",
        given="{sinks: absent, v_descale: absent}",
        where="sees_a_key(p)",
    )
    shown = check_law(law, ("float32", "bfloat16"))
    assert shown.held == {"float32": own_laws.FEW, "bfloat16": own_laws.FEW}
    assert {name: dtype for name, (dtype, _) in shown.rejected.items()} == dict.fromkeys(law.kills, "float32")


def test_a_mistake_that_shows_in_other_dtypes_alone_is_tried_there(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = replace(FAULTS["scale-twice"], dtypes=("float16",), because="…")
    monkeypatch.setattr(own_laws, "FAULTS", {**FAULTS, "scale-twice": limited})
    shown = check_law(made(DEFINED, "scale-missing, scale-twice"), ("float32",))
    assert {name: dtype for name, (dtype, _) in shown.rejected.items()} == {
        "scale-missing": "float32",
        "scale-twice": "float16",
    }
    assert list(shown.held) == ["float32"]


@pytest.mark.parametrize(
    ("equation", "kills", "more", "says"),
    [
        (
            "out(reverse_batch(p)) ≈ out(p)",
            "scale-missing",
            {},
            r"is false of the reference itself in float32: at \[.* against",
        ),
        ("out(p) ≤ 1e14", "scale-missing", {}, "names scale-missing under kills and does not reject it on 40 problems"),
        ("positive(out(p)) ≥ 0", "scale-missing", {}, "it rejects none, so it says nothing"),
        ("positive(lse(p)) ≥ 0", "out-and-lse-swapped", {}, "rejects out-and-lse-swapped by shape or exception alone"),
        (DEFINED, "softcap-ignored", {"given": "{softcap: absent}"}, r"can show on \(it needs softcap\)"),
        (DEFINED, "scale-missing", {"where": "0 * hidden(p)"}, "cannot be evaluated in float32: where has the shape"),
        (DEFINED, "scale-missing", {"given": "{hq: 5, hkv: 3}"}, "hq must be a multiple of hkv$"),
        (DEFINED, "scale-missing", {"where": "0 * out(p)"}, "decides no problem in float32, not even of the reference"),
        ("final_state(p) ≈ 0", "scale-missing", {}, "can be asked of nothing in float32, not even of the reference"),
    ],
)
def test_a_law_that_is_refused_says_why(made: Made, equation: str, kills: str, more: Any, says: str) -> None:
    with pytest.raises(LawRefused, match=says):
        check_law(made(equation, kills, **more), ("float32",))


def test_what_it_does_reject_is_named(made: Made) -> None:
    law = made(ONES, "scale-missing", **OF_ONES)
    with pytest.raises(LawRefused, match=r"of \d+ that apply to it, it rejects .*weights-unnormalised"):
        check_law(law, ("float32",))


def test_conventions_that_a_law_asks_for_are_kept_in_its_trial(made: Made) -> None:
    given = "{causal: true, sq: 2, sk: 5, conventions: {causal_alignment: bottom-right}}"
    law = made(DEFINED, "scale-missing", given=given)
    assert check_law(law, ("float32",)).held == {"float32": own_laws.FEW}


def test_a_run_refuses_it_with_its_place_and_asks_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    law = made("out(reverse_batch(p)) ≈ out(p)", "scale-missing")
    case = Case(law, Target("it", suspect(CORRECT, operation="attention")), "float32")
    shipped = Case(load_laws()[0], Target("it", suspect(CORRECT, operation="attention")), "float32")
    tried: list[str] = []
    whole = check_law
    monkeypatch.setattr(own_laws, "check_law", lambda law, dtypes: (tried.append(law.id), whole(law, dtypes))[1])
    for _ in range(2):
        with pytest.raises(SpecError) as caught:
            check_before_run([shipped, case])
        assert str(caught.value).startswith(f"{law.file}:4: own/law is false of the reference itself in float32: ")
    assert tried == ["own/law"]


def test_mistakes_of_other_operations_and_of_gradients_are_not_tried(made: Made) -> None:
    law = made(DEFINED, "scale-missing")
    trials = own_laws._tried(law, "float32", list(FAULTS.values()), 2)
    tried = [name for name, trial in trials.by_fault.items() if trial.tried]
    assert "scale-missing" in tried and {FAULTS[name].operation for name in tried} == {"attention"}
    assert not set(tried) & set(BACKWARDS)


def test_a_law_that_is_false_only_where_it_fails_does_not_blame_the_kernel(made: Made) -> None:
    """It holds on the problems of its trial, and a kernel with the other corner shows that it is false there."""
    law = made("out(p) ≈ reference_out(but(p, scale=absent))", "scale-missing")
    result = verify(suspect(CORRECT, operation="attention"), law, "float32", budget="quick", examples=30)
    assert result.verdict == "error" and "the law is false of the reference itself" in result.message
    assert result.case is not None
    again = replay(suspect(CORRECT, operation="attention"), result.case, law)
    assert (again.verdict, again.message) == (result.verdict, result.message)


def test_a_kernel_that_breaks_a_true_law_of_ones_own_fails(made: Made) -> None:
    law = made(DEFINED, "scale-missing")
    result = verify(suspect("scale-missing"), law, "float32", budget="quick", examples=10)
    assert result.verdict == "fail" and "reference" not in result.message
