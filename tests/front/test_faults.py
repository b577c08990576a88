"""`attnspec faults`, and `attnspec run --certificate`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from attnspec.cli import _guarded

pytestmark = pytest.mark.long

FEW = ["--laws", "causal/as-defined", "--laws", "flash/lse-as-defined", "--examples", "6", "--dtype", "float32", "-j", "1"]


def test_what_is_rejected_and_where(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert _guarded(["faults", "causal-off-*", *FEW, "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert re.match(r"survivors: none\n\ncausal-off-by-one  float32 +\d of +\d laws; first \S+, problem \d, \d\.\d\d s\n", text)
    assert "float32: 1 of 1 known mistakes are rejected\n2 laws, budget standard (6 problems each)" in text
    assert "every known mistake is rejected" in text
    matrix = json.loads((tmp_path / "out" / "faults.json").read_text(encoding="utf-8"))
    kills = matrix["faults"]["causal-off-by-one"]["in"]["float32"]["kills"]
    assert "causal/as-defined" in {kill["law"] for kill in kills}
    summary = json.loads((tmp_path / "out" / "faults-summary.json").read_text(encoding="utf-8"))
    assert summary["faults"]["causal-off-by-one"]["float32"]["killed_by"] == len(kills)
    assert "| causal-off-by-one | float32 |" in (tmp_path / "out" / "faults.md").read_text(encoding="utf-8")


def test_a_survivor_is_red_and_stands_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["faults", "accepts-mixed-*", *FEW]) == 1
    text = capsys.readouterr().out
    assert text.startswith("survivors: 1\n  accepts-mixed-dtypes in float32, tried by 2 laws on 12 problems: ")
    assert text.endswith("1 fault survived\n")


def test_json_is_all_that_stands_on_stdout(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert _guarded(["faults", "lse-base-two", *FEW, "--json", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    matrix = json.loads(said.out)
    assert matrix["dtypes"] == ["float32"] and list(matrix["faults"]) == ["lse-base-two"]
    assert "2 of 2 after " in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-*"], "no fault matches 'no-such-*'"),
        (["*", "--laws", "no/such"], "no law matches 'no/such'"),
        (["*", "--dtype", "float13"], "unknown dtype 'float13'"),
        (["*", "--budget", "huge"], "unknown budget 'huge'"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["faults", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_nothing_tried_is_not_green(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["faults", "lse-base-two", "--laws", "causal/as-defined", "--examples", "1", "--dtype", "float32", "-j", "1"]
    assert _guarded(arguments) == 2
    assert "nothing was tried" in capsys.readouterr().out


def test_a_run_with_certificates(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    """Without the flag nothing is computed, with it a line stands in the summary, and the next run shows what is kept."""
    from attnspec.reports.write import read_report

    def run(*more: str) -> tuple[str, Any]:
        arguments = ("run", f"{kernels}:good", "--laws=weights/sum-to-one", "--examples=2", "-j0", "--out=out", *more)
        done = attnspec(*arguments, cwd=tmp_path, ATTNSPEC_CACHE=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        return done.stdout, read_report(tmp_path / "out")["results"][0]["certificate"]

    text, certificate = run()
    assert certificate is None and "would have caught" not in text
    text, certificate = run("--certificate")
    assert "weights-unnormalised" in certificate["caught"] and "accepts-mixed-dtypes" in certificate["missed"]
    caught, missed = len(certificate["caught"]), len(certificate["missed"])
    said = f"certificates good: would have caught {caught} of {caught + missed} applicable known faults; misses: "
    assert said in " ".join(text.split())
    again, kept = run()
    assert kept == certificate and again.partition("certificates")[2] == text.partition("certificates")[2]
