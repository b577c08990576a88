"""A small runner of composite actions: the shell steps of action.yml are carried out as GitHub's runner carries them out.

Steps that use another action are not carried out, and count as done. Of expressions it knows names and strings with ==, !=, &&
and always(), which is all that the action uses; anything else is an error.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Ended:
    """What a run of the action left: exit codes and outputs by step id or name, the page of the run, and what was printed."""

    red: bool = False
    codes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    summary: str = ""
    printed: str = ""


@pytest.fixture(scope="session")
def action() -> dict[str, Any]:
    """action.yml, read."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def carried_out(action: dict[str, Any], scripts: Path) -> Callable[..., Ended]:
    """Carries out the action in a folder with inputs, `_` for `-` in their names.

    pull_request: the number of the one that the job is about.
    """

    def run(folder: Path, pull_request: str = "", **given: str) -> Ended:
        inputs = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
        inputs |= {"install": "false", "jobs": "0"} | {name.replace("_", "-"): value for name, value in given.items()}
        inputs["pull_request"] = pull_request
        ended = Ended()
        for step in action["runs"]["steps"]:
            name = step.get("id", step["name"])
            if "run" in step and _wanted(step.get("if", ""), inputs, ended):
                _step(step, name, inputs, ended, folder, scripts)
        return ended

    return run


def _step(step: dict[str, Any], name: str, inputs: dict[str, str], ended: Ended, folder: Path, tools: Path) -> None:
    files = {variable: tools / f"{variable}-{name}" for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("", encoding="utf-8")
    script = tools / "script.sh"
    script.write_text(step["run"], encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "ATTNSPEC", "GITHUB"))}
    own = {key: _filled(value, inputs, ended) for key, value in step.get("env", {}).items()}
    runner = {"GITHUB_ACTION_PATH": str(ROOT), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    runner |= {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://example.org", "GITHUB_RUN_ID": "1"}
    runner |= {"GITHUB_REPOSITORY": "a/b", "PATH": f"{tools}:{os.environ['PATH']}"} | {
        key: str(file) for key, file in files.items()
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=folder,
        env={**kept, **runner, **own},
        text=True,
        capture_output=True,
        timeout=120,
    )
    ended.codes[name] = done.returncode
    ended.red = ended.red or done.returncode != 0
    ended.printed += done.stdout + done.stderr
    ended.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
    ended.outputs[name] = dict(line.split("=", 1) for line in lines)


def _wanted(condition: str, inputs: dict[str, str], ended: Ended) -> bool:
    """Whether a step is to be carried out; without always() only after steps that went well."""
    if not condition:
        return not ended.red
    terms = [term.strip() for term in condition.split("&&")]
    return (("always()" in terms) or not ended.red) and all(_holds(term, inputs, ended) for term in terms)


def _holds(term: str, inputs: dict[str, str], ended: Ended) -> bool:
    if term == "always()":
        return True
    for sign in ("==", "!="):
        if sign in term:
            left, right = (_value(side.strip(), inputs, ended) for side in term.split(sign))
            return (left == right) == (sign == "==")
    return _value(term, inputs, ended) != ""


def _filled(text: str, inputs: dict[str, str], ended: Ended) -> str:
    return EXPRESSION.sub(lambda found: _value(found[1], inputs, ended), str(text))


def _value(name: str, inputs: dict[str, str], ended: Ended) -> str:
    if name.startswith("'") and name.endswith("'"):
        return name[1:-1]
    if name.startswith("inputs."):
        return inputs[name.removeprefix("inputs.")]
    if found := re.fullmatch(r"steps\.([a-z]+)\.outputs\.([a-z-]+)", name):
        return ended.outputs.get(found[1], {}).get(found[2], "")
    if found := re.fullmatch(r"steps\.([a-z]+)\.outcome", name):
        return {None: "skipped", 0: "success"}.get(ended.codes.get(found[1]), "failure")
    if name == "github.event.pull_request.number":
        return inputs["pull_request"]
    raise AssertionError(f"the small runner does not know {name}")
