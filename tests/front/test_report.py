"""`attnspec report` and `attnspec run --format`: every form is written, and a killed run is never taken for a whole one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml

from attnspec.reports.formats import FILES, FORMATS
from attnspec.reports.write import read_report

from .kernel_text import SOFTMAX

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
TWO = ("--laws=weights/as-defined", "--laws=weights/never-negative", "--examples=2", "-j0")
EVERY = [f"--format={form}" for form in FILES]

SLOW = (
    SOFTMAX
    + """
import time

@declare("slow")
def attend(q, k, v):
    time.sleep(SECONDS)
    return softmax(q, k, v).astype(q.dtype)
"""
)


@pytest.fixture(scope="module")
def finished(attnspec: Any, kernels: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A run of a good kernel and a wrong one in every form, and its folder."""
    place = tmp_path_factory.mktemp("finished")
    done = attnspec("run", f"{kernels}:good", f"{kernels}:unscaled", *TWO, "--out=out", *EVERY, cwd=place)
    return done, place / "out"


def validator() -> Any:
    text = (ROOT / "reports" / "schema" / "report.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def test_every_form_is_written_at_once(finished: tuple[Any, Path]) -> None:
    done, out = finished
    assert done.returncode == 1, done.stderr
    names = {name for names in FILES.values() for name in names}
    assert {file.name for file in out.iterdir()} == names | {"report.json", "results.jsonl", "replays"}
    validator().validate(read_report(out))
    found = JUnitXml.fromfile(str(out / "junit.xml"))
    assert (found.tests, found.failures) == (4, 1)
    assert all(f"report: out/{name}" in done.stdout for name in names)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_each_form_says_first_what_the_run_is_worth(finished: tuple[Any, Path], attnspec: Any, form: str) -> None:
    out = finished[1]
    suffix = ".svg" if form == "badge" else ".txt"
    done = attnspec("report", str(out), f"--format={form}", f"--out=made{suffix}", cwd=out.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    made = (out.parent / f"made{suffix}").read_text(encoding="utf-8")
    assert "quick: not a conformance result" in made
    if form in ("text", "markdown"):
        assert "quick: not a conformance result" in made.splitlines()[0]
    if form in FILES:
        assert made == (out / FILES[form][0]).read_text(encoding="utf-8")


def test_text_goes_to_the_terminal_and_files_can_be_read(finished: tuple[Any, Path], attnspec: Any) -> None:
    out = finished[1]
    done = attnspec("report", "out/report.json", cwd=out.parent)
    assert done.returncode == 0 and "  fails     weights/as-defined for unscaled" in done.stdout
    done = attnspec("report", "out", "--format", "json", cwd=out.parent)
    assert json.loads(done.stdout) == read_report(out)
    done = attnspec("report", "out", "--format", "badge", "--profile", "decoder", cwd=out.parent)
    assert json.loads(done.stdout)["label"] == "attnspec decoder"


def test_the_page_can_show_how_the_suite_fares(finished: tuple[Any, Path], attnspec: Any) -> None:
    out, matrix = finished[1], ROOT / "docs" / "data" / "faults-quick.json"
    done = attnspec("report", "out", "--format=html", "--out=page.html", f"--faults={matrix}", cwd=out.parent)
    assert done.returncode == 0, done.stderr
    assert "How the suite itself fares" in (out.parent / "page.html").read_text(encoding="utf-8")


def test_the_schema_is_printed(attnspec: Any, tmp_path: Path) -> None:
    done = attnspec("report", "--schema", cwd=tmp_path)
    printed = json.loads(done.stdout)
    assert done.returncode == 0 and printed == validator().schema
    assert [printed["$id"]] == printed["properties"]["$schema"]["enum"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "nowhere: no report can be read there"),
        (("--format=html",), "say which report"),
        (("broken.json",), "broken.json: is no report"),
        (("other.json",), "is JSON, but no report"),
        (("old.json",), "is no report of this version of attnspec: the report: object missing required field `baseline`"),
        (("out", "--format=html"), "--out report.html"),
        (("out", "--format=badge", "--profile=cor"), "unknown profile 'cor'; the report knows core"),
        (("out", "--format=sarif"), "'sarif' is not one of"),
        (("out", "--format=html", "--out=x.html", "--faults=other.json"), "is no matrix"),
        (("merge", "out"), "Missing option '--out'"),
        (("merge", "out", "--out=out"), "out is one of the reports"),
        (("merge", "out", "--out=broken.json"), "broken.json: is a file, where a folder is needed"),
        (("out", "--format=html", "--out=broken.json/page.html"), "broken.json/page.html: cannot be written"),
        (("merge", "out", "out", "--out=new"), "out and out both have"),
        (("merge", "out", "nowhere", "--out=new"), "nowhere: no report"),
    ],
)
def test_wrong_usage_is_one_sentence(finished: tuple[Any, Path], attnspec: Any, arguments: Any, said: str) -> None:
    place = finished[1].parent
    (place / "broken.json").write_text("{", encoding="utf-8")
    (place / "other.json").write_text("{}", encoding="utf-8")
    old = read_report(finished[1])
    del old["baseline"]
    (place / "old.json").write_text(json.dumps(old), encoding="utf-8")
    done = attnspec("report", *arguments, cwd=place)
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize(("place", "said"), [("taken", "is a file, where a folder is needed"), ("taken/x", "Not a directory")])
def test_a_folder_that_cannot_be_written_stops_the_run_at_once(
    attnspec: Any, run_laws_in_pytest: Any, kernels: Path, tmp_path: Path, place: str, said: str
) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    done = attnspec("run", f"{kernels}:good", *TWO, f"--out={place}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(f"attnspec: {place}: "), done.stderr
    assert said in done.stderr and done.stderr.count("\n") == 1
    laws = ("--pyargs", "attnspec.spec", f"--impl={kernels}:good", "--laws=weights/as-defined")
    done = run_laws_in_pytest(*laws, f"--attnspec-out={place}", cwd=tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and said in done.stderr and "Traceback" not in done.stderr


def test_forms_need_a_folder(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    done = attnspec("run", f"{kernels}:good", *TWO, "--format=html", cwd=tmp_path)
    assert done.returncode == 2 and "say where with --out DIR" in done.stderr


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_run_that_is_killed_leaves_a_readable_report(attnspec: Any, tmp_path: Path, jobs: int) -> None:
    (tmp_path / "slow.py").write_text(SLOW.replace("SECONDS", "0.1"), encoding="utf-8")
    laws = [
        "weights/never-negative",
        "weights/as-defined",
        "weights/sum-to-one",
        "weights/negated-values",
        "weights/added-values",
    ]
    command = [sys.executable, "-m", "attnspec", "run", "slow.py", *(f"--laws={law}" for law in laws)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(
        [*command, "--examples=4", "--strict", f"-j{jobs}", "--out=out"],
        cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    stream, give_up = tmp_path / "out" / "results.jsonl", time.monotonic() + 60
    while not (stream.exists() and stream.stat().st_size) and time.monotonic() < give_up and running.poll() is None:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    with stream.open("ab") as file:
        file.write(b'{"law": "weights/sum-to')

    report = read_report(tmp_path / "out")
    validator().validate(report)
    assert 1 <= len(report["results"]) < 5 == report["planned"] and not report["complete"]
    assert report["implementations"][0]["conventions"], "what was probed before the first result is in the plan"
    # What a form says depends on what was left, and not on how it was run.
    for form in ("text", "markdown", "junit", "badge", "ctrf", "json", "html") if jobs else ("text",):
        name = "made.svg" if form == "badge" else "made"
        done = attnspec("report", "out", f"--format={form}", f"--out={name}", cwd=tmp_path)
        assert done.returncode == 1
        assert f"out: INCOMPLETE, {len(report['results'])} of 5 results are there" in done.stderr
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert "INCOMPLETE" in made
        if form in ("text", "markdown", "badge"):
            assert "INCOMPLETE" in made.splitlines()[0]
