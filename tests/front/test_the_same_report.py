"""A run says the same with one worker and with two, in hosts and in the process of the judge, but for times.

On how many problems a diagnosis rests is not compared: it depends on what its process has diagnosed before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.write import read_report

from .kernel_text import SOFTMAX

pytestmark = pytest.mark.long

KERNELS = (
    SOFTMAX
    + """
@declare("right")
def right(q, k, v):
    return softmax(q, k, v).astype(q.dtype)

@declare("unscaled")
def unscaled(q, k, v):
    return softmax(q * np.float32(np.sqrt(q.shape[-1])), k, v).astype(q.dtype)

@declare("raises")
def raises(q, k, v):
    if k.shape[2] > 8:
        raise ValueError(f"no more than 8 keys, not {k.shape[2]}")
    return right(q, k, v)
"""
)
HOW = {"one": ["-j1"], "two": ["-j2"], "none": ["-j0"], "beside": ["-j1", "--in-process"]}


def untimed(value: Any) -> Any:
    """Without what tells of the hour, and of where kernels ran."""
    if isinstance(value, dict):
        return {name: untimed(each) for name, each in value.items() if name not in ("seconds", "time", "process")}
    return [untimed(each) for each in value] if isinstance(value, list) else value


def told_of(row: dict[str, Any]) -> Any:
    """A result, with the mistakes that its diagnosis names."""
    named = [each["fault"] for each in row["diagnosis"].get("ranked", [])]
    return [untimed({name: each for name, each in row.items() if name != "diagnosis"}), row["diagnosis"].get("how"), named]


def test_the_report_is_the_same(attnspec: Any, tmp_path: Path) -> None:
    told = {}
    for name, options in HOW.items():
        place = tmp_path / name
        place.mkdir()
        (place / "kernels.py").write_text(KERNELS, encoding="utf-8")
        laws = ("--laws=weights/*", "--laws=heads/*", "--laws=numerics/*")
        attnspec("run", "kernels.py", "numpy/flash", "--dtype=float32", "--out=out", *laws, *options, cwd=place, timeout=200)
        report = read_report(place / "out")
        assert {each["process"] for each in report["implementations"]} == {"judge" if name == "beside" else "host"}
        told[name] = json.dumps([list(map(told_of, report["results"])), untimed(report["implementations"])], sort_keys=True)
        assert {row["verdict"] for row in report["results"]} >= {"pass", "fail"}
    assert len(set(told.values())) == 1
