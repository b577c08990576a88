"""A kernel that changes what judges it changes that in its own process alone: it is not green, and an innocent one passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.write import read_report

from .kernel_text import SOFTMAX

pytestmark = pytest.mark.long

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trust.md"

PATCHES = {
    "decides for the judge": "from attnspec.conformance.engine import evaluate as m; "
    "m.decide = lambda *a, **k: m.Decision(True, 10)",
    "widens every interval": "from attnspec.conformance.engine.subject import Subject as m; "
    "m._bounded_out = lambda self, p, out: 0 * out",
    "reports a pass": "import attnspec.conformance.engine.result as m; m.Result.as_dict = lambda self: {'verdict': 'pass'}",
    "calls every run green": "import attnspec.reports.model as m; m.outcome = lambda report: (0, 'all is well')",
    "forgets what is due": "import attnspec.conformance.meaning as m; m.attended = m.judged = lambda p, *a: None",
    "agrees with NumPy": "np.abs = np.subtract = np.isnan = lambda *a, **k: np.zeros(())",
    "stops the clock": "import time; time.monotonic = time.perf_counter = lambda: 0.0",
    "fixes what is random": "import random; random.random = lambda: 0.5; np.random.default_rng = lambda *a: None",
    "speaks for JSON": "import json; json.dumps = lambda *a, **k: '{}'",
    "empties what is collected": "import gc; [x.clear() for x in gc.get_objects() if type(x) is dict and 'verdict' in x]",
    "writes results of its own": "open('out/results.jsonl', 'a').write('{\"verdict\": \"pass\"}\\n')",
    "writes a report of its own": "open('out/report.json', 'w').write('{\"results\": []}')",
}
"""What a kernel does at each call before it answers with the mean of V."""

KERNELS = (
    SOFTMAX
    + """
from math import inf

@declare("innocent")
def innocent(q, k, v):
    return softmax(q, k, v).astype(q.dtype)
"""
    + "".join(
        f"""
@declare({name!r})
def patched_{n}(q, k, v):
    wrong = np.broadcast_to(v.mean(2, keepdims=True).mean(1, keepdims=True), (*q.shape[:3], v.shape[3])).copy()
    {patch}
    return wrong
"""
        for n, (name, patch) in enumerate(PATCHES.items())
    )
)
LAWS = ("weights/as-defined", "weights/negated-values")


@pytest.fixture(scope="module")
def ran(attnspec: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, set[str]]]:
    """The finished run, and the verdicts on each kernel."""
    folder = tmp_path_factory.mktemp("patches")
    (folder / "kernels.py").write_text(KERNELS, encoding="utf-8")
    how = ("--examples=3", "--out=out", *(f"--laws={law}" for law in LAWS))
    done = attnspec("run", "kernels.py", *how, cwd=folder, timeout=200)
    verdicts: dict[str, set[str]] = {}
    for row in read_report(folder / "out")["results"]:
        verdicts.setdefault(row["implementation"], set()).add(row["verdict"])
    return done, verdicts


@pytest.mark.parametrize("name", PATCHES)
def test_it_is_not_green(name: str, ran: tuple[Any, dict[str, set[str]]]) -> None:
    assert ran[1][name] & {"fail", "error"}, ran[0].stdout


def test_the_run_is_red_and_the_innocent_passes(ran: tuple[Any, dict[str, set[str]]]) -> None:
    done, verdicts = ran
    assert done.returncode == 1 and verdicts["innocent"] == {"pass"}, done.stdout + done.stderr


def test_the_page_names_each() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert not [name for name in PATCHES if f"| {name} |" not in page]
