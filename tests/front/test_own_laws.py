"""Laws of one's own at every door: none is green that is false, says nothing, or lets pass a mistake that it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import attnspec
from attnspec.adapters.contract import implementation_of
from attnspec.cli import _guarded
from attnspec.conformance.kills import own_laws
from attnspec.conformance.language import SpecError

pytestmark = pytest.mark.long

ONES = "out(with_values(p, 1)) ≈ 1"
SPEC = ("--pyargs", "attnspec.spec")
Written = Callable[..., str]


def softmax(q: Any, k: Any, v: Any) -> Any:
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


WRONG = [
    ("1 == 1", "weights-unnormalised", ":8: the equation never runs the implementation"),
    ("out(p) == out(p)", "weights-unnormalised", ":8: the two sides are the same expression"),
    ("out(reverse_batch(p)) ≈ out(p)", "weights-unnormalised", ":5: extra/ones is false of the reference itself in float32: "),
    (ONES, "scale-missing", ":5: extra/ones names scale-missing under kills and does not reject it on 12 problems in float32"),
    (ONES, "scale-mising", ":13: kills: unknown fault 'scale-mising'; did you mean 'scale-missing'?"),
]
"""An equation, what it is said to reject, and what is said of it."""


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_laws, "MORE", (12,))


@pytest.fixture
def written(one_law: str, tmp_path: Path) -> Written:
    """The file of one law with another equation or other kills."""

    def write(equation: str = ONES, kills: str = "weights-unnormalised") -> str:
        text = one_law.format(word="with_values").replace(ONES, equation).replace("[weights-unnormalised]", f"[{kills}]")
        file = tmp_path / "extra.yaml"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write


@pytest.mark.parametrize(("equation", "kills", "said"), WRONG)
def test_a_run_does_not_start_with_it(
    equation: str, kills: str, said: str, written: Written, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(equation, kills)
    assert _guarded(["run", f"{kernels}:good", "--laws-file", file, "--laws", "extra/*"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"attnspec: {file}{said}") and told.err.count("\n") == 1 and told.out == ""


def test_pytest_does_not_start_with_it(run_laws_in_pytest: Any, written: Written, kernels: Path, tmp_path: Path) -> None:
    file = written("out(reverse_batch(p)) ≈ out(p)")
    done = run_laws_in_pytest(*SPEC, f"--impl={kernels}:good", f"--laws-file={file}", "--laws=extra/*", "-n2", cwd=tmp_path)
    assert done.returncode == 4
    assert "extra/ones is false of the reference itself in float32" in done.stderr and done.stderr.count("extra/ones is") == 1


def test_check_and_parametrize_take_files_and_try_their_laws(written: Written) -> None:
    good = implementation_of(softmax, dtypes=["float32"])
    report = attnspec.check(good, laws="extra/*", laws_files=[written()], examples=2)
    assert report.ok and [result.law for result in report.results] == ["extra/ones"]
    for door in (attnspec.check, attnspec.parametrize):
        with pytest.raises(SpecError, match="extra/ones is false of the reference itself in float32"):
            door(good, laws="extra/*", laws_files=written("out(reverse_batch(p)) ≈ out(p)"))


def test_laws_check_says_what_each_law_showed(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    file = written()
    assert _guarded(["laws", "check", file, "--dtype", "float32", "--dtype", "bfloat16"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"extra/ones   ({file}:5)",
        "  holds for the reference on 8 problems in float32, 8 problems in bfloat16",
        "  rejects weights-unnormalised on problem 1 in float32",
        "1 law: it holds for the reference and rejects every mistake that it names",
    ]


def test_laws_check_refuses_and_says_why(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["laws", "check", written(ONES, "scale-missing"), "--dtype", "float32"]) == 1
    text = capsys.readouterr().out
    assert "  REFUSED: it names scale-missing under kills and does not reject it on 12 problems in float32; of " in text
    assert text.endswith("1 of 1 law refused; attnspec run --laws-file does not start with it\n")


def test_laws_check_names_every_file_that_cannot_be_read(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    for file in broken:
        file.write_text("laws: [", encoding="utf-8")
    assert _guarded(["laws", "check", str(broken[0]), written(), str(broken[1]), "--dtype", "float32"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[2].split(":")[0].strip() for line in lines[:2]] == list(map(str, broken))
    assert lines[-1].startswith("2 files could not be read; of the others: 1 law: it holds")


def test_laws_still_lists(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["laws"]) == 0
    every = capsys.readouterr().out
    assert _guarded(["laws", "list"]) == 0 and capsys.readouterr().out == every
    assert _guarded(["laws", "extra/*", "--laws-file", written()]) == 0
    assert capsys.readouterr().out == "extra/ones  Ones give ones.\n"


FEW = ["--laws", "extra/*", "--examples", "4", "--dtype", "float32", "-j", "1"]


def test_faults_tries_laws_of_a_file(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["faults", "weights-unnormalised", "--laws-file", written(), *FEW]) == 0
    assert "first extra/ones, problem 1" in capsys.readouterr().out


def test_faults_is_red_where_a_law_lets_pass_what_it_names(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the faults that were chosen, and however few problems the matrix has."""
    file = written(ONES, "weights-unnormalised, scale-missing")
    assert _guarded(["faults", "weights-unnormalised", "--laws-file", file, *FEW]) == 1
    text = capsys.readouterr().out
    assert f"{file}:5: extra/ones names scale-missing under kills and does not reject it on 12 problems in float32" in text


@pytest.mark.parametrize("chosen", [("--laws=weights/as-defined",), ("--profile=core", "--laws=weights/as-defined")])
def test_a_run_that_chooses_none_of_a_file_is_a_run(
    chosen: tuple[str, ...], written: Written, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _guarded(["run", f"{kernels}:good", "--laws-file", written(), *chosen, "-j0", "-q", "--strict"]) == 0
    assert "1 law, 1 implementation: 1 pass" in capsys.readouterr().out


def test_a_law_that_cannot_be_evaluated_is_told_by_the_matrix_of_faults_too(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written("out(shuffle_keys(p)) ≈ out(p)")
    assert _guarded(["faults", "scale-missing", "--laws-file", file, "--laws", "extra/*", "-j1"]) == 1
    assert "extra/ones cannot be evaluated in float32: shuffle_keys: " in capsys.readouterr().out
