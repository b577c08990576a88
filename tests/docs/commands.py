"""Commands that a page shows, run as a reader would run them, and their output compared with what the page quotes.

Output is compared by doctest, with its ellipsis. `ATTNSPEC_QUOTES=show` prints what the commands print, and
`ATTNSPEC_QUOTES=write` puts it into the pages (make quotes): each run of quoted lines between two `…` is found again by its
first and last line.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from doctest import ELLIPSIS, REPORT_UDIFF, OutputChecker
from doctest import Example as Expected
from pathlib import Path

from sybil import Example

from .varying import comparable

__all__ = ["Command", "Folder", "commands", "difference", "requoted"]

ROOT = Path(__file__).resolve().parents[2]
CUT = "…"
KEPT_OUT = ("PYTEST", "ATTNSPEC", "GITHUB", "COLUMNS", "LINES")
SECONDS = 600
BIN = os.environ.get("ATTNSPEC_QUOTES_BIN")
"""Another environment in which the commands run, as that of a newcomer who installed a wheel (make newcomer)."""


@dataclass(frozen=True)
class Command:
    """A command line, and the text that stands below it."""

    line: str
    output: str


def commands(block: str) -> list[Command]:
    """The commands of a console block, in order."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Command(*part.partition("\n")[::2]) for part in parts]


@dataclass
class Folder:
    """Where the commands of a page are run. scripts: where commands are looked for first.

    rewritten: (start, end, text) for blocks that are to be written anew.
    """

    path: Path
    scripts: Path | None = None
    last_code: int = 0
    rewritten: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.path / "examples").symlink_to(ROOT / "examples")

    def output(self, line: str) -> str:
        """What a command prints, on both streams, as a terminal shows it. Its exit code is $? for the next."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_OUT)}
        own = {"REPOSITORY": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        own["ATTNSPEC_CACHE"] = str(self.path / ".cache")  # Nothing that this user keeps is shown.
        own["ATTNSPEC_JOBS"] = "0"  # Workers take as long to start as these runs take.
        own |= {} if BIN else {"PYTHONPATH": str(ROOT)}
        path = f"{BIN or Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        path = f"{self.scripts}{os.pathsep}{path}" if self.scripts and not BIN else path
        script = f"(exit {self.last_code})\n{line}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.path,
            env={**kept, **own, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        self.last_code = done.returncode
        return done.stdout

    def has(self, package: str) -> bool:
        """Whether a package is installed where the commands run."""
        found = f"from importlib.util import find_spec; print(find_spec('{package}') is not None)"
        return self.output(f'python -c "{found}"') == "True\n"

    def follow(self, block: Example) -> str | None:
        """Run the commands of a block. What differs from the page, or None."""
        wrong, lines = [], []
        asked = commands(block.parsed)
        for number, command in enumerate(asked):
            printed = self.output(command.line)
            lines += [f"$ {command.line}", *requoted(command.output, printed)]
            found = difference(command.output, printed)
            if found:
                wrong.append(f"{command.line}\n{found}")
            told = number + 1 < len(asked) and asked[number + 1].line == "echo $?"
            if not told and (self.last_code not in (0, 1) or "Traceback" in printed):
                wrong.append(f"{command.line}\nends with {self.last_code}:\n{printed}")
        if wrong:
            self.rewrite(block, lines)
        return "\n".join(wrong) or None

    def rewrite(self, block: Example, lines: Sequence[str]) -> None:
        """Note what a block is to be, if pages are to be written anew."""
        start = block.start + block.region.lexemes["source"].offset
        self.rewritten.append((start, start + len(block.parsed), "\n".join(lines) + "\n"))


def difference(quoted: str, printed: str) -> str | None:
    """How printed text differs from a quotation, or None. Numbers that vary between processors may."""
    want, got = _comparable(quoted), _comparable(printed)
    checker = OutputChecker()
    if checker.check_output(want, got, ELLIPSIS):
        return None
    return checker.output_difference(Expected("", want), got, ELLIPSIS | REPORT_UDIFF)


def _comparable(text: str) -> str:
    return "".join("...\n" if line == CUT else comparable(line) + "\n" for line in text.splitlines())


def requoted(quoted: str, printed: str) -> list[str]:
    """Lines of a quotation with what is printed now in their places. Cuts stay where they are."""
    lines, rest = [], printed.splitlines()
    if not quoted:
        return rest
    parts = list(_between_cuts(quoted.splitlines()))
    for number, part in enumerate(parts):
        if number:
            lines.append(CUT)
        if not part:
            continue
        start = _nearest(part[0], rest) if number else 0
        end = start + _nearest(part[-1], rest[start:]) + 1 if number + 1 < len(parts) else len(rest)
        lines += rest[start:end]
        rest = rest[end:]
    return lines


def _between_cuts(lines: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for line in lines:
        if line == CUT:
            yield part
            part = []
        else:
            part.append(line)
    yield part


def _nearest(line: str, lines: Sequence[str]) -> int:
    """The number of the line that begins most like a given one; the first of equals."""
    alike = [difflib.SequenceMatcher(None, line, other[: len(line)], autojunk=False).ratio() for other in lines]
    return alike.index(max(alike)) if alike else 0
