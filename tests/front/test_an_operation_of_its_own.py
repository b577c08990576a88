"""An operation that has nothing of attention, in a folder of its own, is drawn, judged, shrunk, explained, replayed, reported
and listed as those that come with the kit are, and nothing is edited for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

Run = Callable[..., subprocess.CompletedProcess[str]]

TOY = Path(__file__).resolve().parents[2] / "examples" / "operation"
NAMED = {"forgetful": "folding-offset-forgotten", "squared": "folding-factors-squared"}
"""The mistakes of the wrong kernels."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder, far from the kit."""
    place = tmp_path_factory.mktemp("elsewhere") / "toy"
    shutil.copytree(TOY, place)
    return place


@pytest.fixture(scope="module")
def ran(place: Path, attnspec: Run) -> subprocess.CompletedProcess[str]:
    """All four kernels, as a user runs them."""
    options = ("--budget", "standard", "--examples", "12", "--certificate", "--out", "report")
    return attnspec("--with", "kernels.py", "run", "kernels.py", *options, cwd=place, timeout=300)


@pytest.fixture(scope="module")
def rows(ran: subprocess.CompletedProcess[str], place: Path) -> dict[tuple[str, str], dict[str, Any]]:
    report = json.loads((place / "report" / "report.json").read_text(encoding="utf-8"))
    return {(row["implementation"], row["law"].partition("/")[2]): row for row in report["results"]}


def test_it_is_judged(rows: dict[tuple[str, str], dict[str, Any]], ran: subprocess.CompletedProcess[str]) -> None:
    verdicts = {key: row["verdict"] for key, row in rows.items()}
    assert ran.returncode == 1 and verdicts == {
        ("right", "as-defined"): "pass",
        ("right", "no-gain-leaves-the-offset"): "pass",
        ("together", "as-defined"): "pass",
        ("together", "no-gain-leaves-the-offset"): "not-claimed",
        ("forgetful", "as-defined"): "fail",
        ("forgetful", "no-gain-leaves-the-offset"): "fail",
        ("squared", "as-defined"): "fail",
        ("squared", "no-gain-leaves-the-offset"): "pass",
    }
    assert "together: offset_gained together (probed)" in ran.stdout
    assert "the law is for offset_gained apart" in rows["together", "no-gain-leaves-the-offset"]["message"]


@pytest.mark.parametrize("kernel", NAMED)
def test_a_mistake_is_shrunk_and_named(
    kernel: str, rows: dict[tuple[str, str], dict[str, Any]], ran: subprocess.CompletedProcess[str]
) -> None:
    row = rows[kernel, "as-defined"]
    assert "?dtype=float32&n=1&r=1&t=1&" in row["case"]
    found = row["diagnosis"]
    assert found["how"] == "outputs" and [each["fault"] for each in found["ranked"]] == [NAMED[kernel]]
    assert f"{NAMED[kernel]}: " in ran.stdout
    assert ("factors=" in row["case"]) == (kernel == "squared")


def test_a_pass_is_certified(rows: dict[tuple[str, str], dict[str, Any]]) -> None:
    certified = rows["right", "as-defined"]["certificate"]
    assert sorted(certified["caught"]) == sorted(NAMED.values()) and not certified["missed"] and not certified["void"]


@pytest.mark.parametrize("kernel", NAMED)
def test_its_case_and_its_script_tell_the_right_kernel_from_the_wrong_one(
    kernel: str, rows: dict[tuple[str, str], dict[str, Any]], place: Path, attnspec: Run
) -> None:
    row = rows[kernel, "as-defined"]
    for named, said in ((kernel, "STILL FAILS"), ("right", "FIXED")):
        again = attnspec("replay", row["case"], f"kernels.py:{named}", cwd=place)
        assert again.stdout.startswith(said), again.stdout + again.stderr
        script = [sys.executable, str(place / "report" / row["script"]), f"kernels.py:{named}"]
        done = subprocess.run(script, cwd=place, capture_output=True, text=True, check=False)
        assert done.stdout.strip().endswith(said), done.stdout + done.stderr


def test_it_is_reported(ran: subprocess.CompletedProcess[str], place: Path, attnspec: Run) -> None:
    for form in ("html", "markdown", "junit"):
        told = attnspec("report", "report", "--format", form, "--out", f"told.{form}", cwd=place)
        assert told.returncode == 0, told.stderr
        assert "folding/as-defined" in (place / f"told.{form}").read_text(encoding="utf-8")


def test_it_is_listed(place: Path, attnspec: Run) -> None:
    def said(*words: str) -> str:
        done = attnspec(*words, cwd=place)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "(folding, numpy arrays" in said("list", "kernels.py")
    assert "folding/no-gain-leaves-the-offset" in said("--with", "kernels.py", "laws", "folding/*")
    assert "offset_of(p)" in said("--with", "folding", "explain", "folding/no-gain-leaves-the-offset")
    told = said("--with", "kernels.py", "faults", "folding-*", "--laws", "folding/*", "--examples", "12")
    assert "float32: 2 of 2 known mistakes are rejected" in told


def test_the_doctor_knows_it(place: Path, attnspec: Run) -> None:
    good, bad = (attnspec("--with", "kernels.py", "doctor", f"kernels.py:{name}", cwd=place) for name in ("right", "forgetful"))
    assert good.returncode == 0 and "has the output of the definition" in " ".join(good.stdout.split())
    assert bad.returncode == 1 and "has not the output of the definition" in " ".join(bad.stdout.split())


def test_who_does_not_import_it_is_told_what_is_known(place: Path, attnspec: Run) -> None:
    done = attnspec("laws", "folding/*", cwd=place)
    assert done.returncode == 2 and "no law matches 'folding/*'" in done.stderr
    (place / "lonely.py").write_text(
        "import attnspec\n\n@attnspec.implementation(operation='folding')\ndef f(rows, columns, offset):\n    return rows\n",
        encoding="utf-8",
    )
    done = attnspec("run", "lonely.py", cwd=place)
    assert done.returncode == 2 and "unknown operation 'folding'; known: attention, " in done.stderr
    done = attnspec("--with", "no_such_module", "laws", cwd=place)
    assert done.returncode == 2 and "there is no module 'no_such_module'" in done.stderr


STATED = "folding/operation.yaml"
RECORD = "folding/operation.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (STATED, '"(N, R)"', '"(N R)"', "operation.yaml: arguments.rows: '(N R)' is no shape"),
        (STATED, "rows: {shape:", "rows: {shpae:", "arguments.rows: unknown key 'shpae'; did you mean 'shape'?"),
        (STATED, '"(R, T)"', '"(R, U)"', "folding: columns has an axis 'u', which is no size of the record"),
        (STATED, "  out: {", "  output: {", "results has no out, as the output is called"),
        (STATED, "asked: return_size", "asked: retrun_size", "unknown option 'retrun_size'; did you mean 'return_size'?"),
        (STATED, "options:", "optoins:", "unknown key 'optoins'; did you mean 'options'?"),
        ("folding/faults.yaml", "needs: [factors]", "needs: [factor]", "unknown option 'factor'; did you mean 'factors'?"),
        (RECORD, '"gain": Option(', '"gian": Option(', "the record has no option 'gain', which the other one has"),
        (RECORD, 'name="folding"', 'name="folds"', "so its name is 'folds'; rename one of the two"),
        (
            RECORD,
            "exact=lambda p, options: fold(*p.arrays.values(), **options)",
            "exact=lambda p, o: None",
            "exact gives no out",
        ),
        (
            "folding/faults.py",
            '@fault("folding-factors-squared")',
            "",
            "faults.yaml states 'folding-factors-squared', which no",
        ),
        ("folding/definition.py", "np.abs(x).sum(-1), abs", "np.abs(x).sum(), abs", "exact gives size of shape ()"),
        (
            "folding/operation.py",
            "(2.0**-50 * exact.added, 2.0**-50 * exact.size)",
            "(2.0**-50 * exact.added,) * 3",
            "own_errors gives 3 of them, where a tuple is due: errors of out, size, in this order",
        ),
        (
            "folding/operation.py",
            "(2.0**-50 * exact.added, 2.0**-50 * exact.size)",
            "(2.0**-50 * exact.size, 2.0**-50 * exact.added)",
            "own_errors gives an error of shape",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(file: str, old: str, new: str, said: str, attnspec: Run, tmp_path: Path) -> None:
    place = tmp_path / "toy"
    shutil.copytree(TOY, place, ignore=shutil.ignore_patterns("__pycache__"))
    text = (place / file).read_text(encoding="utf-8")
    assert old in text
    (place / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    done = attnspec("--with", "kernels.py", "doctor", "kernels.py:right", cwd=place)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done.stdout + done.stderr


ONE = """
import folding
import attnspec

@attnspec.implementation(operation="folding")
def one(rows, columns, offset, *, gain=1.0):
    return (gain if gain != 1 else 3) * (rows @ columns) + offset
"""


def test_a_kernel_with_one_option_is_called_without_it_too(attnspec: Run, tmp_path: Path) -> None:
    place = tmp_path / "toy"
    shutil.copytree(TOY, place)
    (place / "one.py").write_text(ONE, encoding="utf-8")
    done = attnspec("--with", "kernels.py", "run", "one.py", "--laws", "folding/as-defined", "--budget", "standard", cwd=place)
    assert done.returncode == 1 and "gain=" not in done.stdout, done.stdout


def test_a_script_asks_which_of_several_kernels_is_meant(
    rows: dict[tuple[str, str], dict[str, Any]], place: Path, attnspec: Run
) -> None:
    script = str(place / "report" / rows["forgetful", "as-defined"]["script"])
    done = subprocess.run([sys.executable, script, "kernels.py"], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "say which, as kernels.py:name" in done.stderr


def test_explain_shows_its_arrays_and_says_how_its_laws_are_had(place: Path, attnspec: Run) -> None:
    shown = attnspec("--with", "folding", "explain", "folding/as-defined", cwd=place).stdout
    assert "takes rows (N, R), columns (R, T), offset (T) and gives out (N, T), size (N)" in " ".join(shown.split()), shown
    assert "Hq" not in shown
    missing = attnspec("explain", "folding/as-defined", cwd=place)
    assert missing.returncode == 2 and "come with attnspec --with MODULE" in missing.stderr


def test_laws_of_ones_own_about_it_are_checked(place: Path, attnspec: Run) -> None:
    text = (place / "folding" / "laws" / "folding.yaml").read_text(encoding="utf-8")
    text = text.replace("chapter: folding", "chapter: mine").replace("id: folding/", "id: mine/")
    (place / "mine.yaml").write_text(text, encoding="utf-8")
    done = attnspec("--with", "folding", "laws", "check", "mine.yaml", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr


LIKE_ATTENTION = """
from dataclasses import replace
from pathlib import Path
from attnspec.conformance.operations import operation_named, register

register(replace(operation_named("attention"), name="mine"), Path(__file__).parent)
"""
KERNEL = """
import mine
import numpy as np
import attnspec

@attnspec.implementation(operation="mine")
def attend(q, k, v, *, return_lse=False):
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True, initial=0))
    return (weights / weights.sum(-1, keepdims=True) @ v).astype(q.dtype)
"""


def test_an_operation_like_attention_fits_too(attnspec: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(TOY.parents[1] / "spec" / "attention" / "operation.yaml", folder)
    (folder / "__init__.py").write_text(LIKE_ATTENTION, encoding="utf-8")
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    done = attnspec("list", "kernel.py", cwd=tmp_path)
    assert done.returncode == 0 and "attend   (mine, numpy arrays" in done.stdout, done.stdout + done.stderr
