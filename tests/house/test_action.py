"""The action and the workflows are read, checked, and carried out on a run of two laws: the scripts are no decoration."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from attnspec._ci import ci

from ..ci_job import GH, KERNEL, LAWS, WRONG

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = [".github/workflows/ci.yml", "examples/ci/attnspec.yml"]
TWO = {"laws": LAWS, "examples": "2", "budget": "quick"}


def texts(data: Any) -> Iterator[str]:
    """Every text of a YAML tree."""
    if isinstance(data, dict):
        data = data.values()
    elif not isinstance(data, list):
        yield str(data)
        return
    for part in data:
        yield from texts(part)


def scripts(action: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["name"], step["run"]) for step in action["runs"]["steps"] if "run" in step]


def test_inputs_are_declared_and_used(action: dict[str, Any]) -> None:
    used = {name for text in texts([action["runs"], action["outputs"]]) for name in re.findall(r"inputs\.([a-z-]+)", text)}
    assert used == set(action["inputs"])
    assert all(about["description"] and isinstance(about["default"], str) for about in action["inputs"].values())


def test_steps_that_are_spoken_of_exist(action: dict[str, Any]) -> None:
    ids = {step.get("id") for step in action["runs"]["steps"]}
    assert {name for text in texts(action) for name in re.findall(r"steps\.([a-z-]+)\.", text)} <= ids


def test_no_input_is_written_into_a_script(action: dict[str, Any]) -> None:
    assert [name for name, script in scripts(action) if "${{" in script] == []
    for workflow in WORKFLOWS:
        jobs = yaml.safe_load((ROOT / workflow).read_text(encoding="utf-8"))["jobs"]
        assert not any("${{" in step.get("run", "") for job in jobs.values() for step in job["steps"])


def test_a_variable_of_a_script_is_in_its_environment(action: dict[str, Any]) -> None:
    for step in action["runs"]["steps"]:
        spoken = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", step.get("run", "")))
        own = set(re.findall(r"(?:export|for|read -r) ([A-Z_]+)", step.get("run", "")))
        runner = {name for name in spoken if name.startswith("GITHUB_")}
        assert spoken - own - runner <= set(step.get("env", {})), step["name"]


def test_scripts_are_bash(action: dict[str, Any]) -> None:
    for name, script in scripts(action):
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
        assert checked.returncode == 0, f"{name}: {checked.stderr}"


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_workflows_give_inputs_that_exist(action: dict[str, Any], workflow: str) -> None:
    loaded = yaml.safe_load((ROOT / workflow).read_text(encoding="utf-8"))
    steps = [step for job in loaded["jobs"].values() for step in job["steps"]]
    own = [step for step in steps if re.match(r"\./|OWNER/attnspec@", step.get("uses", ""))]
    assert len(own) == 2 and all(set(step["with"]) <= set(action["inputs"]) for step in own)
    assert any("shard" in step["with"] for step in own) and any("merge" in step["with"] for step in own)


def test_actions_are_pinned_to_a_version(action: dict[str, Any]) -> None:
    loaded = [action["runs"], *(yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["jobs"] for file in WORKFLOWS)]
    uses = [text for text in texts(loaded) if re.match(r"[\w.-]+/[\w.-]+@", text)]
    assert len(uses) > 6 and all(re.search(r"@v\d+$", text) for text in uses)


def test_ci_calls_what_must_pass() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert {"run": ".ci/run"} in jobs["tests"]["steps"] and (ROOT / ".ci" / "run").is_file()


def test_a_good_kernel_is_green_and_leaves_every_form(carried_out: Any, tmp_path: Path) -> None:
    (tmp_path / "a kernel.py").write_text(KERNEL, encoding="utf-8")
    ended = carried_out(tmp_path, implementations="a kernel.py:attend", **TWO)
    assert not ended.red, ended.printed
    names = {file.name for file in (tmp_path / "attnspec-report").iterdir()}
    assert {"report.json", "report.html", "report.md", "junit.xml", "badge.json", "badge.svg"} <= names
    assert "attend" in ended.summary and ended.outputs["run"] == {"exit-code": "0"}


def test_a_wrong_kernel_is_red_in_the_end_and_its_report_is_kept(carried_out: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(WRONG, encoding="utf-8")
    ended = carried_out(tmp_path, implementations="kernel.py", **TWO)
    assert ended.codes["run"] == 1 and ended.outputs["run"] == {"exit-code": "1"}
    assert "::error::attnspec: red, exit code 1" in ended.printed
    assert "weights/sum-to-one" in ended.summary and (tmp_path / "attnspec-report" / "report.html").stat().st_size


def test_a_run_that_was_killed_is_red_and_leaves_every_form(carried_out: Any, tmp_path: Path) -> None:
    """The kernel ends the process that judges it once a result is there, as a runner that has no memory left does."""
    there = "os.path.exists('out/results.jsonl') and os.path.getsize('out/results.jsonl')"
    judge = "int(open(f'/proc/{os.getppid()}/stat').read().split()[3])"
    deadly = KERNEL.replace("    k, v", f"    if {there}: os.kill({judge}, 9)\n    k, v", 1)
    (tmp_path / "kernel.py").write_text(deadly, encoding="utf-8")
    ended = carried_out(tmp_path, implementations="kernel.py", report_dir="out", **TWO)
    assert ended.outputs["run"] == {"exit-code": "137"} and ended.codes["run"] == 137
    assert ended.summary.startswith("### ❌ attnspec: INCOMPLETE: 1 of 2 results"), ended.printed
    for name in ("report.html", "report.md", "junit.xml", "badge.svg", "badge.json"):
        assert "INCOMPLETE: 1 of 2" in (tmp_path / "out" / name).read_text(encoding="utf-8"), name


def test_a_regression_against_an_older_report_is_red(carried_out: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    old = carried_out(tmp_path, implementations="kernel.py", report_dir="old", **TWO)
    assert not old.red, old.printed
    fewer = TWO | {"laws": "weights/sum-to-one"}
    ended = carried_out(tmp_path, implementations="kernel.py", compare="old", **fewer)
    assert ended.outputs["run"] == {"exit-code": "0"} and ended.codes["run"] == 1
    assert "vanished" in ended.summary and "weights/negated-values" in ended.summary


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no implementation is named"),
        ({"implementations": "\n\n"}, "no implementation is named"),
        ({"merge": "shards"}, "no report of a shard below shards"),
        ({"merge": "shards", "implementations": "numpy/flash"}, "give implementations or merge"),
        ({"implementations": "numpy/flsh"}, "flsh"),
        ({"implementations": "numpy/flash", "laws": "wieghts/*"}, "wieghts"),
        ({"implementations": "numpy/flash", "baseline": "none.yaml"}, "none.yaml: cannot be read"),
        ({"implementations": "--help"}, "--help"),
    ],
)
def test_an_action_that_checks_nothing_is_red(carried_out: Any, tmp_path: Path, given: dict[str, str], said: str) -> None:
    ended = carried_out(tmp_path, **TWO | given)
    assert ended.codes["run"] == 2 and said in ended.printed and "no report" in ended.summary


def test_inputs_are_no_code(carried_out: Any, tmp_path: Path) -> None:
    for name in ("implementations", "laws", "baseline", "dtype", "seed", "shard", "compare", "report_dir"):
        trap = f'x"; touch {shlex.quote(str(tmp_path / "trapped"))}; $(touch {tmp_path}/trapped) `touch {tmp_path}/trapped`'
        (tmp_path / name).mkdir()
        ended = carried_out(tmp_path / name, **{"implementations": "numpy/flash", **TWO, name: trap})
        assert not (tmp_path / "trapped").exists(), name
        assert ended.codes["run"] != 0 or name == "report_dir"


def test_shards_are_merged_to_the_whole(carried_out: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    for n in (1, 2):
        ended = carried_out(tmp_path, implementations="kernel.py", shard=f"{n}/2", report_dir=f"shards/part-{n}", **TWO)
        assert not ended.red, ended.printed
    merged = carried_out(tmp_path, merge="shards", report_dir="whole")
    assert not merged.red, merged.printed
    report = json.loads((tmp_path / "whole" / "report.json").read_text(encoding="utf-8"))
    assert report["complete"] and sorted(row["law"] for row in report["results"]) == sorted(LAWS.split())
    assert (tmp_path / "whole" / "report.html").exists()


def test_a_shard_that_is_missing_is_red(carried_out: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    carried_out(tmp_path, implementations="kernel.py", shard="1/2", report_dir="shards/part-1", **TWO)
    assert carried_out(tmp_path, merge="shards", report_dir="whole").red


def test_the_comment_goes_to_the_pull_request(carried_out: Any, tmp_path: Path, scripts: Path) -> None:
    """With a gh that writes down what it is asked, after a run that is green and one that is red."""
    gh = scripts / "gh"
    gh.write_text(GH, encoding="utf-8")
    gh.chmod(0o755)
    for told, mark in ((KERNEL, "✅"), (WRONG, "❌")):
        (tmp_path / "kernel.py").write_text(told, encoding="utf-8")
        (tmp_path / "asked").unlink(missing_ok=True)
        ended = carried_out(tmp_path, implementations="kernel.py", comment="true", pull_request="7", **TWO)
        asked = (tmp_path / "asked").read_text(encoding="utf-8")
        assert "--method POST repos/a/b/issues/7/comments" in asked, ended.printed
        assert f"<!-- attnspec attnspec-report -->\n### {mark} attnspec" in asked
        assert ended.codes["Tell the pull request"] == 0


def test_without_a_pull_request_there_is_no_comment(carried_out: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    ended = carried_out(tmp_path, implementations="kernel.py", comment="true", **TWO)
    assert "Tell the pull request" not in ended.codes and not ended.red


def test_a_kernel_sees_no_token(action: dict[str, Any]) -> None:
    [run, tell] = [step for step in action["runs"]["steps"] if step.get("run", "").startswith("attnspec ci")]
    assert not any("token" in value for value in run["env"].values()) and "GH_TOKEN" in tell["env"]


def test_each_variable_is_an_option_of_the_command(action: dict[str, Any]) -> None:
    for step in action["runs"]["steps"]:
        if step.get("run", "").startswith("attnspec ci"):
            command = ci.commands["comment" if "comment" in step["run"] else "run"]
            names = {f"ATTNSPEC_CI_{str(option.name).upper()}" for option in command.params if option.name != "place"}
            assert set(step["env"]) - {"GH_TOKEN"} == names | {"ATTNSPEC_CI_OUT"}
