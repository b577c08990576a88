"""Pages as tests see them: links, fenced blocks, and the commands with the output that is quoted below them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from .varying import comparable

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CUT = "…"


@dataclass(frozen=True)
class Quote:
    """A command that a page shows, the lines of output below it, and its exit code where `echo $?` follows."""

    page: str
    command: str
    output: tuple[str, ...]
    code: int | None = None


def page_files() -> list[Path]:
    """README and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [found[2] for found in BLOCK.finditer(text) if found[1] == language]


def quotes(page: str) -> list[Quote]:
    """The commands of a page, in order."""
    found: list[Quote] = []
    for block in blocks((ROOT / page).read_text(encoding="utf-8"), "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            if command == "echo $?":
                found[-1] = replace(found[-1], code=int(output[0]))
            else:
                found.append(Quote(page, command, tuple(output)))
    return found


def missing(quoted: tuple[str, ...], printed: str) -> str | None:
    """The first quoted line that does not follow in what was printed, or None. A line `…` stands for any lines.

    Numbers that other processors give otherwise may differ: those that `varying` names, and no other.
    """
    lines = iter([comparable(line) for line in printed.splitlines()])
    return next((line for line in quoted if line != CUT and not any(comparable(line) == own for own in lines)), None)


@pytest.fixture(scope="session")
def followed() -> Callable[[Quote, Path], str | None]:
    """Runs a quoted command in a folder, and says in what the page is wrong, or None."""

    def run(quote: Quote, folder: Path) -> str | None:
        words = shlex.split(quote.command)
        program = ["-m", "attnspec"] if words[0] == "attnspec" else []
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "ATTNSPEC"))}
        ran = subprocess.run(
            [sys.executable, *program, *words[1:]],
            cwd=folder,
            timeout=300,
            text=True,
            capture_output=True,
            env={**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        line = missing(quote.output, ran.stdout)
        if line is not None:
            return f"{quote.command} does not print {line!r} but\n{ran.stdout}{ran.stderr}"
        if quote.code not in (None, ran.returncode):
            return f"{quote.command} ends with {ran.returncode}, not {quote.code}"
        return None

    return run
