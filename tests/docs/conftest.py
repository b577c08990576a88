"""Pages as text: files, fenced blocks and commands. `blocks` is where they are tried."""

from __future__ import annotations

import re
from pathlib import Path

from .commands import commands

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page_files() -> list[Path]:
    """README and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [found[2] for found in BLOCK.finditer(text) if found[1] == language]


def quotes(page: str) -> list[str]:
    """The command lines of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [command.line for block in blocks(text, "console") for command in commands(block)]
