"""Findings are put together by evidence: what their diagnoses name, what was raised, what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attnspec.reports.causes import Cause, causes
from attnspec.reports.record import Record

Row = dict[str, Any]


@pytest.fixture
def wide(plan: Row, report: Any) -> Callable[[list[Row]], list[Cause]]:
    """The causes of rows of many laws on two implementations in three dtypes."""
    dtypes = ["float32", "float16", "bfloat16"]
    made = {**plan["implementations"][0], "dtypes": dtypes}
    plan["implementations"] = [made, {**made, "name": "other"}]
    some = plan["laws"]["weights/a"]
    names = ("weights/a", "weights/b", "heads/c", "causal/d", "accuracy/e", "masks/f")
    plan["laws"] = {name: {**some, "chapter": name.partition("/")[0]} for name in names}
    return lambda rows: causes(Record.of(report(rows)).report)


def diagnosis(*faults: str, how: str = "outputs", **changed: Any) -> Row:
    entry = {"matched": 9, "of": 9, "shown": 8}
    ranked = [{"fault": name, "title": f"The mistake {name}.", "links": [f"https://x/{name}"], **entry} for name in faults]
    found = {"how": how, "problems": 9, "wrong": 8, "ranked": ranked, "nearest": None, "where": ["only row 0"], "factor": [],
             "mask": ["■+"], "seconds": 1.0}  # fmt: skip
    return found | changed


def test_one_mistake_is_one_cause_over_laws_dtypes_and_implementations(wide: Any, row: Any) -> None:
    rows = [row(law, "fail", dtype=dtype, implementation=name, diagnosis=diagnosis("off-by-one"))
            for law in ("accuracy/e", "weights/a", "causal/d") for name in ("mine", "other")
            for dtype in ("bfloat16", "float32")]  # fmt: skip
    [cause] = wide(rows)
    assert (cause.name, cause.fault, cause.sentence) == ("off-by-one", "off-by-one", "The mistake off-by-one.")
    assert set(cause.laws) == {"accuracy/e", "weights/a", "causal/d"} and cause.implementations == ("mine", "other")
    assert cause.dtypes == ("float32", "bfloat16") and len(cause.rows) == 12 and cause.links == ("https://x/off-by-one",)
    assert cause.first.chapter != "accuracy" and cause.where == ("only row 0",) and cause.mask == ("■+",)


def test_a_finding_belongs_to_what_explains_most_if_its_own_diagnosis_names_it(wide: Any, row: Any) -> None:
    rows = [
        row("weights/a", "fail", diagnosis=diagnosis("near-miss", "off-by-one")),
        row("weights/b", "fail", diagnosis=diagnosis("off-by-one")),
        row("causal/d", "fail", diagnosis=diagnosis("off-by-one", "near-miss", how="verdicts")),
        row("masks/f", "fail", diagnosis=diagnosis("mask-ignored")),
    ]
    first, second = wide(rows)
    assert first.name == "off-by-one" and set(first.laws) == {"weights/a", "weights/b", "causal/d"} and first.also == ()
    assert second.name == "mask-ignored" and second.laws == ("masks/f",)


def test_another_implementation_says_nothing_about_the_name(wide: Any, row: Any) -> None:
    """Of two mistakes that are equally likely here, one is not chosen because another kernel makes the other one."""
    rows = [
        row("weights/a", "fail", diagnosis=diagnosis("near-miss", "off-by-one")),
        row("weights/b", "fail", implementation="other", diagnosis=diagnosis("off-by-one")),
    ]
    assert [(cause.name, cause.also) for cause in wide(rows)] == [("near-miss", ("off-by-one",)), ("off-by-one", ())]


def test_mistakes_are_equally_likely_where_every_finding_names_both(wide: Any, row: Any) -> None:
    rows = [
        row("weights/a", "fail", diagnosis=diagnosis("one", "two", "three")),
        row("weights/b", "fail", diagnosis=diagnosis("two", "one")),
    ]
    [cause] = wide(rows)
    assert cause.name == "one" and cause.also == ("two",)


def test_a_name_stands_for_nothing_that_does_not_name_it(wide: Any, row: Any) -> None:
    rows = [row("weights/a", "fail", diagnosis=diagnosis("one")), row("weights/b", "fail", diagnosis=diagnosis(how="none"))]
    first, second = wide(rows)
    assert first.laws == ("weights/a",) and second.laws == ("weights/b",) and second.fault is None


def test_exceptions_are_one_cause_whatever_sizes_they_name(wide: Any, row: Any) -> None:
    said = "raised ValueError: shapes (1, {}) and (2,) do not match"
    rows = [
        row("weights/a", "error", message=said.format(0)),
        row("weights/b", "error", message=said.format(1), dtype="bfloat16", implementation="other"),
        row("heads/c", "error", message="raised TypeError: no keyword causal"),
    ]
    assert [cause.name for cause in wide(rows)] == [
        "raises ValueError: shapes (1, 0) and (2,) do not match",
        "raises TypeError: no keyword causal",
    ]


def test_hangs_and_crashes_are_of_one_implementation(wide: Any, row: Any) -> None:
    rows = [row("weights/a", "error", message="hung for 120 s", implementation=name) for name in ("mine", "other")]
    assert [cause.implementations for cause in wide(rows)] == [("mine",), ("other",)]


def test_findings_without_a_name_share_what_came(wide: Any, row: Any) -> None:
    nothing = diagnosis(how="none")
    rows = [
        row("weights/a", "fail", message="at [0, 0]: 2 against 0, apart by 2", diagnosis=nothing),
        row("weights/b", "fail", message="at [0, 1, 2]: 7.5 against 0.25, apart by 7", diagnosis=nothing),
        row("causal/d", "fail", message="at [0, 0]: nan against 0", diagnosis=nothing),
        row("masks/f", "fail", message="at [0, 0]: 1 against -inf", diagnosis=nothing),
        row("masks/f", "fail", message="at [0, 0]: 1 against 2", diagnosis=nothing, implementation="other"),
        row("heads/c", "fail", message="out has the dtype float64, which is no floating dtype of the contract"),
    ]
    assert [(cause.name, cause.laws) for cause in wide(rows)] == [
        ("outputs further off than their bound allows, and no known mistake explains it", ("weights/a", "weights/b")),
        ("outputs with NaN where a number is due, and no known mistake explains it", ("causal/d",)),
        ("outputs with a number where an infinity is due, and no known mistake explains it", ("masks/f",)),
        ("outputs further off than their bound allows, and no known mistake explains it", ("masks/f",)),
        ("out has the dtype float64, which is no floating dtype of the contract", ("heads/c",)),
    ]


def wrong(*options: str, came: str = "finite", changes: bool = False) -> Row:
    return {"symptom": {"came": [came], "due": ["finite"], "with": list(options), "changes": changes}}


def test_where_plain_outputs_are_wrong_laws_that_fail_in_their_own_words_are_one_cause(wide: Any, row: Any) -> None:
    rows = [
        row("weights/a", "fail", message="at [0, 0]: nan against 0", diagnosis=diagnosis(how="none", **wrong(came="nan"))),
        row("accuracy/e", "fail", message="scale off by +nan %", diagnosis=diagnosis(how="none", **wrong(came="nan"))),
        row("causal/d", "fail", message="key 3 is lost", diagnosis=diagnosis(how="none", **wrong("causal", came="nan"))),
        row("masks/f", "fail", message="at [0]: nan against 1", diagnosis=diagnosis("alike", how="verdicts", **wrong("mask"))),
    ]
    [cause] = wide(rows)
    assert cause.name == "outputs with NaN where a number is due, and no known mistake explains it" and len(cause.laws) == 4


def test_outputs_that_are_wrong_with_other_options_are_other_causes(wide: Any, row: Any) -> None:
    rows = [row(law, "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none", **wrong(option)))
            for law, option in (("causal/d", "causal"), ("masks/f", "mask"), ("weights/a", "mask"))]  # fmt: skip
    assert [cause.laws for cause in wide(rows)] == [("masks/f", "weights/a"), ("causal/d",)]


def test_gradients_of_outputs_that_are_wrong_belong_to_these(wide: Any, row: Any, plan: Row) -> None:
    plan["laws"]["gradients/g"] = {**plan["laws"]["weights/a"], "chapter": "gradients"}
    gradient = row("gradients/g", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none", **wrong("causal")))
    [named] = wide([row("weights/a", "fail", diagnosis=diagnosis("off-by-one")), gradient])
    assert named.fault == "off-by-one" and named.laws == ("weights/a", "gradients/g")
    [unnamed] = wide([row("weights/a", "fail", diagnosis=diagnosis(how="none", **wrong())), gradient])
    assert unnamed.laws == ("weights/a", "gradients/g")
    alone = row("gradients/g", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none"))
    assert len(wide([row("weights/a", "fail", diagnosis=diagnosis("off-by-one")), alone])) == 2


def test_a_name_that_explains_one_law_alone_yields_to_outputs_that_nothing_explains(wide: Any, row: Any) -> None:
    rows = [row(law, "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none", **wrong()))
            for law in ("causal/d", "masks/f")]  # fmt: skip
    rows.append(row("weights/a", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis("one", how="law", **wrong())))
    [cause] = wide(rows)
    assert cause.fault is None and len(cause.laws) == 3
    rows.append(row("weights/b", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis("one")))
    assert [cause.fault for cause in wide(rows)] == ["one", None]


def test_what_is_accepted_is_no_wrong_output(wide: Any, row: Any) -> None:
    said = "took queries in float32 with keys in float16; an error was expected"
    rows = [
        row("weights/a", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none", **wrong())),
        row("heads/c", "fail", message=said, diagnosis=diagnosis(how="none", **wrong())),
    ]
    assert {cause.name for cause in wide(rows)} >= {said} and len(wide(rows)) == 2


def test_a_name_by_verdicts_stays_where_it_is_of_most_laws(wide: Any, row: Any) -> None:
    alike = diagnosis("alike", how="verdicts", **wrong())
    rows = [
        row("weights/a", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none", **wrong())),
        row("masks/f", "fail", message="at [0]: 1 against 2", diagnosis=alike),
        row("causal/d", "fail", message="at [0]: 1 against 2", diagnosis=alike),
    ]
    assert [(cause.fault, len(cause.laws)) for cause in wide(rows)] == [("alike", 2), (None, 1)]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (wrong(changes=True), "outputs that change from call to call by more than their bounds allow"),
        (wrong(came="zero"), "outputs of 0 where another number is due"),
        (wrong(came="-inf"), "outputs with an infinity where a number is due"),
        (wrong(), "outputs further off than their bound allows"),
    ],
)
def test_a_symptom_in_words(wide: Any, row: Any, seen: Row, said: str) -> None:
    [cause] = wide([row("weights/a", "fail", message="at [0]: 1 against 2", diagnosis=diagnosis(how="none", **seen))])
    assert cause.name == f"{said}, and no known mistake explains it"


def test_known_failures_share_their_reason(plan: Row, report: Any, row: Any) -> None:
    entries = [{"law": law, "implementation": "mine", "reason": why}
               for law, why in (("weights/a", "slow path"), ("weights/b", "slow path"), ("heads/c", "lax"))]  # fmt: skip
    rows = [row("weights/a", "fail"), row("weights/b", "fail", message="at [0]: nan against 0"), row("heads/c", "fail")]
    found = causes(Record.of(report(rows, baseline=entries)).report)
    assert [(cause.known, len(cause.laws)) for cause in found] == [("slow path", 2), ("lax", 1)]


def test_the_order_is_level_new_named_and_how_many_laws(wide: Any, row: Any) -> None:
    rows = [
        row("weights/a", "fail", level="should", diagnosis=diagnosis("weak")),
        row("weights/b", "fail", diagnosis=diagnosis(how="none")),
        row("heads/c", "fail", diagnosis=diagnosis("small")),
        row("causal/d", "fail", diagnosis=diagnosis("large")),
        row("masks/f", "fail", diagnosis=diagnosis("large")),
        row("accuracy/e", "fail", diagnosis=diagnosis("alike", how="verdicts")),
        row("weights/a", "error", message="not run: mine crashed or hung 3 times in this run", dtype="float16"),
    ]
    names = [cause.fault for cause in wide(rows)]
    assert names == ["large", "small", None, "alike", "weak"]


def test_the_smallest_case_of_a_must_law_stands_first(wide: Any, row: Any) -> None:
    sizes = {"weights/a": (1, 9), "weights/b": (1, 2), "causal/d": (1, 3)}
    rows = [row(law, "fail", level="should" if law == "weights/b" else "must", diagnosis=diagnosis("one"),
                case=f"{law}?dtype=float32&b=1&hq={hq}&sq=1&sk={sk}") for law, (hq, sk) in sizes.items()]  # fmt: skip
    [cause] = wide(rows)
    assert cause.first.law == "causal/d" and cause.level == "must"


def test_a_mistake_of_one_law_does_not_take_the_picture_of_another(wide: Any, row: Any) -> None:
    [cause] = wide([row("weights/a", "fail", diagnosis=diagnosis("accepts-anything", how="law"))])
    assert (cause.where, cause.mask) == ((), ())


def test_a_finding_goes_to_the_nearest_mistake_where_that_gives_all_outputs_of_other_laws(wide: Any, row: Any) -> None:
    near = diagnosis(how="none", nearest={"fault": "off-by-one", "title": "", "links": [], "matched": 8, "of": 9, "shown": 7})
    sure = row("weights/a", "fail", diagnosis=diagnosis("off-by-one"))
    [cause] = wide([row("causal/d", "fail", diagnosis=near), sure])
    assert cause.name == "off-by-one" and cause.laws == ("weights/a", "causal/d")
    [cause] = wide([row("causal/d", "fail", diagnosis=near), {**sure, "level": "should"}])
    assert cause.first.law == "weights/a" and cause.level == "must"
    alike = row("weights/a", "fail", diagnosis=diagnosis("off-by-one", how="verdicts"))
    assert len(wide([row("causal/d", "fail", diagnosis=near), alike])) == 2  # A likeness of verdicts is no evidence.
    assert len(wide([row("causal/d", "fail", diagnosis=near, implementation="other"), sure])) == 2
