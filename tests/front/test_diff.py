"""Two runs of a user's kernel, set side by side: a planted mistake, a fixed one, other seeds, runs that were cut short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.long

LAWS = ("--laws=weights/sum-to-one", "--laws=weights/as-defined", "--examples=2", "-j0")
RIGHT = """
import numpy as np
import attnspec

@attnspec.implementation(dtypes=["float32"])
def attend(q, k, v):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v).astype(np.float32)
"""
WRONG = RIGHT.replace("/ np.sqrt(q.shape[-1])", "/ q.shape[-1]")
"""Another scale: weights still sum to one, and are not the defined ones."""


@pytest.fixture(scope="module")
def place(attnspec: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with kernel.py (wrong in the end) and reports of it: right, again, seed-3, wrong."""
    folder = tmp_path_factory.mktemp("diff")
    for name, text, more in (
        ("right", RIGHT, ()),
        ("again", RIGHT, ()),
        ("seed-3", RIGHT, ("--seed=3",)),
        ("wrong", WRONG, ()),
    ):
        (folder / "kernel.py").write_text(text, encoding="utf-8")
        done = attnspec("run", "kernel.py", *LAWS, *more, f"--out=reports/{name}", cwd=folder)
        assert done.returncode == (1 if name == "wrong" else 0), done.stdout + done.stderr
    return folder / "reports"


def test_a_planted_regression_is_the_first_line_and_red(attnspec: Any, place: Path) -> None:
    done = attnspec("diff", "right", "wrong", cwd=place)
    first = done.stdout.splitlines()[0]
    assert first.startswith("broke ") and "weights/as-defined on attend in float32, pass → fail: at [" in first
    assert done.returncode == 1 and done.stdout.splitlines()[-1].startswith("1 regression; ")
    back = attnspec("diff", "wrong/report.json", "right", cwd=place)
    assert back.returncode == 0 and back.stdout.splitlines()[0].startswith("fixed ")


def test_the_same_kernel_moves_nothing(attnspec: Any, place: Path) -> None:
    again = attnspec("diff", "right", "again", cwd=place)
    assert again.returncode == 0 and again.stdout == "no regression; 2 results compared, 2 ratios\n", again.stdout
    seeds = attnspec("diff", "right", "seed-3", cwd=place)
    assert seeds.returncode == 0 and "the seeds differ: 0, then 3" in seeds.stdout.splitlines()[0]
    assert "too few to tell a move from chance" in seeds.stdout


def test_on_other_problems_a_kernel_that_became_less_exact_is_told(attnspec: Any, tmp_path: Path) -> None:
    """An error of a few units in the last place is within the bound, and far from half a unit, whatever the problems are."""
    law = ("--laws=weights/as-defined", "--examples=40", "-j0")
    for seed, text in (("0", RIGHT), ("1", RIGHT), ("2", RIGHT.replace("return (weights", "return ((1 + 2**-21) * weights"))):
        (tmp_path / "kernel.py").write_text(text, encoding="utf-8")
        done = attnspec("run", "kernel.py", *law, f"--seed={seed}", f"--out=seed-{seed}", cwd=tmp_path)
        assert done.returncode == 0, done.stdout
    same, less = (attnspec("diff", "seed-0", f"seed-{seed}", cwd=tmp_path) for seed in "12")
    assert same.returncode == 0 and "ratio worse" not in same.stdout and "ratio better" not in same.stdout
    assert less.returncode == 0 and "ratio worse        weights/as-defined on attend in float32: " in less.stdout, less.stdout
    assert "(other problems)" in less.stdout


def test_markdown_and_json(attnspec: Any, place: Path) -> None:
    shown = attnspec("diff", "right", "wrong", "--format=markdown", "--out=made/diff.md", cwd=place)
    assert shown.returncode == 1 and shown.stdout == ""
    assert "| weights/as-defined | attend | float32 | pass → fail |" in (place / "made" / "diff.md").read_text(encoding="utf-8")
    data = json.loads(attnspec("diff", "right", "wrong", "--format=json", cwd=place).stdout)
    assert (data["code"], data["regressions"], data["broke"][0]["law"]) == (1, 1, "weights/as-defined")


def test_an_incomplete_report_is_not_green(attnspec: Any, place: Path, tmp_path: Path) -> None:
    report = json.loads((place / "right" / "report.json").read_text(encoding="utf-8"))
    report.update(planned=9, complete=False)
    (tmp_path / "cut.json").write_text(json.dumps(report), encoding="utf-8")
    done = attnspec("diff", str(place / "right"), "cut.json", cwd=tmp_path)
    assert done.returncode == 1 and "INCOMPLETE: 2 of 9 results" in done.stdout.splitlines()[0]


def test_what_is_no_report_is_one_sentence(attnspec: Any, place: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for wrong in ("nowhere", "other.json", "empty"):
        done = attnspec("diff", str(place / "right"), wrong, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.startswith(f"attnspec: {wrong}: "), done.stderr
        assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_a_trend_of_a_folder(attnspec: Any, place: Path, tmp_path: Path) -> None:
    done = attnspec("trend", str(place), "--out", str(tmp_path / "trend.svg"), cwd=tmp_path)
    assert done.returncode == 0 and "seed 0 → 3" in done.stdout, done.stderr
    root = ElementTree.parse(tmp_path / "trend.svg").getroot()
    text = " ".join(root.itertext())
    assert root.tag.endswith("svg") and "attend" in text and "wrong: 1 failed" in text
    attnspec("trend", str(place), "--out", "trend.json", cwd=tmp_path)
    data = json.loads((tmp_path / "trend.json").read_text(encoding="utf-8"))
    assert sorted(run["name"] for run in data["runs"]) == ["again", "right", "seed-3", "wrong"]
    assert [point["failed"] for point in data["implementations"]["attend"]].count(1) == 1
    attnspec("trend", str(place), "--out", "trend.md", cwd=tmp_path)
    assert "| wrong | 20" in (tmp_path / "trend.md").read_text(encoding="utf-8")


def test_a_run_that_was_killed_is_part_of_a_trend(attnspec: Any, place: Path, tmp_path: Path) -> None:
    from attnspec.reports.write import ResultStream, read_report

    report = read_report(place / "right")
    stream = ResultStream(tmp_path / "reports" / "killed", {**report, "planned": 9})
    stream.add(report["results"][0])
    stream.close()
    done = attnspec("trend", "reports", "--out", "trend.json", cwd=tmp_path)
    assert done.returncode == 0 and "killed is INCOMPLETE: 1 of 9 results" in done.stdout, done.stderr
    cut = attnspec("diff", str(place / "right"), "reports/killed", cwd=tmp_path)
    assert cut.returncode == 1 and "INCOMPLETE: 1 of 9" in cut.stdout.splitlines()[0]


@pytest.mark.parametrize(("folder", "out", "said"), [("empty", "t.svg", "holds no report"), ("no", "t.svg", "no folder"),
                                                     ("empty", "t.png", "the ending says which")])  # fmt: skip
def test_a_trend_of_nothing_is_red(attnspec: Any, tmp_path: Path, folder: str, out: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    done = attnspec("trend", folder, "--out", out, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and not (tmp_path / out).exists()


def test_a_fixed_known_failure_turns_the_run_red_and_says_what_to_delete(attnspec: Any, place: Path, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(WRONG, encoding="utf-8")
    update = attnspec("baseline", "update", str(place / "wrong"), "--file=known.yaml", cwd=tmp_path)
    assert update.returncode == 0 and "known.yaml:4: say why weights/as-defined is known to fail on attend" in update.stdout
    run = ("run", "kernel.py", *LAWS, "--baseline=known.yaml")
    refused = attnspec(*run, cwd=tmp_path)
    assert refused.returncode == 2 and refused.stderr.startswith("attnspec: known.yaml:4: has no reason; say why weights/as-")
    file = tmp_path / "known.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace('""  # say why', "the scale is ours"), encoding="utf-8")
    excused = attnspec(*run, cwd=tmp_path)
    assert excused.returncode == 0 and "the scale is ours" in excused.stdout, excused.stdout + excused.stderr
    (tmp_path / "kernel.py").write_text(RIGHT, encoding="utf-8")
    fixed = attnspec(*run, "--out=out", cwd=tmp_path)
    assert fixed.returncode == 1 and fixed.stdout.splitlines()[-2] == "the baseline is out of date"
    said = "known.yaml:4: weights/as-defined now passes on attend in float32; delete lines 4 to 6"
    assert said in " ".join(fixed.stdout.split())
    attnspec("baseline", "update", "out", "--file=known.yaml", cwd=tmp_path)
    emptied = attnspec(*run, cwd=tmp_path)
    assert "law:" not in file.read_text(encoding="utf-8") and emptied.returncode == 0
