"""Draws are the same for the same name, whatever code is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from attnspec.conformance.problems import drawing
from attnspec.conformance.problems.drawing import Rejected, draw

pytestmark = pytest.mark.long

NUMBERS = ", ".join(str(n) for n in range(500))
KERNEL = f"NUMBERS = [{NUMBERS}]\n"
DRAWS = """
from hypothesis import strategies as st
from attnspec.conformance.problems.drawing import draw
found = []
draw(st.integers(0, 10**6), found.append, name="one", examples=100, shrink=False)
print(found)
"""


def drawn(program: str, folder: Path) -> str:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_kernel_does_not_choose_its_problems_by_its_source_code(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    assert drawn("import kernel\n" + DRAWS, tmp_path) == drawn(DRAWS, tmp_path)


def test_hypothesis_by_itself_looks_at_source_code(tmp_path: Path) -> None:
    """The reason of the test above. Where this one fails, Hypothesis has changed, and what guards against it may go."""
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    plain = DRAWS.replace("draw(st", "plain(st").replace(
        "found = []",
        "import hypothesis\ndef plain(strategy, body, **_):\n"
        "    seeded = hypothesis.seed(1)(hypothesis.given(strategy)(lambda x: body(x)))\n"
        "    hypothesis.settings(database=None)(seeded)()\nfound = []",
    )
    assert drawn("import kernel\n" + plain, tmp_path) != drawn(plain, tmp_path)


def test_a_name_seeds_the_draws() -> None:
    def of(name: str) -> list[int]:
        found: list[int] = []
        draw(st.integers(0, 1000), found.append, name=name, examples=20, shrink=False)
        return found

    assert of("a") == of("a") != of("b")


def test_a_draw_that_raises_is_made_smaller() -> None:
    seen: list[int] = []

    def body(number: int) -> None:
        seen.append(number)
        if number > 10:
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        draw(st.integers(0, 1000), body, name="a", examples=50, shrink=True)
    assert seen[-1] == 11


def never(number: int) -> None:
    raise Rejected


def test_nothing_but_rejections_is_said() -> None:
    with pytest.raises(hypothesis.errors.Unsatisfiable):
        draw(st.integers(), never, name="a", examples=5, shrink=False)


def answered(body: Callable[[int], None], same: str | None, examples: int = 30) -> tuple[list[int], str]:
    """What a body is asked, in order, and how it ends. same: under which a history is remembered."""
    asked: list[int] = []

    def listening(number: int) -> None:
        asked.append(number)
        body(number)

    try:
        draw(st.integers(0, 10**6), listening, name="one", examples=examples, shrink=True, same=same)
    except Exception as error:
        return asked, type(error).__name__
    return asked, ""


def odd(number: int) -> None:
    if number % 2 == 0:
        raise Rejected


def large(number: int) -> None:
    if number > 900_000:
        raise ArithmeticError


@pytest.mark.parametrize("examples", [pytest.param(3, marks=pytest.mark.study), 12])
@pytest.mark.parametrize("before", [lambda number: None, odd, large, never])
@pytest.mark.parametrize("body", [lambda number: None, odd, large, never])
def test_what_is_remembered_changes_no_draw(
    body: Callable[[int], None], before: Callable[[int], None], examples: int, request: pytest.FixtureRequest
) -> None:
    """Whoever was asked before: the same draws in the same order, made smaller in the same way."""
    plain = answered(body, None, examples)
    answered(before, request.node.name, examples)
    assert answered(body, request.node.name, examples) == plain


def test_a_history_is_answered_without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = answered(odd, "kept")
    monkeypatch.setattr(drawing, "_drawn", None)
    assert answered(odd, "kept") == first


def test_no_more_is_remembered_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "REMEMBERED", 100)
    monkeypatch.setattr(drawing, "_HISTORIES", {})
    for same in "abcdef":
        answered(odd, same)
    kept = drawing._HISTORIES
    assert 0 < sum(len(history.drawn) for history in kept.values()) <= 100
    assert "f" in {key[0] for key in kept}  # type: ignore[index]
