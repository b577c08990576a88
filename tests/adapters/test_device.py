"""How and where an implementation runs: the mode that it declares, and the device that a run asks for."""

from __future__ import annotations

from typing import Any

import pytest

from attnspec.adapters.contract import ContractError, implementation_of
from attnspec.adapters.device import VARIABLE, wished
from attnspec.conformance.engine.budget import BUDGETS


def attend(q: Any, k: Any, v: Any) -> Any:
    return v


def test_a_mode_is_declared_or_follows_from_the_arrays() -> None:
    assert implementation_of(attend).mode == "eager"
    assert implementation_of(attend, arrays="jax").mode == "compiled"
    assert implementation_of(attend, arrays="jax", mode="interpreted").mode == "interpreted"
    with pytest.raises(ContractError, match="eager"):
        implementation_of(attend, mode="lazy")


def test_what_is_not_eager_gets_fewer_problems() -> None:
    for budget in BUDGETS.values():
        assert budget.of_mode("eager") == budget.examples > budget.costly >= 1
        assert budget.of_mode("compiled") == budget.of_mode("interpreted") == budget.costly
        same = budget.with_examples(7)
        assert same.of_mode("eager") == same.of_mode("interpreted") == 7


def test_a_run_says_which_device_it_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert wished() is None
    monkeypatch.setenv(VARIABLE, "cuda:1")
    assert wished() == "cuda:1"
