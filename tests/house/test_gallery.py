"""`make gallery` is run once in a while, and takes long: that its commands can be typed is looked at here, without a run."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from attnspec.cli import cli

ROOT = Path(__file__).resolve().parents[2]


def commands(*options: str) -> list[list[str]]:
    """What make would do, as words, from `attnspec` on and up to what the shell makes of its exit code."""
    printed = subprocess.run(
        ["make", "-n", "-o", ".venv/installed", "gallery", *options], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout.replace("\\\n", " ")
    found = re.findall(r"bin/attnspec (.*?)(?: \|\| .*)?$", printed, re.MULTILINE)
    return [shlex.split(line) for line in found]


def understood(words: list[str]) -> click.Context:
    """The options of a command line. Raises click.ClickException for one that cannot be typed."""
    command = cli.commands[words[0]]
    if isinstance(command, click.Group):
        command = command.commands["show"]
    return command.make_context(words[0], words[1:])


def test_its_commands_can_be_typed() -> None:
    run, *reports = [understood(words).params for words in commands()]
    assert [each["form"] for each in reports] == ["html", "markdown", "badge"]
    assert all(each["place"] == run["out"] and each["out"].startswith("reports/gallery/") for each in reports)
    assert {name.split("/")[0] for name in run["implementations"]} == {"numpy", "torch", "jax", "triton"}
    assert run["budget"] == "standard" and (ROOT / reports[0]["faults"]).is_file()


def test_a_command_that_cannot_be_typed_is_noticed() -> None:
    [run, *_] = commands("TRIED=numpy --budegt standard")
    with pytest.raises(click.NoSuchOption, match="--budegt"):
        understood(run)


def test_it_is_made_from_the_pinned_versions() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^gallery: \$\(VENV\)/installed", text, re.MULTILINE) and "--constraint constraints.txt" in text
