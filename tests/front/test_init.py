"""`attnspec init`: what it writes runs, is right, and is never written over anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attnspec.cli import ARRAYS, _guarded

pytestmark = pytest.mark.long


@pytest.mark.parametrize("arrays", ARRAYS)
def test_a_starting_point_holds_every_law_it_is_tried_on(
    arrays: str, attnspec: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _guarded(["init", str(tmp_path / "mine.py"), "--arrays", arrays]) == 0
    assert f"attnspec run {tmp_path / 'mine.py'}" in capsys.readouterr().out
    laws = [f"--laws={glob}" for glob in ("causal/as-defined", "weights/as-defined", "interface/refuses-*", "interface/no-*")]
    done = attnspec("run", "mine.py", *laws, "--examples=1", "--strict", "--out=out", "-q", cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    found = {row["verdict"] for row in report["results"]}
    assert found == {"pass"}, done.stdout + done.stderr
    assert sum(row["verdict"] == "pass" for row in report["results"]) >= 5


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text("precious\n", encoding="utf-8")
    assert _guarded(["init", str(file)]) == 2
    assert "is there already and is left as it is" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "precious\n"


def test_an_adapter_is_a_python_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["init", str(tmp_path / "mine")]) == 2
    assert "name one that ends in .py" in capsys.readouterr().err and not list(tmp_path.iterdir())
