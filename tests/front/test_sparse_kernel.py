"""A block-sparse kernel whose list of blocks is transposed is caught and named; as it stands in the examples it passes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

Run = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "block_sparse_kernel.py"
RIGHT = "    kept = np.broadcast_to(block_mask,"
WRONG = "    block_mask = block_mask.swapaxes(2, 3).reshape(block_mask.shape)\n" + RIGHT
LAWS = "sparse/rows-are-not-columns,sparse/as-defined,sparse/dropped-mass"


def run(attnspec: Run, folder: Path, text: str) -> tuple[subprocess.CompletedProcess[str], dict[str, dict[str, object]]]:
    (folder / "kernel.py").write_text(text, encoding="utf-8")
    chosen = [word for law in LAWS.split(",") for word in ("--laws", law)]
    ran = attnspec("run", "kernel.py", *chosen, "--examples", "20", "--out", "report", cwd=folder, timeout=300)
    rows = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["results"]
    return ran, {row["law"]: row for row in rows}


def test_a_transposed_list_of_blocks_is_caught_and_named(attnspec: Run, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(RIGHT) == 1
    ran, rows = run(attnspec, tmp_path, text.replace(RIGHT, WRONG))
    assert ran.returncode == 1, ran.stdout + ran.stderr
    for law in ("sparse/rows-are-not-columns", "sparse/as-defined"):
        assert rows[law]["verdict"] == "fail"
        assert rows[law]["diagnosis"]["ranked"][0]["fault"] == "block-mask-transposed"  # type: ignore[index]
    assert rows["sparse/dropped-mass"]["verdict"] == "pass", "the bound on what is dropped holds for any pattern"
    assert "block-mask-transposed: The block mask is read with rows and columns exchanged." in ran.stdout


def test_the_example_passes(attnspec: Run, tmp_path: Path) -> None:
    ran, rows = run(attnspec, tmp_path, EXAMPLE.read_text(encoding="utf-8"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {row["verdict"] for row in rows.values()} == {"pass"}
