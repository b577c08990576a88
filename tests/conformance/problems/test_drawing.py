"""Draws are the same for the same name, whatever code is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from attnspec.conformance.problems.drawing import draw

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


def test_nothing_but_rejections_is_said() -> None:
    with pytest.raises(hypothesis.errors.Unsatisfiable):
        draw(st.integers(), lambda number: hypothesis.reject(), name="a", examples=5, shrink=False)
