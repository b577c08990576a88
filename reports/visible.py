"""Text that others wrote, made safe to print and to keep: an exception, a name, a line that a library logged.

A terminal obeys control characters, and some that turn the direction of text hide what follows. Half a surrogate pair has no
bytes in UTF-8, so one such message would take a whole report with it. And a message may be 30 MB long.
"""

from __future__ import annotations

import re

__all__ = ["both_ends", "said", "visible"]

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What is never printed as it is: control characters but tabs and line breaks, marks of direction, half surrogate pairs."""

LONGEST = 300
"""Characters of a message that are kept."""


def visible(text: str) -> str:
    """The text with what a terminal would obey, and what no file holds, written as Python writes it: `\\x1b`."""
    return OBEYED.sub(lambda found: _escape(ord(found[0])), text)


def both_ends(text: str, most: int = LONGEST) -> str:
    """A text of at most so many characters: libraries say what happened first, and why last."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {text[len(text) + 3 + most // 2 - most :]}"


def said(error: BaseException) -> str:
    """The first line of what an exception says, on a line that can be printed. An exception may be wrong itself."""
    try:
        text = str(error).strip()
    except Exception as second:
        return f"no message: its __str__ raised {type(second).__name__}"
    first = next(iter(both_ends(text, 10 * LONGEST).splitlines()), "") if text else ""
    return both_ends(visible(first.replace("\t", " "))) or "no message"


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
