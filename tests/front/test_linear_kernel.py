"""A kernel of linear attention with an exclusive scan, without its normaliser, or with one that starts anew in each chunk is
caught and named; as it stands in the examples it passes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

Run = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "linear_kernel.py"
LAWS = (
    "linear/causal-as-defined",
    "linear/normalised-as-defined",
    "linear/each-step-is-read-once",
    "linear/weights-sum-to-one",
)
MISTAKES = {
    "linear-exclusive-scan": ("np.tril(query[:, :, at] @ key[:, :, at].swapaxes(-1, -2))", "swapaxes(-1, -2), -1)"),
    "linear-normalizer-missing": ("sums / total[..., None] if normalize else sums", "sums"),
    "linear-normalizer-restarts": (
        "            scores = np.tril(",
        "            z = np.zeros_like(z)\n            scores = np.tril(",
    ),
}
"""For each mistake what is written in the example, and what is written in its place (or the end of it)."""


def run(attnspec: Run, folder: Path, text: str) -> tuple[subprocess.CompletedProcess[str], dict[str, dict[str, object]]]:
    (folder / "kernel.py").write_text(text, encoding="utf-8")
    chosen = [word for law in LAWS for word in ("--laws", law)]
    ran = attnspec("run", "kernel.py", *chosen, "--out", "report", cwd=folder, timeout=300)
    rows = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["results"]
    return ran, {row["law"]: row for row in rows}


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=pytest.mark.study if n % 2 else ()) for n, name in enumerate(MISTAKES)]
)
def test_a_mistake_is_caught_and_named(fault: str, attnspec: Run, tmp_path: Path) -> None:
    text, (right, wrong) = EXAMPLE.read_text(encoding="utf-8"), MISTAKES[fault]
    assert text.count(right) == 1
    wrong = right[: -len("swapaxes(-1, -2))")] + wrong if fault == "linear-exclusive-scan" else wrong
    changed = text.replace(right, wrong)
    if fault == "linear-normalizer-restarts":
        # The initial normaliser stays: what the first chunk found is what the caller gave.
        changed = changed.replace("z = np.zeros_like(z)", "z = np.zeros_like(z) if start else z")
    if fault == "linear-normalizer-missing":
        changed = changed.replace("sums / (query * z[:, :, None]).sum(-1)[..., None] if normalize else sums", "sums")
    ran, rows = run(attnspec, tmp_path, changed)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    failed = [row for row in rows.values() if row["verdict"] == "fail"]
    assert failed
    for row in failed:
        assert row["diagnosis"]["ranked"][0]["fault"] == fault, row  # type: ignore[index]
    assert f"{fault}: " in ran.stdout


def test_the_doctor_tells_a_normalised_sum(attnspec: Run, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "right.py").write_text(text, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(text.replace("if normalize else sums", "if True else sums"), encoding="utf-8")
    right, wrong = (attnspec("doctor", f"{name}.py", cwd=tmp_path, timeout=120) for name in ("right", "wrong"))
    assert right.returncode == 0 and "every row is the sum of V" in right.stdout
    assert wrong.returncode == 1 and "as if normalised" in " ".join(wrong.stdout.split())


def test_the_example_passes(attnspec: Run, tmp_path: Path) -> None:
    ran, rows = run(attnspec, tmp_path, EXAMPLE.read_text(encoding="utf-8"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {row["verdict"] for row in rows.values()} == {"pass"}
