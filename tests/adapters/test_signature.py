"""What a signature claims, and what reaches the function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import ContractError, implementation_of
from attnspec.conformance.check import check
from attnspec.conformance.engine.subject import NotClaimed, Subject
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.structure import Structure

Q = Structure.of(dtype="float32", hq=2, hkv=2, sq=3, sk=4, d=16, values="normal", operation="attention")


def calls(**declared: Any) -> tuple[Any, list[dict[str, Any]]]:
    """A function with parameters of its own names and defaults, and what it is given."""
    given: list[dict[str, Any]] = []

    def attend(q: Any, k: Any, v: Any, *, is_causal: bool = True, scale: float = 1.0, cap: Any = None) -> Any:
        given.append({"is_causal": is_causal, "scale": scale, "cap": cap})
        return np.zeros((*q.shape[:3], v.shape[3]), q.dtype)

    return implementation_of(attend, **declared), given


def test_an_option_under_another_name_reaches_the_function_under_its_own() -> None:
    made, given = calls(rename={"is_causal": "causal", "cap": "softcap"})
    assert made.options == {"causal", "scale", "softcap"}
    Subject(made, "float32", {}).out_only(build(Q.but(causal=True, softcap=30.0, scale=2.0)))
    assert given == [{"is_causal": True, "scale": 2.0, "cap": 30.0}]


def test_a_default_that_differs_from_that_of_the_spec_is_never_trusted() -> None:
    made, given = calls(rename={"is_causal": "causal", "cap": "softcap"})
    Subject(made, "float32", {}).out_only(build(Q))
    assert given == [{"is_causal": False, "scale": 0.25, "cap": None}]  # 1/√16


def test_what_is_no_option_is_never_passed_and_its_nearest_option_is_known() -> None:
    made, given = calls()
    assert dict(made.misnamed) == {"is_causal": "causal"}
    assert any("rename={'is_causal': 'causal'} passes it" in note for note in made.notes)
    Subject(made, "float32", {}).out_only(build(Q))
    assert given[0]["is_causal"] is True


def test_a_kernel_that_is_only_causal_is_never_asked_otherwise() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        return q

    made = implementation_of(attend, always={"causal": True})
    assert made.options == {"causal"}
    subject = Subject(made, "float32", {})
    assert subject.out_only(build(Q.but(causal=True))).shape == (1, 2, 3, 16)
    with pytest.raises(NotClaimed, match="always has causal=True"):
        subject.out_only(build(Q))


@pytest.mark.parametrize(
    "declared, message",
    [
        ({"rename": {"causl": "causal"}}, "which is no parameter of it; did you mean 'causal'"),
        ({"rename": {"is_causal": "causl"}}, "unknown option 'causl'; did you mean 'causal'"),
        ({"rename": {"is_causal": "scale"}}, "would be the option 'scale'"),
        ({"always": {"causl": True}}, "always: unknown option 'causl'"),
        ({"always": {"mask": True}}, "mask differs from call to call"),
        ({"always": {"causal": False}}, "is the default of the spec already"),
        ({"sizes": {"keys": 3}}, "sizes: unknown size 'keys'"),
        ({"sizes": {"sk": "even"}}, "sizes: sk: 'even' is no rule"),
        ({"conventions": {"causal_alignment with lengths": "top-left"}}, "unknown option in"),
        ({"signature": "torch"}, "unknown signature 'torch'"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(declared: dict[str, Any], message: str) -> None:
    def attend(q: Any, k: Any, v: Any, *, is_causal: bool = False, causal: bool = False, scale: Any = None) -> Any:
        return q

    with pytest.raises(ContractError, match=message):
        implementation_of(attend, **declared)


def test_a_required_parameter_that_nearly_names_an_option_is_told_how_to_say_so() -> None:
    with pytest.raises(ContractError, match=r"declare rename=\{'sm_scale': 'scale'\}"):
        implementation_of(lambda q, k, v, sm_scale: q)


def test_declared_sizes_steer_the_draws() -> None:
    seen: set[tuple[int, ...]] = set()

    def attend(q: Any, k: Any, v: Any) -> Any:
        seen.add((q.shape[1] - k.shape[1], q.shape[2] - k.shape[2], k.shape[2] % 16, q.shape[3]))
        weights = np.exp(q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[3]))
        return (weights / weights.sum(-1, keepdims=True) @ v).astype(q.dtype)

    made = implementation_of(attend, sizes={"hkv": "hq", "sq": "sk", "sk": "multiple of 16", "d": [64, 128]})
    report = check(made, laws=["weights/sum-to-one", "weights/as-defined"], strict=True)
    assert report.ok and {result.examples for result in report.results} == {2}
    assert {place[:3] for place in seen} == {(0, 0, 0)} and {place[3] for place in seen} <= {64, 128}
