"""Lines that fit a terminal of 80 columns: broken between words, with the indentation kept.

What somebody copies is never spoilt. An address of the web stands whole on a line of its own. A command goes on at an & or
after a ? inside its quotes, where `attnspec replay` takes a line break for nothing, or after a backslash.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

__all__ = ["LABEL", "WIDTH", "clipped", "command", "field", "paragraph", "with_room"]

WIDTH = 80

LABEL = 12
"""Columns before the text of a field: two of indentation, and its label."""


def field(label: str, text: str | Sequence[str], width: int = WIDTH, *, whole: bool = False) -> list[str]:
    """`  label     text`. Several texts stand below each other; nothing for an empty text. whole: no text is broken."""
    texts = [text] if isinstance(text, str) else text
    lines = [line for each in texts for line in ([each] if whole else paragraph(each, width - LABEL))]
    return [f"{f'  {label}' if n == 0 else '':<{LABEL}}{line}".rstrip() for n, line in enumerate(lines)]


def paragraph(text: str, width: int = WIDTH, indent: str = "") -> list[str]:
    """The lines of a text, broken between words only. indent: before all lines but the first."""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def with_room(text: str, before: int, width: int = WIDTH) -> str:
    """A text whose first line leaves room for what stands before it: so many columns."""
    first, mark, rest = text.partition("\n")
    return "\n".join(paragraph("x" * before + first, width, indent="  "))[before:] + mark + rest


def clipped(text: str, width: int = WIDTH) -> str:
    """The text on one line, with … for what does not fit."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def command(start: str, argument: str, rest: Sequence[str], width: int = WIDTH) -> list[str]:
    """Lines that a shell reads as one command. argument: quoted for the shell; it may be broken before each & and after a ?."""
    first, *others = argument.replace("&", "\n&").split("\n")
    broken = first if len(start) + 1 + len(first) <= width else first.replace("?", "?\n", 1)
    lines = f"{start} {broken}".split("\n")
    for n, part in enumerate(others, 1):
        room = width - 2 if n == len(others) and rest else width  # for a backslash
        if len(lines[-1]) + len(part) <= room:
            lines[-1] += part
        else:
            lines.append(part)
    for word in rest:
        if len(lines[-1]) + len(word) + 1 <= width - 2:  # Room for a backslash.
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(word)
    return lines
