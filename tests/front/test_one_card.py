"""One mistake in three dtypes breaks many laws, and is one card on a screen: in a terminal, in Markdown, and under pytest."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attnspec.reports.causes import causes
from attnspec.reports.record import Record
from attnspec.reports.write import read_report

pytestmark = pytest.mark.long

KERNEL = """
import attnspec
import numpy as np


@attnspec.implementation(dtypes=["float32", "float16", "bfloat16"])
def attend(q, k, v, *, causal=False, scale=None):
    dtype = q.dtype
    q, k, v = (x.astype(np.float32) for x in (q, k, v))
    scale = np.float32(1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    if causal:
        seen = np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + 1
        scores = np.where(seen, scores, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v).astype(dtype)
"""

TESTS = """
import attnspec
from my_kernel import attend

def test_truth():
    assert attnspec.check(attend, laws="causal/as-*", examples=4)

def test_ok():
    assert attnspec.check(attend, laws="causal/as-*", examples=4).ok

def test_other_assertions_keep_their_words():
    report = attnspec.check(attend, laws="causal/as-*", examples=4, dtype="float32")
    assert not report
    assert len(report.findings) == 7
"""

LAWS = (
    "causal/as-defined",
    "causal/corner-for-unequal-lengths",
    "causal/hidden-keys-may-score-high",
    "causal/more-queries-than-keys",
    "causal/visible-keys-are-seen",
    "causal/with-a-mask",
    "flash/key-tile-edges",
    "weights/sum-to-one",
)
"""Six that break, one that the kernel does not claim, and one that holds."""


@pytest.fixture(scope="module")
def ran(attnspec: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The finished run, and its folder."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_kernel.py").write_text(KERNEL, encoding="utf-8")
    laws = [f"--laws={law}" for law in LAWS]
    options = ("--examples=4", "-j1", "--out=out", "--format=markdown", "--format=junit")
    return attnspec("run", "my_kernel.py", *laws, *options, cwd=folder, timeout=500), folder


def the_card(text: str) -> list[str]:
    """The lines of the only card of a text."""
    found = re.findall(r"^causal-off-by-one: .*?(?=\n\n|</pre>)", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, text
    return str(found[0]).splitlines()


def complete(lines: list[str]) -> None:
    """Whether a card fits and has name, sentence, laws, picture, smallest case, place and replay, each once."""
    assert len(lines) <= 25 and max(map(len, lines)) <= 80, "\n".join(lines)
    assert lines[0] == "causal-off-by-one: Each query sees one key of its future."
    labels = [line[2:12].strip() for line in lines[1:] if line[2:3].strip()]
    assert labels[:3] == ["fails", "evidence", "where"] and {"mask", "law", "found", "replay"} <= set(labels)
    assert len(labels) == len(set(labels)) and any("■+······" in line for line in lines)
    assert [line for line in lines if "https://" in line] == [
        "            https://github.com/facebookresearch/xformers/issues/103"
    ]


def test_the_terminal_shows_one_card(ran: tuple[Any, Path]) -> None:
    done, folder = ran
    assert done.returncode == 1, done.stderr
    lines = the_card(done.stdout)
    complete(lines)
    assert re.fullmatch(r"  fails     \d+ laws for attend in float32, float16, bfloat16", lines[1])
    also = lines[next(n for n, line in enumerate(lines) if line.startswith("  also")) :]
    laws = {row["law"] for row in read_report(folder / "out")["results"] if row["verdict"] == "fail"}
    told = "\n".join([*also, *(line for line in lines if line.startswith("  law "))])
    more = re.search(r"and (\d+) more", told)  # A card has 25 lines, and this one a worst number and a script.
    assert len(laws) > 5 and sum(law in told for law in laws) + int(more[1] if more else 0) == len(laws), "\n".join(lines)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_report_has_one_cause(ran: tuple[Any, Path]) -> None:
    report = read_report(ran[1] / "out")
    [cause] = causes(Record.of(report).report)
    [kept] = report["causes"]
    assert kept == msgspec.to_builtins(cause.written()) and len(kept["findings"]) == sum(
        row["verdict"] == "fail" for row in report["results"]
    )


def test_what_is_copied_from_a_card_runs_the_case_again(ran: tuple[Any, Path], attnspec: Any) -> None:
    lines = the_card(ran[0].stdout)
    start = next(n for n, line in enumerate(lines) if line.startswith("  replay"))
    command = lines[start].removeprefix("  replay    ")
    for line in lines[start + 1 :]:
        if line[2:3].strip():
            break
        command += "\n" + line
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:2] == ["attnspec", "replay"] and "\n" in words[2]
    again = attnspec(*words[1:], cwd=ran[1], timeout=300)
    assert again.returncode == 1 and again.stdout.startswith("STILL FAILS"), again.stdout + again.stderr


def test_markdown_shows_the_same_card_open(ran: tuple[Any, Path]) -> None:
    text = (ran[1] / "out" / "report.md").read_text(encoding="utf-8")
    assert (
        "#### 1 cause\n\n<details open><summary><code>causal-off-by-one</code>: Each query sees one key of its future." in text
    )
    lines = the_card(html.unescape(text.replace("<pre>", "\n")))
    complete(lines)
    assert [line for line in lines if "replays/" not in line][:8] == the_card(ran[0].stdout)[:8]


def test_junit_tells_it_once(ran: tuple[Any, Path]) -> None:
    text = (ran[1] / "out" / "junit.xml").read_text(encoding="utf-8")
    assert text.count("evidence  reproduces") == 1 and text.count('message="causal-off-by-one: Each query') > 5
    assert 'file="my_kernel.py"' in text and ".yaml" not in text and '<testsuite name="attnspec"' not in text


def test_a_failing_assertion_shows_the_card(ran: tuple[Any, Path], run_laws_in_pytest: Any, tmp_path: Path) -> None:
    (tmp_path / "my_kernel.py").write_text(KERNEL, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(TESTS, encoding="utf-8")
    done = run_laws_in_pytest("-q", cwd=tmp_path, timeout=500)
    failures = re.split("^=+ short test summary", done.stdout, flags=re.MULTILINE)[0]  # It repeats messages, whole under CI.
    shown = re.split(r"^____+ (test_\w+) ____+$", failures, flags=re.MULTILINE)
    told = dict(zip(shown[1::2], shown[2::2], strict=True))
    for name in ("test_truth", "test_ok"):
        lines = [line for line in told[name].splitlines() if line.startswith("E  ")]
        assert max(map(len, lines)) <= 80 and "\\n" not in told[name], told[name]
        said = "\n".join(line[8:] for line in lines).removeprefix("AssertionError: ").replace("its\n  future", "its future")
        complete(the_card(said))
        assert "  fails     causal/as-defined for attend in float32, float16, bfloat16" in told[name]
    assert "assert 1 == 7" in told["test_other_assertions_keep_their_words"]
    assert "  evidence  " not in told["test_other_assertions_keep_their_words"]
