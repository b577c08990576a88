"""`attnspec ci`: a run or a merge as a job, on GitHub and elsewhere, and the comment in a pull request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnspec._ci_comment import LONGEST, comment_body

from ..ci_job import GH, KERNEL, LAWS, WRONG

pytestmark = pytest.mark.long

FORMS = {"report.json", "report.html", "report.md", "junit.xml", "badge.json", "badge.svg"}
DEADLY = KERNEL.replace(
    "    k, v", "    if os.path.exists('r/results.jsonl') and os.path.getsize('r/results.jsonl'): {}\n    k, v", 1
)
LONG = "x" * LONGEST

Job = Callable[..., Any]


@pytest.fixture
def job(attnspec: Any, tmp_path: Path) -> Job:
    """Runs `attnspec ci` as a terminal does. A run is one of two laws, in one process."""
    own = {"GITHUB_ACTIONS": "", "GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""}
    own |= {"ATTNSPEC_CI_LAWS": LAWS, "ATTNSPEC_CI_EXAMPLES": "2", "ATTNSPEC_CI_JOBS": "0", "ATTNSPEC_CI_OUT": "r"}
    return lambda *arguments, **environment: attnspec("ci", *arguments, cwd=tmp_path, **own | environment)


@pytest.fixture
def on_github(job: Job, tmp_path: Path) -> Job:
    """The same in a job of GitHub, whose files are output and summary."""
    own = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
    own |= {"GITHUB_SERVER_URL": "https://example.org", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "1"}
    return lambda *arguments, **environment: job(*arguments, **own | environment)


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def report(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return read


def test_several_implementations_are_named_one_a_line(on_github: Job, tmp_path: Path) -> None:
    written(tmp_path / "one's $(kernel).py", KERNEL)
    written(tmp_path / "two.py", KERNEL.replace("attend", "other"))
    done = on_github(ATTNSPEC_CI_IMPLEMENTATIONS="one's $(kernel).py:attend\n\n  two.py\n")
    assert done.returncode == 0, done.stdout + done.stderr
    made = report(tmp_path / "r")
    assert [one["name"] for one in made["implementations"]] == ["attend", "other"] and len(made["results"]) == 4
    assert made["budget"]["name"] == "standard" and {file.name for file in (tmp_path / "r").iterdir()} >= FORMS
    assert (tmp_path / "output").read_text(encoding="utf-8") == "exit-code=0\n"
    page = (tmp_path / "r" / "report.md").read_text(encoding="utf-8")
    assert (tmp_path / "summary").read_text(encoding="utf-8") == page and "::error::" not in done.stdout


def test_what_is_typed_goes_before_what_the_environment_says(job: Job, tmp_path: Path) -> None:
    written(tmp_path / "kernel.py", WRONG)
    done = job("kernel.py", "--laws", "weights/sum-to-one", "--out", "a b", ATTNSPEC_CI_IMPLEMENTATIONS="no/such")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == "attnspec: red, exit code 1; the log and the report in a b say why\n"
    assert [row["law"] for row in report(tmp_path / "a b")["results"]] == ["weights/sum-to-one"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no implementation is named, so nothing would be checked"),
        ({"ATTNSPEC_CI_IMPLEMENTATIONS": "\n \n"}, "no implementation is named, so nothing would be checked"),
        (
            {"ATTNSPEC_CI_IMPLEMENTATIONS": "numpy/flash", "ATTNSPEC_CI_MERGE": "shards"},
            "give implementations or merge, not both",
        ),
        ({"ATTNSPEC_CI_MERGE": "no such"}, "no report of a shard below no such, so nothing was checked"),
        ({"ATTNSPEC_CI_IMPLEMENTATIONS": "numpy/flash", "ATTNSPEC_CI_COMPARE": "./r"}, "./r is where the new report goes"),
    ],
)
def test_what_checks_nothing_is_red(on_github: Job, job: Job, tmp_path: Path, given: dict[str, str], said: str) -> None:
    done = job(**given)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"attnspec: {said}") and done.stderr.count("\n") == 1
    done = on_github(**given)
    assert done.returncode == 2 and done.stdout.startswith(f"::error::attnspec: {said}"), done.stderr
    assert (tmp_path / "output").read_text(encoding="utf-8") == "exit-code=2\n"
    assert "wrote no report" in (tmp_path / "summary").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["BUDGET", "EXAMPLES", "SEED", "JOBS", "SHARD", "PROFILE", "LAWS", "BASELINE", "DTYPE"])
def test_the_run_says_what_is_wrong_with_a_value(on_github: Job, tmp_path: Path, option: str) -> None:
    done = on_github("numpy/flash", **{f"ATTNSPEC_CI_{option}": "--help; touch trapped"})
    assert done.returncode == 2 and "--help; touch trapped" in done.stderr and "Usage" not in done.stdout
    assert "::error::attnspec: red, exit code 2; the log says why" in done.stdout
    assert not (tmp_path / "trapped").exists() and "exit-code=2" in (tmp_path / "output").read_text(encoding="utf-8")


def test_a_line_break_begins_no_command_of_the_runner(on_github: Job) -> None:
    done = on_github(ATTNSPEC_CI_MERGE="a\n::stop-commands::b")
    assert "::error::attnspec: no report of a shard below a%0A::stop-commands::b" in done.stdout
    assert not any(line.startswith("::stop") for line in done.stdout.splitlines())


def test_an_earlier_report_is_not_that_of_this_job(on_github: Job, tmp_path: Path) -> None:
    written(tmp_path / "kernel.py", KERNEL)
    assert on_github("kernel.py").returncode == 0
    (tmp_path / "summary").unlink()
    done = on_github("kernle.py")
    assert done.returncode == 2 and (tmp_path / "summary").read_text(encoding="utf-8").startswith("attnspec wrote no report")


def test_shards_below_a_folder_are_merged(job: Job, tmp_path: Path) -> None:
    written(tmp_path / "kernel.py", KERNEL)
    for n in (1, 2):
        assert job("kernel.py", f"--shard={n}/2", f"--out=all shards/deep/part-{n}").returncode == 0
    done = job("--merge", "all shards")
    assert done.returncode == 0, done.stdout + done.stderr
    assert report(tmp_path / "r")["complete"] and {file.name for file in (tmp_path / "r").iterdir()} >= FORMS
    assert job("--merge", "all shards/deep/part-2").returncode == 1, "a shard is missing"


@pytest.mark.parametrize(("signal", "code"), [(9, 137), (15, 143)])
def test_a_kernel_that_ends_its_judge_leaves_every_form(on_github: Job, tmp_path: Path, signal: int, code: int) -> None:
    judge = "int(open(f'/proc/{os.getppid()}/stat').read().split()[3])"
    written(tmp_path / "kernel.py", DEADLY.replace("{}", f"os.kill({judge}, {signal})"))
    done = on_github("kernel.py")
    assert done.returncode == code, done.stdout + done.stderr
    assert (tmp_path / "output").read_text(encoding="utf-8") == f"exit-code={code}\n"
    for name in FORMS - {"report.json"}:
        assert "INCOMPLETE: 1 of 2" in (tmp_path / "r" / name).read_text(encoding="utf-8"), name
    assert "INCOMPLETE: 1 of 2" in (tmp_path / "summary").read_text(encoding="utf-8")
    assert f"::error::attnspec: red, exit code {code}; the log and the report in r say why" in done.stdout


def test_a_kernel_that_ends_its_process_at_once_is_red(job: Job, tmp_path: Path) -> None:
    written(tmp_path / "kernel.py", "import os\nos._exit(0)\n")
    done = job("kernel.py")
    assert done.returncode == 2 and done.stderr.endswith("attnspec: red, exit code 2; the log says why\n")


def test_a_comparison_is_red_on_a_regression(on_github: Job, tmp_path: Path) -> None:
    written(tmp_path / "kernel.py", KERNEL)
    assert on_github("kernel.py", ATTNSPEC_CI_OUT="old").returncode == 0

    assert on_github("kernel.py", "--compare=old").returncode == 0
    assert "✅ attnspec diff" in (tmp_path / "r" / "diff.md").read_text(encoding="utf-8")

    done = on_github("kernel.py", "--laws=weights/sum-to-one", "--compare=old/report.json")
    assert done.returncode == 1 and "1 regression" in done.stdout
    page = (tmp_path / "r" / "diff.md").read_text(encoding="utf-8")
    assert "weights/negated-values" in page and (tmp_path / "summary").read_text(encoding="utf-8").endswith(page)
    assert (tmp_path / "output").read_text(encoding="utf-8") == "exit-code=0\n" * 3, "the output is that of the run"

    done = on_github("kernel.py", "--compare=older")
    assert done.returncode == 2 and "::error::attnspec: older: no report can be read there" in done.stdout
    assert not (tmp_path / "r" / "diff.md").exists(), "the one that lay there compared another report"


@pytest.fixture
def gh(tmp_path: Path) -> Callable[..., str]:
    """Puts a gh on PATH that writes down what it is asked; `known` are the comments that it finds."""

    def put(known: str = "", ends: int = 0) -> str:
        written(tmp_path / "gh", GH).chmod(0o755)
        written(tmp_path / "known", known)
        written(tmp_path / "ends", str(ends))
        (tmp_path / "asked").unlink(missing_ok=True)
        return f"{tmp_path}:/usr/bin:/bin"

    return put


def test_the_comment_is_made_once_and_then_replaced(on_github: Job, gh: Any, tmp_path: Path) -> None:
    written(tmp_path / "r" / "report.md", "All `laws` hold — $(touch trapped).\n")
    written(tmp_path / "r" / "diff.md", "Nothing broke.\n")
    given = {"ATTNSPEC_CI_PULL_REQUEST": "7", "ATTNSPEC_CI_NAME": 'my "own"', "GH_TOKEN": "x"}
    for known, verb in (
        ("", "--method POST repos/a/b/issues/7/comments"),
        ("42\n43\n", "--method PATCH repos/a/b/issues/comments/42"),
    ):
        done = on_github("comment", PATH=gh(known), **given)
        asked = (tmp_path / "asked").read_text(encoding="utf-8")
        assert done.returncode == 0 and done.stdout + done.stderr == "" and verb in asked
        mark = '<!-- attnspec my "own" -->\n'
        assert asked.endswith(f"{2 * mark}All `laws` hold — $(touch trapped).\nNothing broke.\n")
        assert not (tmp_path / "trapped").exists()


def test_a_comment_that_cannot_be_written_is_a_warning(on_github: Job, gh: Any, tmp_path: Path) -> None:
    written(tmp_path / "r" / "report.md", "All laws hold.\n")
    for path in (gh(ends=1), str(tmp_path / "nowhere")):
        done = on_github("comment", "--pull-request=7", PATH=path)
        assert done.returncode == 0 and done.stdout.startswith("::warning::attnspec: the comment could not be written")


def test_a_comment_is_for_a_job_of_github(job: Job) -> None:
    done = job("comment", "--pull-request=7", GITHUB_SERVER_URL="")
    assert done.returncode == 2 and done.stderr.startswith("attnspec: GITHUB_SERVER_URL is not set; ")
    assert "--pull-request" in job("comment").stderr


@pytest.mark.parametrize(
    ("pages", "kept"),
    [(["All hold.\n"], True), (["é" * 100, "b\n"], True), ([LONG], False), (["é" * (LONGEST // 2)], False), ([], False)],
)
def test_a_body_that_is_too_long_is_a_link(pages: list[str], kept: bool) -> None:
    body = comment_body("<!-- mark -->", pages, "https://example.org/1")
    assert body.startswith("<!-- mark -->\n") and body.endswith("\n") and len(body.encode()) <= LONGEST
    assert ("[the run](https://example.org/1)" in body) is not kept
    assert all(page.strip() in body for page in pages) or not kept
