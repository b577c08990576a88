"""The pytest plugin, as where attnspec is installed beside a user's own tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

SPEC = ("--pyargs", "attnspec.spec")

USERS_CONFTEST = """
import sys
def pytest_addoption(parser):
    for name in ("--impl", "--dtype", "--budget", "--profile"):
        parser.addoption(name, default="theirs")
"""

USERS_TEST = """
import sys
def test_mine(request):
    assert request.config.getoption("--dtype") == "theirs"
    assert "attnspec.conformance.selection" not in sys.modules
    assert "numpy" not in sys.modules and "rich" not in sys.modules
"""


TWICE_THE_MEAN = """
import numpy as np
def attend(q, k, v):
    v = np.repeat(v, q.shape[1] // v.shape[1], axis=1)
    return np.broadcast_to(2 * v.mean(2, keepdims=True), (*q.shape[:3], v.shape[3]))
"""


def collected(done: Any) -> list[str]:
    return [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]


def test_items_are_selected_by_keyword(run_laws_in_pytest: Any, tmp_path: Path) -> None:
    keywords = "causal and numpy/flash and float32"
    done = run_laws_in_pytest(*SPEC, "--impl", "numpy/naive,numpy/flash", "--collect-only", "-q", "-k", keywords, cwd=tmp_path)
    names = collected(done)
    assert "causal/as-defined[numpy/flash-float32]" in names
    assert all("causal" in name and name.endswith("[numpy/flash-float32]") for name in names), names
    assert done.returncode == 0, done.stdout + done.stderr


def test_impl_budget_and_dtype_choose(run_laws_in_pytest: Any, tmp_path: Path) -> None:
    options = ("--impl=numpy/naive,numpy/flash", "--dtype=bfloat16", "--dtype=float16", "--laws=heads/concat*")
    options = (*options, "--laws", "heads/reversed")
    names = collected(run_laws_in_pytest(*SPEC, *options, "--collect-only", "-q", cwd=tmp_path))
    assert sorted(names) == sorted(
        f"heads/{law}[numpy/{name}-{dtype}]"
        for law in ("concatenate", "concatenate-lse", "reversed")
        for name in ("naive", "flash")
        for dtype in ("bfloat16", "float16")
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (SPEC, "name what the laws are to be held against, for instance --impl numpy"),
        ((*SPEC, "--impl", "nunpy"), "did you mean"),
        ((*SPEC, "--impl", "numpy/naive", "--laws", "nothing/*"), "no law matches 'nothing/*'"),
        ((*SPEC, "--impl", "numpy/naive", "--budget", "huge"), "unknown budget 'huge'"),
    ],
)
def test_wrong_usage_is_one_sentence(run_laws_in_pytest: Any, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run_laws_in_pytest(*arguments, cwd=tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("ERROR: attnspec: ") and said in lines[0], done.stderr


def test_a_users_own_tests_are_not_disturbed(run_pytest: Any, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(USERS_CONFTEST, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(USERS_TEST, encoding="utf-8")
    (tmp_path / "laws.yaml").write_text("not: a law\n", encoding="utf-8")
    done = run_pytest("--strict-markers", "--strict-config", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout and "attnspec" not in done.stdout


def test_a_folder_that_happens_to_hold_the_spec_is_left_alone(run_pytest: Any, tmp_path: Path) -> None:
    from attnspec.conformance.language.loading import spec_folder

    (tmp_path / "spec").symlink_to(spec_folder().resolve())
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    pass\n", encoding="utf-8")
    done = run_pytest("-q", ".", cwd=tmp_path)
    assert done.returncode == 0 and "1 passed" in done.stdout


def test_verdicts_become_outcomes(run_pytest: Any, kernels: Path, tmp_path: Path) -> None:
    laws = ("weights/as-defined", "causal/as-defined", "interface/refuses-uneven-heads")
    options = [f"--impl={kernels}:unscaled", f"--impl={kernels}:good", "--examples=2", *(f"--laws={law}" for law in laws)]
    done = run_pytest(*SPEC, *options, "--junit-xml=junit.xml", "--attnspec-out=out", "-rs", cwd=tmp_path)
    text = done.stdout
    assert done.returncode == 1
    assert "spec/attention/laws/causal.yaml:" in text and "not-claimed: causal is not an option of good" in text
    assert "  fails     weights/as-defined for unscaled in float32" in text
    for part in (
        "  law       weights/as-defined: weights(p) ≈ ",
        "  found     ",
        "  replay    attnspec replay 'weights/as-defined?",
    ):
        assert part in text
    assert "Traceback" not in text and "items.py" not in text and "quick: not a conformance result" in text
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["planned"] == 6
    assert "attnspec" in (tmp_path / "junit.xml").read_text(encoding="utf-8")


def test_a_should_law_passes_with_a_warning(run_laws_in_pytest: Any, tmp_path: Path) -> None:
    (tmp_path / "lax.py").write_text("def attend(q, k, v):\n    return q[..., :1] * 0 + v[:, :1, :1]\n", encoding="utf-8")
    options = ("--impl=lax.py", "--dtype=float32", "--laws=interface/refuses-unequal-lengths", "--examples=2")
    done = run_laws_in_pytest(*SPEC, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 warning" in done.stdout
    assert "(should) " in done.stdout and "took 1 key with 2 values" in done.stdout, done.stdout


def test_further_laws_from_a_file(run_laws_in_pytest: Any, kernels: Path, one_law: str, tmp_path: Path) -> None:
    (tmp_path / "extra.yaml").write_text(one_law.format(word="with_values"), encoding="utf-8")
    options = (f"--impl={kernels}:good", "--laws-file=extra.yaml", "--laws=extra/*", "--examples=2")
    done = run_laws_in_pytest(*SPEC, *options, "-v", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "extra/ones[good-float32] PASSED" in done.stdout


def test_a_baseline_is_strict(run_laws_in_pytest: Any, kernels: Path, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(
        "- {law: weights/as-defined, implementation: unscaled, reason: no scale yet}\n"
        "- {law: weights/as-defined, implementation: good, reason: never true}\n"
        "- {law: weights/no-such-law, implementation: good, reason: a slip}\n",
        encoding="utf-8",
    )
    options = (f"--impl={kernels}:unscaled", f"--impl={kernels}:good", "--laws=weights/as-defined", "--examples=2")
    done = run_laws_in_pytest(*SPEC, *options, "--attnspec-baseline=known.yaml", "-rx", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 failed, 1 xfailed" in done.stdout and "no scale yet" in done.stdout
    assert "the baseline expects it to fail (never true)" in done.stdout
    assert "weights/no-such-law on good matches nothing in this run" in done.stdout


def test_workers_that_die_are_failed_items(run_laws_in_pytest: Any, kernels: Path, tmp_path: Path) -> None:
    body = "import os\ndef one(q, k, v):\n    os.abort()\n"
    (tmp_path / "aborts.py").write_text(body, encoding="utf-8")
    laws = (
        "--laws=weights/sum-to-one",
        "--laws=weights/never-negative",
        "--laws=weights/as-defined",
        "--laws=weights/negated-values",
    )
    options = ("--impl=aborts.py", f"--impl={kernels}:good", "--examples=2", "-n1", "--dist=loadgroup", "--tb=line")
    done = run_laws_in_pytest(*SPEC, *options, *laws, "-p", "no:faulthandler", cwd=tmp_path)
    assert "4 failed, 4 passed" in done.stdout, done.stdout
    assert "crashed (host died of SIGABRT)" in done.stdout, done.stdout
    assert "not run: one crashed or hung 3 times in this run" in done.stdout


def test_what_failed_last_is_run_again(python: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TWICE_THE_MEAN, encoding="utf-8")
    laws = ("--laws=weights/negated-values", "--laws=weights/sum-to-one", "--examples=1")
    plugins = ("-p", "timeout", "-p", "attnspec.conformance.plugin", "-p", "cacheprovider")
    how = {"cwd": tmp_path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "loaded": True}
    arguments = ("-m", "pytest", *plugins, "-v", *SPEC, "--impl=mine.py", "--dtype=float32", *laws)
    first = python(*arguments, **how)
    names = [line.partition("::")[2].split("[")[0] for line in first.stdout.splitlines() if "FAILED" in line and "%" in line]
    assert len(names) == 1, first.stdout
    for option, ran in (("--lf", 1), ("--ff", 2)):
        again = python(*arguments, option, **how)
        tried = [line for line in again.stdout.splitlines() if "::" in line and "%" in line]
        assert len(tried) == ran and names[0] in tried[0], again.stdout
