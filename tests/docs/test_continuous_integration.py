"""The page about CI names what the action takes; its story is tried with the other pages (test_blocks.py)."""

from __future__ import annotations

import re

import yaml

from .conftest import ROOT

PAGE = "docs/continuous-integration.md"


def test_the_page_names_every_input_of_the_action() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    table = (ROOT / PAGE).read_text(encoding="utf-8").split("| input | meaning |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)} == set(action["inputs"])
