"""The page about CI is followed as a story: a kernel that breaks on Tuesday and is mended on Wednesday."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from .conftest import ROOT, Quote, quotes

PAGE = "docs/continuous-integration.md"
RIGHT = (ROOT / "examples" / "my_kernel.py").read_text(encoding="utf-8")
BROKEN = RIGHT.replace("np.arange(q.shape[2])[:, None]", "np.arange(q.shape[2])[:, None] + 1")
KERNELS = [RIGHT, BROKEN, BROKEN, BROKEN, BROKEN, BROKEN, RIGHT, RIGHT]
"""The kernel that each command of the page meets."""


def test_the_story_is_true(followed: Callable[[Quote, Path], str | None], tmp_path: Path) -> None:
    assert BROKEN != RIGHT and len(quotes(PAGE)) == len(KERNELS)
    for quote, kernel in zip(quotes(PAGE), KERNELS, strict=True):
        (tmp_path / "my_kernel.py").write_text(kernel, encoding="utf-8")
        if quote.command.endswith("reports/wednesday") and "run" in quote.command:
            file = tmp_path / "known.yaml"
            file.write_text(
                file.read_text(encoding="utf-8").replace('""  # say why', "off by one until the tiles are rewritten"),
                encoding="utf-8",
            )
        assert followed(quote, tmp_path) is None


def test_the_page_names_every_input_of_the_action() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    table = (ROOT / PAGE).read_text(encoding="utf-8").split("| input | meaning |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)} == set(action["inputs"])
