"""What is typed wrong is one sentence on stderr and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnspec.cli import _guarded


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "IMPL"),
        (["run", "nunpy/flash"], "did you mean 'numpy/flash'?"),
        (["run", "no_such_kernel.py"], "no_such_kernel.py"),
        (["run", "numpy/flash", "--laws", "weights/sum-to-two"], "did you mean 'weights/sum-to-one'?"),
        (["run", "numpy/flash", "--budget", "huge"], "known: quick, standard, deep, long"),
        (["run", "numpy/flash", "--profile", "cor"], "unknown profile 'cor'"),
        (["run", "numpy/flash", "--dtype", "float31"], "unknown dtype 'float31'"),
        (["run", "numpy/flash", "--examples", "0"], "greater than 0"),
        (["run", "numpy/flash", "--laws-file", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "numpy/flash", "--baseline", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "numpy/flash", "--frobnicate"], "--frobnicate"),
        (["laws", "nothing/*"], "no law matches 'nothing/*'"),
        (["laws", "--chapter", "nothing"], "the chapters are"),
        (["explain", "causal/future"], "no law matches"),
        (["replay", "causal/futur-is-invisible?dtype=float32", "numpy/flash"], "did you mean 'causal/future-is-invisible'?"),
        (["replay", "causal/future-is-invisible", "numpy/flash"], "a case looks like"),
        (["replay", "nunpy/flash"], "did you mean 'numpy/flash'?"),
        (["doctor", "nunpy"], "did you mean"),
        (["list", "nunpy"], "did you mean"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_one_sentence(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("attnspec: ") and told.err.count("\n") == 1
    assert said in told.err


def test_a_broken_law_file_is_named_with_its_line(one_law: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "extra.yaml"
    file.write_text(one_law.format(word="with_valuse"), encoding="utf-8")
    assert _guarded(["run", "numpy/flash", "--laws-file", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file}:8: " in told and "did you mean 'with_values'?" in told and told.count("\n") == 1


def test_a_kernel_file_that_does_not_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import nothing_of_this_name\n", encoding="utf-8")
    assert _guarded(["run", str(file)]) == 2
    assert "nothing_of_this_name" in capsys.readouterr().err


def test_two_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("def attend(q, k, v):\n    return v\n", encoding="utf-8")
    assert _guarded(["run", str(tmp_path / "one.py"), str(tmp_path / "two.py")]) == 2
    assert "are both called 'attend'" in capsys.readouterr().err


def test_a_defect_of_the_kit_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("attnspec._show.list_laws", defect)
    with pytest.raises(ZeroDivisionError):
        _guarded(["laws"])


def test_no_arguments_shows_help_and_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded([]) == 2
    assert "Commands:" in capsys.readouterr().err
